"""The page for a mentor who doubts: all that was tried stands on it, what falls short first, and anybody can read it."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Page

from course.builder.problem import Problem
from course.builder.source import Exercise, read_unit
from course.launch.browser import chromium
from course.proof.judge import HARD_CODED
from course.proof.mutants import mutants_of
from course.proof.page import as_html, asked, change
from course.proof.results import Answer, HiddenProof, TaskProof, Tried, UnitProof
from tests.conftest import QUEUES

UNIT = read_unit(QUEUES)
BANK = QUEUES / "answers.yaml"
EXERCISES = {one.id: (notebook, one) for notebook in UNIT.notebooks for one in notebook.exercises}
ALERT = "<script>alert('pass')</script> & more"
HIDDEN = 'expect(longest(nobody) == 0, f"Nobody came, so nobody waited {long}.")'


def tried(exercise: Exercise, kind: str, name: str, source: str, earned: float, told: str = "", **more) -> Tried:
    """One answer, as the bank of the unit would hold it; `due` as `earned` unless it is said otherwise."""
    eastmere = more.pop("eastmere", None)
    answer = Answer(kind, name, source, BANK, 7, **({"due": None if kind == "mutant" else earned} | more))
    return Tried(answer, earned, exercise.points, told, eastmere)


def slips(id: str, earn_all: int, same: int = 0) -> list[Tried]:
    """All slips in a task's model answer: the first `same` mean the same, the next `earn_all` go unnoticed."""
    notebook, exercise = EXERCISES[id]
    found = []
    for number, mutant in enumerate(mutants_of(exercise, notebook)):
        because = "nobody waits less than no time" if number < same else None
        passes = number < same + earn_all
        earned, told = (exercise.points, "") if passes else (0, f"slip {number} is told this")
        name = f"{mutant.before} → {mutant.after}"
        found.append(tried(exercise, "mutant", name, mutant.source, earned, told, same_because=because))
    assert len(found) > earn_all + same
    return found


def task(id: str, *tried: Tried, hidden: tuple[HiddenProof, ...] = ()) -> TaskProof:
    notebook, exercise = EXERCISES[id]
    return TaskProof(notebook, exercise, f"# stub of {id}\nraise NotImplementedError", list(tried), list(hidden))


def small_proof() -> UnitProof:
    """What came of a unit in which nothing falls short: two tasks, and one slip that goes unnoticed."""
    kept, longest = EXERCISES["promise-kept"][1], EXERCISES["longest-wait"][1]
    lesson = task(
        "promise-kept",
        tried(kept, "model", "the model answer", kept.task.source, 2),
        tried(kept, "right", "counts them <by hand>", "def kept(waits, promise):\n    return 'by hand'", 2),
        tried(kept, "wrong", "at most, for less than", f"kept = {ALERT!r}", 0, f"Use the promise {ALERT}", hears="promise"),
        tried(kept, "wrong", "a percentage", "kept = 100", 0, "A share lies between 0 and 1."),
        tried(kept, "blank", "nothing answered", "raise NotImplementedError", 0, "Not answered yet."),
        *slips("promise-kept", earn_all=1),
    )
    assessment = task(
        "longest-wait",
        tried(longest, "model", "the model answer", longest.task.source, 3),
        tried(longest, "right", "begins with 0", "longest = lambda waits: max([0, *waits])", 3),
        tried(longest, "wrong", "nobody forgotten", "longest = max", 0, "Nobody came."),
        tried(longest, "blank", "nothing answered", "raise NotImplementedError", 0, "Not answered yet."),
        tried(longest, HARD_CODED, "knows the cases", "longest = HardCoded(longest)", 0, "Other waits were tried."),
        tried(longest, "wrong", "nobody forgotten", "longest = max", 0, "Nobody came, elsewhere.", eastmere=7),
        *slips("longest-wait", earn_all=0, same=1),
        hidden=(HiddenProof(HIDDEN, UNIT.assessment.path, 40, ("nobody forgotten",)),),
    )
    return UnitProof(UNIT, [lesson, assessment], 12.3, (2, 7))


def page(proof: UnitProof) -> BeautifulSoup:
    return BeautifulSoup(as_html([proof]), "html.parser")


def words(tag: Tag) -> str:
    return " ".join(tag.get_text().split())


def section(soup: BeautifulSoup, id: str) -> Tag:
    return soup.find("section", id=f"unit-07-{id}")


def is_open(tag: Tag) -> bool:
    """Whether a reader sees it without unfolding anything."""
    return all(details.has_attr("open") for details in tag.find_parents("details"))


@pytest.fixture(scope="module")
def proof() -> UnitProof:
    return small_proof()


@pytest.fixture(scope="module")
def soup(proof) -> BeautifulSoup:
    return page(proof)


def test_every_answer_is_there_with_its_name_its_text_and_what_the_trainee_is_told(proof, soup):
    for one_task in proof.tasks:
        shown = words(section(soup, one_task.exercise.id))
        for one in one_task.tried:
            assert " ".join(one.told.split()) in shown or one.eastmere
            if one.answer.kind in ("right", "wrong"):
                assert one.answer.name[1:] in shown
                assert " ".join(one.answer.source.split()) in shown
        assert f"# stub of {one_task.exercise.id}" in shown
    assert "the model answer" in words(soup).lower()


def test_what_an_answer_holds_is_shown_and_never_run(soup):
    assert not soup.find_all("script")
    assert words(section(soup, "promise-kept")).count(ALERT) == 2, "in the answer and in the message"
    assert "counts them <by hand>"[1:] in words(soup)


def test_slips_that_go_unnoticed_are_open_and_stand_before_those_that_are_noticed(proof, soup):
    kept = section(soup, "promise-kept")
    assert "Not noticed: 1." in words(kept)
    unnoticed, *noticed = (item for item in kept.find_all("li") if item.find(class_="change"))
    assert is_open(unnoticed)
    assert "is told this" not in words(unnoticed)
    assert len(noticed) == len(proof.tasks[0].mutants) - 1
    assert not any(is_open(item) for item in noticed)
    assert all(re.search(r"slip \d+ is told this", words(item)) for item in noticed)


def test_a_slip_that_means_the_same_is_open_with_its_reason_and_is_not_counted(proof, soup):
    longest = section(soup, "longest-wait")
    same = longest.find(string=re.compile("nobody waits less than no time"))
    assert is_open(same.parent)
    assert f"Slips: {len(proof.tasks[1].mutants)} of {len(proof.tasks[1].mutants)} noticed" in words(longest)


def test_the_part_that_a_slip_changed_is_marked_in_the_line_and_not_by_colour_alone(soup):
    for item in soup.find_all(class_="change"):
        assert item.find("del")
        assert item.find("ins") or "Left out:" in words(item)
    style = soup.find("style").string
    assert re.search(r"del \{[^}]*line-through", style)
    assert re.search(r"ins \{[^}]*underline", style)


@pytest.mark.parametrize(
    ("model", "slip", "name", "found"),
    [
        ("x = a <= b", "x = a < b", "", ("x = a ", "<=", "<", " b", False)),
        ("x = schools / areas", "x = areas / schools", "", ("x = ", "schools / areas", "areas / schools", "", False)),
        ("x = 1\n    x += 1\nx", "x = 1\n    x += 10\nx", "", ("x += ", "1", "10", "", False)),
        ("x = t.abs().sum()", "x = t.sum()", "", ("x = t.", "abs().", "", "sum()", False)),
        ("t = t.abs()\nt", "pass\nt", "t = t.abs() → (dropped) t = t.abs()", ("", "t = t.abs()", "pass", "", True)),
    ],
)
def test_whole_words_are_marked(model, slip, name, found):
    notebook, exercise = EXERCISES["promise-kept"]
    exercise = replace(exercise, task=replace(exercise.task, source=f"### BEGIN SOLUTION\n{model}\n### END SOLUTION"))
    one = tried(exercise, "mutant", name, f"### BEGIN SOLUTION\n{slip}\n### END SOLUTION", 0)
    changed = change(TaskProof(notebook, exercise, ""), one)
    assert (changed.start, changed.old, changed.new, changed.end, changed.is_dropped) == found


def test_what_falls_short_stands_at_the_top_with_file_and_line_and_first_in_its_list():
    proof = small_proof()
    kept = proof.tasks[0]
    caught = kept.of("wrong")[-1]
    kept.tried[kept.tried.index(caught)] = replace(caught, earned=2, told="")
    proof.problems = [Problem(BANK, 7, "This wrong answer <earns> 2 of 2.")]
    soup = page(proof)
    box = soup.find(class_="box")
    assert "Where it falls short: 1 place" in words(box)
    assert "answers.yaml Line 7: This wrong answer <earns> 2 of 2." in words(box)
    assert is_open(box)
    assert [heading.get("id") for heading in soup.find_all("h2")][:2] == ["short", "summary"]
    assert "It is not met" in words(soup)
    first, second = section(soup, "promise-kept").find(string=re.compile("Wrong answers: 1 of 2")).find_next("ul")("li")
    assert "A percentage" in words(first) and "at most" not in words(first)
    assert "Falls short: it should earn 0 of 2." in words(first)
    assert "told that all is right" in words(first)
    assert is_open(first.find(class_="short")) and is_open(first.find("code"))
    assert not second.find(class_="short") and not is_open(second.find("code"))
    assert "2 of 3 earn nothing; 1 does not" in words(soup)


def test_a_right_answer_that_is_refused_is_open_and_comes_before_those_that_are_accepted():
    proof = small_proof()
    kept = proof.tasks[0]
    (right,) = kept.of("right")
    kept.tried[kept.tried.index(right)] = replace(right, earned=0, told="Not by hand.")
    refused, model = (
        section(page(proof), "promise-kept").find(string=re.compile("Right answers: 1 of 2")).find_next("ul")("li")
    )
    shown = words(refused)
    assert shown.startswith("Counts them <by hand>: earns 0 of 2 Falls short: it should earn 2 of 2.")
    assert "Not by hand." in shown
    assert is_open(refused.find("code"))
    assert not is_open(model.find("code"))


def test_a_message_without_the_words_that_its_author_asked_for_falls_short():
    proof = small_proof()
    kept = proof.tasks[0]
    wrong = kept.of("wrong")[0]
    kept.tried[kept.tried.index(wrong)] = replace(wrong, answer=replace(wrong.answer, hears="fewer than"))
    assert "the message should hold “fewer than”" in words(section(page(proof), "promise-kept"))


def test_what_falls_short_on_another_eastmere_is_shown_with_its_seed():
    proof = small_proof()
    longest = proof.tasks[1]
    (elsewhere,) = longest.elsewhere
    longest.tried[longest.tried.index(elsewhere)] = replace(elsewhere, earned=3, told="")
    shown = words(section(page(proof), "longest-wait"))
    assert "On other data: 0 of 1 as they should be" in shown
    assert "in the Eastmere of seed 7: earns 3 of 3" in shown


def test_a_hidden_check_is_shown_by_its_words_with_the_misconceptions_that_need_it():
    proof = small_proof()
    longest = proof.tasks[1]
    longest.hidden += [replace(longest.hidden[0], source='expect(True, "Also this.")', line=41, needed_by=())]
    found = section(page(proof), "longest-wait")
    shown = words(found)
    assert "Hidden checks: 1 of 2 needed" in shown
    assert "Nobody came, so nobody waited …." in shown
    assert "would earn too much or be told something else: nobody forgotten." in shown
    assert shown.index("Also this.") < shown.index("Nobody came, so nobody waited …."), "what nothing needs comes first"
    assert "no wrong answer here needs it. (queues-assessment.md, line 41)" in re.sub(r"\(\S+/", "(", shown)


def test_where_nothing_falls_short_nothing_is_red(soup):
    assert not soup.find(class_="box")
    assert not soup.find(class_="short")
    assert "It is met." in words(soup)


def test_the_figures_in_short_are_counted(proof, soup):
    table = words(soup.find("table"))
    slips = proof.counts.noticed.whole
    for said in (
        "2 of 2 get full marks",
        "3 of 3 earn nothing",
        "3 of 3 hold them",
        "Nothing answered: 2 of 2 earn nothing",
    ):
        assert said in table
    assert "By heart: 1 of 1 earn nothing" in table
    assert (
        f"{slips - 1} of {slips} noticed ({round(100 * (slips - 1) / slips)}%). 1 not noticed: “The promise, as a share” (1)"
        in table
    )
    assert "1 of 1 are needed" in table
    assert "1 of 1 earn what they should, and are told what they should be told" in table


def test_a_written_exercise_is_there_as_one_that_a_person_marks(soup):
    assert "A person marks “One sentence” (2 marks)" in words(soup)
    found = words(section(soup, "sentence"))
    assert "with the guide for sentence in" in found
    assert "Write one sentence for the manager." in found
    assert "Two of the eight people" not in found, "what is asked, and not the model answer"


def test_what_is_asked_is_all_that_the_trainee_reads_from_the_heading_to_the_task():
    notebook, exercise = EXERCISES["promise-kept"]
    ((kind, text),) = asked(notebook, exercise)
    assert kind == "text"
    read = BeautifulSoup(text, "html.parser")
    assert words(read).startswith("Write kept for any waits and any promise.")
    assert [code.string for code in read.find_all("details")[1].find_all("code")] == ["mean()", "waits < promise"]
    assert "Exercise" not in words(read)


def test_the_same_results_make_the_same_page_however_long_they_took():
    slower = small_proof()
    slower.seconds *= 3
    assert as_html([small_proof()]) == as_html([slower])


def test_headings_are_in_order_ids_are_unique_and_links_lead_somewhere(soup):
    levels = [int(heading.name[1]) for heading in soup.find_all(re.compile(r"h[1-6]"))]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [tag["id"] for tag in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    assert {link["href"].removeprefix("#") for link in soup.find_all("a")} <= set(ids)
    assert {tag["aria-labelledby"] for tag in soup.find_all(attrs={"aria-labelledby": True})} <= set(ids)
    assert soup.html["lang"] == "en-GB"
    assert soup.find("a")["href"] == "#main"
    assert all(header.has_attr("scope") for header in soup.find_all("th"))


def test_the_page_loads_nothing_from_anywhere(soup):
    assert not soup.find_all(["script", "link", "img", "iframe", "object", "embed", "base"])
    assert not soup.find_all(src=True)
    assert not re.search(r"url\(|@import|https?:", soup.find("style").string)
    assert not soup.find_all(style=True)


# ---- in a browser ----

CONTRASTS = """() => {
    const channels = colour => colour.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = element => {
        for (let at = element; at; at = at.parentElement) {
            const found = channels(getComputedStyle(at).backgroundColor);
            if (found.length < 4 || found[3] > 0) return found;
        }
        return [255, 255, 255];
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.textContent.trim()) continue;
        const [low, high] = [light(channels(getComputedStyle(element).color)), light(behind(element))].sort((a, b) => a - b);
        found.push([(high + 0.05) / (low + 0.05), element.tagName + "." + element.className]);
    }
    return found;
}"""


@pytest.fixture(scope="module")
def show(tmp_path_factory) -> Callable[[UnitProof], Page]:
    """Opens the page of a proof in a real browser, without JavaScript of its own and without a network."""
    folder: Path = tmp_path_factory.mktemp("page")
    with chromium() as browser:
        context = browser.new_context(offline=True)

        def show(proof: UnitProof) -> Page:
            (folder / "page.html").write_text(as_html([proof]), encoding="utf-8")
            opened = context.new_page()
            opened.goto((folder / "page.html").as_uri())
            return opened

        yield show


@pytest.fixture(scope="module")
def faulty() -> UnitProof:
    """A proof with something of every kind on its page, what falls short included, and a long line."""
    proof = small_proof()
    kept = proof.tasks[0]
    long = tried(kept.exercise, "wrong", "wide" * 30, f"kept = {'x' * 200}", 2, "y" * 200, due=0)
    kept.tried.append(long)
    proof.problems = [Problem(BANK, 7, "z" * 200)]
    return proof


@pytest.mark.xdist_group("busy")
@pytest.mark.parametrize("width", [320, 700, 1200])
def test_nothing_is_wider_than_the_window_nor_squeezed(show, faulty, width):
    page = show(faulty)
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    reaches = "Math.max(...[...document.querySelectorAll('main *')].map(one => one.getBoundingClientRect().right))"
    assert page.evaluate(reaches) <= width
    squeezed = (
        "[...document.querySelectorAll('caption, th, td')].filter(one => one.offsetHeight > 6 * one.offsetWidth).length"
    )
    assert page.evaluate(squeezed) == 0


@pytest.mark.xdist_group("busy")
def test_all_text_stands_out_from_what_is_behind_it(show, faulty):
    page = show(faulty)
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 100
    assert [where for contrast, where in contrasts if contrast < 4.5] == []


@pytest.mark.xdist_group("busy")
def test_the_keyboard_alone_reaches_the_text_and_unfolds_an_answer(show, proof):
    page = show(proof)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the text"
    assert page.locator(".skip").bounding_box()["x"] >= 0, "the link is seen when it has the focus"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    summary = page.locator("summary", has_text="Counts them").first
    answer = page.get_by_text("return 'by hand'")
    assert not answer.is_visible()
    summary.focus()
    page.keyboard.press("Enter")
    assert answer.is_visible()


@pytest.mark.xdist_group("busy")
def test_printed_it_shows_the_answers_and_not_every_noticed_slip(show, proof):
    page = show(proof)
    page.emulate_media(media="print")
    assert page.get_by_text("return 'by hand'").is_visible()
    assert not page.get_by_text(re.compile(r"slip \d+ is told this")).first.is_visible()
