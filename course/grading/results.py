"""What passes between the rooms of grading: a notebook to grade, and what came of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum


class Status(StrEnum):
    """What became of a notebook that a trainee was to hand in."""

    GRADED = "graded"
    MISSING = "missing"  # not handed in: its checks earn nothing
    UNREADABLE = "unreadable"  # handed in, and no notebook: its checks earn nothing, and the mentor is told why


@dataclass(frozen=True)
class Checked:
    """A check that was run: `earned` of `points`; `told` is what the trainee reads behind "Not yet", "" where all is right.

    `answered` says whether the answer's cell differs from the one that was released. `exercise` is its number, `task` and
    `outcome` are ids.
    """

    exercise: int
    task: str
    outcome: str
    points: float
    earned: float
    told: str = ""
    answered: bool = True


@dataclass(frozen=True)
class Written:
    """A written answer, which a mentor marks. `answered` is False where it is as released."""

    exercise: int
    outcome: str
    points: float
    answered: bool


@dataclass(frozen=True)
class GradedNotebook:
    """What came of one notebook.

    `text` is the autograded notebook (JSON), "" unless it was graded. `checks` and `written` are by grade_id. `repairs`,
    `flags` and `stopped` are sentences for the mentor. `seconds` is the wall time of its cells, `overhead` that of all else,
    `starting` that part of it which a new sandbox took.
    """

    name: str
    status: Status
    text: str = ""
    why: str = ""
    checks: dict[str, Checked] = field(default_factory=dict)
    written: dict[str, Written] = field(default_factory=dict)
    repairs: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    seconds: float = 0.0
    overhead: float = 0.0
    starting: float = 0.0


@dataclass(frozen=True)
class GradedSubmission:
    """What came of all that a trainee handed in for a unit; `fingerprint` is that of what it was made from."""

    trainee: str
    unit: str
    fingerprint: str
    notebooks: tuple[GradedNotebook, ...]
    graded_at: datetime = field(default_factory=lambda: datetime.now(UTC))
