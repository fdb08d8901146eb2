"""A lesson to be read: the trainee's notebook, with what the author's own cells give when they are run.

What is read of the notebook with answers is the output of cells that are neither a task nor a check. Everything else,
stubs, visible checks and hints, is the trainee's notebook: what is not in it cannot get onto a page.
"""

from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_markdown_cell

CODE, CHECK = "The code", "The check of exercise {}"
WRITTEN = "*Here you write your answer, in words. A person marks it.*"


class OutOfStep(Exception):
    """The trainee's notebook and the one with answers were not made from the same text."""


def page(notebook: NotebookNode, answered: NotebookNode, launch: str = "") -> NotebookNode:
    """The trainee's `notebook` as a page, with the outputs of the notebook with answers, `answered`.

    `launch` is Markdown that goes below the title. Raises OutOfStep where the two are not cells of the same text.
    """
    if [cell.id for cell in notebook.cells] != [cell.id for cell in answered.cells]:
        raise OutOfStep
    cells = [_cell(cell, other) for cell, other in zip(notebook.cells, answered.cells, strict=True)]
    title, _, rest = cells[0].source.partition("\n")
    cells[0].source = f"{title}\n\n{launch}\n{rest}"
    metadata = {key: notebook.metadata[key] for key in ("kernelspec", "language_info")}
    return from_dict({**notebook, "cells": cells, "metadata": metadata})


def _cell(cell: NotebookNode, answered: NotebookNode) -> NotebookNode:
    kept, metadata = cell.metadata, {}
    if cell.cell_type == "markdown":
        return new_markdown_cell(WRITTEN if "written" in kept else cell.source, id=cell.id)
    if "check" in kept:
        metadata = _folded(CHECK.format(kept.exercise))
    elif kept.get("jupyter", {}).get("source_hidden"):
        metadata = _folded(CODE)
    outputs = [] if "task" in kept or "check" in kept else answered.outputs
    return from_dict({**cell, "metadata": metadata, "outputs": outputs})


def _folded(words: str) -> dict:
    return {"tags": ["hide-input"], "mystnb": {"code_prompt_show": words}}
