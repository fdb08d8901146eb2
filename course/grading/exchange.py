"""What goes out to trainees and what comes back: units released, submissions collected, by nbgrader's own means."""

import contextlib
import io
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbgrader.auth import Authenticator
from nbgrader.converters.generate_assignment import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import Exchange, ExchangeReleaseAssignment
from sqlalchemy import create_engine
from traitlets.config import Config

from course.grading.cohort import CHECKOUT, SQLITE, Cohort, CohortError, pick, tools_on_path
from course.grading.settings import settings_of
from course.launch.workspace import fingerprint

RELEASED = ".released"  # source/ as it was when it was last released: tells what a mentor mended there since
STAGE = ".release-"  # begins the name of a folder in which a release is made
ROWS_AT_A_TIME = 10_000
Progress = Callable[[int, int, str], None]


class Refused(CohortError):
    """What was asked for was tried, and nbgrader or the disk would not have it; nothing of before is lost."""

    code = 1


@dataclass(frozen=True)
class Released:
    """What came of releasing a unit.

    `changed` says what is different from before, a sentence a notebook; empty when nothing is. `checks_changed` is whether
    one of them is a check, so that the `graded` submissions have to be graded again. `in_exchange` is whether trainees can
    fetch it; else `why_not` says why.
    """

    unit: str
    is_new: bool
    changed: tuple[str, ...]
    checks_changed: bool
    graded: int
    due: datetime | None
    in_exchange: bool
    why_not: str = ""


def release(
    cohort: Cohort,
    wanted: str,
    due: datetime | None = None,
    as_here: bool = False,
    progress: Progress = lambda done, total, what: None,
    say: Callable[[str], None] = lambda message: None,
    checkout: Path = CHECKOUT,
) -> Released:
    """Release a unit, named by number or folder, to the cohort: into source/, the gradebook, release/ and the exchange.

    The unit is the course's own (`solutions/` of the checkout), its assessments run again where the cohort has another
    Eastmere; `as_here` takes the cohort's source/UNIT as it stands instead, with what a mentor mended in it. `due` is
    written into the gradebook (UTC). All is made aside first: where nbgrader refuses, what was released stays as it is.

    Raises CohortError for a unit that there is not, or a source that a mentor changed, and Refused, in nbgrader's words.
    """
    with cohort.lock(say), _stage(cohort) as stage:
        unit = _lay_source(cohort, wanted, as_here, checkout, stage, progress)
        source = stage / "source" / unit
        is_new = unit not in cohort.units()
        changes = _changes(cohort.root / RELEASED / unit, source)
        if changes or is_new or not _is_in_gradebook(cohort, unit):
            progress(1, 3, "taking the answers out")
            shutil.copytree(source, stage / RELEASED / unit)
            _generate(cohort, unit, stage)
            _swap(source, cohort.source / unit)
            _swap(stage / "release" / unit, cohort.release / unit)
            _swap(stage / RELEASED / unit, cohort.root / RELEASED / unit)  # last: killed before, it is done again
            _mark_as_mended(cohort, unit, as_here)
        if due is not None:
            with cohort.gradebook() as gradebook:
                gradebook.update_or_create_assignment(unit, duedate=due.astimezone(UTC).replace(tzinfo=None))
        progress(2, 3, "putting it into the exchange")
        in_exchange, why_not = _put_into_exchange(cohort, unit)
        with cohort.gradebook() as gradebook:
            due = gradebook.find_assignment(unit).duedate
        return Released(
            unit=unit,
            is_new=is_new,
            changed=tuple(f"{name}: {', '.join(what)}" for name, what in changes.items()),
            checks_changed=any("check" in word for what in changes.values() for word in what),
            graded=len([*(cohort.records / unit).glob("*.json")]),
            due=due and due.replace(tzinfo=UTC),
            in_exchange=in_exchange,
            why_not=why_not,
        )


@contextlib.contextmanager
def _stage(cohort: Cohort) -> Iterator[Path]:
    """A folder to make things in, on the disk of the cohort; what a run that was killed left is removed first."""
    for left in cohort.root.glob(f"{STAGE}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=STAGE, dir=cohort.root) as scratch:
        yield Path(scratch)


def extend(cohort: Cohort, wanted: str, trainee: str, hours: int) -> datetime:
    """Give a trainee more time for a unit, in hours behind its due date; returns when it is due now (UTC).

    nbgrader keeps the extension with the submission, which it enters for this, empty, where there is none yet. Raises
    CohortError for a unit without a due date, or somebody who is not on the roster.
    """
    unit = cohort.unit(wanted)
    with cohort.lock(), cohort.gradebook() as gradebook:
        if gradebook.find_assignment(unit).duedate is None:
            raise CohortError(f'{unit} has no due date: `pathway release {unit[:2]} --due "2026-12-01 17:00"` sets one.')
        if trainee not in {student.id for student in gradebook.students}:
            raise CohortError(f"{trainee} is not on the roster: give the id as it stands there.")
        with gradebook.db.no_autoflush:  # nbgrader's own code warns of itself otherwise
            gradebook.update_or_create_submission(unit, trainee)
        gradebook.grant_extension(unit, trainee, hours=hours)
        return gradebook.find_submission(unit, trainee).duedate.replace(tzinfo=UTC)


def _lay_source(cohort: Cohort, wanted: str, as_here: bool, checkout: Path, stage: Path, progress: Progress) -> str:
    """Copy the unit's source to the stage; returns its folder's name."""
    progress(0, 3, "copying")
    skipped = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")
    if as_here:
        units = sorted(folder.name for folder in cohort.source.iterdir() if folder.is_dir())
        unit = pick(wanted, units, "In source/ are", "--as-here releases what lies there.")
        shutil.copytree(cohort.source / unit, stage / "source" / unit, ignore=skipped)
        return unit
    solutions = checkout / "solutions"
    units = sorted(folder.name for folder in solutions.glob("[0-9][0-9]-*") if any(folder.glob("*.ipynb")))
    unit = pick(wanted, units, "There are", "Give its number or its folder.")
    place = cohort.source / unit
    ours = [solutions / unit, cohort.root / RELEASED / unit]
    if _mended(cohort, unit).exists():
        ours.pop()
    if place.exists() and _fingerprint(place) not in {_fingerprint(folder) for folder in ours if folder.exists()}:
        raise CohortError(
            f"{place} was changed by hand: `pathway release {unit[:2]} --as-here` releases it with your changes; "
            "remove the folder to have the course's own again."
        )
    shutil.copytree(solutions / unit, stage / "source" / unit, ignore=skipped)
    if cohort.eastmere_seed is not None:
        _run_again(cohort, stage / "source" / unit, place, progress)
    return unit


def _run_again(cohort: Cohort, folder: Path, before: Path, progress: Progress) -> None:
    """Give the assessments in `folder` the outputs of the cohort's own data, from `before` where they are the same."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from course.builder.execute import run
    from course.builder.problem import StepError

    stale = []
    for notebook in sorted(folder.glob("*-assessment.ipynb")):
        known = before / notebook.name
        if known.is_file() and _cells(known) == _cells(notebook):
            shutil.copyfile(known, notebook)
        else:
            stale.append(notebook)
    if not stale:
        return
    # A process a notebook, as in the build: what one leaves behind is gone.
    with ProcessPoolExecutor(os.cpu_count(), get_context("forkserver"), max_tasks_per_child=1) as pool:
        runs = {
            notebook: pool.submit(run, notebook.read_text(encoding="utf-8"), folder, cohort.data, 1, 120)
            for notebook in stale
        }
        for done, (notebook, future) in enumerate(runs.items()):
            progress(done, len(runs), f"running {notebook.stem} on the cohort's own data")
            try:
                made = future.result().notebook
            except StepError as error:
                raise Refused(f"{notebook.name} does not run on {cohort.data}: {error}") from error
            for number, cell in enumerate(nbformat.reads(made, as_version=4).cells, start=1):
                for output in cell.get("outputs", ()):
                    if output.output_type == "error":
                        raise Refused(
                            f"{notebook.name}, cell {number}: with Eastmere {cohort.eastmere_seed} the course's answer "
                            f"ends in {output.ename} ({output.evalue}): make a cohort with another seed."
                        )
            notebook.write_text(made, encoding="utf-8")


def _cells(notebook: Path) -> list[tuple]:
    """What of a notebook its outputs follow from."""
    return [
        (cell.get("id"), cell.cell_type, cell.source, cell.metadata) for cell in nbformat.read(notebook, as_version=4).cells
    ]


def _changes(before: Path, after: Path) -> dict[str, list[str]]:
    """Notebook or file -> what is different in words; those that are the same are left out."""
    names = {
        file.relative_to(folder).as_posix() for folder in (before, after) for file in folder.rglob("*") if file.is_file()
    }
    changes = {}
    for name in sorted(names):
        old, new = before / name, after / name
        if not old.exists() or not new.exists():
            changes[name] = ["new" if new.exists() else "gone"]
        elif name.endswith(".ipynb"):
            if what := _changed_cells(old, new):
                changes[name] = what
        elif old.read_bytes() != new.read_bytes():
            changes[name] = ["changed"]
    return changes


def _changed_cells(before: Path, after: Path) -> list[str]:
    old, new = ({cell[0]: cell for cell in _cells(notebook)} for notebook in (before, after))
    if [*old.values()] == [*new.values()]:
        return []
    changed = [cell for key, cell in {**old, **new}.items() if old.get(key) != new.get(key)]
    exercises = sorted({metadata.get("exercise", 0) for *_, metadata in changed if "check" in metadata})
    others = sum("check" not in metadata for *_, metadata in changed)
    words = [f"the check{'s' * (len(exercises) > 1)} of exercise {', '.join(map(str, exercises))}"] if exercises else []
    if others or not words:
        words.append(f"{others} other cell{'s' * (others != 1)}" if others else "the order of the cells")
    return words


def _fingerprint(folder: Path) -> str:
    """Of a unit's source: the same when its notebooks were only run or saved."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and ".ipynb_checkpoints" not in file.parts)
    return str({file.relative_to(folder).as_posix(): fingerprint(file.name, file.read_bytes()) for file in files})


def _mended(cohort: Cohort, unit: str) -> Path:
    """The file that says that what was released is a mentor's, which the course's must not take the place of unasked."""
    return cohort.root / RELEASED / f"{unit}.mended"


def _mark_as_mended(cohort: Cohort, unit: str, is_mended: bool) -> None:
    if is_mended:
        _mended(cohort, unit).touch()
    else:
        _mended(cohort, unit).unlink(missing_ok=True)


def _is_in_gradebook(cohort: Cohort, unit: str) -> bool:
    from nbgrader.api import MissingEntry

    with cohort.gradebook() as gradebook:
        try:
            return {notebook.name for notebook in gradebook.find_assignment(unit).notebooks} == {*cohort.notebooks(unit)}
        except MissingEntry:
            return False


def _generate(cohort: Cohort, unit: str, stage: Path) -> None:
    """nbgrader's generate_assignment from and to the stage, first with a copy of the gradebook.

    It writes the gradebook notebook by notebook: refused at the second, it would leave the first half changed.
    """
    config, rehearsal = settings_of(cohort), settings_of(cohort)
    config.CourseDirectory.root = rehearsal.CourseDirectory.root = str(stage)
    rehearsal.CourseDirectory.db_url = _copy_of_gradebook(cohort, stage)
    run_quietly(GenerateAssignment, rehearsal, unit, f"{unit} is not released, and nothing was changed")
    shutil.rmtree(stage / "release")
    run_quietly(GenerateAssignment, config, unit, f"{unit} is not released")


def _copy_of_gradebook(cohort: Cohort, stage: Path) -> str:
    """Copy all rows of the gradebook, whatever database it is, into a file on the stage; returns its address."""
    from nbgrader.api import Base

    url = f"{SQLITE}{stage / 'gradebook.db'}"
    copy = create_engine(url)
    Base.metadata.create_all(copy)
    with cohort.reading() as original, copy.begin() as into:
        for table in Base.metadata.sorted_tables:
            for rows in original.execute(table.select()).mappings().partitions(ROWS_AT_A_TIME):
                into.execute(table.insert(), [dict(row) for row in rows])
    copy.dispose()
    return url


def _put_into_exchange(cohort: Cohort, unit: str) -> tuple[bool, str]:
    """nbgrader's release_assignment, when what is in the exchange is not the same yet."""
    there = cohort.exchange / cohort.name / "outbound" / unit
    if there.is_dir() and not _differ(cohort.release / unit, there):
        return True, ""
    config = settings_of(cohort)
    config.ExchangeReleaseAssignment.force = True
    try:
        run_quietly(ExchangeReleaseAssignment, config, unit, "nbgrader does not put it into the exchange")
    except Refused as error:
        return False, str(error)
    inbound = cohort.exchange / cohort.name / "inbound"  # where everybody may write: nobody removes what is another's
    inbound.chmod(stat.S_IMODE(inbound.stat().st_mode) | stat.S_ISVTX)
    return True, ""


def _differ(one: Path, other: Path) -> bool:
    contents = [
        {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
        for folder in (one, other)
    ]
    return contents[0] != contents[1]


def _swap(made: Path, place: Path) -> None:
    """Put the folder `made` in place of `place`; the new one is whole before the old one goes."""
    place.parent.mkdir(exist_ok=True)
    old = made.parent / f"{made.name}.old"
    if place.exists():
        os.replace(place, old)
    os.replace(made, place)


def run_quietly(tool: type, config: Config, unit: str, what: str):
    """Run one of nbgrader's converters, exchange classes or apps on a unit, without its talk; returns it.

    Raises Refused, which begins with `what` and gives nbgrader's reason.
    """
    tools_on_path()
    said = io.StringIO()
    log = logging.Logger("nbgrader", logging.INFO)
    log.addHandler(logging.StreamHandler(said))
    course = CourseDirectory(config=config, log=log)
    course.assignment_id = unit
    more = {"authenticator": Authenticator(config=config, log=log)} if issubclass(tool, Exchange) else {}
    made = tool(coursedir=course, config=config, log=log, **more)
    try:
        made.start()
    except (Exception, SystemExit) as error:  # nbgrader ends with whatever it met, in files that a trainee may have made up
        raise Refused(f"{what}: {_reason(said.getvalue(), error)}") from error
    return made


def _reason(said: str, error: BaseException) -> str:
    """Why nbgrader gave up, in one line: the error of the traceback that it logged, else what it raised."""
    errors = [line.partition(": ")[2] for line in said.splitlines() if line.split(":")[0].endswith(("Error", "Exception"))]
    why = (
        errors[-1]
        if errors
        else said.strip().splitlines()[-1]
        if isinstance(error, SystemExit) and said.strip()
        else str(error)
    )
    return why.strip().rstrip(".") + "."
