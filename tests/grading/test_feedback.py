"""Feedback on submissions that were really graded: what a trainee gets, and what nobody may see in it."""

import html
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from jinja2 import Environment
from nbgrader.api import SourceCell
from nbgrader.exchange.default import ExchangeFetchFeedback

from course.grading.cohort import Cohort
from course.grading.collect import collect
from course.grading.exchange import release, run_quietly
from course.grading.feedback import PORTFOLIO, feedback, hidden_lines
from course.grading.grade import grade
from course.grading.safe_html import clean, markdown
from course.grading.settings import cohort_settings
from course.launch.browser import chromium
from tests.browser_axe import opened
from tests.grading.small_unit import ASSESSMENT, LESSON, UNIT, answered, lay_checkout
from tests.grading.test_exchange import submit

RIGHT = "def longest(waits):\n    return waits.max() if len(waits) else 0"
STOPS = "def longest(waits):\n    return int(waits.tolist()[-1])"  # on the hidden desk where nobody came: IndexError
SENTENCE = r"Two of eight. As a formula: $\hat{p}_1 = \frac{2}{8}$, for $5."
# Tells what its check tries, hidden waits too, and reaches for what leads to the check's own code.
SPIES = """def longest(waits):
    raise ValueError(f"found {waits.tolist()} {getattr(waits, 'f_back', None)}")"""
ROSTER = "id,first_name,last_name\nt01,Quentin,Zimmermann\nt02,Wilhelmina,Oyelaran\nt03,Xanthe,Ferreira\n"
SPIED = 'expect(longest(pd.Series([], dtype=int)) == 0, "Nobody came, so nobody waited.")'


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Cohort:
    """Three trainees: t01 right and t02 stopped by an error, both by the exchange; t03 wrong, by files. Really graded."""
    folder = tmp_path_factory.mktemp("graded")
    lay_checkout(folder / "checkout")
    (folder / "roster.csv").write_text(ROSTER)
    cohort = Cohort.new(folder / "cohort", folder / "roster.csv")
    release(cohort, UNIT, checkout=folder / "checkout")
    submit(cohort, "t01", {ASSESSMENT: {"longest-wait": RIGHT, "which-number": 'number = "share"', "sentence": SENTENCE}})
    submit(cohort, "t02", {ASSESSMENT: {"longest-wait": STOPS, "which-number": 'number = "mean"'}})
    collect(cohort, UNIT)
    hand_in_files(cohort, folder / "files", "t03", {"longest-wait": "def longest(waits):\n    return 10"})
    assert grade(cohort).graded == 3
    _spy(cohort)
    return cohort


def hand_in_files(cohort: Cohort, folder: Path, trainee: str, answers: dict[str, str]) -> None:
    folder.mkdir()
    for name in (LESSON, ASSESSMENT):
        (folder / f"{trainee}_{name}.ipynb").write_text(answered(cohort, name, answers))
    collect(cohort, UNIT, folder)


def _spy(cohort: Cohort) -> None:
    """Lay hidden code in the outputs of t03's graded notebook, in every form in which a trainee's code could show it."""
    path = cohort.autograded / "t03" / UNIT / f"{ASSESSMENT}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    check = next(cell for cell in notebook.cells if cell.metadata.get("check") == "longest-wait")
    own = next(cell for cell in notebook.cells if cell.metadata.get("task") == "which-number")
    frames = [
        "Traceback (most recent call last)",
        f"\x1b[32m----> 9\x1b[0m {SPIED.replace('longest', chr(27) + '[34mlongest')}",
    ]
    check.outputs = [nbformat.v4.new_output("error", ename="ValueError", evalue="of the answer", traceback=frames)]
    own.outputs = [
        nbformat.v4.new_output("stream", name="stdout", text=f"seen: {SPIED}\n"),
        nbformat.v4.new_output("stream", name="stderr", text=SPIED.replace(" == ", " ==\n     ")),
        nbformat.v4.new_output("execute_result", data={"text/plain": repr(SPIED)}),
        nbformat.v4.new_output("display_data", data={"text/html": f"<pre>{html.escape(SPIED)}</pre>"}),
        nbformat.v4.new_output("display_data", data={"text/html": "<img src=x onerror=alert(1)><script>alert(2)</script>"}),
        nbformat.v4.new_output("display_data", data={"application/javascript": "alert(3)"}),
        nbformat.v4.new_output(
            "display_data", data={"image/png": "AAAA"}, metadata={"image/png": {"width": "1 onerror=alert(4)", "height": 7}}
        ),
        nbformat.v4.new_output("display_data", data={"text/latex": r"$\displaystyle \sqrt{16}$", "text/plain": "4"}),
        nbformat.v4.new_output("error", ename="E", evalue=SPIED, traceback=[f"\x1b[31m{SPIED}\x1b[0m"]),
    ]
    path.chmod(0o644)
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def given(graded) -> Cohort:
    done = feedback(graded, UNIT, lambda trainee: f"<p>All of {trainee}</p>")
    assert (done.made, done.failed) == (("t01", "t02", "t03"), ())
    assert (done.released, done.in_folder) == (("t01", "t02"), ("t03",))
    assert done.unmarked == ("t01",)
    return graded


@pytest.fixture
def cohort(given, tmp_path) -> Cohort:
    return Cohort(Path(shutil.copytree(given.root, tmp_path / "cohort")))


def page(cohort: Cohort, trainee: str, name: str = ASSESSMENT) -> str:
    return (cohort.feedback / trainee / UNIT / f"{name}.html").read_text(encoding="utf-8")


def text(page: str) -> str:
    return " ".join(BeautifulSoup(page, "html.parser").get_text().split())


def test_a_trainee_reads_the_marks_the_comments_and_what_the_checks_said(given):
    assert "queues-assessment (Score: 4.0 / 6.0)" in text(page(given, "t01"))
    assert "Two of eight." in text(page(given, "t01"))
    assert "Nobody came, so nobody waited." in text(page(given, "t03")) or "ValueError: of the answer" in text(
        page(given, "t03")
    )
    assert "Who is a promise made to?" in text(page(given, "t02"))


def test_no_line_of_a_hidden_check_is_in_any_feedback_in_any_form(given):
    with given.gradebook() as gradebook:
        hidden = hidden_lines([source for (source,) in gradebook.db.query(SourceCell.source)])
    assert SPIED in hidden and len(hidden) >= 2
    pages = [*given.feedback.rglob("*.html"), *(given.exchange / given.name / "feedback").rglob("*.html")]
    assert len(pages) == 3 * 2 + 3 + 2 * 2
    for path in pages:
        content = path.read_text(encoding="utf-8")
        for form in (content, html.unescape(content), BeautifulSoup(content, "html.parser").get_text()):
            squeezed = re.sub(r"\s|\\", "", form)
            assert [line for line in hidden if re.sub(r"\s|\\", "", line) in squeezed] == []
    graded = (given.autograded / "t01" / UNIT / f"{ASSESSMENT}.ipynb").read_text()
    assert "Nobody came, so nobody waited" in graded, "what is searched for is there before"


def test_an_error_in_a_hidden_check_is_told_without_a_traceback(given):
    for trainee in ("t02", "t03"):
        assert not re.search(r"Traceback|---->|Cell In", text(page(given, trainee)))
    assert "IndexError" in text(page(given, "t02"))
    assert "ValueError: of the answer" in text(page(given, "t03"))


def test_nobody_s_name_or_id_is_in_another_s_feedback(given):
    names = {"t01": ("Quentin", "Zimmermann"), "t02": ("Wilhelmina", "Oyelaran"), "t03": ("Xanthe", "Ferreira")}
    for trainee in names:
        for path in (given.feedback / trainee).rglob("*"):
            for other, own in names.items():
                if path.is_file() and other != trainee:
                    content = path.read_text(encoding="utf-8")
                    assert not re.search(rf"\b{other}\b", content) and not any(name in content for name in own)


def test_nothing_of_a_trainee_s_runs_on_the_page(given):
    found = BeautifulSoup(page(given, "t03"), "html.parser")
    assert found.find_all("script") == [] and "alert(" not in "".join(map(str, found.find_all(True, onerror=True)))
    assert "alert(3)" not in str(found) and "alert(4)" not in str(found) and found.find("img", height="7")


def test_a_page_asks_for_nothing_elsewhere_and_has_no_script_and_its_formulas_are_seen(given):
    with chromium() as browser:
        for path in sorted(given.feedback.rglob(f"{UNIT}/*.html")):
            with opened(browser, path.as_uri()) as (page_, asked):
                assert asked == [] and page_.locator("script").count() == 0
        with opened(browser, (given.feedback / "t01" / UNIT / f"{ASSESSMENT}.html").as_uri()) as (page_, _):
            formula = page_.locator("math", has_text="2")
            over, under = (formula.locator("mfrac > *").nth(place).bounding_box() for place in (0, 1))
            assert over["y"] + over["height"] <= under["y"] and over["height"] > 5, "a fraction has one above the other"
            assert "frac" not in page_.locator("body").inner_text() and ", for $5." in page_.locator("body").inner_text()
        with opened(browser, (given.feedback / "t03" / UNIT / f"{ASSESSMENT}.html").as_uri()) as (page_, _):
            assert page_.locator("math msqrt").is_visible(), "an output that is a formula"


def test_a_formula_runs_nothing_and_what_is_none_stays_as_it_was_typed():
    def shown(source: str) -> str:
        environment = Environment()
        environment.filters["markdown"] = markdown
        return environment.from_string("{{ source | markdown }}").render(source=source, cell={})

    for bad in (r"$\href{javascript:x()}{y}$", r"$\text{<script>x()</script>}$", r"$\style{background:url(//a.b)}{y}$"):
        assert "<math" in shown(bad) and not re.search("<script|href|style", shown(bad))
    for none in ("{", r"\frac{a&b}", "x" * 3000):
        assert BeautifulSoup(shown(f"${none}$"), "html.parser").get_text().strip() == none
    assert "<math" not in shown("<math><mtext>a</mtext></math>"), "MathML that a trainee typed is cleaned as all HTML is"
    assert shown("![a $x_1$ b](data:image/png;base64,AAAA)").count('alt="a x_1 b"') == 1
    assert "<mtable" in shown(r"$$\begin{aligned}a&=b\\c&=d\end{aligned}$$")


def test_where_marks_are_withheld_nothing_that_a_check_gave_is_shown_and_the_reason_is(cohort, tmp_path):
    hand_in_files(cohort, tmp_path / "again", "t03", {"longest-wait": SPIES, "which-number": 'number = "mean"'})
    assert grade(cohort, trainees=["t03"]).flagged == [("t03", UNIT)]
    graded = (cohort.autograded / "t03" / UNIT / f"{ASSESSMENT}.ipynb").read_text()
    assert "found [5, 10]" in graded and "Who is a promise made to?" in graded, "the mentor can see it"
    feedback(cohort, UNIT)
    shown = text(page(cohort, "t03"))
    assert "found [" not in shown and "Who is a promise made to?" not in shown
    checks = BeautifulSoup(page(cohort, "t03"), "html.parser").find_all(string=re.compile("longest-wait-check"))
    assert checks and "output_error" not in page(cohort, "t03")
    assert "Marks withheld: a mentor decides. What was found: Exercise 1: reaches for `f_back`" in shown
    assert "Comments: The marks of this notebook's checks are withheld until a mentor has looked at it. Exercise 1:" in shown
    assert "(Score: 0.0 / 6.0)" in shown

    with cohort.gradebook() as gradebook:
        for mark in gradebook.find_submission_notebook(ASSESSMENT, UNIT, "t03").grades:
            mark.manual_score, mark.needs_manual_grade = 1, False
        gradebook.db.commit()
    assert feedback(cohort, UNIT).made == ("t03",)
    shown = text(page(cohort, "t03"))
    assert "A mentor has looked at this notebook and decided on its marks. What was found: Exercise 1: reaches" in shown
    assert "Marks withheld" not in shown and "found [" not in shown and "(Score: 3.0 / 6.0)" in shown


def test_cleaning_keeps_what_the_course_shows_and_drops_what_could_run_or_tell_of_the_reader():
    figure = '<img src="data:image/png;base64,AAAA" alt="A chart.">'
    assert clean(figure).replace("/>", ">") == figure
    kept = "<details><summary>Hint</summary><table><tbody><tr><th>a</th></tr></tbody></table><h2>b</h2></details>"
    assert clean(kept) == kept
    for bad in (
        "<img src='https://example.org/seen.png'>",
        "<a href='javascript:x()'>a</a>",
        "<a href='data:text/html,x'>a</a>",
    ):
        assert not re.search("src|href", clean(bad))
    for bad in (
        "<script>x()</script>",
        "<b onclick='x()'>a</b>",
        "<iframe src='data:text/html,x'></iframe>",
        "<style>*{}</style>",
    ):
        assert not re.search("<script|onclick|<iframe|<style", clean(bad))


def test_a_trainee_fetches_the_own_feedback_from_the_exchange_and_nobody_else_s(given):
    for trainee, own in (("t01", "Two of eight."), ("t02", "IndexError")):
        home = given.root.parent / trainee
        config = cohort_settings(given.root)
        config.Exchange.assignment_dir, config.Exchange.cache = str(home), str(home / "cache")
        config.CourseDirectory.student_id = trainee
        run_quietly(ExchangeFetchFeedback, config, UNIT, "fetch")
        fetched = {path.stem: path for path in home.rglob("*.html")}
        assert set(fetched) == {LESSON, ASSESSMENT}
        assert own in text(fetched[ASSESSMENT].read_text())


def test_it_is_made_again_only_where_marks_comments_or_the_graded_notebook_changed(cohort):
    assert feedback(cohort, UNIT).same == ("t01", "t02", "t03")
    with cohort.gradebook() as gradebook:
        grade_ = gradebook.find_grade("sentence", ASSESSMENT, UNIT, "t01")
        grade_.manual_score, grade_.needs_manual_grade = 2, False
        gradebook.find_comment("sentence", ASSESSMENT, UNIT, "t02").manual_comment = "Say how many of how many."
        gradebook.db.commit()
    done = feedback(cohort, UNIT)
    assert (done.made, done.same, done.unmarked) == (("t01", "t02"), ("t03",), ())
    assert "Score: 6.0 / 6.0" in text(page(cohort, "t01"))
    assert "Say how many of how many." in text(page(cohort, "t02"))


def test_one_that_cannot_be_made_is_told_and_all_others_are(cohort):
    broken = cohort.autograded / "t02" / UNIT / f"{LESSON}.ipynb"
    broken.chmod(0o644)
    broken.write_text("no notebook")
    shutil.rmtree(cohort.feedback)
    done = feedback(cohort, UNIT)
    assert (
        done.made == ("t01", "t03")
        and len(done.failed) == 1
        and done.failed[0].startswith("t02: nbgrader makes no feedback")
    )
    assert "t02" in feedback(cohort, UNIT).failed[0], "and is tried again"


def test_a_secret_that_is_no_text_spoils_the_release_of_that_one_alone(cohort):
    secret = cohort.autograded / "t01" / UNIT / "submission_secret.txt"
    secret.chmod(0o644)
    secret.write_bytes(b"\xff\xfe")
    shutil.rmtree(cohort.feedback)
    done = feedback(cohort, UNIT)
    assert done.made == ("t01", "t02", "t03") and done.released == ("t02",) and done.failed[0].startswith("t01: ")


def test_the_trainee_s_own_page_goes_with_it(given):
    assert (given.feedback / "t02" / PORTFOLIO).read_text() == "<p>All of t02</p>"


def test_plain_nbgrader_makes_the_same_feedback(cohort):
    from tests.grading.test_exchange import plain

    before = text(page(cohort, "t03"))
    plain(cohort, "generate_feedback", UNIT, "--student", "t03", "--force")
    assert text(page(cohort, "t03")) == before


def test_lines_that_stand_in_the_visible_part_as_well_are_not_hidden():
    check = "found = f(1)\nexpect(found == 1, 'one')\n### BEGIN HIDDEN TESTS\nfound = f(1)\n"
    check += "expect(f(2) == 2, 'two')\n)\n### END HIDDEN TESTS"
    assert hidden_lines([check]) == {"expect(f(2) == 2, 'two')"}
    assert hidden_lines([check, "expect(f(2) == 2, 'two')"]) == set()
