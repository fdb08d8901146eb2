"""Folders for as long as a run takes. Where a run was killed, the next one on the machine clears away what it left."""

import contextlib
import os
import shutil
import stat
import tempfile
from functools import cache
from pathlib import Path

BEGIN = "pathway-"
OWNER = ".owner"  # the file in a folder on which its owner has a lock, which ends with the owner, however that ends


class Scratch(tempfile.TemporaryDirectory):
    """A temporary folder, named for `what` it holds, in which nothing outlives its owner for long."""

    def __init__(self, what: str):
        _clear(tempfile.gettempdir())
        super().__init__(prefix=f"{BEGIN}{what}-", ignore_cleanup_errors=True)
        owner = Path(self.name) / OWNER
        # Under its name only once the lock is on it: a folder without that file is nobody's to clear away.
        self._held = owner.with_suffix(".new").open("w")
        _lock(self._held.fileno())
        os.replace(self._held.name, owner)

    def cleanup(self) -> None:
        super().cleanup()
        self._held.close()


def clear_left(folder: Path) -> list[Path]:
    """Remove what killed runs of this user left in `folder`; returns what was removed."""
    removed = []
    for place in folder.glob(f"{BEGIN}*"):
        with contextlib.suppress(OSError):  # somebody else's, or gone while we look
            if not stat.S_ISDIR(place.lstat().st_mode) or place.lstat().st_uid != os.geteuid():
                continue
            with (place / OWNER).open("r+") as owner:
                _lock(owner.fileno())
                shutil.rmtree(place, ignore_errors=True)
                removed.append(place)
    return removed


@cache
def _clear(folder: str) -> None:
    """Do it once in each process."""
    clear_left(Path(folder))


def _lock(descriptor: int) -> None:
    """Take the lock on a file. Raises OSError where another process has it."""
    import fcntl  # here: Windows has none

    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
