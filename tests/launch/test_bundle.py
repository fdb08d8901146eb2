"""The trainee tree: whole enough to work in, without anything that gives an answer away, and given out with care."""

import io
import json
import os
import py_compile
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml
from nbgitpuller.pull import GitPuller

from course.builder.source import Unit, hidden_part, read_unit, solution_part, unit_folders
from course.launch.bundle import FOLDER, BundleError, as_branch, as_zip, lay
from course.launch.leaks import Secrets
from tests.conftest import ROOT, edit

LESSON = "notebooks/01-what-is-data-science/venn-diagram.ipynb"
UNIT = "04-where-to-build-a-school"
# Folders and files of the checkout that are for mentors, authors or machines.
NOT_FOR_TRAINEES = {"units", "proof", "builder", "grading", "engine", "site", "town", "mentor", "solutions", "tests", ".git"}


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Author", "-c", "user.email=author@example.invalid", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def lay_checkout(folder: Path, without: tuple[str, ...] = ("solutions/", "tests/")) -> Path:
    """A checkout of the course as it is here, committed or not, with a history of its own; `without` some of its folders."""
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in listed:
        if (ROOT / name).is_file() and not name.startswith(without):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder)
    return folder


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=Work")


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """A checkout that is only read."""
    return lay_checkout(tmp_path_factory.mktemp("kept"))


@pytest.fixture
def checkout(kept, tmp_path) -> Path:
    """A checkout of its own for a test that changes it."""
    return Path(shutil.copytree(kept, tmp_path / "checkout", symlinks=True))


@pytest.fixture(scope="module")
def tree(kept, tmp_path_factory) -> Path:
    tree = tmp_path_factory.mktemp("given") / "tree"
    lay(kept, tree)
    return tree


@pytest.fixture(scope="module")
def units() -> list[Unit]:
    return [read_unit(folder) for folder in unit_folders(ROOT / "course" / "units")]


@pytest.fixture(scope="module")
def secrets(units) -> Secrets:
    return Secrets(ROOT, units)


def files_of(tree: Path) -> dict[str, bytes]:
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in tree.rglob("*") if path.is_file()}


# ----------------------------------------------------------------------------------------------- what is in it


def test_it_has_all_that_notebooks_import_and_all_of_their_data(tree, tmp_path):
    sources = [
        cell.source
        for path in sorted((tree / "notebooks").glob("*/*.ipynb"))
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
    ]
    imports = sorted(set(re.findall(r"^(?:from course\S* import .+|import course.*)$", "\n".join(sources), re.MULTILINE)))
    assert len(imports) > 10
    ours = "{module.__file__ for name, module in sys.modules.items() if name.split('.')[0] == 'course'}"
    code = "\n".join([*imports, "import sys, course", f"print(course.DATA, *{ours}, sep=chr(10))"])
    environment = {name: value for name, value in os.environ.items() if name != "PATHWAY_DATA"} | {"PYTHONPATH": str(tree)}
    how = {"cwd": tree / "notebooks" / UNIT, "env": environment | {"PYTHONDONTWRITEBYTECODE": "1"}}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, **how)
    assert done.returncode == 0, done.stderr
    data, *modules = map(Path, done.stdout.split())
    assert data == tree / "data"
    assert len(modules) > 5 and [path for path in modules if not path.is_relative_to(tree)] == []
    assert files_of(tree / "notebooks") == {
        name: content for name, content in files_of(ROOT / "notebooks").items() if ".ipynb_checkpoints" not in name
    }
    assert files_of(tree / "data") == files_of(ROOT / "data")


def test_the_lab_opens_from_it(tree, tmp_path):
    copy = Path(shutil.copytree(tree, tmp_path / "tree"))
    command = [
        sys.executable,
        "-m",
        "course.launch.lab",
        "--no-browser",
        "--port",
        "0",
        "--workspace",
        str(tmp_path / "work"),
    ]
    environment = os.environ | {"PYTHONPATH": str(copy), "HOME": str(tmp_path)}
    lab = subprocess.Popen(command, cwd=copy, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = next((line for line in lab.stdout if "is ready: " in line), None)
    lab.terminate()
    lab.communicate()
    assert said and "/lab/tree/00-start-here/start-here.ipynb" in said
    assert (tmp_path / "work" / "01-what-is-data-science" / "venn-diagram.ipynb").is_file()


def test_what_belongs_to_authors_is_told_so_in_words(tree, tmp_path):
    command = [sys.executable, str(tree / "run.py"), "build"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "the trainees' copy of the course, which has no `build`: `run.py lab` opens it" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_in_it_is_for_mentors_or_authors(tree):
    names = files_of(tree).keys()
    assert not [name for name in names if NOT_FOR_TRAINEES & set(name.split("/"))]
    assert not [name for name in names if name.endswith(("answers.yaml", "mentor.md", "-truth.csv", "-defects.csv", ".pyc"))]
    assert "README.md" in names and b"trainees' copy" in (tree / "README.md").read_bytes()


def test_its_badge_comes_once_the_course_has_an_address(checkout, tmp_path):
    assert "mybinder" not in (checkout / "course" / "launch" / "trainees.md").read_text()
    edit(checkout / "pyproject.toml", "github.com/EXAMPLE/", "github.com/wexmoor/")
    lay(checkout, tmp_path / "tree")
    readme = (tmp_path / "tree" / "README.md").read_text(encoding="utf-8")
    link = (
        "https://mybinder.org/v2/gh/wexmoor/data-science-learning-pathway/trainee?urlpath=lab%2Ftree%2Fnotebooks%2F00-start"
    )
    assert f"]({link}" in readme


# --------------------------------------------------------------------------------------------- what must not be


def test_no_file_of_it_gives_an_answer_or_a_hidden_check_away(tree, secrets):
    assert [str(leak) for leak in secrets.in_tree(tree)] == []


def test_every_exercise_that_counts_is_searched_for(units, secrets):
    """The rule that leaves out what is short leaves no exercise of an assessment out."""
    leaks = secrets.in_tree(ROOT / "solutions")
    named = {
        leak.what.rsplit("of ", 1)[1] + " " + re.findall(r'"(.+?)"', leak.what)[0] for leak in leaks if '"' in leak.what
    }
    wanted = {
        f"{unit.name}/{unit.assessment.name} {exercise.id}"
        for unit in units
        if unit.assessment
        for exercise in unit.assessment.exercises
    }
    assert len(wanted) > 20
    assert wanted - named == set()


def a_hidden_line(units: list[Unit]) -> str:
    return next(line.strip() for line in hidden_part(_last(units).check.source).splitlines() if "expect(" in line)


def _last(units: list[Unit]):
    return [
        exercise for exercise in units[-1].assessment.exercises if exercise.check and hidden_part(exercise.check.source)
    ][-1]


def as_notebook(line: str) -> bytes:
    cell = {
        "cell_type": "code",
        "source": ["x = 1\n", f"    {line[:15]}", f"{line[15:]}  \n"],
        "outputs": [],
        "metadata": {},
    }
    return json.dumps({"cells": [cell], "metadata": {}}).encode()


def as_output(line: str) -> bytes:
    cell = {"cell_type": "code", "source": [], "outputs": [{"data": {"text/plain": f"…\n{line}"}}], "metadata": {}}
    return json.dumps({"cells": [cell], "metadata": {}}).encode()


def in_archive(line: str) -> bytes:
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("deep/notebook.ipynb", as_notebook(line))
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.zip", inner.getvalue())
    return outer.getvalue()


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("notebook.ipynb", as_notebook),
        ("output.ipynb", as_output),
        ("damaged.ipynb", lambda line: b'{"cells": ' + line.encode()),
        ("table.xlsx", in_archive),
        ("module.py", lambda line: f"if True:\n\t{line}\n".encode()),
        ("notes.csv", lambda line: f"1,2,{line},3".encode()),
    ],
)
def test_a_hidden_check_is_found_wherever_it_is_planted(units, secrets, tree, tmp_path, name, holds):
    copy = Path(shutil.copytree(tree / "binder", tmp_path / "tree"))
    assert secrets.in_tree(copy) == []
    line = a_hidden_line(units)
    (copy / name).write_bytes(holds(line))
    (found,) = [leak for leak in secrets.in_tree(copy) if leak.text == " ".join(line.split())]
    assert found.file.startswith(name) and f'a hidden check of "{_last(units).id}"' in found.what


def test_a_hidden_check_is_found_in_compiled_code(units, secrets, tmp_path):
    source = tmp_path / "module.py"
    source.write_text("def check(expect, **names):\n    " + a_hidden_line(units), encoding="utf-8")
    compiled = py_compile.compile(str(source), cfile=str(tmp_path / "tree" / "module.pyc"), doraise=True)
    assert [leak for leak in secrets.in_tree(Path(compiled).parent) if "a hidden check of" in leak.what]


def test_answers_banks_mentors_pages_and_the_truth_of_the_data_are_found_too(units, secrets):
    unit = next(one for one in units if one.name == UNIT)
    answer = solution_part(next(one for one in unit.assessment.exercises if one.task).task.source)
    model = next(one for notebook in unit.notebooks for one in notebook.exercises if one.written).written.source
    mentor = (unit.folder / "mentor.md").read_text(encoding="utf-8").splitlines()
    bank = yaml.safe_load((unit.folder / "answers.yaml").read_text(encoding="utf-8"))
    truth = (ROOT / "course" / "town" / "mentor" / "wexmoor-truth.csv").read_text(encoding="utf-8").splitlines()
    planted = {
        "the answer of": " ".join(answer.split()),
        "the model text of": " ".join(model.split()),
        "for mentors": max(mentor, key=len),
        "the bank of answers for": next(iter(bank.values()))["wrong"][0]["answer"],
        "course/town/mentor": truth[5],
    }
    for what, text in planted.items():
        assert [leak for leak in secrets.in_file("notes.md", text.encode()) if what in leak.what], what


# ------------------------------------------------------------------------------------------------- as an archive


def test_the_archive_holds_the_tree_and_is_the_same_each_time(kept, tree, tmp_path):
    laid = as_zip(kept, tmp_path / "one.zip")
    as_zip(kept, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        held = {info.filename.removeprefix(f"{FOLDER}/"): archive.read(info) for info in archive.infolist()}
        modes = {info.filename.removeprefix(f"{FOLDER}/"): info.external_attr >> 16 for info in archive.infolist()}
    assert held == files_of(tree)
    assert sorted(held) == [path.as_posix() for path in laid]
    assert {name for name, mode in modes.items() if mode & stat.S_IXUSR} == {"run.py", "binder/postBuild", "binder/start"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.zip", "two.zip"]


def test_a_file_that_is_there_and_a_folder_that_is_not_are_refused(kept, tmp_path):
    (tmp_path / "mine.zip").write_text("mine")
    with pytest.raises(BundleError, match=r"mine\.zip is there already: remove it, or name another"):
        as_zip(kept, tmp_path / "mine.zip")
    assert (tmp_path / "mine.zip").read_text() == "mine"
    with pytest.raises(BundleError, match="nowhere is no folder"):
        as_zip(kept, tmp_path / "nowhere" / "course.zip")
    with pytest.raises(BundleError, match="is not an empty folder"):
        lay(kept, tmp_path)


def test_a_copy_in_which_something_is_missing_is_refused(checkout, tmp_path):
    (checkout / "course" / "siting.py").unlink()
    with pytest.raises(BundleError, match=r"course/siting\.py is missing in .*: get a whole copy of the course"):
        lay(checkout, tmp_path / "tree")


def test_a_notebook_that_gives_an_answer_away_keeps_all_from_being_given_out(checkout, units, tmp_path):
    """Not a stale one: the answer is in an output, which telling whether it is stale does not look at."""
    lesson = checkout / LESSON
    notebook = nbformat.read(lesson, as_version=4)
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    cell.outputs = [nbformat.v4.new_output("stream", text=a_hidden_line(units))]
    nbformat.write(notebook, lesson)
    with pytest.raises(BundleError, match=rf'^{LESSON} gives away a hidden check of "'):
        as_zip(checkout, tmp_path / "course.zip")
    assert not (tmp_path / "course.zip").exists()


def test_what_the_text_no_longer_makes_is_refused(checkout, tmp_path):
    edit(
        checkout / "course" / "units" / "01-what-is-data-science" / "venn-diagram.md", "Find me the three", "Find the three"
    )
    (checkout / "notebooks" / UNIT / "left-from-before.ipynb").write_text("{}")
    with pytest.raises(BundleError) as refused:
        as_zip(checkout, tmp_path / "course.zip")
    assert str(refused.value).splitlines() == [
        f"{LESSON} is not what course/units makes: run `pathway build`.",
        f"notebooks/{UNIT}/left-from-before.ipynb is not what course/units makes: run `pathway build`.",
    ]


# -------------------------------------------------------------------------------------------------- as a branch


def test_the_branch_holds_the_tree_alone_and_no_checkout_notices(kept, tree):
    before = {name: git(kept, *command.split()) for name, command in STATE.items()}
    index = (kept / ".git" / "index").read_bytes()
    made = as_branch(kept, "trainee")
    assert made.is_new
    assert {name: git(kept, *command.split()) for name, command in STATE.items()} == before
    assert (kept / ".git" / "index").read_bytes() == index
    listed = git(kept, "ls-tree", "-r", "-z", "trainee").rstrip("\0").split("\0")
    assert [entry.split("\t")[1] for entry in listed] == sorted(files_of(tree))
    assert {entry.split("\t")[1] for entry in listed if entry.startswith("100755")} == {
        "run.py",
        "binder/postBuild",
        "binder/start",
    }
    assert git(kept, "rev-list", "--count", "trainee") == "1", "it has no parent, and so none of the course's history"
    again = as_branch(kept, "trainee")
    assert (again.commit, again.is_new) == (made.commit, False)
    git(kept, "branch", "--quiet", "-D", "trainee")
    assert as_branch(kept, "trainee").commit == made.commit, "whoever makes it gets the same"


STATE = {
    "head": "rev-parse HEAD",
    "branch": "symbolic-ref HEAD",
    "status": "status --porcelain --ignored",
    "stash": "stash list",
}


def test_an_update_reaches_who_pulled_before_and_keeps_what_they_wrote(checkout, tmp_path):
    first = as_branch(checkout, "trainee")
    home = tmp_path / "home" / "course"

    def pull() -> None:
        list(GitPuller(checkout.as_uri(), str(home), branch="trainee").pull())

    pull()
    assert git(home, "for-each-ref", "--format=%(refname:short)", "refs/remotes") == "origin/trainee"
    edit(home / LESSON, "my_guess = None", "my_guess = 12")
    edit(checkout / "data" / "README.md", "Two boroughs on a coast", "Two councils on a coast")
    commit(checkout)
    second = as_branch(checkout, "trainee")
    assert git(checkout, "rev-list", "trainee").split() == [second.commit, first.commit]
    pull()
    assert "my_guess = 12" in (home / LESSON).read_text()
    assert "Two councils on a coast" in (home / "data" / "README.md").read_text()


def test_a_new_clone_goes_on_from_the_published_branch(checkout, tmp_path):
    first = as_branch(checkout, "trainee")
    git(tmp_path, "clone", "--quiet", checkout.as_uri(), "clone")
    clone = tmp_path / "clone"
    edit(clone / "data" / "README.md", "Two boroughs on a coast", "Two councils on a coast")
    commit(clone)
    second = as_branch(clone, "trainee")
    assert git(clone, "rev-list", "trainee").split() == [second.commit, first.commit]
    git(clone, "push", "--quiet", "origin", "trainee")


def test_a_branch_of_other_work_or_that_somebody_works_on_is_refused(checkout, tmp_path):
    git(checkout, "branch", "draft")
    with pytest.raises(BundleError, match="there is a branch draft already, and it is no trainee tree"):
        as_branch(checkout, "draft")
    with pytest.raises(BundleError, match=r"main is checked out in .*checkout: switch"):
        as_branch(checkout, "main")
    git(checkout, "worktree", "add", "--quiet", str(tmp_path / "beside"), "draft")
    with pytest.raises(BundleError, match=r"draft is checked out in .*beside: switch"):
        as_branch(checkout, "draft")
    for name in ("-d", "a..b", "two words"):
        with pytest.raises(BundleError, match="is no name for a branch"):
            as_branch(checkout, name)


def test_what_is_not_committed_is_refused(checkout):
    (checkout / "notebooks" / UNIT / "mine.ipynb").write_text("{}")
    edit(checkout / "data" / "README.md", "Two boroughs", "Two councils")
    with pytest.raises(BundleError, match=rf"not committed yet: data/README\.md, notebooks/{UNIT}/mine\.ipynb\. Commit it"):
        as_branch(checkout, "trainee")


def test_a_folder_that_is_no_checkout_can_be_no_branch(checkout, tmp_path):
    shutil.rmtree(checkout / ".git")
    with pytest.raises(BundleError, match="is no checkout of git, so that it can have no branch: use --zip FILE"):
        as_branch(checkout, "trainee")
    git(checkout.parent, "init", "--quiet")
    with pytest.raises(BundleError, match="is no checkout of git"):
        as_branch(checkout, "trainee")


# -------------------------------------------------------------------------------------------------- as a command


def pathway(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(root), "COLUMNS": "100"}
    command = [sys.executable, "-m", "course.cli", *arguments]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def test_the_command_says_what_was_made_and_what_to_push(kept):
    said = pathway(kept, "bundle", "--branch", "for-may")
    assert said.returncode == 0, said.stderr
    assert re.search(r"Branch for-may: commit [0-9a-f]{12}, made\. No checkout was touched\.", said.stdout)
    assert "Next: git push origin for-may, then pathway links" in said.stdout


def test_the_command_refuses_in_one_line(kept, tmp_path):
    both = pathway(kept, "bundle", "--zip", "course.zip", "--branch", "trainee")
    assert both.returncode == 2 and "take one at a time" in both.stderr
    there = pathway(kept, "bundle", "--zip", "README.md")
    assert there.returncode == 1
    assert there.stderr == "pathway: README.md is there already: remove it, or name another.\n"
