"""A demo cohort looks like one of real people: of every ability, in every state, and the same for the same seed."""

import json
import time
from collections import Counter
from datetime import datetime

import nbformat
import numpy as np
import pytest

from course.builder.source import read_unit
from course.grading import demo
from course.grading.cohort import CHECKOUT, CohortError
from course.grading.demo import draw_people, make_demo, mark_some
from course.proof.bank import read_bank

UNIT = "01-what-is-data-science"
ASSESSMENT = "data-science-assessment"
MANY = 60


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A cohort of sixty, and how long it took to make, in seconds."""
    start = time.perf_counter()
    cohort = make_demo(tmp_path_factory.mktemp("demo") / "many", MANY, seed=3)
    return cohort, time.perf_counter() - start


@pytest.fixture(scope="module")
def cohort(made):
    return made[0]


@pytest.fixture(scope="module")
def handed_in(cohort):
    """Trainee -> notebook -> its cells, of those who mean no harm."""
    found = {}
    for path in sorted(cohort.submitted.glob(f"*/{UNIT}/*.ipynb")):
        found.setdefault(path.parts[-3], {})[path.stem] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return {trainee: cells for trainee, cells in found.items() if not means_harm(cells)}


def source(cell):
    return "".join(cell["source"])


def means_harm(notebooks):
    text = json.dumps(notebooks)
    return "COHORT, HOME" in text or "class Yes" in text


def answers(cells):
    """Task -> what stands in its cell behind the first line."""
    return {cell["metadata"]["task"]: source(cell).partition("\n")[2] for cell in cells if "task" in cell["metadata"]}


def right_answers():
    """Task -> its right answers: the course's own, and those of the bank."""
    unit = read_unit(CHECKOUT / "course" / "units" / UNIT)
    tasks = {one.id: one for notebook in unit.notebooks for one in notebook.exercises if one.task}
    return {
        task: {demo._model(tasks[task]), *(right.answer for right in known.right)} for task, known in read_bank(unit).items()
    }


def folder_bytes(cohort):
    return {
        str(path.relative_to(cohort.submitted)): path.read_bytes() for path in cohort.submitted.rglob("*") if path.is_file()
    }


def test_sixty_are_made_in_less_than_ten_seconds(made):
    assert made[1] < 10


def test_the_cohort_is_whole_and_released(cohort):
    assert len(cohort.trainees()) == MANY
    assert cohort.units() == [UNIT]
    with cohort.gradebook() as gradebook:
        assert gradebook.find_assignment(UNIT).duedate is not None
        names = {(one.first_name, one.last_name) for one in gradebook.students}
        assert all(one.email.endswith(".example") for one in gradebook.students)
    assert len(names) > MANY * 0.9


def test_the_same_seed_makes_the_same_submissions_and_another_seed_others(cohort, tmp_path):
    again = make_demo(tmp_path / "again", MANY, seed=3)
    other = make_demo(tmp_path / "other", MANY, seed=4)
    assert folder_bytes(again) == folder_bytes(cohort)
    assert folder_bytes(other) != folder_bytes(cohort)


def test_what_is_handed_in_are_whole_notebooks_without_outputs(cohort, handed_in):
    released = len(json.loads((cohort.release / UNIT / f"{ASSESSMENT}.ipynb").read_text(encoding="utf-8"))["cells"])
    for trainee, notebooks in handed_in.items():
        for name, cells in notebooks.items():
            nbformat.validate(nbformat.read(cohort.submitted / trainee / UNIT / f"{name}.ipynb", as_version=4))
            assert not any(cell.get("outputs") for cell in cells)
    assert Counter(len(one[ASSESSMENT]) for one in handed_in.values() if ASSESSMENT in one).most_common(1)[0][0] == released


def test_people_answer_rightly_wrongly_in_part_and_not_at_all(handed_in):
    right = right_answers()
    states = Counter()
    for notebooks in handed_in.values():
        for cells in notebooks.values():
            for task, answer in answers(cells).items():
                blank = "NotImplementedError" in answer and "replace this line" in answer
                states["blank" if blank else "right" if answer in right[task] else "wrong"] += 1
    shares = {state: count / states.total() for state, count in states.items()}
    assert shares["right"] > 0.4
    assert shares["wrong"] > 0.1
    assert shares["blank"] > 0.05


def test_the_able_answer_more_rightly_than_others(handed_in):
    right = right_answers()
    ability = {one.id: one.ability for one in draw_people(MANY, 3)}
    able, share = [], []
    for trainee, notebooks in handed_in.items():
        given = [answer in right[task] for cells in notebooks.values() for task, answer in answers(cells).items()]
        able.append(ability[trainee])
        share.append(np.mean(given))
    assert np.corrcoef(able, share)[0, 1] > 0.5


def test_of_each_exercise_some_wrong_answers_are_commoner_than_others(handed_in):
    right = right_answers()
    wrong = Counter()
    for notebooks in handed_in.values():
        wrong.update(
            answer
            for task, answer in answers(notebooks.get(ASSESSMENT, [])).items()
            if task == "fill-posts" and answer not in right[task]
        )
    counts = [count for answer, count in wrong.most_common() if "replace this line" not in answer]
    assert counts[0] >= 3 * counts[-1]


def test_some_are_late_some_hand_in_half_and_some_nothing(cohort, handed_in):
    with cohort.gradebook() as gradebook:
        due = gradebook.find_assignment(UNIT).duedate
    stamps = [path.read_text(encoding="utf-8").strip() for path in cohort.submitted.glob(f"*/{UNIT}/timestamp.txt")]
    late = [datetime.strptime(stamp.removesuffix(" UTC"), "%Y-%m-%d %H:%M:%S.%f") > due for stamp in stamps]
    assert 0 < sum(late) < len(late) / 3
    assert any(len(notebooks) == 1 for notebooks in handed_in.values())
    assert 0 < MANY - len(cohort.handed_in(UNIT)) < MANY / 5


def test_some_notebooks_lost_moved_doubled_or_gained_cells(cohort, handed_in):
    for name in cohort.notebooks(UNIT):
        released = json.loads((cohort.release / UNIT / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
        ids = [cell["id"] for cell in released]
        theirs = [[cell["id"] for cell in notebooks[name]] for notebooks in handed_in.values() if name in notebooks]
        assert 0 < sum(one != ids for one in theirs) < len(theirs) / 2
    everything = [[cell["id"] for cell in cells] for notebooks in handed_in.values() for cells in notebooks.values()]
    assert any("my-own" in ids for ids in everything)
    assert any(len(ids) != len({*ids}) for ids in everything)


def test_three_of_sixty_mean_harm(cohort, handed_in):
    assert len(cohort.handed_in(UNIT)) - len(handed_in) == 3


def test_written_answers_are_of_several_qualities(handed_in):
    texts = {
        source(cell) for one in handed_in.values() for cell in one.get(ASSESSMENT, []) if cell["metadata"].get("written")
    }
    assert len(texts) > 8
    strong, weak = "Please keep E238, whom you have appointed", "A good data science team needs computing"
    assert any(strong in text for text in texts)
    assert any(weak in text for text in texts)


@pytest.mark.parametrize("unit", ["00", "02", "03", "04"])
def test_every_unit_can_be_handed_in(unit, tmp_path):
    cohort = make_demo(tmp_path / "demo", 3, units=[unit])
    assert cohort.handed_in(cohort.units()[0])


def test_a_folder_in_the_checkout_and_a_cohort_of_nobody_are_refused(tmp_path):
    with pytest.raises(CohortError, match="checkout"):
        make_demo(CHECKOUT / "demo", 2)
    with pytest.raises(ValueError, match="one at least"):
        make_demo(tmp_path / "none", 0)


def test_a_share_of_the_written_answers_is_marked_as_a_mentor_would(tmp_path):
    from course.grading.grade import grade

    cohort = make_demo(tmp_path / "graded", 12, seed=1)
    grade(cohort, cohort.units())
    with cohort.gradebook() as gradebook:
        before = sum(one.needs_manual_grade for one in gradebook.assignment_submissions(UNIT))
    marked = mark_some(cohort, seed=1, share=0.6)
    with cohort.gradebook() as gradebook:
        notes = [
            one
            for submission in gradebook.assignment_submissions(UNIT)
            for notebook in submission.notebooks
            for one in notebook.grades
            if one.name == "note"
        ]
        given = [one.manual_score for one in notes if one.manual_score is not None]
        after = sum(one.needs_manual_grade for one in gradebook.assignment_submissions(UNIT))
    assert marked == len(given) > 0
    assert all(0 <= score <= 4 for score in given)
    assert 0 < after < before
