"""Every exercise of the course is fair, and earns from the proof what it earns from nbgrader."""

import functools
import json
import subprocess
import sys

import nbformat
import pytest
from markupsafe import escape

from course.builder.source import unit_folders
from course.proof.prove import as_answered
from course.site.proved import RECORD, condensed
from tests.cohort import Cohort
from tests.conftest import ROOT

pytestmark = pytest.mark.xdist_group("busy")

UNITS = [folder.name for folder in unit_folders(ROOT / "course" / "units")]
GRADED = "01-what-is-data-science"
# Of each kind of answer, how many of each task nbgrader is given too.
SAMPLE = {"model": 1, "blank": 1, "right": 2, "wrong": 2, "mutant": 2}


@functools.cache
def proved(unit: str) -> tuple[int, dict, str, str]:
    """`pathway prove` as an author types it: its exit code, what came of the unit, the page, what it said."""
    page = ROOT / ".build" / "proof.html"
    command = [sys.executable, "-m", "course.cli", "prove", unit, "--json", "--html", str(page)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    proofs = json.loads(done.stdout) if done.stdout.startswith("[") else [{}]
    return (
        done.returncode,
        proofs[0],
        page.read_text(encoding="utf-8") if proofs[0] else "",
        done.stdout[:3000] + done.stderr,
    )


@pytest.mark.parametrize("unit", UNITS)
def test_every_exercise_is_fair(unit):
    code, proof, page, said = proved(unit)
    assert proof, said
    assert proof["problems"] == [] and proof["fair"] and code == 0
    assert len(proof["eastmeres"]) == 3
    named = [one["name"] for task in proof["tasks"] for one in task["tried"] if one["kind"] == "wrong"]
    assert all(str(escape(name)).lower() in page.lower() for name in named)


@pytest.mark.parametrize("unit", UNITS)
def test_the_web_site_shows_what_came_of_it(unit):
    _, proof, _, said = proved(unit)
    assert proof, said
    shown = json.loads((ROOT / RECORD).read_text(encoding="utf-8"))[unit]["tasks"]
    assert condensed(proof) == shown, f"run `pathway site --prove`, which keeps it in {RECORD}"


def test_answers_earn_the_same_from_nbgrader(tmp_path):
    _, proof, _, said = proved(GRADED)
    assert proof, said
    solutions = {path.stem: nbformat.read(path, as_version=4) for path in (ROOT / "solutions" / GRADED).glob("*.ipynb")}
    cohort = Cohort(tmp_path, GRADED, solutions)
    sampled = {task["task"]: sample(task) for task in proof["tasks"]}
    wanted: dict[str, dict[tuple[str, str], float]] = {}
    for number in range(max(map(len, sampled.values()))):
        trainee = f"trainee-{number}"
        wanted[trainee] = {}
        notebooks = {name: cohort.released(name) for name in solutions}
        for task in proof["tasks"]:
            given = sampled[task["task"]][number % len(sampled[task["task"]])]
            cell = next(cell for cell in notebooks[task["notebook"]].cells if cell.metadata.get("task") == task["task"])
            cell.source = as_answered(task["exercise"], given["answer"])
            wanted[trainee][task["notebook"], f"{task['task']}-check"] = given["earned"]
        for name, notebook in notebooks.items():
            cohort.submit(trainee, name, notebook)
    earned = cohort.autograde()
    differing = [
        (trainee, check, points, earned[trainee][check])
        for trainee, checks in wanted.items()
        for check, points in checks.items()
        if earned[trainee][check] != points
    ]
    assert differing == []
    assert {points > 0 for grades in wanted.values() for points in grades.values()} == {True, False}


def sample(task: dict) -> list[dict]:
    """Some answers of each kind to a task, taken at equal distances."""
    found = []
    for kind, wanted in SAMPLE.items():
        tried = [one for one in task["tried"] if one["kind"] == kind and one["eastmere"] is None]
        found += [tried[number * len(tried) // wanted] for number in range(min(wanted, len(tried)))]
    return found
