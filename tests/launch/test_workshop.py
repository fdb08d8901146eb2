"""A workshop's page leads through notebooks that are there, in the minutes that it says, and its instructions work."""

import contextlib
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, TimeoutError, expect

from course.launch.browser import chromium
from course.launch.links import binder_link
from course.launch.settings import read_settings
from course.launch.warm import KERNEL_READY, running_lab
from course.launch.workshop import WorkshopError, as_page, problems, read_route, routes
from tests.browser_axe import against_wcag
from tests.conftest import ROOT, edit
from tests.launch.lab_page import menu

ROUTES = routes(ROOT)
JUMP = re.compile(r'Table of Contents, (?:and )?(?:click )?"([^"]+)"')
LABELS = ("Do", "Ask", "Say", "In pairs", "If it goes wrong")
PATIENCE_S = 180
# In one process with the tests of the engine, so that their busy loops and floods do not run beside a browser.
pytestmark = pytest.mark.xdist_group("busy")


@pytest.fixture
def page_of_45(tmp_path):
    """A copy of a page, to be broken."""
    return Path(tmp_path / "workshop-45.md").write_text(ROUTES["45"].file.read_text()) and tmp_path / "workshop-45.md"


# ------------------------------------------------------------------------------------------------ the pages


def test_there_is_a_workshop_of_45_minutes_and_one_of_90_and_they_tell_different_stories():
    assert {name: route.minutes for name, route in ROUTES.items()} == {"45": 45, "90": 90}
    headings = [{(stop.notebook, stop.heading) for stop in route.stops} for route in ROUTES.values()]
    assert not headings[0] & headings[1]


@pytest.mark.parametrize("name", ROUTES)
def test_every_stop_is_a_heading_that_trainees_have_and_every_number_said_aloud_is_shown_there(name):
    assert problems(ROUTES[name], ROOT) == []


@pytest.mark.parametrize("name", ROUTES)
def test_every_stop_says_what_to_do_and_to_say_and_what_when_it_goes_wrong(name):
    for stop in ROUTES[name].stops:
        used = re.findall(r"^\*\*([^*]+)\*\*", stop.notes, re.MULTILINE)
        assert set(used) <= set(LABELS), stop.name
        assert {"Say", "If it goes wrong"} <= set(used) and {"Do", "In pairs"} & set(used), stop.name
    asked = [stop for stop in ROUTES[name].stops if "**Ask**" in stop.notes]
    assert len(asked) >= len(ROUTES[name].stops) - 2, "nearly every stop asks the room before it tells"
    for stop in asked:
        assert stop.notes.index("**Ask**") < stop.notes.rindex("**Say**"), stop.name
    assert any("**In pairs** Exercise" in stop.notes for stop in asked)
    assert all(words in ROUTES[name].behind for words in ("## What is left out, and why", "## If there is more time"))


@pytest.mark.parametrize("name", ROUTES)
def test_pairs_get_exercises_that_need_no_programming(name):
    for stop in ROUTES[name].stops:
        if "**In pairs** Exercise" in stop.notes:
            number = re.search(r"Exercise (\d)", stop.heading)[1]
            cells = nbformat.read(ROOT / stop.notebook, as_version=4).cells
            (task,) = [cell.source for cell in cells if cell.source.startswith(f"# Exercise {number}: your answer")]
            assert "def " not in task
            (answer,) = re.findall(r"^# answer: (\w+) = \{", task, re.MULTILINE)
            assert f"{answer} = {{" in ROUTES[name].before, "the line to copy is on the page"


@pytest.mark.parametrize("name", ROUTES)
def test_where_the_room_is_told_to_jump_there_is_a_heading(name):
    opened = {stop.notebook for stop in ROUTES[name].stops}
    text = "".join(cell.source + "\n" for path in opened for cell in nbformat.read(ROOT / path, as_version=4).cells)
    jumps = [heading for stop in ROUTES[name].stops for heading in JUMP.findall(stop.notes)]
    assert len(jumps) >= 2
    for heading in jumps:
        assert re.search(rf"^#+ {re.escape(heading)}$", text, re.MULTILINE), heading


# ------------------------------------------------------------------------------------------------ a page that is wrong


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("minutes: 8", "minutes: 9", "its stops take 46 minutes, and it says 45"),
        ("## Nobody applies to an average", "## An average", "its stops need a section each, in their order"),
        ("  heading: Two leaflets\n", "", "its front matter needs title, minutes and stops"),
        ("minutes: 8", "minutes: eight", "its front matter needs title, minutes and stops"),
        ("---\ntitle", "title", "a workshop begins with front matter"),
        ("# Workshop of 45", "# A workshop of 45", "the front matter calls it"),
    ],
)
def test_a_page_that_makes_no_route_is_told_in_one_line(page_of_45, old, new, told):
    text = page_of_45.read_text()
    page_of_45.write_text(text.replace(old, new, 1) if not old.startswith("# ") else text.replace(f"\n{old}", f"\n{new}", 1))
    with pytest.raises(WorkshopError, match=re.escape(told)) as problem:
        read_route(page_of_45)
    assert str(problem.value).startswith("workshop-45.md: ") and "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "heading: Two leaflets",
            "heading: Three leaflets",
            'charts-that-tell-the-truth.ipynb has no heading "Three leaflets"',
        ),
        (
            "charts-that-tell-the-truth\n  heading: Two",
            "charts\n  heading: Two",
            "there is no notebooks/03-visualising-data/charts.ipynb",
        ),
        ("it is 334 births", "it is 335 births", "it names 335, which notebooks/03-visualising-data/"),
    ],
)
def test_what_the_notebooks_do_not_bear_out_is_named_with_its_stop(page_of_45, old, new, told):
    edit(page_of_45, old, new)
    (line,) = problems(read_route(page_of_45), ROOT)
    assert line.startswith('workshop-45.md, "Two leaflets, both true": ') and told in line


# ------------------------------------------------------------------------------------------------ the command


def pathway(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "course.cli", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_the_command_gives_the_link_for_the_room_and_the_times_by_the_clock(tmp_path):
    done = pathway("workshop", "90", "--start", "14:00")
    assert done.returncode == 0, done.stderr
    first = ROUTES["90"].stops[0].notebook
    assert f"Link for the room: {binder_link(read_settings(), first)}\n" in done.stdout
    assert re.search(r"14:00 to 14:06 +Everybody is in", done.stdout) and re.search(
        r"15:23 to 15:30 +Two sentences", done.stdout
    )


def test_without_a_route_the_command_lists_them_and_a_wrong_one_is_told():
    listed = pathway("workshop")
    assert listed.returncode == 0 and all(
        f"pathway workshop {name}: {ROUTES[name].title}" in listed.stdout for name in ROUTES
    )
    for arguments, told in (
        (("60",), "there is no workshop 60: there are 45, 90."),
        (("45", "--start", "noon"), "--start noon: give hours and minutes, as in 10:00."),
        (("45", "--plan", "plan.pdf"), "--plan plan.pdf: name a file that ends in .html or .md."),
        (("45", "--plan", "/nowhere/plan.md"), "/nowhere/plan.md: No such file or directory."),
    ):
        done = pathway("workshop", *arguments)
        assert done.returncode in (1, 2) and done.stderr == f"pathway: {told}\n"


def test_the_plan_holds_everything_with_its_times_and_prints_as_a_page_that_everybody_can_read(tmp_path):
    file = tmp_path / "plan.md"
    assert pathway("workshop", "45", "--start", "09:30", "--plan", str(file)).returncode == 0
    text = file.read_text()
    for stop in ROUTES["45"].stops:
        assert stop.notes.splitlines()[0] in text
    assert "## 09:34 to 09:42: Two leaflets, both true" in text and ".md)" not in text
    page = tmp_path / "plan.html"
    assert pathway("workshop", "45", "--plan", str(page)).returncode == 0
    with chromium() as browser:
        assert against_wcag(browser, page.as_uri()) == []


def test_the_page_for_the_site_has_the_minutes_in_its_headings():
    shown = as_page(ROUTES["90"])
    assert "\n## Minutes 27 to 38: Limit, criterion or find out, in pairs\n" in shown
    assert "](workshop-45.md)" in shown and shown.count("\n## ") == ROUTES["90"].file.read_text().count("\n## ")


# ------------------------------------------------------------------------------------------------ in the room


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """A page of a browser, and where the lab's notebooks are."""
    with running_lab(ROOT, tmp_path_factory.mktemp("room") / "work") as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE_S * 1000)
        expect.set_options(timeout=PATIENCE_S * 1000)
        yield page, address
        page.close()


def open_first(room, route) -> Page:
    page, address = room
    base, token = address.split("/lab")[0], address.split("token=")[1]
    path = route.stops[0].notebook.removeprefix("notebooks/")
    page.goto(f"{base}/lab/tree/{path}?token={token}&reset")
    page.wait_for_function(KERNEL_READY)
    return page


def jump(page: Page, heading: str) -> None:
    """What the pages tell a room to do: Table of Contents, a heading, Run All Above Selected Cell."""
    contents = page.locator(".jp-TableOfContents-tree:visible")
    if not contents.count():
        menu(page, "View", "Table of Contents")
    page.locator(".jp-tocItem-content:visible").filter(has_text=heading).first.click()
    page.wait_for_function(AT, arg=heading)
    for _ in range(4):  # on a busy machine JupyterLab can forget it: a person presses again, and so does this
        menu(page, "Run", "Run All Above Selected Cell")
        with contextlib.suppress(TimeoutError):
            page.wait_for_function(ABOVE_HAS_RUN, timeout=60_000)
            return
    raise AssertionError(f"what is above {heading} does not run")


AT = """heading => window.jupyterapp.shell.currentWidget.content.activeCell
    .model.sharedModel.getSource().split("\\n").some(line => /^#+ /.test(line) && line.endsWith(heading))"""
ABOVE_HAS_RUN = """() => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    return notebook.widgets.slice(0, notebook.activeCellIndex)
        .every(cell => cell.model.type !== "code" || cell.model.executionCount);
}"""
FAILED = """() => window.jupyterapp.shell.currentWidget.content.widgets
    .filter(cell => cell.model.type === "code" && cell.model.outputs.toJSON().some(output => output.output_type === "error"))
    .map(cell => cell.model.sharedModel.getSource().split("\\n")[0])"""


def run_on_until(page: Page, alternative: str) -> None:
    """Shift and Enter, until a figure is there whose text alternative begins so."""
    for _ in range(20):
        at = page.evaluate(ACTIVE)
        page.keyboard.press("Shift+Enter")
        while not page.evaluate(HAS_RUN, at):  # who sees an empty pair of brackets presses again
            with contextlib.suppress(TimeoutError):
                page.wait_for_function(HAS_RUN, arg=at, timeout=10_000)
                break
            page.evaluate(GO_BACK, at)
            page.keyboard.press("Shift+Enter")
        if page.evaluate(SHOWS, alternative):
            return
    raise AssertionError(alternative)


ACTIVE = "() => window.jupyterapp.shell.currentWidget.content.activeCellIndex"
GO_BACK = "at => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = at; }"
HAS_RUN = """at => {
    const cell = window.jupyterapp.shell.currentWidget.content.widgets[at];
    return cell.model.type !== "code" || (cell.model.executionState !== "running" && Boolean(cell.model.executionCount));
}"""
SHOWS = """words => window.jupyterapp.shell.currentWidget.content.widgets
    .some(cell => cell.model.type === "code" && JSON.stringify(cell.model.outputs.toJSON()).includes(`alt=\\\\"${words}`))"""


def test_a_room_that_does_as_the_45_minutes_say_sees_what_they_promise(room):
    page = open_first(room, ROUTES["45"])
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    run_on_until(page, "Two bar charts, drawn to mislead")
    jump(page, "Eight lines: small multiples")
    run_on_until(page, "Line chart, drawn the wrong way: eight lines")
    run_on_until(page, "Eight small line charts")
    jump(page, "Three minutes")
    run_on_until(page, "Line chart of children in reception")
    assert all(line.startswith("# Exercise") for line in page.evaluate(FAILED)), "only exercises are red"


def test_a_room_that_does_as_the_90_minutes_say_changes_notebooks_and_sees_a_thousand_futures(room):
    page = open_first(room, ROUTES["90"])
    jump(page, "One number from five")
    assert all(line.startswith("# Exercise") for line in page.evaluate(FAILED))
    page.get_by_role("tab", name="File Browser").click()
    page.locator(".jp-DirListing-item").filter(has_text="deciding.ipynb").dblclick()
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.title.label === 'deciding.ipynb'")
    page.wait_for_function(KERNEL_READY)
    jump(page, "Whose weights?")
    outputs = page.evaluate("() => JSON.stringify(window.jupyterapp.shell.currentWidget.content.model.toJSON())")
    assert "first by kilometres, nearest first: {'farm field': 1000}" in outputs
    assert all(line.startswith("# Exercise") for line in page.evaluate(FAILED))
