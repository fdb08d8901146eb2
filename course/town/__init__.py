"""How the data of Wexmoor, of the lessons, and of Eastmere, of the assessments, is made: `make` writes all of data/.

One module per subject makes its tables (`survey`), another says what they are (`skills`). `TABLES` lists them all, and
the descriptor and the README are made from that list. Same seed, same bytes.
"""

from pathlib import Path

from course.town import skills
from course.town.package import descriptor, path_of, readme
from course.town.tables import Table

SEEDS = {"wexmoor": 9, "eastmere": 23}
TABLES: tuple[Table, ...] = skills.TABLES


def make(into: Path, seeds: dict[str, int] = SEEDS) -> None:
    """Write the course's data into the folder `into`: datapackage.json, README.md and a folder of CSV files a borough.

    `into` is empty or missing. `seeds` names a seed (a whole number) for each borough; a cohort that wants an Eastmere
    of its own gives another. UTF-8, line ends of one character, no time stamps.

    Raises FileExistsError when there is something in `into`.
    """
    if into.exists() and any(into.iterdir()):
        raise FileExistsError(f"{into} is not empty: give an empty folder, or one that does not exist yet.")
    for table in TABLES:
        for borough in table.boroughs:
            path = into / path_of(table, borough)
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = table.make(borough, seeds[borough])[[field.name for field in table.fields]]
            rows.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
    _write(into / "datapackage.json", descriptor(TABLES))
    _write(into / "README.md", readme(TABLES, seeds))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
