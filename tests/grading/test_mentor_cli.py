"""The mentor's commands as they are typed: what they print and end with; and marking by hand, in a real browser."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

from course.grading.cohort import Cohort
from course.grading.exchange import release
from course.grading.export import status
from course.grading.grade import grade
from course.launch.browser import chromium
from tests.conftest import ROOT
from tests.grading.small_unit import ASSESSMENT, LESSON, UNIT, answered, edit_cell, new_cohort

RIGHT = {
    "longest-wait": "def longest(waits):\n    return waits.max() if len(waits) else 0",
    "which-number": 'number = "share"',
    "sentence": "Two of the eight waited more than an hour.",
}
HARM = '<img src=x onerror="window.ran = 1"><script>window.ran = 1</script>'


def pathway(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "course.cli", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "100", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def done(folder: Path, *arguments: str | Path) -> str:
    """What a command printed that did what it was asked for; its last words say what to do next."""
    ran = pathway(folder, *arguments)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"^Next: ", ran.stdout, re.MULTILINE)
    return ran.stdout


def refused(folder: Path, *arguments: str | Path, code: int = 2) -> str:
    """The one line of a command that was refused."""
    ran = pathway(folder, *arguments)
    (line,) = ran.stderr.strip().splitlines()
    assert ran.returncode == code and ran.stdout == "" and line.startswith("pathway: ")
    return line


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Cohort:
    """Two trainees of three have handed in by files: t01 right, t02 with a script in an answer. Collected and graded."""
    folder = tmp_path_factory.mktemp("mentor")
    cohort = new_cohort(folder)
    (folder / "files").mkdir()
    for name in (LESSON, ASSESSMENT):
        (folder / "files" / f"t01_{name}.ipynb").write_text(answered(cohort, name, RIGHT))
        answers = {
            "sentence": rf"{HARM} Nobody. $\frac{{1}}{{2}}$",
            "which-number": f"from IPython.display import HTML\nHTML({HARM!r})",
        }
        (folder / "files" / f"t02_{name}.ipynb").write_text(answered(cohort, name, answers))
    (folder / "files" / "notes.txt").write_text("not mine")
    collected = done(cohort.root, "collect", "7", "--from", folder / "files")
    assert "2 submissions (2 new, 0 replaced by a later one, 0 as before)" in collected
    assert "notes.txt: not a notebook (.ipynb)" in collected and "Next: pathway grade 07" in collected
    graded = done(cohort.root, "grade")
    assert "2 submissions graded" in graded and "Next: pathway mentor" in graded
    return cohort


def test_a_cohort_from_its_roster_to_its_first_release(tmp_path):
    (tmp_path / "roster.csv").write_text("id\nt01\nt02\n")
    made = done(tmp_path, "cohort", "new", "autumn", "--roster", "roster.csv")
    assert "autumn: 2 trainees, course id autumn." in made and "Next: cd autumn, then pathway release 01" in made
    assert "Next: pathway release 01" in done(tmp_path / "autumn", "status")
    released = done(tmp_path / "autumn", "release", "1", "--due", "2026-12-01 17:00")
    assert "01-what-is-data-science: released (data-science-assessment, venn-diagram)." in released
    assert "Due 2026-12-01 17:00 UTC." in released
    again = done(tmp_path, "release", "01", "--cohort", "autumn")
    assert "nothing changed since it was released" in again and "Due 2026-12-01 17:00 UTC." in again


@pytest.mark.parametrize("command", ["collect", "grade", "mentor", "feedback", "report", "export", "status", "release 1"])
def test_outside_a_cohort_a_command_says_so_in_one_line(tmp_path, command):
    assert "is not in a cohort's folder" in refused(tmp_path, *command.split())


def test_what_was_typed_amiss_is_refused_in_one_line(cohort, tmp_path):
    (tmp_path / "roster.csv").write_text("id\nt01\nt01\n")
    assert "roster.csv:3: the id" in refused(tmp_path, "cohort", "new", "x", "--roster", "roster.csv")
    assert "--eastmere-seed one: give a whole number" in refused(
        tmp_path, "cohort", "new", "x", "--roster", "roster.csv", "--eastmere-seed", "one"
    )
    assert "lies in the course's checkout" in refused(tmp_path, "cohort", "new", ROOT / "x", "--roster", "roster.csv")
    assert 'No unit is called "9". Released are 07-queues.' in refused(cohort.root, "grade", "9")
    assert "--due tomorrow: give a date and time" in refused(cohort.root, "release", "7", "--due", "tomorrow")
    assert "nowhere is no folder" in refused(tmp_path, "status", "--cohort", "nowhere")
    assert "does not exist" in refused(cohort.root, "collect", "7", "--from", "nowhere.zip")
    assert "no due date" in refused(cohort.root, "extend", "7", "--trainee", "t01", "--hours", "48")
    assert not (tmp_path / "x").exists()


def test_status_says_how_far_each_unit_is_and_what_to_do_next(cohort):
    table = done(cohort.root, "status")
    assert re.search(r"07-queues\s+2 of 3\s+2\s+2\s+0", table)
    assert "Next: pathway mentor, to mark unit 07 by hand" in table
    (unit,) = json.loads(pathway(cohort.data, "status", "--json").stdout)["units"]
    assert {"trainees": 3, "collected": 2, "graded": 2, "to_grade": 0, "feedback": 0}.items() <= unit.items()


def test_the_next_step_follows_the_work(cohort, tmp_path):
    shutil.copytree(cohort.root.parent, tmp_path, dirs_exist_ok=True)
    copy = Cohort(tmp_path / "cohort")

    def what_next() -> str:
        return status(copy)[0].next

    submitted = next((copy.submitted / "t01" / UNIT).glob("*.ipynb"))
    submitted.write_text(submitted.read_text() + "\n")
    assert (status(copy)[0].to_grade, what_next()) == (1, "pathway grade 07")
    edit_cell(tmp_path / "checkout" / "solutions" / UNIT / f"{ASSESSMENT}.ipynb", "Nobody came", "Nobody at all came")
    release(copy, "7", checkout=tmp_path / "checkout")
    assert (status(copy)[0].to_grade, what_next()) == (2, "pathway grade 07")
    grade(copy)
    assert what_next() == "pathway mentor, to mark unit 07 by hand"
    with copy.gradebook() as gradebook:
        for submission in gradebook.assignment_submissions(UNIT):
            for mark in (mark for notebook in submission.notebooks for mark in notebook.grades):
                mark.manual_score, mark.needs_manual_grade = mark.auto_score or 1, False
        gradebook.db.commit()
    assert what_next() == "pathway feedback 07"
    assert "feedback for 2 trainees" in done(copy.root, "feedback")
    assert what_next() == "pathway collect 07"


def test_late_work_loses_what_nbgrader_s_settings_say_until_an_extension_covers_it(cohort, tmp_path):
    copy = Cohort(Path(shutil.copytree(cohort.root, tmp_path / "cohort")))
    with (copy.root / "nbgrader_config.py").open("a") as file:
        file.write('c.LateSubmissionPlugin.penalty_method = "zero"\n')
    with copy.gradebook() as gradebook:
        gradebook.update_or_create_assignment(UNIT, duedate="2026-12-01 17:00")
    (copy.submitted / "t01" / UNIT / "timestamp.txt").write_text("2026-12-02 09:00 UTC")

    def after_grading() -> tuple[float, float]:
        grade(copy)
        with copy.gradebook() as gradebook:
            notebook = gradebook.find_submission_notebook(ASSESSMENT, UNIT, "t01")
            return notebook.score, notebook.late_submission_penalty or 0

    assert after_grading() == (4, 4)
    assert "t01: due 2026-12-03 17:00 UTC." in done(copy.root, "extend", "7", "--trainee", "t01", "--hours", "48")
    assert status(copy)[0].to_grade == 1
    assert after_grading() == (4, 0)


def test_settings_that_a_mentor_spoilt_are_told_with_their_file(cohort, tmp_path):
    copy = Cohort(Path(shutil.copytree(cohort.root, tmp_path / "cohort")))
    with (copy.root / "nbgrader_config.py").open("a") as file:
        file.write("c.LateSubmissionPlugin.penalty_method = zero\n")
    assert "nbgrader_config.py: NameError: name 'zero' is not defined" in refused(copy.root, "feedback")


def test_export_has_a_row_a_question_a_trainee_and_plain_nbgrader_exports_the_same(cohort, tmp_path):
    assert "12 rows" in done(cohort.root, "export", "--to", tmp_path / "marks.csv")
    with (tmp_path / "marks.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12 and (tmp_path / "marks.csv").stat().st_mode & 0o077 == 0
    by_question = {(row["trainee"], row["question"]): row for row in rows}
    right = by_question["t01", "longest-wait-check"]
    assert (right["mark"], right["out_of"], right["exercise"], right["outcome"]) == ("3.0", "3", "1", "middle")
    assert (right["kind"], right["counts_as"], right["status"]) == ("check", "marks", "")
    assert (by_question["t01", "sentence"]["mark"], by_question["t01", "sentence"]["status"]) == ("", "to be marked")
    assert by_question["t03", "sentence"]["status"] == "not handed in"
    assert {row["counts_as"] for row in rows if row["notebook"] == LESSON} == {"practice"}
    tools = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    plain = [tools / "nbgrader", "export", "--to", tmp_path / "plain.csv"]
    subprocess.run(plain, cwd=cohort.root, env=environment, capture_output=True, check=True)
    assert (tmp_path / "plain.csv").read_bytes() == (tmp_path / "marks.csv").read_bytes()


def test_the_report_and_a_second_grading_that_has_nothing_to_do(cohort):
    assert "index.html: open it in a browser." in done(cohort.root, "report")
    assert "0 submissions graded" in done(cohort.root, "grade", "7", "--trainee", "t01")


def test_a_demo_in_one_command(tmp_path):
    said = done(tmp_path, "demo", "demo", "--trainees", "2", "--seed", "3")
    assert re.search(r"\d submissions? graded in", said)
    assert (tmp_path / "demo" / "report" / "index.html").is_file()
    assert "Next: cd demo" in said


# Marking by hand


@pytest.fixture(scope="module")
def desk(cohort) -> Iterator[str]:
    """The address of a running `pathway mentor`, without its page: (before, behind)."""
    command = [sys.executable, "-m", "course.cli", "mentor", "--no-browser", "--port", "18790"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    desk = subprocess.Popen(
        command, cwd=cohort.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said = ""
    for line in desk.stdout:
        said += line
        if found := re.search(r"Formgrader: (http://127\.0\.0\.1:\d+/formgrader\?token=\S+)", line):
            break
    else:
        raise AssertionError(f"the mentor's desk did not open:\n{said}")
    yield found[1]
    desk.send_signal(signal.SIGINT)
    rest, _ = desk.communicate(timeout=60)
    assert "Next: pathway feedback" in rest


@pytest.fixture
def browser() -> Iterator[Page]:
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(60_000)
        yield page


def test_formgrader_shows_the_cohort_in_a_tab_of_its_own_and_in_jupyterlab(desk, browser):
    browser.goto(desk)
    expect(browser.get_by_role("link", name=UNIT)).to_be_visible()
    browser.goto(desk.replace("/formgrader?", "/lab?"))
    browser.get_by_text("Nbgrader", exact=True).click()
    browser.get_by_text("Formgrader", exact=True).click()
    expect(browser.frame_locator("iframe").get_by_role("link", name=UNIT)).to_be_visible()


def test_what_a_trainee_wrote_does_not_run_on_the_mentor_s_page_and_its_formulas_are_seen(cohort, desk, browser):
    graded = nbformat.read(cohort.autograded / "t02" / UNIT / f"{ASSESSMENT}.ipynb", as_version=4)
    assert "window.ran" in nbformat.writes(graded), "it is in the notebook that the mentor looks at"
    with cohort.gradebook() as gradebook:
        number = gradebook.find_submission_notebook(ASSESSMENT, UNIT, "t02").id
    asked = []
    browser.on("request", lambda request: asked.append(request.url))
    browser.goto(desk)
    browser.goto(desk.replace("/formgrader?", f"/formgrader/submissions/{number}?"))
    expect(browser.get_by_text("Nobody.")).to_be_visible()
    expect(browser.get_by_label("score").or_(browser.locator("input.score")).first).to_be_visible()
    assert browser.evaluate("window.ran") is None
    expect(browser.locator("math mfrac")).to_be_visible()
    assert [url for url in asked if url.split("/")[:3] != desk.split("/")[:3]] == [], "nothing from elsewhere is asked for"
