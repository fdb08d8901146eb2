"""Where `DATA` points, from wherever a notebook is run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import course
from course.data import data_folder
from course.launch.workspace import update

ROOT = Path(__file__).resolve().parent.parent
OTHER_SEED = "7"  # of an Eastmere of which the story can be told
TELL = "from course import DATA; print(DATA)"


@pytest.fixture(autouse=True)
def no_setting(monkeypatch):
    monkeypatch.delenv("PATHWAY_DATA", raising=False)


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "datapackage.json").write_text("{}")
    return folder


def test_the_folder_that_is_named_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("PATHWAY_DATA", str(made(tmp_path / "own")))
    made(tmp_path / "data")
    assert data_folder(tmp_path) == tmp_path / "own"


def test_a_named_folder_without_a_descriptor_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("PATHWAY_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"no datapackage\.json in it"):
        data_folder()


def test_the_nearest_folder_above_the_notebook_comes_next(tmp_path):
    made(tmp_path / "data")
    near = made(tmp_path / "workshop" / "data")
    (tmp_path / "workshop" / "00-start-here").mkdir()
    assert data_folder(tmp_path / "workshop" / "00-start-here") == near


def test_a_folder_called_data_without_a_descriptor_is_somebody_elses(tmp_path):
    (tmp_path / "home" / "data").mkdir(parents=True)
    made(tmp_path / "data")
    assert data_folder(tmp_path / "home") == tmp_path / "data"


def test_elsewhere_it_is_the_one_beside_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert course.DATA == ROOT / "data"


# The ways in which people have the course (an installed wheel: tests/test_wheel.py)


def told(folder: Path, *python_options: str, **environment: str) -> Path:
    """What a notebook in `folder` is told, in a process of its own."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("PATHWAY_DATA", "PYTHONPATH")}
    command = [sys.executable, *python_options, "-c", TELL]
    done = subprocess.run(command, cwd=folder, env=inherited | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def test_in_a_clone_it_is_the_clone_s(tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", ROOT.as_uri(), clone], check=True)
    for folder in ("notebooks/00-start-here", "solutions/01-what-is-data-science", "."):
        assert told(clone / folder, "-P") == clone / "data"
    assert told(tmp_path, PYTHONPATH=str(clone)) == clone / "data", "the package that is imported is the clone's"


def test_in_a_workspace_it_is_the_workspace_s(tmp_path):
    work = tmp_path / "work"
    update(work, ROOT)
    assert told(work / "00-start-here", "-P") == work / "data"
    descriptor = Path("data", "datapackage.json")
    assert (work / descriptor).read_bytes() == (ROOT / descriptor).read_bytes()
    assert not [
        path for path in work.rglob("*") if path.name == "mentor" or path.name.endswith(("-truth.csv", "-defects.csv"))
    ]


def test_a_cohort_s_own_data_is_its_own_wherever_it_lies(tmp_path):
    cohort = tmp_path / "cohort"
    (cohort / "release" / "01-what-is-data-science").mkdir(parents=True)
    build = [sys.executable, "-m", "course.cli", "build", "data", "--into", cohort / "data", "--eastmere-seed", OTHER_SEED]
    subprocess.run(build, cwd=tmp_path, check=True, capture_output=True)
    assert told(cohort / "release" / "01-what-is-data-science", "-P") == cohort / "data"
    assert told(ROOT / "notebooks", "-P", PATHWAY_DATA=str(cohort / "data")) == cohort / "data"
    survey = Path("eastmere", "skills-survey.csv")
    assert (cohort / "data" / survey).read_bytes() != (ROOT / "data" / survey).read_bytes()
