"""What a mentor is to do now, from what was found."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from course.grading.report.book import Answer, Book, Exercise, State, Unit
from course.grading.report.statistics import ExerciseFigures, Stuck, by_exercise, stuck

# An exercise that fewer than this share have right is one to go over with everybody; of fewer people than this it is chance.
HARD = 0.5
FEWEST_FOR_HARD = 5


@dataclass(frozen=True)
class Found:
    """Something about one trainee's notebook: a flag to decide about, what was repaired or stopped, why it is unreadable."""

    trainee: str
    unit: Unit
    notebook: str
    reasons: tuple[str, ...]
    is_decided: bool = False


@dataclass(frozen=True)
class Absent:
    """Who has not handed in a unit, split by whether it is past the day on which it was due from them."""

    unit: Unit
    overdue: tuple[str, ...]
    not_due: tuple[str, ...]


class Todo:
    """What there is to do for a mentor of the cohort in `book`, list by list; an empty list is nothing to do."""

    def __init__(self, book: Book):
        self.book = book

    @cached_property
    def ungraded(self) -> list[tuple[Unit, list[str]]]:
        """Units with trainees of whom a submission is there that was not graded, or not to the end."""
        return self._of_units(lambda handed: handed.graded_at is None)

    def _of_units(self, wanted) -> list[tuple[Unit, list[str]]]:
        found = []
        for unit in self.book.units:
            who = [t for t in self.book.people if (handed := self.book.handed.get((t, unit.name))) and wanted(handed)]
            if who:
                found.append((unit, who))
        return found

    @cached_property
    def flags(self) -> list[Found]:
        """All flags, those that await a decision first."""
        found = self._found("flags")
        return sorted(found, key=lambda one: one.is_decided)

    @cached_property
    def undecided(self) -> list[Found]:
        return [one for one in self.flags if not one.is_decided]

    @cached_property
    def unreadable(self) -> list[Found]:
        return self._found("why")

    @cached_property
    def repairs(self) -> list[Found]:
        return self._found("repairs")

    @cached_property
    def stopped(self) -> list[Found]:
        return self._found("stopped")

    def _found(self, kind: str) -> list[Found]:
        found = []
        for unit in self.book.units:
            for trainee in self.book.people:
                handed = self.book.handed.get((trainee, unit.name))
                for notebook, reasons in getattr(handed, kind, {}).items():
                    exercises = [exercise for exercise in unit.exercises if exercise.notebook == notebook]
                    answers = self.book.answers_of(trainee, exercises)
                    is_decided = not any(answer.state == State.WITHHELD for answer in answers)
                    reasons = (reasons,) if isinstance(reasons, str) else reasons
                    found.append(Found(trainee, unit, notebook, reasons, is_decided))
        return found

    @cached_property
    def to_mark(self) -> list[tuple[Exercise, list[str]]]:
        """Exercises with the trainees whose answers await a mentor's mark."""
        return self._answers(lambda answer: answer.state == State.AWAITING)

    @cached_property
    def again(self) -> list[tuple[Exercise, list[str]]]:
        """Exercises with the trainees whose answers a mentor marked before they were graded again."""
        return self._answers(lambda answer: answer.again)

    def _answers(self, wanted) -> list[tuple[Exercise, list[str]]]:
        found: dict[Exercise, list[Answer]] = defaultdict(list)
        for unit in self.book.units:
            for exercise in unit.exercises:
                answers = self.book.by_exercise.get(exercise.key, {})
                if who := [trainee for trainee in self.book.people if trainee in answers and wanted(answers[trainee])]:
                    found[exercise] = who
        return list(found.items())

    @cached_property
    def absent(self) -> list[Absent]:
        found = []
        for unit in self.book.units:
            who = [trainee for trainee in self.book.people if (trainee, unit.name) not in self.book.handed]
            overdue = tuple(trainee for trainee in who if self.is_overdue(trainee, unit))
            if who:
                found.append(Absent(unit, overdue, tuple(trainee for trainee in who if trainee not in overdue)))
        return found

    def is_overdue(self, trainee: str, unit: Unit) -> bool:
        """Whether a trainee's own date is past. Where no date was set, whoever has not handed in is behind."""
        extension = self.book.extensions.get((trainee, unit.name))
        return unit.due is None or self.book.made_at > (unit.due + extension if extension else unit.due)

    @cached_property
    def chase(self) -> list[Absent]:
        """Units with somebody who should have handed in by now."""
        return [absent for absent in self.absent if absent.overdue]

    @cached_property
    def incomplete(self) -> list[tuple[Unit, list[str]]]:
        """Units with trainees who left a notebook out."""
        return self._of_units(lambda handed: "missing" in handed.status.values())

    @cached_property
    def stuck(self) -> list[Stuck]:
        return stuck(self.book)

    @cached_property
    def stuck_at(self) -> list[tuple[Exercise, list[Stuck]]]:
        """Exercises with who is stuck from there on."""
        return [(first, list(rows)) for first, rows in groupby(self.stuck, lambda row: row.first)]

    @cached_property
    def talk_to(self) -> list[Stuck]:
        """Who is stuck in the latest unit of theirs that was graded, the longest rows first: those to talk to now."""
        latest = {}
        for unit in self.book.units:
            for trainee in self.book.people:
                if (handed := self.book.handed.get((trainee, unit.name))) and handed.graded_at:
                    latest[trainee] = unit.name
        return sorted(
            (row for row in self.stuck if latest[row.trainee] == row.first.unit),
            key=lambda row: (-len(row.answers), row.trainee),
        )

    @cached_property
    def figures(self) -> dict[str, list[ExerciseFigures]]:
        """Unit -> the figures of its exercises, in order."""
        return {unit.name: by_exercise(self.book, unit.exercises) for unit in self.book.units}

    @cached_property
    def hard(self) -> list[ExerciseFigures]:
        """Exercises to go over with everybody: those that fewest have right, hardest first."""
        found = [
            one
            for unit in self.figures.values()
            for one in unit
            if one.right.whole >= FEWEST_FOR_HARD and one.right.share < HARD
        ]
        return sorted(found, key=lambda one: one.right.share)
