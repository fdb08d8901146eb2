"""Writes what a proof found as a page for a mentor who doubts automatic marking: all of it in one file, to be read offline.

What is to be seen on the page is worked out here; in what order and in which words stands in page.html.jinja.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from nbconvert.filters import markdown2html

from course.builder.source import BEGIN_SOLUTION, END_SOLUTION, EXERCISE, Exercise, Notebook
from course.proof.bank import BANK
from course.proof.judge import HARD_CODED, KILLED, SAME
from course.proof.mutants import DROPPED
from course.proof.results import Counts, HiddenProof, TaskProof, Tried, UnitProof

ROOT = Path(__file__).resolve().parents[2]
TOKEN = re.compile(r"\w+|[<>=!*/]+|\s+|.", re.DOTALL)
HEADING = re.compile(r"<h(\d)[^>]*>(.*?)(?:<a class=\"anchor-link\".*?</a>)?</h\1>", re.DOTALL)


@dataclass(frozen=True)
class Change:
    """A slip in the lines that it stands in: `start` and `end` stay, `old` becomes `new`."""

    start: str
    old: str
    new: str
    end: str
    is_dropped: bool


def as_html(proofs: Sequence[UnitProof]) -> str:
    """The page of one unit or more, a whole HTML document. The same results make the same page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "code": code,
        "place": place,
        "failures_first": failures_first,
        "message": message,
        "sentence": sentence,
    }
    tasks = {(proof.unit.name, task.exercise.id): task for proof in proofs for task in proof.tasks}
    return environment.get_template("page.html.jinja").render(
        proofs=proofs,
        counts=Counts(tuple(tasks.values())),
        count_of=lambda task: Counts((task,)),
        task_of=lambda proof, exercise: tasks.get((proof.unit.name, exercise.id)),
        written=[(proof, one) for proof in proofs for book in proof.unit.notebooks for one in book.exercises if one.written],
        blind=[(proof, task) for proof in proofs for task in proof.tasks if task.survivors],
        asked=asked,
        change=change,
        bank=BANK,
        hard_coded=HARD_CODED,
        killed=KILLED,
        same=SAME,
    )


def place(path: Path) -> str:
    """Where a file lies in the course, with slashes."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def sentence(name: str) -> str:
    """A name as the beginning of a sentence."""
    return name[:1].upper() + name[1:]


def code(source: str) -> str:
    """An answer without the lines that mark where a solution begins and ends, which a trainee does not see."""
    lines = source.strip("\n").splitlines()
    return "\n".join(line for line in lines if line.strip() not in (BEGIN_SOLUTION, END_SOLUTION))


def failures_first(tried: Sequence[Tried]) -> list[Tried]:
    """What is not as it should be, then the rest; in the order of the bank otherwise."""
    return sorted(tried, key=lambda one: one.is_fair and one.is_heard)


def asked(notebook: Notebook, exercise: Exercise) -> list[tuple[str, str]]:
    """What a trainee reads from an exercise's heading down to its task: ("text", HTML) and ("code", source)."""
    heading = EXERCISE.search(exercise.heading.source)
    found = [("text", _html(exercise.heading.source[heading.end() if heading else 0 :]))]
    answer = exercise.written or exercise.task
    for cell in notebook.cells:
        if exercise.heading.line < cell.line < answer.line:
            found.append(("text", _html(cell.source)) if cell.type == "markdown" else ("code", cell.source))
    return [(kind, source) for kind, source in found if source.strip()]


def _html(markdown: str) -> Markup:
    """An author's Markdown as HTML. Headings in it become bold: the page has an order of its own."""
    # Markdown is not read inside an HTML block, as a hint is one; an empty line ends the block.
    opened = markdown.replace("</summary>", "</summary>\n\n").replace("</details>", "\n\n</details>")
    return Markup(HEADING.sub(r"<p><strong>\2</strong></p>", markdown2html(opened)))


def change(task: TaskProof, mutant: Tried) -> Change:
    """What a slip changed in the model answer, with the rest of the lines in which it stands."""
    before, after = (TOKEN.findall(code(source)) for source in (task.exercise.task.source, mutant.answer.source))
    first = _same_at_start(before, after)
    last = _same_at_start(before[first:][::-1], after[first:][::-1])
    start, end = "".join(before[:first]), "".join(before[len(before) - last :])
    start, end = start[start.rfind("\n") + 1 :].lstrip(), end.partition("\n")[0]
    old, new = "".join(before[first : len(before) - last]), "".join(after[first : len(after) - last])
    return Change(start, old, new, end, is_dropped=DROPPED in mutant.answer.name and new.strip() in ("", "pass"))


def _same_at_start(one: Sequence[str], other: Sequence[str]) -> int:
    """How many items two sequences have in common at their start."""
    pairs = zip(one, other, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def message(check: HiddenProof) -> str:
    """What a hidden check says to an answer that does not hold; "" where that is worked out when it is run.

    In the place of what it fills in stands an ellipsis.
    """
    call = ast.parse(check.source.strip()).body[0].value
    said = call.args[1] if len(call.args) > 1 else None
    parts = said.values if isinstance(said, ast.JoinedStr) else [said]
    words = "".join(part.value if isinstance(part, ast.Constant) else "…" for part in parts)
    return "" if words.strip("… ") == "" else words
