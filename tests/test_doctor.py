"""`run.py doctor` says OK, or what to do, of everything that `lab` needs: held against surroundings as they really are.

A folder without write rights, a full disk and a disk that runs no programs are mounted; the proxy opens TLS as an
organisation's does; pip and uv are real. Windows cannot be had here: what is said of its paths is tried on paths alone.
"""

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sysconfig
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.tiny_course import ANYWHERE, TOP, Proxy, base_python

pytest_plugins = ["tests.tiny_fixtures"]
ANYWHERE_ELSE = f"https://{ANYWHERE}/simple"
HEALTHY = [
    "Python 3",
    "the module venv",
    "a whole copy of the course",
    "files can be written in",
    "GB are free in",
    "the course is not set up yet",
    "the package index answers pip and uv",
    "port 8888 at 127.0.0.1",
]


def said(process):
    """What the doctor says, as {verdict: one text of all that has it, with its advice}."""
    found = {}
    for verdict, text in re.findall(r"^(OK|TO DO|NOTE) +(.*(?:\n {7}.*)*)", process.said, re.MULTILINE):
        found[verdict] = found.get(verdict, "") + " ".join(text.split()) + "\n"
    return found


def to_do(process):
    assert process.returncode == 1, process.said
    (line,) = said(process)["TO DO"].splitlines()
    assert re.search(r"\n1 thing to do before `python3 run\.py lab` can work\.\n$", process.said)
    return line


def run_py_of(course):
    """The run.py of a course as a module, to ask single things of it."""
    spec = importlib.util.spec_from_file_location("run_py_of_a_course", course / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def mounted(*how):
    """The beginning of a command that runs in a world of its own, with something mounted."""
    return ["bwrap", "--dev-bind", "/", "/", *map(str, how), "--"]


# ------------------------------------------------------------------------------------------------ the computer


def test_where_all_is_well_each_prerequisite_is_ok_and_nothing_is_left_behind(course):
    done = course.run("doctor")
    assert done.returncode == 0, done.said
    for prerequisite in HEALTHY:
        assert prerequisite in said(done)["OK"]
    assert "TO DO" not in said(done)
    assert "`python3 run.py lab` has all that it needs, and will set the course up" in done.said
    assert not (course.folder / ".venv").exists() and not list(course.folder.glob(".build/doctor*"))


def test_an_old_python_is_named_with_what_else_can_be_said(course):
    done = course.run("doctor", pretend="sys.version_info = (3, 9, 2, 'final', 0)")
    assert "Python 3.9.2 is too old" in to_do(done) and "3.11 or newer" in to_do(done)
    assert "files can be written" in said(done)["OK"] and "more was not looked at" in said(done)["NOTE"]


def test_a_python_without_venv_is_told_the_package_to_install(course):
    done = course.run("doctor", pretend="sys.modules['ensurepip'] = None")
    assert "apt-get install python3-venv" in to_do(done)


def test_a_folder_in_which_nothing_can_be_written(course):
    done = course.run("doctor", inside=mounted("--ro-bind", course.folder, course.folder))
    assert f"files cannot be written in {course.folder}: Read-only file system" in to_do(done)
    assert "folder of your own" in to_do(done)


def test_a_place_for_downloads_in_which_nothing_can_be_written(course, tmp_path):
    (tmp_path / "cache").mkdir()
    read_only = mounted("--ro-bind", tmp_path / "cache", tmp_path / "cache")
    done = course.run("doctor", inside=read_only, UV_CACHE_DIR=str(tmp_path / "cache" / "uv"))
    assert f"files cannot be written in {tmp_path / 'cache'}" in to_do(done) and "UV_CACHE_DIR" in to_do(done)


def test_a_disk_that_is_too_small(course, tmp_path):
    small = mounted("--size", 40_000_000, "--tmpfs", tmp_path, "--bind", course.folder, course.folder)
    done = course.run("doctor", inside=small, cwd=course.folder)
    assert f"0.0 GB are free in {tmp_path}" in to_do(done) and "1.5 GB" in to_do(done)


def test_a_disk_from_which_no_program_may_be_run(course):
    """As AppLocker does on Windows."""
    copied = course.folder.with_name("copied")
    shutil.copytree(course.folder, copied)
    there = f'mount -t tmpfs -o noexec tmpfs {course.folder} && cp -r {copied}/. {course.folder} && exec "$@"'
    in_a_world_of_its_own = ["unshare", "--map-root-user", "--mount", "sh", "-c", there, "sh"]
    done = course.run("doctor", inside=in_a_world_of_its_own, cwd=course.folder.parent)
    assert f"programs in {course.folder} may not be run" in to_do(done) and "a link, or a hub" in to_do(done)


def test_a_copy_that_is_not_whole(course):
    shutil.rmtree(course.folder / "notebooks")
    (course.folder / "requirements.lock").unlink()
    assert "lacks requirements.lock, notebooks" in to_do(course.run("doctor"))


def test_a_port_in_use_is_no_problem_because_lab_takes_the_next(ready):
    with socket.socket() as holder:
        try:
            holder.bind(("127.0.0.1", 8888))
            holder.listen()
        except OSError:
            pass  # somebody else has it: that will do
        done = ready.run("doctor")
    assert done.returncode == 0 and "port 8888 at 127.0.0.1 is in use: `lab` takes the next" in said(done)["OK"]


def test_what_mentors_and_authors_lack_is_a_note(ready, tmp_path):
    (tmp_path / "bin").mkdir()
    for name in ("apt-get", "bwrap"):
        file = tmp_path / "bin" / name
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)
    done = ready.run("doctor", PATH=str(tmp_path / "bin"))
    assert done.returncode == 0
    assert "for mentors and authors" in said(done)["NOTE"] and "sudo apt-get install chromium" in said(done)["NOTE"]


def test_doctor_takes_no_arguments(course):
    done = course.run("doctor", "--fix")
    assert done.returncode == 2 and done.complaint == "run.py: doctor looks at everything: leave out --fix\n"


# ------------------------------------------------------------------------------------------------ how far set-up is


def test_a_course_that_is_set_up_needs_no_network(ready):
    done = ready.run("doctor", PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert done.returncode == 0, done.said
    assert "the course is set up, from requirements.lock" in said(done)["OK"]
    assert "`python3 run.py lab` has all that it needs.\n" in done.said


def test_what_is_odd_about_a_set_up_is_said_and_that_the_next_start_mends_it(ready):
    stamp = ready.stamp.read_text()
    python = ready.folder / ".venv" / "bin" / "python"
    to = python.readlink()

    def half_finished():
        ready.stamp.unlink()

    def of_another_python():
        ready.stamp.write_text(re.sub(r'"python": "[\d.]+"', '"python": "3.10"', stamp))

    def moved():
        ready.stamp.write_text(stamp.replace(str(ready.folder), "/elsewhere"))

    def without_its_python():
        ready.stamp.write_text(stamp)
        python.unlink()
        python.symlink_to("nowhere")

    def stale():
        python.unlink()
        python.symlink_to(to)
        ready.lock("tiny2")

    look = run_py_of(ready.folder).look_at_set_up
    assert [found.verdict for found in look()] == ["OK"]
    for happens, told in (
        (half_finished, "did not come to its end"),
        (of_another_python, "set up with Python 3.10"),
        (moved, "set up in /elsewhere, and has been moved"),
        (without_its_python, "does not start any more"),
        (stale, "from another version of its lock"),
    ):
        happens()
        (found,) = look()
        assert found.verdict == "NOTE" and told in found.what and "by itself" in found.advice


# ------------------------------------------------------------------------------------------------ the package index


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment as the doctor makes one: with pip, and without uv."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([base_python(), "-m", "venv", folder], check=True)
    return folder


@pytest.fixture
def ask(course, environment, monkeypatch):
    """Ask the package index by pip and uv, with these settings; gives what the doctor makes of it."""
    for name in (*os.environ, *course.environment):
        if name in course.environment:
            monkeypatch.setenv(name, course.environment[name])
        else:
            monkeypatch.delenv(name)
    (course.folder / ".build").mkdir()

    def ask(**settings):
        for name, value in settings.items():
            monkeypatch.setenv(name, str(value))
        (found,) = run_py_of(course.folder).ask_index(environment)
        assert found.verdict == "TO DO"
        return f"{found.what}. {found.advice}"

    return ask


def test_behind_a_proxy_the_doctor_names_step_by_step_the_settings_with_which_lab_sets_up(course, proxy, ask):
    """The proxy opens TLS and shows its organisation's certificate, which no list of the world's holds."""
    settings = {"PIP_INDEX_URL": ANYWHERE_ELSE}
    told = ask(**settings)
    assert f"({ANYWHERE_ELSE}): its name is not known here" in told and "HTTPS_PROXY" in told

    settings["HTTPS_PROXY"] = proxy.address
    told = ask(**settings)
    assert f"proxy {proxy.address}" in told and "its certificate is not trusted here" in told and "SSL_CERT_FILE" in told

    settings["SSL_CERT_FILE"] = str(proxy.root)
    done = course.run("doctor", **settings)
    assert done.returncode == 0 and f"certificates in {proxy.root}" in said(done)["OK"]
    done = course.run("lab", **settings)
    assert done.returncode == 7 and course.installed()["tiny"] == "1"


def test_a_certificate_that_the_computer_trusts_needs_no_setting(course, proxy, tmp_path):
    """IT put it among those of the system, where uv looks by itself and an older pip does not."""
    of_the_system = Path("/etc/ssl/certs/ca-certificates.crt")
    trusted = tmp_path / "trusted.crt"
    trusted.write_bytes(of_the_system.read_bytes() + proxy.root.read_bytes())
    mount = mounted("--ro-bind", trusted, of_the_system)
    done = course.run("lab", inside=mount, PIP_INDEX_URL=ANYWHERE_ELSE, HTTPS_PROXY=proxy.address)
    assert done.returncode == 7, done.complaint
    assert course.installed()["tiny"] == "1"


def test_a_proxy_that_wants_a_password_and_one_that_is_gone(course, index, ask, tmp_path):
    strict = Proxy(tmp_path, index, password="secret")
    settings = {"PIP_INDEX_URL": ANYWHERE_ELSE, "SSL_CERT_FILE": str(strict.root)}
    assert "the proxy asks for a name and a password" in ask(HTTPS_PROXY=strict.address, **settings)

    done = course.run("doctor", HTTPS_PROXY=strict.address.replace("//", "//me:secret@"), **settings)
    assert done.returncode == 0, done.said
    assert "secret" not in done.said, "a password is not printed"

    strict.stop()
    assert "the proxy does not answer" in ask()


def test_what_a_proxy_stops_and_addresses_without_an_index(index, proxy, ask):
    assert "there is no index at that address" in ask(PIP_INDEX_URL=index.address.replace("simple", "simpel"))
    assert "nobody answers" in ask(PIP_INDEX_URL="http://127.0.0.1:9/simple")
    elsewhere = {"PIP_INDEX_URL": "https://elsewhere.example/simple", "SSL_CERT_FILE": proxy.root}
    assert "the proxy does not let this through" in ask(HTTPS_PROXY=proxy.address, **elsewhere)


def test_a_file_that_is_no_certificate_as_pip_and_uv_read_them(proxy, ask, tmp_path):
    """Windows exports one as DER unless it is told otherwise."""
    exported = tmp_path / "exported.cer"
    exported.write_bytes(x509.load_pem_x509_certificate(proxy.root.read_bytes()).public_bytes(Encoding.DER))
    assert f"SSL_CERT_FILE names {exported}, which is no certificate in PEM form" in ask(SSL_CERT_FILE=exported)
    exported.unlink()
    assert f"PIP_CERT names {exported}, which cannot be read: No such file" in ask(SSL_CERT_FILE="", PIP_CERT=exported)


def test_an_index_that_lacks_what_the_lock_names(course, ask):
    lock = course.folder / "requirements-dev.lock"
    lock.write_text(re.sub(r"^uv==\S+", "uv==0.0.1", lock.read_text(), flags=re.MULTILINE))
    assert "it lacks what we need" in ask()


def test_a_folder_of_wheels_will_do_where_there_is_no_index_at_all(course, index):
    """Brought on a stick, say: what was set for pip holds for uv."""
    no_index = {"PIP_INDEX_URL": "", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index.folder)}
    no_network = ["bwrap", "--dev-bind", "/", "/", "--unshare-net", "--"]
    done = course.run("lab", inside=no_network, **no_index)
    assert done.returncode == 7 and course.installed()["tiny"] == "1"


# ------------------------------------------------------------------------------------------------ where the course lies


def test_on_windows_a_folder_too_deep_in_a_cloud_or_on_the_network_is_told():
    look = run_py_of(TOP).paths_in_the_way
    cloud = "C:\\Users\\amina.adeyemi\\OneDrive - Wexmoor Borough Council"
    deep = cloud + "\\Documents\\Training and development\\data-science-learning-pathway-main"
    verdicts = [found.verdict for found in look(deep, {"OneDriveCommercial": cloud}, long_paths=False)]
    assert verdicts == ["TO DO", "NOTE"]
    assert [found.verdict for found in look(deep, {"OneDriveCommercial": cloud}, long_paths=True)] == ["NOTE"]
    assert list(look("C:\\Users\\amina.adeyemi\\course", {"OneDrive": cloud}, long_paths=False)) == []
    assert "network drive" in next(iter(look("\\\\server\\share\\course", {}, long_paths=False))).what


def test_the_longest_path_that_the_doctor_reckons_with_is_as_long_as_the_longest_there_is():
    libraries = Path(sysconfig.get_paths()["purelib"])
    longest = max(len(os.path.relpath(file, libraries)) for file in libraries.rglob("*") if "__pycache__" not in file.parts)
    on_windows = len("\\.venv\\Lib\\site-packages\\") + longest
    assert on_windows == run_py_of(TOP).LONGEST_IN_VENV


def test_the_doctor_is_in_the_help_and_an_old_python_reads_it():
    done = subprocess.run([base_python(), TOP / "run.py", "--help"], capture_output=True, text=True, check=True)
    assert "run.py doctor" in done.stdout


# ------------------------------------------------------------------------------------------------ what the handbook says


def test_what_the_handbook_explains_is_what_the_doctor_says():
    page = (TOP / "course" / "site" / "handbook" / "locked-down-laptop.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z][^|]+) \|", page.partition("| the doctor says |")[2].partition("\n\n")[0], re.MULTILINE)
    program = (TOP / "run.py").read_text(encoding="utf-8")
    assert len(rows) >= 9
    for words in rows:
        assert words in program, words
    room = run_py_of(TOP).LONGEST_ON_WINDOWS - run_py_of(TOP).LONGEST_IN_VENV
    assert f"more than {room} characters" in page
