"""Files that were handed in: whose they are and which notebook, read safely out of folders and an LMS's zip archives."""

import contextlib
import functools
import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO

from nbgrader.api import Gradebook, Student
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin

from course.grading.cohort import Trainee

BIGGEST = 20_000_000  # bytes of a notebook: what grading takes
MOST = 50_000  # files in a folder or an archive
MOST_WITHIN = 1000  # files in an archive within another, as a trainee packs one
LITTER = {".ds_store", "thumbs.db", "desktop.ini", "timestamp.txt", "submission_secret.txt"}
LITTER_FOLDERS = {"__MACOSX", ".ipynb_checkpoints", "__pycache__", ".git"}
# Behind a name: what a browser, an LMS or a file manager adds to the second file of a name.
COPY = re.compile(r"(?:-\d{1,2}| ?\(\d{1,2}\)| - Copy)$")
TIME = re.compile(r"(?<!\d)(\d{4})-(\d\d)-(\d\d)[-T_ ](\d\d)[-.:h]?(\d\d)(?:[-.:m]?(\d\d))?(?!\d)")
LINK = "a link, which is not followed"
ENCRYPTED = 1  # in the flags of an archive's member
UNREADABLE = (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)
TIME_AS_FOLDER = "%Y-%m-%d-%H-%M-%S"


class NoMatch(Exception):
    """A file that is nobody's hand-in; the text says why, as the end of a sentence."""


@dataclass(frozen=True)
class Match:
    """Whose file it is, of which notebook, and when it was handed in (UTC, without a zone; None where nothing says so)."""

    trainee: str
    notebook: str
    when: datetime | None = None

    @property
    def place(self) -> PurePosixPath:
        """Where it lies among collected files: TRAINEE/TIME/NOTEBOOK.ipynb, the time only where it is known."""
        time = [self.when.strftime(TIME_AS_FOLDER)] if self.when else []
        return PurePosixPath(self.trainee, *time, f"{self.notebook}.ipynb")


@dataclass(frozen=True)
class Unmatched:
    """A file that was left out, by its path as it may be printed, and why."""

    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


@dataclass(frozen=True)
class Entry:
    """A file in a folder or an archive: its path there, how to open it, and what forbids that ("" when nothing does)."""

    path: PurePosixPath
    open: Callable[[], IO[bytes]] | None = None
    fault: str = ""

    def read(self) -> bytes:
        """Its content. Raises NoMatch where it cannot be read, or is larger than BIGGEST, whatever an archive says it is."""
        try:
            with self.open() as file:
                content = file.read(BIGGEST + 1)
        except UNREADABLE as error:
            raise NoMatch(f"cannot be read ({error})") from error
        if len(content) > BIGGEST:
            raise NoMatch(f"larger than {BIGGEST // 1_000_000} MB")
        return content


# ------------------------------------------------------------------------------------------------ whose it is


class Matcher:
    """Finds out whose a file is by its path: TRAINEE_..._NOTEBOOK.ipynb, as an LMS names it, or in a folder TRAINEE.

    The trainee's id stands at the beginning of the name or of a folder, or between two underscores; failing that the
    trainee's number in the LMS, or the full name, where the roster has them and no other trainee can be meant.
    """

    def __init__(self, trainees: Iterable[Trainee], notebooks: Sequence[str]):
        self.trainees = sorted(trainees, key=lambda trainee: -len(trainee.id))  # "ann_lee" before "ann"
        self.notebooks = sorted(notebooks, key=len, reverse=True)

    def __call__(self, path: PurePosixPath) -> Match:
        """Raises NoMatch, with the reason, for a file that is none of the unit's or nobody's."""
        if path.suffix.lower() != ".ipynb":
            raise NoMatch("not a notebook (.ipynb)")
        notebook, before = self._notebook(path.stem)
        places = [before, *reversed(path.parent.parts)]
        trainee = next(filter(None, map(self._by_id, places)), None) or self._by_what_the_lms_knows(places)
        return Match(trainee, notebook, next(filter(None, map(_time, places)), None))

    def _notebook(self, stem: str) -> tuple[str, str]:
        """The notebook that a file's name ends with, and what stands before it."""
        for end in (stem, COPY.sub("", stem)):
            for name in self.notebooks:
                if found := re.search(rf"(?:^|[^A-Za-z0-9]){re.escape(name)}$", end, re.IGNORECASE):
                    return name, end[: found.start()]
        raise NoMatch(f"no notebook of this unit ({', '.join(sorted(self.notebooks))})")

    def _by_id(self, text: str) -> str | None:
        alone = text.strip("_- .")
        for trainee in self.trainees:
            if alone.lower() == trainee.id.lower() or text.lower().startswith(f"{trainee.id.lower()}_"):
                return trainee.id
        between = f"_{text.lower()}_"
        found = [trainee.id for trainee in self.trainees if f"_{trainee.id.lower()}_" in between]
        return found[0] if len(found) == 1 else None

    def _by_what_the_lms_knows(self, places: Sequence[str]) -> str:
        tokens = {token.strip().lower() for place in places for token in place.split("_")}
        found = {trainee.id for trainee in self.trainees if tokens & set(_known_as(trainee))}
        if len(found) == 1:
            return found.pop()
        if found:
            raise NoMatch(f"may be by any of {', '.join(sorted(found))}: put the trainee's id before the name")
        raise NoMatch("nobody of the roster: put the trainee's id before the name, as in ID_NOTEBOOK.ipynb")


def _known_as(trainee: Trainee) -> Iterator[str]:
    if trainee.lms_user_id:
        yield trainee.lms_user_id.lower()
    if trainee.email:
        yield trainee.email.lower()
    if trainee.first_name and trainee.last_name:
        yield f"{trainee.first_name} {trainee.last_name}".lower()
        yield f"{trainee.last_name} {trainee.first_name}".lower()
        yield f"{trainee.last_name}{trainee.first_name}".lower()


def _time(text: str) -> datetime | None:
    found = TIME.search(text)
    if not found:
        return None
    try:
        return datetime(*(int(part or 0) for part in found.groups()))
    except ValueError:
        return None


@dataclass(frozen=True)
class Sorted:
    """Files that were handed in, each with whose it is, and those that were left out."""

    taken: tuple[tuple[Match, Entry], ...]
    left_out: tuple[Unmatched, ...]


def sort_out(entries: Iterable[Entry], matcher: Matcher) -> Sorted:
    """Say of each file whose it is. Of two for the same notebook the later one counts; without times neither does."""
    claims: dict[tuple[str, str], list[tuple[Match, Entry]]] = {}
    left_out = []
    for entry in entries:
        if _is_litter(entry.path):
            continue
        try:
            if entry.fault:
                raise NoMatch(entry.fault)
            match = matcher(entry.path)
        except NoMatch as error:
            left_out.append(Unmatched(printable(entry.path), str(error)))
        else:
            claims.setdefault((match.trainee, match.notebook), []).append((match, entry))
    taken = []
    for (trainee, notebook), rivals in claims.items():
        times = {match.when for match, _ in rivals}
        if len(rivals) == 1:
            taken.append(rivals[0])
        elif None not in times and len(times) == len(rivals):
            *earlier, latest = sorted(rivals, key=lambda rival: rival[0].when)
            taken.append(latest)
            left_out += [Unmatched(printable(entry.path), f"{trainee} handed in a later one") for _, entry in earlier]
        else:
            why = f"one of {len(rivals)} files for {notebook} of {trainee}, and nothing says which counts: leave one"
            left_out += [Unmatched(printable(entry.path), why) for _, entry in rivals]
    return Sorted(tuple(taken), tuple(left_out))


def _is_litter(path: PurePosixPath) -> bool:
    return path.name.lower() in LITTER or path.name.startswith("._") or bool(LITTER_FOLDERS & set(path.parts))


def printable(path: object) -> str:
    """A path that a trainee may have chosen, without what could steer a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(path))


# ------------------------------------------------------------------------------------------------ reading it


@contextlib.contextmanager
def opened(source: Path) -> Iterator[Iterator[Entry]]:
    """The files in a folder, an archive (.zip) or a folder with archives in it; `source` may also be a single notebook.

    Nothing is extracted: a file is read when it is asked for, and where it goes is for the reader to say. Links, and paths
    that lead outside, are not followed; of archives in archives one more is looked into. They can be read until the end of
    the with-statement.
    """
    with contextlib.ExitStack() as archives:
        if source.is_file() and source.suffix.lower() == ".zip":
            yield _in_archive(source, PurePosixPath(), PurePosixPath(source.name), archives, is_whole=True)
        elif source.is_file():
            yield _of_file(source, PurePosixPath(source.name), archives)
        else:
            yield _in_folder(source, archives)


def _in_folder(source: Path, archives: contextlib.ExitStack) -> Iterator[Entry]:
    for folder, folders, files in os.walk(source):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        folders[:] = sorted(set(folders) - set(links))
        for name in sorted([*files, *links]):
            path = Path(folder) / name
            yield from _of_file(path, PurePosixPath(path.relative_to(source).as_posix()), archives)


def _of_file(path: Path, shown: PurePosixPath, archives: contextlib.ExitStack) -> Iterator[Entry]:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        yield Entry(shown, fault=LINK)
    elif not stat.S_ISREG(mode):
        yield Entry(shown, fault="no ordinary file")
    elif path.suffix.lower() == ".zip":
        yield from _in_archive(path, shown.with_suffix(""), shown, archives, is_whole=False)
    else:
        yield Entry(shown, lambda: path.open("rb"))


def _in_archive(
    source: Path | Entry, folder: PurePosixPath, shown: PurePosixPath, archives: contextlib.ExitStack, is_whole: bool
) -> Iterator[Entry]:
    """The files of an archive, which is a file or lies in another archive; `folder` comes before their paths.

    `is_whole` is for that of a whole cohort: it may hold more files than one trainee's, and archives.
    """
    try:
        file = source if isinstance(source, Path) else io.BytesIO(source.read())
        archive = archives.enter_context(zipfile.ZipFile(file))
    except NoMatch as error:
        yield Entry(shown, fault=str(error))
        return
    except UNREADABLE as error:
        yield Entry(shown, fault=f"not an archive that can be read ({error})")
        return
    members = [member for member in archive.infolist() if not member.is_dir()]
    most = MOST if is_whole else MOST_WITHIN
    if len(members) > most:
        yield Entry(shown, fault=f"more than {most:,} files in one archive")
        return
    for member in members:
        inside = PurePosixPath(member.filename.replace("\\", "/"))
        path = folder / inside if not inside.is_absolute() else inside
        if inside.is_absolute() or ".." in inside.parts or re.match("[A-Za-z]:", member.filename):
            yield Entry(path, fault="a path that leads outside the archive")
        elif stat.S_ISLNK(member.external_attr >> 16):
            yield Entry(path, fault=LINK)
        elif member.flag_bits & ENCRYPTED:
            yield Entry(path, fault="encrypted")
        elif inside.suffix.lower() == ".zip" and is_whole and not _is_litter(path):
            inner = Entry(path, functools.partial(archive.open, member))
            yield from _in_archive(inner, path.with_suffix(""), path, archives, is_whole=False)
        else:
            yield Entry(path, functools.partial(archive.open, member))


# ------------------------------------------------------------------------------------------------ nbgrader's zip_collect


class SafeExtractor(ExtractorPlugin):
    """Lays what was handed in for nbgrader zip_collect: TRAINEE/TIME/NOTEBOOK.ipynb, whatever the archives call it.

    nbgrader's own extracts all that is in an archive, however large, before it looks at a name.
    """

    def extract(self, archive_path: str, extracted_path: str) -> None:
        with opened(Path(archive_path)) as found:
            sorted_ = sort_out(found, _matcher_of(self.parent.coursedir))
            for why in lay(sorted_, Path(extracted_path)):
                self.log.warning("Left out %s", why)


class Collector(FileNameCollectorPlugin):
    """Tells nbgrader zip_collect whose a file is."""

    @functools.cached_property
    def matcher(self) -> Matcher:
        return _matcher_of(self.parent.coursedir)

    def collect(self, submitted_file: str) -> dict | None:
        path = PurePosixPath(
            Path(submitted_file).relative_to(self.parent._format_collect_path(self.parent.extracted_directory))
        )
        try:
            match = self.matcher(path)
        except NoMatch as error:
            self.log.warning("Left out %s: %s", printable(path), error)
            return None
        when = {"timestamp": match.when} if match.when else {}
        return {"student_id": match.trainee, "file_id": match.notebook, **when}


def lay(sorted_: Sorted, place: Path) -> list[Unmatched]:
    """Write what was taken into the folder `place`, by Match.place; returns all that was left out, also while reading."""
    left_out = [*sorted_.left_out]
    for match, entry in sorted_.taken:
        try:
            content = entry.read()
        except NoMatch as error:
            left_out.append(Unmatched(printable(entry.path), str(error)))
            continue
        path = place / match.place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return left_out


def _matcher_of(course: CourseDirectory) -> Matcher:
    """The matcher of nbgrader's course: its gradebook's trainees, its released notebooks."""
    release = Path(course.format_path(course.release_directory, ".", course.assignment_id))
    with Gradebook(course.db_url, course.course_id) as gradebook:
        return Matcher(roster(gradebook), [notebook.stem for notebook in release.glob("*.ipynb")])


def roster(gradebook: Gradebook) -> list[Trainee]:
    """The trainees in a gradebook."""
    return [
        Trainee(one.id, one.first_name, one.last_name, one.email, one.lms_user_id)
        for one in gradebook.db.query(Student).all()
    ]
