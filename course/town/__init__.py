"""How the data of Wexmoor, of the lessons, and of Eastmere, of the assessments, is made: `make` writes all of data/.

One process makes a borough (`borough.draw`), another its skills survey (`survey`); `described` and `skills` say what
their tables are. `TABLES` and `EXTRACTS` list them all, and the descriptor, the dictionary and the README are made from
these lists. Same seed, same bytes.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from course.town import described, skills
from course.town.package import descriptor, dictionary, readme
from course.town.tables import BOROUGHS, Extract, Table

SEEDS = {"wexmoor": 9, "eastmere": 23}
TABLES: tuple[Table, ...] = (*described.TABLES, *skills.TABLES)
EXTRACTS: tuple[Extract, ...] = described.EXTRACTS
MENTOR_README = """# For mentors: what the data's makers know

Made with the data, by `pathway build data`. It belongs in no trainee's hands: with it, the forecast of unit 04 and the
cleaning of unit 02 need no thought. It is neither in the trainee's workspace nor in the installed package.

For each borough (this is {drawn}):

- `*-truth.csv`: what really happens to school places after the last roll, by planning area and school year: children who
  want a place in reception and places that there are, then the same for all seven year groups. A forecast can be held
  against it; nobody in the borough can know it.
- `*-defects.csv`: every defect that was planted in the files under `as-received/`, one a row.

A cohort that has an Eastmere of its own has other pages: `pathway build data --into DIR --eastmere-seed N --mentor DIR`.
"""


class NoPlace(FileExistsError):
    """A folder in which nothing can be laid; the text is one line that says why and what to do."""


def make(
    into: Path,
    seeds: dict[str, int] = SEEDS,
    mentor: Path | None = None,
    asked_to_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Write the course's data into the folder `into`, and what only mentors may see into the folder `mentor`.

    `into` gets datapackage.json, DICTIONARY.md, README.md, pictures and a folder of tables a borough; `mentor` a README,
    the truth and the planted defects of each borough. Both are empty or missing, and appear whole or not at all. `seeds`
    names a seed (a whole number from 0) for each borough; a cohort that wants an Eastmere of its own gives another.
    Text is UTF-8 with line ends of one character, without time stamps.

    Raises NoPlace when there is something in a folder or one lies in the other, course.town.borough.Refused when the
    story cannot be told from a seed, KeyboardInterrupt when `asked_to_stop()` before anything was laid, OSError (its
    `filename` is `into` or `mentor`) when they cannot be written.
    """
    places = [into] if mentor is None else [into, mentor]
    for place in places:
        _must_be_free(place)
    if mentor is not None and (_lies_in(mentor, into) or _lies_in(into, mentor)):
        raise NoPlace(f"{mentor} and {into}: what only mentors may see and the data must lie apart.")
    with contextlib.ExitStack() as stack:
        stages = [stack.enter_context(_stage(place)) for place in places]
        for stage, place, write in zip(stages, places, (_write_data, _write_mentors_pages), strict=False):
            with _told_of(place):
                write(stage, seeds)
        if asked_to_stop():
            raise KeyboardInterrupt
        _lay(list(zip(stages, places, strict=True)))


def _write_data(folder: Path, seeds: dict[str, int]) -> None:
    from course.town import fidelity, pictures, received  # here and below: who only reads TABLES need not wait for these
    from course.town.borough import draw

    boroughs = [draw(borough, seeds[borough]) for borough in BOROUGHS]
    for table in TABLES:
        for borough in table.boroughs:
            _write(folder / table.path(borough), table.content(borough, seeds[borough]))
    for borough in boroughs:
        files = received.extracts(borough)
        if files.keys() != {extract.file for extract in EXTRACTS}:
            raise KeyError(f"Extracts described: {[e.file for e in EXTRACTS]}; made: {[*files]}.")
        for extract in EXTRACTS:
            _write(folder / extract.path(borough.name), files[extract.file])
    drawn = [picture for borough in boroughs for picture in pictures.draw_all(borough, folder / "pictures")]
    resembles = fidelity.as_markdown(fidelity.compare(boroughs))
    _write(folder / "datapackage.json", descriptor(TABLES, EXTRACTS).encode())
    _write(folder / "README.md", readme(TABLES, EXTRACTS, seeds, resembles, drawn).encode())
    _write(folder / "DICTIONARY.md", dictionary((folder / "datapackage.json").read_text(encoding="utf-8")).encode())


def _write_mentors_pages(folder: Path, seeds: dict[str, int]) -> None:
    from course.town import received
    from course.town.borough import draw

    for name in BOROUGHS:
        borough = draw(name, seeds[name])
        for what, rows in (("truth", borough.truth), ("defects", received.defects(borough))):
            _write(folder / f"{name}-{what}.csv", rows.to_csv(index=False, lineterminator="\n").encode())
    drawn = " and ".join(f"{name.capitalize()} from seed {seed}" for name, seed in seeds.items())
    _write(folder / "README.md", MENTOR_README.format(drawn=drawn).encode())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


# --------------------------------------------------------------------------------------- whole, or not at all


def _must_be_free(place: Path) -> None:
    there = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
    if not there.is_dir():
        raise NoPlace(f"{there} is a file: give a folder that is empty or does not exist yet.")
    if there == place and any(place.iterdir()):
        raise NoPlace(f"{place} is not empty: give an empty folder, or one that does not exist yet.")


def _lies_in(one: Path, other: Path) -> bool:
    return one.resolve().is_relative_to(other.resolve())


@contextlib.contextmanager
def _told_of(place: Path) -> Iterator[None]:
    """What goes wrong on the disk is told of the folder that somebody asked for, not of a file on its way to it."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(place), None
        raise


@contextlib.contextmanager
def _stage(place: Path) -> Iterator[Path]:
    """A folder to fill, on the disk of `place`, so that it can be moved there in one step; gone afterwards.

    It lies beside `place`, or in it where that is there already: it may be a disk of its own, or the one folder that we
    may write to.
    """
    above = place
    while not above.is_dir():
        above = above.parent
    with _told_of(place):
        scratch = Path(tempfile.mkdtemp(prefix=".pathway-", dir=above))
    try:
        stage = scratch / "stage"  # mkdtemp's own folder can be read by nobody else
        stage.mkdir()
        yield stage
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _lay(moves: list[tuple[Path, Path]]) -> None:
    """Move what is in each stage to its place; when one cannot be laid, take back the others."""
    laid: list[Path] = []
    try:
        for stage, place in moves:
            with _told_of(place):
                for missing in reversed([folder for folder in place.parents if not folder.exists()]):
                    missing.mkdir()
                    laid.append(missing)
                pieces = sorted(stage.iterdir()) if place.exists() else [stage]
                for made in pieces:
                    there = place if made == stage else place / made.name
                    os.replace(made, there)
                    laid.append(there)
    except BaseException:
        for path in reversed(laid):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        raise
