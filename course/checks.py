"""What check cells use: `expect`, which tells a trainee what is right and what is not yet; and what a chart shows."""

import contextlib
import importlib
import linecache
import re
import textwrap
from types import TracebackType

from course.figures import what_is_missing  # noqa: F401

WIDTH = 88
# The first lines of answers and checks, written by the build.
ANSWER = "# Exercise {number}: your answer"
CHECK = "# Exercise {number}: run this cell to check your answer"
# The id of a check's cell is that of its answer's cell, and this.
CHECK_CELL = "-check"
# What the message of a check that does not pass begins with.
NOT_YET = "Not yet: "
NOT_ANSWERED = (
    "Not answered yet. In the cell above, put your answer in the place of the last two lines, and run it. "
    "(Is the line with raise still there?)"
)
ENDED_IN_ERROR = (
    "The cell with your answer ended in an error, so there is nothing new to check. "
    "Read the last line of its red box, mend the answer and run it again."
)
# What course.chart_checks offers, imported from here: not before a check of a chart asks, as Matplotlib is slow to import.
CHART_CHECKS = (
    "area_grows_with",
    "areas_of",
    "axes_of",
    "axis_is_linear",
    "bars_lie_down",
    "bars_of",
    "bars_start_at_zero",
    "bins_of",
    "can_be_told_apart",
    "colours_of",
    "colours_of_areas",
    "contrast",
    "gaps_stand_out",
    "groups_of",
    "has_key",
    "has_legend",
    "has_one_y_axis",
    "intervals_of",
    "kind_of",
    "label_of_x",
    "label_of_y",
    "labelled_directly",
    "length_label",
    "lightness",
    "lines_of",
    "names_on",
    "panels_of",
    "points_of",
    "runs_light_to_dark",
    "says_what_is_counted",
    "share_in_view",
    "title_of",
    "weakest_contrast",
)


class NotYet(AssertionError):
    """An answer that is not right yet. Jupyter shows its message alone, without a traceback."""

    def __init__(self, message: str, right: list[str]):
        super().__init__(message)
        self.right = right

    def _render_traceback_(self) -> list[str]:
        return [*_lines(self.right), _wrapped(NOT_YET, str(self))]


class Expect:
    """Compares an answer with what was asked, one condition at a time, and says what it found.

    >>> expect(0 <= share <= 1, "A share lies between 0 and 1.", right="a share, between 0 and 1")

    Conditions are tried in the order of the check. The first that does not hold ends the check: what was right before it
    is shown, then the message.
    """

    def __init__(self):
        self._right: list[str] = []
        self._check: int | str | None = None  # the exercise whose check is running: its answer's cell, or its number
        self._errors: dict[int | str, BaseException] = {}  # exercises whose answer, when last run, ended in an error

    def __call__(self, condition, message: str, right: str | None = None) -> None:
        """Raise `NotYet` with `message` unless `condition` holds; otherwise remember `right`, what has been shown right.

        `condition` is a bool. A comparison that gives many values (a column where one number was wanted) or none (a
        missing value) does not hold, and the message says so.
        """
        self._look_at_the_answers_own_error()
        try:
            holds = bool(condition)
        except (ValueError, TypeError):
            holds = False
            kind = type(condition).__name__
            message += f" (Your answer gives a {kind} here, where one value is wanted.)"
        if not holds:
            raise NotYet(message, self._right)
        if right:
            self._right.append(right)

    def done(self, ending: str) -> None:
        """Print what the check has shown to be right, then `ending`. The build puts this line at the end of each check."""
        print(self.summary(ending))

    def summary(self, ending: str) -> str:
        """What the check has shown to be right, then `ending`."""
        return "\n".join([*_lines(self._right), _wrapped("", ending)])

    def watch(self, shell) -> None:
        """Follow an IPython `shell`: start anew in each cell, and say in words what stops a check."""
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._end)
        shell.set_custom_exc((Exception,), self._tell)
        self._right, self._check, self._errors = [], None, {}

    def _begin(self, info) -> None:
        self._right, self._check = [], _number(CHECK, info.raw_cell)
        cell = info.cell_id or ""
        if self._check is not None and cell.endswith(CHECK_CELL):
            self._check = cell.removesuffix(CHECK_CELL)

    def _end(self, result) -> None:
        # A cell is known by its id even when its first line was deleted with the rest; not every front end has ids.
        for answer in {result.info.cell_id, _number(ANSWER, result.info.raw_cell)} - {None}:
            self._errors.pop(answer, None)
            if not result.success:
                self._errors[answer] = result.error_before_exec or result.error_in_exec

    def _look_at_the_answers_own_error(self) -> None:
        """Do not judge what an earlier try left behind: an answer that ended in an error is told of that error."""
        error = self._errors.get(self._check)
        if error is not None:
            raise NotYet(_of_the_answers_own(error), [])

    def _tell(self, shell, kind: type[Exception], error: Exception, trace: TracebackType, tb_offset: int | None = None):
        """Show an error as IPython does, but one that stops a check as a message alone; IPython's own exception handler."""
        in_check = _is_in_check(trace)
        if isinstance(error, SyntaxError) and not in_check:  # of a cell that was not even begun
            shell.showindentationerror() if isinstance(error, IndentationError) else shell.showsyntaxerror()
        elif isinstance(error, NotYet) or not in_check:
            shell.showtraceback((kind, error, trace), running_compiled_code=True)
        else:
            shell._showtraceback(kind, error, self.in_words(error, trace))

    def in_words(self, error: BaseException, trace: TracebackType | None) -> list[str]:
        """The lines to show for an error that stopped a check: what was right before it, then what is not yet."""
        if isinstance(error, NotYet):
            return error._render_traceback_()
        own = self._errors.get(self._check)
        words = _in_words(error, _lines_of_cells(trace)) if own is None else _of_the_answers_own(own)
        return [*_lines(self._right), _wrapped(NOT_YET, words)]

    def begin(self, answers_own_error: BaseException | None = None) -> None:
        """Start a check that no shell announces; `answers_own_error` is what the answer's cell ended in."""
        self._right, self._check = [], ""
        self._errors = {} if answers_own_error is None else {"": answers_own_error}


def _number(first_line: str, source: str) -> int | None:
    """The number of the exercise in a cell that begins with `first_line` (ANSWER or CHECK); None for any other cell."""
    before, after = first_line.split("{number}")
    found = re.match(rf"\s*{re.escape(before)}(\d+){re.escape(after)}", source or "")
    return int(found[1]) if found else None


def _of_the_answers_own(error: BaseException) -> str:
    return NOT_ANSWERED if isinstance(error, NotImplementedError) else ENDED_IN_ERROR


def _is_in_check(trace: TracebackType | None) -> bool:
    """Whether a check was running when an error was raised."""
    return any(_number(CHECK, linecache.getline(name, 1)) is not None for name, _ in _places(trace))


def _lines_of_cells(trace: TracebackType | None) -> list[str]:
    """The lines of code that led to an error, from that of the check to that in the answer."""
    # Lines of libraries are no help: only those of cells, which IPython keeps under names of its own.
    in_cells = [(name, line) for name, line in _places(trace) if "ipykernel_" in name or name.startswith("<ipython-input")]
    return [linecache.getline(name, line).strip() for name, line in in_cells]


def _places(trace: TracebackType | None) -> list[tuple[str, int]]:
    """File and line of each frame that led to an error."""
    places = []
    while trace:
        places.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    return places


def _in_words(error: Exception, lines: list[str]) -> str:
    """What stopped a check, for the trainee who answered."""
    if isinstance(error, NotImplementedError):
        return NOT_ANSWERED
    if isinstance(error, NameError) and len(lines) == 1:
        return f"There is no {error.name} yet. Run the cell with your answer first, and keep the name that it asks for."
    said = f"{type(error).__name__}: {error}".rstrip(": .") + "."
    if "truth value of a" in said:  # what pandas and NumPy say when a column is asked to be one True or False
        said = "`if`, `and` and `or` decide once, and a column holds many answers: compare and combine whole columns."
    if len(lines) == 1:
        return f"What your answer gives cannot be checked, because it is of another kind than asked for. {said}"
    return f"Your answer stops with an error in the line `{lines[-1]}`. {said}"


def _lines(right: list[str]) -> list[str]:
    return [_wrapped("Right: ", text) for text in right]


def _wrapped(label: str, text: str) -> str:
    return textwrap.fill(label + " ".join(text.split()), WIDTH, subsequent_indent=" " * len(label))


expect = Expect()
with contextlib.suppress(NameError):  # there is no get_ipython in a plain Python
    expect.watch(get_ipython())  # noqa: F821


def __getattr__(name: str):
    """The checks of charts, from their own module: `from course.checks import bars_of`."""
    if name not in CHART_CHECKS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("course.chart_checks"), name)
