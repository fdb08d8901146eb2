"""The rules that a notebook's outputs are held to, after it was run."""

import html
import json
import re
from collections.abc import Iterator

from nbformat import NotebookNode

from course.builder.expand import author_cell
from course.builder.problem import Problem
from course.builder.source import Notebook
from course.figures import what_is_missing

SMALL = 12
PICTURES = ("image/png", "image/jpeg", "image/svg+xml", "application/pdf")
# What a run leaves in its outputs that another run, or another machine, would not.
NOT_REPRODUCIBLE = {
    r"\b0x[0-9a-f]{6,}\b": "a memory address",
    r"(?<![\w.:/<])/(?:home|root|tmp|usr|var|opt|srv|mnt|Users)/\w": "a path of this machine",
    r"\b[A-Z]:\\\w": "a path of this machine",
    r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d+": "a time stamp",
}


def broken_outputs(notebook: Notebook, first: NotebookNode, second: NotebookNode) -> Iterator[Problem]:
    """What is wrong with the outputs of the solution notebook, and what differs between its two runs."""
    for position, (cell, again) in enumerate(zip(first.cells, second.cells, strict=True)):
        if cell.cell_type != "code":
            continue
        author = author_cell(notebook, position)
        for message in _broken(cell):
            yield notebook.problem(author, message)
        if json.dumps(cell.outputs, sort_keys=True) != json.dumps(again.outputs, sort_keys=True):
            yield notebook.problem(author, "Its output differs between two runs: set a seed, sort, or leave it out.")


def numbers_not_shown(notebook: Notebook, run: NotebookNode) -> Iterator[Problem]:
    """Numbers that the text states and nothing in the notebook shows: what an author forgets when the data changes.

    A number up to SMALL is taken for a count in words; one that comes from elsewhere, such as a year or a source's result,
    is listed in the front matter under `facts`.
    """
    shown = {float(fact) for fact in notebook.front.get("facts") or []}
    for cell in run.cells:
        if cell.cell_type == "code":
            shown |= set(numbers_in(cell.source.replace("_", "")))
            for output in cell.outputs:
                for text in [output.get("text", ""), *output.get("data", {}).values()]:
                    shown |= set(numbers_in(re.sub(r"base64,[A-Za-z0-9+/=]+|<[^>]*style=[^>]*>", "", str(text))))
    for cell in notebook.markdown:
        if cell.written:
            continue
        prose = re.sub(
            r"```.*?```|`[^`]*`|\]\([^)]*\)|<[^>]+>", lambda cut: re.sub(r"[^\n]", " ", cut[0]), cell.source, flags=re.DOTALL
        )
        for line, text in enumerate(prose.splitlines()):
            for number in numbers_in(text):
                if number > SMALL and not {number, round(number / 100, 6)} & shown:
                    told = f"It states {number:.12g}, which nothing in this notebook shows."
                    hint = "A fact from elsewhere? List it in the front matter: facts: [...]"
                    yield Problem(notebook.path, cell.line + line, f"{told} ({hint})")


def numbers_in(text: str) -> Iterator[float]:
    """The numbers in a text, without their signs; 1,000 is a thousand, and W109 or 3x are no numbers."""
    for found in re.findall(r"(?<![\w.])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\w)|(?<![\w.])\d+(?:\.\d+)?(?!\w)", text):
        yield float(found.replace(",", ""))


def broken_without_answers(notebook: Notebook, blank: NotebookNode) -> Iterator[Problem]:
    """Which cells, but tasks and checks, fail in the trainee's notebook when nothing has been answered."""
    for position, cell in enumerate(blank.cells):
        author = author_cell(notebook, position)
        if cell.cell_type == "code" and not (author.task or author.check):
            for error in _errors(cell):
                yield notebook.problem(author, f"It fails while exercises before it are unanswered: {error}")


def _errors(cell: NotebookNode) -> list[str]:
    return [f"{output.ename}: {output.evalue}" for output in cell.outputs if output.output_type == "error"]


def _broken(cell: NotebookNode) -> Iterator[str]:
    for error in _errors(cell):
        yield f"It raises {error}"
    for output in cell.outputs:
        if output.output_type == "stream" and output.name == "stderr":
            yield f"It writes to stderr: {output.text.strip().splitlines()[-1]}"
        data = output.get("data", {})
        texts = [text for kind, text in data.items() if kind.startswith("text/")]
        for text in [*texts, output.get("text", "")]:
            without_pictures = re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
            for pattern, what in NOT_REPRODUCIBLE.items():
                found = re.search(pattern, without_pictures)
                if found:
                    yield f"Its output holds {what}, {found[0]!r}, which is another on the next machine."
        yield from _undescribed(data)


def _undescribed(data: dict) -> Iterator[str]:
    """Pictures without a text alternative, or with one that would not stand in for them."""
    if any(kind in data for kind in PICTURES):
        yield "A figure without a text alternative: end the cell in describe(fig, ...)."
    for image in re.findall(r"<img\b[^>]*>", data.get("text/html", "")):
        text = re.search(r'\balt="([^"]*)"', image)
        missing = what_is_missing(html.unescape(text[1])) if text else ["everything"]
        if missing:
            yield f"A figure's text alternative lacks {'; '.join(missing)}."
