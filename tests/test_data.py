"""Where `DATA` points, from wherever a notebook is run."""

from pathlib import Path

import pytest

import course
from course.data import data_folder

ROOT = Path(__file__).resolve().parent.parent


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
