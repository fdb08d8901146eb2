"""A Binder of the course: what repo2docker would build, and what a trainee then meets, replayed here without Docker.

The replay makes its environment of binder/requirements.txt from uv's cache, with the code that is compiled here already;
what else differs from a Binder stands in course/launch/replay.py. `pathway bench launch` and `pathway bench memory` measure.
"""

import json
import os
import re
import shutil
import subprocess
import tomllib
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from repo2docker.app import Repo2Docker

from course.builder.source import read_unit, unit_folders
from course.launch.bench import FIRST_CELL_S, FIRST_CODE, SHOWN, first_cell, open_notebook
from course.launch.browser import chromium
from course.launch.bundle import START, lay
from course.launch.leaks import Secrets
from course.launch.replay import BROUGHT, Replay, Server
from tests.conftest import ROOT
from tests.launch.test_bundle import lay_checkout

# In one process with the tests of the engine, so that their busy loops and floods do not run beside a browser.
pytestmark = pytest.mark.xdist_group("busy")
LESSON = "notebooks/01-what-is-data-science/venn-diagram.ipynb"
KEPT, LATER = "my_guess = 12  # kept in the browser", "my_guess = 13  # typed later"
PIP = "pip install --no-cache-dir -r"
WHOLE_REPOSITORY = re.compile(r"^COPY .*src/ \$\{REPO_DIR\}/$", re.MULTILINE)
PATIENCE_S = 60


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    tree = tmp_path_factory.mktemp("given") / "tree"
    lay(ROOT, tree)
    return tree


@pytest.fixture(scope="module")
def secrets() -> Secrets:
    return Secrets(ROOT, [read_unit(folder) for folder in unit_folders(ROOT / "course" / "units")])


# ---------------------------------------------------------------------------------------- what would be built


def dockerfile(repository: Path, monkeypatch) -> str:
    """What repo2docker makes of a repository: of whichever of its kinds it takes it for."""
    monkeypatch.chdir(repository)
    for kind in Repo2Docker().buildpacks:
        pack = kind("base")
        if pack.detect():
            pack.platform = "linux/amd64"
            return pack.render({"NB_USER": "jovyan", "NB_UID": "1000"})
    raise AssertionError("repo2docker knows nothing to do with it")


def environment_layer(repository: Path, monkeypatch) -> tuple[str, dict[str, bytes]]:
    """All that the image follows from until its environment is there: commands, and the repository's files they take."""
    text = dockerfile(repository, monkeypatch)
    commands = text[: text.index("\n", text.index(PIP))]
    taken = re.findall(r"^COPY \S+ src/(\S+) ", commands, re.MULTILINE)
    return commands, {name: (repository / name).read_bytes() for name in taken}


def test_its_requirements_are_the_lock():
    told = "binder/requirements.txt is not requirements.lock: `pathway lock` copies it"
    assert (ROOT / "binder" / "requirements.txt").read_bytes() == (ROOT / "requirements.lock").read_bytes(), told


def test_its_python_is_one_that_the_course_runs_on(tree, monkeypatch):
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    assert (tree / "binder" / "runtime.txt").read_text() == f"python-{oldest}\n"
    assert f"environment-2epy-2d{oldest.replace('.', '-2e')}-2dlinux" in dockerfile(tree, monkeypatch)


def test_its_environment_is_there_before_the_repository_is_and_follows_from_the_lock_alone(tree, tmp_path, monkeypatch):
    copy = Path(shutil.copytree(tree, tmp_path / "copy"))
    commands, taken = environment_layer(copy, monkeypatch)
    assert taken.keys() == {"binder/requirements.txt"}
    assert not WHOLE_REPOSITORY.search(commands)
    assert WHOLE_REPOSITORY.search(dockerfile(copy, monkeypatch)), "it comes later"
    for path in sorted(copy.rglob("*")):
        if path.is_file() and path != copy / "binder" / "requirements.txt" and path.parent != copy / "binder":
            path.write_bytes(b"# changed\n")
    for name in ("postBuild", "start"):
        with (copy / "binder" / name).open("a") as file:
            file.write("# changed\n")
    assert environment_layer(copy, monkeypatch) == (commands, taken)
    (copy / "binder" / "requirements.txt").write_text("pandas==3.0.0\n")
    assert environment_layer(copy, monkeypatch) != (commands, taken)


def test_a_line_that_needs_the_repository_would_be_noticed(tree, tmp_path, monkeypatch):
    copy = Path(shutil.copytree(tree, tmp_path / "copy"))
    with (copy / "binder" / "requirements.txt").open("a") as file:
        file.write("-e .\n")
    commands, _ = environment_layer(copy, monkeypatch)
    assert WHOLE_REPOSITORY.search(commands)


def test_it_ends_in_our_two_scripts_and_brings_what_keeps_work_in_the_browser(tree, monkeypatch):
    text = dockerfile(tree, monkeypatch)
    assert "RUN ./binder/postBuild" in text and 'R2D_ENTRYPOINT="${REPO_DIR}/binder/start"' in text
    encoded = re.search(r"COPY .*build_script_files/(\S*environment\S*)-\w+ /tmp/env", text)[1]
    lock = Path(re.sub("-([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), encoded))
    assert f"/{BROUGHT}-" in lock.read_text()


# ------------------------------------------------------------------------------------------------- built and started


@pytest.fixture(scope="module")
def replay(tree, tmp_path_factory) -> Replay:
    replay = Replay(tree, tmp_path_factory.mktemp("binder") / "place")
    replay.build()
    return replay


@pytest.fixture(scope="module")
def server(replay) -> Iterator[Server]:
    """A Binder that one trainee works in, in the tests that need no restart."""
    with replay.start() as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page.set_default_timeout(PATIENCE_S * 1000)
    expect.set_options(timeout=PATIENCE_S * 1000)
    yield page
    page.close()


def test_a_trainee_runs_the_first_cell_in_a_browser(server, page, capsys):
    took = first_cell(page, server, START)
    output = page.locator(FIRST_CODE).first.locator(".jp-OutputArea-output").first
    expect(output).to_have_text(re.compile(r"\d+"))
    with capsys.disabled():
        print(f" server {server.up_s:.1f} s, then first cell {took:.1f} s (a Binder's target is {FIRST_CELL_S} s) ", end="")


def test_of_nbgrader_a_trainee_has_validate_and_no_panel_for_mentors_or_an_exchange(server):
    page = server.ask("lab").decode()
    config = json.loads(re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.DOTALL)[1])
    panels = {"formgrader", "create-assignment", "course-list", "assignment-list"}
    assert {f"@jupyter/nbgrader:{panel}" for panel in panels} < set(config["disabledExtensions"])
    assert not {"@jupyter/nbgrader:validate-assignment", BROUGHT} & set(config["disabledExtensions"])
    for path in ("formgrader", "courses", "assignments", "formgrader/api/assignments"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            server.ask(path)


def test_a_trainee_sees_the_notebooks_and_the_data_and_not_what_is_for_machines(server):
    listed = {entry["name"] for entry in json.loads(server.ask("api/contents"))["content"]}
    assert listed == {"LICENSE", "LICENSE-CONTENT", "README.md", "data", "notebooks"}


def test_no_file_of_a_running_binder_gives_an_answer_away(replay, server, secrets):
    assert [str(leak) for leak in secrets.in_tree(server.home)] == []
    libraries = next((replay.environment / "lib").glob("python*")) / "site-packages"
    ours = [path for path in libraries.iterdir() if "pathway" in path.name or path.name == "course"]
    assert ours and [leak for path in ours if path.is_dir() for leak in secrets.in_tree(path)] == []
    for path in ("files/.git/HEAD", "files/course/units/pathway.yaml", "files/solutions/00-start-here/start-here.ipynb"):
        with pytest.raises(urllib.error.HTTPError, match="404|403"):
            server.ask(path)


def test_a_binder_of_the_whole_course_keeps_what_the_branch_would_hold(replay, tree, secrets, tmp_path):
    whole = lay_checkout(tmp_path / "course", without=())
    assert secrets.in_tree(whole)
    other = Replay(whole, tmp_path / "place")
    other.environment.symlink_to(replay.environment)
    try:
        other.post_build()
    finally:
        replay.post_build()  # the environment's `course` is the module's own again
    assert names(other.home) == names(tree)
    assert secrets.in_tree(other.home) == []


def names(tree: Path) -> set[str]:
    """The files of a repository, without what Python and pip leave."""
    paths = {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()}
    return {path for path in paths if not re.search(r"__pycache__|\.egg-info/|^\.cache/", path)}


def test_the_script_that_removes_files_refuses_to_run_in_somebody_s_checkout(tree, tmp_path):
    copy = Path(shutil.copytree(tree, tmp_path / "copy"))
    environment = {name: value for name, value in os.environ.items() if name != "REPO_DIR"}
    how = {"cwd": copy, "env": environment, "capture_output": True, "text": True, "check": False}
    refused = subprocess.run(["bash", "binder/postBuild"], **how)
    assert refused.returncode == 2
    assert refused.stderr == "binder/postBuild: this is for a Binder alone; on your own machine use run.py\n"
    assert names(copy) == names(tree)


# ------------------------------------------------------------------------------- work that outlasts its Binder


def opened(page: Page, server: Server) -> Locator:
    """The editor of the lesson's first cell of code, in which trainees put their guess."""
    open_notebook(page, server, LESSON)
    return page.locator(f"{FIRST_CODE} .cm-content").first


def write(page: Page, editor: Locator, source: str) -> None:
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)


def kept_in(server: Server) -> str:
    return nbformat.read(server.home / LESSON, as_version=4).cells[guess_at()].source


def guess_at() -> int:
    cells = nbformat.read(ROOT / LESSON, as_version=4).cells
    return next(number for number, cell in enumerate(cells) if cell.source == "my_guess = None")


def press(page: Page, title: str) -> None:
    """Press a button of the notebook's toolbar."""
    page.locator(f"{SHOWN} .jp-NotebookPanel-toolbar [title='{title}']").first.click()


def test_work_is_brought_to_the_next_binder_from_the_browser_or_as_a_file_saved_when_the_binder_was_gone(
    replay, server, page, tmp_path
):
    """Last of all: it ends the server of the tests above. The next has another path, at the same host."""
    editor = opened(page, server)
    expect(editor).to_have_text("my_guess = None")
    toolbar = page.locator(f"{SHOWN} .jp-NotebookPanel-toolbar")
    if os.environ.get("PATHWAY_PICTURES"):  # of the handbook, as in tests/site/test_handbook.py
        toolbar.screenshot(path=ROOT / "course" / "site" / "pictures" / "binder-toolbar.png", scale="css")
    write(page, editor, KEPT)
    press(page, "Save to browser storage")
    expect(page.locator(".jp-Dialog")).to_contain_text("Notebook saved to browser storage")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    write(page, editor, LATER)
    gone = page.locator(".jp-Dialog", has_text="Server Connection Error")  # comes when JupyterLab notices
    page.add_locator_handler(gone, lambda dialog: dialog.get_by_role("button").last.click())
    server.process.kill()
    server.process.wait()
    with page.expect_download() as downloaded:
        press(page, "Download visible")
    file = tmp_path / Path(LESSON).name
    downloaded.value.save_as(file)
    assert downloaded.value.suggested_filename == file.name

    with replay.start(urlsplit(server.address).port) as following:
        assert following.address != server.address
        assert kept_in(following) == "my_guess = None"
        page.goto(following.opens(str(Path(LESSON).parent)))
        page.locator(".jp-DirListing-item").filter(has_text=file.name).wait_for()
        with page.expect_file_chooser() as chooser:
            page.locator("[title='Upload Files'], [aria-label='Upload Files']").first.click()
        chooser.value.set_files(file)
        page.locator(".jp-Dialog .jp-mod-accept").click()  # Overwrite
        editor = page.locator(f"{FIRST_CODE} .cm-content").first
        expect(editor).to_have_text(LATER)
        assert kept_in(following) == LATER
        press(page, "Restore from browser storage")
        page.locator(".jp-Dialog .jp-mod-accept").click()
        expect(editor).to_have_text(KEPT)
        press(page, "Save and create checkpoint (Ctrl+S)")
        for _ in range(PATIENCE_S * 10):  # to be saved takes a moment
            if kept_in(following) == KEPT:
                break
            page.wait_for_timeout(100)
        assert kept_in(following) == KEPT
