"""What a table of the course's data is: its rows, what its columns mean, and its bytes as CSV or GeoJSON."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import geopandas
import pandas as pd
import shapely

from course.town.grid import geometry_lonlat

# Column types of the Data Package standard's Table Schema.
STRING, INTEGER, NUMBER, BOOLEAN, DATE, GEOJSON = "string", "integer", "number", "boolean", "date", "geojson"
NO_UNIT = "none"
BOROUGHS = ("wexmoor", "eastmere")


@dataclass(frozen=True)
class Field:
    """A column: its name, its type in the Table Schema, and what it means.

    `unit` says what one of it is, in words, NO_UNIT where there is nothing to count or measure. `constraints` are the
    Table Schema's own: required, minimum, enum and so on.
    """

    name: str
    type: str
    title: str
    description: str
    unit: str = NO_UNIT
    constraints: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Reference:
    """A foreign key: what stands in the column `column` stands in `there`, the key of the table called `table`."""

    column: str
    table: str
    there: str


@dataclass(frozen=True)
class Table:
    """A table that is made once for each of `boroughs` and written to `<borough>/<file>`.

    `make(borough, seed)` gives the rows. `story` says how the table came about and what in it is not real; `subject`
    is the part of the README that tells it. `key` names the columns that tell one row from another; () where no columns
    do. A table with a column of type GEOJSON is a map: its rows carry a `geometry` in metres on the National Grid, and it
    is written as GeoJSON; any other is CSV.
    """

    name: str
    title: str
    description: str
    story: str
    subject: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    make: Callable[[str, int], pd.DataFrame]
    references: tuple[Reference, ...] = ()
    file: str = ""
    boroughs: tuple[str, ...] = BOROUGHS

    @property
    def is_map(self) -> bool:
        return any(one.type == GEOJSON for one in self.fields)

    def path(self, borough: str) -> str:
        """Where a borough's table lies, relative to data/, with forward slashes."""
        return f"{borough}/{self.file or f'{self.name}.csv'}"

    def content(self, borough: str, seed: int) -> bytes:
        """The file, UTF-8 with line ends of one character. Raises KeyError for a column that `make` does not give."""
        rows = self.make(borough, seed)
        rows = rows[[one.name for one in self.fields]]
        whole = {one.name: "Int64" for one in self.fields if one.type == INTEGER}
        rows = rows.astype(whole)  # 3, not 3.0, in a column with gaps
        return (_geojson(rows) if self.is_map else rows.to_csv(index=False, lineterminator="\n")).encode()


@dataclass(frozen=True)
class Extract:
    """A file as some system gives it, made once a borough and laid under `<borough>/as-received/`.

    It is described, and not as a table: it is not one yet. `encoding` is None for a workbook.
    """

    file: str
    title: str
    description: str
    story: str
    mediatype: str
    encoding: str | None

    @property
    def name(self) -> str:
        return f"as-received-{self.file.rpartition('.')[0]}"

    def path(self, borough: str) -> str:
        return f"{borough}/as-received/{self.file}"


def _geojson(rows: geopandas.GeoDataFrame) -> str:
    """A feature collection as RFC 7946 has it, one feature a line, properties first.

    Our own few lines, because the bytes must not change with a library's version.
    """
    shapes = geometry_lonlat(rows.geometry)
    broken = ~shapely.is_valid(shapes.array)
    if broken.any():
        raise ValueError(f"Not a valid shape: {shapely.is_valid_reason(shapes.array[broken][0])}")
    properties = rows.drop(columns=rows.geometry.name).astype(object)
    features = [
        json.dumps(
            {"type": "Feature", "properties": _plain(row), "geometry": shapely.geometry.mapping(shape)},
            ensure_ascii=False,
            separators=(",", ":"),
        )
        for row, shape in zip(properties.to_dict("records"), shapes, strict=True)
    ]
    return '{"type":"FeatureCollection","features":[\n' + ",\n".join(features) + "\n]}\n"


def _plain(row: dict) -> dict:
    """`row` as JSON knows it: no number types of numpy, null for what is missing."""
    return {
        name: None if pd.isna(value) else value.item() if hasattr(value, "item") else value for name, value in row.items()
    }
