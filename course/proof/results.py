"""What came of a proof: each answer that was tried, by task and by unit."""

from dataclasses import dataclass, field
from pathlib import Path

from course.builder.problem import Problem
from course.builder.source import Exercise, Notebook, Unit
from course.text import one_line


@dataclass(frozen=True)
class Answer:
    """An answer to a task that is to be tried.

    `kind` is "model", "blank" (nothing answered), "right", "wrong", "mutant", or "hard-coded" (it knows the cases of the
    visible check and nothing else). `name` says why it is right, what the misconception is, or what the slip changed.
    `due` is what it should earn, None for a mutant, which should earn less than all; `hears` should be in its message.
    `path` and `line` are where its author finds it. `same_because` is the bank's reason why a mutant means the same as the
    model answer.
    """

    kind: str
    name: str
    source: str
    path: Path
    line: int
    due: int | None = None
    hears: str = ""
    same_because: str | None = None


@dataclass(frozen=True)
class Tried:
    """What came of an answer: it earned `earned` of `points`, and the trainee was `told` this behind "Not yet".

    `told` is "" where all is right. `eastmere` is the seed of another Eastmere on which it was tried, None for the course's
    own data.
    """

    answer: Answer
    earned: float
    points: int
    told: str
    eastmere: int | None = None

    @property
    def is_full(self) -> bool:
        return self.earned == self.points

    @property
    def is_fair(self) -> bool:
        """Whether it earned what it should."""
        if self.answer.due is None:
            return self.is_full == (self.answer.same_because is not None)
        return self.earned == self.answer.due

    @property
    def is_heard(self) -> bool:
        """Whether the message holds the bank's words. Line breaks do not count."""
        return one_line(self.answer.hears) in one_line(self.told)


@dataclass(frozen=True)
class HiddenProof:
    """A hidden check, where it stands, and the misconceptions of the bank that would go unnoticed without it."""

    source: str
    path: Path
    line: int
    needed_by: tuple[str, ...]


@dataclass
class TaskProof:
    """All that was tried of one task. `stub` is the cell as the trainee gets it."""

    notebook: Notebook
    exercise: Exercise
    stub: str
    tried: list[Tried] = field(default_factory=list)
    hidden: list[HiddenProof] = field(default_factory=list)

    def of(self, kind: str) -> list[Tried]:
        """What was tried of one kind on the course's own data."""
        return [one for one in self.tried if one.answer.kind == kind and one.eastmere is None]

    @property
    def elsewhere(self) -> list[Tried]:
        """What was tried on other Eastmeres."""
        return [one for one in self.tried if one.eastmere is not None]

    @property
    def mutants(self) -> list[Tried]:
        """The mutants that do not mean the same as the model answer."""
        return [one for one in self.of("mutant") if one.answer.same_because is None]

    @property
    def same(self) -> list[Tried]:
        """The mutants that mean the same, as the bank says."""
        return [one for one in self.of("mutant") if one.answer.same_because is not None]

    @property
    def survivors(self) -> list[Tried]:
        """The mutants that the check does not notice."""
        return [one for one in self.mutants if one.is_full]


@dataclass(frozen=True)
class Share:
    """How many of how many are as they should be."""

    part: int
    whole: int

    def __str__(self) -> str:
        return f"{self.part} of {self.whole}"

    @property
    def is_all(self) -> bool:
        return self.part == self.whole

    @property
    def percent(self) -> int:
        """Rounded, and 100 only where all are."""
        return 100 if self.is_all else min(99, round(100 * self.part / self.whole))


@dataclass(frozen=True)
class Counts:
    """What came of some tasks, in numbers: of how many, how many are as they should be."""

    tasks: tuple[TaskProof, ...]

    def tried(self, *kinds: str) -> list[Tried]:
        return [one for task in self.tasks for kind in kinds for one in task.of(kind)]

    def fair(self, *kinds: str) -> Share:
        """Of the answers of these kinds, those that earn what they should."""
        tried = self.tried(*kinds)
        return Share(sum(one.is_fair for one in tried), len(tried))

    @property
    def heard(self) -> Share:
        """Of the wrong answers, those to which is said what their author asked for."""
        tried = self.tried("wrong")
        return Share(sum(one.is_heard for one in tried), len(tried))

    @property
    def noticed(self) -> Share:
        """Of the slips that change the answer's meaning, those that do not earn full marks."""
        whole = sum(len(task.mutants) for task in self.tasks)
        return Share(whole - sum(len(task.survivors) for task in self.tasks), whole)

    @property
    def same(self) -> int:
        return sum(len(task.same) for task in self.tasks)

    @property
    def hidden(self) -> Share:
        """Of the hidden checks, those that a wrong answer needs."""
        found = [one for task in self.tasks for one in task.hidden]
        return Share(sum(bool(one.needed_by) for one in found), len(found))

    @property
    def elsewhere(self) -> Share:
        """Of what was tried on other Eastmeres, what earned and was told what it should."""
        found = [one for task in self.tasks for one in task.elsewhere]
        return Share(sum(one.is_fair and one.is_heard for one in found), len(found))

    @property
    def has_partial_credit(self) -> bool:
        return any(0 < one.earned < one.points for task in self.tasks for one in task.tried)


@dataclass
class UnitProof:
    """All that was tried of a unit's tasks, what falls short of the standard, and the wall time in seconds."""

    unit: Unit
    tasks: list[TaskProof]
    seconds: float
    eastmeres: tuple[int, ...]
    problems: list[Problem] = field(default_factory=list)

    @property
    def is_fair(self) -> bool:
        return not self.problems

    @property
    def counts(self) -> Counts:
        return Counts(tuple(self.tasks))

    @property
    def survivors(self) -> list[Tried]:
        """The mutants that no check notices."""
        return [one for task in self.tasks for one in task.survivors]
