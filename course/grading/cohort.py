"""A cohort: the folder, outside the checkout, that holds everything of one group of trainees, and nothing of another's."""

import contextlib
import csv
import json
import math
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbgrader.api import Gradebook
    from sqlalchemy.orm import Session

    from course.engine import Limits

MARKER = "cohort.json"  # what makes a folder a cohort's
LOCK = ".lock"
CHECKOUT = Path(__file__).resolve().parents[2]
# nbgrader's own columns, as `nbgrader db student import` takes them.
COLUMNS = ("id", "first_name", "last_name", "email", "lms_user_id")
# An id is a folder's name, a part of file names in the exchange (nbgrader splits those at "+"), and stands in patterns.
ID = re.compile(r"\w[\w.@-]{0,99}", re.ASCII)
ID_RULE = "letters (a to z), digits, and . _ - @ behind the first; 100 at most"
POSTGRESQL = re.compile(r"^postgres(?:ql)?(?:\+\w+)?://")  # whatever driver it names: psycopg is the one we have
LIKE_THIS = "postgresql://mentor@server/autumn"
SQLITE = "sqlite:///"
SETTINGS = '''"""nbgrader's settings for this cohort: the course's own. What you set below them, with c., prevails."""

from pathlib import Path

from course.grading.settings import cohort_settings

c = get_config()
c.merge(cohort_settings(Path(__file__).resolve().parent))
'''


class CohortError(Exception):
    """What a mentor asked for cannot be done; the text is one sentence that says what, where and what to do.

    `code` is what the command ends with.
    """

    code = 2


@dataclass(frozen=True)
class Trainee:
    """One row of a roster: nbgrader's student. Only `id` is required; the others are None where the roster says nothing."""

    id: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    lms_user_id: str | None = None


@dataclass(frozen=True)
class Cohort:
    """The cohort in the folder `root`. Folders are nbgrader's: submitted/TRAINEE/UNIT, release/UNIT and so on."""

    root: Path

    @classmethod
    def find(cls, start: Path) -> "Cohort":
        """The cohort that `start` lies in: the nearest folder with a cohort.json. Raises CohortError where there is none."""
        start = start.resolve()
        for folder in (start, *start.parents):
            if (folder / MARKER).is_file():
                return cls(folder)
        raise CohortError(
            f"{start} is not in a cohort's folder: change to one, or name it with --cohort DIR; "
            "`pathway cohort new` makes one."
        )

    @classmethod
    def new(
        cls,
        root: Path,
        roster: Path,
        eastmere_seed: int | None = None,
        exchange: Path | None = None,
        gradebook: str | None = None,
        progress: Callable[[str], None] = lambda what: None,
    ) -> "Cohort":
        """Make a cohort in the folder `root`, which is missing or empty, of the trainees in `roster` (CSV, COLUMNS).

        The folder can be read by its owner only, and appears whole or not at all. Its data is the checkout's, or that of
        another Eastmere. `exchange` is a folder that trainees reach as well; without it the exchange lies in the cohort's
        folder, where nobody else can. `gradebook` is the address of an empty PostgreSQL database; without it the gradebook
        is a file in the folder. `progress` is called with what is being done.

        Raises CohortError where the folder, the roster or the database will not do, course.town.borough.Refused when the
        story cannot be told from the seed, OSError when the disk does not take it.
        """
        root = root.absolute()
        _must_be_free(root)
        if exchange is not None and (exchange / _name(root)).exists():
            raise CohortError(f"{exchange} has a course {_name(root)} already: give the cohort's folder another name.")
        trainees = read_roster(roster)
        url = None if gradebook is None else _empty_database(gradebook)
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".pathway-", dir=root.parent, ignore_cleanup_errors=True) as scratch:
            stage = cls(Path(scratch) / root.name)
            stage.root.mkdir(mode=0o700)
            progress("laying the data")
            _lay_data(stage.data, eastmere_seed)
            described = {
                "version": 1,
                "name": _name(root),
                "eastmere_seed": eastmere_seed,
                "exchange": None if exchange is None else str(exchange.absolute()),
                "gradebook": url,
            }
            (stage.root / MARKER).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
            (stage.root / "nbgrader_config.py").write_text(SETTINGS, encoding="utf-8")
            for folder in (stage.source, stage.release):
                folder.mkdir()
            progress("entering the roster")
            _enter(stage, trainees)
            os.replace(stage.root, root)
        return cls(root)

    # ------------------------------------------------------------------------------------ what it is

    @cached_property
    def _described(self) -> dict:
        return json.loads((self.root / MARKER).read_text(encoding="utf-8"))

    @property
    def name(self) -> str:
        """nbgrader's course id: what the cohort is called in the exchange."""
        return self._described["name"]

    @property
    def eastmere_seed(self) -> int | None:
        """The seed of the cohort's own Eastmere; None where it has the course's."""
        return self._described["eastmere_seed"]

    @property
    def exchange(self) -> Path:
        """The root of nbgrader's exchange."""
        shared = self._described["exchange"]
        return Path(shared) if shared else self.root / "exchange"

    @property
    def shares_exchange(self) -> bool:
        """Whether the exchange is a folder that trainees reach too."""
        return self._described["exchange"] is not None

    @property
    def gradebook_url(self) -> str:
        """The gradebook's database, as SQLAlchemy takes it: the cohort's own file, or `"gradebook"` of cohort.json."""
        return self._described.get("gradebook") or f"{SQLITE}{self.root / 'gradebook.db'}"

    @property
    def limits(self) -> "Limits":
        """What a submission may use: the course's limits, and what `"limits"` in cohort.json says instead.

        Raises CohortError for one that there is not.
        """
        from course.grading.run import LIMITS

        own, where = self._described.get("limits", {}), f'{self.root / MARKER}: "limits"'
        kinds = {field.name: field.type for field in fields(LIMITS)}
        if not isinstance(own, dict):
            raise CohortError(f'{where} is {own}. Give it as in {{"seconds": 60}}; there are {", ".join(kinds)}.')
        for name, value in own.items():
            is_number = isinstance(value, int | kinds.get(name, int)) and not isinstance(value, bool)
            if name not in kinds or not is_number or not 0 < value < math.inf:
                known = ", ".join(f"{name} (whole)" if kind is int else name for name, kind in kinds.items())
                raise CohortError(f'{where}: "{name}": {value} is no limit. There are {known}, numbers above 0.')
        return replace(LIMITS, **own)

    # ------------------------------------------------------------------------------------ where things lie

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def source(self) -> Path:
        return self.root / "source"

    @property
    def release(self) -> Path:
        return self.root / "release"

    @property
    def downloaded(self) -> Path:
        return self.root / "downloaded"

    @property
    def submitted(self) -> Path:
        return self.root / "submitted"

    @property
    def autograded(self) -> Path:
        return self.root / "autograded"

    @property
    def feedback(self) -> Path:
        return self.root / "feedback"

    @property
    def records(self) -> Path:
        return self.root / "records"

    @property
    def report(self) -> Path:
        return self.root / "report"

    # ------------------------------------------------------------------------------------ who and what is in it

    def gradebook(self) -> "Gradebook":
        """nbgrader's Gradebook, a context manager that closes it. Raises CohortError where it does not open."""
        from nbgrader.api import Gradebook

        tools_on_path()
        with _opening(self.gradebook_url):
            return Gradebook(self.gradebook_url, self.name)

    @contextlib.contextmanager
    def reading(self) -> "Iterator[Session]":
        """A session that sees the gradebook as it is at one moment, and changes nothing in it.

        Raises CohortError where there is no gradebook, or it cannot be opened.
        """
        from sqlalchemy import create_engine
        from sqlalchemy.orm import Session

        url, how = self.gradebook_url, {"isolation_level": "REPEATABLE READ"}
        if url.startswith(SQLITE):
            how = {}
            if not Path(url.removeprefix(SQLITE)).is_file():
                raise CohortError(f"There is no gradebook {url}: release a unit first, with `pathway release UNIT`.")
        with _opening(url):
            engine = create_engine(url, **how)
        try:
            with Session(engine) as session:
                with _opening(url):
                    connection = session.connection()
                    if not how:  # Python's sqlite3 begins no transaction for what only reads
                        connection.exec_driver_sql("BEGIN")
                yield session
        finally:
            engine.dispose()

    def units(self) -> list[str]:
        """The released units, by folder, in their order."""
        return sorted({notebook.parent.name for notebook in self.release.glob("*/*.ipynb")})

    def notebooks(self, unit: str) -> list[str]:
        """The names of a released unit's notebooks."""
        return sorted(notebook.stem for notebook in (self.release / unit).glob("*.ipynb"))

    def unit(self, wanted: str) -> str:
        """The released unit that a mentor named, by number or folder. Raises CohortError for any other."""
        return pick(wanted, self.units(), "Released are", "`pathway release` releases one.")

    def trainees(self) -> list[str]:
        """The ids of all trainees in the gradebook."""
        from nbgrader.api import Student

        with self.gradebook() as gradebook:
            return sorted(one for (one,) in gradebook.db.query(Student.id))

    def handed_in(self, unit: str) -> list[str]:
        """The trainees of whom a submission of the unit has been collected."""
        return sorted(folder.parent.name for folder in self.submitted.glob(f"*/{unit}") if folder.is_dir())

    @contextlib.contextmanager
    def lock(self, say: Callable[[str], None] = lambda message: None) -> Iterator[None]:
        """Be the only one who writes in the cohort. Where another is, `say` is called once, and then we wait.

        Whoever holds it may ask again: it is given back when the outermost is done, or the process ends.
        """
        import fcntl  # here: Windows has none, and `pathway --help` should work there

        if self.root in _held:
            yield
            return
        with (self.root / LOCK).open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"Another `pathway` is at work in {self.root}: waiting until it is done.")
                fcntl.flock(file, fcntl.LOCK_EX)
            _held.add(self.root)
            try:
                yield
            finally:
                _held.discard(self.root)


_held: set[Path] = set()  # cohorts whose lock this process has: flock does not know its own process again


def tools_on_path() -> None:
    """Let this process and its children find what nbgrader starts by name (alembic, for a new gradebook)."""
    tools = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", "").split(os.pathsep)
    if tools not in path:
        os.environ["PATH"] = os.pathsep.join([tools, *path])


def pick(wanted: str, units: list[str], there_are: str, otherwise: str) -> str:
    """The one of `units` that is named `wanted`, by its number (4 or 04) or folder. Raises CohortError."""
    for unit in units:
        if wanted.rstrip("/") == unit or (wanted.isdecimal() and unit[:2].isdecimal() and int(wanted) == int(unit[:2])):
            return unit
    known = f"{there_are} {', '.join(units)}." if units else "None is released yet."
    raise CohortError(f'No unit is called "{wanted}". {known} {otherwise}')


def _name(root: Path) -> str:
    """A course id for the exchange, from the folder's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", root.name).strip("-.") or "cohort"


def _must_be_free(root: Path) -> None:
    if root.resolve().is_relative_to(CHECKOUT):
        raise CohortError(
            f"{root} lies in the course's checkout, {CHECKOUT}: a cohort's folder is personal, so give one outside."
        )
    if not root.name:
        raise CohortError(f"{root} cannot be a cohort's folder: give one with a name.")
    if root.is_symlink() or (root.exists() and not root.is_dir()):
        raise CohortError(f"{root} is no folder: give one that is empty or does not exist yet.")
    if root.is_dir() and any(root.iterdir()):
        raise CohortError(f"{root} is not empty: give an empty folder, or one that does not exist yet.")
    above = next(folder for folder in root.parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise CohortError(f"{above} cannot be written: give a folder that you may make.")
    for folder in root.resolve().parents:
        if (folder / MARKER).is_file():
            raise CohortError(f"{folder} is a cohort already: give a folder outside it.")


def _empty_database(address: str) -> str:
    """The address of a PostgreSQL database as SQLAlchemy takes it, after a look that it is there and has nothing in it."""
    from sqlalchemy import create_engine, inspect

    url, is_postgresql = POSTGRESQL.subn("postgresql+psycopg://", address)
    if not is_postgresql:
        raise CohortError(f"{without_password(url)} is no PostgreSQL database: name one as in {LIKE_THIS}.")
    with _opening(url, "start its server, or give its address as in " + LIKE_THIS):
        engine = create_engine(url)
        try:
            tables = inspect(engine).get_table_names()
        finally:
            engine.dispose()
    if tables:
        raise CohortError(f"{without_password(url)} has tables in it: each cohort needs an empty database of its own.")
    return url


@contextlib.contextmanager
def _opening(url: str, what_to_do: str = f'start its server, or mend "gradebook" in {MARKER}') -> Iterator[None]:
    """Say in one sentence why a database does not open."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, ModuleNotFoundError, ValueError) as error:
        why = " ".join(str(getattr(error, "orig", None) or error).split()).rstrip(".")
        raise CohortError(f"The gradebook {without_password(url)} does not open ({why}): {what_to_do}.") from error


def without_password(url: str) -> str:
    """A database's address as it can be shown."""
    return re.sub(r"(//[^:/@]*:)[^@]*@", r"\1***@", url)


def _lay_data(data: Path, eastmere_seed: int | None) -> None:
    if eastmere_seed is None:
        from course.data import DESCRIPTOR

        if not (CHECKOUT / "data" / DESCRIPTOR).is_file():
            raise CohortError(f"{CHECKOUT / 'data'} holds no data: work from a whole checkout of the course.")
        shutil.copytree(CHECKOUT / "data", data)
    else:
        from course import town

        town.make(data, town.SEEDS | {"eastmere": eastmere_seed})


def _enter(cohort: Cohort, trainees: list[Trainee]) -> None:
    """Write a roster into a new gradebook, in one go: nbgrader's own way commits after each trainee."""
    from nbgrader.api import Student

    with cohort.gradebook() as gradebook:
        gradebook.db.add_all([Student(**vars(trainee)) for trainee in trainees])
        gradebook.db.commit()


# ------------------------------------------------------------------------------------------------ the roster


def read_roster(path: Path) -> list[Trainee]:
    """The trainees of a roster: CSV in UTF-8 with a row of COLUMNS at its top, in any order, of which only id is required.

    Raises CohortError, with file and line, for a table or a row that will not do.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")  # Excel begins a CSV file with a byte order mark
    except OSError as error:
        raise CohortError(f"{path}: {error.strerror}. Give the roster as a CSV file.") from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise CohortError(
            f'{path}:{line}: not UTF-8. Save it as "CSV UTF-8" (Excel has it in its list of types).'
        ) from error
    rows = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        return _trainees(path, rows)
    except csv.Error as error:
        raise CohortError(
            f"{path}:{rows.line_num}: not CSV ({error}). Look for a quotation mark that is not closed."
        ) from error


def _trainees(path: Path, rows) -> list[Trainee]:
    def fault(what: str) -> CohortError:
        return CohortError(f"{path}:{rows.line_num or 1}: {what}")

    columns = [name.strip() for name in next(rows, [])]
    if len(columns) == 1 and ";" in columns[0]:
        raise fault("the columns are parted by semicolons. Save it with commas.")
    if len(columns) == 1 and "\t" in columns[0]:
        raise fault("the columns are parted by tabs. Save it with commas.")
    for name in columns:
        if name not in COLUMNS:
            raise fault(f'unknown column "{name}". nbgrader knows {", ".join(COLUMNS)}, and only id is required.')
        if columns.count(name) > 1:
            raise fault(f'the column "{name}" stands twice.')
    if "id" not in columns:
        raise fault(f"no column id. The first line names the columns: {', '.join(COLUMNS)}; only id is required.")
    found: dict[str, tuple[str, int]] = {}  # in small letters, as some disks do not tell T01 from t01
    trainees = []
    for row in rows:
        if not any(value.strip() for value in row):
            continue
        if len(row) > len(columns):
            raise fault(f"{len(row)} values for {len(columns)} columns. A comma in a name needs quotation marks around it.")
        values = {name: value.strip() or None for name, value in zip(columns, row, strict=False)}
        trainee = values.get("id")
        if trainee is None:
            raise fault("no id.")
        if not ID.fullmatch(trainee):
            raise fault(f'the id "{trainee}" will not do as the name of a folder and in the exchange: {ID_RULE}.')
        if trainee.lower() in found:
            other, line = found[trainee.lower()]
            if other == trainee:
                raise fault(f'the id "{trainee}" stands in line {line} too.')
            raise fault(
                f'the id "{trainee}" is "{other}" of line {line} in other capitals, which some disks take for the same.'
            )
        found[trainee.lower()] = trainee, rows.line_num
        trainees.append(Trainee(**values))
    if not trainees:
        raise fault("nobody is in it.")
    return trainees
