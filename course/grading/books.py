"""Enters what came of grading a submission: nbgrader's gradebook, the autograded folder, and the record of it."""

import hashlib
import html
import json
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    Notebook,
    SolutionCell,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
    new_uuid,
)
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import find_all_files, parse_utc
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from course.grading.results import Checked, GradedNotebook, GradedSubmission, Status, Written
from course.grading.template import Template

if TYPE_CHECKING:
    from course.grading.cohort import Cohort

VERSION = 1  # of the records
NO_RESPONSE = "No response."  # nbgrader's own comment
WITHHELD = "The marks of this notebook's checks are withheld until a mentor has looked at it."
PATIENCE = 120.0  # seconds to wait for others who write in the gradebook
COMMENTED = (SolutionCell.__name__, TaskCell.__name__)  # the types of cells that have a comment
BUSY = 10.0  # seconds that SQLite waits by itself


class BooksError(Exception):
    """What came of grading cannot be entered, or a record cannot be read. Its text says what to do."""


@dataclass(frozen=True)
class Rules:
    """What nbgrader's settings say on how submissions are entered.

    `permissions` is the mode of autograded files; `ignored` are patterns of file names that are not copied; `own` are files
    of each unit that trainees may hand in in place of the unit's own.
    """

    late: AssignLatePenalties
    permissions: int
    is_shared: bool
    ignored: tuple[str, ...]
    own: dict[str, list[str]]

    @classmethod
    def of(cls, config: Config) -> "Rules":
        course = CourseDirectory(config=config)
        late = AssignLatePenalties(config=config)
        late.init_plugin()
        chosen = config.Autograde.get("permissions", 664 if course.groupshared else 444)
        own = dict(config.Autograde.get("exclude_overwriting", {}))
        return cls(late, int(str(chosen), 8), course.groupshared, tuple(course.ignore), own)


def rules(root: Path) -> Rules:
    """The rules of the cohort in the folder `root`, from its nbgrader_config.py as it is now. Raises BooksError."""
    path = root / "nbgrader_config.py"
    try:
        changed = path.stat().st_mtime_ns
    except FileNotFoundError:
        return Rules.of(Config())
    return _rules_in(path, changed)


@lru_cache(maxsize=8)
def _rules_in(path: Path, changed: int) -> Rules:
    try:
        return Rules.of(PyFileConfigLoader(path.name, path=str(path.parent)).load_config())
    except Exception as error:  # it is a program of the mentor's, and can fail in any way
        raise BooksError(f"{path} cannot be used ({type(error).__name__}: {error}): mend it, and grade again.") from error


# ------------------------------------------------------------------------------------------------ a whole submission


def record(gradebook: Gradebook, cohort: "Cohort", submission: GradedSubmission, submitted_at: datetime | None) -> None:
    """Enter all that came of a submission: the autograded folder, then the gradebook, then the record.

    The gradebook is as nbgrader's own autograding leaves it, changed in one transaction. The record is taken away first and
    written last, so that it is there only where everything else is: whoever is stopped in the middle does it again.

    Raises BooksError when the gradebook does not know the unit or cannot be written.
    """
    how = rules(cohort.root)
    path = record_path(cohort, submission.trainee, submission.unit)
    path.unlink(missing_ok=True)
    _lay_autograded(cohort, submission, how)
    mark(gradebook, submission.trainee, submission.unit, submission.notebooks, submitted_at, how)
    write_record(cohort, submission)


def submitted_at(folder: Path) -> datetime | None:
    """When a submission was handed in (UTC, without a time zone, as nbgrader keeps it), from timestamp.txt in its folder.

    None where there is no such file, or nothing in it that is a time.
    """
    path = folder / "timestamp.txt"
    try:
        if not stat.S_ISREG(path.lstat().st_mode):  # a pipe would keep us waiting
            return None
        return parse_utc(path.read_text(encoding="utf-8").strip())
    except (OSError, ValueError, OverflowError, AttributeError):
        return None


# ------------------------------------------------------------------------------------------------ the gradebook


def mark(
    gradebook: Gradebook,
    trainee: str,
    unit: str,
    notebooks: Iterable[GradedNotebook],
    submitted_at: datetime | None,
    how: Rules,
) -> None:
    """Enter the marks of some notebooks of a submission, in one transaction.

    It leaves what nbgrader's Autograde, SaveAutoGrades and AssignLatePenalties do, but for a flagged notebook, whose checks
    wait for a mentor. Manual marks and comments, and extra credit, are never touched. Where somebody else is writing it
    waits. Raises BooksError.
    """
    notebooks = list(notebooks)
    _in_one_go(gradebook, lambda session: _Entry(session, trainee, unit, how).enter(notebooks, submitted_at))


def _in_one_go(gradebook: Gradebook, enter: Callable[[Session], None]) -> None:
    session, until = gradebook.db(), time.monotonic() + PATIENCE
    while True:
        try:
            if gradebook.engine.dialect.name == "sqlite":
                session.connection().exec_driver_sql(f"PRAGMA busy_timeout = {int(BUSY * 1000)}")
            enter(session)
            session.commit()
            return
        except (OperationalError, IntegrityError) as error:
            # Locked, a deadlock, or the same trainee entered by two at once: it goes when tried again.
            session.rollback()
            if "no such" in str(error.orig) or time.monotonic() > until:
                raise BooksError(_not_written(gradebook, error)) from error
            time.sleep(0.05)
        except ProgrammingError as error:
            session.rollback()
            raise BooksError(_not_written(gradebook, error)) from error
        except BaseException:
            session.rollback()
            raise


def _not_written(gradebook: Gradebook, error: OperationalError | IntegrityError | ProgrammingError) -> str:
    where = gradebook.engine.url.render_as_string(hide_password=True)
    return (
        f"The gradebook {where} cannot be written ({error.orig}): close what else uses it and try again; "
        "if nbgrader is newer than the gradebook, run `nbgrader db upgrade` in the cohort's folder."
    )


class _Entry:
    """The rows of one submission. nbgrader's objects are read and written as tables: fifty queries less a submission."""

    def __init__(self, session: Session, trainee: str, unit: str, how: Rules):
        self._session, self._trainee, self._unit, self._how = session, trainee, unit, how

    def enter(self, notebooks: list[GradedNotebook], submitted_at: datetime | None) -> None:
        # A write that changes nothing comes first: whoever else enters this unit waits here, on any database.
        self._run(update(Assignment).where(Assignment.name == self._unit).values(name=self._unit))
        found = self._run(select(Assignment.id, Assignment.duedate).where(Assignment.name == self._unit)).first()
        if found is None:
            raise BooksError(
                f"The unit {self._unit} is not in this cohort's gradebook: `pathway release {self._unit}` releases it."
            )
        assignment, due = found
        if self._run(select(Student.id).where(Student.id == self._trainee)).first() is None:
            self._run(insert(Student).values(id=self._trainee))
        known = dict(self._run(select(Notebook.name, Notebook.id).where(Notebook.assignment_id == assignment)).all())
        submission, late = self._submission(assignment, due, submitted_at)
        rows = self._rows(submission, list(known.values()))
        for notebook in notebooks:
            if notebook.name not in known:
                raise BooksError(f"The gradebook knows no notebook {notebook.name} in {self._unit}: release the unit again.")
            self._enter_notebook(notebook, known[notebook.name], rows)
        self._set(Grade, rows.changed_grades)
        self._set(Comment, rows.changed_comments)
        for notebook in notebooks:
            self._set_penalty(notebook, rows.notebooks[known[notebook.name]], late)

    def _run(self, statement):
        return self._session.connection().execute(statement)

    def _set(self, table: type, rows: list[dict]) -> None:
        if rows:
            self._session.execute(update(table), rows)

    def _submission(self, assignment: str, due: datetime | None, submitted_at: datetime | None) -> tuple[str, float]:
        """The id of the trainee's submission, made where there is none, and how late it is in seconds."""
        if submitted_at is not None:
            submitted_at = parse_utc(submitted_at)
        table = SubmittedAssignment
        mine = (table.assignment_id == assignment) & (table.student_id == self._trainee)
        found = self._run(select(table.id, table.timestamp, table.extension).where(mine)).first()
        if found is None:
            id, before, extension = new_uuid(), None, None
            row = {"id": id, "assignment_id": assignment, "student_id": self._trainee, "timestamp": submitted_at}
            self._run(insert(table).values(**row))
        else:
            id, before, extension = found
            if submitted_at is not None and submitted_at != before:
                self._run(update(table).where(table.id == id).values(timestamp=submitted_at))
        handed_in = submitted_at or before
        if due is None or handed_in is None:
            return id, 0
        if extension is not None:
            due += extension
        return id, max(0, (handed_in - due).total_seconds())

    def _rows(self, submission: str, notebooks: list[str]) -> "_Rows":
        """All rows of the submission's notebooks, made where they are missing, as nbgrader makes them."""
        of_submission = SubmittedNotebook.assignment_id == submission
        mine = dict(self._run(select(SubmittedNotebook.notebook_id, SubmittedNotebook.id).where(of_submission)).all())
        new = [{"id": new_uuid(), "notebook_id": id, "assignment_id": submission} for id in notebooks if id not in mine]
        if new:
            self._session.execute(insert(SubmittedNotebook), new)
            mine |= {row["notebook_id"]: row["id"] for row in new}
        table = BaseCell.__table__
        cells = self._run(
            select(table.c.id, table.c.name, table.c.type, table.c.notebook_id)
            .where(table.c.notebook_id.in_(notebooks))
            .order_by(table.c.name)
        ).all()
        in_mine = list(mine.values())
        grades = {
            (notebook, cell): (id, manual)
            for id, notebook, cell, manual in self._run(
                select(Grade.id, Grade.notebook_id, Grade.cell_id, Grade.manual_score).where(Grade.notebook_id.in_(in_mine))
            )
        }
        comments = {
            (notebook, cell): id
            for id, notebook, cell in self._run(
                select(Comment.id, Comment.notebook_id, Comment.cell_id).where(Comment.notebook_id.in_(in_mine))
            )
        }
        new_grades, new_comments = [], []
        for cell, _, type, notebook in cells:
            place = (mine[notebook], cell)
            if type != SolutionCell.__name__ and place not in grades:
                new_grades.append({"id": new_uuid(), "notebook_id": place[0], "cell_id": cell})
                grades[place] = new_grades[-1]["id"], None
            if type in COMMENTED and place not in comments:
                new_comments.append({"id": new_uuid(), "notebook_id": place[0], "cell_id": cell})
                comments[place] = new_comments[-1]["id"]
        if new_grades:
            self._session.execute(insert(Grade), new_grades)
        if new_comments:
            self._session.execute(insert(Comment), new_comments)
        return _Rows(mine, cells, grades, comments, [], [])

    def _enter_notebook(self, notebook: GradedNotebook, id: str, rows: "_Rows") -> None:
        mine, cells = rows.notebooks[id], [cell for cell in rows.cells if cell.notebook_id == id]
        for cell in cells:
            if cell.type == SolutionCell.__name__:
                continue
            grade, manual = rows.grades[mine, cell.id]
            if notebook.status is not Status.GRADED:
                rows.changed_grades.append({"id": grade, "auto_score": 0.0, "needs_manual_grade": False})
            elif cell.type != TaskCell.__name__:  # nbgrader leaves those to the mentor
                earned = self._earned(notebook, cell.name)
                needs = manual is not None or earned is None
                rows.changed_grades.append({"id": grade, "auto_score": earned, "needs_manual_grade": needs})
        said = self._said(notebook, [cell.name for cell in cells if cell.type == SolutionCell.__name__])
        said |= {cell.name: None for cell in cells if said and cell.type == TaskCell.__name__}
        for cell in cells:  # a written answer stands there twice, as what is graded and as what is answered
            if cell.type in COMMENTED and cell.name in said:
                rows.changed_comments.append({"id": rows.comments[mine, cell.id], "auto_comment": said[cell.name]})

    def _said(self, notebook: GradedNotebook, names: list[str]) -> dict[str, str | None]:
        """The comment on each answer of a notebook, by the answers' `names`; {} where comments stay as they are."""
        if notebook.status is Status.MISSING:
            return {}
        if notebook.status is Status.UNREADABLE:
            return dict.fromkeys(names) | dict.fromkeys(names[:1], notebook.why)
        answered = {check.task: check.answered for check in notebook.checks.values()}
        answered |= {name: written.answered for name, written in notebook.written.items()}
        said = {name: None if self._of(answered, name, notebook) else NO_RESPONSE for name in names}
        if notebook.flags and names:
            first = next(name for name in answered if name in said)
            said[first] = " ".join([WITHHELD, *notebook.flags])
        return said

    def _earned(self, notebook: GradedNotebook, name: str) -> float | None:
        """The marks for a graded cell; None where they are the mentor's to give."""
        if name in notebook.written:
            return None if notebook.written[name].answered else 0.0
        check = self._of(notebook.checks, name, notebook)
        return None if notebook.flags else check.earned

    def _of(self, found: dict, name: str, notebook: GradedNotebook):
        if name not in found:
            raise BooksError(
                f"{self._unit}/{notebook.name} of {self._trainee} was graded without the cell {name} of the gradebook: "
                f"release the unit again with `pathway release {self._unit}`, and grade it again."
            )
        return found[name]

    def _set_penalty(self, notebook: GradedNotebook, id: str, seconds_late: float) -> None:
        penalty = None
        if seconds_late > 0 and notebook.status is Status.GRADED:
            score = self._run(select(SubmittedNotebook.score).where(SubmittedNotebook.id == id)).scalar_one()
            penalty = self._how.late.plugin_inst.late_submission_penalty(self._trainee, score, seconds_late)
            if penalty is not None:
                penalty = self._how.late._check_late_penalty(SimpleNamespace(score=score), penalty)
        self._run(update(SubmittedNotebook).where(SubmittedNotebook.id == id).values(late_submission_penalty=penalty))


@dataclass
class _Rows:
    """A submission in the gradebook: ids by the notebook of the unit, by cell, and what is to be changed."""

    notebooks: dict[str, str]
    cells: list
    grades: dict[tuple[str, str], tuple[str, float | None]]
    comments: dict[tuple[str, str], str]
    changed_grades: list[dict]
    changed_comments: list[dict]


# ------------------------------------------------------------------------------------------------ the autograded folder


def _lay_autograded(cohort: "Cohort", submission: GradedSubmission, how: Rules) -> None:
    """Write autograded/TRAINEE/UNIT: built aside, then put in the place of what was there."""
    trainee, unit = submission.trainee, submission.unit
    home = cohort.autograded / trainee
    place, new, old = home / unit, home / f".{unit}.new", home / f".{unit}.old"
    for left in (new, old):  # by a run that was stopped
        shutil.rmtree(left, ignore_errors=True)
    new.mkdir(parents=True)
    _copy(cohort.submitted / trainee / unit, new, how.ignored)
    _copy(cohort.source / unit, new, how.ignored, set(how.own.get(unit, ())))
    for notebook in submission.notebooks:
        if text := autograded_text(notebook):
            (new / f"{notebook.name}.ipynb").write_bytes(text.encode("utf-8", "replace"))
    for folder, _, files in os.walk(new):
        for file in files:
            (Path(folder) / file).chmod(how.permissions)
        if how.is_shared:
            Path(folder).chmod((stat.S_IMODE(Path(folder).stat().st_mode) | 0o2770) & 0o2777)
    if place.exists():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def _copy(folder: Path, to: Path, ignored: tuple[str, ...], but: set[str] = frozenset()) -> None:
    """Copy all of a folder but its notebooks. What is no plain file (a link out of the submission, a pipe) is left out."""
    for name in find_all_files(str(folder), [*ignored, "*.ipynb"]):
        path = Path(name)
        inside = path.relative_to(folder)
        if str(inside) in but or not stat.S_ISREG(path.lstat().st_mode):
            continue
        (to / inside).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to / inside)


def autograded_text(notebook: GradedNotebook) -> str:
    """The autograded notebook; for an unreadable one a cell that says why, and "" for one that was not handed in."""
    if notebook.status is not Status.UNREADABLE:
        return notebook.text
    source = html.escape(f"**This notebook could not be read.** {notebook.why}", quote=False)
    notice = {"cell_type": "markdown", "id": "unreadable", "metadata": {}, "source": source}
    return json.dumps({"cells": [notice], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


# ------------------------------------------------------------------------------------------------ records


def record_path(cohort: "Cohort", trainee: str, unit: str) -> Path:
    """Where the record of a submission lies."""
    return cohort.records / unit / f"{trainee}.json"


def write_record(cohort: "Cohort", submission: GradedSubmission) -> None:
    """Write records/UNIT/TRAINEE.json: there whole, or not at all."""
    path = record_path(cohort, submission.trainee, submission.unit)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text(
        json.dumps(as_record(submission), ensure_ascii=False, indent=1) + "\n", encoding="utf-8", errors="replace"
    )
    os.replace(new, path)


def as_record(submission: GradedSubmission) -> dict:
    """What is kept of a submission, as JSON: all but the notebooks' text, which lies in autograded/."""
    return {
        "version": VERSION,
        "trainee": submission.trainee,
        "unit": submission.unit,
        "fingerprint": submission.fingerprint,
        "graded_at": submission.graded_at.isoformat(timespec="seconds"),
        "notebooks": {
            notebook.name: {
                "status": str(notebook.status),
                "why": notebook.why,
                "seconds": round(notebook.seconds, 3),
                "repairs": list(notebook.repairs),
                "flags": list(notebook.flags),
                "stopped": list(notebook.stopped),
                "checks": {name: asdict(check) for name, check in notebook.checks.items()},
                "written": {name: asdict(written) for name, written in notebook.written.items()},
            }
            for notebook in submission.notebooks
        },
    }


def read_record(path: Path) -> GradedSubmission:
    """The submission of a record, its notebooks without their text. Raises BooksError for a damaged one."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["version"] != VERSION:
            raise BooksError(f"{path} is a record of version {kept['version']}: grade the unit again with `pathway grade`.")
        notebooks = tuple(
            GradedNotebook(
                name=name,
                status=Status(one["status"]),
                why=one["why"],
                checks={check: Checked(**fields) for check, fields in one["checks"].items()},
                written={written: Written(**fields) for written, fields in one["written"].items()},
                repairs=tuple(one["repairs"]),
                flags=tuple(one["flags"]),
                stopped=tuple(one["stopped"]),
                seconds=one["seconds"],
            )
            for name, one in kept["notebooks"].items()
        )
        when = datetime.fromisoformat(kept["graded_at"])
        return GradedSubmission(kept["trainee"], kept["unit"], kept["fingerprint"], notebooks, when.astimezone(UTC))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BooksError(f"The record {path} cannot be read: delete it, and grade the unit again.") from error


def is_done(cohort: "Cohort", trainee: str, unit: str, fingerprint: str) -> bool:
    """Whether a submission with this fingerprint has been graded and entered, and its notebooks lie in autograded/."""
    try:
        kept = read_record(record_path(cohort, trainee, unit))
    except BooksError:
        return False
    folder = cohort.autograded / trainee / unit
    return kept.fingerprint == fingerprint and all(
        notebook.status is Status.MISSING or (folder / f"{notebook.name}.ipynb").is_file() for notebook in kept.notebooks
    )


# ------------------------------------------------------------------------------------------------ fingerprints


def fingerprint(submitted_folder: Path, templates: dict[str, Template], circumstances: str) -> str:
    """A hash of all that a submission's marks depend on: its files, the unit's notebooks with their checks, and all else."""
    digest = hashlib.sha256(f"{VERSION} {circumstances}".encode())
    for name in sorted(templates):
        digest.update(f"{name} {templates[name].digest}\n".encode())
    _hash_files(digest, submitted_folder)
    return digest.hexdigest()


def circumstances(gradebook: Gradebook, unit: str, data_fingerprint: str) -> Callable[[str], str]:
    """What else a trainee's marks for a unit depend on, by trainee: the data, and when it was due from them."""
    due = gradebook.db.execute(select(Assignment.duedate).where(Assignment.name == unit)).scalar_one()
    table = SubmittedAssignment
    given = select(table.student_id, table.extension).join(Assignment, table.assignment_id == Assignment.id)
    extended = dict(gradebook.db.execute(given.where(Assignment.name == unit, table.extension.is_not(None))).all())
    return lambda trainee: f"{data_fingerprint} {due} {extended.get(trainee) or None}"


def data_fingerprint(data: Path) -> str:
    """A hash of a folder of data."""
    digest = hashlib.sha256()
    _hash_files(digest, data)
    return digest.hexdigest()


def _hash_files(digest, folder: Path) -> None:
    """Add a folder's files, names and contents, to a hash. Links are not followed: where they lead to is what counts."""
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            continue
        content = hashlib.sha256()
        if stat.S_ISREG(mode):
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256")
        elif stat.S_ISLNK(mode):
            content.update(os.fsencode(path.readlink()))
        digest.update(os.fsencode(path.relative_to(folder)) + b"\0%o\0" % stat.S_IFMT(mode) + content.digest())
