"""Fixtures of tiny_course: the index and the course that is set up are made once."""

import os
import shutil

import pytest

from tests.tiny_course import Course, Index, Proxy


@pytest.fixture(scope="session")
def index(tmp_path_factory):
    index = Index(tmp_path_factory.mktemp("index"))
    yield index
    index.stop()


@pytest.fixture
def course(tmp_path, index):
    (tmp_path / "course").mkdir()
    return Course(tmp_path / "course", index)


@pytest.fixture(scope="session")
def model(tmp_path_factory, index):
    """A course that `lab` has set up."""
    folder = tmp_path_factory.mktemp("model") / "course"
    folder.mkdir()
    model = Course(folder, index)
    assert model.run("lab").returncode == 7
    return model


@pytest.fixture
def ready(model, course):
    """A course as if `lab` had set it up: the model's .venv with the paths in it changed, which takes no seconds."""
    source, target = model.folder / ".venv", course.folder / ".venv"
    shutil.copytree(source, target, symlinks=True, copy_function=os.link)
    for pattern in ("pathway-setup.json", "pyvenv.cfg", "bin/pathway", "lib/*/site-packages/__editable__*"):
        for file in target.glob(pattern):
            text, mode = file.read_text(), file.stat().st_mode
            file.unlink()
            file.write_text(text.replace(str(model.folder), str(course.folder)))
            file.chmod(mode)
    return course


@pytest.fixture(scope="session")
def proxy(tmp_path_factory, index):
    proxy = Proxy(tmp_path_factory.mktemp("proxy"), index)
    yield proxy
    proxy.stop()
