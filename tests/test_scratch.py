"""Folders for a run: gone with it, and where it was killed, cleared away by the next one."""

import subprocess
import sys
from pathlib import Path

import pytest

from course.scratch import OWNER, Scratch, clear_left

HOLD = """
import sys
from course.scratch import Scratch
folder = Scratch("test")
print(folder.name, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


def holder() -> tuple[subprocess.Popen, Path]:
    """Another process that has a folder, and holds it until its input ends."""
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return process, Path(process.stdout.readline().strip())


def end(process: subprocess.Popen) -> None:
    process.communicate("")


def test_a_folder_is_gone_with_its_run(temporary):
    with Scratch("test") as folder:
        assert Path(folder).parent == temporary
        (Path(folder) / "kept.txt").write_text("for now")
    assert list(temporary.iterdir()) == []


def test_what_a_killed_run_leaves_is_cleared_away_and_what_is_in_use_stays(temporary):
    (killed, left), (alive, in_use) = holder(), holder()
    try:
        killed.kill()
        killed.communicate()
        assert left.is_dir()
        assert clear_left(temporary) == [left]
        assert not left.exists()
        assert in_use.is_dir()
    finally:
        end(alive)
    assert not in_use.exists()


def test_the_next_run_clears_by_itself(temporary):
    killed, left = holder()
    killed.kill()
    killed.communicate()
    following, _ = holder()
    assert not left.exists()
    end(following)


def test_a_folder_without_an_owner_s_file_and_a_link_are_nobody_s_to_clear(temporary, tmp_path_factory):
    (temporary / "pathway-mine").mkdir()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / OWNER).touch()
    (temporary / "pathway-link").symlink_to(elsewhere)
    assert clear_left(temporary) == []
    assert (elsewhere / OWNER).exists()
