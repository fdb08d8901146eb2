"""The report in a real browser: can everybody read it, offline, in light and dark, on a telephone, on paper, by keyboard?"""

import pytest

from course.figures import what_is_missing
from course.grading.report import write
from course.launch.browser import chromium
from tests.browser_axe import against_wcag, opened
from tests.grading.report_cohort import make_cohort

pytestmark = pytest.mark.xdist_group("report")  # one cohort for all of them
PAGES = ("index.html", "trainees/t13.html")  # t13 has a hostile name and message
ALL_TO_FOCUS = "a[href], summary, [tabindex='0']"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return write(make_cohort(tmp_path_factory.mktemp("graded") / "cohort")).parent


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.mark.parametrize("width", [1280, 320])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_against_wcag_2_2_aa_in_light_and_dark(browser, report, name, width):
    assert against_wcag(browser, (report / name).as_uri(), width) == []


def test_axe_would_find_something(browser, tmp_path):
    page = tmp_path / "poor.html"
    page.write_text("<!DOCTYPE html><title>Poor</title><p style='color: #bbb'>Pale</p><img src='data:,'>", encoding="utf-8")
    found = " ".join(against_wcag(browser, page.as_uri()))
    assert all(rule in found for rule in ("color-contrast", "image-alt", "html-has-lang"))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_nothing_runs_nothing_and_fits_a_telephone(browser, report, name):
    # Its own policy forbids what a page could ask for: without it, is there anything to forbid?
    with opened(browser, (report / name).as_uri(), width=320, bypass_csp=True) as (page, asked):
        assert [address for address in asked if not address.startswith("data:")] == []
        assert page.title() != "hacked"
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        assert page.evaluate("document.querySelectorAll('script').length") == 0


def test_every_chart_is_drawn_and_has_a_sentence_and_a_table_behind_it(browser, report):
    for scheme in ("light", "dark"):
        with opened(browser, (report / "index.html").as_uri(), color_scheme=scheme) as (page, _):
            images = page.locator("img").all()
            assert len(images) == 5, "handed in; outcomes and exercises of two units"
            for image in images:
                assert what_is_missing(image.get_attribute("alt")) == []
                assert image.evaluate("image => image.complete && image.naturalWidth") > 300
                assert image.evaluate("image => image.closest('figure').nextElementSibling.tagName") == "TABLE"
                is_dark = image.evaluate("image => image.currentSrc === image.previousElementSibling.srcset")
                assert is_dark == (scheme == "dark")


def test_every_table_has_a_caption_and_every_head_a_scope(browser, report):
    for name in PAGES:
        with opened(browser, (report / name).as_uri()) as (page, _):
            assert page.locator("table").count() > 3
            assert page.locator("table:not(:has(caption))").count() == 0
            assert page.locator("th:not([scope])").count() == 0


def test_the_keyboard_reaches_everything_in_the_order_of_the_page(browser, report):
    with opened(browser, (report / "index.html").as_uri()) as (page, _):
        page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        page.evaluate(f'window.all = [...document.querySelectorAll("{ALL_TO_FOCUS}")]')
        count = page.evaluate("all.length")
        reached = []
        for _ in range(count):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("all.indexOf(document.activeElement)"))
        assert count > 100 and reached == list(range(count))


def test_on_paper_what_is_folded_is_open_and_the_page_is_light(browser, report):
    with opened(browser, (report / "index.html").as_uri()) as (page, _):
        page.emulate_media(media="print")
        folded = page.locator("#practice + details table").first
        assert folded.bounding_box()["height"] > 300
        assert not page.locator("nav").is_visible()
