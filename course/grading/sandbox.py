"""Where submissions run: in bubblewrap, with no network, a process space of their own, and nothing to see but libraries.

What a submission can see: Python, its libraries and the C libraries under them, the parts of `course` that notebooks import,
the course's data and the files of its own unit, all of it read-only, and a scratch disk. What it cannot: the gradebook, the
hidden checks, other submissions, anybody's home, the network, other processes, devices.
"""

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SCRATCH_MB = 100
SHARED_MEMORY_MB = 50
# The parts of `course` that are in the sandbox: what notebooks import, and the engine that runs them.
COURSE = ("__init__.py", "data.py", "figures.py", "checks.py", "chart_checks", "siting.py", "scratch.py", "engine")
# What libraries need of the system, where it is there. No programs, and so no shell.
SYSTEM = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache")
NOBODY = "65534"
SPACES = ("--unshare-all", "--unshare-user", "--disable-userns")
MISSING = (
    "bubblewrap (bwrap) is not installed, and grading does not run trainees' code without it. "
    "On Debian and Ubuntu: apt-get install bubblewrap. On Fedora: dnf install bubblewrap."
)


class SandboxError(Exception):
    """There is no sandbox to be had on this machine; the text says what to do."""


@dataclass(frozen=True)
class Sandbox:
    """A place for one engine: `data` is the course's data, `inbox` a folder of files for the submission that runs."""

    data: Path
    inbox: Path

    def command(self, program: list[str], environment: Mapping[str, str]) -> list[str]:
        """What to start in place of `program` (Python and its arguments), which has these environment variables alone."""
        bound = [(place, place) for place in _libraries()]
        bound += [(Path(__file__).resolve().parents[1] / part, Path("/course/course") / part) for part in COURSE]
        bound += [(self.data.resolve(), Path("/data")), (self.inbox.resolve(), Path("/inbox"))]
        arguments = [*SPACES, "--as-pid-1", "--new-session"]
        arguments += ["--cap-drop", "ALL", "--uid", NOBODY, "--gid", NOBODY, "--hostname", "sandbox"]
        # Linux lets root write to /proc/sys in any user namespace: a mentor who is root needs it read-only.
        arguments += ["--proc", "/proc", "--remount-ro", "/proc"]
        arguments += ["--dev", "/dev", *_disk("/dev/shm", SHARED_MEMORY_MB), "--remount-ro", "/dev"]
        for here, there in bound:
            arguments += ["--ro-bind", str(here), str(there)]
        for hidden in _installed_course():
            arguments += ["--tmpfs", str(hidden)]
        arguments += [*_disk("/scratch", SCRATCH_MB), "--symlink", "/scratch/tmp", "/tmp", "--remount-ro", "/"]
        arguments += ["--chdir", "/scratch", "--clearenv"]
        for name, value in {**environment, **OWN}.items():
            arguments += ["--setenv", name, value]
        return [_bubblewrap(), *arguments, "--", *program]


# What is set in every sandbox, whatever is set outside.
OWN = {
    "PATHWAY_SANDBOX": "1",
    "PATHWAY_DATA": "/data",
    "PYTHONPATH": "/course",
    "PYTHONDONTWRITEBYTECODE": "1",
    "IPYTHONDIR": "/scratch/home/.ipython",
    "MPLCONFIGDIR": "/scratch/home/.matplotlib",
    "HOME": "/scratch/home",
    "TMPDIR": "/scratch/tmp",
    "LANG": "C.UTF-8",
    "PATH": "/nowhere",
}


def require_sandbox() -> None:
    """Raise SandboxError, in words, where no sandbox can be made."""
    command = [_bubblewrap(), *SPACES, "--ro-bind", "/", "/", "--proc", "/proc", "--", "/bin/true"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    if tried.returncode:
        raise SandboxError(
            f"bubblewrap is installed, but cannot make a sandbox here: {tried.stderr.strip()}. It must be 0.8 or later, and "
            "the system must let users make namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone "
            "on Debian, kernel.apparmor_restrict_unprivileged_userns on Ubuntu)."
        )


@cache
def _bubblewrap() -> str:
    found = shutil.which("bwrap")
    if not found:
        raise SandboxError(MISSING)
    return found


@cache
def _libraries() -> tuple[Path, ...]:
    """The files and folders of this machine that Python and its libraries are made of."""
    python = Path(sys.executable).resolve()
    places = [Path(place) for place in SYSTEM]
    places += [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")]
    places += [python, Path(sys.executable), Path(sys.prefix) / "pyvenv.cfg"]
    places += Path(sysconfig.get_config_var("LIBDIR") or python.parent).glob("libpython*.so*")
    kept: list[Path] = []
    for place in places:
        if place.exists() and place not in kept and not any(place.is_relative_to(other) for other in kept):
            kept.append(place)
    return tuple(kept)


def _installed_course() -> list[Path]:
    """Where the whole course lies among the libraries, if it was installed there: the sandbox has a part of it elsewhere."""
    return [place for name in ("purelib", "platlib") if (place := Path(sysconfig.get_path(name)) / "course").exists()]


def _disk(place: str, size_mb: int) -> list[str]:
    return ["--size", str(size_mb << 20), "--tmpfs", place]
