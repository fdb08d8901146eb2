"""A course in miniature, built by the real nbclient and nbgrader: what comes out, and what is built again when."""

import shutil
from dataclasses import astuple
from pathlib import Path

import nbformat
import pytest

from course.builder.build import Builder, check
from course.builder.problem import BuildError
from course.builder.stamps import MADE, facts_if_nothing_changed, files
from tests.conftest import edit, lay_miniature


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    root = lay_miniature(tmp_path_factory.mktemp("course"))
    Builder(root).build()
    return root


@pytest.fixture
def course(built, tmp_path) -> Path:
    """A copy of the built course, to be changed."""
    return Path(shutil.copytree(built, tmp_path / "course"))


def read(root: Path, made: str, name: str = "queues") -> nbformat.NotebookNode:
    return nbformat.read(root / made / "07-queues" / f"{name}.ipynb", as_version=4)


def cell(notebook: nbformat.NotebookNode, id: str) -> nbformat.NotebookNode:
    return next(cell for cell in notebook.cells if cell.id == id)


def text_of(notebook: nbformat.NotebookNode) -> str:
    return "\n".join(cell.source for cell in notebook.cells)


def tree(root: Path) -> dict[str, bytes]:
    made = (path for name in MADE for path in files(root / name))
    return {str(path.relative_to(root)): path.read_bytes() for path in made}


def test_the_solution_was_run_and_holds_the_answer(built):
    notebook = read(built, "solutions")
    assert "return (waits < promise).mean()" in cell(notebook, "promise-kept").source
    assert cell(notebook, "promise-kept-check").outputs[0].text == (
        "Right: a share, between 0 and 1\nRight: any promise works\nExercise 1 passes: 2 practice points.\n"
    )


def test_the_trainee_gets_the_stub_with_its_docstring_and_no_answer(built):
    notebook = read(built, "notebooks")
    stub = cell(notebook, "promise-kept").source
    assert stub.startswith("# Exercise 1: your answer\n")
    assert '"""Share of people (0 to 1)' in stub
    assert "# YOUR CODE HERE" in stub
    assert "NotImplementedError" in stub
    assert "mean()" not in stub
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")


def test_hidden_checks_and_model_answers_stay_with_the_mentor(built):
    solution, trainee = (text_of(read(built, made, "queues-assessment")) for made in ("solutions", "notebooks"))
    for secret in ("Nobody came, so nobody waited", 'number == "share"', "Two of the eight people who came"):
        assert secret in solution
        assert secret not in trainee
    assert "YOUR ANSWER HERE" in trainee


def test_what_follows_from_the_front_matter_is_written_into_the_notebook(built):
    notebook = read(built, "notebooks")
    glance = notebook.cells[1].source
    assert "about 15 minutes: 10 to read and run, 5 for exercises" in glance
    assert "nobody has been timed" in glance
    assert "turn a promise into a share of people (K8, S6)" in glance
    assert notebook.metadata.title == "How long is the queue?"
    assert notebook.metadata.outcomes["share"]["codes"] == ["K8", "S6"]
    assert "[How long is the queue?](queues.ipynb)" in text_of(read(built, "notebooks", "queues-assessment"))


def test_exercises_are_numbered_and_show_their_marks_and_outcome(built):
    text = text_of(read(built, "notebooks", "queues-assessment"))
    assert "## Exercise 1: who waited longest\n\n*3 marks. Outcome: say what a median hides.*" in text
    assert "## Exercise 3: one sentence" in text
    lesson = text_of(read(built, "notebooks"))
    assert "## Exercise 1: the promise, as a share\n\n*2 practice points." in lesson
    check = cell(read(built, "notebooks", "queues-assessment"), "longest-wait-check")
    assert (check.metadata.outcome, check.metadata.exercise) == ("middle", 1)


def test_code_in_a_hint_is_html_because_markdown_is_not_read_there(built):
    assert "What is the <code>mean()</code> of <code>waits &lt; promise</code>?" in text_of(read(built, "notebooks"))


def test_cells_carry_nbgraders_metadata(built):
    notebook = read(built, "notebooks", "queues-assessment")
    flags = {id: cell(notebook, id).metadata.nbgrader for id in ("longest-wait", "longest-wait-check", "sentence")}
    assert [(f.grade, f.solution, f.locked, f.get("points")) for f in flags.values()] == [
        (False, True, False, None),
        (True, False, True, 3),
        (True, True, False, 2),
    ]


def test_a_check_is_folded_for_trainees_to_a_line_that_says_what_it_is(built):
    check = cell(read(built, "notebooks"), "promise-kept-check")
    assert check.source.startswith("# Exercise 1: run this cell to check your answer\nexpect(")
    assert check.metadata.jupyter.source_hidden
    assert not cell(read(built, "notebooks"), "promise-kept").metadata.get("jupyter")


def test_run_all_goes_on_behind_tasks_and_checks_in_the_trainees_notebook_alone(built):
    tagged = [c.id for c in read(built, "notebooks").cells if "raises-exception" in c.metadata.get("tags", [])]
    assert tagged == ["promise-kept", "promise-kept-check"]
    assert not any(c.metadata.get("tags") for c in read(built, "solutions").cells)


def test_a_figure_is_an_image_with_its_text_alternative(built):
    outputs = [o for c in read(built, "solutions").cells if c.cell_type == "code" for o in c.outputs if "data" in o]
    (figure,) = [o.data for o in outputs if "<img" in o.data.get("text/html", "")]
    alternative = "Histogram of 8 waits: most are short, and two are over an hour."
    assert figure["text/html"].startswith(f'<img alt="{alternative}"')
    assert figure["text/plain"] == f"Figure: {alternative}"


def test_the_map_lists_every_unit_with_the_minutes_of_those_that_are_written(built):
    for made in ("solutions", "notebooks"):
        assert (built / made / "00-look" / "units.csv").read_text() == (
            "unit,title,question,weeks,lesson_minutes,assessment_minutes,ready\n"
            "0,Look,What is there?,1,1,0,True\n7,Queues,Who waits?,after,15,15,True\n8,Later,What then?,after,,,False\n"
        )


def test_the_glossary_is_made_from_the_new_words(built):
    line = "**median**: the value in the middle when all are put in order. [How long is the queue?](07-queues/queues.ipynb)"
    assert line in (built / "notebooks" / "glossary.md").read_text()


def test_building_again_elsewhere_gives_the_same_bytes(built, tmp_path):
    Builder(lay_miniature(tmp_path)).build()
    assert tree(tmp_path) == tree(built)
    assert check(built) == []


def test_the_closing_table_counts_what_is_there(built):
    facts = {one.notebook: one for one in facts_if_nothing_changed(built)}
    assert (facts["queues"].tasks, facts["queues"].practice, facts["queues"].marks) == (1, 2, 0)
    assert (facts["queues-assessment"].tasks, facts["queues-assessment"].marks) == (3, 6)
    assert all(one.seconds > 0 and one.peak_mb > 20 and 0 < one.readability < 20 for one in facts.values())


def test_nothing_changed_is_seen_without_running_anything(course):
    before = tree(course)
    assert [one.built for one in facts_if_nothing_changed(course)] == [False] * 3
    assert tree(course) == before


def test_only_the_unit_that_changed_is_built_again(course):
    edit(course / "course" / "units" / "07-queues" / "queues.md", "Half of them waited", "Half of these people waited")
    assert facts_if_nothing_changed(course) is None
    facts = Builder(course).build()
    assert {one.unit: one.built for one in facts} == {"00-look": False, "07-queues": True}
    assert "Half of these people waited" in text_of(read(course, "notebooks"))
    assert [astuple(a) for a in facts_if_nothing_changed(course)] == [(*astuple(a)[:-1], False) for a in facts]


def test_a_made_file_edited_by_hand_is_made_again(course):
    path = course / "notebooks" / "07-queues" / "queues.ipynb"
    edit(path, "YOUR CODE HERE", "MY CODE HERE")
    Builder(course).build(["07-queues"])
    assert "YOUR CODE HERE" in path.read_text()


def test_the_mentors_pages_on_the_data_are_made_and_are_no_reason_to_make_the_data_again(course):
    pages = course / "course" / "town" / "mentor"
    assert sorted(path.name for path in pages.iterdir()) == [
        "README.md",
        "eastmere-defects.csv",
        "eastmere-truth.csv",
        "wexmoor-defects.csv",
        "wexmoor-truth.csv",
    ]
    before = (course / "data" / "datapackage.json").stat().st_mtime_ns
    Builder(course).build()
    assert (course / "data" / "datapackage.json").stat().st_mtime_ns == before


def test_a_mentors_page_edited_by_hand_is_noticed_and_made_again(course):
    page = course / "course" / "town" / "mentor" / "wexmoor-defects.csv"
    was = page.read_bytes()
    page.write_bytes(was + b"one more\n")
    assert facts_if_nothing_changed(course) is None
    Builder(course).build(["data"])
    assert page.read_bytes() == was


def test_a_change_of_the_town_s_code_makes_the_data_again(course):
    before = (course / "data" / "datapackage.json").stat().st_mtime_ns
    town = course / "course" / "town" / "survey.py"
    town.write_text(town.read_text() + "# changed\n")
    assert facts_if_nothing_changed(course) is None
    Builder(course).build(["data"])
    assert (course / "data" / "datapackage.json").stat().st_mtime_ns > before


def test_a_broken_rule_leaves_what_is_built_alone(course):
    before = tree(course)
    edit(course / "course" / "units" / "07-queues" / "queues.md", ":outcome: share", ":outcome: none")
    with pytest.raises(BuildError, match=r"queues.md:\d+: Unknown outcome"):
        Builder(course).build()
    assert tree(course) == before


def test_the_folder_of_a_unit_that_has_gone_goes_too(course):
    shutil.rmtree(course / "course" / "units" / "07-queues")
    Builder(course).build()
    assert not (course / "notebooks" / "07-queues").exists()
    assert not (course / "solutions" / "07-queues").exists()


def test_a_word_is_new_only_once(course):
    path = course / "course" / "units" / "00-look" / "look.md"
    edit(path, "The units stand in a table.", "The units stand in a table, and a **median** is a middle.")
    edit(path, "**New words** none.", "**New words** median: a middle.")
    with pytest.raises(BuildError, match='"median" is not new here: look.md defines it'):
        Builder(course).build()


def test_a_unit_that_does_not_exist_is_named_with_those_that_do(course):
    with pytest.raises(BuildError, match='No unit is called "12".*00-look, 07-queues'):
        Builder(course).build(["12"])


def test_a_unit_that_is_not_in_the_sequence_is_refused(course):
    edit(course / "course" / "units" / "pathway.yaml", "07-queues", "07-lines")
    with pytest.raises(BuildError, match="07-queues is not in the sequence"):
        Builder(course).build()


def test_tables_and_pages_of_a_unit_lie_beside_its_notebooks(course):
    unit = course / "course" / "units" / "07-queues"
    (unit / "desks.csv").write_text("desk,open\nA,1\n", encoding="utf-8")
    (unit / "phrases.md").write_text("# Phrases\n", encoding="utf-8")
    Builder(course).build()
    for made in ("solutions", "notebooks"):
        names = {path.name for path in (course / made / "07-queues").iterdir() if path.suffix != ".ipynb"}
        assert names == {"desks.csv", "phrases.md"}
        assert (course / made / "07-queues" / "desks.csv").read_text(encoding="utf-8") == "desk,open\nA,1\n"
