"""A graded cohort made by hand, for the report: gradebook and records as grading leaves them, without its running anything.

Marks are drawn from a logistic model of ability and difficulty (Rasch, 1960, Probabilistic Models for Some Intelligence and
Attainment Tests), messages from those that the units' own checks give.
"""

import json
import math
import random
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nbgrader.api import Comment, Grade, SubmittedAssignment, SubmittedNotebook

from course.grading.cohort import Cohort
from course.grading.report.gather import gather_unit
from tests.conftest import ROOT

UNITS = ("01-what-is-data-science", "02-manipulating-data")
FIRST = ("Amina", "Ben", "Chloe", "Dev", "Ewan", "Farah", "Grace", "Hugh", "Isla", "Jamal", "Kirsty", "Liam", "Megan", "Olu")
LAST = ("Adeyemi", "Bailey", "Campbell", "Davies", "Evans", "Fraser", "Gill", "Iqbal", "Jones", "Khan", "Nowak", "Owen")
HOSTILE = "<script>document.title='hacked'</script>"
HOSTILE_MESSAGE = "You gave <img src=x onerror=\"document.title='hacked'\"> where a number is wanted."
DUE = datetime(2025, 11, 7, 17, 0)
LATE_BY = timedelta(days=2, hours=3)
GRADED_AT = datetime(2025, 11, 24, 10, 0, tzinfo=UTC)
FLAG = "Exercise 3: reached for the frames of the program that checks it."


def make_cohort(root: Path, trainees: int = 30, units: Sequence[str] = UNITS, seed: int = 1) -> Cohort:
    """A cohort in the folder `root`. The same arguments make the same cohort.

    Of the trainees, t05 hands in nothing, t06 only the first unit; t07 is late with the first and pays two marks, t08 had
    more time for it; t09 left out a lesson, t10's assessment is no notebook; t11 and t12 are flagged, and a mentor has given
    t12 marks; t13 has a hostile name and message; t14's last unit is collected and not graded; t15 was marked by hand and
    graded again; t16 and t17 answer nothing behind the second exercise. The first unit's written answers are marked, but
    for the last five; others await marking.
    """
    draw = random.Random(seed)
    cohort = Cohort(root)
    root.mkdir(parents=True, exist_ok=True)
    described = {"version": 1, "name": "autumn-2026", "eastmere_seed": None, "exchange": None}
    (root / "cohort.json").write_text(json.dumps(described), encoding="utf-8")
    for unit in units:
        shutil.copytree(ROOT / "notebooks" / unit, cohort.release / unit)
        shutil.copytree(ROOT / "solutions" / unit, cohort.source / unit)
    ids = [f"t{number:02}" for number in range(1, trainees + 1)]
    with cohort.gradebook() as gradebook:
        for id in ids:
            first, last = (HOSTILE, "=HYPERLINK(1)") if id == "t13" else (draw.choice(FIRST), draw.choice(LAST))
            gradebook.add_student(id, first_name=first, last_name=last)
        ability = {id: draw.gauss(1.7, 1.3) for id in ids}
        for number, name in enumerate(units):
            unit = gather_unit(cohort, name)
            assignment = gradebook.add_assignment(name, duedate=DUE + timedelta(days=14 * number), course_id=cohort.name)
            cells, answers = {}, {}
            for book in unit.notebooks:
                gradebook.add_notebook(book, name)
                for exercise in (exercise for exercise in unit.exercises if exercise.notebook == book):
                    kind = "markdown" if exercise.written else "code"
                    cells[book, exercise.cell] = gradebook.add_grade_cell(
                        exercise.cell, book, name, max_score=exercise.points, cell_type=kind
                    )
                    if exercise.written:
                        answers[book, exercise.cell] = gradebook.add_solution_cell(exercise.cell, book, name)
            difficulty = {exercise.key: draw.uniform(-2.2, 1.2) for exercise in unit.exercises}
            last = number == len(units) - 1
            for id in ids:
                if id == "t05" or (id == "t06" and number):
                    continue
                _hand_in(cohort, id, name)
                if id == "t14" and last:
                    continue
                _grade(gradebook, cohort, assignment, unit, cells, answers, id, ability[id], difficulty, draw, number)
        gradebook.db.commit()
    return cohort


def _hand_in(cohort: Cohort, trainee: str, unit: str) -> None:
    folder = cohort.submitted / trainee / unit
    folder.mkdir(parents=True)
    (folder / "timestamp.txt").write_text("2025-11-19 09:30:00 UTC", encoding="utf-8")


def _grade(gradebook, cohort, assignment, unit, cells, answers, id, ability, difficulty, draw, number) -> None:
    first = number == 0
    at = assignment.duedate - timedelta(minutes=draw.randrange(10, 6000))
    extension = timedelta(days=7) if first and id == "t08" else None
    if (first and id in ("t07", "t08")) or draw.random() < 0.08:
        at = assignment.duedate + LATE_BY
    submitted = SubmittedAssignment(
        student=gradebook.find_student(id), assignment=assignment, timestamp=at, extension=extension
    )
    gradebook.db.add(submitted)
    notebooks = {}
    for notebook in assignment.notebooks:
        book = SubmittedNotebook(notebook=notebook, assignment=submitted)
        gradebook.db.add(book)
        is_assessment = notebook.name.endswith("-assessment")
        exercises = [exercise for exercise in unit.exercises if exercise.notebook == notebook.name]
        status, why, flags = "graded", "", []
        if first and id == "t09" and notebook.name == next(iter(unit.notebooks)):
            status = "missing"
        if first and id == "t10" and is_assessment:
            status, why = "unreadable", "It is a Word document with another name."
        if first and id in ("t11", "t12") and is_assessment:
            flags = [FLAG]
        if first and id == "t07" and is_assessment:
            book.late_submission_penalty = 2.0
        checks, written = {}, {}
        gives_up = 2 if id in ("t16", "t17") else draw.choice([99, 99, 99, len(exercises) - 2])
        for place, exercise in enumerate(exercises):
            grade = Grade(cell=cells[notebook.name, exercise.cell], notebook=book, needs_manual_grade=False)
            gradebook.db.add(grade)
            answered = status == "graded" and place < gives_up
            drawn = draw.random() < 1 / (1 + math.exp(difficulty[exercise.key] - ability))
            if exercise.written:
                comment = Comment(cell=answers[notebook.name, exercise.cell], notebook=book)
                gradebook.db.add(comment)
                if not answered:
                    grade.auto_score = 0
                    comment.auto_comment = "No response." if status == "graded" else None
                elif first and id not in [f"t{n:02}" for n in range(26, 31)]:
                    grade.manual_score = float(min(exercise.points, max(0, round(exercise.points * draw.gauss(0.6, 0.2)))))
                else:
                    grade.needs_manual_grade = True
                if status == "graded":
                    written[exercise.cell] = {
                        "exercise": exercise.number,
                        "outcome": exercise.outcome,
                        "points": exercise.points,
                        "answered": answered,
                    }
                continue
            earned = exercise.points if answered and drawn else 0.0
            if answered and not drawn and exercise.points > 3 and draw.random() < 0.3:
                earned = 1.0
            told = "" if earned == exercise.points else _message(exercise, draw) if answered else "Not answered yet."
            if id == "t13" and told and answered:
                told = HOSTILE_MESSAGE
            grade.auto_score = earned
            if flags:
                grade.auto_score, grade.needs_manual_grade = None, True
                if id == "t12":
                    grade.manual_score, grade.needs_manual_grade = earned, False
            if first and id == "t15" and is_assessment and place == 0:
                grade.manual_score, grade.needs_manual_grade = 1.0, True
            if status == "graded":
                checks[exercise.cell] = {
                    "exercise": exercise.number,
                    "task": exercise.cell.removesuffix("-check"),
                    "outcome": exercise.outcome,
                    "points": exercise.points,
                    "earned": earned,
                    "told": told,
                    "answered": answered,
                }
        notebooks[notebook.name] = {
            "status": status,
            "why": why,
            "seconds": 1.0,
            "repairs": ["The cell `cards-check` stood twice: the copy was left out."]
            if id == "t18" and first and is_assessment
            else [],
            "flags": flags,
            "stopped": ["Exercise 4: stopped after 60 s."] if id == "t19" and first and is_assessment else [],
            "checks": checks,
            "written": written,
        }
    record = {
        "version": 1,
        "trainee": id,
        "unit": unit.name,
        "fingerprint": "0" * 64,
        "graded_at": GRADED_AT.isoformat(),
        "notebooks": notebooks,
    }
    path = cohort.records / unit.name / f"{id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record), encoding="utf-8")


def _message(exercise, draw: random.Random) -> str:
    """One of the messages of an exercise's check, the first ones more often, with something in the place of each gap."""
    message = exercise.messages[min(int(draw.expovariate(0.9)), len(exercise.messages) - 1)]
    return message.words.replace("…", str(draw.randrange(100)))
