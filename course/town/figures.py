"""The figures that a made-up borough must resemble, and the numbers that the generator starts from: figures.csv.

A figure with a tolerance (`low` to `high`) is compared with what was made (`course.town.fidelity`). One without is a
parameter: the generator or a lesson uses it, and nothing in the tables is it alone.
"""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

PATH = Path(__file__).with_name("figures.csv")
BASES = {
    "computed": "worked out from published open data",
    "source": "read in a public source",
    "unverified": "common knowledge that nobody has checked: an assumption",
    "assumed": "the course's own choice",
}


@dataclass(frozen=True)
class Figure:
    """One row of figures.csv.

    `value`, `low` and `high` are in `unit`; shares are in per cent (5.7, not 0.057). `low` and `high` are both None for a
    parameter. `basis` is a key of BASES, and `source` says in words where the value comes from.
    """

    id: str
    quantity: str
    value: float
    unit: str
    low: float | None
    high: float | None
    why_tolerance: str
    basis: str
    source: str

    @property
    def is_parameter(self) -> bool:
        """Whether there is nothing in the tables to compare it with."""
        return self.low is None

    def met_by(self, made: float) -> bool:
        """Whether `made` lies within the tolerance, ends included. What could not be measured (NaN) does not."""
        if self.low is None or self.high is None:
            raise ValueError(f"{self.id} is a parameter: it has no tolerance.")
        return self.low <= made <= self.high


COLUMNS = tuple(Figure.__dataclass_fields__)
MAY_BE_EMPTY = ("low", "high")


def read(path: Path) -> dict[str, Figure]:
    """The figures of a CSV file with COLUMNS as its heading, by id, in the file's order.

    Raises ValueError, naming the file and the line, for a heading or a row that is not as it should be.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, strict=True)
        heading = tuple(next(rows, ()))
        if heading != COLUMNS:
            raise ValueError(f"{path.name}, line 1: the columns are {', '.join(heading)}, not {', '.join(COLUMNS)}.")
        figures: dict[str, Figure] = {}
        for row in rows:
            try:
                figure = _figure(row)
                if figure.id in figures:
                    raise ValueError(f"the id {figure.id} is there twice")
            except ValueError as error:
                raise ValueError(f"{path.name}, line {rows.line_num}: {error}.") from None
            figures[figure.id] = figure
    return figures


def _figure(row: list[str]) -> Figure:
    if len(row) != len(COLUMNS):
        raise ValueError(f"{len(row)} cells where {len(COLUMNS)} are wanted")
    cells = dict(zip(COLUMNS, row, strict=True))
    empty = [name for name, cell in cells.items() if not cell.strip() and name not in MAY_BE_EMPTY]
    if empty:
        raise ValueError(f"{' and '.join(empty)} must not be empty")
    if cells["basis"] not in BASES:
        raise ValueError(f"the basis is {cells['basis']}, not one of {', '.join(BASES)}")
    value, low, high = (_number(name, cells[name]) for name in ("value", "low", "high"))
    if (low is None) != (high is None):
        raise ValueError("low and high are both given, or neither")
    if low is not None and not low <= value <= high:
        raise ValueError(f"the value {value:g} does not lie between low {low:g} and high {high:g}")
    return Figure(**cells | {"value": value, "low": low, "high": high})


def _number(name: str, cell: str) -> float | None:
    if not cell.strip():
        return None
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} is {cell!r}, which is not a number")
    return number


FIGURES: dict[str, Figure] = read(PATH)
TO_BE_MET: dict[str, Figure] = {id: figure for id, figure in FIGURES.items() if not figure.is_parameter}
