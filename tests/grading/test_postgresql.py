"""A gradebook in PostgreSQL, on a real server: marks are those of a gradebook in a file, and many may write at a time."""

import csv
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from nbgrader.api import SourceCell
from nbgrader.apps.api import NbGraderAPI
from typer.testing import CliRunner

from course.cli import app
from course.grading.cohort import Cohort, CohortError
from course.grading.collect import collect
from course.grading.exchange import Refused, release
from course.grading.export import export, status
from course.grading.feedback import feedback
from course.grading.grade import grade
from course.grading.report import write
from course.grading.settings import settings_of
from tests.conftest import edit
from tests.grading.small_unit import ASSESSMENT, LESSON, UNIT, answered, edit_cell, new_cohort
from tests.grading.test_exchange import plain
from tests.grading.test_grade import RIGHT, WRONG, Books, copy, ended, graded_by, start

TRAINEES = {
    "t01": RIGHT | {"sentence": "Two of eight waited longer."},
    "t02": WRONG,
    "t03": {"longest-wait": RIGHT["longest-wait"]},
    "t04": RIGHT | {"promise-kept": "def kept(waits, promise):\n    import gc\n    return gc.get_objects()[0]"},
    "t05": {"which-number": "number = ("},
    "t06": {},
}
DEBIAN = Path("/usr/lib/postgresql")


@pytest.fixture(scope="module")
def server() -> Iterator["Server"]:
    # Not in pytest's own folder: nobody else could reach it there, and a socket's path has room for a hundred letters.
    with tempfile.TemporaryDirectory(prefix="pathway-pg-", ignore_cleanup_errors=True) as folder:
        server = Server(Path(folder))
        try:
            yield server
        finally:
            server.stop()


class Server:
    """PostgreSQL in a folder of its own; only its socket there leads to it. It refuses root: then it runs as nobody."""

    def __init__(self, folder: Path):
        self.folder, self._numbers = folder, count(1)
        self._how = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
            self._how |= {"user": "nobody", "group": "nogroup", "extra_groups": []}
        data = str(folder / "data")
        initdb = [tool("initdb"), "--pgdata", data, "--username", "mentor", "--auth", "trust", "--no-sync"]
        subprocess.run([*initdb, "--encoding", "UTF8", "--locale", "C"], check=True, **self._how)
        quick = ["-c", "fsync=off", "-c", "listen_addresses="]
        self._process = subprocess.Popen([tool("postgres"), "-D", data, "-k", str(folder), *quick], **self._how)
        end = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None and time.monotonic() < end, "the server does not start"
            time.sleep(0.05)

    def new_database(self, template: str = "template1") -> str:
        """The address, as a mentor types it, of a new database: an empty one, or a copy of another that nobody uses now."""
        name = f"autumn{next(self._numbers)}"
        with psycopg.connect(f"postgresql://mentor@/postgres?host={self.folder}", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return f"postgresql://mentor@/{name}?host={self.folder}"

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)  # which ends connections too
        self._process.wait(timeout=30)

    def _answers(self) -> bool:
        try:
            psycopg.connect(f"postgresql://mentor@/postgres?host={self.folder}").close()
        except psycopg.OperationalError:
            return False
        return True


def tool(name: str) -> str:
    """One of PostgreSQL's programs: Debian keeps the server's out of the way, by version."""
    versions = sorted(DEBIAN.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which(name)
    assert found, f"{name} of PostgreSQL is not installed"
    return found


def handed_in(folder: Path, **options) -> Cohort:
    """A cohort whose trainees have handed in; nothing is graded."""
    cohort = new_cohort(folder, " ".join(TRAINEES), **options)
    (folder / "files").mkdir()
    for trainee, answers in TRAINEES.items():
        for name in (LESSON, ASSESSMENT):
            (folder / "files" / f"{trainee}_{name}.ipynb").write_text(answered(cohort, name, answers), encoding="utf-8")
    assert len(collect(cohort, UNIT, folder / "files").new) == len(TRAINEES)
    return cohort


@pytest.fixture(scope="module")
def in_file(tmp_path_factory) -> Cohort:
    """Graded, with a gradebook in a file."""
    return graded(handed_in(tmp_path_factory.mktemp("file")))


@pytest.fixture(scope="module")
def in_server(server, tmp_path_factory) -> Cohort:
    """Graded, with a gradebook in PostgreSQL."""
    return graded(handed_in(tmp_path_factory.mktemp("server"), gradebook=server.new_database()))


def graded(cohort: Cohort) -> Cohort:
    assert grade(cohort).graded == len(TRAINEES)
    give(cohort, "t01", 2)
    return cohort


def give(cohort: Cohort, trainee: str, mark: float) -> None:
    """What formgrader does when a mentor types a mark and a comment."""
    with cohort.gradebook() as gradebook:
        mine = gradebook.find_grade("sentence", ASSESSMENT, UNIT, trainee)
        mine.manual_score, mine.needs_manual_grade = mark, False
        gradebook.find_comment("sentence", ASSESSMENT, UNIT, trainee).manual_comment = f"{mark} marks"
        gradebook.db.commit()


@pytest.fixture
def another(in_server, server, tmp_path) -> Cohort:
    """A copy of the graded cohort with a database of its own."""
    cohort = copy(in_server, tmp_path)
    mine = server.new_database(in_server.gradebook_url.partition("@/")[2].partition("?")[0])
    edit(cohort.root / "cohort.json", in_server.gradebook_url, mine.replace("postgresql:", "postgresql+psycopg:"))
    return Cohort(cohort.root)


def test_what_grading_leaves_is_what_it_leaves_in_a_file(in_file, in_server):
    assert in_server.gradebook_url.startswith("postgresql+psycopg://") and not (in_server.root / "gradebook.db").exists()
    ours, theirs = Books.of(in_server), Books.of(in_file)
    assert ours == theirs
    assert {len(ours.records), len({row[0] for row in ours.grades})} == {len(TRAINEES)}
    assert ours.records["t04"]["notebooks"][LESSON]["flags"], "marks are withheld"


def test_report_marks_and_status_have_the_same_numbers(in_file, in_server, tmp_path):
    said = []
    for cohort in (in_file, in_server):
        page = write(cohort)
        report = json.loads((page.parent / "report.json").read_text())
        tables = [[*csv.DictReader((page.parent / name).open())] for name in ("marks.csv", "exercises.csv")]
        export(cohort, tmp_path / "marks.csv")
        said.append((without_times(report), without_times(tables), (tmp_path / "marks.csv").read_text(), status(cohort)))
    assert said[0] == said[1]
    assert "2 marks" in said[0][2] and '"mark"' in json.dumps(said[0][0])


def without_times(report):
    """A report, as JSON or tables, but for when it was made and when submissions were graded."""
    if isinstance(report, dict):
        return {key: without_times(value) for key, value in report.items() if key not in ("made_at", "graded_at")}
    return [*map(without_times, report)] if isinstance(report, list) else report


def test_feedback_and_formgrader_s_lists_are_the_same(in_file, in_server):
    pages, lists = [], []
    for cohort in (in_file, in_server):
        assert feedback(cohort, UNIT).failed == ()
        pages.append({str(path.relative_to(cohort.feedback)): path.read_text() for path in cohort.feedback.rglob("*.html")})
        api = NbGraderAPI(config=settings_of(cohort))
        found = api.get_submissions(UNIT), api.get_students(), api.get_notebook_submissions(UNIT, ASSESSMENT)
        lists.append([sorted(map(without_ids, some), key=str) for some in found])
    assert pages[0].keys() == pages[1].keys() and len(pages[0]) == 2 * len(TRAINEES)
    assert lists[0] == lists[1] and [len(some) for some in lists[0]] == [len(TRAINEES)] * 3


def without_ids(row: dict) -> dict:
    return {key: value for key, value in row.items() if key not in ("id", "index")}


def test_nothing_is_graded_anew_until_something_changes(another):
    assert graded_by(another)[1] == set()
    submitted = another.submitted / "t02" / UNIT / f"{LESSON}.ipynb"
    submitted.write_text(submitted.read_text() + "\n")
    assert graded_by(another)[1] == {"t02"}


def test_two_mentors_grade_at_once_while_two_mark_by_hand_and_all_of_it_is_kept(another):
    for notebook in another.submitted.rglob("*.ipynb"):
        notebook.write_text(notebook.read_text() + "\n")
    both, marked, failed = [start(another), start(another)], {"t01": 0, "t02": 0}, []

    def mark(trainee: str) -> None:
        try:
            while any(one.poll() is None for one in both):
                give(another, trainee, marked[trainee] % 3)
                marked[trainee] += 1
                time.sleep(0.1)  # leave the machine to the two that grade
        except Exception as error:
            failed.append(error)

    mentors = [threading.Thread(target=mark, args=[trainee]) for trainee in marked]
    for mentor in mentors:
        mentor.start()
    ran = sorted((ended(one) for one in both), key=lambda one: one.stderr)
    for mentor in mentors:
        mentor.join()
    assert [one.returncode for one in ran] == [0, 0] and failed == []
    assert "6 submissions graded" in ran[0].stdout and "6 as before" in ran[1].stdout
    assert ran[1].stderr.count("Another `pathway` is at work in") == 1
    by_hand = {row[0]: row[4] for row in Books.of(another).grades if row[2] == "sentence"}
    assert min(marked.values()) > 3 and by_hand == by_hand | {one: (times - 1) % 3 for one, times in marked.items()}


def test_plain_nbgrader_grades_into_it(another):
    before = Books.of(another).grades
    plain(another, "autograde", UNIT, "--student", "t05", "--force")
    assert Books.of(another).grades == before
    assert "t05" in plain(another, "db", "student", "list")


def test_a_release_that_nbgrader_refuses_leaves_the_gradebook_as_it_was(another):
    def checks() -> set[str]:
        with another.gradebook() as gradebook:
            return {cell.source for cell in gradebook.db.query(SourceCell)}

    before = checks()
    edit_cell(another.source / UNIT / f"{ASSESSMENT}.ipynb", "Nobody came, so nobody waited", "An empty desk has no queue")
    lesson = json.loads((another.source / UNIT / f"{LESSON}.ipynb").read_text())
    lesson["cells"] = [cell for cell in lesson["cells"] if not cell["metadata"].get("check")]
    (another.source / UNIT / f"{LESSON}.ipynb").write_text(json.dumps(lesson))
    with pytest.raises(Refused, match="nothing was changed: Cannot add or remove cells for notebook 'queues'"):
        release(another, UNIT, as_here=True)
    assert checks() == before


def test_a_database_that_will_not_do_is_told_in_a_sentence_without_its_password(server, in_server, tmp_path):
    (tmp_path / "roster.csv").write_text("id\nt01\n")
    used = in_server.gradebook_url.replace("+psycopg", "")
    for address, said in (
        (used, "has tables in it: each cohort needs an empty database of its own"),
        (used.replace("autumn", "winter"), 'does not open (.* database "winter.*" does not exist.*): start its server'),
        ("postgresql://m:secret@127.0.0.1:1/autumn", r"The gradebook .*//m:\*\*\*@.* does not open \(.*refused"),
        ("postgresql://m:secret@127.0.0.1:one/autumn", "does not open"),
        ("mysql://m:secret@127.0.0.1/autumn", "is no PostgreSQL database: name one as in postgresql://"),
        ("autumn", "autumn is no PostgreSQL database"),
    ):
        with pytest.raises(CohortError, match=said) as error:
            Cohort.new(tmp_path / "cohort", tmp_path / "roster.csv", gradebook=address)
        assert "\n" not in str(error.value) and "secret" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["roster.csv"]


def test_a_server_that_is_gone_is_told_in_one_line(another):
    edit(another.root / "cohort.json", "@/autumn", "@/gone")
    for command in ("grade", "report", "status", "export"):
        ran = CliRunner().invoke(app, [command, "--cohort", str(another.root)])
        (line,) = ran.stderr.strip().splitlines()
        assert ran.exit_code == 2 and "does not exist" in line and 'mend "gradebook" in cohort.json' in line
