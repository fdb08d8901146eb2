"""The trainee's workspace gets what is new, keeps what the trainee wrote, and survives a kill at any moment."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from course.launch.workspace import Change, WorkspaceError, update

LESSON = "01-unit/lesson.ipynb"


def notebook(*sources, outputs=(), metadata=None):
    cells = [
        {"cell_type": "code", "source": source, "metadata": metadata or {}, "outputs": list(outputs)} for source in sources
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def write(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def files_of(folder):
    """Everything a trainee may see in a workspace, and the record."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.name != ".pathway.lock"
    }


def record_of(work):
    return json.loads((work / ".pathway.json").read_text(encoding="utf-8"))


@pytest.fixture
def tree(tmp_path):
    tree = tmp_path / "tree"
    write(tree / "notebooks" / LESSON, notebook("first version"))
    write(tree / "notebooks" / "01-unit" / "help.csv", "a,b\n")
    write(tree / "notebooks" / "glossary.md", "# Glossary\n")
    write(tree / "data" / "town" / "wards.csv", "ward\nElm Road\n")
    return tree


@pytest.fixture
def work(tmp_path):
    return tmp_path / "work"


@pytest.fixture
def second(tree, work):
    """A workspace with the first release in it, and the second release in the tree."""
    update(work, tree)
    write(tree / "notebooks" / LESSON, notebook("second version"))
    return work


def test_the_first_start_lays_notebooks_at_the_top_and_data_in_data(tree, work):
    write(tree / "notebooks" / "01-unit" / ".ipynb_checkpoints" / "lesson-checkpoint.ipynb", notebook("no"))
    changes = update(work, tree)
    assert [str(change) for change in changes] == [
        "01-unit/help.csv: new",
        "01-unit/lesson.ipynb: new",
        "data/town/wards.csv: new",
        "glossary.md: new",
    ]
    assert set(files_of(work)) == {change.path for change in changes} | {".pathway.json"}
    assert (work / LESSON).read_bytes() == (tree / "notebooks" / LESSON).read_bytes()


def test_a_second_start_changes_nothing(tree, work):
    update(work, tree)
    before = files_of(work)
    assert update(work, tree) == []
    assert files_of(work) == before


def test_an_untouched_notebook_is_updated(tree, second):
    assert update(second, tree) == [Change(LESSON, "updated")]
    assert "second version" in (second / LESSON).read_text()


def test_running_and_saving_a_notebook_is_not_touching_it(tree, second):
    output = {"output_type": "stream", "name": "stdout", "text": "3"}
    write(second / LESSON, notebook("first version", "", outputs=[output], metadata={"collapsed": True}))
    assert update(second, tree) == [Change(LESSON, "updated")]


def test_running_and_saving_the_current_notebook_keeps_its_outputs(tree, work):
    update(work, tree)
    saved = notebook("first version", outputs=[{"output_type": "stream", "name": "stdout", "text": "3"}])
    write(work / LESSON, saved)
    assert update(work, tree) == []
    assert (work / LESSON).read_text() == saved


def test_a_release_that_changes_only_how_a_cell_is_marked_arrives(tree, work):
    update(work, tree)
    write(tree / "notebooks" / LESSON, notebook("first version", metadata={"tags": ["raises-exception"]}))
    assert update(work, tree) == [Change(LESSON, "updated")]
    assert update(work, tree) == []


@pytest.mark.parametrize("mine", [notebook("my answer"), notebook("first version", "my cell"), "not a notebook", "[]"])
def test_a_touched_notebook_is_kept_and_the_new_version_arrives_beside_it(tree, second, mine):
    write(second / LESSON, mine)
    (change,) = update(second, tree)
    assert change == Change(LESSON, "beside", "01-unit/lesson-new-version.ipynb")
    assert LESSON in str(change) and "lesson-new-version.ipynb" in str(change)
    assert (second / LESSON).read_text() == mine
    assert "second version" in (second / change.beside).read_text()


def test_a_new_version_arrives_beside_a_touched_file_only_once(tree, second):
    write(second / LESSON, notebook("my answer"))
    update(second, tree)
    assert update(second, tree) == []
    (second / "01-unit" / "lesson-new-version.ipynb").unlink()
    assert update(second, tree) == []


def test_the_version_after_next_does_not_overwrite_the_one_that_arrived_beside(tree, second):
    write(second / LESSON, notebook("my answer"))
    update(second, tree)
    write(tree / "notebooks" / LESSON, notebook("third version"))
    assert update(second, tree) == [Change(LESSON, "beside", "01-unit/lesson-new-version-2.ipynb")]
    assert "second version" in (second / "01-unit" / "lesson-new-version.ipynb").read_text()


def test_a_file_that_is_no_notebook_is_touched_when_its_bytes_changed(tree, work):
    update(work, tree)
    write(work / "glossary.md", "# My notes\n")
    write(tree / "notebooks" / "glossary.md", "# Glossary 2\n")
    write(tree / "data" / "town" / "wards.csv", "ward\nHarbour Side\n")
    assert update(work, tree) == [
        Change("data/town/wards.csv", "updated"),
        Change("glossary.md", "beside", "glossary-new-version.md"),
    ]
    assert (work / "glossary.md").read_text() == "# My notes\n"


def test_a_deleted_file_is_put_back(tree, work):
    update(work, tree)
    (work / LESSON).unlink()
    assert update(work, tree) == [Change(LESSON, "put back")]


def test_what_the_trainee_made_and_what_left_the_release_stay(tree, work):
    update(work, tree)
    write(work / "mine.ipynb", notebook("mine"))
    (tree / "notebooks" / "glossary.md").unlink()
    assert update(work, tree) == []
    assert (work / "mine.ipynb").exists() and (work / "glossary.md").exists()


def test_a_file_of_the_trainee_under_a_name_of_the_release_stays(tree, work):
    write(work / LESSON, notebook("mine"))
    assert Change(LESSON, "beside", "01-unit/lesson-new-version.ipynb") in update(work, tree)
    assert "mine" in (work / LESSON).read_text()


@pytest.mark.parametrize("damage", [None, "{", "[]", '{"01-unit/lesson.ipynb": 3}'])
def test_without_a_readable_record_whatever_is_not_current_counts_as_touched(tree, second, damage):
    if damage is None:
        (second / ".pathway.json").unlink()
    else:
        write(second / ".pathway.json", damage)
    assert update(second, tree) == [Change(LESSON, "beside", "01-unit/lesson-new-version.ipynb")]
    assert "first version" in (second / LESSON).read_text()
    write(tree / "notebooks" / "glossary.md", "# Glossary 2\n")
    assert update(second, tree) == [Change("glossary.md", "updated")]


def test_an_older_release_replaces_what_is_untouched(tree, second):
    update(second, tree)
    write(tree / "notebooks" / LESSON, notebook("first version"))
    assert update(second, tree) == [Change(LESSON, "updated")]


def test_the_record_names_a_version_before_its_file_is_there(tree, work, monkeypatch):
    real, seen = os.replace, []

    def replace(source, target):
        if Path(target).name == "lesson.ipynb":
            seen.append(record_of(work)[LESSON])
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    update(work, tree)
    assert len(seen) == 1 and len(seen[0]) == 1
    assert seen[0] != record_of(work)[LESSON], "until it has arrived, it is marked as under way"


# A big enough release, some of it new, some updated, some touched, in a child that can be killed.

MANY = 30
CHILD = """
import os, signal, sys
from pathlib import Path
from course.launch.workspace import update
work, tree, die_at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
steps = 0
def step():
    global steps
    steps += 1
    if steps == die_at:
        os.kill(os.getpid(), signal.SIGKILL)
def before_and_after(function):
    def stepped(*arguments, **named):
        step()
        result = function(*arguments, **named)
        step()
        return result
    return stepped
if die_at:
    os.replace, os.fsync = before_and_after(os.replace), before_and_after(os.fsync)
    Path.open, Path.mkdir = before_and_after(Path.open), before_and_after(Path.mkdir)
print("begins", flush=True)
update(work, tree)
"""


@pytest.fixture(scope="module")
def half_way(tmp_path_factory):
    """(tree of the second release, workspace as the trainee left it, the same after an undisturbed update)."""
    base = tmp_path_factory.mktemp("kill")
    tree, left = base / "tree", base / "left"
    for number in range(MANY):
        write(tree / "notebooks" / f"unit-{number % 5}" / f"n{number}.ipynb", notebook(f"first {number}"))
    update(left, tree)
    for number in range(0, MANY, 3):
        write(left / f"unit-{number % 5}" / f"n{number}.ipynb", notebook(f"mine {number}"))
    (left / "unit-1" / "n1.ipynb").unlink()
    for number in range(MANY + 5):
        write(tree / "notebooks" / f"unit-{number % 5}" / f"n{number}.ipynb", notebook(f"second {number}"))
    write(tree / "data" / "wards.csv", "ward\n" * 100_000)
    done = base / "done"
    shutil.copytree(left, done)
    update(done, tree)
    return tree, left, files_of(done)


def start(work, tree, die_at=0):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(work), str(tree), str(die_at)], stdout=subprocess.PIPE, text=True
    )


def assert_nothing_lost_and_finishes(work, tree, left, wanted):
    now = files_of(work)
    for path, content in files_of(left).items():
        if b"mine" in content:
            assert now[path] == content
    whole = set(wanted.values()) | set(files_of(left).values())
    for path, content in now.items():
        assert content in whole or path.startswith(".pathway"), f"{path} is there in part"
    update(work, tree)
    assert files_of(work) == wanted
    assert not (work / ".pathway-tmp").exists()


def test_a_kill_at_any_step_loses_nothing_and_the_next_start_finishes(half_way, tmp_path):
    tree, left, wanted = half_way
    killed = 0
    for die_at in [*range(1, 30), *range(30, 400, 23)]:
        work = tmp_path / f"work-{die_at}"
        shutil.copytree(left, work)
        with start(work, tree, die_at) as child:
            killed += child.wait() == -signal.SIGKILL
        assert_nothing_lost_and_finishes(work, tree, left, wanted)
        shutil.rmtree(work)
    assert killed > 35


def test_a_kill_from_outside_at_any_time_loses_nothing_and_the_next_start_finishes(half_way, tmp_path):
    tree, left, wanted = half_way
    chance = random.Random(1)
    for attempt in range(12):
        work = tmp_path / f"work-{attempt}"
        shutil.copytree(left, work)
        with start(work, tree) as child:
            child.stdout.readline()
            time.sleep(chance.uniform(0, 0.15))
            child.kill()
        assert_nothing_lost_and_finishes(work, tree, left, wanted)


def test_a_version_that_a_kill_kept_away_still_arrives_when_the_file_is_touched_afterwards(tree, second, monkeypatch):
    class Killed(BaseException):
        pass

    real = os.replace

    def replace(source, target):
        if Path(target).name == "lesson.ipynb":
            raise Killed
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(Killed):
            update(second, tree)
    write(second / LESSON, notebook("my answer"))
    assert update(second, tree) == [Change(LESSON, "beside", "01-unit/lesson-new-version.ipynb")]


def test_a_file_saved_while_the_update_runs_is_not_overwritten(tree, second, monkeypatch):
    real = os.fsync

    def save_at_the_last_moment(handle):
        real(handle)
        write(second / LESSON, notebook("my answer"))

    monkeypatch.setattr(os, "fsync", save_at_the_last_moment)
    assert update(second, tree) == [Change(LESSON, "beside", "01-unit/lesson-new-version.ipynb")]
    assert "my answer" in (second / LESSON).read_text()


def test_two_updates_at_once_end_as_one_does(half_way, tmp_path):
    tree, left, wanted = half_way
    work = tmp_path / "work"
    shutil.copytree(left, work)
    children = [start(work, tree) for _ in range(3)]
    for child in children:
        with child:
            assert child.wait() == 0
    assert files_of(work) == wanted


def in_a_box(work, tree, *mounts):
    """Run an update where the system says no, as root too."""
    code = (
        "import sys; from pathlib import Path; from course.launch.workspace import *\n"
        "try: update(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "except WorkspaceError as problem: sys.exit(str(problem))"
    )
    command = ["bwrap", "--dev-bind", "/", "/", *mounts, sys.executable, "-c", code, str(work), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stderr.strip()


def test_a_workspace_that_cannot_be_written_is_one_clear_line(tree, second):
    said = in_a_box(second, tree, "--ro-bind", str(second), str(second))
    assert "cannot be written" in said and "--workspace" in said and "\n" not in said


def test_a_full_disk_is_one_clear_line(tree, work):
    work.mkdir()
    write(tree / "data" / "big.csv", "1\n" * 1_000_000)
    said = in_a_box(work, tree, "--size", "1000000", "--tmpfs", str(work))
    assert "no space left" in said and "\n" not in said


def test_a_file_in_the_way_of_a_folder_is_named(tree, work):
    write(work / "data", "mine")
    with pytest.raises(WorkspaceError, match=r"data is in the way: rename it"):
        update(work, tree)
    assert (work / "data").read_text() == "mine"


def test_a_folder_where_a_file_belongs_stays(tree, work):
    (work / LESSON).mkdir(parents=True)
    assert Change(LESSON, "beside", "01-unit/lesson-new-version.ipynb") in update(work, tree)


@pytest.mark.parametrize("content", [None, "{"])
def test_a_tree_without_readable_notebooks_is_refused(tree, work, content):
    shutil.rmtree(tree / "notebooks")
    if content:
        write(tree / "notebooks" / LESSON, content)
    with pytest.raises(WorkspaceError, match="get a whole copy of the course"):
        update(work, tree)
