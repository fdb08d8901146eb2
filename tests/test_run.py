"""run.py sets the course up once, hands over, and says in one line what stands in its way.

Real pip and uv run here, against an index on this machine: each test has a course in small with locks of its own.
"""

import ast
import contextlib
import json
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from tests.tiny_course import PATIENCE_S, TOP, base_python

pytest_plugins = ["tests.tiny_fixtures"]


def steps_of(process):
    return re.findall(r"^\d/\d .*(?= \.\.\.$)", process.said, re.MULTILINE)


def assert_one_clear_line(process, *words):
    assert process.returncode == 2
    assert re.fullmatch(r"run\.py: [^\n]+\n", process.complaint), process.complaint
    for word in words:
        assert word in process.complaint


def test_the_first_start_sets_up_step_by_step_and_the_second_at_once(course):
    first = course.run("lab", "--port", "1")
    assert [step.partition(" (")[0].partition(" of ")[0] for step in steps_of(first)] == [
        "1/4 making .venv",
        "2/4 installing the installer",
        "3/4 installing the packages",
        "4/4 installing the course itself",
    ]
    assert {"tiny": "1", "tiny_course": "1"}.items() <= course.installed().items()
    assert {"uv", "pip"} < set(course.installed()), "the installers stay for the next change"
    assert "tool" not in course.installed()

    begun = time.monotonic()
    second = course.run("lab", "--port", "1")
    took_s = time.monotonic() - begun
    assert second.said == f"lab runs with --port 1 in {course.folder.parent}\n"
    assert took_s < 1 or took_s < 5 * time_to_start_python_s(), "a second start takes under a second"


def time_to_start_python_s():
    begun = time.monotonic()
    subprocess.run([base_python(), "-c", ""], check=True)
    return time.monotonic() - begun


def test_any_other_command_goes_to_pathway_in_the_callers_folder_with_its_exit_code(ready, tmp_path):
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    done = ready.run("build", "01", "--check", cwd=elsewhere)
    assert done.returncode == 7
    assert f"pathway runs with build 01 --check in {elsewhere}\n" in done.said
    assert "tool" in ready.installed(), "pathway has the tools"
    again = ready.run("lab")
    assert not steps_of(again) and "tool" in ready.installed(), "the tools stay when `lab` is started afterwards"


def test_a_lock_that_changed_sets_up_again_and_leaves_nothing_of_the_old_one(ready):
    ready.run("build")
    ready.lock("tiny2")
    again = ready.run("lab")
    assert len(steps_of(again)) == 3, "what there is of .venv is brought up to date"
    assert ready.installed()["tiny"] == "2"
    assert {"tool", "uv", "pip", "tiny_course"} <= set(ready.installed())
    assert not steps_of(ready.run("lab"))

    dev_lock = ready.folder / "requirements-dev.lock"
    dev_lock.write_text(dev_lock.read_text().replace(ready.lines["tool"], ""))
    ready.run("lab")
    assert "tool" not in ready.installed()


def break_stamp(course):
    course.stamp.write_text("{")


def break_python(course):
    python = course.folder / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("nowhere")


def break_by_age(course):
    stamp = json.loads(course.stamp.read_text())
    course.stamp.write_text(json.dumps({**stamp, "python": "3.10"}))


@pytest.mark.parametrize("break_it", [break_stamp, break_python, break_by_age])
def test_a_set_up_that_is_not_whole_is_made_anew(ready, break_it):
    (ready.folder / ".venv" / "half a package").touch()
    break_it(ready)
    again = ready.run("lab")
    assert again.returncode == 7 and len(steps_of(again)) == 4
    assert not (ready.folder / ".venv" / "half a package").exists()


def test_a_kill_in_the_middle_of_set_up_is_repaired(course):
    with course.start("lab") as process:
        while "3/4" not in process.stdout.readline():
            pass
        process.kill()
    assert not course.stamp.exists()
    again = course.run("lab")
    assert again.returncode == 7 and len(steps_of(again)) == 4


def test_a_folder_that_was_moved_is_set_up_again(ready):
    moved = ready.folder.rename(ready.folder.with_name("moved"))
    ready.folder = moved
    again = ready.run("build")
    assert again.returncode == 7 and len(steps_of(again)) == 4
    assert "pathway runs with build" in again.said


def test_two_at_once_set_up_once(course):
    pair = [course.start("lab"), course.start("lab")]
    said = [process.communicate(timeout=PATIENCE_S)[0] for process in pair]
    assert [process.returncode for process in pair] == [7, 7]
    assert sorted(text.count("making .venv") for text in said) == [0, 1]
    assert sum("another run.py is setting up this folder: waiting" in text for text in said) == 1


def test_ctrl_c_during_set_up_ends_without_traceback(course):
    with course.start("lab") as process:
        process.stdout.readline()
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "Traceback" not in complaint


def test_after_set_up_the_command_is_the_process_that_was_started(ready):
    """So that a signal to run.py, Ctrl-C or a supervisor's, reaches what runs."""
    (ready.folder / "course" / "launch" / "lab.py").write_text("import os; print(os.getpid())")
    done = ready.run("lab")
    assert done.said.strip() == str(done.pid)


def test_a_python_path_of_ones_own_does_not_lead_the_course_astray(ready, tmp_path):
    stray = tmp_path / "stray"
    (stray / "course" / "launch").mkdir(parents=True)
    (stray / "course" / "__init__.py").write_text("raise SystemExit('astray')")
    done = ready.run("lab", cwd=stray, PYTHONPATH=str(stray))
    assert done.returncode == 7 and "lab runs" in done.said


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_names_the_commands_and_sets_nothing_up(course, arguments):
    done = course.run(*arguments)
    assert done.returncode == 0
    assert all(f"run.py {command}" in done.said for command in ("lab", "test", "COMMAND"))
    assert not (course.folder / ".venv").exists()


def test_an_old_python_reads_the_file_as_far_as_the_line_that_says_so(course):
    ast.parse((TOP / "run.py").read_text(encoding="utf-8"), feature_version=(3, 6))
    done = course.run("lab", pretend="sys.version_info = (3, 9, 2, 'final', 0)")
    assert_one_clear_line(done, "this is Python 3.9", "3.11 or newer")


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv_is_told_the_package_to_install(course, module):
    done = course.run("lab", pretend=f"sys.modules[{module!r}] = None")
    assert_one_clear_line(done, "comes without venv", "apt-get install python3-venv")


def test_too_little_disk_space_is_said_before_anything_is_installed(course):
    done = course.run(
        "lab", pretend="import collections; shutil.disk_usage = lambda _: collections.namedtuple('U', 'free')(3e8)"
    )
    assert_one_clear_line(done, "no disk space", "0.3 GB are free")


def test_a_disk_that_fills_up_during_set_up_is_one_clear_line(course):
    """A real small disk: the check beforehand is told a lie, pip meets the end."""
    pretend = "import collections; shutil.disk_usage = lambda _: collections.namedtuple('U', 'free')(3e12)"
    (course.folder / ".venv").mkdir()
    small = [
        "bwrap", "--dev-bind", "/", "/", "--size", "40000000", "--tmpfs", str(course.folder.parent),
        "--bind", str(course.folder), str(course.folder), "--size", "40000000", "--tmpfs", str(course.folder / ".venv"),
    ]  # fmt: skip
    code = (
        f"import sys, os, runpy, shutil; sys.argv = sys.argv[1:]\n{pretend}\nshutil.rmtree = lambda *_: None\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    done = subprocess.run(
        [*small, base_python(), "-c", code, str(course.folder / "run.py"), "lab"],
        env={**course.environment, "TMPDIR": str(course.folder / ".venv")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("run.py: no disk space") and done.stderr.count("\n") == 1


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_no_network_is_one_line_that_names_the_settings_of_proxy_and_certificates(course):
    done = course.run("lab", PIP_INDEX_URL=f"http://127.0.0.1:{closed_port()}/simple")
    assert_one_clear_line(done, "no network", "HTTPS_PROXY", "SSL_CERT_FILE", "PIP_INDEX_URL")
    assert not course.stamp.exists()


def test_no_network_for_uv_is_the_same_line_and_spoils_no_earlier_set_up(ready):
    ready.lock("tiny2")
    done = ready.run("lab", UV_DEFAULT_INDEX=f"http://127.0.0.1:{closed_port()}/simple")
    assert_one_clear_line(done, "no network")
    ready.lock("tiny1")
    assert not steps_of(ready.run("lab")), "what was set up before still stands"


def test_a_package_that_is_not_what_the_lock_says_is_refused(ready):
    ready.lock("tiny2")
    lock = ready.folder / "requirements.lock"
    lock.write_text(re.sub(r"(tiny==2.*?sha256:)\w{8}", r"\g<1>00000000", lock.read_text(), flags=re.DOTALL))
    done = ready.run("lab")
    assert done.returncode == 2 and "mismatch" in done.complaint.lower()
    assert not ready.stamp.exists()


STAND_IN = '#!/bin/sh\necho "$0 $@" >> {log}\n'


@pytest.fixture
def machine(course, tmp_path):
    """A folder that is all of PATH, so that a test says what the machine has."""
    folder = tmp_path / "bin"
    folder.mkdir()
    course.environment["PATH"] = str(folder)
    return folder


def put(machine, name, more=""):
    file = machine / name
    file.write_text(STAND_IN.format(log=machine / "log") + more)
    file.chmod(0o755)


def test_tests_on_a_machine_without_chromium_and_bubblewrap_name_the_command_to_type(course, machine):
    put(machine, "apt-get")
    done = course.run("test", pretend="os.geteuid = lambda: 1000")
    assert_one_clear_line(done, "chromium and bubblewrap", "sudo apt-get install chromium", "bubblewrap")
    assert not (machine / "log").exists() and not (course.folder / ".venv").exists()


def test_a_library_without_which_the_browser_cannot_be_driven_is_asked_for_too(course, machine):
    for name in ("apt-get", "bwrap", "chromium"):
        put(machine, name)
    gone = "import ctypes\ndef gone(name): raise OSError(name)\nctypes.CDLL = gone\nos.geteuid = lambda: 1000"
    done = course.run("test", pretend=gone)
    assert_one_clear_line(done, "the tests need libatomic1; type: sudo apt-get install libatomic1")


@pytest.mark.parametrize("tool", ["dnf", "zypper", "pacman", "apk"])
def test_other_systems_get_their_own_command_to_type(course, machine, tool):
    put(machine, tool)
    put(machine, "bwrap")
    assert_one_clear_line(course.run("test"), f"the tests need chromium; type: sudo {tool} ", "chromium\n")


def test_root_on_debian_gets_what_is_missing_installed_and_the_tests_run(ready, machine):
    things = " ".join(
        f"echo '#!/bin/sh' > {machine / name}; /bin/chmod +x {machine / name};" for name in ("bwrap", "chromium")
    )
    put(
        machine,
        "apt-get",
        f'[ "$1" = update ] && > {machine / "updated"}\n[ -e {machine / "updated"} ] || exit 100\n{things}',
    )
    report = "import os, sys; print('pytest', *sys.argv[1:], os.environ['PATHWAY_CHROMIUM'], os.getcwd())"
    (ready.folder / "pytest.py").write_text(report)
    done = ready.run("test", "-k", "one", pretend="os.geteuid = lambda: 0")
    asked = [line.partition(" ")[2] for line in (machine / "log").read_text().splitlines()]
    install, update, again = asked
    assert update.startswith("update") and install == again
    assert {"-y", "--no-install-recommends", "bubblewrap", "fonts-dejavu-core"} < set(install.split())
    assert done.returncode == 0, done.complaint
    assert f"-n auto --dist loadgroup --no-loadscope-reorder -k one {machine / 'chromium'} {ready.folder}" in done.said
    assert "tool" in ready.installed()


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_tests_elsewhere_than_on_linux_say_where_they_run(course, platform):
    done = course.run("test", pretend=f"sys.platform = {platform!r}")
    assert_one_clear_line(done, "need Linux", "WSL")


def test_the_runtime_lock_alone_opens_the_lab(tmp_path):
    """The one real set-up: what a trainee types first, with the course's own lock, from the real index."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("run.py", "pyproject.toml", "requirements.lock", "requirements-dev.lock", "README.md"):
        shutil.copy(TOP / name, tree)
    for name in TOP.glob("LICENSE*"):
        shutil.copy(name, tree)
    shutil.copytree(TOP / "course", tree / "course", ignore=shutil.ignore_patterns("__pycache__", "units"))
    start = tree / "notebooks" / "00-start-here" / "start-here.ipynb"
    start.parent.mkdir(parents=True)
    start.write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    process = subprocess.Popen(
        [base_python(), str(tree / "run.py"), "lab", "--no-browser", "--port", str(closed_port())],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    try:
        said = ""
        for line in process.stdout:
            said += line
            if "JupyterLab is ready: http://127.0.0.1:" in line:
                break
        else:
            pytest.fail(said)
        assert not list((tree / ".venv").glob("lib/python*/site-packages/pytest")), "no tools for a trainee"
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(timeout=PATIENCE_S) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.stdout.close()
        process.wait()
        with contextlib.suppress(OSError):
            shutil.rmtree(tree / ".venv")  # 0.8 GB that pytest would keep
