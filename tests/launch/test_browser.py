"""The course as a new trainee meets it: `run.py lab`, a real JupyterLab and a real browser."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
import yaml
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from course.launch.browser import chromium
from course.launch.warm import KERNEL_READY, running_lab
from tests.conftest import ROOT
from tests.launch.lab_page import cell_with, menu, type_into

START = "00-start-here/start-here.ipynb"
LESSON = "01-what-is-data-science/venn-diagram.ipynb"
TASK = "in-at-least-one"  # a task of unit 01, answered wrong and right below
# In one process with the tests of the engine, so that their busy loops and floods do not run beside a browser.
pytestmark = pytest.mark.xdist_group("busy")
PATIENCE_S = 180  # a busy machine is slow to start a kernel
BEGUN = """() => window.jupyterapp.shell.currentWidget.content.widgets
    .some(cell => cell.model.type === "code" && (cell.model.executionCount || cell.model.executionState === "running"))"""
ALL_RUN = """() => window.jupyterapp.shell.currentWidget.content.widgets
    .filter(cell => cell.model.type === "code").every(cell => cell.model.executionCount)"""


@dataclass(frozen=True)
class Lab:
    """A running `run.py lab`, and where its notebooks are."""

    address: str
    workspace: Path


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    workspace = tmp_path_factory.mktemp("trainee") / "work"
    with running_lab(ROOT, workspace) as address:
        yield Lab(address, workspace)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE_S * 1000)
    expect.set_options(timeout=PATIENCE_S * 1000)
    yield page
    page.close()


def open_notebook(page: Page, lab: Lab, path: str) -> None:
    page.goto(f"{lab.address.split('/lab')[0]}/lab/tree/{path}?token={lab.address.split('token=')[1]}&reset")
    page.wait_for_function(KERNEL_READY)
    wait_until_idle(page)


def wait_until_idle(page: Page) -> None:
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']", state="attached")


def run_all(page: Page) -> None:
    """Run all cells, from the menu, and wait for the last of them.

    On a busy machine JupyterLab can forget the request while a notebook opens: it sends nothing to the kernel, which
    is ready, and no cell waits. A person presses again, and so does this.
    """
    for _ in range(10):
        menu(page, "Run", "Run All Cells")
        with contextlib.suppress(TimeoutError):
            page.wait_for_function(BEGUN, timeout=5_000)
            break
    page.wait_for_function(ALL_RUN)
    wait_until_idle(page)


def run_check(page: Page, task: Locator, number: int) -> Locator:
    """Run an answer and the check of exercise `number`, which is folded to its first line; returns the check's cell."""
    task.locator(".cm-content").first.click()
    page.keyboard.press("Control+Enter")
    wait_until_idle(page)
    check = cell_with(page, f"# Exercise {number}: run this cell to check your answer")
    check.locator(".jp-InputPrompt").first.click()
    page.keyboard.press("Control+Enter")
    wait_until_idle(page)
    return check


def validate(page: Page) -> tuple[bool, str]:
    """Press nbgrader's Validate; returns whether all checks hold, and what it says."""
    page.get_by_role("button", name="Validate").click()
    said = page.locator("#validation-message")
    said.wait_for()
    result = "validation-success" in (said.get_attribute("class") or ""), said.inner_text()
    page.locator(".jp-Dialog .jp-mod-accept").click()
    return result


def solution(path: str, task: str) -> str:
    notebook = nbformat.read(ROOT / "solutions" / path, as_version=4)
    source = next(cell.source for cell in notebook.cells if cell.metadata.get("task") == task)
    return "\n".join(line for line in source.splitlines() if "### " not in line)


def number_of(path: str, task: str) -> int:
    notebook = nbformat.read(ROOT / "notebooks" / path, as_version=4)
    return next(cell.metadata.exercise for cell in notebook.cells if cell.metadata.get("check") == task)


def test_the_lab_opens_at_start_here(lab, page):
    page.goto(lab.address)
    expect(page.get_by_role("heading", name="Start here", exact=False).first).to_be_visible()
    assert (lab.workspace / START).exists()


def test_all_of_start_here_runs_and_only_exercises_stop(lab, page):
    open_notebook(page, lab, START)
    run_all(page)
    notebook = nbformat.read(ROOT / "notebooks" / START, as_version=4)
    exercises = [cell for cell in notebook.cells if "raises-exception" in cell.metadata.get("tags", [])]
    page.keyboard.press("Control+s")
    page.wait_for_function("() => !document.querySelector('.jp-Toolbar .jp-mod-dirty')")
    saved = lab.workspace / START
    for _ in range(100):
        run = nbformat.read(saved, as_version=4)
        if [cell.execution_count for cell in run.cells if cell.cell_type == "code"][-1]:
            break
        page.wait_for_timeout(100)
    stopped = {
        cell.id for cell in run.cells if cell.cell_type == "code" and any(o.output_type == "error" for o in cell.outputs)
    }
    assert stopped
    assert stopped <= {cell.id for cell in exercises}
    assert all(cell.execution_count for cell in run.cells if cell.cell_type == "code")


def test_a_figure_is_shown_with_its_text_alternative(lab, page):
    open_notebook(page, lab, START)
    run_all(page)
    cell_with(page, "fig, ax = plt.subplots")
    image = page.locator(".jp-OutputArea img").first
    expect(image).to_have_attribute("alt", re.compile(r"^Map of the course, a line of \d+ units"))
    image.scroll_into_view_if_needed()
    assert image.evaluate("image => image.complete && image.naturalWidth") > 300
    assert image.bounding_box()["width"] <= 1000


def test_a_task_of_unit_01_answered_wrong_then_right_is_told_so_by_its_check_and_by_validate(lab, page):
    bank = yaml.safe_load((ROOT / "course" / "units" / Path(LESSON).parent / "answers.yaml").read_text(encoding="utf-8"))
    wrong = bank[TASK]["wrong"][0]
    number = number_of(LESSON, TASK)
    open_notebook(page, lab, LESSON)
    run_all(page)

    task = cell_with(page, f"def {TASK.replace('-', '_')}(")
    type_into(page, task, wrong["answer"])
    check = run_check(page, task, number)
    told = check.locator(".jp-OutputArea-output")
    expect(told).to_contain_text(re.compile(r"Not yet: .*", re.DOTALL))
    assert wrong["hears"] in " ".join(told.inner_text().split())
    assert "Traceback" not in told.inner_text(), "the message stands alone"
    all_hold, said = validate(page)
    assert not all_hold
    assert wrong["hears"] in " ".join(said.split())

    task = cell_with(page, f"def {TASK.replace('-', '_')}(")
    type_into(page, task, solution(LESSON, TASK))
    check = run_check(page, task, number)
    expect(check.locator(".jp-OutputArea-output")).to_contain_text(f"Exercise {number} passes")
    all_hold, said = validate(page)
    assert not all_hold, "the other exercises are not answered"
    assert wrong["hears"] not in " ".join(said.split())
    assert f"# Exercise {number}: " not in said


def test_with_every_exercise_answered_validate_says_success(lab, page):
    answered = lab.workspace / Path(START).parent / "answered.ipynb"
    notebook = nbformat.read(ROOT / "notebooks" / START, as_version=4)
    for cell in notebook.cells:
        if task := cell.metadata.get("task"):
            cell.source = solution(START, task)
    nbformat.write(notebook, answered)
    open_notebook(page, lab, str(answered.relative_to(lab.workspace)))
    all_hold, said = validate(page)
    assert all_hold, said
    assert "Success" in said
