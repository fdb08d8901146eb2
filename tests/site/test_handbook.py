"""The mentors' handbook holds: its commands run as they stand, and its pictures show what it says, in a real browser.

PATHWAY_PICTURES=1 writes the pictures into course/site/pictures; without it they are taken all the same, and thrown away.
"""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from course.grading.cohort import Cohort
from course.launch.browser import chromium
from tests.conftest import ROOT
from tests.grading.small_unit import edit_cell

SITE = ROOT / "course" / "site"
HANDBOOK, PICTURES = SITE / "handbook", SITE / "pictures"
ALL = {page.stem: page.read_text(encoding="utf-8") for page in sorted(HANDBOOK.glob("*.md"))}
WHERE = """import os
print("sandbox", os.environ.get("PATHWAY_SANDBOX"), "user", os.getuid(), os.path.exists("/etc/passwd"))
"""
# As index.md lists them; safety.md has no commands. Pages for others than mentors are not among them.
IN_ORDER = re.findall(r"^\| \[.*?\]\(([\w-]+)\.md\)", ALL["index"], re.MULTILINE)
PAGES = {name: ALL[name] for name in ("index", *IN_ORDER)}
WITH_COMMANDS = (
    "index",
    "before-the-first-day",
    "a-week",
    "late-work",
    "when-something-is-odd",
    "many-trainees",
    "handing-in",
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)]*)\)")
READING = 230  # words a minute: Brysbaert, How many words do we read per minute?, 2019 (238 for adults, in English)
UNIT, LESSON, ASSESSMENT = "01-what-is-data-science", "venn-diagram", "data-science-assessment"
WRITTEN = "note"  # the assessment's written exercise
COMMENT = "Clear, and with its number. What would you ask the staff first?"
PORT, EXCHANGE = "8786", "/srv/exchange"  # in the pages; here a free port, and a folder of this test
# In one process with the tests of the engine, so that their busy loops and floods do not run beside a browser.
pytestmark = pytest.mark.xdist_group("busy")
PATIENCE_S = 180  # a busy machine is slow
READY = "Ctrl-C here stops it."


class Mentor:
    """Somebody at a terminal who reads the pages in their order and types what stands in them."""

    def __init__(self, desk: Path):
        self.desk = self.folder = desk
        self.read: list[str] = []
        self.running: list[subprocess.Popen] = []
        self.stuck = ""  # the page with a command that failed: those behind it build on what it does
        self.formgrader = ""  # its address, once `pathway mentor` runs
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._replaced = {PORT: str(free.getsockname()[1]), EXCHANGE: str(desk / "exchange")}
        # Before these commands something happens that is no mentor's doing.
        self._meanwhile = {
            "pathway collect 01 --from ../handed-in.zip": self._trainees_hand_in_files,
            "pathway release 01 --as-here": self._somebody_mends_a_check,
            "pathway grade 01 --scheduler tcp://127.0.0.1:8786": self._two_hand_in_again,
        }

    @property
    def demo(self) -> Cohort:
        return Cohort(self.desk / "try")

    def read_up_to(self, name: str) -> None:
        """Type the commands of all pages up to this one that were not typed yet."""
        for page in WITH_COMMANDS[: WITH_COMMANDS.index(name) + 1]:
            if page in self.read:
                continue
            assert not self.stuck, f"the page {self.stuck} does not hold, and this builds on it"
            self.stuck = page
            for kind, block in BLOCK.findall(PAGES[page]):
                self._follow(page, kind, block)
            self.read.append(page)
            self.stuck = ""

    def stop(self) -> None:
        for process in reversed(self.running):
            process.send_signal(signal.SIGINT)
        for process in self.running:
            try:
                process.wait(timeout=PATIENCE_S)
            finally:
                process.kill()

    def _follow(self, page: str, kind: str, block: str) -> None:
        if kind == "csv":
            (self.folder.parent / "roster.csv").write_text(block, encoding="utf-8")
        elif kind == "python" and page == "late-work":
            with (self.folder / "nbgrader_config.py").open("a", encoding="utf-8") as file:
                file.write(block)
        elif kind == "python":
            (self.desk / "trainee").mkdir()
            (self.desk / "trainee" / "nbgrader_config.py").write_text(self._here(block), encoding="utf-8")
        elif kind == "console":
            for command, *shown in (part.splitlines() for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]):
                said = self._type(command)
                assert not shown or _as_pattern(shown).fullmatch(_squeezed(said)), f"{page}: {command}\n{said}"
        else:
            raise AssertionError(f"{page}: nobody knows what to do with a block of {kind}")

    def _here(self, text: str) -> str:
        for there, here in self._replaced.items():
            text = text.replace(there, here)
        return text

    def _type(self, command: str) -> str:
        """Run a command as a shell would; gives what it prints, and fails where it fails."""
        if command in self._meanwhile:
            self._meanwhile[command]()
        if command.startswith("cd "):
            self.folder = (self.folder / command.removeprefix("cd ")).resolve()
            return ""
        tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        home = {"HOME": str(self.desk)} if command.startswith("nbgrader") else {}  # a trainee's own
        how = {"cwd": self.folder, "env": {**os.environ, "PATH": tools, "COLUMNS": "100", **home}, "text": True}
        if command == "pathway mentor" or command.endswith(" &"):
            return self._start(command, how)
        line = ["bash", "-c", self._here(command)]
        done = subprocess.run(line, capture_output=True, timeout=PATIENCE_S, check=False, **how)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _start(self, command: str, how: dict) -> str:
        """Start what goes on until it is stopped; gives what it prints until it is ready."""
        line = ["bash", "-c", "exec " + self._here(command).removesuffix(" &")]
        process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **how)
        self.running.append(process)
        said = ""
        for printed in process.stdout:
            said += printed
            if READY in printed or "Scheduler at:" in printed or "Registered to:" in printed:
                break
        else:
            raise AssertionError(f"{command} ended:\n{said}")
        if found := re.search(r"Formgrader: (\S+)", said):
            self.formgrader = found[1]
        return said

    # ------------------------------------------------------------------------------------ what happens meanwhile

    def _trainees_hand_in_files(self) -> None:
        with zipfile.ZipFile(self.desk / "handed-in.zip", "w") as archive:
            for trainee in ("t01", "t02"):
                for name in (LESSON, ASSESSMENT):
                    content = (self.demo.submitted / trainee / UNIT / f"{name}.ipynb").read_bytes()
                    archive.writestr(f"{trainee}_4711_{name}.ipynb", content)
            archive.writestr("t03_essay.docx", b"An essay.")

    def _somebody_mends_a_check(self) -> None:
        mended = self.folder / "source" / UNIT / f"{ASSESSMENT}.ipynb"
        edit_cell(mended, "### BEGIN HIDDEN TESTS\nexpect(in_all_three(", "### BEGIN HIDDEN TESTS\n\nexpect(in_all_three(")

    def _two_hand_in_again(self) -> None:
        for trainee in ("t01", "t02"):
            notebook = self.demo.submitted / trainee / UNIT / f"{LESSON}.ipynb"
            notebook.write_text(notebook.read_text(encoding="utf-8") + "\n", encoding="utf-8")


def _as_pattern(shown: list[str]) -> re.Pattern:
    """What a page shows of an output; … stands for anything."""
    parts = re.split(r"\s*…\s*", _squeezed("\n".join(shown)))
    return re.compile(".*".join(map(re.escape, parts)), re.DOTALL)


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def prose(page: str) -> str:
    """A page without what is no reading: blocks of code, and what pictures show to those who do not see them."""
    return IMAGE.sub("", BLOCK.sub("", PAGES[page]))


# ------------------------------------------------------------------------------------------------ reading it


def test_the_first_page_leads_to_every_other_and_those_for_a_cohort_take_ten_minutes_to_read():
    led_to, new = set(), {"index"}
    while new:
        led_to |= new
        new = {name for page in new for name in re.findall(r"\]\(([\w-]+)\.md", ALL[page])} - led_to
    assert led_to == {*ALL}
    assert sum(len(prose(page).split()) for page in PAGES) / READING <= 10


@pytest.mark.parametrize("page", ALL)
def test_what_a_page_points_to_is_there_and_every_picture_has_a_sentence(page):
    for alternative, place in IMAGE.findall(ALL[page]):
        assert (HANDBOOK / place).is_file()
        assert len(alternative.split()) >= 8 and alternative.endswith(".") and "screenshot" not in alternative.lower()
    for place in re.findall(r"(?<!!)\[[^\]]*\]\(([^)#]+)", ALL[page]):
        assert place.startswith("https://") or (HANDBOOK / place).is_file(), place


def test_every_picture_of_the_handbook_is_shown_in_it():
    shown = {Path(place).name for page in PAGES.values() for _, place in IMAGE.findall(page)}
    assert shown == {picture.name for picture in PICTURES.glob("mentor-*.png")}


# ------------------------------------------------------------------------------------------------ in a real browser


@pytest.fixture(scope="module")
def mentor(tmp_path_factory) -> Iterator[Mentor]:
    desk = tmp_path_factory.mktemp("desk")
    mentor = Mentor(desk)
    yield mentor
    mentor.stop()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser, mentor) -> Iterator[Page]:
    """A page of a browser, once a demo cohort is there and `pathway mentor` runs on it."""
    mentor.read_up_to("index")
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.set_default_timeout(PATIENCE_S * 1000)
    expect.set_options(timeout=PATIENCE_S * 1000)
    # Formgrader's pages ask another host for MathJax, which no test waits for.
    page.route(lambda address: not address.startswith(("http://127.0.0.1:", "file:", "data:")), lambda route: route.abort())
    page.goto(mentor.formgrader)
    yield page
    page.close()


def take(page: Page, name: str) -> None:
    """Take the picture mentor-NAME.png, of which all that the handbook quotes can be read on the page."""
    page.mouse.move(0, 0)
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).quantize(256)
    place = PICTURES / f"mentor-{name}.png"
    if os.environ.get("PATHWAY_PICTURES"):
        picture.save(place, optimize=True)
    with Image.open(place) as kept:
        assert kept.size == picture.size
    (alternative,) = [text for one in PAGES.values() for text, at in IMAGE.findall(one) if Path(at).name == place.name]
    in_view = page.evaluate(IN_VIEW)
    quoted = re.findall(r'"([^"]+)"', alternative)
    assert quoted and [words for words in quoted if _squeezed(words) not in _squeezed(in_view)] == []
    assert ".dataframe" not in in_view, "a table's style is no text"


# The text that can be seen without scrolling, with what stands in boxes.
IN_VIEW = """() => {
    const seen = box => box.bottom > 0 && box.top < innerHeight && box.height > 0;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    const words = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const range = document.createRange();
        range.selectNode(node);
        if (!seen(range.getBoundingClientRect())) continue;
        if (node.nodeType === Node.TEXT_NODE) words.push(node.data);
        else if (node.matches("input, textarea")) words.push(node.value || node.placeholder);
    }
    return words.join(" ");
}"""


def formgrader(mentor: Mentor, page: Page, path: str) -> None:
    page.goto(f"{mentor.formgrader.split('?')[0]}/{path}")


def open_submission(mentor: Mentor, page: Page, trainee: str) -> None:
    with mentor.demo.gradebook() as gradebook:
        number = gradebook.find_submission_notebook(ASSESSMENT, UNIT, trainee).id
    formgrader(mentor, page, f"submissions/{number}")
    page.wait_for_function("() => document.querySelectorAll('input.score').length > 3")
    page.wait_for_load_state("networkidle")  # marks and comments come by requests of their own


def marks_of(cohort: Cohort, trainee: str) -> dict[str, tuple]:
    """Question -> automatic mark, manual mark and whether it awaits one, in the gradebook."""
    with cohort.gradebook() as gradebook:
        return {
            f"{notebook.name}/{grade.name}": (grade.auto_score, grade.manual_score, grade.needs_manual_grade)
            for notebook in gradebook.find_submission(UNIT, trainee).notebooks
            for grade in notebook.grades
        }


def waiting(cohort: Cohort, task: str) -> list[str]:
    """Trainees of whom `task` awaits a mentor's mark."""
    key = f"{ASSESSMENT}/{task}"
    return [one for one in cohort.handed_in(UNIT) if marks_of(cohort, one).get(key, (0, 0, False))[2]]


def record(cohort: Cohort, trainee: str) -> dict:
    return json.loads((cohort.records / UNIT / f"{trainee}.json").read_text(encoding="utf-8"))


def flagged(cohort: Cohort) -> str:
    (found,) = [
        trainee
        for trainee in cohort.handed_in(UNIT)
        if any(notebook["flags"] for notebook in record(cohort, trainee)["notebooks"].values())
    ]
    return found


def keep(page: Page, box: Locator, text: str) -> None:
    """Type into a box of formgrader and leave it, which saves it."""
    box.fill(text)
    with page.expect_response(lambda answer: answer.request.method == "PUT" and answer.ok):
        box.blur()


def test_the_report_begins_with_what_to_do(mentor, page):
    page.goto((mentor.demo.report / "index.html").as_uri())
    take(page, "report")


def test_a_trainee_has_a_page_of_evidence(mentor, page):
    page.goto((mentor.demo.report / "trainees" / "t10.html").as_uri())
    take(page, "trainee")


def test_formgrader_lists_the_submissions(mentor, page):
    formgrader(mentor, page, f"manage_submissions/{UNIT}")
    expect(page.locator("td.student-id")).to_have_count(len(mentor.demo.handed_in(UNIT)))
    take(page, "submissions")


def test_a_flagged_notebook_says_why_and_the_marks_that_a_mentor_gives_it_count(mentor, page):
    cohort, trainee = mentor.demo, flagged(mentor.demo)
    of_assessment = {key: mark for key, mark in marks_of(cohort, trainee).items() if key.startswith(ASSESSMENT)}
    assert of_assessment[f"{ASSESSMENT}/cards-check"] == (None, None, True), "withheld"
    open_submission(mentor, page, trainee)
    expect(page.get_by_text("Marks withheld: a mentor decides.")).to_be_visible()
    # The check's own lines stay below: a picture is no place for what is hidden from trainees.
    page.locator("input#cards-check").evaluate("box => box.scrollIntoView({block: 'end'})")
    take(page, "flagged")
    keep(page, page.locator("input#cards-check"), "2.5")
    assert marks_of(cohort, trainee)[f"{ASSESSMENT}/cards-check"] == (None, 2.5, False)
    mentor_says(mentor, "report")
    page.goto((cohort.report / "trainees" / f"{trainee}.html").as_uri())
    expect(page.get_by_text("2.5 of 4").first).to_be_visible()


def test_marking_a_written_answer_by_hand_lands_in_the_gradebook_and_in_the_report(mentor, page):
    cohort = mentor.demo
    trainee, *others = [one for one in waiting(cohort, WRITTEN) if one != flagged(cohort)]
    open_submission(mentor, page, trainee)
    keep(page, page.locator(f"#{WRITTEN}-comment"), COMMENT)
    keep(page, page.locator(f"input#{WRITTEN}"), "3")
    page.locator(f"#{WRITTEN}-comment").evaluate("box => box.scrollIntoView({block: 'center'})")
    take(page, "marking")
    assert marks_of(cohort, trainee)[f"{ASSESSMENT}/{WRITTEN}"] == (None, 3, False)
    with cohort.gradebook() as gradebook:
        said = gradebook.find_comment(WRITTEN, ASSESSMENT, UNIT, trainee).comment
    assert said == COMMENT
    mentor_says(mentor, "report")
    page.goto((cohort.report / "index.html").as_uri())
    expect(page.get_by_role("heading", name=f"Mark {len(others)} written answer")).to_be_visible()
    page.goto((cohort.report / "trainees" / f"{trainee}.html").as_uri())
    expect(page.get_by_text("3 of 4").first).to_be_visible()


def test_formgrader_s_autograde_button_marks_as_pathway_grade_does_and_in_the_sandbox(mentor, page):
    cohort, trainee = mentor.demo, "t04"
    (path,) = (cohort.submitted / trainee / UNIT).glob("*.ipynb")
    before, graded_at = marks_of(cohort, trainee), record(cohort, trainee)["graded_at"]
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(WHERE))
    nbformat.write(notebook, path)
    formgrader(mentor, page, f"manage_submissions/{UNIT}")
    page.locator("tr").filter(has=page.locator("td.student-id", has_text=trainee)).locator(".autograde a").click()
    expect(page.get_by_text("Successfully autograded", exact=False).first).to_be_visible()
    assert record(cohort, trainee)["graded_at"] > graded_at
    assert marks_of(cohort, trainee) == before
    ran = nbformat.read(cohort.autograded / trainee / UNIT / path.name, as_version=4)
    assert "sandbox 1 user 65534 False" in ran.cells[-1].outputs[0].text
    assert "0 submissions graded" in mentor_says(mentor, f"grade 01 --trainee {trainee}"), "nothing is left for it to do"


def mentor_says(mentor: Mentor, command: str) -> str:
    done = subprocess.run(
        [Path(sys.executable).parent / "pathway", *command.split()],
        cwd=mentor.demo.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# ------------------------------------------------------------------------------------------------ doing what it says


@pytest.mark.parametrize("name", WITH_COMMANDS)
def test_the_commands_of_a_page_run_as_they_stand(mentor, name):
    mentor.read_up_to(name)


def test_every_page_with_commands_is_run():
    assert [page for page in IN_ORDER if "```console" in PAGES[page]] == list(WITH_COMMANDS[1:])
