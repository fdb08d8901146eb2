"""The rules that a unit's text is held to, before anything is run. Each is a function that yields what is wrong.

A rule sees the whole unit and the course around it, so that it can name the file and the line.
"""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

from course.builder.problem import Problem
from course.builder.source import (
    BEGIN_HIDDEN,
    BEGIN_SOLUTION,
    END_HIDDEN,
    END_SOLUTION,
    MENTOR_PAGE,
    Cell,
    Exercise,
    Notebook,
    Unit,
    as_jupytext_writes,
    hidden_part,
    visible_part,
)

LONGEST_CELL = 15
TYPICAL_CELL = 8
ENDING = "## What to take away"
LESSON_KEYS = ("title", "minutes", "needs", "outcomes", "kernelspec")
ASSESSMENT_KEYS = ("title", "minutes", "needs", "kernelspec")
# What notebooks may import from the course, and what only check cells use.
FROM_COURSE = {"course": {"DATA", "describe"}, "course.checks": None}
SITING_UNIT = 4


@dataclass(frozen=True)
class Course:
    """What a unit's rules need to know of the other units."""

    notebooks: frozenset[str]


Rule = Callable[[Unit, Course], Iterator[Problem]]
RULES: list[Rule] = []


def rule(function: Rule) -> Rule:
    RULES.append(function)
    return function


def broken_rules(unit: Unit, course: Course) -> list[Problem]:
    """All that is wrong with the text of `unit`."""
    keys = list(front_matter_is_whole(unit, course))
    # Without its front matter a notebook cannot be held to the rest.
    return keys or sorted({problem for one in RULES for problem in one(unit, course)})


def front_matter_is_whole(unit: Unit, course: Course) -> Iterator[Problem]:
    """Title, minutes, needs, kernelspec, and in lessons outcomes."""
    for notebook in unit.notebooks:
        for key in ASSESSMENT_KEYS if notebook.is_assessment else LESSON_KEYS:
            if key not in notebook.front:
                yield Problem(notebook.path, 1, f'The front matter lacks "{key}".')
        if notebook.is_assessment and "outcomes" in notebook.front:
            yield Problem(
                notebook.path, 1, "An assessment states no outcomes of its own: it tests those of its unit's lessons."
            )
        minutes = notebook.front.get("minutes")
        whole = isinstance(minutes, dict) and set(minutes) == {"teaching", "exercises", "timed"}
        if "minutes" in notebook.front and not (
            whole and all(isinstance(minutes[k], int) for k in ("teaching", "exercises"))
        ):
            yield Problem(notebook.path, 1, '"minutes" needs whole numbers for teaching and exercises, and timed.')
        for id, outcome in (notebook.front.get("outcomes") or {}).items():
            if not (isinstance(outcome, dict) and outcome.get("can") and outcome.get("codes")):
                yield Problem(notebook.path, 1, f'The outcome "{id}" needs "can" (what the trainee can now do) and "codes".')


@rule
def text_is_as_jupytext_writes_it(unit: Unit, course: Course) -> Iterator[Problem]:
    """Opening a unit's text in JupyterLab and saving it changes nothing, so that a difference is the author's."""
    for notebook in unit.notebooks:
        saved = as_jupytext_writes(notebook.path, notebook.text).splitlines()
        for line, (ours, theirs) in enumerate(zip_longest(notebook.text.splitlines(), saved), start=1):
            if ours != theirs:
                yield Problem(
                    notebook.path, line, f"JupyterLab would save {theirs!r} here: run `pathway tidy {unit.number:02}`."
                )
                break


@rule
def needs_name_notebooks(unit: Unit, course: Course) -> Iterator[Problem]:
    for notebook in unit.notebooks:
        for need in notebook.front["needs"]:
            if need not in course.notebooks:
                yield Problem(notebook.path, 1, f'It needs "{need}", which no notebook of the course is called.')


@rule
def headings_step_down_one_level_at_a_time(unit: Unit, course: Course) -> Iterator[Problem]:
    for notebook in unit.notebooks:
        titles, level = 0, 0
        for _cell, line, depth, text in _headings(notebook):
            if depth == 1:
                titles += 1
                if titles > 1:
                    yield Problem(notebook.path, line, "A second H1: a notebook has one title.")
                elif text != notebook.front["title"]:
                    yield Problem(
                        notebook.path,
                        line,
                        f'The title here differs from the front matter\'s "{notebook.front["title"]}".',
                    )
            elif depth > level + 1:
                yield Problem(notebook.path, line, f"A heading level is skipped: level {depth} follows level {level}.")
            level = depth
        if not titles:
            yield Problem(notebook.path, notebook.cells[0].line, "No H1: begin with a title.")


@rule
def the_end_recaps(unit: Unit, course: Course) -> Iterator[Problem]:
    """The last cell is a recap, what comes next and the new words."""
    for notebook in unit.notebooks:
        last = notebook.cells[-1]
        paragraphs = re.split(r"\n\s*\n", last.source.strip())
        if last.type != "markdown" or not paragraphs[0].startswith(ENDING):
            yield notebook.problem(last, f'The last cell must be "{ENDING}".')
            continue
        if len(paragraphs) < 4 or paragraphs[1].startswith("**"):
            yield notebook.problem(last, f'A recap must stand under "{ENDING}".')
        if not any(paragraph.startswith("**Next** ") for paragraph in paragraphs):
            yield notebook.problem(last, 'The end lacks a paragraph that begins "**Next** ".')
        if not paragraphs[-1].startswith("**New words** "):
            yield notebook.problem(last, 'The end lacks a last paragraph that begins "**New words** ".')


def new_words(notebook: Notebook) -> dict[str, str]:
    """Word -> its definition, from the notebook's last paragraph, "**New words** word: definition; word: definition."."""
    paragraph = re.split(r"\n\s*\n", notebook.cells[-1].source.strip())[-1]
    listed = paragraph.removeprefix("**New words**").strip().rstrip(".")
    if listed == "none":
        return {}
    pairs = (entry.partition(":") for entry in listed.split("; "))
    return {word.strip(): " ".join(definition.split()) for word, _, definition in pairs}


@rule
def new_words_are_bold_where_they_first_come(unit: Unit, course: Course) -> Iterator[Problem]:
    for notebook in unit.notebooks:
        before_end = [cell for cell in notebook.markdown if cell is not notebook.cells[-1]]
        for word, definition in new_words(notebook).items():
            if not definition:
                yield notebook.problem(notebook.cells[-1], f'New words: "{word}" has no definition ("word: what it means").')
                continue
            found = _first_mention(word, before_end)
            if found is None:
                yield notebook.problem(notebook.cells[-1], f'New words: "{word}" does not come in the text.')
            elif not found[1]:
                yield notebook.problem(
                    found[0],
                    f'"{word}" is a new word: put it in bold where it first comes.',
                    rf"(?i)\b{re.escape(word)}",
                )


def _first_mention(word: str, cells: list[Cell]) -> tuple[Cell, bool] | None:
    """The cell in which `word` first comes, and whether it is in bold there; headings do not count."""
    for cell in cells:
        text = re.sub(r"^#+ .*$", "", cell.source, flags=re.MULTILINE)
        found = re.search(rf"(\*\*[^*\n]*)?\b{re.escape(word)}", text, re.IGNORECASE)
        if found:
            return cell, found[1] is not None
    return None


@rule
def code_cells_are_short(unit: Unit, course: Course) -> Iterator[Problem]:
    """At most fifteen lines, and in the mean about five. A check's hidden part is counted by itself."""
    for notebook in unit.notebooks:
        lengths = []
        for cell in notebook.code:
            visible, hidden = (_lines_of_code(part(cell.source)) for part in (visible_part, hidden_part))
            for length in (visible, hidden):
                if length > LONGEST_CELL:
                    yield notebook.problem(cell, f"{length} lines of code: {LONGEST_CELL} at most, about five is good.")
            lengths += [] if cell.check else [visible]
        if lengths and sum(lengths) / len(lengths) > TYPICAL_CELL:
            mean = sum(lengths) / len(lengths)
            yield Problem(
                notebook.path,
                1,
                f"Code cells have {mean:.1f} lines in the mean: about five is good, {TYPICAL_CELL} at most.",
            )


@rule
def code_is_python_that_imports_what_trainees_use(unit: Unit, course: Course) -> Iterator[Problem]:
    """From `course` only DATA and describe, course.checks for checks and, in the siting unit, course.siting."""
    allowed = dict(FROM_COURSE)
    if unit.number >= SITING_UNIT:
        allowed |= {"course": allowed["course"] | {"siting"}, "course.siting": None}
    for notebook in unit.notebooks:
        for cell in notebook.code:
            try:
                tree = ast.parse(cell.source)
            except SyntaxError as error:
                line = cell.line + (error.lineno or 1) - 1
                yield Problem(
                    notebook.path,
                    line,
                    f"This is not Python: {error.msg}. (Magics and shell commands do not belong in a lesson.)",
                )
                continue
            for module, name, line in _imports(tree):
                if module.split(".")[0] != "course":
                    continue
                names = allowed.get(module, set())
                if names is not None and name not in names:
                    yield Problem(
                        notebook.path, cell.line + line - 1, f"Notebooks may not import {name or module} from {module}."
                    )


@rule
def no_trailing_semicolons(unit: Unit, course: Course) -> Iterator[Problem]:
    """nbval runs cells in a way in which a semicolon does not silence output."""
    for notebook in unit.notebooks:
        for cell in notebook.code:
            for number, line in enumerate(cell.source.splitlines()):
                if re.search(r";\s*(#.*)?$", line):
                    yield Problem(
                        notebook.path,
                        cell.line + number,
                        "A trailing semicolon: end the cell in a line that shows nothing.",
                    )


@rule
def ids_are_unique(unit: Unit, course: Course) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for notebook, exercise in _exercises(unit):
        where = f"{notebook.path.name}:{(exercise.task or exercise.written).line}"
        if exercise.id in seen:
            yield notebook.problem(exercise.graded, f'The id "{exercise.id}" is taken, in {seen[exercise.id]}.')
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", exercise.id):
            yield notebook.problem(
                exercise.graded, f'The id "{exercise.id}" must be words in lower case, joined by hyphens.'
            )
        seen.setdefault(exercise.id, where)
    counts = Counter(id for lesson in unit.lessons for id in lesson.front["outcomes"])
    for lesson in unit.lessons:
        for id in lesson.front["outcomes"]:
            if counts[id] > 1:
                yield Problem(lesson.path, 1, f'The outcome "{id}" is stated by {counts[id]} lessons of the unit.')


@rule
def each_exercise_names_an_outcome_of_the_unit(unit: Unit, course: Course) -> Iterator[Problem]:
    for notebook, exercise in _exercises(unit):
        if exercise.outcome not in unit.outcomes:
            known = ", ".join(sorted(unit.outcomes))
            yield notebook.problem(exercise.graded, f'Unknown outcome "{exercise.outcome}": the unit has {known}.')


@rule
def each_outcome_is_assessed(unit: Unit, course: Course) -> Iterator[Problem]:
    if unit.number == 0:
        return
    if unit.assessment is None:
        yield Problem(unit.folder, 1, 'The unit has no assessment (a notebook whose name ends in "-assessment").')
        return
    assessed = {exercise.outcome for exercise in unit.assessment.exercises}
    for lesson in unit.lessons:
        for id in lesson.front["outcomes"]:
            if id not in assessed:
                yield Problem(lesson.path, 1, f'No task of {unit.assessment.path.name} is for the outcome "{id}".')


@rule
def each_task_has_two_hints(unit: Unit, course: Course) -> Iterator[Problem]:
    for notebook, exercise in _exercises(unit):
        if exercise.task is None:
            continue
        between = notebook.cells[notebook.cells.index(exercise.heading) : notebook.cells.index(exercise.task)]
        text = "\n".join(cell.source for cell in between if cell.type == "markdown")
        hints = re.findall(r"<details><summary>Hint (\d)</summary>(.+?)</details>", text, re.DOTALL)
        if [number for number, _ in hints] != ["1", "2"]:
            message = f'"{exercise.id}" needs two hints: <details><summary>Hint 1</summary>...</details>, then Hint 2.'
            yield notebook.problem(exercise.heading, message, "Exercise: ")


@rule
def tasks_hold_a_solution(unit: Unit, course: Course) -> Iterator[Problem]:
    """Marked where the release leaves it out; a function keeps its docstring, which is what defines it."""
    for notebook, exercise in _exercises(unit):
        if exercise.task is None:
            continue
        cell = exercise.task
        if cell.source.count(BEGIN_SOLUTION) != 1 or cell.source.count(END_SOLUTION) != 1:
            yield notebook.problem(cell, f'"{exercise.id}" needs one {BEGIN_SOLUTION} and one {END_SOLUTION}.')
            continue
        if exercise.is_choice:
            continue
        functions = _functions(cell)
        if not functions:
            yield notebook.problem(
                cell, f'"{exercise.id}" defines no function. Is it a choice or a value? Then say ":kind: choice".'
            )
        stub = cell.source[: cell.source.index(BEGIN_SOLUTION)]
        for function in functions:
            if not ast.get_docstring(function) or f"def {function.name}(" not in stub or '"""' not in stub:
                message = f"{function.name} needs a docstring that defines it, outside the solution."
                yield notebook.problem(cell, message, rf"def {function.name}\b")


@rule
def checks_say_what_is_right(unit: Unit, course: Course) -> Iterator[Problem]:
    for notebook, exercise in _exercises(unit):
        if exercise.check is None:
            continue
        calls = [node for node in _walk(exercise.check) if _called(node) == "expect"]
        if not calls:
            yield notebook.problem(
                exercise.check, f'The check "{exercise.id}" expects nothing: use expect(condition, message).'
            )
        elif not any(keyword.arg == "right" for call in calls for keyword in call.keywords):
            message = f'The check "{exercise.id}" never says what is right: give an expect(...) a right="...".'
            yield notebook.problem(exercise.check, message)


@rule
def functions_are_tried_on_two_inputs(unit: Unit, course: Course) -> Iterator[Problem]:
    for notebook, exercise in _exercises(unit):
        if exercise.check is None or exercise.is_choice:
            continue
        names = {function.name for function in _functions(exercise.task)}
        inputs = {
            ast.dump(ast.Tuple(elts=[*node.args, *(k.value for k in node.keywords)]))
            for node in _walk(exercise.check)
            if _called(node) in names
        }
        if len(inputs) < 2:
            yield notebook.problem(exercise.check, f'The check "{exercise.id}" must try the answer on at least two inputs.')


@rule
def hidden_checks_belong_in_assessments(unit: Unit, course: Course) -> Iterator[Problem]:
    """Lessons are practice, and hide nothing; assessments count, and vary the inputs out of sight."""
    for notebook in unit.notebooks:
        for cell in notebook.code:
            begins, ends = cell.source.count(BEGIN_HIDDEN), cell.source.count(END_HIDDEN)
            if begins != ends or begins > 1:
                yield notebook.problem(cell, f"A hidden part needs one {BEGIN_HIDDEN} and one {END_HIDDEN}.")
            if begins and not cell.check:
                yield notebook.problem(cell, "Only a check can have a hidden part.", BEGIN_HIDDEN)
            if cell.check and notebook.is_assessment and not begins:
                yield notebook.problem(cell, f'The check "{cell.check}" counts for marks, so it needs a hidden part.')
            if cell.check and begins and not notebook.is_assessment:
                yield notebook.problem(cell, "A lesson's checks are all visible: this part is hidden.", BEGIN_HIDDEN)


@rule
def written_tasks_have_a_marking_guide(unit: Unit, course: Course) -> Iterator[Problem]:
    guide = unit.folder / MENTOR_PAGE
    text = guide.read_text(encoding="utf-8") if guide.exists() else ""
    for notebook, exercise in _exercises(unit):
        if exercise.written and not re.search(rf"^#+ .*`{re.escape(exercise.id)}`", text, re.MULTILINE):
            message = f'{MENTOR_PAGE} needs a marking guide for "{exercise.id}", under a heading that holds `{exercise.id}`.'
            yield notebook.problem(exercise.written, message)


def _lines_of_code(source: str) -> int:
    return len([line for line in source.splitlines() if line.strip() and not line.lstrip().startswith("###")])


def _exercises(unit: Unit) -> Iterator[tuple[Notebook, Exercise]]:
    for notebook in unit.notebooks:
        for exercise in notebook.exercises:
            yield notebook, exercise


def _headings(notebook: Notebook) -> Iterator[tuple[Cell, int, int, str]]:
    """Cell, line in the file, level and text of each heading, fenced blocks left out."""
    for cell in notebook.markdown:
        fenced = False
        for number, line in enumerate(cell.source.splitlines()):
            fenced ^= line.lstrip().startswith(("```", "~~~"))
            heading = re.match(r"(#{1,6}) (.+)$", line)
            if heading and not fenced:
                yield cell, cell.line + number, len(heading[1]), heading[2].strip()


def _walk(cell: Cell) -> Iterator[ast.AST]:
    try:
        yield from ast.walk(ast.parse(cell.source))
    except SyntaxError:  # reported by the rule on Python
        return


def _functions(cell: Cell) -> list[ast.FunctionDef]:
    """The functions that a cell defines, not those inside them."""
    try:
        return [node for node in ast.parse(cell.source).body if isinstance(node, ast.FunctionDef)]
    except SyntaxError:  # reported by the rule on Python
        return []


def _called(node: ast.AST) -> str | None:
    """The name of the function that `node` calls, if it is a call of a plain name."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None


def _imports(tree: ast.AST) -> Iterator[tuple[str, str | None, int]]:
    """Module, name and line of everything imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, None, node.lineno
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                yield node.module or "", name.name, node.lineno
