"""The bank of hostile notebooks: what a malicious or broken trainee hands in for unit 01, and what must come of it.

Each case in `HOSTILE` is handed in for the unit's assessment, a notebook of which the bank knows the tasks and their marks.
`ODD` are honest people who do odd things. `lay(exam, case, folder)` puts what is handed in into a folder. What could hurt a
machine looks first whether it is in the sandbox, and does nothing elsewhere.
"""

import os
from pathlib import Path

from course.grading.hostile import checks, endless, files, greed, leftovers, odd, reach, shell, spies
from course.grading.hostile.case import GUARD, LITTER, TAKEN, Exam, Handed, Hostile, Link, Odd, Prey

__all__ = ["GUARD", "HOSTILE", "LITTER", "ODD", "TAKEN", "Exam", "Handed", "Hostile", "Link", "Odd", "Prey", "lay"]

HOSTILE: tuple[Hostile, ...] = (
    *reach.CASES,
    *greed.CASES,
    *endless.CASES,
    *files.CASES,
    *checks.CASES,
    *shell.CASES,
    *spies.CASES,
    *leftovers.CASES,
)
ODD: tuple[Hostile, ...] = odd.CASES


def lay(exam: Exam, case: Hostile, folder: Path) -> None:
    """Write what the trainee of `case` hands in into `folder`, which is made."""
    folder.mkdir(parents=True)
    for name, content in case.make(exam).items():
        path = folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, Link):
            path.symlink_to(content.target)
        elif content.kind == "folder":
            path.mkdir()
        elif content.kind == "fifo":
            os.mkfifo(path)
        else:
            with path.open("wb") as file:
                file.truncate(content.size)
