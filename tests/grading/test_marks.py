"""What a check earns: what nbgrader itself gives, but for two cases."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course.builder.execute import run
from course.grading.marks import marks
from tests.cohort import Cohort
from tests.conftest import ROOT

POINTS = 3
# Checks that end in every way in which nbgrader tells credit from none, and what they earn.
CHECKS = {
    "nothing": ("pass", 3),
    "printed": ("print('all right')", 3),
    "error": ("assert 1 == 2, 'no'", 0),
    "printed-then-error": ("print('so far')\nraise ValueError", 0),
    "partial": ("2", 2),
    "partial-half": ("0.5", 0.5),
    "partial-none": ("0", 0),
    "partial-all": ("3.0", 3),
    "below-zero": ("-1", 3),
    "not-a-number": ("float('nan')", 3),
    "words": ("'well done'", 3),
    "a-list": ("[1, 2]", 3),
    "true": ("True", 3),
    "a-table": ("import pandas as pd\npd.DataFrame({'a': [1]})", 3),
    "number-of-numpy": ("import numpy as np\nprint(1)\nnp.float64(1.5)", 3),
    "shown-and-a-number": ("display('x')\n1", 1),
    "syntax": ("this is not Python", 0),
}


def check_cell(name: str, source: str):
    grader = {"grade": True, "locked": True, "solution": False, "task": False, "points": POINTS}
    grader |= {"grade_id": name, "schema_version": 3, "cell_type": "code"}
    return new_code_cell(source, metadata={"nbgrader": grader}, id=name)


@pytest.fixture(scope="module")
def notebook():
    cells = [check_cell(name, source) for name, (source, _) in CHECKS.items()]
    notebook = new_notebook(cells=[new_markdown_cell("Checks.", id="first"), *cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return notebook


def test_a_check_earns_what_nbgrader_gives(notebook, tmp_path):
    cohort = Cohort(tmp_path, "checks", {"checks": notebook})
    cohort.submit("trainee", "checks", cohort.released("checks"))
    given = cohort.autograde()["trainee"]
    ran = nbformat.reads(run(nbformat.writes(notebook), tmp_path, ROOT / "data", 0, 60).notebook, as_version=4)
    ours = {("checks", cell.id): marks(cell) for cell in ran.cells if cell.cell_type == "code"}
    assert ours == given
    assert ours == {("checks", name): points for name, (_, points) in CHECKS.items()}


@pytest.mark.parametrize(
    ("outputs", "earned"),
    [
        ([new_output("stream", name="stderr", text="FutureWarning: this will change")], POINTS),
        (
            [new_output("stream", name="stderr", text="a warning"), new_output("error", ename="E", evalue="", traceback=[])],
            0,
        ),
        ([new_output("execute_result", {"text/plain": "7"}, execution_count=1)], POINTS),
        ([new_output("execute_result", {"text/html": "<b>7</b>"}, execution_count=1)], POINTS),
    ],
    ids=["a warning costs nothing", "an error beside a warning", "more than there is", "no text"],
)
def test_where_nbgrader_is_unfair_or_fails_ours_is_fair(outputs, earned):
    cell = check_cell("one", "pass")
    cell.outputs = outputs
    assert marks(cell) == earned
    assert cell.outputs == outputs


@pytest.mark.parametrize("cell", [new_code_cell("1"), new_markdown_cell("an essay", metadata={"nbgrader": {"grade": True}})])
def test_only_checks_are_graded_by_their_outputs(cell):
    with pytest.raises(ValueError, match="not graded by its outputs"):
        marks(cell)


def test_a_written_answer_is_not_graded_by_its_outputs():
    cell = check_cell("essay", "pass")
    cell.metadata.nbgrader.solution = True
    with pytest.raises(ValueError, match="not graded by its outputs"):
        marks(cell)
