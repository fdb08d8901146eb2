"""Links: what is made holds when it is read as Binder, JupyterHub and nbgitpuller read it, and a broken one is told why."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from course.launch.browser import chromium
from course.launch.links import PULL, LinkError, badge, binder_link, check, hub_link, notebooks, read
from course.launch.settings import CourseSettings, SettingsError, read_settings
from tests.conftest import ROOT, edit

SETTINGS = CourseSettings(
    repository="https://github.com/wexmoor/pathway",
    trainee_branch="trainee",
    binder="https://mybinder.org",
    hub="https://hub.wexmoor.example",
    site="",
    contact="",
)
LESSON = "notebooks/01-what-is-data-science/venn-diagram.ipynb"
ODD = "notebooks/99-odd/50% of Größe & so on?.ipynb"  # whatever an address can trip over
PATIENCE_S = 90


# ---------------------------------------------------------------------------------------------------- making them


def test_a_binder_s_link_asks_for_the_branch_and_opens_jupyterlab_on_the_notebook():
    parts = urlsplit(binder_link(SETTINGS, LESSON))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://mybinder.org/v2/gh/wexmoor/pathway/trainee"
    assert parse_qs(parts.query) == {"urlpath": [f"lab/tree/{LESSON}"]}
    assert binder_link(SETTINGS).endswith("/trainee?urlpath=lab")


@pytest.mark.parametrize(
    ("repository", "where"),
    [
        ("https://github.com/wexmoor/pathway", "gh/wexmoor/pathway"),
        ("https://gitlab.com/council/wexmoor/pathway", "gl/council%2Fwexmoor%2Fpathway"),
        ("https://git.wexmoor.example/data/pathway", "git/https%3A%2F%2Fgit.wexmoor.example%2Fdata%2Fpathway"),
    ],
)
def test_a_binder_is_told_in_its_own_way_where_the_repository_lies(repository, where):
    settings = replace(SETTINGS, repository=repository, trainee_branch="for/may")
    link = binder_link(settings, LESSON)
    assert link.startswith(f"https://mybinder.org/v2/{where}/for%2Fmay?")
    assert check(link, settings) == []


def test_a_hub_s_link_carries_the_notebook_s_address_within_its_own():
    parts = urlsplit(hub_link(SETTINGS, ODD))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"https://hub.wexmoor.example{PULL}"
    query = {name: value for name, (value,) in parse_qs(parts.query, strict_parsing=True).items()}
    assert query["repo"] == SETTINGS.repository and query["branch"] == "trainee"
    assert query["urlpath"] != f"lab/tree/pathway/{ODD}", "decoded once, it is still an address"
    assert unquote(query["urlpath"]) == f"lab/tree/pathway/{ODD}"
    assert "%2520" in parts.query


def test_without_a_hub_there_is_no_link_to_it():
    with pytest.raises(LinkError, match=r"no hub is set: write its address into pyproject\.toml"):
        hub_link(replace(SETTINGS, hub=""), LESSON)


def test_every_notebook_has_links_that_hold():
    assert LESSON in notebooks() and len(notebooks()) == len(list((ROOT / "notebooks").glob("*/*.ipynb")))
    for notebook in notebooks():
        for link in (binder_link(SETTINGS, notebook), hub_link(SETTINGS, notebook)):
            assert read(link).file == notebook
            assert check(link, SETTINGS) == []
    assert f"]({binder_link(SETTINGS, LESSON)})" in badge(SETTINGS, LESSON)


# -------------------------------------------------------------------------------------------------- checking them


BINDER = "https://mybinder.org/v2/gh/wexmoor/pathway/trainee?urlpath=lab%2Ftree%2Fnotebooks%2F"
HUB = f"https://hub.wexmoor.example{PULL}?repo=https%3A%2F%2Fgithub.com%2Fwexmoor%2Fpathway&branch=trainee&urlpath="


@pytest.mark.parametrize(
    ("link", "told"),
    [
        (f"{BINDER}01-what-is-data-science%2Fvenn.ipynb", "the trainee tree has no such notebook"),
        (f"{BINDER}01-what-is-data-science%252Fvenn-diagram.ipynb", None),
        (f"{BINDER}01-what-is-data-science%25252Fvenn-diagram.ipynb", "It is encoded once too often"),
        (BINDER.replace("/trainee?", "/main?") + "glossary.md", 'trainees get "trainee", without answers'),
        (BINDER.replace("wexmoor", "eastmere"), "the course is at https://github.com/wexmoor/pathway"),
        (BINDER.replace("wexmoor", "EXAMPLE"), "set repository in pyproject.toml"),
        (BINDER.replace("urlpath", "filepath"), 'it says "filepath"; here only urlpath is used'),
        (BINDER.replace("lab%2Ftree", "tree"), "only lab/tree/PATH opens JupyterLab"),
        (BINDER + "a&urlpath=b", 'it says "urlpath" twice'),
        ("https://mybinder.org/v2/gh/wexmoor/trainee", "a Binder wants .../v2/gh/OWNER/NAME/BRANCH"),
        (HUB + "lab%2Ftree%2Fnotebooks%2Fx.ipynb", "has to begin with lab/tree/pathway"),
        (HUB.replace("&branch=trainee", "") + "lab", 'it does not say "branch"'),
        (HUB.replace(PULL, "/hub/spawn") + "lab", "neither a link of a Binder"),
        ("pathway", "it is no web address"),
        ("https://[mybinder", "it is no web address"),
    ],
)
def test_a_broken_link_is_told_what_is_wrong_with_it(link, told):
    found = check(link, SETTINGS)
    if told is None:  # one slash more or less encoded is the same address to a browser
        assert found == []
    else:
        assert any(told in problem for problem in found), found


def test_a_link_of_an_older_course_is_noticed_when_its_notebook_has_another_name(tmp_path):
    link = binder_link(SETTINGS, LESSON)
    made = tmp_path / LESSON
    made.parent.mkdir(parents=True)
    made.write_text("{}")
    assert check(link, SETTINGS, tmp_path) == []
    made.rename(made.with_name("circles.ipynb"))
    assert check(link, SETTINGS, tmp_path) == [f"it opens {LESSON}, and the trainee tree has no such notebook."]


# -------------------------------------------------------------------------------- followed by the real nbgitpuller


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.xdist_group("busy")
def test_a_hub_s_link_brings_the_tree_and_opens_its_notebook_whatever_its_name(tmp_path):
    """What a hub hands on to a trainee's server, in a real browser: the repository is one of this machine."""
    repository, home, port = tmp_path / "pathway", tmp_path / "home", free_port()
    (repository / ODD).parent.mkdir(parents=True)
    (repository / ODD).write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    home.mkdir()
    for command in (
        ["init", "--quiet", "--initial-branch=trainee"],
        ["add", "--all"],
        ["-c", "user.name=A", "-c", "user.email=a@example.invalid", "commit", "--quiet", "--message=Tree"],
    ):
        subprocess.run(["git", *command], cwd=repository, check=True)
    link = hub_link(replace(SETTINGS, repository=repository.as_uri()), ODD)
    handed_on = f"http://127.0.0.1:{port}/git-pull?{urlsplit(link).query}&token=t"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1"]
    command += ["--IdentityProvider.token=t", f"--ServerApp.root_dir={home}"]
    environment = os.environ | {
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        with chromium() as browser:
            page = browser.new_page()
            page.set_default_timeout(PATIENCE_S * 1000)
            wait_for(f"http://127.0.0.1:{port}/api")
            page.goto(handed_on)
            page.wait_for_selector(".jp-NotebookPanel")
            title = page.locator(".lm-DockPanel-tabBar .lm-TabBar-tabLabel").first.inner_text()
    finally:
        server.kill()  # asked to end, it may wait for its threads for ever
        server.wait()
    assert title == Path(ODD).name
    assert (home / "pathway" / ODD).is_file()


def wait_for(address: str) -> None:
    for _ in range(PATIENCE_S * 10):
        try:
            with urllib.request.urlopen(address):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)


# ------------------------------------------------------------------------------------------------------ settings


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "pyproject.toml"
    path.write_bytes((ROOT / "pyproject.toml").read_bytes())
    return path


def test_the_course_s_own_settings_can_be_read_and_say_whether_it_is_published(file):
    settings = read_settings(file)
    assert settings == read_settings()
    published = replace(settings, repository=settings.repository.replace("EXAMPLE", "wexmoor"))
    assert published.is_published
    assert settings.is_published == ("EXAMPLE" not in settings.repository)


def test_an_address_is_tidied(file):
    edit(file, re.search(r'repository = "(.*)"', file.read_text())[1], "https://github.com/wexmoor/pathway.git/")
    assert read_settings(file).repository == "https://github.com/wexmoor/pathway"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('hub = "hub.wexmoor.example"', "is no web address (https://...)"),
        ('contact = "the front desk"', "is no mail or web address"),
        ('trainee-branch = "for trainees"', "is no name for a branch of git"),
        ('repository = "https://github.com/wexmoor"', "is no address of a repository"),
        ('binder = ""', "may not be empty"),
        ("site = true", "has to be text in quotes"),
        ('sight = ""', 'has "sight", which nothing reads'),
        ("", 'has no "contact"'),
    ],
)
def test_a_setting_that_cannot_be_used_is_told_in_one_line(file, line, told):
    text = file.read_text(encoding="utf-8")
    name = line.split(" = ")[0] or "contact"
    if name == "sight":
        text = text.replace("[tool.pathway]", f"[tool.pathway]\n{line}")
    else:
        text = re.sub(rf"(?m)^{name} = .*$", line, text)
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"^pyproject\.toml: .*\[tool\.pathway\]") as refused:
        read_settings(file)
    assert told in str(refused.value) and "\n" not in str(refused.value)


# ----------------------------------------------------------------------------------------------- as a command


def pathway(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "course.cli", "links", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | {"COLUMNS": "100"}, capture_output=True, text=True, check=False
    )


def test_the_command_prints_links_that_it_can_read_and_badges_to_paste():
    said = pathway("04", "venn-diagram")
    links = re.findall(r"https://\S+", said.stdout)
    assert {read(link).file for link in links} == {LESSON, *(path for path in notebooks() if "/04-" in path)}
    assert pathway("venn-diagram", "--markdown").stdout.startswith("[![Open venn-diagram.ipynb in a Binder](")
    unknown = pathway("98")
    assert unknown.returncode == 2 and 'no notebook or unit is called "98"' in unknown.stderr


def test_the_command_checks_a_link_and_ends_with_1_where_it_does_not_hold():
    said = pathway("--check", "https://mybinder.org/v2/gh/wexmoor/trainee", "--check", "pathway")
    assert said.returncode == 1
    assert said.stdout.splitlines()[0].endswith("/OWNER%2FNAME or git/ADDRESS for other hosts).")
    assert said.stdout.splitlines()[1] == "pathway: it is no web address."
