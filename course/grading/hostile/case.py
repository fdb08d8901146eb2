"""What a hostile notebook is: what its trainee hands in, and what must come of it."""

import copy
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from course.grading.results import Status

# What hostile code prints when it got what it came for.
TAKEN = "prey taken"
# What hostile code leaves behind wherever it can write: the name of a file begins with it.
LITTER = "pathway-litter"
# The environment variable that the sandbox sets.
MARKER = "PATHWAY_SANDBOX"
# The first lines of every cell that could hurt a machine: anywhere but in the sandbox it raises instead.
GUARD = f"""\
import os as _os
_first = open("/proc/1/comm").read() if _os.path.exists("/proc/1/comm") else ""
_known = _os.environ.get("{MARKER}") == "1" and _os.uname().nodename == "sandbox" and _os.getuid() == 65534
if not _known or _os.path.exists("/etc/passwd") or _os.path.exists("/boot") or not _first.startswith(("python", "bwrap")):
    raise RuntimeError("This cell could hurt the machine, and is not in the sandbox: it does nothing.")
"""
# Unit 01's assessment: answers that pass what a trainee can see, and deserve nothing.
GUESSED = {
    "cards": 'cards = {number: "data science" for number in range(1, 13)}',
    "in-all-three": "def in_all_three(circles, overlaps, in_none, staff):\n    return 1",
    "danger-zone-range": "def danger_zone_range(scores, threshold):\n    return 1, 2",
    "radii": 'def radii(people, largest):\n    return pd.Series({"computing": 5.0, "service": 10.0})',
    "most-alike": 'def most_alike(teams):\n    return "small", "tiny", 0.5',
    "kinds-and-first-tries": """\
kinds = dict.fromkeys("ABCDEF", "predictive")
first_try = dict.fromkeys("ABCDEF", "train a model")
""",
    "fill-posts": 'def fill_posts(skills, appointed, posts, level):\n    return ["first", "fourth"]',
}
ALL = 24.0  # marks for the checks of unit 01's assessment
BEFORE_STOP = 14.0  # of these, those for the exercises before `MIDDLE` and for its own
MIDDLE = "radii"
START = ""  # behind the notebook's first code cell, where its imports are


@dataclass(frozen=True)
class Prey:
    """What hostile code goes for on the mentor's machine: folders, and a port on which somebody listens.

    What is worth stealing holds `canary`, a hyphen and more: to know the beginning is not to have it.
    """

    cohort: str = "/nowhere/cohort"
    home: str = "/nowhere/home"
    checkout: str = "/nowhere/checkout"
    port: int = 9
    canary: str = "canary"

    def as_code(self) -> str:
        """The first lines of a cell that uses it."""
        return (
            f"COHORT, HOME, CHECKOUT = {self.cohort!r}, {self.home!r}, {self.checkout!r}\n"
            f"PORT, CANARY, LITTER = {self.port}, {self.canary!r}, {LITTER!r}\n"
            # In pieces: whoever prints the cell's own source has taken nothing.
            f"TAKEN = ' '.join({TAKEN.split()!r})\n"
        )


@dataclass(frozen=True)
class Link:
    """A symbolic link to hand in, and where it points."""

    target: str


@dataclass(frozen=True)
class Odd:
    """A file of another kind to hand in: "folder", "fifo", or "sparse", a file of `size` bytes without any in it."""

    kind: str
    size: int = 0


# File name -> what is handed in under it.
Handed = dict[str, bytes | Link | Odd]


@dataclass(frozen=True)
class Exam:
    """A notebook as released (JSON), its right answers (task id -> source), and what hostile code may go for."""

    name: str
    released: bytes
    answers: Mapping[str, str]
    prey: Prey = field(default_factory=Prey)

    @cached_property
    def _notebook(self) -> dict:
        return json.loads(self.released)

    @property
    def file(self) -> str:
        return f"{self.name}.ipynb"

    def notebook(self, answers: Mapping[str, str] | None = None, own: Sequence[tuple[str, str]] = ()) -> dict:
        """The notebook with `answers` (default: the right ones), and cells of the trainee's `own`: (where, source).

        `where` is the task behind whose check the cell stands, or `START`. A task without an answer stays as released.
        """
        notebook = copy.deepcopy(self._notebook)
        given = self.answers if answers is None else answers
        cells = []
        waiting = list(own)
        for cell in notebook["cells"]:
            task = cell["metadata"].get("task")
            if task in given:
                cell["source"] = cell["source"][:1] if isinstance(cell["source"], list) else []
                cell["source"] = [*cell["source"], given[task]]
            cells.append(cell)
            here = cell["metadata"].get("check", START if cell["cell_type"] == "code" else None)
            for where, source in [one for one in waiting if one[0] == here]:
                cells.append(code_cell(source, f"own-{len(cells)}"))
                waiting.remove((where, source))
        notebook["cells"] = cells
        return notebook

    def hand_in(self, answers: Mapping[str, str] | None = None, own: Sequence[tuple[str, str]] = ()) -> Handed:
        """The notebook of `notebook()` as the one file handed in."""
        return self.as_file(self.notebook(answers, own))

    def as_file(self, notebook: dict) -> Handed:
        return {self.file: json.dumps(notebook).encode()}


@dataclass(frozen=True)
class Hostile:
    """A notebook that means harm, or comes from somebody who does odd things; `name` serves as its trainee's id.

    `make(exam)` gives what is handed in for unit 01's assessment. What must come of it: its `status`; whether it is
    `flagged` (None: as the grader sees fit); whether a cell is `stopped` (None: likewise); and, unless its marks are
    withheld for the mentor to decide, marks for its checks from `least` to `most`.
    """

    name: str
    what: str
    make: Callable[[Exam], Handed]
    status: Status = Status.GRADED
    flagged: bool | None = None
    stopped: bool | None = False
    least: float = 0.0
    most: float = 0.0


def code_cell(source: str, name: str) -> dict:
    return {"cell_type": "code", "id": name, "metadata": {}, "execution_count": None, "outputs": [], "source": [source]}


def code(text: str) -> str:
    """Code written in a module as an indented block."""
    return textwrap.dedent(text).strip("\n") + "\n"


def meddles(name: str, what: str, source: str, *, where: str = MIDDLE, dangerous: bool = False, **expected) -> Hostile:
    """Right answers, and a cell of the trainee's own in the middle that does harm: all marks, unless something is said."""
    expected = {"least": ALL, "most": ALL} | expected
    return Hostile(name, what, lambda exam: exam.hand_in(own=[(where, _armed(exam, source, dangerous))]), **expected)


def cheats(name: str, what: str, source: str, *, where: str = START, dangerous: bool = False, **expected) -> Hostile:
    """Answers that deserve nothing, and a cell of the trainee's own at the start that should make them count."""
    return Hostile(name, what, lambda exam: exam.hand_in(GUESSED, [(where, _armed(exam, source, dangerous))]), **expected)


def answers_with(name: str, what: str, answers: Mapping[str, str], **expected) -> Hostile:
    """Answers that deserve nothing, some of them with a trick in them."""
    return Hostile(
        name, what, lambda exam: exam.hand_in({**GUESSED, **{t: code(a) for t, a in answers.items()}}), **expected
    )


def _armed(exam: Exam, source: str, dangerous: bool) -> str:
    return (GUARD if dangerous else "") + exam.prey.as_code() + code(source)
