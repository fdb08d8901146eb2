"""The notebooks still run, and still say what the text says: nbval, in a real kernel, a notebook a test."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOLUTIONS = sorted((ROOT / "solutions").glob("*/*.ipynb"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*/*.ipynb"))


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def nbval(*arguments: str | Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pytest", "-vv", "-p", "no:cacheprovider", "-p", "no:xdist", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def comparing(path: Path) -> subprocess.CompletedProcess:
    return nbval("--nbval", "--nbval-sanitize-with", ROOT / "tests" / "nbval.cfg", path)


def test_there_are_notebooks_to_test():
    assert names(SOLUTIONS)
    assert [path.name for path in SOLUTIONS] == [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize("path", SOLUTIONS, ids=names(SOLUTIONS))
def test_a_solution_gives_the_outputs_that_are_stored_in_it(path):
    run = comparing(path)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_a_trainees_notebook_runs_and_only_tasks_and_checks_may_raise(path):
    run = nbval("--nbval-lax", path)
    assert run.returncode == 0, run.stdout


def test_a_changed_number_or_text_alternative_is_caught(tmp_path):
    """nbval is worth its minutes only if it fails when an output is another."""
    solution = ROOT / "solutions" / "00-start-here" / "start-here.ipynb"
    (tmp_path / "units.csv").write_bytes((solution.parent / "units.csv").read_bytes())
    text = solution.read_text(encoding="utf-8")
    assert 'alt=\\"' in text
    changed = tmp_path / "start-here.ipynb"
    changed.write_text(text.replace('alt=\\"', 'alt=\\"Not so: '), encoding="utf-8")
    run = comparing(changed)
    assert run.returncode == 1
    assert "Not so: " in run.stdout
