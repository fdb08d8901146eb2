"""The installed course: a real wheel, built offline from a copy of the sources, and laid into a folder of its own."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

SOURCES = ("course", "data", "tests", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "LICENSE-CONTENT")


def uv(*arguments: str | Path) -> None:
    command = [Path(sys.executable).parent / "uv", *arguments, "--python", sys.executable, "--offline", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    """A copy, because building leaves files in the sources; with mentors' pages, whether or not they were made here."""
    root = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copyfile(ROOT / name, root / name)
    mentor = root / "course" / "town" / "mentor"
    mentor.mkdir(exist_ok=True)
    (mentor / "wexmoor-truth.csv").write_text("secret\n")
    (mentor / "README.md").write_text("secret\n")
    return root


@pytest.fixture(scope="module")
def wheel(sources) -> Path:
    """As `pip wheel` and `uv build` make it by default: from the source distribution."""
    stale = sources / "build" / "lib" / "course" / "_data" / "left-from-before.csv"
    stale.parent.mkdir(parents=True)
    stale.write_text("old\n")
    uv("build", "--no-build-isolation", "-o", sources / "dist", sources)
    (made,) = (sources / "dist").glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("installed") / "site-packages"
    uv("pip", "install", "--no-deps", "--target", folder, wheel)
    return folder


def names_in(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def test_it_carries_all_of_data(wheel, sources):
    data = sources / "data"
    expected = {f"course/_data/{path.relative_to(data).as_posix()}" for path in data.rglob("*") if path.is_file()}
    assert {name for name in names_in(wheel) if name.startswith("course/_data/")} == expected
    archive = zipfile.ZipFile(wheel)
    for name in ("datapackage.json", "wexmoor/skills-survey.csv"):
        assert archive.read(f"course/_data/{name}") == (data / name).read_bytes()


def test_a_wheel_made_straight_from_the_sources_is_the_same(wheel, sources, tmp_path):
    uv("build", "--wheel", "--no-build-isolation", "-o", tmp_path, sources)
    (straight,) = tmp_path.glob("*.whl")
    assert names_in(straight) == names_in(wheel)


def test_it_carries_no_answers_no_units_no_mentors_pages_and_no_tests(wheel):
    names = names_in(wheel)
    folders = {name.split("/")[0] for name in names}
    assert {folder for folder in folders if not folder.endswith(".dist-info")} == {"course"}, "nothing beside the package"
    inside = {name.split("/")[1] for name in names if name.startswith("course/") and name.count("/") > 1}
    assert {"_data", "builder", "launch", "town"} <= inside
    assert not inside & {"units", "tests"}
    assert {Path(name).suffix for name in names if name.startswith("course/site/")} == {".py"}, "no handbook"
    assert not [name for name in names if name.endswith((".ipynb", ".yaml")) or "town/mentor/" in name or "truth" in name]
    archive = zipfile.ZipFile(wheel)
    assert not [name for name in names if archive.read(name) == b"secret\n"]


def test_what_the_course_reads_beside_its_code_is_there(wheel):
    assert {"course/town/figures.csv", "course/launch/jupyter/jupyter_server_config.json"} <= names_in(wheel)


def test_data_is_found_from_any_folder(installed, tmp_path):
    code = "import course; print(course.__file__, course.DATA, *sorted(p.name for p in course.DATA.iterdir()), sep=chr(10))"
    environment = {name: value for name, value in os.environ.items() if name != "PATHWAY_DATA"}
    environment["PYTHONPATH"] = str(installed)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    where, data, *listed = done.stdout.splitlines()
    assert Path(where) == installed / "course" / "__init__.py"
    assert Path(data) == installed / "course" / "_data"
    assert listed == sorted(path.name for path in (ROOT / "data").iterdir())


def test_a_folder_called_data_beside_the_package_is_somebody_else_s(installed, tmp_path):
    copy = Path(shutil.copytree(installed, tmp_path / "site-packages"))
    (copy / "data").mkdir()
    (copy / "data" / "datapackage.json").write_text("{}")
    environment = os.environ | {"PYTHONPATH": str(copy)}
    environment.pop("PATHWAY_DATA", None)
    command = [sys.executable, "-c", "from course import DATA; print(DATA)"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()) == copy / "course" / "_data"
