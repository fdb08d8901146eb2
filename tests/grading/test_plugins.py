"""Plain `nbgrader autograde` in a cohort repairs, runs in the sandbox and marks exactly as `pathway grade` does."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config.loader import PyFileConfigLoader

from course.builder.source import read_unit
from course.grading import books
from course.grading.cohort import Cohort
from course.grading.repair import Unreadable, read
from course.grading.results import GradedNotebook, GradedSubmission, Status
from course.grading.run import Grader, grade_text
from course.grading.template import Template, beside, templates
from course.proof.bank import read_bank
from tests.conftest import ROOT
from tests.grading.test_books import ASSESSMENT, LESSON, UNIT, answered, rows

CONFIG = """from pathlib import Path

from course.grading.settings import cohort_settings

c = get_config()
c.merge(cohort_settings(Path(__file__).resolve().parent))
c.Autograde.exporter_class = "course.grading.plugins.AnyFile"
"""


def nbgrader(root: Path, *arguments: str) -> str:
    """Run nbgrader as a mentor does in the cohort's folder, without a setting of ours but the cohort's own; what it says."""
    tools = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    for name in ("PATHWAY_DATA", "JUPYTER_CONFIG_PATH"):
        environment.pop(name, None)
    command = [str(tools / "nbgrader"), *arguments]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Cohort:
    """A cohort to which unit 01 is released, and in which five have handed in; nothing is graded."""
    root = tmp_path_factory.mktemp("cohort") / "before"
    root.mkdir()
    described = {"version": 1, "name": "spring", "eastmere_seed": None, "exchange": None}
    (root / "cohort.json").write_text(json.dumps(described))
    (root / "nbgrader_config.py").write_text(CONFIG)
    (root / "data").symlink_to(ROOT / "data")
    shutil.copytree(ROOT / "solutions" / UNIT, root / "source" / UNIT)
    nbgrader(root, "generate_assignment", UNIT)
    right = {task: bank.right[0].answer for task, bank in read_bank(read_unit(ROOT / "course" / "units" / UNIT)).items()}
    for trainee in ("anna", "bo", "cem", "dee", "eve"):
        folder = root / "submitted" / trainee / UNIT
        folder.mkdir(parents=True)
        (folder / "timestamp.txt").write_text("2026-11-20 09:30:00 UTC")
        for name in (LESSON, ASSESSMENT):
            notebook = nbformat.read(root / "release" / UNIT / f"{name}.ipynb", as_version=4)
            said = {"anna": right | {"note": "Take them."}, "eve": {"cards": "import sys\nsys._getframe()\ncards = {}"}}
            notebook = answered(notebook, said.get(trainee, {}))
            if trainee == "bo":  # nbgrader's own steps stop at the first of these
                notebook.cells += [notebook.cells[6], notebook.cells[7]]
                del notebook.cells[9]
            (folder / f"{name}.ipynb").write_text(json.dumps(notebook))
    (root / "submitted" / "cem" / UNIT / f"{ASSESSMENT}.ipynb").write_text("{")
    (root / "submitted" / "cem" / UNIT / f"{LESSON}.ipynb").unlink()
    (root / "submitted" / "cem" / UNIT / f"{LESSON}.ipynb").symlink_to(root / "gradebook.db")
    (root / "submitted" / "anna" / UNIT / "mine.csv").write_text("a,b")
    (root / "submitted" / "dee" / UNIT / f"{LESSON}.ipynb").unlink()
    return Cohort(root)


@pytest.fixture(scope="module")
def ours(cohort: Cohort) -> Cohort:
    """The cohort as `pathway grade` leaves it."""
    return graded_by_us(copy(cohort, "ours"))


@pytest.fixture(scope="module")
def theirs(cohort: Cohort) -> Cohort:
    """The cohort as `nbgrader autograde` leaves it."""
    made = copy(cohort, "theirs")
    (made.root / "said.txt").write_text(nbgrader(made.root, "autograde", UNIT))
    return made


def copy(cohort: Cohort, name: str) -> Cohort:
    return Cohort(Path(shutil.copytree(cohort.root, cohort.root.parent / name, symlinks=True)))


def graded_by_us(cohort: Cohort) -> Cohort:
    with Gradebook(cohort.gradebook_url, cohort.name) as gradebook, Grader(cohort.data) as grader:
        unit = templates(cohort.release, UNIT, gradebook)
        around = books.circumstances(gradebook, UNIT, books.data_fingerprint(cohort.data))
        for trainee in cohort.handed_in(UNIT):
            folder = cohort.submitted / trainee / UNIT
            files = beside(folder)
            notebooks = [grade_file(folder / f"{name}.ipynb", unit[name], grader, files) for name in unit]
            done = GradedSubmission(trainee, UNIT, books.fingerprint(folder, unit, around(trainee)), tuple(notebooks))
            books.record(gradebook, cohort, done, books.submitted_at(folder))
    return cohort


def grade_file(path: Path, template: Template, grader: Grader, files: dict[str, bytes]) -> GradedNotebook:
    try:
        return grade_text(read(path), template, grader, files)
    except FileNotFoundError:
        return GradedNotebook(template.name, Status.MISSING)
    except Unreadable as error:
        return GradedNotebook(template.name, Status.UNREADABLE, why=str(error))


def records(cohort: Cohort) -> dict[str, GradedSubmission]:
    """All records, without what differs from run to run."""
    found = {}
    for path in (cohort.records / UNIT).glob("*.json"):
        one = books.read_record(path)
        notebooks = tuple(replace(book, seconds=0.0) for book in one.notebooks)
        found[path.stem] = replace(one, notebooks=notebooks, graded_at=None)
    return found


def test_the_gradebook_is_that_of_pathway_grade(ours, theirs):
    wanted = rows(ours.root / "gradebook.db")
    assert rows(theirs.root / "gradebook.db") == wanted
    assert len({row[0] for row in wanted["grade"]}) == 5
    assert {row[4] for row in wanted["grade"]} > {None, 0.0, 4.0}


def test_the_records_are_those_of_pathway_grade(ours, theirs):
    wanted = records(ours)
    assert records(theirs) == wanted
    assert {book.status for one in wanted.values() for book in one.notebooks} == set(Status)
    assert [book.flags != () for book in wanted["eve"].notebooks].count(True) == 1
    assert all(book.repairs for book in wanted["bo"].notebooks)
    for trainee, one in wanted.items():
        assert books.is_done(theirs, trainee, UNIT, one.fingerprint)


def test_the_autograded_notebooks_are_those_of_pathway_grade(ours, theirs):
    for trainee in ours.handed_in(UNIT):
        folder = ours.autograded / trainee / UNIT
        files = {path.relative_to(ours.root): path.stat().st_mode for path in folder.rglob("*")}
        beside_it = (theirs.autograded / trainee / UNIT).rglob("*")
        assert {path.relative_to(theirs.root): path.stat().st_mode for path in beside_it} == files
        for name in files:
            one, other = (root.root / name for root in (ours, theirs))
            if name.suffix == ".ipynb":
                one, other = (nbformat.read(path, as_version=4) for path in (one, other))
                assert [(cell.cell_type, cell.source, cell.metadata) for cell in one.cells] == [
                    (cell.cell_type, cell.source, cell.metadata) for cell in other.cells
                ]
                assert one.metadata == other.metadata
            else:
                assert one.read_bytes() == other.read_bytes()


def test_a_mentor_at_the_keyboard_is_told_what_was_wrong(theirs):
    said = (theirs.root / "said.txt").read_text()
    assert f"{ASSESSMENT} of cem cannot be read: The file is not JSON" in said
    assert f"{ASSESSMENT} of eve: marks withheld." in said
    assert f"{ASSESSMENT} of bo: Exercise 1: the check stood twice" in said


@pytest.fixture
def at_hand(theirs, tmp_path, monkeypatch) -> NbGraderAPI:
    """nbgrader in this process, as formgrader has it, in a copy of the graded cohort."""
    made = Cohort(Path(shutil.copytree(theirs.root, tmp_path / "copy", symlinks=True)))
    monkeypatch.chdir(made.root)
    config = PyFileConfigLoader("nbgrader_config.py", path=str(made.root)).load_config()
    return NbGraderAPI(CourseDirectory(config=config), config=config)


def test_the_button_of_formgrader_does_the_same(at_hand, ours):
    made = Cohort(Path(at_hand.coursedir.root))
    with sqlite3.connect(made.root / "gradebook.db") as connection:
        connection.execute("update grade set auto_score = 77")
        connection.execute("update comment set auto_comment = 'old'")
    shutil.rmtree(made.records)
    for trainee in made.handed_in(UNIT):
        assert at_hand.autograde(UNIT, trainee, force=True)["success"]
    after, wanted = rows(made.root / "gradebook.db"), rows(ours.root / "gradebook.db")
    # nbgrader leaves the comments on what was not handed in as they are.
    for found in (wanted, after):
        found["comment"] = [row for row in found["comment"] if row[:2] != ("dee", LESSON)]
    assert after == wanted
    assert records(made) == records(ours)


def test_grading_one_notebook_alone_keeps_what_is_recorded_of_the_others(at_hand):
    made = Cohort(Path(at_hand.coursedir.root))
    before = records(made)
    at_hand.coursedir.notebook_id = ASSESSMENT
    assert at_hand.autograde(UNIT, "anna", force=True)["success"]
    assert records(made) == before
    books.record_path(made, "anna", UNIT).unlink()
    assert at_hand.autograde(UNIT, "anna", force=True)["success"]
    assert "anna" not in records(made)
