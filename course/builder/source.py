"""Reads a unit's text: MyST Markdown with a kernelspec, as jupytext and JupyterLab open it."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import jupytext
from jupytext.config import load_jupytext_config
from jupytext.myst import MystMetadataParsingError, myst_to_notebook

from course.builder.problem import BuildError, Problem

EXERCISE = re.compile(r"^(#+) Exercise: (.+)$", re.MULTILINE)
BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"
HIDING, SHOWING = "BEGIN HIDDEN TESTS", "END HIDDEN TESTS"  # all that nbgrader looks for in a line
BEGIN_HIDDEN, END_HIDDEN = f"### {HIDING}", f"### {SHOWING}"
ANSWERED = re.compile(rf"^\s*{BEGIN_SOLUTION}$\n(.*?)^\s*{END_SOLUTION}$", flags=re.DOTALL | re.MULTILINE)
HIDDEN = re.compile(rf"^{BEGIN_HIDDEN}$\n(.*?)^{END_HIDDEN}$\n?", flags=re.DOTALL | re.MULTILINE)
MENTOR_PAGE = "mentor.md"


@dataclass
class Cell:
    """A cell as the author wrote it; `line` is where its source begins in the file, from 1."""

    type: str
    source: str
    line: int
    options: dict

    @property
    def task(self) -> str | None:
        return self.options.get("task")

    @property
    def check(self) -> str | None:
        return self.options.get("check")

    @property
    def written(self) -> str | None:
        return self.options.get("written")

    @property
    def graded(self) -> bool:
        """Whether its options should hold points and an outcome."""
        return bool(self.check or self.written)


@dataclass
class Exercise:
    """One thing that a trainee is asked to do: a task and its check, or a written answer."""

    number: int
    heading: Cell
    title: str
    task: Cell | None = None
    check: Cell | None = None
    written: Cell | None = None

    @property
    def id(self) -> str:
        return self.written.written if self.written else self.task.task

    @property
    def graded(self) -> Cell:
        """The cell that carries points and outcome."""
        return self.written or self.check

    @property
    def points(self) -> int:
        return self.graded.options["points"]

    @property
    def outcome(self) -> str:
        return self.graded.options["outcome"]

    @property
    def is_choice(self) -> bool:
        return bool(self.task) and self.task.options.get("kind") == "choice"


@dataclass
class Notebook:
    """A lesson or an assessment."""

    path: Path
    text: str
    front: dict
    cells: list[Cell]
    exercises: list[Exercise] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def is_assessment(self) -> bool:
        return self.name.endswith("-assessment")

    @property
    def points(self) -> int:
        return sum(exercise.points for exercise in self.exercises)

    @property
    def minutes(self) -> int:
        return self.front["minutes"]["teaching"] + self.front["minutes"]["exercises"]

    @property
    def markdown(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.type == "markdown"]

    @property
    def code(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.type == "code"]

    def problem(self, cell: Cell, message: str, pattern: str | None = None) -> Problem:
        """A problem at the line of `cell` on which `pattern`, a regular expression, is first found (default: its first)."""
        found = re.search(pattern, cell.source, re.MULTILINE) if pattern else None
        return Problem(self.path, cell.line + (cell.source.count("\n", 0, found.start()) if found else 0), message)


@dataclass
class Unit:
    """A folder of course/units: its lessons in the order in which they need one another, then its assessment."""

    folder: Path
    notebooks: list[Notebook]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def number(self) -> int:
        return int(self.name.split("-")[0])

    @property
    def lessons(self) -> list[Notebook]:
        return [notebook for notebook in self.notebooks if not notebook.is_assessment]

    @property
    def assessment(self) -> Notebook | None:
        return next((notebook for notebook in self.notebooks if notebook.is_assessment), None)

    @cached_property
    def outcomes(self) -> dict[str, dict]:
        """Outcome id -> {"can": what the trainee can now do, "codes": [apprenticeship codes]}, over the unit's lessons."""
        return {id: text for lesson in self.lessons for id, text in (lesson.front.get("outcomes") or {}).items()}


def unit_folders(units: Path) -> list[Path]:
    """The folders of the units under course/units, in the order of their numbers."""
    return sorted(folder for folder in units.iterdir() if re.match(r"\d\d-", folder.name) and folder.is_dir())


def read_unit(folder: Path) -> Unit:
    """Read all notebooks of a unit. Raises BuildError when one cannot be read or an exercise is not whole."""
    problems, notebooks = [], []
    for path in sorted(folder.glob("*.md")):
        try:
            notebook = read_notebook(path)
        except BuildError as error:
            problems += error.problems
        else:
            notebooks += [notebook] if notebook else []
    if not notebooks and not problems:
        problems.append(
            Problem(folder, 1, "No notebook here: a unit needs a .md file with a kernelspec in its front matter.")
        )
    if problems:
        raise BuildError(problems)
    return Unit(folder, _in_order_of_needs(notebooks))


def read_notebook(path: Path) -> Notebook | None:
    """Read one text file; None when it is not a notebook (its front matter has no kernelspec)."""
    text = path.read_text(encoding="utf-8")
    if not is_notebook(text):
        return None
    try:
        parsed = myst_to_notebook(text, add_source_map=True)
    except MystMetadataParsingError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise BuildError([Problem(path, int(line[1]) if line else 1, f"This cannot be read: {error}")]) from error
    lines = text.splitlines()
    front = {key: value for key, value in parsed.metadata.items() if key not in ("source_map", "jupyter")}
    cells = [
        Cell(cell.cell_type, cell.source, _first_line(cell.source, lines, start), dict(cell.metadata))
        for cell, start in zip(parsed.cells, parsed.metadata.source_map, strict=True)
    ]
    notebook = Notebook(path, text, front, cells)
    problems = list(_find_exercises(notebook))
    if problems:
        raise BuildError(problems)
    return notebook


def is_notebook(text: str) -> bool:
    """Whether a Markdown text is a notebook: its front matter names a kernel."""
    return bool(re.match(r"---\n(?:(?!---\n).*\n)*?kernelspec:", text))


def as_jupytext_writes(path: Path, text: str) -> str:
    """The text of the notebook `path` in jupytext's own order, by the nearest jupytext.toml: as JupyterLab would save it."""
    config = load_jupytext_config(str(path))
    return jupytext.writes(jupytext.reads(text, fmt="md:myst", config=config), fmt="md:myst", config=config)


def _first_line(source: str, lines: list[str], start: int) -> int:
    """The line, from 1, on which a cell's source begins; its fence and options come before it."""
    first = source.splitlines()[0] if source else ""
    return next((i + 1 for i in range(start, len(lines)) if lines[i] == first), start + 1)


def _find_exercises(notebook: Notebook):
    """Fill `notebook.exercises`; yield what keeps an exercise from being whole."""
    current: Exercise | None = None
    for position, cell in enumerate(notebook.cells):
        following = notebook.cells[position + 1] if position + 1 < len(notebook.cells) else None
        if cell.type == "markdown" and not cell.written:
            headings = list(EXERCISE.finditer(cell.source))
            if len(headings) > 1:
                yield notebook.problem(cell, "Two exercises in one cell: begin each in a cell of its own (+++).")
            if headings:
                if current and not (current.task or current.written):
                    yield notebook.problem(
                        current.heading, f'The exercise "{current.title}" asks for nothing: no task follows.'
                    )
                current = Exercise(len(notebook.exercises) + 1, cell, headings[0][2])
                notebook.exercises.append(current)
        elif cell.task or cell.written:
            if current is None or current.task or current.written:
                yield notebook.problem(cell, f'"{cell.task or cell.written}" has no heading of its own: "## Exercise: ...".')
                current = Exercise(len(notebook.exercises) + 1, cell, "")
                notebook.exercises.append(current)
            if cell.written:
                current.written = cell
            else:
                current.task = cell
                if following is None or following.check != cell.task:
                    yield notebook.problem(
                        cell, f'The task "{cell.task}" has no check right behind it (":check: {cell.task}").'
                    )
                current.check = following
        elif cell.check and (position == 0 or notebook.cells[position - 1].task != cell.check):
            yield notebook.problem(cell, f'The check "{cell.check}" has no task right before it (":task: {cell.check}").')
        if cell.graded:
            for key, kind in (("points", int), ("outcome", str)):
                if not isinstance(cell.options.get(key), kind):
                    yield notebook.problem(cell, f'"{cell.check or cell.written}" needs "{key}".')
    if current and not (current.task or current.written):
        yield notebook.problem(current.heading, f'The exercise "{current.title}" asks for nothing: no task follows.')


def _in_order_of_needs(notebooks: list[Notebook]) -> list[Notebook]:
    """Lessons in an order in which each comes after those of the unit that it needs, by name where that leaves a choice."""
    waiting = sorted(notebooks, key=lambda notebook: (notebook.is_assessment, notebook.name))
    ordered: list[Notebook] = []
    while waiting:
        names = {notebook.name for notebook in waiting}
        ready = next((n for n in waiting if not names & set(n.front.get("needs") or []) - {n.name}), waiting[0])
        waiting.remove(ready)
        ordered.append(ready)
    return ordered


def visible_part(check: str) -> str:
    """A check's source without what is hidden, as nbgrader finds it; what nothing ends is hidden to the last line."""
    shown, is_hidden = [], False
    for line in check.splitlines(keepends=True):
        if HIDING in line:
            is_hidden = True
        elif SHOWING in line:
            is_hidden = False
        elif not is_hidden:
            shown.append(line)
    return "".join(shown)


def hidden_part(check: str) -> str:
    """A check's hidden source, without its markers."""
    return "".join(HIDDEN.findall(check))


def solution_part(task: str) -> str:
    """A task's answer, without its markers."""
    return "".join(ANSWERED.findall(task))
