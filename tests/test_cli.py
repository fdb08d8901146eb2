"""`pathway` as an author types it: what it prints, and its exit code, on a course in miniature with its own code."""

import os
import shutil
import subprocess
import sys
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
    checked = pathway(course, "build", "--check")
    assert checked.returncode == 1
    assert "notebooks/07-queues/queues.ipynb: cell 8 (promise-kept) differs in its source" in checked.stdout
    assert 'gives the answer of "promise-kept" away' in checked.stdout
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
