"""A cohort's folder: who is in it, where it may lie, what it holds, and that one works in it at a time."""

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from course.grading.cohort import Cohort, CohortError, read_roster
from tests.conftest import ROOT

ROSTER = "id,first_name,last_name,email,lms_user_id\nt01,Ann,Lee,ann@example.org,4711\nt02,Bob,,,\n"


@pytest.fixture
def roster(tmp_path) -> Path:
    path = tmp_path / "roster.csv"
    path.write_text(ROSTER)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Cohort:
    folder = tmp_path_factory.mktemp("cohorts")
    (folder / "roster.csv").write_text(ROSTER)
    return Cohort.new(folder / "autumn 26", folder / "roster.csv")


def test_a_cohort_has_its_roster_its_data_and_settings_and_its_owner_alone_can_read_it(made):
    assert made.trainees() == ["t01", "t02"] and made.units() == []
    assert made.name == "autumn-26" and made.eastmere_seed is None
    assert stat.S_IMODE(made.root.stat().st_mode) == 0o700
    assert (made.data / "eastmere" / "schools.csv").read_bytes() == (ROOT / "data" / "eastmere" / "schools.csv").read_bytes()
    assert sorted(path.name for path in made.root.parent.iterdir()) == ["autumn 26", "roster.csv"], (
        "nothing of the making is left"
    )


def test_nbgrader_knows_the_trainees_when_it_is_run_in_the_folder(made):
    tools = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    listed = subprocess.run(
        [tools / "nbgrader", "db", "student", "list"],
        cwd=made.root,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "t01 (Lee, Ann) -- ann@example.org, 4711" in listed.stdout and "t02 (None, Bob)" in listed.stdout


def test_it_is_found_from_any_folder_in_it_and_nowhere_else(made, tmp_path):
    inside = made.root / "data" / "eastmere"
    assert Cohort.find(inside) == made
    with pytest.raises(CohortError, match="is not in a cohort's folder: change to one, or name it with --cohort DIR"):
        Cohort.find(tmp_path)


def test_a_cohort_can_be_moved(made, tmp_path):
    import shutil

    moved = Cohort(Path(shutil.copytree(made.root, tmp_path / "elsewhere")))
    assert moved.trainees() == ["t01", "t02"] and str(tmp_path) in moved.gradebook_url


def test_another_eastmere_is_drawn_and_the_course_s_wexmoor_stays(roster, tmp_path):
    cohort = Cohort.new(tmp_path / "own", roster, eastmere_seed=7)
    for borough, same in (("wexmoor", True), ("eastmere", False)):
        ours, theirs = (folder / borough / "schools.csv" for folder in (cohort.data, ROOT / "data"))
        assert (ours.read_bytes() == theirs.read_bytes()) is same
    assert json.loads((cohort.root / "cohort.json").read_text())["eastmere_seed"] == 7


# Where it may lie


def test_a_folder_in_the_checkout_is_refused_also_by_another_way_to_it(roster, tmp_path):
    (tmp_path / "way").symlink_to(ROOT)
    for place in (ROOT / "cohort", tmp_path / "way" / "cohort", ROOT):
        with pytest.raises(CohortError, match="lies in the course's checkout"):
            Cohort.new(place, roster)
    assert not (ROOT / "cohort").exists()


def test_a_folder_with_something_in_it_a_file_and_a_cohort_s_folder_are_left_alone(made, roster, tmp_path):
    for place, said in (
        (tmp_path, "is not empty"),
        (roster, "is no folder"),
        (made.root / "second", "is a cohort already"),
    ):
        with pytest.raises(CohortError, match=said):
            Cohort.new(place, roster)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["roster.csv"]


def test_an_empty_folder_will_do_and_nobody_else_can_read_it_afterwards(roster, tmp_path):
    (tmp_path / "empty").mkdir(mode=0o755)
    assert stat.S_IMODE(Cohort.new(tmp_path / "empty", roster).root.stat().st_mode) == 0o700


def test_what_is_refused_leaves_nothing_behind(tmp_path):
    (tmp_path / "roster.csv").write_text("id\n")
    with pytest.raises(CohortError):
        Cohort.new(tmp_path / "deep" / "cohort", tmp_path / "roster.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["roster.csv"]


# The roster


def test_only_the_id_is_required_columns_come_in_any_order_and_excel_s_mark_and_blank_lines_do_not_matter(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_bytes('\ufefflast_name,id\r\n"O\'Neil, Jr",jane.o@example.org\r\n,\r\n\r\nŻak,7\r\n'.encode())
    first, second = read_roster(path)
    assert (first.id, first.last_name, first.first_name) == ("jane.o@example.org", "O'Neil, Jr", None)
    assert (second.id, second.last_name) == ("7", "Żak")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("id\nt01\nt02\nt01\n", 4, 'the id "t01" stands in line 2 too'),
        ("id\nt01\nT01\n", 3, "other capitals"),
        ("id,first_name\nt01,Ann\n ,Bob\n", 3, "no id"),
        ("id\nt/01\n", 2, 'the id "t/01" will not do'),
        ("id\n..\n", 2, "will not do"),
        ("id\nann+bob\n", 2, "will not do"),
        ("id\nt*\n", 2, "will not do"),
        ("id\nann lee\n", 2, "will not do"),
        ("id\n-rf\n", 2, "will not do"),
        ("id\nż1\n", 2, "will not do"),
        (f"id\n{'a' * 101}\n", 2, "100 at most"),
        ("id,name\nt01,Ann\n", 1, 'unknown column "name"'),
        ("first_name\nAnn\n", 1, "no column id"),
        ("id,id\nt01,t02\n", 1, 'the column "id" stands twice'),
        ("id;first_name\nt01;Ann\n", 1, "semicolons"),
        ("id\tfirst_name\nt01\tAnn\n", 1, "tabs"),
        ("id,last_name\nt01,Lee, Ann\n", 2, "3 values for 2 columns"),
        ('id,last_name\nt01,"Lee\n', 2, "quotation mark"),
        ("id\n", 1, "nobody is in it"),
        ("", 1, "no column id"),
        ("id,last_name\nt01,M\udcfcller\n", 2, "CSV UTF-8"),
    ],
)
def test_a_roster_that_will_not_do_is_told_with_file_and_line(tmp_path, text, line, said):
    path = tmp_path / "roster.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(CohortError) as refused:
        read_roster(path)
    assert str(refused.value).startswith(f"{path}:{line}: ") and said in str(refused.value)


def test_a_roster_that_is_not_there_is_told(tmp_path):
    with pytest.raises(CohortError, match="No such file"):
        read_roster(tmp_path / "none.csv")


# One at a time

HOLD = """
import sys, time
from pathlib import Path
from course.grading.cohort import Cohort
with Cohort(Path(sys.argv[1])).lock(print):
    print("mine", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def test_a_second_mentor_is_told_once_waits_and_then_goes_on(made):
    first = subprocess.Popen([sys.executable, "-c", HOLD, made.root, "1"], stdout=subprocess.PIPE, text=True)
    assert first.stdout.readline() == "mine\n"
    said, start = [], time.monotonic()
    with made.lock(said.append):
        waited = time.monotonic() - start
        assert first.wait(10) == 0
    assert waited > 0.5 and len(said) == 1 and "waiting" in said[0]


def test_who_holds_the_lock_may_ask_again_and_it_ends_with_its_process(made):
    held = subprocess.Popen([sys.executable, "-c", HOLD, made.root, "60"], stdout=subprocess.PIPE, text=True)
    assert held.stdout.readline() == "mine\n"
    held.kill()
    held.wait(10)
    said = []
    with made.lock(said.append), made.lock(said.append):
        pass
    with made.lock(said.append):
        assert said == []
