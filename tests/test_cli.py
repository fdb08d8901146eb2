"""`pathway` as an author types it: what it prints, and its exit code, on a course in miniature with its own code."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, edit, lay_miniature


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    root = lay_miniature(tmp_path_factory.mktemp("course"))
    ignore = shutil.ignore_patterns("__pycache__", "units", "town")
    shutil.copytree(ROOT / "course", root / "course", ignore=ignore, dirs_exist_ok=True)
    built = pathway(root, "build")
    assert built.returncode == 0, built.stdout + built.stderr
    assert "07 queues-assessment" in built.stdout
    return root


@pytest.fixture
def course(built, tmp_path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "course"))


def pathway(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(root), "COLUMNS": "100"}
    command = [sys.executable, "-m", "course.cli", *arguments]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def test_a_build_with_nothing_to_do_says_so(course):
    again = pathway(course, "build")
    assert again.returncode == 0
    assert again.stdout.count("unchanged") == 3 and "built" not in again.stdout


def test_a_problem_is_named_by_file_and_line_without_a_traceback_and_exits_1(course):
    source = course / "course" / "units" / "07-queues" / "queues.md"
    edit(source, ":outcome: share", ":outcome: shares")
    line = source.read_text().count("\n", 0, source.read_text().index("expect(kept")) + 1
    refused = pathway(course, "build")
    assert refused.returncode == 1
    assert f'course/units/07-queues/queues.md:{line}: Unknown outcome "shares"' in refused.stdout
    assert "1 problem; nothing was changed." in refused.stdout
    assert "Traceback" not in refused.stdout + refused.stderr


def test_check_exits_1_and_names_what_was_edited_by_hand_or_gives_an_answer_away(course):
    made = course / "notebooks" / "07-queues" / "queues.ipynb"
    edit(made, "# YOUR CODE HERE", "return (waits < promise).mean()")
    page = course / "course" / "town" / "mentor" / "wexmoor-truth.csv"
    page.write_text(page.read_text() + "WXP9,2030,1,1,1,1\n")
    checked = pathway(course, "build", "--check")
    assert checked.returncode == 1
    assert "notebooks/07-queues/queues.ipynb: cell 8 (promise-kept) differs in its source" in checked.stdout
    assert 'gives the answer of "promise-kept" away' in checked.stdout
    assert "course/town/mentor/wexmoor-truth.csv: differs" in checked.stdout
    assert "edit only course/" in checked.stdout


def test_check_of_a_single_unit_is_refused_as_a_mistake_of_typing(course):
    refused = pathway(course, "build", "--check", "7")
    assert refused.returncode == 2
    assert "name no unit with it" in refused.stderr


def test_tidy_writes_the_text_as_jupyterlab_would_save_it(course):
    source = course / "course" / "units" / "07-queues" / "queues.md"
    before = source.read_text()
    edit(source, "Half of them waited", "+++\n\nHalf of them waited")
    tidied = pathway(course, "tidy", "07")
    assert tidied.returncode == 0
    assert tidied.stdout == "course/units/07-queues/queues.md: tidied\n"
    assert source.read_text() == before
    assert pathway(course, "tidy").stdout == ""


@pytest.mark.parametrize("command", ["build", "tidy"])
@pytest.mark.parametrize("name", ["12", "queues", "07-lines"])
def test_a_unit_that_does_not_exist_is_named_with_those_that_do(course, command, name):
    refused = pathway(course, command, name)
    assert refused.returncode == 1
    assert f'No unit is called "{name}". There are: 00-look, 07-queues.' in refused.stdout


@pytest.mark.parametrize("name", ["7", "07", "07-queues"])
def test_a_unit_is_named_by_its_number_or_its_folder_by_every_command(course, name):
    source = course / "course" / "units" / "07-queues" / "queues.md"
    edit(source, "Half of them waited", "+++\n\nHalf of them waited")
    assert pathway(course, "tidy", "0").stdout == ""
    assert "queues.md: tidied" in pathway(course, "tidy", name).stdout
    built = pathway(course, "build", name)
    assert built.returncode == 0
    assert "07 queues" in built.stdout and "00 look" not in built.stdout


# Data of somebody's own: `pathway build data --into`, from the repository, which it does not touch

OTHER_SEED = "7"  # of an Eastmere of which the story can be told
TOO_SMALL = "200000"  # bytes


def build_data(*arguments: str | Path, within: tuple[str, ...] = (), folder: Path | None = None):
    """`pathway build data` with `arguments`, in `folder`, behind the command `within`; the same, but for the shell."""
    command = [*within, sys.executable, "-m", "course.cli", "build", "data", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "240"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def in_one_line(done: subprocess.CompletedProcess) -> str:
    """What a command that was refused said: one line, and nothing else."""
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("pathway: ")
    return line


def test_data_is_laid_where_it_is_wanted_with_its_own_eastmere_and_a_report(tmp_path):
    done = build_data("--into", "town", "--eastmere-seed", OTHER_SEED, "--mentor", "m", "--report", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"town: Wexmoor from seed 9, Eastmere from seed {OTHER_SEED}." in done.stdout
    assert "m: what only mentors may see of it." in done.stdout
    assert re.search("Figure.*Wexmoor.*Eastmere", done.stdout)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "town"]
    assert (tmp_path / "town" / "datapackage.json").is_file()
    assert (tmp_path / "m" / "eastmere-truth.csv").is_file()


def test_without_mentor_it_says_how_to_get_their_pages(tmp_path):
    done = build_data("--into", tmp_path / "town")
    assert done.returncode == 0, done.stderr
    assert "comes with --mentor DIR" in done.stdout


@pytest.mark.parametrize("seed", ["abc", "-3", "1.5", "", "٣"])
def test_a_seed_that_is_no_whole_number_is_refused(tmp_path, seed):
    refused = build_data("--into", tmp_path / "town", "--eastmere-seed", seed)
    assert refused.returncode == 2
    assert f"--eastmere-seed {seed}: give a whole number from 0." in in_one_line(refused)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [["--eastmere-seed", "7"], ["--mentor", "m"]])
def test_another_eastmere_does_not_go_where_the_course_s_own_is(options):
    refused = build_data(*options)
    assert refused.returncode == 2
    assert "need --into DIR" in in_one_line(refused)


@pytest.mark.parametrize(
    "words", [["--into", "x"], ["7", "--report"], ["--check", "--into", "x"], ["data", "7", "--into", "x"]]
)
def test_what_belongs_to_the_data_is_refused_for_anything_else(tmp_path, words):
    command = [sys.executable, "-m", "course.cli", "build", *words]
    refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "belong to `pathway build data`" in in_one_line(refused)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_empty_and_a_file_are_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    for into, said in ((tmp_path, "is not empty"), (tmp_path / "mine.txt", "is a file")):
        refused = build_data("--into", into)
        assert refused.returncode == 2
        assert said in in_one_line(refused)
    refused = build_data("--into", tmp_path / "data", "--mentor", tmp_path / "data" / "mentor")
    assert refused.returncode == 2
    assert "must lie apart" in in_one_line(refused)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert (tmp_path / "mine.txt").read_text() == "precious"


# Seeds that are refused are rare: here the story asks for what no borough has, and the rest of `pathway` is as it is.
IMPOSSIBLE = """
from course.town import plot
plot.broken_promises = lambda borough: ["nobody goes to school"]
from course.cli import main
main()
"""


def test_when_the_course_s_own_seeds_cannot_tell_the_story_the_data_stays_as_it_was(course):
    edit(course / "course" / "town" / "survey.py", "import numpy as np", "import numpy as np  # changed")
    before = (course / "data" / "README.md").stat().st_ino
    command = [sys.executable, "-c", IMPOSSIBLE, "build", "data"]
    environment = {**os.environ, "PYTHONPATH": str(course)}
    refused = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "course/town/__init__.py:1: Seed" in refused.stdout and "nothing was changed" in refused.stdout
    assert "Traceback" not in refused.stdout + refused.stderr
    assert (course / "data" / "README.md").stat().st_ino == before


def test_a_seed_of_which_the_story_cannot_be_told_is_refused_in_one_line(tmp_path):
    command = [sys.executable, "-c", IMPOSSIBLE, "build", "data", "--into", "town", "--mentor", "m"]
    refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert re.search("Seed .* gives a borough in which .* Nothing was written.$", in_one_line(refused))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_and_nothing_stays_on_it(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    small_disk = ("bwrap", "--dev-bind", "/", "/", "--size", TOO_SMALL, "--tmpfs", str(disk))
    shell = ("sh", "-c", f'"$@"; code=$?; ls -A {disk}; exit $code', "sh")
    for into in (disk / "town", disk):
        full = build_data("--into", into, within=(*small_disk, *shell))
        assert full.returncode == 1
        assert in_one_line(full) == f"pathway: {into}: no space left on its disk. Nothing was written."


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "kept").mkdir()
    sealed = ("bwrap", "--dev-bind", "/", "/", "--ro-bind", str(tmp_path / "kept"), str(tmp_path / "kept"))
    town, page = tmp_path / "kept" / "town", tmp_path / "kept" / "m"
    for arguments, named in ((("--into", town), town), (("--into", tmp_path / "town", "--mentor", page), page)):
        refused = build_data(*arguments, within=sealed)
        assert refused.returncode == 1
        assert in_one_line(refused) == f"pathway: {named}: Read-only file system. Nothing was written."
    assert [path.name for path in tmp_path.rglob("*")] == ["kept"]


@pytest.mark.parametrize("there_already", [False, True])
def test_ctrl_c_leaves_nothing_half_written(tmp_path, there_already):
    into = tmp_path / "town"
    if there_already:
        into.mkdir()
    command = [sys.executable, "-m", "course.cli", "build", "data", "--into", into]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not list(tmp_path.rglob("*/stage/*")) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in complaint
    assert [path.name for path in tmp_path.rglob("*")] == (["town"] if there_already else [])


def test_bench_seeds_tells_how_many_are_refused_and_how_close_the_others_come(tmp_path):
    command = [sys.executable, "-m", "course.cli", "bench", "seeds", "--seeds", "2"]
    environment = {**os.environ, "COLUMNS": "240"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"2 seeds, \d drawn", done.stdout)
    assert "Within" in done.stdout


@pytest.mark.parametrize("seeds", ["0", "many"])
def test_bench_of_no_seeds_is_refused(tmp_path, seeds):
    command = [sys.executable, "-m", "course.cli", "bench", "seeds", "--seeds", seeds]
    refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert in_one_line(refused) == f"pathway: --seeds {seeds}: give a whole number from 1."


def bench_siting(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "course.cli", "bench", "siting", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_bench_siting_tells_seconds_and_memory_as_towns_grow(tmp_path):
    done = bench_siting(tmp_path, "--areas", "80")
    assert done.returncode == 0, done.stderr
    assert re.search(r"capacitated +166 +77 +16 +3 +\d+\.\d\d +\d+ +0", done.stdout)
    assert len(re.findall(r"p-median +(?:20|40|80) ", done.stdout)) == 6


def test_bench_siting_solves_files_of_the_or_library_one_behind_the_other(tmp_path):
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text("4 4 1\n1 2 3\n2 3 9\n3 4 4\n3 2 1\n")
    done = bench_siting(tmp_path, "--orlib", "one.txt", "two.txt")
    assert done.returncode == 0, done.stderr
    assert re.search(r"one\.txt: 4 vertices, p 1, optimum 9 \(bound 9\), \d+\.\d s, \d+ MB\ntwo\.txt: ", done.stdout)


def test_bench_siting_refuses_a_file_with_its_line_before_it_solves_any(tmp_path):
    (tmp_path / "one.txt").write_text("2 1 1\n1 2 3\n")
    (tmp_path / "two.txt").write_text("2 1 1\n1 2 three\n")
    refused = bench_siting(tmp_path, "--orlib", "one.txt", "two.txt")
    assert refused.returncode == 1 and refused.stdout == ""
    assert in_one_line(refused) == "pathway: two.txt:2: an edge is two vertices and a cost, not '1 2 three'."


@pytest.mark.parametrize("arguments", [["one.txt"], ["--areas", "3"]])
def test_bench_siting_refuses_what_was_typed_amiss(tmp_path, arguments):
    refused = bench_siting(tmp_path, *arguments)
    assert refused.returncode == 2 and refused.stderr.startswith("pathway: ")
