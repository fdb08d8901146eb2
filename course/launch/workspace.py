"""The trainee's workspace: gets what is new in the course, keeps what the trainee wrote.

A release file is given out under the same path in the workspace (notebooks/ at its top, data/ as data/). What
happens to it later depends on one question: did the trainee touch it? A notebook is touched when the source of a cell
changed; running and saving it is not touching it. Every version given out is kept as a fingerprint in the workspace's
record, and a file whose fingerprint is not there has been touched.

A touched file is never overwritten: its new version arrives beside it, once.

All of this may be killed at any moment. Files are written aside and moved into place whole; the record learns of a
version before that version is laid, so that no file of ours can look like the trainee's. Until all are laid the entry
is marked as under way, so that the next start can tell a version that arrived from one that was only about to.
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

RECORD = ".pathway.json"  # {path: [fingerprint of every version given out, oldest first]}
LOCK = ".pathway.lock"
ASIDE = ".pathway-tmp"  # files on their way; in the workspace, so that moving them into place is one step
UNDER_WAY = " under way"  # ends a fingerprint whose file may not have been laid yet
ABSENT = "absent"  # what stands for a file's fingerprint where there is none
SKIPPED = {".ipynb_checkpoints", "__pycache__"}


class WorkspaceError(Exception):
    """The workspace could not be brought up to date; the text is one line that says why and what to do."""


@dataclass(frozen=True)
class Change:
    """What happened to one file of the workspace."""

    path: str  # in the workspace, with forward slashes
    kind: str  # "new", "updated", "put back" or "beside"
    beside: str = ""  # for "beside": the path of the new version

    def __str__(self) -> str:
        if self.kind == "beside":
            return f"{self.path}: you have changed it, so it stays as it is; the new version is {self.beside}"
        return f"{self.path}: {self.kind}"


def update(workspace: Path, tree: Path) -> list[Change]:
    """Bring `workspace` up to date with the release in `tree` (its notebooks/ and data/).

    Returns what changed, in the order of the paths; nothing changed gives []. Raises WorkspaceError where there is
    nothing to give out, or the workspace cannot be written.
    """
    release = _release(tree)
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(workspace), _folder_aside(workspace) as aside:
            return _Update(workspace, release, aside).run()
    except OSError as error:
        raise WorkspaceError(_in_words(error, workspace)) from error


def _release(tree: Path) -> dict[str, Path]:
    """Path in the workspace -> file of the release."""
    files = {}
    for folder, prefix in (("notebooks", ""), ("data", "data/")):
        for file in sorted((tree / folder).rglob("*")):
            inside = file.relative_to(tree / folder)
            if file.is_file() and not SKIPPED & set(inside.parts):
                files[prefix + inside.as_posix()] = file
    if not any(path.endswith(".ipynb") for path in files):
        raise WorkspaceError(f"there are no notebooks in {tree / 'notebooks'}: get a whole copy of the course")
    return dict(sorted(files.items()))


class _Update:
    """One run of `update`: decide, write down, lay, write down."""

    def __init__(self, workspace: Path, release: dict[str, Path], aside: Path):
        self.workspace, self.release, self.aside = workspace, release, aside
        self.contents = {path: file.read_bytes() for path, file in release.items()}
        self.versions = {path: fingerprint(path, content) for path, content in self.contents.items()}
        for path, version in self.versions.items():
            if version is None:
                raise WorkspaceError(f"{release[path]} is damaged: get a whole copy of the course")
        self.record = _read_record(workspace / RECORD)

    def run(self) -> list[Change]:
        laid, beside = self._decide()
        self._write_record()
        changes = []
        for path, (kind, seen) in laid.items():
            if self._lay(path, seen):
                changes.append(Change(path, kind))
            else:
                beside.append(path)
        for path in beside:
            changes.append(Change(path, "beside", self._lay_beside(path)))
            self._given(path).append(self.versions[path])
        self._arrived()
        self._write_record()
        return sorted(changes, key=lambda change: change.path)

    def _decide(self) -> tuple[dict[str, tuple[str, str]], list[str]]:
        """What to lay in place, as {path: (kind of change, fingerprint of the file it replaces)}, and what beside."""
        laid, beside = {}, []
        for path, version in self.versions.items():
            given = self._given(path)
            ours = {known.removesuffix(UNDER_WAY) for known in given}
            seen = self._there(path)
            touched = seen not in (*ours, version, ABSENT)
            if touched:
                if version not in given:
                    beside.append(path)
                continue
            if seen == ABSENT:
                laid[path] = ("put back" if ours & set(given) else "new", seen)
            elif seen != version or not self._same_marks(path):
                laid[path] = ("updated", seen)
            if version not in ours:
                given.append(version + UNDER_WAY)
        return laid, beside

    def _there(self, path: str) -> str | None:
        """The fingerprint of the workspace's file, or ABSENT; None, which counts as touched, where it is unreadable."""
        file = self.workspace / path
        if not os.path.lexists(file):
            return ABSENT
        try:
            return fingerprint(path, file.read_bytes())
        except OSError:
            return None

    def _given(self, path: str) -> list[str]:
        return self.record.setdefault(path, [])

    def _arrived(self) -> None:
        """Take the mark "under way" off, and doubles with it."""
        for path, given in self.record.items():
            self.record[path] = list(dict.fromkeys(known.removesuffix(UNDER_WAY) for known in given))

    def _same_marks(self, path: str) -> bool:
        """Is what the course itself keeps in the cells' metadata up to date?"""
        if not path.endswith(".ipynb"):
            return True
        return _marks(self.contents[path]) == _marks((self.workspace / path).read_bytes())

    def _lay(self, path: str, seen: str) -> bool:
        """Put the release's file in place, unless the one there changed since it was `seen`."""
        ready = self._write_aside(self.contents[path])
        if self._there(path) != seen:
            return False
        _move(ready, self.workspace / path)
        return True

    def _lay_beside(self, path: str) -> str:
        """Put the release's file beside the trainee's, unless a run that was killed already did; returns its path."""
        suffix = PurePosixPath(path).suffix
        stem = path.removesuffix(suffix)
        number = 1
        while True:
            name = f"{stem}-new-version{f'-{number}' if number > 1 else ''}{suffix}"
            there = self._there(name)
            if there == ABSENT:
                _move(self._write_aside(self.contents[path]), self.workspace / name)
            if there in (ABSENT, self.versions[path]):
                return name
            number += 1

    def _write_record(self) -> None:
        record = {path: given for path, given in sorted(self.record.items()) if given}
        text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
        file = self.workspace / RECORD
        with contextlib.suppress(OSError):
            if file.read_bytes() == text.encode():
                return
        _move(self._write_aside(text.encode()), file)

    def _write_aside(self, content: bytes) -> Path:
        file = self.aside / "file"
        with file.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        return file


def fingerprint(path: str, content: bytes) -> str | None:
    """What makes one version of a file: a notebook's cells (type and source), the bytes of anything else.

    None for a notebook that cannot be read: it is equal to no version. Blank cells do not count, because JupyterLab
    adds one when the last cell is run with Shift+Enter.
    """
    if path.endswith(".ipynb"):
        try:
            cells = [(cell["cell_type"], _source(cell)) for cell in _cells(content)]
        except (ValueError, KeyError, TypeError):
            return None
        content = json.dumps(cells, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return hashlib.sha256(content).hexdigest()


def _cells(notebook: bytes) -> list[dict]:
    return [cell for cell in json.loads(notebook)["cells"] if _source(cell).strip()]


def _source(cell: dict) -> str:
    return "".join(cell["source"])


def _marks(notebook: bytes) -> list:
    """The metadata by which nbgrader and JupyterLab know tasks and checks: these follow the release."""
    metadata = [cell.get("metadata") for cell in _cells(notebook)]
    return [(marks.get("nbgrader"), marks.get("tags")) if isinstance(marks, dict) else None for marks in metadata]


def _read_record(file: Path) -> dict[str, list[str]]:
    """What was given out; {} where the record is lost or damaged: then whatever is not current counts as touched."""
    try:
        record = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(record, dict):
        return {}
    return {
        path: [version for version in given if isinstance(version, str)]
        for path, given in record.items()
        if isinstance(given, list)
    }


def _move(ready: Path, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    os.replace(ready, file)
    if os.name == "posix":  # the name itself must be on the disk too, before anything relies on it
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextlib.contextmanager
def _folder_aside(workspace: Path) -> Iterator[Path]:
    aside = workspace / ASIDE
    aside.mkdir(exist_ok=True)  # a killed run may have left it
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextlib.contextmanager
def _one_at_a_time(workspace: Path) -> Iterator[None]:
    """Wait while another process updates this workspace; the operating system ends the lock with its holder."""
    with (workspace / LOCK).open("a") as handle:
        with contextlib.suppress(OSError):  # a network drive without locks: go on without
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
            else:
                import fcntl

                fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _in_words(error: OSError, workspace: Path) -> str:
    if error.errno == errno.ENOSPC:
        return f"no space left on the disk of {workspace}: free some and start again; nothing of yours was changed"
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return f"{workspace} cannot be written ({error.strerror}): close what has it open, or choose another --workspace"
    if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
        there = Path(error.filename2 or error.filename)
        there = next(place for place in (there, *there.parents) if os.path.lexists(place))
        return f"{there} is in the way: rename it, because the course needs a folder or file of that name"
    return f"{workspace} could not be brought up to date: {error}"
