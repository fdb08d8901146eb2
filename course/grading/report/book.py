"""What a report is made from: who, which units, what was handed in, and what became of each answer."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property

from course.grading.report.messages import Message
from course.grading.results import Status


@dataclass(frozen=True)
class Trainee:
    """A trainee of the cohort: nbgrader's student id, and the names of the roster, "" where it has none."""

    id: str
    first: str = ""
    last: str = ""

    @property
    def name(self) -> str:
        """How a mentor calls this trainee: by name, by id where the roster has no name."""
        return f"{self.first} {self.last}".strip() or self.id


@dataclass(frozen=True)
class Outcome:
    """What a trainee can do after a unit, `can`, with the codes of the apprenticeship standard it is evidence for."""

    unit: str
    id: str
    can: str
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Exercise:
    """An exercise that is marked: by a check, or by a mentor where it is `written`.

    `cell` is the grade_id of what carries the mark. `counts` says whether it is of an assessment; all else is practice.
    `messages` are what its check may say.
    """

    unit: str
    notebook: str
    cell: str
    number: int
    title: str
    outcome: str
    points: float
    written: bool
    counts: bool
    messages: tuple[Message, ...] = field(default=(), repr=False, compare=False)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.unit, self.notebook, self.cell

    @property
    def label(self) -> str:
        """Such as "Exercise 3: how many in the danger zone?"."""
        return f"Exercise {self.number}: {self.title}" if self.title else f"Exercise {self.number}"


@dataclass(frozen=True)
class Unit:
    """A released unit: notebooks (name -> title) in the order in which they are taught, exercises in that order.

    `due` is when it is to be handed in, None where that was not set.
    """

    name: str
    notebooks: dict[str, str]
    outcomes: dict[str, Outcome]
    exercises: tuple[Exercise, ...]
    due: datetime | None = None

    @property
    def number(self) -> str:
        return self.name.partition("-")[0]

    @property
    def label(self) -> str:
        """Such as "Unit 01"; the folder's name where that has no number."""
        return f"Unit {self.number}" if self.number.isdigit() else self.name

    @cached_property
    def assessed(self) -> tuple[Exercise, ...]:
        return tuple(exercise for exercise in self.exercises if exercise.counts)

    @cached_property
    def practice(self) -> tuple[Exercise, ...]:
        return tuple(exercise for exercise in self.exercises if not exercise.counts)


class State(StrEnum):
    """What became of one trainee's answer to one exercise."""

    RIGHT = "right"
    PARTLY = "partly right"
    WRONG = "wrong"
    BLANK = "not answered"
    MARKED = "marked"  # a written answer that a mentor has marked
    AWAITING = "awaits marking"
    WITHHELD = "withheld"  # until the mentor has decided about a flag
    MISSING = "notebook not handed in"
    UNREADABLE = "notebook unreadable"


DECIDED = frozenset({State.RIGHT, State.PARTLY, State.WRONG, State.BLANK, State.MARKED})


@dataclass(frozen=True)
class Answer:
    """A trainee's answer: its `mark` (None until it is decided), and `told`, the message that it earned.

    `again` says that a mentor had marked it and it was graded anew since, so that it wants another look.
    """

    trainee: str
    exercise: Exercise
    state: State
    mark: float | None
    told: str = ""
    again: bool = False

    @property
    def is_decided(self) -> bool:
        return self.state in DECIDED


@dataclass(frozen=True)
class Handed:
    """What a trainee handed in for a unit, and what grading found, notebook by notebook.

    `at` is None where nbgrader did not write it down. `late_s` are seconds behind the date due, extensions counted.
    `penalties` are marks that nbgrader takes off. Reasons (`why`), `flags`, `repairs` and `stopped` are sentences.
    `graded_at` is None until it was graded.
    """

    trainee: str
    unit: str
    at: datetime | None = None
    late_s: float = 0.0
    graded_at: datetime | None = None
    status: dict[str, Status] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    flags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    repairs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    stopped: dict[str, tuple[str, ...]] = field(default_factory=dict)
    penalties: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Marks:
    """A trainee's marks for some exercises: `earned` of `decided`, once penalties are off, and what is not decided yet.

    `possible` is the most there is; `awaiting` and `withheld` are the points of answers that await a mentor.
    """

    earned: float
    decided: float
    possible: float
    awaiting: float = 0.0
    withheld: float = 0.0
    penalty: float = 0.0

    @property
    def is_final(self) -> bool:
        return not self.awaiting and not self.withheld


@dataclass(frozen=True)
class Book:
    """All that a report says, as found: nothing in it is worked out but marks."""

    name: str
    made_at: datetime
    trainees: tuple[Trainee, ...]
    units: tuple[Unit, ...]
    handed: dict[tuple[str, str], Handed]  # (trainee, unit), of what was handed in
    extensions: dict[tuple[str, str], timedelta]  # (trainee, unit), of those who may hand in later than the others
    answers: tuple[Answer, ...]

    @cached_property
    def people(self) -> dict[str, Trainee]:
        return {trainee.id: trainee for trainee in self.trainees}

    @cached_property
    def by_exercise(self) -> dict[tuple[str, str, str], dict[str, Answer]]:
        """Exercise's key -> trainee -> answer."""
        found = defaultdict(dict)
        for answer in self.answers:
            found[answer.exercise.key][answer.trainee] = answer
        return dict(found)

    def answers_of(self, trainee: str, exercises: Sequence[Exercise]) -> list[Answer]:
        """A trainee's answers to some exercises, in their order; none to those of units that were not graded."""
        found = (self.by_exercise.get(exercise.key, {}).get(trainee) for exercise in exercises)
        return [answer for answer in found if answer is not None]

    def marks(self, trainee: str, unit: Unit) -> Marks | None:
        """A trainee's marks for a unit's assessment; None where the unit has none, or it was not handed in or graded.

        As nbgrader has it, a penalty for lateness comes off the marks, which end at 0.
        """
        answers = self.answers_of(trainee, unit.assessed)
        if not answers:
            return None
        handed = self.handed[trainee, unit.name]
        points = defaultdict(float)
        for answer in answers:
            points[answer.state if answer.mark is None else "decided"] += answer.exercise.points
        penalty = sum(handed.penalties.get(name, 0.0) for name in {exercise.notebook for exercise in unit.assessed})
        return Marks(
            earned=max(0.0, sum(answer.mark or 0.0 for answer in answers) - penalty),
            decided=points["decided"],
            possible=sum(answer.exercise.points for answer in answers),
            awaiting=points[State.AWAITING],
            withheld=points[State.WITHHELD],
            penalty=penalty,
        )

    def practice(self, trainee: str, unit: Unit) -> tuple[int, int] | None:
        """How many of a unit's practice exercises a trainee has right, and of how many; None where none was graded."""
        answers = self.answers_of(trainee, unit.practice)
        return (sum(answer.state == State.RIGHT for answer in answers), len(answers)) if answers else None
