"""`pathway grade`: killed, doubled, spread over a Dask cluster or let alone, it ends with the same gradebook."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from course.engine.linux import adopt_orphans, descendants
from course.grading.cohort import Cohort, CohortError
from course.grading.exchange import release
from course.grading.grade import Summary, grade
from tests.conftest import ROOT
from tests.grading.small_unit import ASSESSMENT, LESSON, UNIT, answered, edit_cell, new_cohort

TRAINEES = [f"t{number:02}" for number in range(1, 17)]
RIGHT = {
    "promise-kept": "def kept(waits, promise):\n    return (waits < promise).mean()",
    "longest-wait": "def longest(waits):\n    return waits.max() if len(waits) else 0",
    "which-number": 'number = "share"',
}
WRONG = {
    "promise-kept": "def kept(waits, promise):\n    return (waits < 60).mean()",
    "longest-wait": "def longest(waits):\n    return waits.max()",
    "which-number": 'number = "mean"',
}
SLOWLY = "import time\ntime.sleep(0.15)\n"
MOMENTS = 10
STARTED: list[subprocess.Popen] = []
# One of three answers to each of three tasks: no two of the sixteen hand in the same.
CHOICES = (RIGHT, WRONG, {})


def answers_of(trainee: str) -> dict[str, str]:
    """Right, wrong or no answers, another mixture for each trainee; they take a moment."""
    number = TRAINEES.index(trainee)
    chosen = {}
    for place, task in enumerate(RIGHT):
        answer = CHOICES[number // 3**place % 3].get(task)
        if answer:
            chosen[task] = answer if task != "promise-kept" else SLOWLY + answer
    return chosen


def hand_in(cohort: Cohort, trainee: str, answers: dict[str, str]) -> None:
    folder = cohort.submitted / trainee / UNIT
    folder.mkdir(parents=True, exist_ok=True)
    for name in (LESSON, ASSESSMENT):
        (folder / f"{name}.ipynb").write_text(answered(cohort, name, answers), encoding="utf-8")


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory) -> Cohort:
    """Sixteen have handed in; nothing is graded."""
    cohort = new_cohort(tmp_path_factory.mktemp("grade"), " ".join(TRAINEES))
    for trainee in TRAINEES:
        hand_in(cohort, trainee, answers_of(trainee))
    return cohort


@pytest.fixture(scope="module")
def graded(handed_in, tmp_path_factory) -> Cohort:
    """The cohort as an undisturbed run leaves it."""
    cohort = copy(handed_in, tmp_path_factory.mktemp("undisturbed"))
    assert "16 submissions graded" in done(cohort).stdout
    return cohort


@pytest.fixture(autouse=True)
def nobody_left() -> Iterator[None]:
    """A test that fails leaves no command running."""
    yield
    for process in STARTED:
        if process.poll() is None:
            process.kill()
            process.communicate()
    STARTED.clear()


def copy(cohort: Cohort, folder: Path) -> Cohort:
    return Cohort(Path(shutil.copytree(cohort.root, folder / "cohort")))


# ------------------------------------------------------------------------------------------------ the command


def start(cohort: Cohort, *arguments: str, path: str | None = None) -> subprocess.Popen:
    """Start `pathway grade` in a cohort, with a folder of its own for temporary files."""
    temporary = cohort.root.parent / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "TMPDIR": str(temporary)}
    if path is not None:
        environment["PATH"] = path
    command = [sys.executable, "-m", "course.cli", "grade", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    STARTED.append(subprocess.Popen(command, cwd=cohort.root, env=environment, **pipes))
    return STARTED[-1]


def ended(process: subprocess.Popen) -> subprocess.CompletedProcess:
    said, complained = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, said, complained)


def done(cohort: Cohort, *arguments: str) -> subprocess.CompletedProcess:
    ran = ended(start(cohort, *arguments))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran


def refusal(ran: subprocess.CompletedProcess, code: int) -> str:
    """The one line in which a command was refused."""
    assert ran.returncode == code, ran.stdout + ran.stderr
    (line,) = ran.stderr.strip().splitlines()
    assert line.startswith("pathway: ")
    return line


# ------------------------------------------------------------------------------------------------ what is in the books


@dataclass(frozen=True)
class Books:
    """What a run leaves: rows of the gradebook, the notebooks of autograded/, and the records but for their times."""

    grades: list[tuple]
    comments: list[tuple]
    notebooks: dict[str, str]
    records: dict[str, dict]

    @classmethod
    def of(cls, cohort: Cohort) -> "Books":
        grades, comments = [], []
        with cohort.gradebook() as gradebook:
            for submission in gradebook.assignment_submissions(UNIT):
                for notebook in submission.notebooks:
                    place = submission.student.id, notebook.name
                    grades += [(*place, g.name, g.auto_score, g.manual_score, g.needs_manual_grade) for g in notebook.grades]
                    comments += [(*place, c.name, c.auto_comment, c.manual_comment) for c in notebook.comments]
        files = (path for path in cohort.autograded.rglob("*") if path.is_file())
        notebooks = {str(path.relative_to(cohort.autograded)): path.read_text(encoding="utf-8") for path in files}
        records = {}
        for path in (cohort.records / UNIT).glob("*.json"):
            records[path.stem] = json.loads(path.read_text(encoding="utf-8"))
            del records[path.stem]["graded_at"]
            for notebook in records[path.stem]["notebooks"].values():
                del notebook["seconds"]
        return cls(sorted(grades, key=str), sorted(comments, key=str), notebooks, records)


def graded_when(cohort: Cohort) -> dict[str, tuple]:
    """Trainee -> when they were graded, as the record says and as its file does."""
    paths = (cohort.records / UNIT).glob("*.json")
    return {path.stem: (json.loads(path.read_text())["graded_at"], path.stat().st_mtime_ns) for path in paths}


def grades_of(cohort: Cohort, trainee: str) -> dict[str, float]:
    return {row[2]: row[3] for row in Books.of(cohort).grades if row[0] == trainee}


def test_an_undisturbed_run_enters_everybody_s_own_marks(graded):
    books = Books.of(graded)
    assert len(books.records) == 16 and len(books.notebooks) == 32
    assert all(not notebook["flags"] for one in books.records.values() for notebook in one["notebooks"].values())
    for trainee in TRAINEES:
        right = [task for task, answer in answers_of(trainee).items() if RIGHT[task] in answer]
        worth = {"promise-kept": 2, "longest-wait": 3, "which-number": 1}
        marks = {name: score for name, score in grades_of(graded, trainee).items() if name.endswith("-check")}
        assert marks == {f"{task}-check": points if task in right else 0 for task, points in worth.items()}


# ------------------------------------------------------------------------------------------------ killed, and two at once


def test_killed_at_ten_moments_and_started_again_it_ends_with_the_same_books(handed_in, graded, tmp_path, monkeypatch):
    """A moment is some records after the start, or none, and a little later."""
    adopt_orphans()
    others = set(descendants())
    (temporary := tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    cohort, random_ = copy(handed_in, tmp_path), random.Random(7)
    before: dict[str, tuple] = {}
    for moment in range(MOMENTS):
        process = start(cohort)
        wanted = len(before) + moment % 2
        until(lambda n=wanted, p=process: len(graded_when(cohort)) >= n or p.poll() is not None)
        time.sleep(random_.uniform(0, 0.2 if moment % 2 else 1.5))
        assert process.poll() is None, "it ended before it could be killed: hand in more"
        process.kill()
        process.communicate()
        after = graded_when(cohort)
        assert before.items() <= after.items()
        before = after
    assert 4 <= len(before) < 16
    assert f"{16 - len(before)} submissions graded" in done(cohort).stdout
    assert before.items() <= graded_when(cohort).items()
    assert Books.of(cohort) == Books.of(graded)
    assert nothing_runs_but(others)
    assert list(temporary.glob("pathway-*")) == [], "what a killed run leaves, the next clears away"


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def nothing_runs_but(others: set[int], seconds: float = 15) -> bool:
    """Whether all that this process has started, and what that has started, is gone or goes soon; `others` may stay."""
    end = time.monotonic() + seconds
    while set(descendants()) - others and time.monotonic() < end:
        time.sleep(0.02)
    return not set(descendants()) - others


def test_killed_while_notebooks_run_it_leaves_no_process_behind(handed_in, tmp_path):
    adopt_orphans()
    others = set(descendants())
    cohort = copy(handed_in, tmp_path)
    for trainee in TRAINEES:
        hand_in(cohort, trainee, {"promise-kept": DEAF})
    process = start(cohort)
    until(lambda: len(descendants(process.pid)) > 4)  # two for each sandbox, and then those of a notebook
    time.sleep(0.5)
    process.kill()
    process.communicate()
    assert nothing_runs_but(others)


DEAF = """import os, signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
while True:
    time.sleep(1)"""


def test_two_at_once_wait_for_each_other_and_neither_fails(handed_in, graded, tmp_path):
    cohort = copy(handed_in, tmp_path)
    both = [start(cohort), start(cohort)]
    ran = sorted((ended(one) for one in both), key=lambda one: one.stderr)
    assert [one.returncode for one in ran] == [0, 0]
    waited = "Another `pathway` is at work in"
    assert waited not in ran[0].stderr and ran[1].stderr.count(waited) == 1
    assert "16 submissions graded" in ran[0].stdout and "0 submissions graded" in ran[1].stdout
    assert "16 as before" in ran[1].stdout
    assert Books.of(cohort) == Books.of(graded)


# ------------------------------------------------------------------------------------------------ a Dask cluster


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen]]]:
    """A scheduler and two workers of one thread each, started as one does by hand: its address, and the workers."""
    tool = [str(Path(sys.executable).parent / "dask")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    options = {"env": environment, "cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    note = folder / "scheduler.json"
    here = ["--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    command = [*tool, "scheduler", *here, "--port", "0", "--scheduler-file", str(note)]
    running = [subprocess.Popen(command, **options)]
    try:
        for _ in range(2):
            command = [*tool, "worker", *here, "--scheduler-file", str(note), "--nthreads", "1", "--no-nanny"]
            running.append(subprocess.Popen([*command, "--local-directory", str(folder)], **options))
        until(lambda: note.exists() and note.read_text().rstrip().endswith("}"))
        yield json.loads(note.read_text())["address"], running[1:]
    finally:
        for one in running:
            one.kill()
            one.wait()


def test_on_a_cluster_the_marks_are_the_same_and_a_worker_killed_in_the_middle_loses_nothing(handed_in, graded, tmp_path):
    adopt_orphans()
    cohort = copy(handed_in, tmp_path)
    with cluster(tmp_path) as (address, workers):
        until_two_wait(address)
        process = start(cohort, "--scheduler", address)
        until(lambda: len(graded_when(cohort)) >= 3)
        both = [descendants(worker.pid) for worker in workers]
        workers[0].kill()
        workers[0].wait()
        ran = ended(process)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "16 submissions graded" in ran.stdout
        assert all(both), "both workers had a sandbox"
        until(lambda: not set(both[0]) & set(descendants()))
        until(lambda: not descendants(workers[1].pid))
    assert Books.of(cohort) == Books.of(graded)


def until_two_wait(address: str) -> None:
    from distributed import Client

    with Client(address, timeout=30) as client:
        client.wait_for_workers(2, timeout=60)


# ------------------------------------------------------------------------------------------------ what is graded anew


def graded_by(cohort: Cohort, *arguments, **options) -> tuple[Summary, set[str]]:
    """What a run did, and whose records it wrote."""
    before = graded_when(cohort)
    summary = grade(cohort, *arguments, **options)
    after = graded_when(cohort)
    return summary, {trainee for trainee in after if after[trainee] != before.get(trainee)}


def test_what_changed_is_graded_anew_and_nothing_else(graded, tmp_path):
    cohort = copy(graded, tmp_path)
    summary, written = graded_by(cohort)
    assert (summary.graded, summary.unchanged, written) == (0, 16, set())
    for trainee in ("t01", "t02"):
        hand_in(cohort, trainee, WRONG if answers_of(trainee).get("which-number") == RIGHT["which-number"] else RIGHT)
    summary, written = graded_by(cohort, trainees=["t02", "t03"])
    assert (summary.graded, summary.unchanged, written) == (1, 1, {"t02"})
    summary, written = graded_by(cohort, [UNIT])
    assert (summary.graded, summary.unchanged, written) == (1, 15, {"t01"})
    assert grades_of(cohort, "t01") != grades_of(graded, "t01")
    assert {row for row in Books.of(cohort).grades if row[0] > "t02"} == {
        row for row in Books.of(graded).grades if row[0] > "t02"
    }


def test_a_mended_check_marks_everybody_anew(graded, tmp_path):
    cohort = copy(graded, tmp_path)
    edit_cell(cohort.source / UNIT / f"{ASSESSMENT}.ipynb", 'expect(number == "share"', 'expect(number == "mean"')
    release(cohort, UNIT, as_here=True)
    summary, written = graded_by(cohort)
    assert summary.graded == 16 and written == set(TRAINEES)
    for trainee in TRAINEES:
        said_mean = answers_of(trainee).get("which-number") == WRONG["which-number"]
        assert grades_of(cohort, trainee)["which-number-check"] == (1 if said_mean else 0)


# ------------------------------------------------------------------------------------------------ what is refused


def test_a_trainee_and_a_unit_that_there_is_not_are_named(graded):
    asked = [start(graded, "--trainee", "nobody"), start(graded, "99")]
    trainee, unit = (refusal(ended(one), 2) for one in asked)
    assert "Nobody in this cohort has the id nobody: `pathway status` lists who is in it." in trainee
    assert f'No unit is called "99". Released are {UNIT}.' in unit


def test_a_scheduler_that_does_not_answer_is_told_in_one_line(handed_in, tmp_path, monkeypatch):
    cohort = copy(handed_in, tmp_path)
    line = refusal(ended(start(cohort, "--scheduler", "nonsense:")), 2)
    assert "No Dask scheduler answers at nonsense:" in line and line.endswith("start one with `dask scheduler`.")
    monkeypatch.setattr("course.grading.grade.PATIENCE", 1)
    with pytest.raises(CohortError, match=r"No Dask scheduler answers at tcp://127.0.0.1:1 .*start one with") as error:
        grade(cohort, scheduler="tcp://127.0.0.1:1")
    assert error.value.code == 2 and "\n" not in str(error.value)
    assert graded_when(cohort) == {}


def test_without_bubblewrap_it_refuses_and_says_what_to_install(handed_in, tmp_path):
    cohort = copy(handed_in, tmp_path)
    tools = tmp_path / "tools"
    tools.mkdir()
    asked = [start(cohort, path=str(tools)), start(cohort, "--unsandbox", path=str(tools)), start(cohort, "-u")]
    refused, shortened, letter = (ended(one) for one in asked)
    assert "apt-get install bubblewrap" in refusal(refused, 1)
    assert shortened.returncode == letter.returncode == 2 and "No such option" in shortened.stderr
    assert graded_when(cohort) == {}


def test_without_the_sandbox_it_warns_and_the_marks_are_the_same(handed_in, graded, tmp_path):
    cohort = copy(handed_in, tmp_path)
    tools = tmp_path / "tools"
    tools.mkdir()
    some = "t01", "t05", "t09"
    chosen = [word for trainee in some for word in ("--trainee", trainee)]
    ran = ended(start(cohort, "--unsandboxed", *chosen, path=str(tools)))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "trainees' code can read and change whatever you can" in ran.stdout
    for trainee in some:
        assert grades_of(cohort, trainee) == grades_of(graded, trainee)


# ------------------------------------------------------------------------------------------------ limits


def limit(cohort: Cohort, limits) -> Cohort:
    path = cohort.root / "cohort.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "limits": limits}))
    return Cohort(cohort.root)


def test_limits_of_the_cohort_hold(handed_in, tmp_path):
    cohort = limit(copy(handed_in, tmp_path), {"seconds": 1, "output_kb": 20})
    hand_in(cohort, "t01", {"promise-kept": "while True:\n    pass"})
    hand_in(cohort, "t02", {"promise-kept": 'print("x" * 30_000)\n' + RIGHT["promise-kept"]})
    grade(cohort, trainees=["t01", "t02"])
    stopped = {trainee: one["notebooks"][LESSON]["stopped"] for trainee, one in Books.of(cohort).records.items()}
    assert stopped == {
        "t01": ["Exercise 1: stopped after 1 s."],
        "t02": ["Exercise 1: gave more than 20 KB of output."],
    }


NO_LIMITS = [
    {"second": 2},
    {"seconds": 0},
    {"seconds": "2"},
    {"seconds": True},
    {"seconds": float("nan")},
    {"processes": 2.5},
]


@pytest.mark.parametrize("limits", [*NO_LIMITS, [2], 7])
def test_a_limit_that_is_none_is_refused_with_its_file_and_name(handed_in, tmp_path, limits):
    shutil.copyfile(handed_in.root / "cohort.json", tmp_path / "cohort.json")
    with pytest.raises(CohortError) as error:
        _ = limit(Cohort(tmp_path), limits).limits
    assert f'{tmp_path / "cohort.json"}: "limits"' in str(error.value)
    assert not isinstance(limits, dict) or f'"{next(iter(limits))}": ' in str(error.value)


def test_the_command_refuses_a_limit_that_is_none(handed_in, tmp_path):
    cohort = limit(copy(handed_in, tmp_path), {"second": 2})
    assert '"second": 2 is no limit. There are seconds, ' in refusal(ended(start(cohort)), 2)


# ------------------------------------------------------------------------------------------------ what can be reached


def test_what_it_listens_on_is_this_machine_s_alone_and_answers_no_page(handed_in, tmp_path):
    cohort = copy(handed_in, tmp_path)
    process = start(cohort)
    until(lambda: len(graded_when(cohort)) >= 1)
    heard = [one.laddr for one in psutil.Process(process.pid).net_connections("inet") if one.status == psutil.CONN_LISTEN]
    pages = ("", "status", "info/main/workers.html", "health", "metrics", "json/counts.json", "api/v1/get_workers")
    answers = {answer(f"http://127.0.0.1:{port}/{page}") for _, port in heard for page in pages}
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert {address for address, _ in heard} <= {"127.0.0.1"}
    assert answers <= {404}


def answer(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=5) as page:
            return page.status
    except urllib.error.HTTPError as error:
        return error.code
