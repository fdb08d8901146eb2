"""Reads a cohort for its report: marks from the gradebook, words from the records, exercises from the notebooks."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from course.grading.books import BooksError, read_record
from course.grading.cohort import Cohort, CohortError
from course.grading.report.book import Answer, Book, Exercise, Handed, Outcome, State, Trainee, Unit
from course.grading.report.messages import clean, messages_of
from course.grading.results import Status

ASSESSMENT = "-assessment"
HEADING = re.compile(r"^#+ Exercise (\d+): (.+)$", re.MULTILINE)
LONGEST_NAME = 80


def gather(cohort: Cohort, made_at: datetime | None = None) -> Book:
    """All that a report says about `cohort`, as it stands now. It only reads.

    Raises CohortError where there is no gradebook, or a unit's notebooks are not there.
    """
    from nbgrader.api import Assignment, BaseCell, Grade, Student, SubmittedAssignment, SubmittedNotebook

    from course.grading.joins import by_cell, by_notebook

    with cohort.reading() as session:
        trainees = tuple(
            Trainee(id, clean(first or "", LONGEST_NAME), clean(last or "", LONGEST_NAME))
            for id, first, last in session.execute(select(Student.id, Student.first_name, Student.last_name))
        )
        units = tuple(
            gather_unit(cohort, name, _aware(due))
            for name, due in session.execute(select(Assignment.name, Assignment.duedate).order_by(Assignment.name))
        )
        submissions = session.execute(
            select(
                SubmittedAssignment.student_id,
                Assignment.name,
                SubmittedAssignment.timestamp,
                SubmittedAssignment.extension,
                Assignment.duedate,
            ).join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
        ).all()
        penalty = SubmittedNotebook.late_submission_penalty
        penalties = session.execute(by_notebook(penalty).where(penalty > 0)).all()
        columns = Grade.auto_score, Grade.manual_score, Grade.score, Grade.needs_manual_grade
        grades = session.execute(by_cell(Grade, BaseCell, *columns)).all()
    trainees = tuple(sorted(trainees, key=lambda one: (one.last.casefold(), one.first.casefold(), one.id)))
    noted = {(trainee, unit): (at, _late(at, due, extension)) for trainee, unit, at, extension, due in submissions}
    handed, told = {}, {}
    for unit in units:
        for trainee in trainees:
            key = trainee.id, unit.name
            folder, record = cohort.submitted / trainee.id / unit.name, cohort.records / unit.name / f"{trainee.id}.json"
            at, late_s = noted.get(key, (None, 0.0))
            # The gradebook also has a line for who was given more time and has handed in nothing.
            if at or folder.is_dir() or record.is_file():
                found, words = _with_record(Handed(*key, _aware(at) or _timestamp(folder), late_s), record)
                handed[key] = found
                told |= {(*key, *cell): one for cell, one in words.items()}
    for trainee, unit, notebook, penalty in penalties:
        if (trainee, unit) in handed:
            handed[trainee, unit].penalties[notebook] = penalty
    exercises = {exercise.key: exercise for unit in units for exercise in unit.exercises}
    answers = tuple(
        _answer(handed[trainee, unit], exercises[unit, notebook, cell], told.get((trainee, unit, notebook, cell)), *grade)
        for trainee, unit, notebook, cell, *grade in grades
        if (unit, notebook, cell) in exercises and (trainee, unit) in handed and handed[trainee, unit].graded_at
    )
    extensions = {(trainee, unit): extension for trainee, unit, _, extension, _ in submissions if extension}
    return Book(clean(cohort.name), made_at or datetime.now(UTC), trainees, units, handed, extensions, answers)


def _aware(when: datetime | None) -> datetime | None:
    """A time of the gradebook, which is UTC and does not say so."""
    return when and when.replace(tzinfo=UTC)


def _late(at: datetime | None, due: datetime | None, extension: timedelta | None) -> float:
    """Seconds behind the date due, as nbgrader counts them: 0 where either time is unknown."""
    return max(0.0, (at - due - (extension or timedelta())).total_seconds()) if at and due else 0.0


def _timestamp(folder: Path) -> datetime | None:
    """When a submission that is not in the gradebook yet was handed in, where nbgrader wrote it down."""
    from nbgrader.utils import parse_utc

    try:
        return _aware(parse_utc((folder / "timestamp.txt").read_text(encoding="utf-8").strip()))
    except (OSError, ValueError):
        return None


def _with_record(handed: Handed, path: Path) -> tuple[Handed, dict[tuple[str, str], tuple[bool, str]]]:
    """What was handed in, with what grading found; and for each (notebook, cell) whether it was answered, and its words.

    Without a record, which grading writes last, or with one that cannot be read, it counts as not graded.
    """
    try:
        submission = read_record(path)
    except (BooksError, OSError):
        return handed, {}
    notebooks = submission.notebooks
    found = replace(
        handed,
        graded_at=submission.graded_at,
        status={notebook.name: notebook.status for notebook in notebooks},
        why={notebook.name: clean(notebook.why) for notebook in notebooks if notebook.why},
        **{
            kind: {one.name: tuple(map(clean, getattr(one, kind))) for one in notebooks if getattr(one, kind)}
            for kind in ("flags", "repairs", "stopped")
        },
    )
    checked = {
        (one.name, cell): (check.answered, clean(check.told)) for one in notebooks for cell, check in one.checks.items()
    }
    written = {(one.name, cell): (answer.answered, "") for one in notebooks for cell, answer in one.written.items()}
    return found, checked | written


def _answer(
    handed: Handed,
    exercise: Exercise,
    words: tuple[bool, str] | None,
    auto: float | None,
    manual: float | None,
    score: float,
    needs_mentor: bool,
) -> Answer:
    """An answer as the gradebook marks it and the record words it; a mentor's mark is worth more than a check's."""
    answered, told = words or (True, "")
    status = handed.status.get(exercise.notebook, Status.GRADED)
    mark = None if auto is None and manual is None else score
    if mark is None:
        withheld = exercise.notebook in handed.flags and not exercise.written
        state = State.WITHHELD if withheld else State.AWAITING
    elif status is not Status.GRADED and manual is None:
        state = State.MISSING if status is Status.MISSING else State.UNREADABLE
    elif not answered and mark <= 0:
        state = State.BLANK
    elif exercise.written:
        state = State.MARKED
    else:
        state = State.RIGHT if mark >= exercise.points else State.PARTLY if mark > 0 else State.WRONG
    told = told if state in (State.PARTLY, State.WRONG) else ""
    return Answer(handed.trainee, exercise, state, mark, told, again=manual is not None and needs_mentor)


def gather_unit(cohort: Cohort, name: str, due: datetime | None = None) -> Unit:
    """A unit as it was released: what the notebooks' own metadata say of outcomes and exercises."""
    books = {path.stem: _read(path) for path in sorted((cohort.release / name).glob("*.ipynb"))}
    if not books:
        raise CohortError(f"Unit {name} is in the gradebook, and no notebook in {cohort.release / name}: release it again.")
    order = _in_order({book: read["metadata"].get("needs", []) for book, read in books.items()})
    outcomes = {
        id: Outcome(name, id, outcome["can"], tuple(outcome["codes"]))
        for book in order
        for id, outcome in books[book]["metadata"].get("outcomes", {}).items()
    }
    exercises = [found for book in order for found in _exercises(cohort, name, book, books[book])]
    titles = {book: books[book]["metadata"].get("title", book) for book in order}
    return Unit(name, titles, outcomes, tuple(exercises), due)


def _in_order(needs: dict[str, list[str]]) -> list[str]:
    """Notebooks (name -> names that it needs) in the order in which they are taught, what counts for marks last."""
    order: list[str] = []
    left = sorted(needs, key=lambda name: (name.endswith(ASSESSMENT), name))
    while left:
        ready = next((name for name in left if not set(needs[name]) & set(left)), left[0])
        left.remove(ready)
        order.append(ready)
    return order


def _exercises(cohort: Cohort, unit: str, book: str, notebook: dict) -> Iterator[Exercise]:
    titles = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            titles |= {int(number): title.strip() for number, title in HEADING.findall(_source(cell))}
    source = cohort.source / unit / f"{book}.ipynb"
    cells = {_id(cell): cell for cell in _read(source)["cells"]} if source.is_file() else {}
    for cell in notebook["cells"]:
        marked = cell["metadata"].get("nbgrader", {})
        if not marked.get("grade"):
            continue
        number = cell["metadata"].get("exercise", 0)
        written = bool(marked.get("solution"))
        check = cells.get(marked["grade_id"], cell)
        yield Exercise(
            unit=unit,
            notebook=book,
            cell=marked["grade_id"],
            number=number,
            title=titles.get(number, ""),
            outcome=cell["metadata"].get("outcome", ""),
            points=float(marked["points"]),
            written=written,
            counts=book.endswith(ASSESSMENT),
            messages=() if written else messages_of(_source(check)),
        )


def _read(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CohortError(f"{path} cannot be read ({error}): release the unit again.") from None


def _source(cell: dict) -> str:
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


def _id(cell: dict) -> str:
    return cell["metadata"].get("nbgrader", {}).get("grade_id", "")
