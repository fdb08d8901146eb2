"""Marks out of the gradebook: a table with a row a question, and how far each unit is."""

import csv
import io
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from nbgrader.api import Assignment, Comment, Grade, Gradebook, GradeCell, SolutionCell, Student, SubmittedNotebook
from nbgrader.plugins import ExportPlugin

from course.checks import CHECK_CELL
from course.grading.books import circumstances, data_fingerprint, fingerprint, is_done
from course.grading.cohort import Cohort
from course.grading.joins import by_cell
from course.grading.settings import settings_of
from course.grading.template import TemplateError, templates

MARKS = "marks.csv"
ASSESSMENT = "-assessment"  # ends the name of a notebook that counts; every other is practice
COLUMNS = (
    "trainee",
    "first_name",
    "last_name",
    "email",
    "unit",
    "notebook",
    "counts_as",
    "exercise",
    "question",
    "outcome",
    "kind",
    "mark",
    "out_of",
    "status",
    "notebook_penalty",
    "comment",
)
NO_MARK = {"mark": "", "notebook_penalty": "", "comment": ""}


class MarksPerQuestion(ExportPlugin):
    """CSV (UTF-8, as Excel reads it): a row for each question of each trainee, also of those who handed in nothing.

    `mark` is empty where there is none yet: `status` is then "not handed in", "not graded" or "to be marked"; "look again"
    is what was marked by hand and has been graded anew since. `counts_as` is marks or practice: sum them apart.
    `notebook_penalty` is nbgrader's for late work, and goes off the sum of that notebook's marks.
    """

    def export(self, gradebook: Gradebook) -> None:
        place = Path(self.to or MARKS)
        self.log.info("Exporting marks to %s", place)
        text = io.StringIO()
        table = csv.DictWriter(text, COLUMNS)
        table.writeheader()
        cohort = Cohort(Path(self.config.CourseDirectory.root))
        self.rows = rows(cohort, gradebook, set(map(str, self.assignment)), set(map(str, self.student)))
        table.writerows(self.rows)
        aside = place.with_name(f"{place.name}.new")
        aside.touch(mode=0o600)  # marks are personal, wherever they are written
        aside.write_text(text.getvalue(), encoding="utf-8-sig", newline="")
        os.replace(aside, place)


def export(cohort: Cohort, place: Path) -> int:
    """Write all marks of the cohort into the file `place`; returns how many rows. Raises OSError where it cannot."""
    plugin = MarksPerQuestion(config=settings_of(cohort))
    plugin.to = str(place)
    with cohort.gradebook() as gradebook:
        plugin.export(gradebook)
    return len(plugin.rows)


def rows(
    cohort: Cohort, gradebook: Gradebook, units: set[str] = frozenset(), trainees: set[str] = frozenset()
) -> list[dict[str, str | float]]:
    """COLUMNS for each trainee and question, by trainee, then in the order of the notebooks; all, unless some are named."""
    marks = _marks(gradebook)
    questions = [
        {"unit": unit, "notebook": notebook, **question}
        for unit in cohort.units()
        if unit in units or not units
        for notebook in cohort.notebooks(unit)
        for question in _questions(cohort.release / unit / f"{notebook}.ipynb")
    ]
    handed_in = {unit: set(cohort.handed_in(unit)) for unit in cohort.units()}
    people = gradebook.db.query(Student).order_by(Student.id).all()
    made = []
    for person in people:
        if trainees and person.id not in trainees:
            continue
        who = {
            "trainee": person.id,
            "first_name": person.first_name or "",
            "last_name": person.last_name or "",
            "email": person.email or "",
        }
        for question in questions:
            unit, notebook = question["unit"], question["notebook"]
            mark = marks.get((person.id, unit, notebook, question["question"]))
            if person.id not in handed_in[unit]:
                mark = {**NO_MARK, "status": "not handed in"}
            elif mark is None or not (cohort.autograded / person.id / unit).is_dir():
                mark = {**NO_MARK, "status": "not graded"}
            made.append({**who, **question, **mark})
    return made


def _questions(notebook: Path) -> list[dict[str, str | float]]:
    """What is graded in a released notebook, in its order."""
    found = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        graded = cell["metadata"].get("nbgrader", {})
        if graded.get("grade"):
            found.append(
                {
                    "counts_as": "marks" if notebook.stem.endswith(ASSESSMENT) else "practice",
                    "exercise": cell["metadata"].get("exercise", ""),
                    "question": graded["grade_id"],
                    "outcome": cell["metadata"].get("outcome", ""),
                    "kind": "written" if graded.get("solution") else "check",
                    "out_of": graded["points"],
                }
            )
    return found


def _marks(gradebook: Gradebook) -> dict[tuple[str, str, str, str], dict[str, str | float]]:
    """(trainee, unit, notebook, question) -> mark, status, penalty and comment."""
    # nbgrader keeps a comment with the answer's cell, and a mark with the check's; of a written answer they are one.
    said = gradebook.db.execute(by_cell(Comment, SolutionCell, Comment.comment))
    comments = {tuple(key): comment for *key, comment in said}
    columns = Grade.score, Grade.auto_score, Grade.manual_score, Grade.needs_manual_grade
    columns += (SubmittedNotebook.late_submission_penalty,)
    marks = {}
    for *place, cell, score, automatic, manual, waits, penalty in gradebook.db.execute(by_cell(Grade, GradeCell, *columns)):
        has_mark = manual is not None or (automatic is not None and not waits)
        marks[(*place, cell)] = {
            "mark": score if has_mark else "",
            "status": ("look again" if has_mark else "to be marked") if waits else "",
            "notebook_penalty": penalty or "",
            "comment": comments.get((*place, cell.removesuffix(CHECK_CELL))) or "",
        }
    return marks


# ------------------------------------------------------------------------------------------------ how far each unit is


@dataclass(frozen=True)
class UnitStatus:
    """How far a unit is, in trainees: `due` is in UTC (None without a date), `to_grade` those whom grading would grade now,
    `to_mark` those with answers that wait for the mentor, `flagged` those of them whose marks are withheld.
    """

    unit: str
    due: datetime | None
    trainees: int
    collected: int
    graded: int
    to_grade: int
    to_mark: int
    flagged: int
    feedback: int

    @property
    def next(self) -> str:
        """What to do next for this unit."""
        number = self.unit[:2]
        if self.to_grade:
            return f"pathway grade {number}"
        if self.to_mark:
            return f"pathway mentor, to mark unit {number} by hand"
        if self.feedback < self.graded:
            return f"pathway feedback {number}"
        if self.collected < self.trainees:
            return f"pathway collect {number}"
        return ""


def as_dict(one: UnitStatus) -> dict[str, str | int | None]:
    """For JSON."""
    return {**asdict(one), "due": one.due and one.due.isoformat(), "next": one.next}


def status(cohort: Cohort) -> list[UnitStatus]:
    """How far each released unit is."""
    trainees = cohort.trainees()
    with cohort.gradebook() as gradebook:
        marks = _marks(gradebook)
        due = dict(gradebook.db.query(Assignment.name, Assignment.duedate).all())
        data = data_fingerprint(cohort.data)
        to_grade = {unit: _to_grade(cohort, gradebook, unit, set(cohort.handed_in(unit)), data) for unit in cohort.units()}
    waiting: dict[str, set[str]] = {}
    for (trainee, unit, *_), mark in marks.items():
        if mark["status"]:
            waiting.setdefault(unit, set()).add(trainee)
    found = []
    for unit in cohort.units():
        collected, graded = set(cohort.handed_in(unit)), _graded(cohort, unit)
        to_mark = waiting.get(unit, set()) & graded.keys() & collected
        found.append(
            UnitStatus(
                unit=unit,
                due=due.get(unit) and due[unit].replace(tzinfo=UTC),
                trainees=len(trainees),
                collected=len(collected),
                graded=len(graded),
                to_grade=to_grade[unit],
                to_mark=len(to_mark),
                flagged=sum(is_flagged for one, is_flagged in graded.items() if one in to_mark),
                feedback=len([*cohort.feedback.glob(f"*/{unit}")]),
            )
        )
    return found


def _graded(cohort: Cohort, unit: str) -> dict[str, bool]:
    """Trainee -> whether flagged, of all that were graded."""
    graded = dict.fromkeys((folder.parent.name for folder in cohort.autograded.glob(f"*/{unit}")), False)
    for record in (cohort.records / unit).glob("*.json"):
        notebooks = json.loads(record.read_text(encoding="utf-8"))["notebooks"]
        graded[record.stem] = any(notebook["flags"] for notebook in notebooks.values())
    return graded


def _to_grade(cohort: Cohort, gradebook: Gradebook, unit: str, collected: set[str], data: str) -> int:
    """How many submissions `pathway grade` would grade: not graded yet, handed in anew, or by checks that changed since."""
    try:
        known = templates(cohort.release, unit, gradebook)
    except TemplateError:  # to be released again, which grading says
        return len(collected)
    around = circumstances(gradebook, unit, data)
    return sum(
        not is_done(cohort, trainee, unit, fingerprint(cohort.submitted / trainee / unit, known, around(trainee)))
        for trainee in collected
    )
