"""What check cells use: `expect`, which tells a trainee what is right and what is not yet; and what a chart shows."""

import contextlib
import linecache
import re
import textwrap
from types import TracebackType

WIDTH = 88
# The first lines of answers and checks, written by the build.
ANSWER = "# Exercise {number}: your answer"
CHECK = "# Exercise {number}: run this cell to check your answer"
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
NOT_COUNTED = {"", "axis", "bar", "count", "length", "name", "number", "region", "total", "value", "x axis", "y axis"}


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
        self._check: int | None = None  # the number of the exercise whose check is running
        self._errors: dict[int, BaseException] = {}  # exercises whose answer, when last run, ended in an error

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
        print("\n".join([*_lines(self._right), _wrapped("", ending)]))

    def watch(self, shell) -> None:
        """Follow an IPython `shell`: start anew in each cell, and say in words what stops a check."""
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._end)
        shell.set_custom_exc((Exception,), self._tell)
        self._right, self._check, self._errors = [], None, {}

    def _begin(self, info) -> None:
        self._right, self._check = [], _number(CHECK, info.raw_cell)

    def _end(self, result) -> None:
        answered = _number(ANSWER, result.info.raw_cell)
        if answered is not None:
            self._errors.pop(answered, None)
            if not result.success:
                self._errors[answered] = result.error_before_exec or result.error_in_exec

    def _look_at_the_answers_own_error(self) -> None:
        """Do not judge what an earlier try left behind: an answer that ended in an error is told of that error."""
        error = self._errors.get(self._check)
        if error is not None:
            raise NotYet(_of_the_answers_own(error), [])

    def _tell(self, shell, kind: type[Exception], error: Exception, trace: TracebackType, tb_offset: int | None = None):
        """Show an error as IPython does, but one that stops a check as a message alone; IPython's own exception handler."""
        lines = _lines_from_check(trace)
        if isinstance(error, SyntaxError) and not lines:  # of a cell that was not even begun
            shell.showindentationerror() if isinstance(error, IndentationError) else shell.showsyntaxerror()
            return
        if isinstance(error, NotYet) or not lines:
            shell.showtraceback((kind, error, trace), running_compiled_code=True)
            return
        own = self._errors.get(self._check)
        words = _in_words(error, lines) if own is None else _of_the_answers_own(own)
        shell._showtraceback(kind, error, [*_lines(self._right), _wrapped(NOT_YET, words)])


def _number(first_line: str, source: str) -> int | None:
    """The number of the exercise in a cell that begins with `first_line` (ANSWER or CHECK); None for any other cell."""
    before, after = first_line.split("{number}")
    found = re.match(rf"\s*{re.escape(before)}(\d+){re.escape(after)}", source or "")
    return int(found[1]) if found else None


def _of_the_answers_own(error: BaseException) -> str:
    return NOT_ANSWERED if isinstance(error, NotImplementedError) else ENDED_IN_ERROR


def _lines_from_check(trace: TracebackType | None) -> list[str]:
    """The lines of code that led to an error, from that of a check to that in the answer; none where no check was run."""
    lines = []
    while trace:
        name = trace.tb_frame.f_code.co_filename
        in_check = bool(lines) or _number(CHECK, linecache.getline(name, 1)) is not None
        # Lines of libraries are no help: only those of cells, which IPython keeps under names of its own.
        if in_check and ("ipykernel_" in name or name.startswith("<ipython-input")):
            lines.append(linecache.getline(name, trace.tb_lineno).strip())
        trace = trace.tb_next
    return lines


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


def bars_of(ax) -> dict[str, float]:
    """The bars on the Axes `ax` as a reader meets them, from the top down or from left to right: name -> length.

    A bar's name is the tick label at its middle, "" where there is none. Without bars the dictionary is empty. Bars stacked
    or grouped under one name add up.
    """
    found = []
    for bars, sideways in _bar_containers(ax):
        ticks = _tick_names(ax.yaxis if sideways else ax.xaxis)
        for bar in bars:
            middle = bar.get_y() + bar.get_height() / 2 if sideways else bar.get_x() + bar.get_width() / 2
            # Where the middle is drawn: an axis may run either way.
            along = ax.transData.transform((0, middle) if sideways else (middle, 0))
            length = bar.get_width() if sideways else bar.get_height()
            found.append((-along[1] if sideways else along[0], ticks.get(round(middle, 6), ""), float(length)))
    lengths: dict[str, float] = {}
    for _, name, length in sorted(found, key=lambda bar: bar[0]):
        lengths[name] = lengths.get(name, 0.0) + length
    return lengths


def bars_start_at_zero(ax) -> bool:
    """Whether every bar on the Axes `ax` is drawn from zero, and zero is in view: else a bar's length misleads."""
    for bars, sideways in _bar_containers(ax):
        low, high = sorted(ax.get_xlim() if sideways else ax.get_ylim())
        if not low <= 0 <= high or any((bar.get_x() if sideways else bar.get_y()) != 0 for bar in bars):
            return False
    return True


def bars_lie_down(ax) -> bool:
    """Whether the bars on the Axes `ax` run sideways, so that long names can be read."""
    return all(sideways for _, sideways in _bar_containers(ax))


def length_label(ax) -> str:
    """What the Axes `ax` says that the length of its bars means: the label of the axis along which they run."""
    return (ax.get_xlabel() if bars_lie_down(ax) else ax.get_ylabel()).strip()


def says_what_is_counted(label: str) -> bool:
    """Whether an axis label can be what the length of a bar counts: not empty, an axis' letter or a word for any number.

    Nor what the bars are named after: "region" says which bar, not how long.
    """
    word = label.strip().lower()
    return len(word) > 1 and not {word, word.removesuffix("s")} & NOT_COUNTED


def _bar_containers(ax) -> list[tuple]:
    """Each set of bars on `ax`, and whether it runs sideways."""
    # Not before a check of a chart asks for it: it is slow to import.
    from matplotlib.container import BarContainer

    return [(bars, bars.orientation == "horizontal") for bars in ax.containers if isinstance(bars, BarContainer)]


def _tick_names(axis) -> dict[float, str]:
    """Position -> the label of the tick there."""
    labels = [label.get_text() for label in axis.get_ticklabels()]
    return {round(float(position), 6): text for position, text in zip(axis.get_ticklocs(), labels, strict=False)}
