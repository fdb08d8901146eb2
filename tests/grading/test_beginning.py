"""What all submissions of a notebook begin with is run once, and no submission has a hand in it: in real bubblewrap."""

import json
from collections.abc import Iterator
from dataclasses import replace

import nbformat
import pytest

from course.grading.cohort import Cohort
from course.grading.repair import repair
from course.grading.results import GradedNotebook
from course.grading.run import LIMITS, Grader
from course.grading.template import Template, templates
from tests.grading.small_unit import LESSON, UNIT, answered, new_cohort

TOKEN = "import secrets\nimport shapely\ntoken = secrets.token_hex(8)\nprint(token, shapely.__file__)"
RIGHT = {"promise-kept": "def kept(waits, promise):\n    return (waits < promise).mean()"}
POISON = "__file__ = 'poisoned'\nimport builtins\nbuiltins.len = lambda of: 0\n"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Cohort:
    return new_cohort(tmp_path_factory.mktemp("begun"))


@pytest.fixture(scope="module")
def template(cohort) -> Template:
    with cohort.gradebook() as gradebook:
        return templates(cohort.release, UNIT, gradebook)[LESSON]


@pytest.fixture(scope="module")
def grader(cohort) -> Iterator[Grader]:
    with Grader(cohort.data, LIMITS) as made:
        yield made


def beginning_with(template: Template, source: str) -> Template:
    """The template with another source in its first code cell."""
    notebook = nbformat.from_dict(json.loads(json.dumps(template.notebook)))
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first.source = f"{first.source}\n{source}"
    return replace(template, notebook=notebook)


def grade(cohort, template, grader, own: str = "", files: dict[str, bytes] | None = None) -> GradedNotebook:
    """Grade right answers; `own` is a cell of the trainee's before the first exercise."""
    notebook = nbformat.reads(answered(cohort, LESSON, RIGHT), as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    code[0].source = next(cell.source for cell in template.notebook.cells if cell.cell_type == "code")
    if own:
        notebook.cells.insert(notebook.cells.index(code[0]) + 1, nbformat.v4.new_code_cell(own))
    return grader.grade(repair(nbformat.writes(notebook), template), template, files)


def outputs(graded: GradedNotebook, word: str) -> str:
    """All that the first cell with `word` in it put out."""
    cells = json.loads(graded.text)["cells"]
    cell = next(cell for cell in cells if cell["cell_type"] == "code" and word in "".join(cell["source"]))
    return "".join(line for output in cell["outputs"] for line in output.get("text", []))


def earned(graded: GradedNotebook) -> float:
    return sum(check.earned for check in graded.checks.values())


def test_the_template_knows_its_beginning_and_what_it_imports(template):
    assert len(template.beginning) == 2
    assert "waits_min.median()" in template.beginning[0]
    assert {"matplotlib.pyplot", "pandas", "course"} <= set(template.imports)
    assert not [name for name in template.imports if name.startswith("course.checks")]


def test_it_is_run_once_for_all_that_begin_as_released(cohort, template, grader):
    begun = beginning_with(template, TOKEN)
    first, second = (grade(cohort, begun, grader) for _ in range(2))
    assert len(outputs(first, "token_hex").split()[0]) == 16
    assert outputs(first, "token_hex") == outputs(second, "token_hex")
    assert earned(first) == earned(second) == 2
    counts = [cell["execution_count"] for cell in json.loads(second.text)["cells"] if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))


def test_a_notebook_with_a_cell_of_its_own_in_it_runs_from_its_first_cell(cohort, template, grader):
    begun = beginning_with(template, TOKEN)
    shared, other = grade(cohort, begun, grader), grade(cohort, begun, grader, own="token = 'mine'\nwaits_min.max()")
    assert outputs(other, "token_hex") != outputs(shared, "token_hex")
    assert earned(other) == 2


def test_a_module_that_a_trainee_hands_in_is_not_imported_in_it(cohort, template, grader):
    begun = beginning_with(template, f"{TOKEN}\n# for this test alone")
    for files in ({"shapely.py": POISON.encode()}, {}):
        graded = grade(cohort, begun, grader, files=files)
        assert outputs(graded, "token_hex").split()[1].endswith("shapely/__init__.py")
        assert earned(graded) == 2


def test_cells_that_write_a_file_are_run_for_each(cohort, template, grader):
    begun = beginning_with(template, "import os\nprint(sorted(os.listdir()))\nopen('kept.txt', 'w').close()")
    for _ in range(2):
        graded = grade(cohort, begun, grader)
        assert outputs(graded, "listdir") == "[]\n"
        assert earned(graded) == 2
