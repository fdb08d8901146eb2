"""Whatever happened to a notebook on its way, what is graded is the unit's own, with the trainee's answers in it."""

import json
import os
import pickle
import random
import time
from copy import deepcopy

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell
from nbgrader.nbgraderformat import MetadataValidator

from course.grading.repair import MOST_CELLS, Unreadable, read, repair, repair_notebook
from course.grading.template import Template
from tests.conftest import ROOT

UNIT = "01-what-is-data-science"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*/*.ipynb"))
ANSWERED = "# Exercise {number}: your answer\nx = {number}"
NONSENSE = [None, 3, "x", [], ["a"], {"data": 1}, [{"output_type": "stream"}], [{"output_type": 7, "text": None}]]
ODD_METADATA = [
    {},
    None,
    "x",
    [],
    {"nbgrader": "x"},
    {"nbgrader": {"grade_id": ["a"]}},
    {"nbgrader": {"grade_id": {}, "points": "all"}},
    {"nbgrader": None, "tags": 5},
]


def template_of(unit: str, name: str) -> Template:
    """What a cohort's gradebook holds after a release, made from the two trees of the checkout."""
    released = nbformat.read(ROOT / "notebooks" / unit / f"{name}.ipynb", as_version=4)
    whole = {cell.id: cell for cell in nbformat.read(ROOT / "solutions" / unit / f"{name}.ipynb", as_version=4).cells}
    visible = {}
    for cell in released.cells:
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade"):
            visible[cell.metadata.nbgrader.grade_id] = cell.source
            cell.source = whole[cell.id].source
    return Template(unit, name, released, visible)


@pytest.fixture(scope="module")
def assessment() -> Template:
    return template_of(UNIT, "data-science-assessment")


def released(template: Template) -> dict:
    """The notebook as a trainee gets it, as plain JSON."""
    notebook = json.loads((ROOT / "notebooks" / template.unit / f"{template.name}.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def cell_of(notebook: dict, id: str) -> dict:
    return next(cell for cell in notebook["cells"] if cell.get("id") == id)


def without(notebook: dict, *ids: str) -> None:
    notebook["cells"] = [cell for cell in notebook["cells"] if cell.get("id") not in ids]


def mended(notebook: dict, template: Template):
    """The repaired notebook, which is valid, has the unit's cells once and in order, and is right as it is."""
    done = repair(json.dumps(notebook), template)
    nbformat.validate(done.notebook)
    MetadataValidator().validate_nb(done.notebook)
    own = {cell.id for cell in template.notebook.cells}
    kept = [cell for cell in done.notebook.cells if cell.id in own]
    assert len(done.kinds) == len(done.notebook.cells)
    assert [cell.id for cell in kept] == [cell.id for cell in template.notebook.cells]
    for cell, wanted, kind in zip(kept, template.notebook.cells, template.kinds, strict=True):
        assert (cell.cell_type, cell.metadata) == (wanted.cell_type, wanted.metadata)
        assert kind in ("answer", "written") or cell == wanted
    assert [kind for cell, kind in zip(done.notebook.cells, done.kinds, strict=True) if cell.id in own] == [*template.kinds]
    assert {kind for cell, kind in zip(done.notebook.cells, done.kinds, strict=True) if cell.id not in own} <= {
        "extra",
        "text",
    }
    again = repair_notebook(deepcopy(done.notebook), template)
    assert again == type(done)(done.notebook, done.kinds, done.answered, ())
    return done


def source(done, id: str) -> str:
    return next(cell.source for cell in done.notebook.cells if cell.id == id)


def extras(done) -> list[str]:
    return [cell.source for cell, kind in zip(done.notebook.cells, done.kinds, strict=True) if kind == "extra"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_as_released_needs_no_repair(path):
    template = template_of(path.parent.name, path.stem)
    done = repair(path.read_bytes(), template)
    assert done.repairs == ()
    assert done.notebook == template.notebook
    assert not any(done.answered.values())
    assert pickle.loads(pickle.dumps(template)) == template


def damage(rng: random.Random, notebook: dict, template: Template, answers: dict[str, str]) -> None:
    """Do a few things to a notebook that cost no answer: each of them happens in real hand-ins, or is an attack."""
    # Each cell, its kind ("copy" for one that was copied), and whether the trainee's work is in it.
    cells = [
        (cell, kind, kind in ("answer", "written") and cell["metadata"]["nbgrader"]["grade_id"] in answers)
        for cell, kind in zip(notebook["cells"], template.kinds, strict=True)
    ]
    # What has neither an id nor metadata nor a first line cannot be told from a cell in the place of one that is gone.
    are_lost = rng.random() < 0.5
    if not are_lost and rng.random() < 0.3:
        notebook["nbformat_minor"] = rng.randrange(5)
        for cell, _, _ in cells:
            del cell["id"]
    for _ in range(rng.randrange(12)):
        place = rng.randrange(len(cells))
        cell, kind, is_answered = cells[place]
        is_known = "id" in cell
        match rng.randrange(8):
            case 0 if kind in ("text", "author", "check") or (are_lost and kind != "copy" and not is_answered):
                del cells[place]
            case 1:
                copied = deepcopy(cell) | ({"id": f"copy-{rng.randrange(10**6)}"} if rng.random() < 0.5 else {})
                cells.insert(rng.randrange(len(cells) + 1), (copied, "copy", False))
            case 2:
                cells.insert(rng.randrange(len(cells) + 1), cells.pop(place))
            case 3 if is_known and kind != "copy":
                cell["metadata"] = rng.choice(ODD_METADATA)
            case 4 if (
                kind != "copy"
                and isinstance(cell["metadata"], dict)
                and "grade_id" in (cell["metadata"].get("nbgrader") or "")
            ):
                cell["id"] = rng.choice(["", None, 5, "no id!", "x" * 65, "\ud800"])
            case 5 if is_known and kind in ("text", "author", "check"):
                cell["source"] = rng.choice([["import os\n", "os", 5], "\0\ud83d", "# mine", "", None])
            case 6 if is_known and kind != "copy":
                cell["cell_type"] = rng.choice(["raw", "markdown", "code", "heading", None])
            case 7:
                cell["outputs"] = rng.choice(NONSENSE)
                cell["execution_count"] = rng.choice([-1, "three", None])
    notebook["cells"] = [cell for cell, _, _ in cells]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_any_damage_is_put_right_and_costs_no_answer(path):
    template = template_of(path.parent.name, path.stem)
    for seed in range(25):
        rng = random.Random(f"{path.stem}-{seed}")
        notebook = released(template)
        answers = {}
        for cell, kind in zip(notebook["cells"], template.kinds, strict=True):
            if kind in ("answer", "written") and rng.random() < 0.6:
                cell["source"] = "I would go." if kind == "written" else f"{cell['source'].splitlines()[0]}\nx = {seed}"
                answers[cell["metadata"]["nbgrader"]["grade_id"]] = cell["source"]
        damage(rng, notebook, template, answers)
        done = mended(notebook, template)
        found = {name: source(done, name) for name, answered in done.answered.items() if answered}
        assert found == answers, seed


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_whatever_a_notebook_says_of_itself_the_unit_prevails(path):
    template = template_of(path.parent.name, path.stem)
    sources = [cell.source for cell in template.notebook.cells] + list(template.visible.values())
    names = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in template.notebook.cells]
    for seed in range(10):
        rng = random.Random(f"swapped-{path.stem}-{seed}")
        notebook = released(template)
        for cell in rng.choices(notebook["cells"], k=rng.randrange(1, 30)):
            notebook["cells"].insert(rng.randrange(len(notebook["cells"])), deepcopy(cell))
        for cell in rng.choices(notebook["cells"], k=60):
            match rng.randrange(5):
                case 0:
                    cell["id"] = rng.choice(template.notebook.cells).id
                case 1:
                    cell["metadata"] = {"nbgrader": {"grade_id": rng.choice(names), "grade": True, "points": -1}}
                case 2:
                    cell["source"] = rng.choice(sources)
                case 3:
                    number = rng.randrange(1, 9)
                    lines = ["# Exercise {}: your answer", "# Exercise {}: run this cell to check your answer", "# {}"]
                    cell["source"] = rng.choice(lines).format(number) + f"\n{rng.randrange(3)}"
                case 4:
                    cell["cell_type"] = rng.choice(["raw", "markdown", "code"])
        rng.shuffle(notebook["cells"])
        mended(notebook, template)


def test_an_undamaged_notebook_keeps_its_answers_and_says_nothing(assessment):
    notebook = released(assessment)
    cell_of(notebook, "cards")["source"] = "# Exercise 1: your answer\ncards = {}"
    done = mended(notebook, assessment)
    assert done.repairs == ()
    assert done.answered["cards"]
    assert sum(done.answered.values()) == 1


def test_hidden_checks_come_from_the_template(assessment):
    done = mended(released(assessment), assessment)
    assert "BEGIN HIDDEN TESTS" in source(done, "cards-check")


def test_a_changed_check_is_restored_and_the_change_dropped(assessment):
    notebook = released(assessment)
    cell_of(notebook, "cards-check")["source"] = "# Exercise 1: run this cell to check your answer\npass"
    cell_of(notebook, "cards-check")["metadata"]["nbgrader"]["points"] = 400
    done = mended(notebook, assessment)
    assert extras(done) == []
    assert done.repairs == (
        "Exercise 1: the check was changed: it is as released again.",
        "Exercise 1: the check had other settings for marking: they are as released again.",
    )


def test_a_check_that_stands_twice_or_nowhere_stands_once(assessment):
    notebook = released(assessment)
    check = cell_of(notebook, "cards-check")
    notebook["cells"].append(check | {"id": "pasted", "source": "pass"})
    notebook["cells"].insert(0, {"cell_type": "code", "source": check["source"], "metadata": {}, "id": "typed"})
    without(notebook, "radii-check")
    done = mended(notebook, assessment)
    assert extras(done) == []
    assert done.repairs == (
        "Exercise 1: the check stood 3 times: the copies were left out.",
        "Exercise 4: the check was missing: it was put back.",
    )


def test_of_an_answer_that_stands_twice_the_one_that_was_answered_counts(assessment):
    notebook = released(assessment)
    answer = cell_of(notebook, "cards")
    place = notebook["cells"].index(answer)
    notebook["cells"].insert(place, answer | {"source": "cards = 1"})
    notebook["cells"].append(deepcopy(answer))
    done = mended(notebook, assessment)
    assert source(done, "cards") == "cards = 1"
    assert extras(done) == []
    assert "stood 3 times: the last one answered counts" in done.repairs[0]


def test_of_several_answers_the_last_counts_and_the_others_stay_before_it(assessment):
    notebook = released(assessment)
    answer = cell_of(notebook, "cards")
    place = notebook["cells"].index(answer)
    notebook["cells"][place : place + 1] = [answer | {"source": "first = 1"}, answer | {"source": "cards = first"}]
    done = mended(notebook, assessment)
    assert source(done, "cards") == "cards = first"
    assert extras(done) == ["first = 1"]
    assert done.notebook.cells[place].source == "first = 1"


def test_an_answer_without_metadata_is_found_by_its_id_or_its_first_line(assessment):
    notebook = released(assessment)
    cell_of(notebook, "cards").update(metadata={}, source="cards = 1")
    lost = cell_of(notebook, "radii")
    lost.update(metadata={}, source="\n# Exercise 4: your answer\nradii = max")
    del lost["id"]
    done = mended(notebook, assessment)
    assert source(done, "cards") == "cards = 1"
    assert source(done, "radii") == lost["source"]
    assert done.repairs == (
        "Exercise 1: the cell for the answer had lost its name in nbgrader: it has it again.",
        "Exercise 4: the cell for the answer was missing: the one that begins with its first line was taken for it.",
    )


def test_an_answer_typed_into_a_new_cell_counts_while_the_given_one_is_empty(assessment):
    notebook = released(assessment)
    notebook["cells"].append({"cell_type": "code", "id": "mine", "metadata": {}, "source": ANSWERED.format(number=1)})
    done = mended(notebook, assessment)
    assert source(done, "cards") == ANSWERED.format(number=1)
    assert extras(done) == []
    cell_of(notebook, "cards")["source"] = "cards = 5"
    done = mended(notebook, assessment)
    assert source(done, "cards") == "cards = 5"
    assert extras(done) == [ANSWERED.format(number=1)]


def test_an_answer_typed_into_a_cell_of_the_author_counts_while_the_given_one_is_empty(assessment):
    notebook = released(assessment)
    load = next(cell for cell in notebook["cells"] if cell["source"].startswith("import pandas"))
    load["source"] = ANSWERED.format(number=1)
    done = mended(notebook, assessment)
    assert source(done, "cards") == ANSWERED.format(number=1)
    assert extras(done) == []


def test_what_is_written_in_the_place_of_a_deleted_answer_is_the_answer(assessment):
    notebook = released(assessment)
    for id, kind, text in (("cards", "code", "cards = 7"), ("note", "markdown", "Take A, B and C.")):
        place = notebook["cells"].index(cell_of(notebook, id))
        new = [
            {"cell_type": kind, "source": "# a note" if kind == "code" else "A try."},
            {"cell_type": kind, "source": text},
        ]
        notebook["cells"][place : place + 1] = new
    done = mended(notebook, assessment)
    assert source(done, "cards") == "cards = 7"
    assert source(done, "note") == "Take A, B and C."
    assert extras(done) == ["# a note"]
    assert "the one that stands in its place was taken for it" in done.repairs[0]


def test_a_deleted_answer_comes_back_unanswered(assessment):
    notebook = released(assessment)
    without(notebook, "cards", "note")
    done = mended(notebook, assessment)
    assert not done.answered["cards"] and not done.answered["note"]
    assert done.repairs == (
        "Exercise 1: the cell for the answer was missing: it was put back, without an answer.",
        "Exercise 8: the cell for the written answer was missing: it was put back, without an answer.",
    )


def test_a_changed_cell_of_the_author_is_restored_behind_the_trainees_version(assessment):
    notebook = released(assessment)
    load = next(cell for cell in notebook["cells"] if cell["source"].startswith("import pandas"))
    load["source"] += "\nmine = 1"
    done = mended(notebook, assessment)
    place = done.kinds.index("extra")
    assert done.notebook.cells[place].source == load["source"]
    assert done.kinds[place + 1] == "author"
    assert done.repairs == (
        "The cell that begins `import pandas as pd` was changed: it is as released again, and the trainee's version stands "
        "before it.",
    )


def test_of_a_cell_of_the_author_that_stands_twice_the_one_as_released_counts(assessment):
    notebook = released(assessment)
    place = next(i for i, cell in enumerate(notebook["cells"]) if cell["source"].startswith("import pandas"))
    load = notebook["cells"][place]
    notebook["cells"].insert(place, load | {"source": "mine = 1"})
    assert extras(mended(notebook, assessment)) == ["mine = 1"]


def test_a_text_of_the_unit_that_was_pasted_elsewhere_is_left_out(assessment):
    notebook = released(assessment)
    notebook["cells"].append(notebook["cells"][0] | {"id": "pasted"})
    notebook["cells"].append({"cell_type": "markdown", "id": "mine", "source": "My own notes."})
    done = mended(notebook, assessment)
    assert [cell.source for cell in done.notebook.cells[len(assessment.notebook.cells) :]] == ["My own notes."]


def test_own_cells_stay_behind_the_cell_they_stood_behind(assessment):
    notebook = released(assessment)
    check = cell_of(notebook, "cards-check")
    place = notebook["cells"].index(check)
    notebook["cells"].insert(place + 1, {"cell_type": "code", "id": "mine", "source": "look = 1", "outputs": "x"})
    notebook["cells"].insert(0, {"cell_type": "raw", "id": "name", "source": "my name"})
    without(notebook, "in-all-three")
    done = mended(notebook, assessment)
    ids = [cell.id for cell in done.notebook.cells]
    assert ids[0] == "name" and done.kinds[0] == "text"
    assert ids[ids.index("mine") - 1] == "cards-check"
    assert extras(done) == ["look = 1"]


def test_a_cell_that_stands_elsewhere_goes_back_to_its_place(assessment):
    notebook = released(assessment)
    check = cell_of(notebook, "radii-check")
    without(notebook, "radii-check")
    notebook["cells"].insert(0, check)
    assert mended(notebook, assessment).repairs == ("Exercise 4: the check stood elsewhere: it is back in its place.",)


def test_a_written_answer_keeps_its_picture(assessment):
    notebook = released(assessment)
    note = cell_of(notebook, "note")
    note.update(
        source="![chart](attachment:chart.png)", attachments={"chart.png": {"image/png": "AAAA"}, "bad": 5, "\ud800": {}}
    )
    done = mended(notebook, assessment)
    kept = next(cell for cell in done.notebook.cells if cell.id == "note")
    assert kept.attachments["chart.png"] == {"image/png": "AAAA"}
    assert "bad" not in kept.attachments


def test_the_kernel_and_the_metadata_of_the_unit_are_restored(assessment):
    notebook = released(assessment)
    notebook["metadata"] = {"kernelspec": {"name": "bash", "display_name": "Bash"}, "title": "Mine"}
    done = mended(notebook, assessment)
    assert done.notebook.metadata == assessment.notebook.metadata
    assert done.repairs == ("The notebook was set to another kernel: it is set to the unit's own again.",)


def test_only_a_plain_file_of_a_sensible_size_is_read(tmp_path):
    path = tmp_path / "a.ipynb"
    with pytest.raises(FileNotFoundError):
        read(path)
    path.write_bytes(b"{}")
    assert read(path) == b"{}"
    (tmp_path / "link.ipynb").symlink_to(path)
    for odd in (tmp_path, tmp_path / "link.ipynb"):
        with pytest.raises(Unreadable, match="no file but a link, a folder or a device"):
            read(odd)
    os.truncate(path, 30_000_000)
    with pytest.raises(Unreadable, match="30 MB, and a notebook may have 20"):
        read(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_file_in_any_encoding_of_json_is_read(assessment, encoding):
    text = json.dumps(released(assessment), ensure_ascii=False)
    assert repair(text.encode(encoding), assessment).repairs == ()
    assert repair("\ufeff" + text, assessment).repairs == ()


def test_bytes_that_are_no_text_are_replaced(assessment):
    notebook = released(assessment)
    cell_of(notebook, "cards")["source"] = "cards = 'caf\u00e9 ' + 'a\0b'"
    done = repair(json.dumps(notebook, ensure_ascii=False).encode("cp1252", "replace"), assessment)
    assert source(done, "cards") == "cards = 'caf\ufffd ' + 'a\ufffdb'"
    assert "The file has bytes that are no UTF-8 text: they were replaced." in done.repairs


def test_numbers_and_keys_that_json_should_not_have_are_read_over(assessment):
    text = json.dumps(released(assessment))
    odd = text.replace('"execution_count": null', f'"execution_count": {"9" * 5000}, "x": NaN, "x": -Infinity', 1)
    assert odd != text
    assert repair(odd, assessment).repairs == ()
    assert repair(text[:-1] + ', "cells": ' + json.dumps(released(assessment)["cells"]) + "}", assessment).repairs == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "The file is empty."),
        (b"\xff\xfe", "The file is empty."),
        (b"not a notebook", "not JSON"),
        (b"\x00\x01\x02\x03", "not JSON"),
        (b'{"cells": [', "not JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b"3", "JSON, but no notebook"),
        (b'{"cells": []}', "JSON, but no notebook"),
        (b'{"nbformat": 3, "worksheets": []}', "of format 3, and only"),
        (b'{"nbformat": 5, "cells": []}', "of format 5, and only"),
        (b'{"nbformat": ["4"], "cells": []}', "of format unknown"),
        (b'{"nbformat": 4, "cells": {}}', "no list of cells"),
        (b'{"nbformat": 4, "cells": []}', "No cell of data-science-assessment"),
        (b'{"nbformat": 4, "cells": [1, null, {"cell_type": "code", "source": "x"}]}', "No cell of data-science-assessment"),
        (b" " * 20_000_001, "It has 20 MB, and a notebook may have 20"),
    ],
)
def test_what_is_no_notebook_of_the_unit_is_said_to_be_none(assessment, text, why):
    with pytest.raises(Unreadable, match=why):
        repair(text, assessment)


def test_a_notebook_of_too_many_cells_is_refused_and_one_of_very_many_is_quick(assessment):
    notebook = released(assessment)
    cells = [{"cell_type": "code", "id": "same", "source": f"x = {number}"} for number in range(MOST_CELLS)]
    with pytest.raises(Unreadable, match="and may have 2000"):
        repair(json.dumps(notebook | {"cells": [*notebook["cells"], *cells]}), assessment)
    notebook["cells"] += cells[: MOST_CELLS - len(notebook["cells"])]
    begun = time.perf_counter()
    mended(notebook, assessment)
    assert time.perf_counter() - begun < 5  # nbformat's and nbgrader's own validation takes most of it


def test_cells_that_are_none_are_left_out(assessment):
    notebook = released(assessment)
    notebook["cells"] += [None, "cell", []]
    assert mended(notebook, assessment).repairs == ("3 entries of the notebook were no cell: left out.",)


def test_a_notebook_made_by_other_tools_can_be_repaired_as_an_object(assessment):
    notebook = deepcopy(assessment.notebook)
    notebook.cells[8:8] = [new_markdown_cell("mine"), new_raw_cell("mine"), new_code_cell("mine = 1")]
    done = repair_notebook(notebook, assessment)
    assert done.kinds[8:11] == ("text", "text", "extra")


def test_repair_takes_a_few_milliseconds():
    slowest = 0.0
    for path in NOTEBOOKS:
        template, text = template_of(path.parent.name, path.stem), path.read_bytes()
        times = []
        for _ in range(5):
            begun = time.perf_counter()
            repair(text, template)
            times.append(time.perf_counter() - begun)
        slowest = max(slowest, min(times))
    assert slowest < 0.015  # 2.5 ms on an idle core
