"""What is entered of a graded submission is what nbgrader itself would have entered, whole or not at all."""

import json
import os
import random
import shutil
import signal
import sqlite3
import stat
import threading
import time
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Comment, Grade, Gradebook, Student, SubmittedAssignment, SubmittedNotebook

from course.builder.source import read_unit
from course.grading import books
from course.grading.books import BooksError, as_record, fingerprint, is_done, read_record, record, submitted_at
from course.grading.cohort import Cohort
from course.grading.marks import marks
from course.grading.repair import repair
from course.grading.results import Checked, GradedNotebook, GradedSubmission, Status, Written
from course.grading.template import Template, TemplateError, templates
from course.proof.bank import read_bank
from tests.cohort import Cohort as PlainCohort
from tests.conftest import ROOT

UNIT = "01-what-is-data-science"
LESSON, ASSESSMENT = "venn-diagram", "data-science-assessment"
DUE = datetime(2026, 11, 20, 17)
HANDED_IN = {
    "anna": "2026-11-20 09:30:00 UTC",
    "bo": "2026-11-21 12:00:00.5 UTC",  # late, and without the lesson
    "cem": "2026-11-22 12:00:00 +0100",  # late, with an extension that is long enough
}


def answered(notebook, answers: dict[str, str]):
    """The released notebook with answers in it, by grade_id, behind the first line that stands there."""
    notebook = deepcopy(notebook)
    for cell in notebook.cells:
        if cell.id in answers:
            first = cell.source.splitlines()[0] + "\n" if cell.cell_type == "code" else ""
            cell.source = first + answers[cell.id]
    return notebook


def graded(template: Template, submitted: Path, autograded: Path) -> GradedNotebook:
    """What came of a notebook that plain nbgrader has run: its own text, and its outputs marked."""
    if not submitted.exists():
        return GradedNotebook(template.name, Status.MISSING)
    repaired = repair(submitted.read_bytes(), template)
    ran = nbformat.read(autograded, as_version=4)
    checks, written = {}, {}
    for cell, kind in zip(ran.cells, repaired.kinds, strict=True):
        own, name = cell.metadata, cell.metadata.get("nbgrader", {}).get("grade_id")
        if kind == "check":
            told = repaired.answered[own.check]
            checks[name] = Checked(own.exercise, own.check, own.outcome, own.nbgrader.points, marks(cell), "", told)
        elif kind == "written":
            written[name] = Written(own.exercise, own.outcome, own.nbgrader.points, repaired.answered[name])
    text = nbformat.writes(repaired.notebook)
    return GradedNotebook(template.name, Status.GRADED, text, checks=checks, written=written, repairs=repaired.repairs)


def rows(database: Path) -> dict[str, list[tuple]]:
    """All that grading writes, every field but the ids."""
    whose = """join submitted_notebook n on n.id = x.notebook_id join notebook b on b.id = n.notebook_id
               join submitted_assignment s on s.id = n.assignment_id join base_cell c on c.id = x.cell_id"""
    queries = {
        "grade": f"""select s.student_id, b.name, c.name, c.type, x.auto_score, x.manual_score, x.extra_credit,
                     x.needs_manual_grade from grade x {whose}""",
        "comment": f"""select s.student_id, b.name, c.name, c.type, x.auto_comment, x.manual_comment
                       from comment x {whose}""",
        "submitted_notebook": """select s.student_id, b.name, n.flagged, n.late_submission_penalty from submitted_notebook n
                     join notebook b on b.id = n.notebook_id join submitted_assignment s on s.id = n.assignment_id""",
        "submitted_assignment": """select s.student_id, a.name, s.timestamp, s.extension from submitted_assignment s
                     join assignment a on a.id = s.assignment_id""",
        "student": "select * from student",
    }
    with sqlite3.connect(database) as connection:
        return {name: sorted(connection.execute(query).fetchall(), key=repr) for name, query in queries.items()}


def open_books(root: Path) -> Gradebook:
    return Gradebook(f"sqlite:///{root / 'gradebook.db'}", "pathway")


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    """A cohort of three, before (before.db, autograded/ empty) and after plain nbgrader has graded it."""
    root = tmp_path_factory.mktemp("plain")
    source = {name: nbformat.read(ROOT / "solutions" / UNIT / f"{name}.ipynb", 4) for name in (LESSON, ASSESSMENT)}
    cohort = PlainCohort(root, UNIT, source)
    with (root / "nbgrader_config.py").open("a") as config:
        config.write("c.LateSubmissionPlugin.penalty_method = 'zero'\n")
    (root / "source" / UNIT / "values.csv").write_text("ours")
    bank = read_bank(read_unit(ROOT / "course" / "units" / UNIT))
    right = {task: answers.right[0].answer for task, answers in bank.items()}
    wrong = {task: answers.wrong[-1].answer for task, answers in bank.items()}
    half = {task: answer for number, (task, answer) in enumerate(right.items()) if number % 2}
    for trainee, when in HANDED_IN.items():
        said = {"anna": right | {"note": "Take A, B and C."}, "bo": half | {"note": "No idea."}, "cem": wrong | half}[
            trainee
        ]
        for name in (ASSESSMENT,) if trainee == "bo" else (LESSON, ASSESSMENT):
            cohort.submit(trainee, name, answered(cohort.released(name), said))
        folder = root / "submitted" / trainee / UNIT
        (folder / "timestamp.txt").write_text(when)
        (folder / "values.csv").write_text("theirs")
        (folder / "notes").mkdir()
        (folder / "notes" / "a.txt").write_text("mine")
    with open_books(root) as gradebook:
        gradebook.update_or_create_assignment(UNIT, duedate=DUE)
        gradebook.add_student("cem", first_name="Cem")
        gradebook.add_submission(UNIT, "cem")
        gradebook.grant_extension(UNIT, "cem", days=2)
    shutil.copyfile(root / "gradebook.db", root / "before.db")
    cohort.autograde()
    return root


@pytest.fixture
def ours(plain: Path, tmp_path: Path) -> Cohort:
    """The same cohort, not graded yet."""
    root = tmp_path / "ours"
    shutil.copytree(plain, root, ignore=shutil.ignore_patterns("autograded", "*.db"), symlinks=True)
    shutil.copyfile(plain / "before.db", root / "gradebook.db")
    return Cohort(root)


@pytest.fixture(scope="module")
def unit(plain: Path) -> dict[str, Template]:
    with open_books(plain) as gradebook:
        return templates(plain / "release", UNIT, gradebook)


def submission(plain: Path, unit: dict[str, Template], trainee: str) -> GradedSubmission:
    folders = [plain / step / trainee / UNIT for step in ("submitted", "autograded")]
    found = [graded(template, *(folder / f"{name}.ipynb" for folder in folders)) for name, template in unit.items()]
    return GradedSubmission(trainee, UNIT, fingerprint(folders[0], unit, "data"), tuple(found))


@pytest.fixture(scope="module")
def submissions(plain: Path, unit) -> dict[str, GradedSubmission]:
    return {trainee: submission(plain, unit, trainee) for trainee in HANDED_IN}


def enter(cohort: Cohort, *submissions: GradedSubmission) -> None:
    with open_books(cohort.root) as gradebook:
        for one in submissions:
            record(gradebook, cohort, one, submitted_at(cohort.submitted / one.trainee / one.unit))


def test_the_gradebook_is_as_plain_nbgrader_leaves_it(plain, ours, submissions):
    enter(ours, *submissions.values())
    wanted = rows(plain / "gradebook.db")
    assert rows(ours.root / "gradebook.db") == wanted
    # The case is worth comparing: marks of every size, blank answers, a penalty, an answer for the mentor.
    scores = {row[4] for row in wanted["grade"]}
    assert None in scores and 0 in scores and len(scores) > 3
    assert {row[4] for row in wanted["comment"]} == {None, "No response."}
    assert {row[0] for row in wanted["submitted_notebook"] if row[3]} == {"bo"}


def test_the_autograded_folder_is_as_plain_nbgrader_leaves_it(plain, ours, submissions):
    enter(ours, *submissions.values())
    for trainee in HANDED_IN:
        theirs, mine = plain / "autograded" / trainee / UNIT, ours.autograded / trainee / UNIT
        files = {path.relative_to(theirs): stat.S_IMODE(path.stat().st_mode) for path in theirs.rglob("*")}
        assert {path.relative_to(mine): stat.S_IMODE(path.stat().st_mode) for path in mine.rglob("*")} == files
        for name in files:
            if name.suffix == ".ipynb":
                assert bare(mine / name) == bare(theirs / name)
            elif (theirs / name).is_file():
                assert (mine / name).read_bytes() == (theirs / name).read_bytes()
        assert (mine / "values.csv").read_text() == "ours"


def bare(path: Path) -> dict:
    """A notebook but for what running it adds: outputs, times, and the version of Python."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata.language_info.pop("version", None)
    return notebook


def test_grading_again_keeps_what_a_mentor_gave_and_asks_for_another_look(plain, ours, submissions, tmp_path):
    enter(ours, *submissions.values())
    other = tmp_path / "other"
    shutil.copytree(plain, other, symlinks=True)
    for root in (ours.root, other):
        with open_books(root) as gradebook:
            grade = gradebook.find_grade("cards-check", ASSESSMENT, UNIT, "anna")
            grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 1.5, 0.5, False
            gradebook.find_grade("note", ASSESSMENT, UNIT, "bo").manual_score = 3.0
            gradebook.find_comment("note", ASSESSMENT, UNIT, "bo").manual_comment = "Well argued."
            gradebook.find_comment("cards", ASSESSMENT, UNIT, "anna").auto_comment = "out of date"
            gradebook.db.commit()
    config = (other / "nbgrader_config.py").read_text().replace(str(plain), str(other))
    (other / "nbgrader_config.py").write_text(config)
    plain_again = PlainCohort.__new__(PlainCohort)
    plain_again.root = other
    plain_again._nbgrader("autograde", UNIT, "--force", "--notebook", ASSESSMENT)
    for one in submissions.values():
        enter(ours, replace(one, notebooks=tuple(book for book in one.notebooks if book.name == ASSESSMENT)))
    assert rows(ours.root / "gradebook.db") == rows(other / "gradebook.db")
    with open_books(ours.root) as gradebook:
        assert gradebook.find_grade("cards-check", ASSESSMENT, UNIT, "anna").needs_manual_grade
        assert gradebook.find_grade("cards-check", ASSESSMENT, UNIT, "anna").score == 2.0


def test_a_flagged_notebook_waits_for_a_mentor(ours, submissions):
    reason = "Exercise 3: reached for the frames of the program that checks it."
    one = submissions["anna"]
    flagged = replace(next(book for book in one.notebooks if book.name == ASSESSMENT), flags=(reason,))
    enter(ours, replace(one, notebooks=(flagged,)))
    with open_books(ours.root) as gradebook:
        grades = gradebook.find_submission_notebook(ASSESSMENT, UNIT, "anna").grades
        assert all(grade.auto_score is None and grade.needs_manual_grade for grade in grades)
        first, second = (gradebook.find_comment(name, ASSESSMENT, UNIT, "anna") for name in ("cards", "in-all-three"))
        assert first.auto_comment.endswith(reason)
        assert second.auto_comment is None
    kept = read_record(books.record_path(ours, "anna", UNIT)).notebooks[0]
    assert sum(check.earned for check in kept.checks.values()) > 0
    enter(ours, one)  # graded anew without a flag, nothing of it is left
    with open_books(ours.root) as gradebook:
        assert gradebook.find_comment("cards", ASSESSMENT, UNIT, "anna").auto_comment is None
        assert gradebook.find_grade("cards-check", ASSESSMENT, UNIT, "anna").auto_score is not None


def test_an_unreadable_notebook_earns_nothing_and_says_why(ours, submissions):
    enter(ours, submissions["anna"])
    why = "The file is not JSON, so it is no notebook."
    unreadable = GradedNotebook(ASSESSMENT, Status.UNREADABLE, why=why)
    enter(ours, replace(submissions["anna"], notebooks=(submissions["anna"].notebooks[1], unreadable)))
    with open_books(ours.root) as gradebook:
        notebook = gradebook.find_submission_notebook(ASSESSMENT, UNIT, "anna")
        assert {(grade.auto_score, grade.needs_manual_grade) for grade in notebook.grades} == {(0.0, False)}
        assert sorted({comment.auto_comment for comment in notebook.comments}, key=repr) == [why, None]
    shown = nbformat.read(ours.autograded / "anna" / UNIT / f"{ASSESSMENT}.ipynb", as_version=4)
    nbformat.validate(shown)
    assert why in shown.cells[0].source


def test_what_is_no_plain_file_is_not_copied(ours, submissions):
    folder = ours.submitted / "anna" / UNIT
    (folder / "books.db").symlink_to(ours.root / "gradebook.db")
    (folder / "everything").symlink_to(ours.root)
    os.mkfifo(folder / "pipe")
    before = fingerprint(folder, {}, "")
    enter(ours, submissions["anna"])
    names = {path.name for path in (ours.autograded / "anna" / UNIT).iterdir()}
    assert names == {f"{LESSON}.ipynb", f"{ASSESSMENT}.ipynb", "timestamp.txt", "values.csv", "notes"}
    (folder / "books.db").unlink()
    (folder / "books.db").symlink_to("/etc/passwd")
    assert fingerprint(folder, {}, "") != before


def test_a_record_reads_back_as_it_was_written(ours, submissions):
    one = submissions["anna"]
    book = replace(one.notebooks[0], repairs=("a",), flags=("b",), stopped=("c",), seconds=1.25, why="d")
    one = replace(one, notebooks=(book, *one.notebooks[1:]), graded_at=datetime(2026, 11, 24, 10, tzinfo=UTC))
    enter(ours, one)
    path = books.record_path(ours, "anna", UNIT)
    assert path == ours.root / "records" / UNIT / "anna.json"
    kept = read_record(path)
    assert kept == replace(one, notebooks=tuple(replace(book, text="") for book in one.notebooks))
    assert as_record(kept) == as_record(one) == json.loads(path.read_text())
    assert as_record(one)["graded_at"] == "2026-11-24T10:00:00+00:00"
    path.write_text(path.read_text()[:-20])
    with pytest.raises(BooksError, match="delete it, and grade the unit again"):
        read_record(path)
    assert not is_done(ours, "anna", UNIT, one.fingerprint)


def test_a_submission_is_done_until_something_changes_that_its_marks_depend_on(ours, submissions, unit):
    one, folder = submissions["anna"], ours.submitted / "anna" / UNIT
    assert not is_done(ours, "anna", UNIT, one.fingerprint)
    enter(ours, one)
    assert fingerprint(folder, unit, "data") == one.fingerprint
    assert is_done(ours, "anna", UNIT, one.fingerprint)
    other = deepcopy(unit[ASSESSMENT].notebook)
    other.cells[6].source += "\n# another hidden check"
    mended = unit | {ASSESSMENT: replace(unit[ASSESSMENT], notebook=other)}
    prints = {fingerprint(folder, unit, "other data"), fingerprint(folder, mended, "data")}
    (folder / "timestamp.txt").write_text("2026-11-20 09:31:00 UTC")
    prints.add(fingerprint(folder, unit, "data"))
    assert len(prints | {one.fingerprint}) == 4
    (ours.autograded / "anna" / UNIT / f"{LESSON}.ipynb").unlink()
    assert not is_done(ours, "anna", UNIT, one.fingerprint)


def killed_within(cohort: Cohort, one: GradedSubmission, seconds: float) -> bool:
    """Enter a submission in a child that is killed so many seconds after it began; whether it was killed before its end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with open_books(cohort.root) as gradebook:
            os.write(writing, b"ready")
            record(gradebook, cohort, one, submitted_at(cohort.submitted / one.trainee / one.unit))
        os._exit(0)
    os.read(reading, 5)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(reading), os.close(writing)
    return os.WIFSIGNALED(status)


def test_killed_at_any_moment_and_done_again_it_ends_with_the_same_books(ours, submissions):
    enter(ours, *submissions.values())
    wanted = rows(ours.root / "gradebook.db")
    rng, killed, half = random.Random(7), 0, 0
    one = submissions["bo"]
    with open_books(ours.root) as gradebook:
        begun = time.perf_counter()
        for _ in range(3):
            record(gradebook, ours, one, submitted_at(ours.submitted / "bo" / UNIT))
        as_long_as = (time.perf_counter() - begun) / 3
    flagged = tuple(replace(book, flags=("odd",), text="marks withheld") for book in one.notebooks)
    changed = replace(one, notebooks=flagged, fingerprint="other")
    for _ in range(30):
        enter(ours, one)
        killed += killed_within(ours, changed, rng.uniform(0, 1.5 * as_long_as))
        done = is_done(ours, "bo", UNIT, "other")
        entered = rows(ours.root / "gradebook.db")
        half += not done and not is_done(ours, "bo", UNIT, one.fingerprint)
        if done:
            assert entered != wanted
        enter(ours, one)
        assert rows(ours.root / "gradebook.db") == wanted
        assert is_done(ours, "bo", UNIT, one.fingerprint)
        assert [path.name for path in (ours.autograded / "bo").iterdir()] == [UNIT]
        assert "withheld" not in (ours.autograded / "bo" / UNIT / f"{ASSESSMENT}.ipynb").read_text()
    assert killed > 5 and half > 2  # of 30: about 20 and 15


def test_it_waits_for_whoever_else_is_writing(ours, submissions, monkeypatch):
    monkeypatch.setattr(books, "BUSY", 0.05)  # SQLite itself soon gives up
    other = sqlite3.connect(ours.root / "gradebook.db", isolation_level=None, check_same_thread=False)
    other.execute("begin immediate")
    done = threading.Timer(0.6, lambda: other.execute("commit"))
    done.start()
    begun = time.monotonic()
    enter(ours, submissions["anna"])
    assert time.monotonic() - begun > 0.5
    done.join()
    other.close()
    monkeypatch.setattr(books, "PATIENCE", 0.2)
    with sqlite3.connect(ours.root / "gradebook.db", isolation_level=None) as other:
        other.execute("begin immediate")
        with pytest.raises(BooksError, match="database is locked.*try again"):
            enter(ours, submissions["bo"])
        other.execute("rollback")
    assert not is_done(ours, "bo", UNIT, submissions["bo"].fingerprint)


def test_what_the_gradebook_does_not_know_is_refused(ours, submissions):
    one = submissions["anna"]
    with pytest.raises(BooksError, match="pathway release 09-none"):
        enter(ours, replace(one, unit="09-none"))
    with pytest.raises(BooksError, match="no notebook other"):
        enter(ours, replace(one, notebooks=(GradedNotebook("other", Status.MISSING),)))
    with pytest.raises(BooksError, match="without the cell"):
        enter(ours, replace(one, notebooks=(replace(one.notebooks[0], checks={}),)))
    with open_books(ours.root) as gradebook:
        assert (
            gradebook.db.query(Grade).count()
            == gradebook.db.query(Grade)
            .join(SubmittedNotebook)
            .join(SubmittedAssignment)
            .filter(SubmittedAssignment.student_id == "cem")
            .count()
        )
        assert not gradebook.db.query(Comment).filter(Comment.auto_comment.isnot(None)).count()
        assert [student.id for student in gradebook.db.query(Student)] == ["cem"]


def test_settings_that_fail_are_named(ours, submissions):
    config = ours.root / "nbgrader_config.py"
    config.write_text("c = get_config()\nc.Autograde.permissions = nonsense\n")
    with pytest.raises(BooksError, match="nbgrader_config.py cannot be used .*nonsense.* mend it"):
        enter(ours, submissions["anna"])
    config.write_text("c = get_config()\nc.Autograde.permissions = 640\n")
    enter(ours, submissions["anna"])
    kept = ours.autograded / "anna" / UNIT / f"{LESSON}.ipynb"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2026-11-24 10:00:00 UTC\n", datetime(2026, 11, 24, 10)),
        ("2026-11-24T12:00:00+02:00", datetime(2026, 11, 24, 10)),
        ("", None),
        ("yesterday, I think", None),
    ],
)
def test_the_time_of_handing_in_is_read_as_nbgrader_reads_it(tmp_path, text, when):
    assert submitted_at(tmp_path) is None
    os.mkfifo(tmp_path / "timestamp.txt")
    assert submitted_at(tmp_path) is None
    (tmp_path / "timestamp.txt").unlink()
    (tmp_path / "timestamp.txt").write_text(text)
    assert submitted_at(tmp_path) == when


def test_an_extension_without_a_date_due_is_no_trouble(ours, submissions):
    with open_books(ours.root) as gradebook:
        gradebook.find_assignment(UNIT).duedate = None
        gradebook.find_submission(UNIT, "cem").extension = timedelta(days=1)
        gradebook.db.commit()
    enter(ours, submissions["cem"])
    assert is_done(ours, "cem", UNIT, submissions["cem"].fingerprint)


def test_a_unit_whose_release_and_gradebook_disagree_is_refused(ours):
    with open_books(ours.root) as gradebook:
        with pytest.raises(TemplateError, match="pathway release 09-none"):
            templates(ours.release, "09-none", gradebook)
        path = ours.release / UNIT / f"{LESSON}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        gone = next(cell for cell in notebook.cells if "check" in cell.metadata)
        notebook.cells.remove(gone)
        path.chmod(0o644)
        nbformat.write(notebook, path)
        with pytest.raises(TemplateError, match=f"do not agree on the cell '{gone.id}'"):
            templates(ours.release, UNIT, gradebook)
        path.write_text("{")
        with pytest.raises(TemplateError, match="is damaged"):
            templates(ours.release, UNIT, gradebook)
        path.unlink()
        with pytest.raises(TemplateError, match="cannot be read"):
            templates(ours.release, UNIT, gradebook)


def test_hidden_checks_come_from_the_gradebook_and_visible_ones_from_the_release(unit):
    cards = next(cell for cell in unit[ASSESSMENT].notebook.cells if cell.id == "cards-check")
    assert "BEGIN HIDDEN TESTS" in cards.source
    assert "HIDDEN" not in unit[ASSESSMENT].visible["cards-check"]
    assert unit[ASSESSMENT].exercises["cards"] == unit[ASSESSMENT].exercises["cards-check"] == 1


def test_a_submission_is_entered_in_some_milliseconds(ours, submissions):
    times = []
    with open_books(ours.root) as gradebook:
        for number in range(20):
            one = replace(submissions["anna"], trainee=f"t{number}")
            shutil.copytree(ours.submitted / "anna", ours.submitted / one.trainee)
            begun = time.perf_counter()
            record(gradebook, ours, one, DUE)
            times.append(time.perf_counter() - begun)
    assert sorted(times)[5] < 0.06  # 10 ms on an idle core
