"""Remembers what was built from what, so that only what changed is built again.

This module imports none of the libraries that building needs: a build with nothing to do is over in a second.
"""

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

MENTOR = "course/town/mentor"  # what only mentors may see of the data: made, though it lies in course/
MADE = ("data", MENTOR, "solutions", "notebooks")
# What shapes every unit, beside its own text: what notebooks import, the builder, nbgrader's settings.
SHARED = (
    "__init__.py",
    "checks.py",
    "chart_checks",
    "data.py",
    "figures.py",
    "siting.py",
    "builder",
    "grading/settings.py",
)


@dataclass(frozen=True)
class Facts:
    """What the build found out about a notebook, for its closing table; seconds and peak memory are of one run."""

    unit: str
    notebook: str
    cells: int
    tasks: int
    marks: int
    practice: int
    seconds: float
    peak_mb: float
    readability: float
    built: bool = True


def files(tree: Path) -> Iterator[Path]:
    """The files in the folder `tree` and below, without what editors and Python leave behind."""
    for path in tree.rglob("*") if tree.exists() else ():
        if path.is_file() and not {".ipynb_checkpoints", "__pycache__"} & set(path.parts):
            yield path


def fingerprint(*parts: Path | str) -> str:
    """A hash of texts, files and whole folders (names and bytes)."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            _add(digest, part.encode())
        elif part.is_dir():
            for path in sorted(files(part)):
                _add(digest, str(path.relative_to(part)).encode(), path.read_bytes())
        else:
            _add(digest, part.name.encode(), part.read_bytes() if part.exists() else b"")
    return digest.hexdigest()


def _add(digest, *pieces: bytes) -> None:
    for piece in pieces:
        digest.update(len(piece).to_bytes(8, "big") + piece)


def shared_inputs(root: Path) -> str:
    """The fingerprint of what every unit follows from."""
    code = [root / "course" / name for name in SHARED]
    return fingerprint(*code, root / "requirements-dev.lock", platform.python_version())


def town_inputs(root: Path) -> str:
    """The fingerprint of what data/ and the mentors' pages on it follow from."""
    parts = sorted(path for path in (root / "course" / "town").iterdir() if path != root / MENTOR)
    return fingerprint(*parts, root / "requirements-dev.lock", platform.python_version())


def course_inputs(root: Path) -> str:
    """The fingerprint of all that is made."""
    return fingerprint(root / "course" / "units", town_inputs(root), shared_inputs(root))


def facts_if_nothing_changed(root: Path) -> list[Facts] | None:
    """What the last build of the whole course found out, when it would make the same again; else None."""
    stamps = Stamps(root)
    if not stamps.is_current("course", course_inputs(root), [root / made for made in MADE]):
        return None
    return [replace(Facts(**note), built=False) for note in stamps.notes("course")]


class Stamps:
    """For each thing built in the folder `into`: fingerprints of what it was built from and of what came out, and notes."""

    def __init__(self, into: Path):
        self.path = into / ".build" / "stamps.json"
        try:
            self._stamps = json.loads(self.path.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            self._stamps = {}

    def is_current(self, name: str, inputs: str, outputs: Iterable[Path]) -> bool:
        stamp = self._stamps.get(name)
        return bool(stamp) and stamp["inputs"] == inputs and stamp["outputs"] == fingerprint(*outputs)

    def notes(self, name: str) -> list[dict]:
        return self._stamps[name]["notes"]

    def set(self, name: str, inputs: str, outputs: Iterable[Path], notes: list[dict]) -> None:
        self._stamps[name] = {"inputs": inputs, "outputs": fingerprint(*outputs), "notes": notes}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        half_written = self.path.with_suffix(".new")
        half_written.write_text(json.dumps(self._stamps, indent=1), encoding="utf-8")
        os.replace(half_written, self.path)
