"""What trainees handed in, taken into submitted/: from nbgrader's exchange, or from files."""

import os
import pwd
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nbgrader.apps.zipcollectapp import ZipCollectApp
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import ExchangeCollect
from nbgrader.utils import parse_utc

from course.grading.cohort import ID, Cohort, CohortError
from course.grading.exchange import run_quietly
from course.grading.hand_in import TIME_AS_FOLDER, Match, Matcher, Unmatched, lay, opened, printable, roster, sort_out
from course.grading.settings import settings_of

BIGGEST_SUBMISSION = 100_000_000  # bytes of all its files: nbgrader's own limit, beyond which it stops the batch
MOST_FILES = 1000
STEP = "from-files"  # the folder in downloaded/UNIT that zip_collect reads: a mentor's own archives lie in archive/


@dataclass(frozen=True)
class Collected:
    """What came of collecting a unit: trainees whose submission is new, came anew or stayed, and what was left out and why.

    `to_grade_again` are those that came anew and had been graded: their marks stay until they are graded again. `late` came
    in behind the due date. `notes` are sentences on what was collected and is not as usual.
    """

    unit: str
    new: tuple[str, ...]
    replaced: tuple[str, ...]
    same: tuple[str, ...]
    to_grade_again: tuple[str, ...]
    late: tuple[str, ...]
    left_out: tuple[Unmatched, ...]
    notes: tuple[str, ...]


def collect(
    cohort: Cohort, unit: str, files: Path | None = None, say: Callable[[str], None] = lambda message: None
) -> Collected:
    """Take in what trainees handed in for a released unit, from the exchange, or from `files`: a folder or a zip archive.

    A later submission takes the place of an earlier one; what is there already is left alone, so that it can be repeated.
    Files add to what was handed in before, notebook by notebook. Raises Refused where nbgrader or the disk will not have it,
    CohortError where there is nothing to take in.
    """
    with cohort.lock(say):
        before = _seen(cohort, unit)
        left_out, notes = _from_files(cohort, unit, files) if files else _from_exchange(cohort, unit)
        after = _seen(cohort, unit)
        replaced = tuple(sorted(one for one in after if one in before and after[one] != before[one]))
        with cohort.gradebook() as gradebook:
            known = {trainee.id for trainee in roster(gradebook)}
            late = tuple(_late(cohort, unit, gradebook, after))
        strangers = [one for one in after if one not in known]
        if strangers:
            notes.append(
                f"Not on the roster: {', '.join(strangers)}. Grading enters them by their id alone; "
                "`nbgrader db student add ID --first-name ...` says who they are."
            )
        notes += _incomplete(cohort, unit, [one for one in after if before.get(one) != after[one]])
        return Collected(
            unit=unit,
            new=tuple(sorted(after.keys() - before.keys())),
            replaced=replaced,
            same=tuple(sorted(one for one in after if before.get(one) == after[one])),
            to_grade_again=tuple(one for one in replaced if (cohort.records / unit / f"{one}.json").exists()),
            late=late,
            left_out=tuple(left_out),
            notes=tuple(notes),
        )


def _seen(cohort: Cohort, unit: str) -> dict[str, object]:
    """Trainee -> what tells one submission from another: its files' sizes and times, and when it was handed in."""
    return {
        trainee: sorted(
            (file.relative_to(cohort.submitted).as_posix(), file.stat().st_size, file.stat().st_mtime_ns)
            for file in (cohort.submitted / trainee / unit).rglob("*")
            if file.is_file()
        )
        for trainee in cohort.handed_in(unit)
    }


def _late(cohort: Cohort, unit: str, gradebook, trainees) -> list[str]:
    """Those behind the due date, an extension added, as nbgrader reckons."""
    from nbgrader.api import MissingEntry

    due = gradebook.find_assignment(unit).duedate
    late = []
    for trainee in sorted(trainees) if due else ():
        when = handed_in_at(cohort, trainee, unit)
        try:
            own = gradebook.find_submission(unit, trainee).duedate
        except MissingEntry:
            own = due
        if when and when > own:
            late.append(trainee)
    return late


def handed_in_at(cohort: Cohort, trainee: str, unit: str) -> datetime | None:
    """When the collected submission was handed in (UTC, without a zone), as its timestamp.txt has it; None without one."""
    try:
        return parse_utc((cohort.submitted / trainee / unit / "timestamp.txt").read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return None


def _incomplete(cohort: Cohort, unit: str, trainees: list[str]) -> list[str]:
    notes = []
    for trainee in sorted(trainees):
        there = {file.stem for file in (cohort.submitted / trainee / unit).glob("*.ipynb")}
        if missing := [name for name in cohort.notebooks(unit) if name not in there]:
            notes.append(f"{trainee} has not handed in {', '.join(missing)}.")
    return notes


# ------------------------------------------------------------------------------------------------ from the exchange


class CollectSafely(ExchangeCollect):
    """nbgrader's collect, which takes no submission that would stop it, or bring in what is not the trainee's.

    nbgrader's own follows links (to a file that only the mentor may read), ends at a folder whose name it cannot read or at
    one that is too large, and only warns when somebody hands in under another's name. Such a submission is left out here,
    and the newest that can be taken is.
    """

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.left_out: list[Unmatched] = []
        self.owners: dict[str, str] = {}  # trainee -> the account whose folder it is, where these differ

    def init_src(self) -> None:
        self._trainees = None
        super().init_src()
        self.src_records = [record for record in self.src_records if record["username"] is not None]

    def _path_to_record(self, path: str) -> dict:
        try:
            record = super()._path_to_record(path)
            fault = None if ID.fullmatch(record["username"]) else "not the name of a trainee"
        except Exception:  # whatever a name that somebody made up can raise
            fault = "not a submission's name (TRAINEE+UNIT+TIME)"
        fault = fault or _fault(Path(path)) or self._another(record["username"], path)
        if not fault:
            return record
        self.left_out.append(Unmatched(printable(Path(path).name), fault))
        self.log.warning("Left out %s", self.left_out[-1])
        return {"username": None, "filename": "", "timestamp": datetime.min}

    def _another(self, trainee: str, path: str) -> str | None:
        """What is wrong with a folder that another trainee's account wrote; an account of neither is noted alone.

        On a hub all trainees may have one account, and their names are the hub's.
        """
        try:
            owner = pwd.getpwuid(Path(path).lstat().st_uid).pw_name
        except KeyError:
            return None
        if owner == trainee:
            return None
        if self._trainees is None:
            from nbgrader.api import Gradebook

            with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
                self._trainees = {one.id for one in roster(gradebook)}
        if owner in self._trainees:
            return f"handed in under the name of {trainee} by the account of {owner}"
        self.owners[trainee] = owner
        return None

    def do_copy(self, src: str, dest: str, log=None) -> None:
        # Between the look at it and the copy somebody may have laid a link: files are opened in a way that follows none.
        try:
            copy_without_links(Path(src), Path(dest), self.coursedir.ignore)
            # The time is that of the folder's name, by which the newest was found: what stands in the file may be made up.
            when = ExchangeCollect._path_to_record(self, src)["timestamp"]
            (Path(dest) / "timestamp.txt").write_text(f"{when:%Y-%m-%d %H:%M:%S.%f} UTC", encoding="utf-8")
        except OSError as error:
            shutil.rmtree(dest, ignore_errors=True)
            self.left_out.append(Unmatched(printable(Path(src).name), f"it could not be copied ({error.strerror or error})"))


def _fault(folder: Path) -> str | None:
    """Why a submission cannot be taken; None when it can."""
    if folder.is_symlink() or not folder.is_dir():
        return "no folder"
    size = count = 0
    for root, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = Path(root) / name
            found = path.lstat()
            shown = printable(path.relative_to(folder))
            if stat.S_ISLNK(found.st_mode):
                return f"there is a link in it ({shown}): hand in the file itself"
            if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
                return f"there is something in it that is no file ({shown})"
            size += found.st_size if stat.S_ISREG(found.st_mode) else 0
            count += 1
            if size > BIGGEST_SUBMISSION or count > MOST_FILES:
                return f"larger than {BIGGEST_SUBMISSION // 1_000_000} MB or {MOST_FILES} files"
    return None


def copy_without_links(source: Path, place: Path, ignored: list[str]) -> None:
    """Copy the ordinary files of a folder that somebody else may write in, and nothing that a link leads to.

    Raises OSError where it meets one, or cannot read.
    """
    skip = shutil.ignore_patterns(*ignored)
    for root, folders, files, handle in os.fwalk(source, follow_symlinks=False):
        relative = Path(root).relative_to(source)
        left = skip(root, [*folders, *files])
        folders[:] = [name for name in folders if name not in left]
        (place / relative).mkdir(parents=True, exist_ok=True)
        for name in files:
            if name in left:
                continue
            number = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=handle)
            with os.fdopen(number, "rb") as file, (place / relative / name).open("xb") as copy:
                if not stat.S_ISREG(os.fstat(number).st_mode):
                    raise OSError(f"{Path(root) / name} is no file")
                shutil.copyfileobj(file, copy)


def _from_exchange(cohort: Cohort, unit: str) -> tuple[list[Unmatched], list[str]]:
    config = settings_of(cohort)
    config.ExchangeCollect.update = True  # a newer submission takes the place of an older one
    config.ExchangeCollect.check_owner = False  # told below, once
    ran = run_quietly(CollectSafely, config, unit, "nbgrader does not collect")
    notes = []
    if ran.owners:
        shown = ", ".join(f"{trainee} ({owner})" for trainee, owner in [*sorted(ran.owners.items())][:5])
        more = f" and {len(ran.owners) - 5} more" if len(ran.owners) > 5 else ""
        notes.append(
            f"Handed in from an account of another name, as is usual on a hub: {shown}{more}. "
            "In a folder shared by accounts, ask whose it is."
        )
    return ran.left_out, notes


# ------------------------------------------------------------------------------------------------ from files


def _from_files(cohort: Cohort, unit: str, files: Path) -> tuple[list[Unmatched], list[str]]:
    """Sort the files, and let nbgrader's zip_collect take them in, with what the same trainees handed in before."""
    if not files.exists():
        raise CohortError(f"{files} does not exist: give a folder, or the zip archive that the LMS made.")
    with cohort.gradebook() as gradebook:
        matcher = Matcher(roster(gradebook), cohort.notebooks(unit))
    place = cohort.downloaded / unit / STEP
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    with opened(files) as found:
        sorted_ = sort_out(found, matcher)
        left_out = lay(sorted_, place)
    left_out += _drop_older(cohort, unit, place)
    _add_what_was_there(cohort, unit, place)
    if any(place.iterdir()):
        _zip_collect(cohort, unit)
    elif not left_out and not sorted_.taken:
        raise CohortError(f"{files} is empty: there is nothing to collect in it.")
    return left_out, []


def _laid(place: Path) -> list[tuple[Match, Path]]:
    """The files under `place`, by Match.place, with whose they are."""
    found = []
    for path in sorted(place.rglob("*.ipynb")):
        trainee, *time, _ = path.relative_to(place).parts
        found.append((Match(trainee, path.stem, datetime.strptime(time[0], TIME_AS_FOLDER) if time else None), path))
    return found


def _drop_older(cohort: Cohort, unit: str, place: Path) -> list[Unmatched]:
    """Take away what is older than what was collected before, or the same."""
    left_out = []
    for match, path in _laid(place):
        before = cohort.submitted / match.trainee / unit / path.name
        if not before.exists():
            continue
        when = handed_in_at(cohort, match.trainee, unit)
        if before.read_bytes() == path.read_bytes():
            path.unlink()
        elif match.when and when and match.when < when:
            path.unlink()
            left_out.append(Unmatched(f"{match.trainee}, {path.name}", "older than what was collected before"))
    for folder in sorted(place.rglob("*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return left_out


def _add_what_was_there(cohort: Cohort, unit: str, place: Path) -> None:
    """Lay the notebooks that trainees handed in before beside the new ones: zip_collect replaces the whole submission."""
    new: dict[str, set[str]] = {}
    for match, path in _laid(place):
        new.setdefault(match.trainee, set()).add(path.name)
    for trainee in new:
        when = handed_in_at(cohort, trainee, unit)
        for before in (cohort.submitted / trainee / unit).glob("*.ipynb"):
            if before.name not in new[trainee]:
                to = place / Match(trainee, before.stem, when).place
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(before, to)


def _zip_collect(cohort: Cohort, unit: str) -> None:
    config = settings_of(cohort)
    config.ZipCollectApp.archive_directory = STEP
    config.ZipCollectApp.force = True

    class Collect(ZipCollectApp):
        """Started without reading settings from the current folder."""

        def __init__(self, coursedir: CourseDirectory, **more):
            super().__init__(**more)
            self.coursedir = coursedir

        def start(self) -> None:
            self.init_plugins()
            self.extract_archive_files()
            self.process_extracted_files()

    run_quietly(Collect, config, unit, "nbgrader does not collect")
