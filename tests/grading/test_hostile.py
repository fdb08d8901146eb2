"""One cohort with every notebook of the hostile bank in it and honest ones between them, graded once by `pathway grade`."""

import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from course.builder.source import hidden_part, read_unit
from course.engine.linux import adopt_orphans, descendants, reap
from course.grading.cohort import CHECKOUT, Cohort
from course.grading.demo import _model
from course.grading.exchange import release
from course.grading.hostile import GUARD, HOSTILE, LITTER, ODD, TAKEN, Exam, Prey, lay
from course.grading.hostile.case import GUESSED
from course.grading.results import Status

UNIT, ASSESSMENT = "01-what-is-data-science", "data-science-assessment"
CASES = {case.name: case for case in HOSTILE + ODD}
# Honest people hand in right behind every eighth of the others, in the order in which all are graded.
HONEST = [f"{name}-next" for name in sorted(CASES)[::8]]
CANARY = "canary-bird"
PLACES = ("gradebook", "submission", "home", "environment")
LIMITS = {"seconds": 1.5, "seconds_in_all": 30, "memory_mb": 500}
OWN = {"autograded", "cohort.json", "data", "exchange", "gradebook.db", "nbgrader_config.py", "records", "release", "source"}
OWN |= {"submitted", ".lock", ".released"}


@dataclass(frozen=True)
class Ran:
    """A graded cohort: its folder, what the command said, what it left behind, and who was called meanwhile."""

    cohort: Cohort
    exam: Exam
    said: str
    code: int
    left_running: list[str]
    left_in: dict[str, list[str]]
    called: int

    def cells(self, trainee: str) -> list[dict]:
        path = self.cohort.autograded / trainee / UNIT / f"{ASSESSMENT}.ipynb"
        return json.loads(path.read_text(encoding="utf-8"))["cells"] if path.exists() else []

    def record(self, trainee: str) -> dict:
        return json.loads((self.cohort.records / UNIT / f"{trainee}.json").read_text(encoding="utf-8"))

    def grades(self, trainee: str) -> dict[str, tuple]:
        """Name -> what the gradebook has of it."""
        with self.cohort.gradebook() as gradebook:
            found = gradebook.find_submission_notebook(ASSESSMENT, UNIT, trainee).grades
            return {one.name: (one.auto_score, one.manual_score, one.needs_manual_grade) for one in found}

    def comments(self, trainee: str) -> str:
        """What a mentor reads in formgrader beside the cells."""
        with self.cohort.gradebook() as gradebook:
            found = gradebook.find_submission_notebook(ASSESSMENT, UNIT, trainee).comments
            return "\n".join(one.auto_comment or "" for one in found)

    def leaked(self, trainee: str) -> str:
        """All that comes of a submission and was not in it."""
        outputs = [cell.get("outputs", []) for cell in self.cells(trainee)]
        return json.dumps([outputs, self.record(trainee)], ensure_ascii=False)


def honest_answers(number: int, right: dict[str, str]) -> dict[str, str]:
    """Right answers to some exercises, guesses at others, others left out."""
    kept = [task for at, task in enumerate(right) if (at + number) % 4]
    return {task: GUESSED[task] if (at + number) % 3 == 0 else right[task] for at, task in enumerate(kept)}


def run_cohort(root: Path, cases: list, port: int) -> Ran:
    """Make a cohort, hand in, grade it by the command, and look at what is left."""
    home, temporary, folder = root / "home", root / "tmp", root / "cohort"
    home.mkdir(parents=True)
    temporary.mkdir()
    (home / "notes.txt").write_text(f"{CANARY}-home\n", encoding="utf-8")
    ids = sorted([*HONEST, *(case.name for case in cases)])
    roster = root / "roster.csv"
    roster.write_text("id,last_name\n" + "".join(f"{id},{CANARY}-gradebook\n" for id in ids), encoding="utf-8")
    cohort = Cohort.new(folder, roster)
    described = json.loads((folder / "cohort.json").read_text(encoding="utf-8"))
    (folder / "cohort.json").write_text(json.dumps({**described, "limits": LIMITS}), encoding="utf-8")
    cohort = Cohort.find(folder)
    release(cohort, UNIT)
    unit = read_unit(CHECKOUT / "course" / "units" / UNIT)
    right = {one.id: _model(one) for one in unit.assessment.exercises if one.task}
    prey = Prey(str(folder), str(home), str(CHECKOUT), port, CANARY)
    exam = Exam(ASSESSMENT, (cohort.release / UNIT / f"{ASSESSMENT}.ipynb").read_bytes(), right, prey)
    for case in cases:
        lay(exam, case, cohort.submitted / case.name / UNIT)
    for number, trainee in enumerate(HONEST):
        place = cohort.submitted / trainee / UNIT
        place.mkdir(parents=True)
        own = [("", f"# {CANARY}-submission\nsurvey.head()")]
        (place / f"{ASSESSMENT}.ipynb").write_bytes(exam.hand_in(honest_answers(number, right), own)[exam.file])
    before = set(descendants())  # what other tests have started is theirs
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(temporary), "MENTORS_TOKEN": f"{CANARY}-environment"}
    command = [sys.executable, "-m", "course.cli", "grade", "01", "--cohort", str(folder)]
    with (
        closing(socket.create_server(("127.0.0.1", port))) as listener,
        closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as named,
    ):
        named.bind(f"\0{LITTER}{port}")
        named.listen()
        done = subprocess.run(
            command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False, start_new_session=True
        )
        called = sum(_was_called(one) for one in (listener, named))
    reap()
    left_in = {place.name: sorted(one.name for one in place.iterdir()) for place in (home, temporary, folder)}
    left_running = [_command_of(process) for process in descendants() if process not in before]
    return Ran(cohort, exam, done.stdout + done.stderr, done.returncode, left_running, left_in, called)


def _command_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode() or f"process {process}"
    except OSError:
        return f"process {process}, which has just ended"


def _was_called(listener: socket.socket) -> bool:
    listener.settimeout(0.05)
    try:
        listener.accept()[0].close()
    except TimeoutError:
        return False
    return True


@pytest.fixture(scope="module")
def port():
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def ran(tmp_path_factory, port):
    """The cohort with everybody in it."""
    adopt_orphans()  # what the command leaves running becomes this process's child, and is seen
    root = tmp_path_factory.mktemp("hostile")
    yield run_cohort(root, [*CASES.values()], port)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, port):
    """The cohort of the honest ones alone."""
    return run_cohort(tmp_path_factory.mktemp("honest"), [], port)


@pytest.fixture(scope="module")
def hidden():
    """The beginnings of the lines of all hidden checks."""
    exercises = read_unit(CHECKOUT / "course" / "units" / UNIT).assessment.exercises
    lines = [line.strip() for one in exercises if one.check for line in hidden_part(one.check.source).splitlines()]
    return sorted({line[:40] for line in lines if len(line) > 25})


def test_the_bank_holds_at_least_thirty_cases_with_names_of_their_own():
    assert len(HOSTILE) >= 30
    assert len(CASES) == len(HOSTILE) + len(ODD)


def test_what_could_hurt_a_machine_does_nothing_outside_the_sandbox():
    with pytest.raises(RuntimeError, match="not in the sandbox"):
        exec(GUARD, {})
    exam = Exam(ASSESSMENT, (CHECKOUT / "notebooks" / UNIT / f"{ASSESSMENT}.ipynb").read_bytes(), GUESSED)
    deadly = (
        "os.fork()",
        "os.kill(-1",
        "os.kill(int(name)",
        "ptrace",
        "* 50_000_000",
        "* 25_000_000",
        "* 600_000_000",
        "range(20_000)",
    )
    deadly += ("/proc/sys", "libc.mount", "(module.__file__)", '"r+")', "os.makedirs(folder", "os.sched_set")
    armed = set()
    for case in HOSTILE:
        for content in case.make(exam).values():
            content = b"" if case.name == "has-huge-numbers" else content
            cells = json.loads(content)["cells"] if isinstance(content, bytes) and b'"own-' in content else []
            for source in ("".join(cell["source"]) for cell in cells if cell.get("id", "").startswith("own-")):
                if any(word in source for word in deadly):
                    armed.add(case.name)
                    assert source.startswith(GUARD), case.name
    assert len(armed) > 15


def test_the_command_grades_everybody(ran):
    graded = {path.stem for path in (ran.cohort.records / UNIT).glob("*.json")}
    assert graded == {*CASES, *HONEST}, ran.said
    assert ran.code == 0, ran.said


@pytest.mark.parametrize("name", sorted(CASES))
def test_each_case_comes_out_as_it_must(ran, hidden, name):
    case, grades = CASES[name], ran.grades(name)
    record = ran.record(name)["notebooks"][ASSESSMENT]
    checks = {grade: score for grade, score in grades.items() if grade.endswith("-check")}
    assert record["status"] == case.status
    assert len(checks) == 7
    if case.flagged is not None:
        assert bool(record["flags"]) is case.flagged, record["flags"]
    if case.stopped is not None and case.status is Status.GRADED:
        assert bool(record["stopped"]) is case.stopped, record["stopped"]
    if record["flags"]:
        assert set(checks.values()) == {(None, None, True)}, "marks of a flagged notebook are the mentor's to give"
        assert record["flags"][0] in ran.comments(name)
    else:
        assert case.least <= sum(auto for auto, _, _ in checks.values()) <= case.most
        assert not any(waits for _, _, waits in checks.values())
    leaked = ran.leaked(name)
    assert TAKEN not in leaked
    assert [place for place in PLACES if f"{CANARY}-{place}" in leaked] == []
    assert [line for line in hidden if json.dumps(line)[1:-1] in leaked] == []


def test_a_notebook_whose_marks_are_withheld_begins_by_saying_why(ran):
    for name in ("always-equal", "replaces-numpy", "looks-at-frames"):
        first = ran.cells(name)[0]
        assert first["cell_type"] == "markdown"
        assert "withheld" in "".join(first["source"]).lower(), name


def test_every_honest_submission_comes_out_exactly_as_without_the_others(ran, undisturbed):
    assert undisturbed.code == 0, undisturbed.said
    for trainee in HONEST:
        assert ran.grades(trainee) == undisturbed.grades(trainee), trainee
        assert ran.cells(trainee) == undisturbed.cells(trainee), trainee
        records = [one.record(trainee) for one in (ran, undisturbed)]
        for record in records:
            del record["graded_at"]
            for notebook in record["notebooks"].values():
                notebook.pop("seconds", None)
        assert records[0] == records[1], trainee


def test_honest_submissions_earn_different_marks(undisturbed):
    marks = {sum(auto or 0 for auto, _, _ in undisturbed.grades(trainee).values()) for trainee in HONEST}
    assert len(marks) > 3


def test_the_machine_is_left_clean(ran):
    assert ran.left_running == []
    assert ran.called == 0
    assert ran.left_in["home"] == ["notes.txt"]
    assert ran.left_in["tmp"] == []
    assert set(ran.left_in["cohort"]) <= OWN
    places = (Path("/tmp"), Path("/dev/shm"), Path("/var/tmp"), Path("/"), CHECKOUT, CHECKOUT / "course", CHECKOUT / "data")
    assert [path for place in places for path in place.iterdir() if path.name.startswith(LITTER)] == []
    assert list(ran.cohort.root.rglob(f"{LITTER}*")) == []
