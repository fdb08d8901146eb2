"""What came of a proof: each answer that was tried, by task and by unit."""

from dataclasses import dataclass, field
from pathlib import Path

from course.builder.problem import Problem
from course.builder.source import Exercise, Notebook, Unit
from course.proof.mutants import one_line


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

    def all(self, kind: str) -> list[Tried]:
        """What was tried of one kind on the course's own data."""
        return [one for task in self.tasks for one in task.of(kind)]

    @property
    def elsewhere(self) -> list[Tried]:
        return [one for task in self.tasks for one in task.elsewhere]

    @property
    def mutants(self) -> list[Tried]:
        return [one for task in self.tasks for one in task.mutants]

    @property
    def survivors(self) -> list[Tried]:
        return [one for task in self.tasks for one in task.survivors]

    @property
    def same(self) -> list[Tried]:
        return [one for task in self.tasks for one in task.same]

    @property
    def hidden(self) -> list[HiddenProof]:
        return [one for task in self.tasks for one in task.hidden]

    @property
    def killed_share(self) -> float:
        """Of the mutants that do not mean the same, the share that earns less than full marks; 1 where there are none."""
        return 1 - len(self.survivors) / len(self.mutants) if self.mutants else 1.0
