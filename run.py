#!/usr/bin/env python3
"""Data Science Learning Pathway: the one way in. It sets itself up on first use.

usage:
  python3 run.py lab [--no-browser] [--port N]   open the course in JupyterLab
  python3 run.py doctor                          say OK or what to do for all that `lab` needs; installs nothing
  python3 run.py test [PYTEST ARGUMENTS]         run all tests (Linux, or WSL on Windows)
  python3 run.py COMMAND [ARGUMENTS]             run `pathway COMMAND [ARGUMENTS]`, for example `build --check`

Needs Python 3.11 or newer with venv, about 1.5 GB of disk space and, the first time, the network.
"""

# Standard library only. Nothing here may be newer syntax than Python 3.6, so that an old Python reaches
# check_python() and says what is wrong, instead of a syntax error.

import ast
import collections
import contextlib
import ctypes
import hashlib
import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
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
LONGEST_IN_VENV = 162  # characters of the longest path that Windows has in .venv, one of JupyterLab's
LONGEST_ON_WINDOWS = 259  # characters of a path, where long ones were not switched on
PORT = 8888  # where `lab` begins to look for a free one

# What a department set up for pip holds for uv too, unless uv was told otherwise.
UV_NAME_OF_PIP_SETTING = {
    "index-url": "UV_DEFAULT_INDEX",
    "no-index": "--no-index",  # which uv knows as an option alone
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "proxy": "HTTPS_PROXY",
}
NO_SPACE = re.compile(r"no space left|errno 28\b|os error 28\b|os error 112\b|not enough space", re.IGNORECASE)
NOT_TRUSTED = re.compile(r"certificate.verify.failed|unknownissuer|invalid peer certificate", re.IGNORECASE)
NO_NETWORK = re.compile(
    r"new connection|connection (refused|reset|aborted|broken|error|timed)|connect error|error sending request"
    r"|failed to fetch|name resolution|temporary failure|name or service not known|getaddrinfo|dns error"
    r"|network is unreachable|timed out|timeout|certificate|ssl error|sslerror|\btls\b|proxy|could not connect"
    r"|failed to connect|from versions: none",
    re.IGNORECASE,
)


class Problem(Exception):
    """Something around us is not as it must be; the text is one line that says what to do.

    `output` is what a program said that failed over it.
    """

    def __init__(self, line, output=""):
        super().__init__(line)
        self.output = output


def main(arguments):
    command, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if command == "doctor":
        if rest:
            raise Problem(f"doctor looks at everything: leave out {' '.join(rest)}")
        return doctor()  # says itself that a Python is too old
    check_python()
    if command in ("--help", "-h"):
        print(__doc__.strip())
        return 0
    if command == "lab":
        set_up(RUNTIME_LOCK)
        return hand_over([program("python"), "-P", "-m", "course.launch.lab", *rest])
    if not (ROOT / "course" / "cli.py").exists():
        raise Problem(f"this is the trainees' copy of the course, which has no `{command}`: `run.py lab` opens it")
    if command == "test":
        chromium = provide_system_packages()
        set_up(DEV_LOCK)
        os.environ["PATHWAY_CHROMIUM"] = chromium
        os.chdir(str(ROOT))
        side_by_side = ["-n", "auto", "--dist", "loadgroup", "--no-loadscope-reorder"]
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
    run(venv_command(VENV))


def venv_command(folder):
    # the interpreter behind us, in case we run on the .venv that was just removed
    return [getattr(sys, "_base_executable", "") or sys.executable, "-m", "venv", str(folder)]


def stanza(lock, name=r"[\w.-]+"):
    """The lines of a lock that pin a package, or the first: its version and hashes, without the comments."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    found = re.search(rf"^{name}==[^;\n]*\n.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)  # for any system, so no ;
    if not found:
        raise Problem(f"{lock} does not pin {'uv' if name == 'uv' else 'anything'}: get a whole copy of the course")
    return re.sub(r"(?m)^\s*#.*\n?", "", found.group())


def install_uv(bin_=BIN, quietly=False):
    """Install uv beside the Python of an environment."""
    requirement = ROOT / ".build" / "uv-requirement.txt"
    requirement.write_text(stanza(DEV_LOCK, "uv"), encoding="utf-8")
    pip = [program("python", bin_), "-m", "pip", "install", "--no-user", "--disable-pip-version-check"]
    command = [*pip, "--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(requirement)]
    try:
        run(command, quietly=quietly)
    except NotTrusted:
        # pip before 24.2 trusts what it brings along, and not what the computer trusts, as uv is told to below
        trusted = certificates_of_the_system()
        if not trusted or clean_environment().get("PIP_CERT"):
            raise
        run(command, {"PIP_CERT": trusted}, quietly)


def certificates_of_the_system():
    """The path of a file with the certificates that this computer trusts; None where we cannot tell them."""
    import ssl

    for bundle in ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"):
        if Path(bundle).is_file():
            return bundle
    trusted = ssl.create_default_context().get_ca_certs(binary_form=True)  # on Windows: those of its own store
    if not trusted:
        return None
    bundle = ROOT / ".build" / "certificates.pem"
    bundle.write_text("".join(map(ssl.DER_cert_to_PEM_cert, trusted)), encoding="ascii")
    return str(bundle)


def install_packages(lock):
    # sync, not install: after a changed lock nothing of the old one may linger. Only pip and uv itself it leaves alone.
    run_uv("sync", "--require-hashes", lock)


def install_course():
    run_uv("install", "--no-deps", "--no-build-isolation", "--editable", ".")


def run_uv(command, *arguments, bin_=BIN, quietly=False):
    """Run a command of `uv pip` on the environment beside it, with what was set for pip."""
    settings = uv_settings(bin_)
    no_index = settings.pop("--no-index", "").lower() in ("1", "true", "yes", "on")
    options = ["--python", program("python", bin_), *(["--no-index"] if no_index else [])]
    run([program("uv", bin_), "pip", command, *options, *arguments], settings, quietly)


def uv_settings(bin_=BIN):
    """Environment variables that let uv follow pip's settings and the system's certificates."""
    settings = {"UV_SYSTEM_CERTS": "1"}
    command = [program("python", bin_), "-m", "pip", "--disable-pip-version-check", "config", "list"]
    listed = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
    # lines such as global.index-url='...'; pip reads global, then install, then its environment variables
    order = ["global", "install", ":env:"]
    lines = [re.match(r"(global|install|:env:)\.([\w-]+)=('.*'|\".*\")$", line) for line in listed.splitlines()]
    for line in sorted(filter(None, lines), key=lambda line: order.index(line.group(1))):
        name = UV_NAME_OF_PIP_SETTING.get(line.group(2))
        if name and not os.environ.get(name):
            between = "," if name == "UV_FIND_LINKS" else " "
            settings[name] = between.join(ast.literal_eval(line.group(3)).split())
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
        ("postgresql", shutil.which("initdb") or any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))),
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


# ------------------------------------------------------------------------------------------------ doctor

Found = collections.namedtuple("Found", "verdict what advice")
OK, TO_DO, NOTE = "OK", "TO DO", "NOTE"  # with a NOTE `lab` works all the same
FORBIDDEN = re.compile(r"permission denied|winerror (5|1260)\b|group policy|app ?control", re.IGNORECASE)
HOW_TO_SET = "On Windows `setx NAME VALUE` sets it, from the next window on; elsewhere type `export NAME=VALUE`."
INDEX_INSIDE = "If your organisation has a package index of its own, set PIP_INDEX_URL to its address. "
BY_PROXY = "Are you online? If others here reach the internet by a proxy, set HTTPS_PROXY to its address. " + INDEX_INSIDE
# What pip or uv says when it cannot reach the package index, what that means and what to do; the first that fits.
REASONS = [
    (
        r"\b407\b|proxy auth",
        "the proxy asks for a name and a password",
        "Put them into its address: http://NAME:PASSWORD@proxy.example:8080, with %40 for an @ in the password. If it knows "
        "Windows accounts only, pip cannot answer it: ask IT for a proxy without sign-in, or for a package index inside.",
    ),
    (
        r"proxyerror.*\b403\b|tunnel.*(\b403\b|forbidden|unsuccessful)",
        "the proxy does not let this through",
        "Ask IT to let Python's package index pass, or for the address of one inside. " + INDEX_INSIDE + HOW_TO_SET,
    ),
    (
        r"proxyerror|connect to proxy|tunnel error|proxy connect",
        "the proxy does not answer",
        "Compare HTTPS_PROXY with what the computer itself is set to (Windows: Settings, Network, Proxy). " + HOW_TO_SET,
    ),
    (
        r"certificate.*(expired|not yet valid|not valid (before|after))",
        "its certificate is not valid at this time",
        "Does this computer's clock show the right day?",
    ),
    (
        NOT_TRUSTED.pattern,
        "its certificate is not trusted here",
        "A proxy that reads along shows your organisation's certificate. Ask IT for the root certificate as a PEM file, and "
        "set SSL_CERT_FILE to that file's path. " + HOW_TO_SET,
    ),
    (
        r"\b40[13] client error|\b40[13] (unauthorized|forbidden)",
        "it refuses us",
        "Ask IT for its address with a name and a password in it, and set PIP_INDEX_URL to that. " + HOW_TO_SET,
    ),
    (
        r"\b404\b",
        "there is no index at that address",
        "Compare PIP_INDEX_URL letter by letter; it ends in /simple. " + HOW_TO_SET,
    ),
    (
        r"getaddrinfo|name or service not known|name resolution|no such host|dns error|nodename nor servname",
        "its name is not known here",
        BY_PROXY + HOW_TO_SET,
    ),
    (r"timed out|timeout|refused|reset|unreachable|connect", "nobody answers", BY_PROXY + HOW_TO_SET),
    (
        r"do not match the hashes|hash mismatch",
        "a package there is not the one that the lock names",
        "Ask whoever keeps it why: nothing was installed.",
    ),
    (r"from versions|not found", "it lacks what we need", f"Ask whoever keeps it to add the packages of {DEV_LOCK}."),
]


def doctor():
    """Look at all that `lab` needs, and say OK or what to do; 1 if anything has to be done. Installs nothing."""
    basis = (look_at_python, look_at_copy, look_at_folders)
    to_do = 0
    for looks in (basis, (look_at_space, look_at_set_up), (look_at_index,)):  # each group needs what is before it
        if to_do:
            tell(Found(NOTE, "more was not looked at", "Do what is said above, then let the doctor look again."))
            break
        to_do += sum(tell(found) for look in looks for found in look())
    to_do += sum(tell(found) for look in (look_at_paths, look_at_loopback, look_at_extras) for found in look())
    if to_do:
        say(f"\n{to_do} thing{'s' if to_do > 1 else ''} to do before `{starter()} lab` can work.")
        return 1
    say(f"\n`{starter()} lab` has all that it needs{'' if is_set_up(RUNTIME_LOCK) else ', and will set the course up'}.")
    return 0


def tell(found):
    """Print what was found; True where something has to be done."""
    say(f"{found.verdict:<6} {found.what}")
    if found.advice:
        width, inside = min(shutil.get_terminal_size().columns, 110), 7 * " "
        say(textwrap.fill(found.advice, width, initial_indent=inside, subsequent_indent=inside, break_on_hyphens=False))
    return found.verdict == TO_DO


def starter():
    return "py run.py" if os.name == "nt" else "python3 run.py"


def look_at_python():
    version, oldest = dotted(sys.version_info[:3]), dotted(OLDEST_PYTHON)
    if sys.version_info[:2] < OLDEST_PYTHON:
        advice = f"Install {oldest} or newer, and start run.py with that one. On Windows `py --list` shows which there are."
        yield Found(TO_DO, f"Python {version} is too old", advice)
        return
    if sys.maxsize < 2**32:
        yield Found(TO_DO, f"Python {version} has 32 bits", "Install the one with 64 bits: the libraries are made for it.")
        return
    yield Found(OK, f"Python {version} ({oldest} or newer is needed)", "")
    try:
        check_venv_module()
        yield Found(OK, "the module venv", "")
    except Problem as problem:
        yield Found(TO_DO, "the module venv is missing", f"{problem}.")


def look_at_copy():
    missing = [
        part for part in (RUNTIME_LOCK, DEV_LOCK, "pyproject.toml", "course", "notebooks") if not (ROOT / part).exists()
    ]
    if missing:
        advice = "Get a whole copy. A zip has to be unpacked first: on Windows right click it, then Extract All."
        yield Found(TO_DO, f"{ROOT} lacks {', '.join(missing)}", advice)
    else:
        yield Found(OK, "a whole copy of the course", "")


def look_at_folders():
    """Can files be written where set-up writes them?"""
    for folder, advice in (
        (ROOT, "Move the course into a folder of your own, and start it from there."),
        (cache_of_uv(), "Set UV_CACHE_DIR to a folder of your own, in which uv, the installer, keeps what it fetched."),
    ):
        there = nearest(folder)
        try:
            with tempfile.TemporaryFile(dir=str(there)):
                pass
            yield Found(OK, f"files can be written in {folder}", "")
        except OSError as error:
            yield Found(TO_DO, f"files cannot be written in {there}: {error.strerror or error}", advice)


def nearest(folder):
    """The folder itself, or the nearest above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def cache_of_uv():
    """Where uv keeps what it fetched."""
    if os.environ.get("UV_CACHE_DIR"):
        return Path(os.environ["UV_CACHE_DIR"]).absolute()
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "uv" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv"


def look_at_space():
    if is_set_up(RUNTIME_LOCK):
        return
    disks = set()
    for folder, otherwise in (
        (ROOT, "move the course to another disk"),
        (cache_of_uv(), "set UV_CACHE_DIR to a folder elsewhere, in which uv keeps what it fetched"),
    ):
        there = nearest(folder)
        disk, free = there.stat().st_dev, shutil.disk_usage(str(there)).free / 1e9
        if free < SPACE_GB and disk not in disks:
            advice = f"Set-up needs {SPACE_GB} GB there. Empty the bin, or {otherwise}."
            yield Found(TO_DO, f"{free:.1f} GB are free in {there}", advice)
        elif disk not in disks:
            yield Found(OK, f"{free:.0f} GB are free in {there} ({SPACE_GB} are needed)", "")
        disks.add(disk)


def look_at_paths():
    return paths_in_the_way(str(ROOT), os.environ, has_long_paths() if os.name == "nt" else True)


def paths_in_the_way(root, environment, long_paths):
    """What is wrong with the course lying in the folder `root`: too deep, on a network drive, copied to a cloud."""
    room = LONGEST_ON_WINDOWS - LONGEST_IN_VENV
    if not long_paths and len(root) > room:
        advice = f"Move the course to a folder of at most {room} characters, such as C:\\Users\\YOU\\course."
        yield Found(TO_DO, f"{root} is {len(root)} characters long, too long for Windows once libraries are in it", advice)
    clouds = [environment.get(name) for name in ("OneDrive", "OneDriveCommercial", "OneDriveConsumer")]
    clouds += [str(Path.home() / "Library" / place) for place in ("Mobile Documents", "CloudStorage")]
    if any(cloud and root.lower().startswith(cloud.lower()) for cloud in clouds):
        advice = "It would copy some 40,000 files, and hold some while they are written. Move the course out of it."
        yield Found(NOTE, f"{root} is copied to a cloud", advice)
    if root.startswith("\\\\"):
        yield Found(
            NOTE, f"{root} is on a network drive", "Everything will be slow. Move the course to this computer's own disk."
        )


def has_long_paths():
    """Is this a Windows on which somebody has switched on long paths?"""
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
            return winreg.QueryValueEx(key, "LongPathsEnabled")[0] == 1
    except OSError:
        return False


def look_at_set_up():
    """How far set-up is; whatever is odd about it, the next start mends."""
    again = "The next start puts that right by itself."
    stamp, now = read_stamp(), stamp_for(RUNTIME_LOCK)
    if is_set_up(RUNTIME_LOCK):
        yield Found(OK, f"the course is set up, from {stamp['lock']}", "")
    elif not VENV.exists():
        yield Found(OK, "the course is not set up yet: the first start does that, and fetches about 1 GB", "")
    elif not stamp:
        yield Found(NOTE, f"an earlier set-up did not come to its end in {VENV}", again)
    elif stamp.get("folder") != now["folder"]:
        yield Found(NOTE, f"the course was set up in {stamp.get('folder')}, and has been moved", again)
    elif stamp.get("python") != now["python"]:
        yield Found(NOTE, f"the course was set up with Python {stamp.get('python')}", again)
    elif not venv_starts():
        yield Found(NOTE, f"the Python in {VENV} does not start any more", again)
    else:
        yield Found(NOTE, "the course was set up from another version of its lock", again)


def look_at_loopback():
    """Can programs on this computer talk to each other, as the browser and JupyterLab do?"""
    try:
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen(1)
            with socket.create_connection(server.getsockname(), timeout=5):
                pass
    except OSError as error:
        advice = "JupyterLab needs it, to talk to your browser. Ask IT whether a firewall forbids it."
        yield Found(TO_DO, f"programs on this computer cannot reach each other at 127.0.0.1: {error}", advice)
        return
    try:
        with socket.socket() as server:
            server.bind(("127.0.0.1", PORT))
        yield Found(OK, f"port {PORT} at 127.0.0.1 is free", "")
    except OSError:
        yield Found(OK, f"port {PORT} at 127.0.0.1 is in use: `lab` takes the next that is free", "")


def look_at_extras():
    import webbrowser

    try:
        webbrowser.get()
        yield Found(OK, "a web browser", "")
    except webbrowser.Error:
        yield Found(NOTE, "no web browser was found", "Copy the address that `lab` prints into the one that you use.")
    if not sys.platform.startswith("linux"):
        yield Found(NOTE, "for mentors and authors: grading, building and tests need Linux", "On Windows that is WSL.")
    elif missing_packages():
        advice = f"They need {' and '.join(missing_packages())}; type: {install_command(missing_packages())}"
        yield Found(NOTE, "for mentors and authors: something for grading or for tests is missing", advice)
    else:
        yield Found(OK, "for mentors and authors: bubblewrap and Chromium", "")


def look_at_index():
    """Begin a set-up in a folder that is then thrown away: make an environment, fetch uv, ask the index by it."""
    if is_set_up(RUNTIME_LOCK):
        return
    say("       (making an environment and asking the package index takes some seconds)")
    (ROOT / ".build").mkdir(exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="doctor-", dir=str(ROOT / ".build")))
    try:
        run(venv_command(scratch), quietly=True)
        yield from ask_index(scratch)
    except (Problem, OSError) as problem:
        yield no_environment(problem.output.strip() if isinstance(problem, Unexplained) else str(problem))
    finally:
        shutil.rmtree(str(scratch), ignore_errors=True)


def ask_index(environment):
    """Ask the package index as set-up does, by pip and by uv, from the `environment` in that folder, which has no uv yet."""
    bin_ = environment / BIN.name
    os.environ.update(PIP_VERBOSE="2", PIP_NO_INPUT="1")  # what keeps it from the index pip says only then
    for name, limit in (("PIP_RETRIES", "1"), ("UV_HTTP_RETRIES", "1"), ("UV_HTTP_TIMEOUT", "15")):
        os.environ.setdefault(name, limit)
    settings = dict(os.environ, **uv_settings(bin_))
    unreadable = list(look_at_certificates(settings))
    if unreadable:
        yield from unreadable
        return
    first = environment / "first.txt"
    first.write_text(stanza(RUNTIME_LOCK), encoding="utf-8")
    try:
        install_uv(bin_, quietly=True)
        ask = ("--dry-run", "--no-cache", "--no-deps", "--require-hashes", "-r", str(first))
        run_uv("install", *ask, bin_=bin_, quietly=True)
        yield Found(OK, f"the package index answers pip and uv{in_words(settings)}", "")
    except Problem as problem:
        what, advice = why_unreachable(problem.output)
        if not what:
            raise
        yield Found(TO_DO, f"the package index{in_words(settings)}: {what}", advice)


def no_environment(said):
    """What is wrong where not even an environment with pip and uv can be made, by what a program said last."""
    if FORBIDDEN.search(said):
        advice = (
            "Your organisation may allow programs in some folders only (on Windows by AppLocker or App Control), or the "
            "disk forbids it. Ask IT for a folder in which Python environments may run, or your mentor for another way to "
            "open the course: a link, or a hub."
        )
        return Found(TO_DO, f"programs in {ROOT} may not be run", advice)
    advice = f"The last that was said: {without_passwords(said.splitlines()[-1])}"
    return Found(TO_DO, "an environment for the libraries cannot be made", advice)


def look_at_certificates(settings):
    """Files of certificates that were set, and that pip and uv cannot read."""
    names = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    files = {os.environ[name]: name for name in names if os.environ.get(name)}
    if settings.get("SSL_CERT_FILE"):
        files.setdefault(settings["SSL_CERT_FILE"], "pip's setting `cert`")
    for file, name in files.items():
        try:
            is_pem = b"-----BEGIN CERTIFICATE-----" in Path(file).read_bytes()
        except OSError as error:
            yield Found(
                TO_DO, f"{name} names {file}, which cannot be read: {error.strerror}", "Set it to the file's right path."
            )
            continue
        if not is_pem:
            advice = "It should begin with -----BEGIN CERTIFICATE-----. Windows calls that form Base-64 when it exports one."
            yield Found(TO_DO, f"{name} names {file}, which is no certificate in PEM form", advice)


def in_words(settings):
    """The settings that a package index is reached by, in brackets; nothing where none is set."""
    names = {"UV_DEFAULT_INDEX": "", "UV_FIND_LINKS": "", "HTTPS_PROXY": "proxy ", "SSL_CERT_FILE": "certificates in "}
    told = [word + without_passwords(settings[name]) for name, word in names.items() if settings.get(name)]
    return f" ({', '.join(told)})" if told else ""


def without_passwords(text):
    return re.sub(r"//[^/@\s]*@", "//", text)


def why_unreachable(output):
    """What keeps pip or uv from the package index, and what to do, by the lines in which they complain; None if unknown."""
    lines = re.findall(r"^.*(?:could not fetch|warning|error|cause).*$", output, re.MULTILINE | re.IGNORECASE)
    complaint = " ".join(line for line in lines if "Traceback" not in line)
    for sign, what, advice in REASONS:
        if re.search(sign, complaint, re.IGNORECASE):
            return what, advice
    return None, None


# ------------------------------------------------------------------------------------------- running things


class NetworkProblem(Problem):
    """What we need could not be fetched."""


class NotTrusted(NetworkProblem):
    """Whoever answered has a certificate that is not trusted here."""


class Unexplained(Problem):
    """A program failed, and only its output says why."""


def run(command, settings=None, quietly=False):
    """Run one command of the set-up in the course's folder.

    On a terminal it shows its own progress, unless it is to run `quietly`. Where that fails, and where there is no
    terminal, it runs with its output caught, so that a failure can be told in one line.
    """
    environment = clean_environment()
    environment.update(settings or {})
    how = {"env": environment, "cwd": str(ROOT), "close_fds": False, "stdin": subprocess.DEVNULL}
    if not quietly and sys.stderr.isatty() and subprocess.call(command, **how) == 0:
        return
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **how)
    if done.returncode:
        raise explain(command, done.stdout.decode("utf-8", "replace"))


def explain(command, output):
    """The Problem behind a failed command's output."""
    if NO_SPACE.search(output):
        return Problem(no_space("the disk is full"), output)
    if NO_NETWORK.search(output):
        place = "the system's package server" if command[0] == "apt-get" else "the package index"
        kind = NotTrusted if NOT_TRUSTED.search(output) else NetworkProblem
        line = (
            f"no network: {place} could not be reached. Behind a proxy set HTTPS_PROXY; with certificates of your own "
            "set SSL_CERT_FILE; with a package index of your own set PIP_INDEX_URL; `run.py doctor` says what is missing"
        )
        return kind(line, output)
    return Unexplained(f"set-up failed at `{' '.join([Path(command[0]).name, *command[1:4]])}` (see above)", output)


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


def program(name, bin_=BIN):
    return str(bin_ / (name + ".exe" if os.name == "nt" else name))


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
        if isinstance(problem, Unexplained):
            sys.stderr.write(problem.output)
        sys.stderr.write(f"run.py: {problem}\n")
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        full = NO_SPACE.search(str(error))
        sys.stderr.write(f"run.py: {no_space('the disk is full') if full else error}\n")
    sys.exit(2)
