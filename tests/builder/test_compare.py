"""What `pathway build --check` sees, and what it refuses in the trainee's notebooks."""

import json
from pathlib import Path

import pytest

from course.builder.compare import answers_given_away, differences
from course.builder.source import read_unit

NOTEBOOK = {
    "cells": [
        {"id": "intro", "cell_type": "markdown", "metadata": {}, "source": "Hello"},
        {
            "id": "chart",
            "cell_type": "code",
            "metadata": {},
            "execution_count": 1,
            "source": "draw()",
            "outputs": [
                {
                    "output_type": "display_data",
                    "metadata": {},
                    "data": {"text/html": '<img alt="A bar chart." src="data:image/png;base64,iVBORw0KGgo=">'},
                }
            ],
        },
    ],
    "metadata": {"title": "Hello"},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture
def trees(tmp_path) -> tuple[Path, Path]:
    for name in ("made", "notebooks"):
        (tmp_path / name / "01-one").mkdir(parents=True)
        (tmp_path / name / "01-one" / "one.ipynb").write_text(json.dumps(NOTEBOOK, indent=1))
        (tmp_path / name / "glossary.md").write_text("# Glossary\n")
    return tmp_path / "made", tmp_path / "notebooks"


def edit(tree: Path, old: str, new: str) -> None:
    path = tree / "01-one" / "one.ipynb"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_equal_trees_do_not_differ(trees):
    assert list(differences(*trees)) == []


def test_the_bytes_of_a_picture_do_not_count(trees):
    edit(trees[1], "iVBORw0KGgo=", "AAAABBBB")
    assert list(differences(*trees)) == []


def test_the_bytes_of_a_picture_in_a_file_of_its_own_do_not_count_but_that_it_is_there_does(trees):
    for tree, content in zip(trees, (b"one", b"other"), strict=True):
        (tree / "map.png").write_bytes(content)
    assert list(differences(*trees)) == []
    (trees[0] / "map.png").unlink()
    assert list(differences(*trees)) == ["notebooks/map.png: is there, and nothing makes it"]


def test_the_files_are_named_as_the_caller_calls_their_folder(trees):
    (trees[1] / "glossary.md").unlink()
    told = ["course/town/mentor/glossary.md: is not there, and the text makes it"]
    assert list(differences(*trees, Path("course/town/mentor"))) == told


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("A bar chart.", "A line chart.", "notebooks/01-one/one.ipynb: cell 2 (chart) differs in its outputs"),
        ("Hello", "Bye", "notebooks/01-one/one.ipynb: cell 1 (intro) differs in its source"),
        (
            '"execution_count": 1',
            '"execution_count": 2',
            "notebooks/01-one/one.ipynb: cell 2 (chart) differs in its execution_count",
        ),
        ('"title": "Hello"', '"title": "Bye"', "notebooks/01-one/one.ipynb: its metadata differs"),
        (
            '\n "metadata"',
            '\n  "metadata"',
            "notebooks/01-one/one.ipynb: is written differently (was it edited by hand?)",
        ),
        ("{", "", "notebooks/01-one/one.ipynb: is not a notebook"),
    ],
)
def test_what_differs_is_named_with_its_cell(trees, old, new, told):
    edit(trees[1], old, new)
    assert told in list(differences(*trees))


def test_a_cell_that_was_added_is_counted(trees):
    notebook = json.loads(json.dumps(NOTEBOOK))
    notebook["cells"].append(notebook["cells"][0])
    (trees[1] / "01-one" / "one.ipynb").write_text(json.dumps(notebook, indent=1))
    assert list(differences(*trees)) == ["notebooks/01-one/one.ipynb: has 3 cells, and the text makes 2"]


def test_files_too_few_too_many_and_changed_are_named(trees):
    made, committed = trees
    (committed / "extra.csv").write_text("1\n")
    (committed / "glossary.md").write_text("# Words\n")
    (committed / "01-one" / "one.ipynb").unlink()
    assert list(differences(made, committed)) == [
        "notebooks/01-one/one.ipynb: is not there, and the text makes it",
        "notebooks/extra.csv: is there, and nothing makes it",
        "notebooks/glossary.md: differs",
    ]


def trainee_notebook(folder: Path, source: str) -> Path:
    folder.mkdir()
    notebook = {
        **NOTEBOOK,
        "cells": [{"id": "a", "cell_type": "code", "metadata": {}, "source": source, "outputs": []}],
    }
    (folder / "queues.ipynb").write_text(json.dumps(notebook))
    return folder


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "def mine(waits, promise):\n        return (waits < promise).mean()",
            'gives the answer of "promise-kept" away',
        ),
        ('number = "share"', 'gives the answer of "which-number" away'),
        ('expect(number == "share", "Who is a promise made to?")', 'gives a hidden check of "which-number" away'),
        ("Two of the eight people who came waited more than an hour.", 'gives the model answer of "sentence" away'),
        ("### BEGIN HIDDEN TESTS", "holds the marker BEGIN HIDDEN TESTS"),
        ("### END SOLUTION", "holds the marker END SOLUTION"),
    ],
)
def test_an_answer_in_a_trainees_notebook_is_refused(queues, tmp_path, source, told):
    folder = trainee_notebook(tmp_path / "notebooks", f"import this\n{source}\nprint(1)")
    assert list(answers_given_away(read_unit(queues), folder)) == [f"notebooks/queues.ipynb: {told}"]


def test_an_answer_in_another_file_beside_it_is_refused_too(queues, tmp_path):
    folder = trainee_notebook(tmp_path / "notebooks", "import this")
    (folder / "notes.txt").write_text('number = "share"\n')
    assert list(answers_given_away(read_unit(queues), folder)) == [
        'notebooks/notes.txt: gives the answer of "which-number" away'
    ]


def test_a_stub_gives_nothing_away(queues, tmp_path):
    folder = trainee_notebook(tmp_path / "notebooks", '# number: "mean", "median" or "share"\nraise NotImplementedError()')
    assert list(answers_given_away(read_unit(queues), folder)) == []
