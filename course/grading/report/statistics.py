"""What the answers of a cohort show, with how sure one can be of it."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from math import atanh, sqrt, tanh

from course.grading.report.book import Answer, Book, Exercise, Outcome, State, Unit
from course.grading.report.messages import commonest

# A correlation of fewer pairs is mostly chance: with 20, one of 0.4 may be anything from 0 to 0.7.
FEWEST_FOR_DISCRIMINATION = 20
# An outcome is shown by who has this share of the marks of its assessed exercises.
SHOWN = 0.5
# So many exercises one after another that are wrong or not answered: stuck.
STUCK_IN_A_ROW = 3
NORMAL_95 = 1.959964
JUDGED = frozenset({State.RIGHT, State.PARTLY, State.WRONG, State.BLANK})


@dataclass(frozen=True)
class Share:
    """`part` of `whole`, which are counts of people."""

    part: int
    whole: int

    @property
    def share(self) -> float:
        """0 to 1; ZeroDivisionError of nobody."""
        return self.part / self.whole

    @cached_property
    def interval(self) -> tuple[float, float]:
        """95% interval of the share in people like these, by Wilson's score method.

        Source: Wilson (1927), Probable inference, the law of succession, and statistical inference, Journal of the American
        Statistical Association 22, 209-212; it holds for small samples and for shares near 0 and 1.
        """
        from scipy.stats import binomtest

        found = binomtest(self.part, self.whole).proportion_ci(confidence_level=0.95, method="wilson")
        return found.low, found.high


@dataclass(frozen=True)
class Discrimination:
    """How far an exercise parts the strong from the weak: a correlation `r` over `n` trainees, and its 95% interval.

    `r` is None, and `why` says why, where nothing can be said.
    """

    n: int
    r: float | None = None
    low: float = 0.0
    high: float = 0.0
    why: str = ""


def discrimination(marks: Sequence[float], rest: Sequence[float]) -> Discrimination:
    """Item-rest correlation: of the marks for an exercise with those for the others of the notebook, one pair a trainee.

    Where the exercise is right or wrong this is the point-biserial correlation, corrected: the exercise is left out of the
    total that it is held against. Near 0, who does well elsewhere does no better here; below 0, worse: the check, not the
    trainees, may be wrong. Under `FEWEST_FOR_DISCRIMINATION` pairs nothing is said. The interval is Fisher's.

    Source: Crocker and Algina (1986), Introduction to Classical and Modern Test Theory, chapter 14; interval: Fisher (1921),
    On the probable error of a coefficient of correlation deduced from a small sample, Metron 1, 3-32.
    """
    import numpy as np

    n = len(marks)
    if n < FEWEST_FOR_DISCRIMINATION:
        return Discrimination(n, why="too few to say")
    if len(set(marks)) == 1:
        return Discrimination(n, why="all earned the same")
    if len(set(rest)) == 1:
        return Discrimination(n, why="all earned the same elsewhere")
    r = float(np.corrcoef(marks, rest)[0, 1])
    if abs(r) > 1 - 1e-9:
        return Discrimination(n, r, r, r)
    margin = NORMAL_95 / sqrt(n - 3)
    return Discrimination(n, r, tanh(atanh(r) - margin), tanh(atanh(r) + margin))


@dataclass(frozen=True)
class ExerciseFigures:
    """How a cohort did in an exercise.

    `right` is of those whose notebook was graded and is not withheld; so are `partly`, `wrong` and `blank`. A written answer
    has `mean` instead, of the `marked` ones. `told` is the commonest message and how many earned it.
    """

    exercise: Exercise
    right: Share
    partly: int
    wrong: int
    blank: int
    withheld: int
    awaiting: int
    marked: int
    mean: float | None
    discrimination: Discrimination
    told: tuple[str, int] | None


def by_exercise(book: Book, exercises: Sequence[Exercise]) -> list[ExerciseFigures]:
    """The figures of some exercises, in their order. Of a notebook, all exercises have to be among them, or none."""
    checks = defaultdict(list)
    for exercise in exercises:
        if not exercise.written:
            checks[exercise.unit, exercise.notebook].append(exercise)
    totals = {
        where: {
            trainee: sum(answer.mark for answer in answers)
            for trainee in book.people
            if (answers := book.answers_of(trainee, group)) and all(answer.state in JUDGED for answer in answers)
        }
        for where, group in checks.items()
    }
    return [_figures(book, exercise, totals.get((exercise.unit, exercise.notebook), {})) for exercise in exercises]


def _figures(book: Book, exercise: Exercise, totals: dict[str, float]) -> ExerciseFigures:
    answers = book.by_exercise.get(exercise.key, {})
    count = {state: sum(answer.state == state for answer in answers.values()) for state in State}
    if exercise.written:
        pairs = []
    else:
        pairs = [(answers[trainee].mark, total - answers[trainee].mark) for trainee, total in totals.items()]
    marks = [answer.mark for answer in answers.values() if answer.state == State.MARKED]
    return ExerciseFigures(
        exercise=exercise,
        right=Share(count[State.RIGHT], 0 if exercise.written else sum(count[state] for state in JUDGED)),
        partly=count[State.PARTLY],
        wrong=count[State.WRONG],
        blank=count[State.BLANK],
        withheld=count[State.WITHHELD],
        awaiting=count[State.AWAITING],
        marked=len(marks),
        mean=sum(marks) / len(marks) if marks else None,
        discrimination=discrimination(*(zip(*pairs, strict=True) if pairs else ((), ()))),
        told=commonest((answer.told for answer in answers.values()), exercise.messages),
    )


@dataclass(frozen=True)
class Evidence:
    """What one trainee's assessed answers show of an outcome or a code: `earned` of `decided` points, `open` undecided."""

    earned: float
    decided: float
    open: float

    @property
    def is_shown(self) -> bool | None:
        """Whether it is shown, as far as decided; None where nothing is."""
        return self.earned >= SHOWN * self.decided if self.decided else None


def evidence(book: Book, trainee: str, exercises: Sequence[Exercise]) -> Evidence | None:
    """What a trainee's answers to some assessed exercises show; None where no notebook with them was handed in and graded.

    A penalty for lateness takes nothing from what was shown.
    """
    answers = [a for a in book.answers_of(trainee, exercises) if a.state not in (State.MISSING, State.UNREADABLE)]
    if not answers:
        return None
    decided = [answer for answer in answers if answer.mark is not None]
    return Evidence(
        earned=sum(answer.mark for answer in decided),
        decided=sum(answer.exercise.points for answer in decided),
        open=sum(answer.exercise.points for answer in answers if answer.mark is None),
    )


@dataclass(frozen=True)
class OutcomeFigures:
    """How many have shown something: an outcome of a unit, or a code with the outcomes that are evidence for it.

    `lacking` are those who have not, of whom it is known; `undecided` counts those of whom some marks are open.
    """

    name: str
    codes: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    exercises: tuple[Exercise, ...]
    shown: Share
    lacking: tuple[str, ...]
    undecided: int


def by_outcome(book: Book, unit: Unit) -> list[OutcomeFigures]:
    """A unit's outcomes, in the order of its notebooks."""
    return [
        _shown(book, outcome.can, outcome.codes, [outcome], [e for e in unit.assessed if e.outcome == outcome.id])
        for outcome in unit.outcomes.values()
    ]


def by_code(book: Book) -> list[OutcomeFigures]:
    """The apprenticeship's codes over all units: knowledge, skills, behaviours, each by its number."""
    outcomes, exercises = defaultdict(list), defaultdict(list)
    for unit in book.units:
        for outcome in unit.outcomes.values():
            for code in outcome.codes:
                outcomes[code].append(outcome)
                exercises[code] += [exercise for exercise in unit.assessed if exercise.outcome == outcome.id]
    return [_shown(book, code, (code,), outcomes[code], exercises[code]) for code in sorted(outcomes, key=code_order)]


def code_order(code: str) -> tuple:
    """K before S before B, as the standard has them, and each by its number."""
    found = re.fullmatch(r"([A-Z])(\d+)", code)
    return ("KSB".find(found[1]), int(found[2]), code) if found else (9, 0, code)


def _shown(book: Book, name: str, codes: Sequence[str], outcomes: Sequence[Outcome], exercises: Sequence[Exercise]):
    found = {trainee: evidence(book, trainee, exercises) for trainee in book.people}
    known = {trainee: one.is_shown for trainee, one in found.items() if one and one.decided}
    return OutcomeFigures(
        name=name,
        codes=tuple(codes),
        outcomes=tuple(outcomes),
        exercises=tuple(exercises),
        shown=Share(sum(known.values()), len(known)),
        lacking=tuple(trainee for trainee, is_shown in known.items() if not is_shown),
        undecided=sum(bool(one and one.open) for one in found.values()),
    )


@dataclass(frozen=True)
class Stuck:
    """A trainee who has `answers`, one after another, wrong or not answered: from the first of them on."""

    trainee: str
    answers: tuple[Answer, ...]

    @property
    def first(self) -> Exercise:
        return self.answers[0].exercise

    @property
    def last(self) -> Exercise:
        return self.answers[-1].exercise

    @property
    def blank(self) -> int:
        return sum(answer.state == State.BLANK for answer in self.answers)


def stuck(book: Book) -> list[Stuck]:
    """Who is stuck where: `STUCK_IN_A_ROW` or more exercises of a notebook in a row that are wrong or not answered.

    Written ones are not counted. Of each trainee and unit the longest row; units in order, and where most are stuck first.
    """
    found = []
    for unit in book.units:
        checks = [exercise for exercise in unit.exercises if not exercise.written]
        of_unit = [row for trainee in book.people if (row := max(_rows(book, trainee, checks), key=_length, default=None))]
        heads = [row.first.key for row in of_unit]
        order = {exercise.key: number for number, exercise in enumerate(checks)}
        found += sorted(of_unit, key=lambda row: (-heads.count(row.first.key), order[row.first.key], -len(row.answers)))
    return found


def _length(row: Stuck) -> int:
    return len(row.answers)


def _rows(book: Book, trainee: str, exercises: Sequence[Exercise]) -> Iterator[Stuck]:
    answers: Iterable[Answer] = book.answers_of(trainee, exercises)
    for (_, is_behind), row in groupby(answers, lambda a: (a.exercise.notebook, a.state in (State.WRONG, State.BLANK))):
        row = tuple(row)
        if is_behind and len(row) >= STUCK_IN_A_ROW:
            yield Stuck(trainee, row)
