"""Where the course's data lies, from wherever a notebook is run."""

import os
from pathlib import Path

DESCRIPTOR = "datapackage.json"


def data_folder(start: Path | None = None) -> Path:
    """The folder of data for a notebook in `start` (default: the current folder).

    The folder named by the environment variable PATHWAY_DATA; else the nearest folder `data` with a data package
    descriptor in `start` or above it; else the package's own: inside it where it is installed, beside it in a clone.

    Raises FileNotFoundError, saying where it looked, when there is none.
    """
    named = os.environ.get("PATHWAY_DATA")
    if named:
        if (Path(named) / DESCRIPTOR).is_file():
            return Path(named)
        raise FileNotFoundError(f"PATHWAY_DATA names {named}, but there is no {DESCRIPTOR} in it.")
    start = (start or Path.cwd()).resolve()
    candidates = [folder / "data" for folder in (start, *start.parents)]
    package = Path(__file__).resolve().parent
    candidates += [package / "_data", package.parent / "data"]
    for candidate in candidates:
        if (candidate / DESCRIPTOR).is_file():
            return candidate
    raise FileNotFoundError(
        f"No folder `data` with a {DESCRIPTOR} in {start} or above it. "
        "Open the notebook from the course's folder, or set PATHWAY_DATA to the course's data folder."
    )
