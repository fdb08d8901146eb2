"""Whether notebooks/ is what the units' text makes: told without running a cell, so in a second."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from course.builder.build import GLOSSARY
from course.builder.derived import glossary, lay_beside, read_pathway
from course.builder.expand import solution_notebook
from course.builder.source import Notebook, Unit, visible_part
from course.builder.stamps import facts_if_nothing_changed, files


def stale(root: Path, units: Sequence[Unit]) -> list[str]:
    """Paths in notebooks/ of the course in `root` that are not what its `units` (all of them) make, or that nothing makes.

    Where the last build was of all that is here, nothing is: the build's own stamps say so. Else, as in a fresh clone, the
    cells that trainees are shown are compared, each by its source; outputs and data/ are left to `pathway build --check`.
    Raises BuildError where course/units/pathway.yaml cannot be read.
    """
    if facts_if_nothing_changed(root) is not None:
        return []
    stations = read_pathway(root / "course" / "units" / "pathway.yaml", units)
    by_name = {notebook.name: (unit, notebook) for unit in units for notebook in unit.notebooks}
    expected = {GLOSSARY: glossary(units).encode()}
    for unit in units:
        expected |= {f"{unit.name}/{notebook.name}.ipynb": None for notebook in unit.notebooks}
        with tempfile.TemporaryDirectory() as scratch:
            lay_beside(Path(scratch), unit, stations, units)
            expected |= {f"{unit.name}/{path.name}": path.read_bytes() for path in files(Path(scratch))}
    made = root / "notebooks"
    there = {path.relative_to(made).as_posix() for path in files(made)}
    found = expected.keys() ^ there
    for name in expected.keys() & there:
        content = (made / name).read_bytes()
        if expected[name] is None:
            unit, notebook = by_name[Path(name).stem]
            if _cells(content) != list(_expected_cells(notebook, unit, by_name)):
                found.add(name)
        elif content != expected[name]:
            found.add(name)
    return sorted(f"notebooks/{name}" for name in found)


def _expected_cells(notebook: Notebook, unit: Unit, course: dict[str, tuple[Unit, Notebook]]) -> Iterator[tuple[str, str]]:
    """Id and source of each cell as trainees get it; of one that they fill in, the id alone."""
    for cell in solution_notebook(notebook, unit, course).cells:
        yield cell.id, "" if _is_filled_in(cell.metadata) else visible_part(cell.source)


def _cells(notebook: bytes) -> list[tuple[str, str]] | None:
    try:
        cells = json.loads(notebook)["cells"]
        return [(cell["id"], "" if _is_filled_in(cell["metadata"]) else "".join(cell["source"])) for cell in cells]
    except (ValueError, KeyError, TypeError):
        return None


def _is_filled_in(metadata: dict) -> bool:
    return "task" in metadata or "written" in metadata
