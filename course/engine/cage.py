"""What the warm process does where it is the first of a process space of its own, as in a sandbox.

Nobody in that space can signal it, stop it or read its memory. So it watches over all that runs below it, together, and when
that breaks a limit it ends, and with it the whole space: the engine's outer side sees how, and can start another.
"""

import contextlib
import os
import shutil
import signal
from pathlib import Path

from course.engine.linux import MEGABYTE, be_unreadable, kill_descendants, memory_of, processes, sockets

SCRATCH, INBOX, SHARED_MEMORY = Path("/scratch"), Path("/inbox"), Path("/dev/shm")
WORK = SCRATCH / "work"  # where notebooks run
FOLDERS = ("home", "tmp", "work")
MOST_FILES, MOST_SOCKETS = 20_000, 500
# How the first process ends, and what that says of the session that ran.
TOO_MANY, TOO_MUCH, TOO_FULL, NOT_CLEAR = 81, 82, 83, 84
ENDS = {
    TOO_MANY: "started more processes than it may",
    TOO_MUCH: "used more memory than it may, with all that it started",
    TOO_FULL: "made more files than it may",
    NOT_CLEAR: "left something behind that could not be cleared away",
}


class Cage:
    """Holds what runs below this process, which is the first of its space, to limits for all of it together."""

    def __init__(self):
        be_unreadable()
        self._processes, self._memory, self._base = 0, 0, 0

    def begin(self, limits: dict, base: int) -> None:
        """Clear away what the last session left, and make ready for one with these `limits`.

        `base` is the memory, in bytes, that each process has from the libraries.
        """
        self.lay()
        self._processes, self._memory, self._base = limits["processes"] + 2, limits["memory_mb"] * MEGABYTE, base

    def lay(self) -> None:
        """Clear away what is there, and lay the files of the inbox where notebooks run."""
        self.clear()
        with contextlib.suppress(OSError):
            shutil.copytree(INBOX, WORK, dirs_exist_ok=True)

    def clear(self) -> None:
        """Leave no process and no file."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        if not kill_descendants():
            os._exit(NOT_CLEAR)
        try:
            for place in (*SCRATCH.iterdir(), *SHARED_MEMORY.iterdir()):
                shutil.rmtree(place, onerror=_make_writable) if place.is_dir() and not place.is_symlink() else place.unlink()
            for name in FOLDERS:
                (SCRATCH / name).mkdir()
        except (OSError, RecursionError):
            os._exit(NOT_CLEAR)

    def watch(self) -> None:
        """To be called many times a second: end it all where a limit is broken."""
        running = processes()
        if len(running) > self._processes:
            self._end(TOO_MANY)
        beyond = [max(0, memory_of(process) - self._base) for process in running]
        if (
            sum(beyond) > self._memory
            and sum(memory_of(process, exactly=True) for process in running) > self._memory + self._base
        ):
            self._end(TOO_MUCH)
        if sockets() > MOST_SOCKETS:  # what waits in them is memory that no process has
            self._end(TOO_MUCH)
        disk = os.statvfs(SCRATCH)
        if disk.f_files - disk.f_ffree > MOST_FILES:
            self._end(TOO_FULL)

    def _end(self, why: int) -> None:
        os._exit(why)  # Linux ends everything else in the space with its first process


def _make_writable(function, path, error) -> None:
    """A folder that its owner has closed, or what is in one: open it, and try again."""
    place = Path(path)
    place.parent.chmod(0o700)
    if place.is_dir() and not place.is_symlink():
        place.chmod(0o700)
        shutil.rmtree(place, onerror=_make_writable)
    else:
        place.unlink()
