"""What a notebook finds in the sandbox, what it may take there, and what it leaves: seen from inside, in real bubblewrap."""

import ast
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from course.engine import CellResult, Engine
from course.engine.linux import adopt_orphans, descendants, reap
from course.grading.cohort import Cohort
from course.grading.repair import repair
from course.grading.results import GradedNotebook
from course.grading.run import LIMITS, Grader
from course.grading.sandbox import COURSE, SCRATCH_MB, Sandbox, _libraries
from course.grading.template import Template, templates
from tests.conftest import ROOT
from tests.grading.small_unit import ASSESSMENT, UNIT, answered, new_cohort

WORK, DATA = Path("/scratch/work"), Path("/data")
RIGHT = {
    "longest-wait": "def longest(waits):\n    return waits.max() if len(waits) else 0",
    "which-number": 'number = "share"',
}
FULL = {"longest-wait-check": 3.0, "which-number-check": 1.0}
CANARY = "canary-of-the-mentor"


class Room:
    """A sandbox in which a notebook's cells are run, with one file beside the notebook."""

    def __init__(self, inbox: Path):
        (inbox / "beside.csv").write_text("a,b\n1,2\n")
        self.engine = Engine(inbox, ROOT / "data", Sandbox(ROOT / "data", inbox))

    def run(self, *cells: str, **limits: float) -> list[CellResult]:
        """Run cells as one notebook, which ends with them."""
        with self.engine.session(replace(LIMITS, **limits), WORK, DATA) as session:
            return session.run(cells)

    def value(self, *cells: str, **limits: float):
        """What the last of some cells prints, as a Python value; none may end in an error."""
        results = self.run(*cells, **limits)
        assert [result.error for result in results] == [None] * len(cells)
        return ast.literal_eval("".join(output["text"] for output in results[-1].outputs))


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> Iterator[Room]:
    with pytest.MonkeyPatch.context() as surroundings:
        surroundings.setenv("MENTORS_TOKEN", CANARY)
        made = Room(tmp_path_factory.mktemp("inbox"))
    yield made
    made.engine.close()


# ------------------------------------------------------------------------------------------------ what it finds


def test_the_files_it_sees_are_python_s_the_libraries_the_course_s_data_and_those_beside_it(room):
    libraries = [str(place) for place in _libraries()]
    found = room.value(
        f"""
import os
libraries = {libraries!r} + ["/proc", "/dev", "/data"]
found = []
for folder, below, files in os.walk("/"):
    below[:] = [name for name in below if os.path.join(folder, name) not in libraries]
    found += [os.path.join(folder, name) for name in files]
print(found)"""
    )
    others = {Path(path) for path in found} - set(_libraries())
    allowed = {Path("/inbox/beside.csv"), WORK / "beside.csv", *(Path("/course/course") / part for part in COURSE)}
    strange = [path for path in others if not any(path.is_relative_to(place) for place in allowed)]
    made_by_libraries = Path("/scratch/home")  # IPython's history, Matplotlib's list of fonts
    assert [path for path in strange if not path.is_relative_to(made_by_libraries)] == []
    assert {Path("/inbox/beside.csv"), WORK / "beside.csv"} <= others
    assert not any(path.is_relative_to("/course/course/grading") for path in others)


def test_no_gradebook_release_or_home_and_no_part_of_the_course_that_holds_answers(room, tmp_path):
    (tmp_path / "gradebook.db").write_text(CANARY)
    places = [
        tmp_path / "gradebook.db",
        tmp_path,
        Path.home() / ".bashrc",
        ROOT / "solutions",
        ROOT / "course",
        ROOT / "tests",
    ]
    places += [ROOT / ".git", *map(Path, ("/home", "/etc/passwd", "/etc/hostname", "/var", "/run", "/sys", "/opt", "/srv"))]
    places += [Path("/course/course/grading"), Path("/course/course/units"), Path("/course/course/cli.py")]
    # Folders above a library are there, with nothing else in them: so is /home where the checkout lies in it.
    places = [place for place in places if not any(library.is_relative_to(place) for library in _libraries())]
    assert (
        room.value(f"import os\nprint([path for path in {[str(path) for path in places]!r} if os.path.lexists(path)])") == []
    )
    (result,) = room.run("import course.grading")
    assert result.error.name == "ModuleNotFoundError"


def test_nothing_but_its_scratch_and_shared_memory_can_be_written(room):
    places = ["/", "/data", "/inbox", "/course", "/dev", "/usr/lib", "/root", "/proc", *map(str, _libraries())]
    written = room.value(
        f"""
import os
written = []
for folder in [*{places!r}, "/scratch", "/scratch/work", "/scratch/home", "/dev/shm", "/tmp"]:
    try:
        open(os.path.join(folder, "litter") if os.path.isdir(folder) else folder, "ab").close()
        written.append(folder)
    except OSError:
        pass
print(written)"""
    )
    assert written == ["/scratch", "/scratch/work", "/scratch/home", "/dev/shm", "/tmp"]


def test_proc_is_its_own_and_cannot_be_written(room):
    pids, closed, written = room.value(
        """
import os
closed, written = [], []
for path in ("/proc/1/environ", "/proc/1/mem", "/proc/1/maps", "/proc/1/fd/0"):
    try:
        open(path, "rb").close()
    except OSError:
        closed.append(path)
for folder, below, files in os.walk("/proc"):
    below[:] = [name for name in below if not name.isdigit() and name not in ("self", "thread-self")]
    for name in files:
        try:
            os.close(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_NONBLOCK))
            written.append(os.path.join(folder, name))
        except OSError:
            pass
print(([int(name) for name in os.listdir("/proc") if name.isdigit()], closed, written))"""
    )
    assert len(pids) == 2  # the warm process, and the notebook's own
    assert closed == ["/proc/1/environ", "/proc/1/mem", "/proc/1/maps", "/proc/1/fd/0"]
    assert written == []


def test_there_is_no_network_but_a_loop_of_its_own(room):
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        names, reached = room.value(
            f"""
import socket
reached = []
for address in (("127.0.0.1", {port}), ("192.0.2.1", 80), ("1.1.1.1", 53)):
    try:
        socket.create_connection(address, timeout=0.5).close()
        reached.append(address)
    except OSError:
        pass
print(([name for _, name in socket.if_nameindex()], reached))"""
        )
    assert names == ["lo"] and reached == []


def test_there_is_no_shell_and_nothing_of_the_mentor_s_environment(room):
    found, status, words = room.value(
        """
import os, shutil
names = "sh bash dash ash zsh busybox env perl git ssh curl python python3 mount bwrap su sudo".split()
found = [path for path in map(shutil.which, names) if path]
found += [path for name in names for path in ("/bin/" + name, "/usr/bin/" + name, "/sbin/" + name) if os.path.exists(path)]
print((found, os.system("true"), dict(os.environ)))"""
    )
    assert found == [] and status != 0
    assert not any(str(ROOT) in value or CANARY in value for value in words.values())
    assert words["HOME"] == "/scratch/home" and words["PATH"] == "/nowhere"


def test_it_is_nobody_with_no_power_and_can_make_no_space_of_its_own(room):
    ids, powers, spaces = room.value(
        """
import ctypes, os
status = dict(line.rstrip().split(":", 1) for line in open("/proc/self/status"))
powers = {name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
powers["can gain more"] = 1 - int(status["NoNewPrivs"])
libc = ctypes.CDLL(None)
spaces = [libc.unshare(1 << bit) for bit in (17, 28, 29, 30)]
print(((os.getuid(), os.geteuid(), os.getgid(), os.getgroups()), powers, spaces))"""
    )
    *account, groups = ids
    assert account == [65534] * 3 and set(groups) <= {65534}
    assert set(powers.values()) == {0}
    assert spaces == [-1] * 4  # for mounts, users, processes, network


# ------------------------------------------------------------------------------------------------ what it leaves

LEAVES = """
import os, stat
for folder in (".", "/tmp", "/dev/shm", os.path.expanduser("~"), "/scratch"):
    os.makedirs(os.path.join(folder, "litter/closed"))
    open(os.path.join(folder, "litter/closed/file"), "w").close()
    os.chmod(os.path.join(folder, "litter/closed"), 0)
    os.symlink("/data", os.path.join(folder, "link"))
    os.mkfifo(os.path.join(folder, "pipe"))
os.chmod(".", 0)
os.environ["LITTER"] = "1"
"""
LOOKS = """
import os
places = (".", "/tmp", "/dev/shm", os.path.expanduser("~"), "/scratch")
running = [name for name in os.listdir("/proc") if name.isdigit()]
print([sorted(os.listdir(place)) for place in places] + ["LITTER" in os.environ, len(running)])"""


def test_the_next_notebook_finds_every_folder_empty_but_for_its_own_files(room):
    as_new = [["beside.csv"], [], [], [], ["home", "tmp", "work"], False, 2]
    assert room.value(LOOKS) == as_new
    assert room.value(LEAVES, "print(1)") == 1
    assert room.value(LOOKS) == as_new
    assert (ROOT / "data" / "wexmoor").is_dir()  # a link was taken away, and not what it led to


# ------------------------------------------------------------------------------------------------ what it may take


def test_its_disks_hold_what_they_should_and_no_more(room):
    filled = room.value(
        """
import os
filled = []
for place in ("/scratch", "/dev/shm"):
    size = 0
    with open(place + "/large", "wb", buffering=0) as file:
        try:
            while True:
                size += file.write(b"x" * 1_048_576)
        except OSError:
            filled.append(size >> 20)
print(filled)"""
    )
    assert filled == [pytest.approx(SCRATCH_MB, abs=2), pytest.approx(50, abs=2)]


def test_sixty_processes_run_side_by_side(room):
    assert LIMITS.processes == 64
    ended = room.value(
        """
import os, time
children = []
for _ in range(60):
    child = os.fork()
    if child == 0:
        time.sleep(0.5)
        os._exit(0)
    children.append(child)
print({os.waitpid(child, 0)[1] for child in children})"""
    )
    assert ended == {0}


def test_memory_that_no_limit_counts_and_keys_that_outlive_a_notebook_are_denied(room):
    assert (
        room.value(
            """
import ctypes, errno, os
from course.engine.linux import DENIED, MACHINES
libc, column = ctypes.CDLL(None, use_errno=True), MACHINES[os.uname().machine][0]
calls = {name: numbers[column] for name, numbers in DENIED.items()}
done = {name: (libc.syscall(number, 0, 0, 0, 0, 0), ctypes.get_errno()) for name, number in calls.items()}
print([name for name, result in done.items() if result != (-1, errno.EPERM)])"""
        )
        == []
    )
    assert room.value("import resource", "print(resource.getrlimit(resource.RLIMIT_NOFILE))") == (1024, 1024)


BREAKS = {
    "used more memory than it may": """
import os, socket, time
for _ in range(3):
    if os.fork() == 0:
        pairs = [socket.socketpair() for _ in range(400)]
        time.sleep(20)
time.sleep(20)""",
    "started more (than 64 )?processes": """
for _ in range(90):
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
time.sleep(60)""",
    "used more memory than it may, with all that it started": """
for _ in range(6):
    if os.fork() == 0:
        kept = b"x" * 100_000_000
        time.sleep(60)
        os._exit(0)
time.sleep(60)""",
    "made more files than it may": """
for number in range(25_000):
    open(f"/tmp/{number}", "w").close()
time.sleep(60)""",
}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Cohort:
    return new_cohort(tmp_path_factory.mktemp("sandboxed"))


@pytest.fixture(scope="module")
def template(cohort) -> Template:
    with cohort.gradebook() as gradebook:
        return templates(cohort.release, UNIT, gradebook)[ASSESSMENT]


@pytest.fixture(scope="module")
def grader(cohort) -> Iterator[Grader]:
    limits = replace(LIMITS, memory_mb=300, seconds=20)
    with Grader(cohort.data, limits) as made:
        yield made


def graded(cohort: Cohort, template: Template, grader: Grader, answers: dict[str, str]) -> GradedNotebook:
    return grader.grade(repair(answered(cohort, ASSESSMENT, answers), template), template)


def earned(notebook: GradedNotebook) -> dict[str, float]:
    return {name: check.earned for name, check in notebook.checks.items()}


@pytest.mark.parametrize("words", BREAKS)
def test_what_breaks_a_limit_ends_is_named_and_the_next_notebook_has_its_marks(cohort, template, grader, words):
    harm = f"import os, time\n{BREAKS[words]}\n"
    broke = graded(cohort, template, grader, RIGHT | {"longest-wait": harm + RIGHT["longest-wait"]})
    assert re.search(words, " ".join(broke.stopped + broke.flags))
    assert earned(broke)["longest-wait-check"] == 0
    following = graded(cohort, template, grader, RIGHT)
    assert earned(following) == FULL
    assert following.flags == following.stopped == ()


def test_when_it_is_closed_nothing_runs_and_no_file_is_left(cohort, template, tmp_path, monkeypatch):
    adopt_orphans()
    reap()
    before = set(descendants())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Grader(cohort.data, LIMITS) as grader:
        leaves = "import subprocess, os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(600)\n"
        assert earned(graded(cohort, template, grader, RIGHT | {"which-number": leaves + RIGHT["which-number"]})) == FULL
        assert set(descendants()) - before
    reap()
    assert set(descendants()) <= before
    assert list(tmp_path.iterdir()) == []
