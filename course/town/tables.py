"""What a table of the course's data is: its rows, and what its columns mean."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

# Column types of the Data Package standard's Table Schema.
STRING, INTEGER, NUMBER, DATE = "string", "integer", "number", "date"


@dataclass(frozen=True)
class Field:
    """A column: its name, its type in the Table Schema, and what it means.

    `unit` is None where a column has none. `constraints` are the Table Schema's own: required, minimum, enum and so on.
    """

    name: str
    type: str
    title: str
    description: str
    unit: str | None = None
    constraints: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A table that is made once for each of `boroughs` and written to `<borough>/<name>.csv`.

    `make(borough, seed)` gives the rows. `story` says how the table came about and what in it is not real. `key` names
    the columns that tell one row from another.
    """

    name: str
    title: str
    description: str
    story: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    make: Callable[[str, int], pd.DataFrame]
    boroughs: tuple[str, ...] = ("wexmoor", "eastmere")
