"""What a notebook of a unit should be: as released, with the hidden parts of its checks."""

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from nbformat import NotebookNode

if TYPE_CHECKING:
    from nbgrader.api import Gradebook, Notebook

TEXT, AUTHOR, ANSWER, CHECK, WRITTEN, EXTRA = "text", "author", "answer", "check", "written", "extra"
ASSESSMENT = "-assessment"  # ends the name of a notebook that counts
MOST_BESIDE = 20_000_000  # bytes of files beside a notebook


class TemplateError(Exception):
    """A unit that cannot be graded as it lies in the cohort. Its text says what to do."""


@dataclass(frozen=True)
class Template:
    """A notebook of a unit, by its `name` without .ipynb. It can be pickled.

    `notebook` is as released, but for graded and locked cells: their source (hidden tests included) and nbgrader's metadata
    are those of the gradebook. `visible` has the source of each check as trainees get it, by grade_id. `files` are what lies
    beside it in the unit, by path relative to it.
    """

    unit: str
    name: str
    notebook: NotebookNode
    visible: dict[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """One a cell: "text" (not code), "author" (code as released), "answer", "check" or "written"."""
        return tuple(_kind(cell) for cell in self.notebook.cells)

    @property
    def counts(self) -> bool:
        """Whether its exercises count for marks; all others are practice, and their checks have no hidden part."""
        return self.name.endswith(ASSESSMENT)

    @cached_property
    def exercises(self) -> dict[str, int]:
        """grade_id of each answer, check and written cell -> number of its exercise, where it has one."""
        numbers = {}
        for cell in self.notebook.cells:
            if "exercise" in cell.metadata and "nbgrader" in cell.metadata:
                numbers[cell.metadata.nbgrader.grade_id] = cell.metadata.exercise
                if "check" in cell.metadata:
                    numbers[cell.metadata.check] = cell.metadata.exercise
        return numbers

    @cached_property
    def imports(self) -> tuple[str, ...]:
        """The modules that its cells import, wherever they do, but for course.checks: every notebook has one of its own."""
        sources = [cell.source for cell in self.notebook.cells if cell.cell_type == "code"]
        found = {name for source in sources for name in _imports(source)}
        return tuple(sorted(name for name in found if name != "course.checks" and not name.startswith("course.checks.")))

    @cached_property
    def beginning(self) -> tuple[str, ...]:
        """The sources of the author's cells before the first exercise: every submission begins with them."""
        code = [(kind, cell.source) for kind, cell in zip(self.kinds, self.notebook.cells, strict=True) if kind != TEXT]
        return tuple(source for _, source in takewhile(lambda one: one[0] == AUTHOR, code))

    @cached_property
    def digest(self) -> str:
        """A hash of all that the template says: it differs where a released cell or a hidden check does, or a file."""
        files = {name: hashlib.sha256(content).hexdigest() for name, content in self.files.items()}
        said = json.dumps([self.unit, self.name, self.notebook, self.visible, files], sort_keys=True)
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def templates(release: Path, unit: str, gradebook: "Gradebook") -> dict[str, Template]:
    """The notebooks of a released unit, by name; `release` is the folder of all releases.

    Raises TemplateError when the unit is not in the gradebook, or when release and gradebook do not agree.
    """
    from nbgrader.api import MissingEntry

    again = f"Release it again: `pathway release {unit}`."
    try:
        notebooks = gradebook.find_assignment(unit).notebooks
    except MissingEntry:
        raise TemplateError(f"The unit {unit} is not in the gradebook of this cohort. {again}") from None
    if not notebooks:
        raise TemplateError(f"The gradebook knows no notebook of {unit}. {again}")
    made, files = {}, beside(release / unit)
    for notebook in notebooks:
        path = release / unit / f"{notebook.name}.ipynb"
        try:
            released = nbformat.read(path, as_version=4)
        except OSError as error:
            raise TemplateError(f"The released notebook {path} cannot be read ({error.strerror}). {again}") from error
        except Exception as error:  # whatever nbformat finds wrong with a damaged file
            raise TemplateError(f"The released notebook {path} is damaged. {again}") from error
        try:
            made[notebook.name] = _template(unit, released, notebook, files)
        except KeyError as error:
            raise TemplateError(f"{path} and the gradebook do not agree on the cell {error}. {again}") from error
    return made


def _template(unit: str, released: NotebookNode, notebook: "Notebook", files: Mapping[str, bytes]) -> Template:
    """Raises KeyError with the grade_id of a cell that only one of the two has."""
    source_cells = {cell.name: cell for cell in notebook.source_cells}
    points = {cell.name: cell.max_score for cell in [*notebook.grade_cells, *notebook.task_cells]}
    visible = {}
    for cell in released.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        grader = cell.metadata.get("nbgrader")
        if not grader or not (grader.get("grade") or grader.get("solution") or grader.get("locked") or grader.get("task")):
            continue
        known = source_cells.pop(grader.grade_id)
        if _kind(cell) == CHECK:
            visible[grader.grade_id] = cell.source
        cell.source = known.source
        grader.checksum = known.checksum
        if known.name in points and grader.points != points[known.name]:
            grader.points = points[known.name]
    for name in source_cells:
        raise KeyError(name)
    return Template(unit, notebook.name, released, visible, files)


def beside(folder: Path) -> dict[str, bytes]:
    """The files of a unit's folder that are no notebooks, by path relative to it; without links, and without too much."""
    found, room = {}, MOST_BESIDE
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.suffix != ".ipynb" and path.stat().st_size <= room:
            content = path.read_bytes()
            room -= len(content)
            found[path.relative_to(folder).as_posix()] = content
    return found


def _imports(source: str) -> Iterable[str]:
    """The modules that a cell imports; of `from a import b` also a.b, which may be one. None where it is no plain Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a magic
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names if one.name.islower())


def _kind(cell: NotebookNode) -> str:
    grader = cell.metadata.get("nbgrader", {})
    if grader.get("grade") and grader.get("solution"):
        return WRITTEN
    if cell.cell_type != "code":
        return TEXT
    if grader.get("grade"):
        return CHECK
    return ANSWER if grader.get("solution") else AUTHOR
