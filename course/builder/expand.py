"""Writes the solution notebook: the author's cells, and all that follows from them, so that nothing is typed twice."""

import hashlib
import html
import re
from collections import Counter

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course.builder.source import EXERCISE, Cell, Exercise, Notebook, Unit, hidden_part
from course.checks import ANSWER, CHECK, CHECK_CELL

OWN_OPTIONS = ("task", "check", "written", "points", "outcome", "kind")


def solution_notebook(notebook: Notebook, unit: Unit, course: dict[str, tuple[Unit, Notebook]]) -> NotebookNode:
    """The notebook with answers, not yet run. `course` finds every notebook by its name, for links to what it needs."""
    headings = {id(exercise.heading): exercise for exercise in notebook.exercises}
    by_cell = {id(cell): exercise for exercise in notebook.exercises for cell in (exercise.task, exercise.graded)}
    cells = []
    for position, cell in enumerate(notebook.cells):
        exercise = by_cell.get(id(cell))
        if cell.type == "markdown":
            source = _with_number(cell, headings[id(cell)], notebook, unit) if id(cell) in headings else cell.source
            made = new_markdown_cell(_with_code_in_hints(source))
        else:
            lines = [cell.source]
            if cell.task:
                lines = [ANSWER.format(number=exercise.number), *lines]
            if cell.check:
                lines = [CHECK.format(number=exercise.number), *lines, _last_line(exercise, notebook)]
            made = new_code_cell("\n".join(lines))
        # What Jupyter itself knows (tags, a cell that opens folded) is kept as the author wrote it.
        kept = {key: value for key, value in cell.options.items() if key not in OWN_OPTIONS}
        made.metadata = nbformat.from_dict(kept | (_metadata(cell, exercise) if exercise else {}))
        cells.append(made)
        if position == 0:
            cells.append(new_markdown_cell(at_a_glance(notebook, unit, course)))
    for cell, id_ in zip(cells, _ids(cells), strict=True):
        cell.id = id_
    metadata = {
        "kernelspec": dict(notebook.front["kernelspec"]),
        "title": notebook.front["title"],
        "minutes": notebook.front["minutes"],
        "needs": notebook.front["needs"],
        "outcomes": {id: unit.outcomes[id] for id in _outcomes(notebook)},
    }
    return nbformat.from_dict(new_notebook(cells=cells, metadata=metadata))


def author_cell(notebook: Notebook, position: int) -> Cell:
    """The author's cell behind the cell at `position` of the solution notebook, where "at a glance" is the second."""
    return notebook.cells[max(position - 1, 0)]


def at_a_glance(notebook: Notebook, unit: Unit, course: dict[str, tuple[Unit, Notebook]]) -> str:
    """What a reader wants to know before starting: how long, after what, to what end."""
    minutes = notebook.front["minutes"]
    timed = "" if minutes["timed"] != "untested" else " This is an estimate that nobody has been timed on yet."
    parts = f"{minutes['teaching']} to read and run, {minutes['exercises']} for exercises"
    time = f"about {notebook.minutes} minutes: {parts}.{timed}"
    needs = ", ".join(_link(*course[name], unit) for name in notebook.front["needs"]) or "nothing before it"
    unit_of_marks = "marks" if notebook.is_assessment else "practice points"
    exercises = f"{len(notebook.exercises)}, for {notebook.points} {unit_of_marks}"
    if not notebook.is_assessment:
        exercises += ", which count for nothing but your own sense of how it goes"
    intro = "It tests whether you can" if notebook.is_assessment else "Afterwards you can"
    can = "\n".join(
        f"- {unit.outcomes[id]['can'][0].lower()}{unit.outcomes[id]['can'][1:]} ({', '.join(unit.outcomes[id]['codes'])})"
        for id in _outcomes(notebook)
    )
    return (
        f"**Time** {time}\n\n**Needs** {needs}.\n\n**Exercises** {exercises}.\n\n**{intro}**\n\n{can}\n\n"
        "The codes are those of the Level 4 Data Analyst apprenticeship."
    )


def _outcomes(notebook: Notebook) -> list[str]:
    """The ids of the outcomes that a lesson states, or that an assessment tests, in order and once each."""
    return list(notebook.front.get("outcomes") or dict.fromkeys(exercise.outcome for exercise in notebook.exercises))


def _link(unit: Unit, notebook: Notebook, from_unit: Unit) -> str:
    folder = "" if unit.name == from_unit.name else f"../{unit.name}/"
    return f"[{notebook.front['title']}]({folder}{notebook.name}.ipynb)"


def _with_code_in_hints(source: str) -> str:
    """Markdown is not read inside an HTML block: code in a hint has to be HTML too."""

    def marked(code: re.Match) -> str:
        return f"<code>{html.escape(code[1], quote=False)}</code>"

    return re.sub(r"<details>.*?</details>", lambda hint: re.sub(r"`([^`]+)`", marked, hint[0]), source, flags=re.DOTALL)


def _with_number(cell: Cell, exercise: Exercise, notebook: Notebook, unit: Unit) -> str:
    can = unit.outcomes[exercise.outcome]["can"]
    line = f"*{_worth(exercise, notebook)}. Outcome: {can[0].lower()}{can[1:]}.*"
    return EXERCISE.sub(lambda found: f"{found[1]} Exercise {exercise.number}: {found[2]}\n\n{line}", cell.source, count=1)


def _worth(exercise: Exercise, notebook: Notebook) -> str:
    kind = "mark" if notebook.is_assessment else "practice point"
    return f"{exercise.points} {kind}{'s' if exercise.points != 1 else ''}"


def _last_line(exercise: Exercise, notebook: Notebook) -> str:
    """The line that every check ends in. It is reached when all that was expected holds."""
    text = f"Exercise {exercise.number} passes: {_worth(exercise, notebook)}."
    if hidden_part(exercise.check.source):
        text = f"Exercise {exercise.number} passes what you can see here. Marking tries more: {_worth(exercise, notebook)}."
    return f'expect.done("{text}")'


def _metadata(cell: Cell, exercise: Exercise) -> dict:
    """nbgrader's metadata of a cell, and the course's own: what it is for."""
    if cell.task:
        grader = {"grade": False, "locked": False, "solution": True, "task": False}
        return {"task": exercise.id, "nbgrader": _grader(exercise.id, cell, grader)}
    own = {"outcome": exercise.outcome, "exercise": exercise.number}
    if cell.written:
        grader = {"grade": True, "locked": False, "solution": True, "task": False, "points": exercise.points}
        return {"written": exercise.id, **own, "nbgrader": _grader(exercise.id, cell, grader)}
    grader = {"grade": True, "locked": True, "solution": False, "task": False, "points": exercise.points}
    return {"check": exercise.id, **own, "nbgrader": _grader(f"{exercise.id}{CHECK_CELL}", cell, grader)}


def _grader(grade_id: str, cell: Cell, flags: dict) -> dict:
    return {"cell_type": cell.type, "grade_id": grade_id, "schema_version": 3, **flags}


def _ids(cells: list[NotebookNode]) -> list[str]:
    """An id for each cell that stays the same while the cell does: its task's name, or a hash of its source."""
    counts: Counter[str] = Counter()
    ids = []
    for cell in cells:
        grader = cell.metadata.get("nbgrader")
        base = grader["grade_id"] if grader else hashlib.sha256(f"{cell.cell_type}:{cell.source}".encode()).hexdigest()[:8]
        base = re.sub(r"[^a-zA-Z0-9-_]", "-", base)[:60]
        counts[base] += 1
        ids.append(base if counts[base] == 1 else f"{base}-{counts[base]}")
    return ids


def as_text(notebook: NotebookNode) -> str:
    """A notebook as it is written to disk: the same notebook, the same bytes."""
    notebook.metadata.get("language_info", {}).pop("version", None)  # Python's, which differs between machines
    return nbformat.writes(notebook, version=4).rstrip("\n") + "\n"
