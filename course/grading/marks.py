"""What a check cell earns from its outputs: nbgrader's own rule, but for two cases in which it is unfair."""

from nbformat import NotebookNode, from_dict
from nbgrader.utils import determine_grade


def marks(cell: NotebookNode) -> float:
    """The points that a check cell (nbgrader's metadata, and the outputs of its run) earns, 0 to its maximum.

    As nbgrader has it: none when there is an error among the outputs; a number as the cell's result is partial credit; all
    points otherwise. The two exceptions: what is written to stderr, as libraries' warnings are, costs nothing, and partial
    credit beyond the maximum is the maximum (nbgrader ends there with an error, and grades no further submission).

    Raises ValueError for a cell that is not graded by its outputs: one without points, or a written answer.
    """
    grader = cell.metadata.get("nbgrader", {})
    if cell.cell_type != "code" or not grader.get("grade") or grader.get("solution"):
        raise ValueError("this cell is not graded by its outputs")
    judged = from_dict({**cell, "outputs": [output for output in cell.outputs if not _is_stderr(output)]})
    try:
        earned, _ = determine_grade(judged)
    except (ValueError, KeyError):  # more than the maximum; a result that has no text
        return float(grader["points"])
    return earned


def _is_stderr(output: NotebookNode) -> bool:
    return output.output_type == "stream" and output.name == "stderr"
