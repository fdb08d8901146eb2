"""What a check cell earns from its outputs, and what it tells the trainee."""

from collections.abc import Sequence

from nbconvert.filters import strip_ansi
from nbformat import NotebookNode, from_dict
from nbgrader.utils import determine_grade

from course.checks import NOT_YET
from course.text import one_line


def marks(cell: NotebookNode) -> float:
    """The points that a check cell (nbgrader's metadata, and the outputs of its run) earns, 0 to its maximum.

    nbgrader's own rule, but for two cases in which it is unfair. As nbgrader has it: none when there is an error among the
    outputs; a number as the cell's result is partial credit; all points otherwise. The two exceptions: what is written to
    stderr, as libraries' warnings are, costs nothing, and partial credit beyond the maximum is the maximum (nbgrader ends
    there with an error, and grades no further submission).

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


def told(outputs: Sequence[dict]) -> str:
    """What a trainee reads of a check that does not pass, in one line, from its outputs; "" of one that does."""
    for output in outputs:
        if output["output_type"] == "error":
            _, not_yet, words = strip_ansi("\n".join(output["traceback"])).partition(NOT_YET)
            return one_line(words if not_yet else f"{output['ename']}: {output['evalue']}")
    return ""


def _is_stderr(output: NotebookNode) -> bool:
    return output.output_type == "stream" and output.name == "stderr"
