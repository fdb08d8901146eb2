#!/usr/bin/env python3
"""Data Science Learning Pathway: the one way in. It sets itself up on first use.

usage:
  python3 run.py lab [--no-browser] [--port N]   open the course in JupyterLab
  python3 run.py test [PYTEST ARGUMENTS]         run all tests (Linux, or WSL on Windows)
  python3 run.py COMMAND [ARGUMENTS]             run `pathway COMMAND [ARGUMENTS]`, for example `build --check`

Needs Python 3.11 or newer with venv, about 1.5 GB of disk space and, the first time, the network.
"""

# Standard library only. Nothing here may be newer syntax than Python 3.6, so that an old Python reaches
# check_python() and says what is wrong, instead of a syntax error.

import ast
import contextlib
import ctypes
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

OLDEST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
STAMP = VENV / "pathway-setup.json"
RUNTIME_LOCK = "requirements.lock"  # runs the course
DEV_LOCK = "requirements-dev.lock"  # the same and the tools: whoever has it needs nothing of RUNTIME_LOCK
SPACE_GB = 1.5  # .venv takes 1.0 GB; the rest is for downloads while they are unpacked

# What a department set up for pip holds for uv too, unless uv was told otherwise.
UV_NAME_OF_PIP_SETTING = {
    "index-url": "UV_DEFAULT_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "proxy": "HTTPS_PROXY",
}
NO_SPACE = re.compile(r"no space left|errno 28\b|os error 28\b|os error 112\b|not enough space", re.IGNORECASE)
NO_NETWORK = re.compile(
    r"new connection|connection (refused|reset|aborted|broken|error|timed)|connect error|error sending request"
    r"|failed to fetch|name resolution|temporary failure|name or service not known|getaddrinfo|dns error"
    r"|network is unreachable|timed out|timeout|certificate|ssl error|sslerror|\btls\b|proxy|could not connect"
    r"|failed to connect|from versions: none",
    re.IGNORECASE,
)


class Problem(Exception):
    """Something around us is not as it must be; the text is one line that says what to do."""


def main(arguments):
    check_python()
    command, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if command in ("--help", "-h"):
        print(__doc__.strip())
        return 0
    if command == "lab":
        set_up(RUNTIME_LOCK)
        return hand_over([program("python"), "-P", "-m", "course.launch.lab", *rest])
    if command == "test":
        chromium = provide_system_packages()
        set_up(DEV_LOCK)
        os.environ["PATHWAY_CHROMIUM"] = chromium
        os.chdir(str(ROOT))
        side_by_side = ["-n", "auto", "--dist", "loadgroup"]
        return hand_over([program("python"), "-m", "pytest", "-o", "testpaths=tests", *side_by_side, *rest])
    set_up(DEV_LOCK)
    return hand_over([program("pathway"), command, *rest])


def check_python():
    if sys.version_info[:2] < OLDEST_PYTHON:
        raise Problem(
            f"this is Python {dotted(sys.version_info[:2])}, and the course needs {dotted(OLDEST_PYTHON)} or newer: "
            "install one and start run.py with it"
        )


def dotted(version):
    return ".".join(map(str, version))


# ------------------------------------------------------------------------------------------------ set-up


def set_up(lock):
    """Make .venv hold what `lock` says; return at once where it already does."""
    if is_set_up(lock):
        return
    with one_at_a_time():
        if is_set_up(lock):  # by the run.py that we waited for
            return
        check_venv_module()
        earlier = read_stamp()
        if earlier.get("lock") == DEV_LOCK:
            lock = DEV_LOCK  # `lab` does not throw away the tools
        keep = is_sound(earlier)
        steps = [] if keep else [("making .venv", make_venv)]
        steps += [
            ("installing the installer (uv)", install_uv),
            (f"installing the packages of {lock}", lambda: install_packages(lock)),
            ("installing the course itself", install_course),
        ]
        begun = time.monotonic()
        with contextlib.suppress(FileNotFoundError):
            STAMP.unlink()  # from here on .venv is half-finished, until the stamp is written again
        try:
            for number, (what, step) in enumerate(steps, 1):
                say(f"{number}/{len(steps)} {what} ...")
                step()
        except NetworkProblem:
            # pip and uv fetch everything before they change anything: what was there still works
            if keep:
                write_stamp(earlier)
            raise
        write_stamp(stamp_for(lock))
        say(f"set up in {time.monotonic() - begun:.0f} s")


def stamp_for(lock):
    content = b"".join((ROOT / name).read_bytes() for name in (RUNTIME_LOCK, DEV_LOCK, "pyproject.toml"))
    return {
        "lock": lock,
        "content": hashlib.sha256(content).hexdigest(),
        "python": dotted(sys.version_info[:2]),
        "folder": str(ROOT),  # .venv holds absolute paths: it does not survive a move
    }


def read_stamp():
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(stamp):
    STAMP.write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")


def is_set_up(lock):
    stamp = read_stamp()
    return stamp in (stamp_for(lock), stamp_for(DEV_LOCK)) and venv_starts()


def is_sound(stamp):
    """Can this .venv be brought up to date, or must it be made anew?"""
    now = stamp_for(RUNTIME_LOCK)
    return all(stamp.get(part) == now[part] for part in ("python", "folder")) and venv_starts()


def venv_starts():
    try:
        return subprocess.call([program("python"), "-I", "-S", "-c", ""], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


@contextlib.contextmanager
def one_at_a_time():
    """Wait for another run.py that is setting up this folder.

    The operating system's lock ends with its holder, so that none is ever stale; pip and uv inherit it, so that
    it also holds while they finish after run.py alone was killed.
    """
    folder = ROOT / ".build"
    folder.mkdir(exist_ok=True)
    with (folder / "setup.lock").open("a") as handle:
        os.set_inheritable(handle.fileno(), True)
        if not try_lock(handle):
            say("another run.py is setting up this folder: waiting for it")
            while not try_lock(handle):
                time.sleep(0.2)
        yield


def try_lock(handle):
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a network drive without locks: go on without
        return True
    return True


def check_venv_module():
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise Problem(
            "this Python comes without venv: install it (Debian and Ubuntu: `sudo apt-get install python3-venv`, "
            f"or python{dotted(sys.version_info[:2])}-venv) and try again"
        )


def make_venv():
    if VENV.exists():
        shutil.rmtree(str(VENV))
    free = shutil.disk_usage(str(ROOT)).free / 1e9
    if free < SPACE_GB:
        raise Problem(no_space(f"{free:.1f} GB are free"))
    # the interpreter behind us, in case we run on the .venv that was just removed
    run([getattr(sys, "_base_executable", "") or sys.executable, "-m", "venv", str(VENV)])


def uv_stanza():
    """The lines of DEV_LOCK that pin uv: its version and hashes, without the comments."""
    text = (ROOT / DEV_LOCK).read_text(encoding="utf-8")
    found = re.search(r"^uv==.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    if not found:
        raise Problem(f"{DEV_LOCK} does not pin uv: get a whole copy of the course")
    return re.sub(r"(?m)^\s*#.*\n?", "", found.group())


def install_uv():
    requirement = ROOT / ".build" / "uv-requirement.txt"
    requirement.write_text(uv_stanza(), encoding="utf-8")
    pip = [program("python"), "-m", "pip", "install", "--no-user", "--disable-pip-version-check"]
    run([*pip, "--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(requirement)])


def install_packages(lock):
    # sync, not install: after a changed lock nothing of the old one may linger. Only pip and uv itself it leaves alone.
    run([program("uv"), "pip", "sync", "--python", program("python"), "--require-hashes", lock], uv_settings())


def install_course():
    install = [program("uv"), "pip", "install", "--python", program("python"), "--no-deps", "--no-build-isolation"]
    run([*install, "--editable", "."], uv_settings())


def uv_settings():
    """Environment variables that let uv follow pip's settings and the system's certificates."""
    settings = {"UV_SYSTEM_CERTS": "1"}
    command = [program("python"), "-m", "pip", "--disable-pip-version-check", "config", "list"]
    listed = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
    # lines such as global.index-url='...'; pip reads global, then install, then its environment variables
    order = ["global", "install", ":env:"]
    lines = [re.match(r"(global|install|:env:)\.([\w-]+)=('.*'|\".*\")$", line) for line in listed.splitlines()]
    for line in sorted(filter(None, lines), key=lambda line: order.index(line.group(1))):
        name = UV_NAME_OF_PIP_SETTING.get(line.group(2))
        if name and not os.environ.get(name):
            settings[name] = " ".join(ast.literal_eval(line.group(3)).split())
    return settings


# ---------------------------------------------------------------------------------------- system packages


def provide_system_packages():
    """Chromium's path; installs what the tests need from the system, or says how to."""
    if not sys.platform.startswith("linux"):
        raise Problem("tests, building and grading need Linux: on Windows use WSL (`wsl --install`), on macOS a container")
    if missing_packages() and shutil.which("apt-get") and os.geteuid() == 0:
        apt_install(missing_packages())
    missing = missing_packages()
    if missing:
        raise Problem(f"the tests need {' and '.join(missing)}; type: {install_command(missing)}")
    return find_chromium()


def find_chromium():
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def missing_packages():
    needed = [
        ("chromium", find_chromium()),
        ("bubblewrap", shutil.which("bwrap")),
        ("libatomic1", has_library("libatomic.so.1")),  # Playwright, which drives Chromium, cannot start without
    ]
    return [package for package, found in needed if not found]


def has_library(name):
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def apt_names(packages):
    """Debian's names: Ubuntu calls Chromium otherwise, and a bare system has no font for it to write with."""
    import platform

    try:
        ubuntu = platform.freedesktop_os_release().get("ID") == "ubuntu"
    except OSError:
        ubuntu = False
    chromium = ["chromium-browser" if ubuntu else "chromium", "fonts-dejavu-core"]
    return [name for package in packages for name in (chromium if package == "chromium" else [package])]


def apt_install(packages):
    say(f"installing {' and '.join(packages)} with apt-get ...")
    quiet = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *apt_names(packages)]
    first = subprocess.call(
        install, env=quiet, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    if first != 0:  # a new machine has no package lists yet, an old one stale ones
        run(["apt-get", "update", "-q"], quiet)
        run(install, quiet)


def install_command(packages):
    for tool, command in (
        ("apt-get", "apt-get install {}"),
        ("dnf", "dnf install {}"),
        ("zypper", "zypper install {}"),
        ("pacman", "pacman -S {}"),
        ("apk", "apk add {}"),
    ):
        if shutil.which(tool):
            names = apt_names(packages) if tool == "apt-get" else packages
            return "sudo " + command.format(" ".join(names))
    return f"your package manager's command to install {' '.join(packages)}"


# ------------------------------------------------------------------------------------------- running things


class NetworkProblem(Problem):
    """What we need could not be fetched."""


def run(command, settings=None):
    """Run one command of the set-up in the course's folder.

    On a terminal it shows its own progress. Where that fails, and where there is no terminal, it runs with its
    output caught, so that a failure can be told in one line.
    """
    environment = clean_environment()
    environment.update(settings or {})
    how = {"env": environment, "cwd": str(ROOT), "close_fds": False, "stdin": subprocess.DEVNULL}
    if sys.stderr.isatty() and subprocess.call(command, **how) == 0:
        return
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **how)
    if done.returncode:
        raise explain(command, done.stdout.decode("utf-8", "replace"))


def explain(command, output):
    """The Problem behind a failed command's output."""
    if NO_SPACE.search(output):
        return Problem(no_space("the disk is full"))
    if NO_NETWORK.search(output):
        place = "the system's package server" if command[0] == "apt-get" else "the package index"
        return NetworkProblem(
            f"no network: {place} could not be reached. Behind a proxy set HTTPS_PROXY; with certificates of your own "
            "set SSL_CERT_FILE; with a package index of your own set PIP_INDEX_URL"
        )
    sys.stderr.write(output)
    return Problem(f"set-up failed at `{' '.join([Path(command[0]).name, *command[1:4]])}` (see above)")


def no_space(found):
    return f"no disk space: the course needs {SPACE_GB} GB in {ROOT}, and as much where uv keeps its cache: {found}"


def clean_environment():
    """Ours, without what leads a Python away from .venv or makes it slow, and with one certificate file for all."""
    astray = ("PYTHONHOME", "PYTHONPATH")
    slow = ("PYTHONDONTWRITEBYTECODE",)  # every start would compile JupyterLab and pandas again: 8 s instead of 3
    environment = {name: value for name, value in os.environ.items() if name not in astray + slow}
    if environment.get("SSL_CERT_FILE"):
        environment.setdefault("PIP_CERT", environment["SSL_CERT_FILE"])
    return environment


def program(name):
    return str(BIN / (name + ".exe" if os.name == "nt" else name))


def hand_over(command):
    """Become `command`, in the folder we were called from; its exit code is ours."""
    if not Path(command[0]).exists():
        raise Problem(f"{command[0]} is missing: delete .venv and try again")
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name != "nt":
        os.execve(command[0], command, clean_environment())
    process = subprocess.Popen(command, env=clean_environment())  # Windows cannot replace a process
    interrupted = False
    while True:
        try:
            return process.wait() or (130 if interrupted else 0)
        except KeyboardInterrupt:  # it has got Ctrl-C too: let it finish
            interrupted = True


def say(line):
    print(line, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Problem as problem:
        sys.stderr.write(f"run.py: {problem}\n")
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        full = NO_SPACE.search(str(error))
        sys.stderr.write(f"run.py: {no_space('the disk is full') if full else error}\n")
    sys.exit(2)
