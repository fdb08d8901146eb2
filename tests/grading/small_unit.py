"""A checkout with one small unit in it, and what trainees make of its notebooks: for tests that release and collect."""

import json
from collections.abc import Mapping
from pathlib import Path

import nbformat

from course.builder.expand import as_text, solution_notebook
from course.builder.source import read_unit
from course.grading.cohort import Cohort
from course.grading.exchange import release
from tests.conftest import QUEUES

UNIT = "07-queues"
LESSON, ASSESSMENT = "queues", "queues-assessment"


def lay_checkout(root: Path) -> Path:
    """A folder with solutions/07-queues as the build would make it, but for its outputs."""
    unit = read_unit(QUEUES)
    by_name = {notebook.name: (unit, notebook) for notebook in unit.notebooks}
    folder = root / "solutions" / unit.name
    folder.mkdir(parents=True)
    for notebook in unit.notebooks:
        text = as_text(solution_notebook(notebook, unit, by_name))
        (folder / f"{notebook.name}.ipynb").write_text(text, encoding="utf-8")
    return root


def new_cohort(folder: Path, trainees: str = "t01 t02 t03", **options) -> Cohort:
    """A cohort `folder`/cohort with these trainees, to whom the unit of `folder`/checkout is released."""
    lay_checkout(folder / "checkout")
    (folder / "roster.csv").write_text("\n".join(["id", *trainees.split()]) + "\n")
    cohort = Cohort.new(folder / "cohort", folder / "roster.csv", **options)
    release(cohort, UNIT, checkout=folder / "checkout")
    return cohort


def answered(cohort: Cohort, name: str, answers: Mapping[str, str] = {}) -> str:
    """A released notebook with answers, by task (or name of the written answer), as a trainee saves it."""
    notebook = nbformat.read(cohort.release / UNIT / f"{name}.ipynb", as_version=4)
    for cell in notebook.cells:
        task = cell.metadata.get("task") or cell.metadata.get("written")
        if task in answers:
            cell.source = answers[task]
    return nbformat.writes(notebook)


def edit_cell(path: Path, old: str, new: str) -> None:
    """Replace `old`, which must be in one of its cells, by `new` in a notebook."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    (cell,) = [cell for cell in notebook["cells"] if old in "".join(cell["source"])]
    cell["source"] = "".join(cell["source"]).replace(old, new)
    path.write_text(json.dumps(notebook), encoding="utf-8")
