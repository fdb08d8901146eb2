"""What check cells use: `expect`, which tells a trainee what is right and what is not yet."""

import textwrap

WIDTH = 88


class NotYet(AssertionError):
    """An answer that is not right yet. Jupyter shows its message alone, without a traceback."""

    def __init__(self, message: str, right: list[str]):
        super().__init__(message)
        self.right = right

    def _render_traceback_(self) -> list[str]:
        return [*_lines(self.right), _wrapped("Not yet: ", str(self))]


class Expect:
    """Compares an answer with what was asked, one condition at a time, and says what it found.

    >>> expect(0 <= share <= 1, "A share lies between 0 and 1.", right="a share, between 0 and 1")

    Conditions are tried in the order of the check. The first that does not hold ends the check: what was right before it
    is shown, then the message.
    """

    def __init__(self):
        self._right: list[str] = []
        self._watched = None

    def __call__(self, condition, message: str, right: str | None = None) -> None:
        """Raise `NotYet` with `message` unless `condition` holds; otherwise remember `right`, what has been shown right.

        `condition` is a bool. A comparison that gives many values (a column where one number was wanted) or none (a
        missing value) does not hold, and the message says so.
        """
        self._start_anew_in_each_cell()
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

    def _start_anew_in_each_cell(self) -> None:
        """Forget what earlier cells showed: each cell is a check of its own."""
        try:
            shell = get_ipython()  # noqa: F821, a builtin inside IPython
        except NameError:
            return
        if shell is not self._watched:
            shell.events.register("pre_execute", self._forget)
            self._watched = shell

    def _forget(self) -> None:
        self._right = []


def _lines(right: list[str]) -> list[str]:
    return [_wrapped("Right: ", text) for text in right]


def _wrapped(label: str, text: str) -> str:
    return textwrap.fill(label + " ".join(text.split()), WIDTH, subsequent_indent=" " * len(label))


expect = Expect()
