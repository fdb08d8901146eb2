"""The report's pages. What is to be seen is worked out in the other modules; order and words stand in templates/."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from statistics import median
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from course.grading.report import charts, codes, statistics
from course.grading.report.book import Answer, Book, Exercise, Handed, Marks, Outcome, State, Unit
from course.grading.report.statistics import Discrimination, Evidence, Share, evidence
from course.grading.report.todo import FEWEST_FOR_HARD, HARD, Todo

TEMPLATES = Path(__file__).parent / "templates"
MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True)
class Shown:
    """An outcome on a trainee's own page: the answers that are evidence of it, assessed ones apart from practice."""

    outcome: Outcome
    assessed: list[Answer]
    practice: list[Answer]
    evidence: Evidence | None

    @property
    def result(self) -> str:
        """Whether it is shown, in words."""
        if not self.evidence:
            return "practised" if any(answer.state == State.RIGHT for answer in self.practice) else "no evidence yet"
        if self.evidence.is_shown is None:
            return "to be decided"
        found = "shown" if self.evidence.is_shown else "not shown yet"
        return f"{found}, so far" if self.evidence.open else found


class Pages:
    """Makes the pages of one cohort, as found in `book`."""

    def __init__(self, book: Book):
        self.book = book
        self.todo = Todo(book)

    @cached_property
    def _templates(self) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,  # names and messages come from trainees
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        filters = (number, percent, day, moment, period, worded, signed, codes.about)
        environment.filters |= {function.__name__: function for function in filters}
        environment.globals |= {"State": State, "count": count, "page_of": page_of, "anchor": anchor, "book": self.book}
        environment.globals |= {"state_of": self.state_of, "SHOWN": statistics.SHOWN}
        environment.globals |= {"STANDARD": codes.STANDARD, "CAVEAT": codes.CAVEAT}
        return environment

    def cohort(self) -> str:
        """The page of the whole cohort, a whole HTML document."""
        units = [(unit, *self._counts(unit)) for unit in self.book.units]
        outcomes = {unit.name: statistics.by_outcome(self.book, unit) for unit in self.book.units}
        return self._templates.get_template("cohort.html.j2").render(
            todo=self.todo,
            units=units,
            handed_in=charts.handed_in(self.book, units) if units else None,
            outcomes=outcomes,
            outcome_charts={unit.name: charts.outcomes(unit, outcomes[unit.name]) for unit in self.book.units},
            codes=statistics.by_code(self.book),
            exercise_charts={unit.name: self._exercise_chart(unit) for unit in self.book.units},
            median_marks=self._median_marks,
            median_practice=self._median_practice,
            verdict=verdict,
            interval=interval,
            STUCK_IN_A_ROW=statistics.STUCK_IN_A_ROW,
            FEWEST=statistics.FEWEST_FOR_DISCRIMINATION,
            HARD=HARD,
            FEWEST_FOR_HARD=FEWEST_FOR_HARD,
        )

    def trainee(self, id: str) -> str:
        """A trainee's own page: it says nothing about any other. Raises KeyError for who is not of the cohort."""
        trainee = self.book.people[id]
        units = [unit for unit in self.book.units if (id, unit.name) in self.book.handed]
        shown = {unit.name: self._shown(id, unit) for unit in units}
        by_code: dict[str, list[tuple[Unit, Shown]]] = {}
        for unit in units:
            for one in shown[unit.name]:
                for code in one.outcome.codes:
                    by_code.setdefault(code, []).append((unit, one))
        return self._templates.get_template("trainee.html.j2").render(
            trainee=trainee,
            units=units,
            shown=shown,
            codes=[(code, by_code[code]) for code in sorted(by_code, key=statistics.code_order)],
            again={unit.name: self._again(id, unit) for unit in units},
        )

    def state_of(self, trainee: str, unit: Unit) -> tuple[Handed | None, Marks | None, tuple[int, int] | None]:
        """What a trainee handed in for a unit, the marks, and how much practice is right."""
        handed = self.book.handed.get((trainee, unit.name))
        return handed, self.book.marks(trainee, unit), self.book.practice(trainee, unit)

    def _shown(self, trainee: str, unit: Unit) -> list[Shown]:
        found = []
        for outcome in unit.outcomes.values():
            assessed = [exercise for exercise in unit.assessed if exercise.outcome == outcome.id]
            practice = [exercise for exercise in unit.practice if exercise.outcome == outcome.id]
            answers = self.book.answers_of(trainee, assessed), self.book.answers_of(trainee, practice)
            found.append(Shown(outcome, *answers, evidence(self.book, trainee, assessed)))
        return found

    def _again(self, trainee: str, unit: Unit) -> list[tuple[str, list[Answer], list[Answer]]]:
        """Notebooks of a unit with what is not right in them, and what is not answered; without those that have neither."""
        found = []
        for notebook in unit.notebooks:
            answers = self.book.answers_of(trainee, [one for one in unit.exercises if one.notebook == notebook])
            wrong = [answer for answer in answers if answer.state in (State.WRONG, State.PARTLY)]
            blank = [answer for answer in answers if answer.state == State.BLANK]
            if wrong or blank:
                found.append((notebook, wrong, blank))
        return found

    def _counts(self, unit: Unit) -> tuple[int, int, int]:
        """How many handed a unit in on time, late and not at all."""
        handed = [self.book.handed.get((trainee, unit.name)) for trainee in self.book.people]
        late = sum(bool(one and one.late_s) for one in handed)
        return sum(one is not None for one in handed) - late, late, handed.count(None)

    def _exercise_chart(self, unit: Unit) -> charts.Chart | None:
        figures = [one for one in self.todo.figures[unit.name] if not one.exercise.written]
        assessed = [one for one in figures if one.exercise.counts]
        return charts.exercises(unit, assessed or figures, "assessed" if assessed else "practice")

    def _median_marks(self, unit: Unit) -> tuple[float, int] | None:
        """The median of the marks that are final, as a share of what is possible, and how many there are."""
        marks = [self.book.marks(trainee, unit) for trainee in self.book.people]
        return _median(one.earned / one.possible for one in marks if one and one.is_final and one.possible)

    def _median_practice(self, unit: Unit) -> tuple[float, int] | None:
        practice = [self.book.practice(trainee, unit) for trainee in self.book.people]
        return _median(right / whole for right, whole in filter(None, practice))


def _median(values: Iterable[float]) -> tuple[float, int] | None:
    values = list(values)
    return (median(values), len(values)) if values else None


def page_of(trainee: str) -> str:
    """The address of a trainee's page, seen from the cohort's."""
    return f"trainees/{quote(file_name(trainee))}"


def file_name(trainee: str) -> str:
    """The name of a trainee's page: the id, with what a file's name should not hold written as %XX."""
    return quote(trainee, safe=" @+,()!'&=~") + ".html"


def anchor(exercise: Exercise) -> str:
    """Where an exercise stands on the cohort's page."""
    return f"{exercise.unit}-{exercise.notebook}-{exercise.cell}"


def count(number: int, one: str, many: str | None = None) -> str:
    """Such as "1 trainee" and "2 trainees"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def number(value: float) -> str:
    """A mark, without needless digits: 4, 2.5."""
    return f"{round(value, 2):g}"


def percent(value: float | Share) -> str:
    """Such as 67%."""
    return charts.percent(value) if isinstance(value, Share) else f"{value:.0%}"


def interval(share: Share) -> str:
    """A share's 95% interval, such as 48 to 81%."""
    low, high = share.interval
    return f"{100 * low:.0f} to {high:.0%}"


def verdict(found: Discrimination) -> str:
    """What a discrimination says, in a word or two, and of how many."""
    if found.r is None:
        word = found.why
    elif found.high < 0:
        word = "negative: look at the check"
    elif found.low <= 0:
        word = "may be chance"
    else:
        word = "weak" if found.r < 0.2 else "fair" if found.r < 0.4 else "good"
    return f"{word} (n = {found.n})"


def signed(value: float) -> str:
    """A correlation with two decimals, and a minus sign that is one."""
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "\N{MINUS SIGN}")


def worded(text: str) -> Markup:
    """A message with what stands between backticks as code, and everything else as text."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one that has no partner
        return escape(text)
    return Markup("").join(Markup("<code>{}</code>").format(part) if n % 2 else escape(part) for n, part in enumerate(parts))


def day(when: datetime) -> str:
    """Such as 24 November 2026, where this machine is."""
    return f"{(local := when.astimezone()).day} {local:%B %Y}"


def moment(when: datetime) -> str:
    """Such as 24 November 2026, 10:00 GMT, where this machine is."""
    return f"{day(when)}, {when.astimezone():%H:%M %Z}"


def period(seconds: float) -> str:
    """How long, in the largest unit that fits: 2 days, 3 hours, 5 minutes."""
    for size, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= size:
            return count(int(seconds // size), name)
    return "under a minute"
