"""The web site, made by the real Sphinx without a network and read in a real browser: for everybody, and without answers."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Locator, Page, expect
from sphinx.application import Sphinx

from course.builder.build import Builder
from course.builder.rules import new_words
from course.launch.browser import chromium
from course.launch.leaks import Secrets
from course.launch.links import check
from course.launch.settings import CourseSettings, read_settings
from course.site import proved
from course.site.build import WAYS, SiteError, build, lay
from course.site.buttons import buttons
from course.site.lessons import OutOfStep
from course.site.lessons import page as lesson_page
from course.site.pages import Pages
from tests.browser_axe import SCHEMES, WCAG_22_AA
from tests.conftest import ROOT, edit

SETTINGS = CourseSettings(
    repository="https://github.com/wexmoor/data-science-learning-pathway",
    trainee_branch="trainee",
    binder="https://mybinder.org",
    hub="https://hub.wexmoor.example",
    site="https://pathway.wexmoor.example",
    contact="pathway@wexmoor.example",
)
LESSON = "units/01-what-is-data-science/venn-diagram.html"
UNITS = Builder(ROOT).units()
NOTEBOOKS = [(unit, notebook) for unit in UNITS for notebook in unit.notebooks]
MEGABYTE = 1_000_000
NARROW, WIDE = {"width": 320, "height": 800}, {"width": 1280, "height": 900}  # px
# All in one process: the site is made once, and one browser reads it.
pytestmark = [
    pytest.mark.xdist_group("site"),
    pytest.mark.filterwarnings("ignore:.*Check CHANGES for Sphinx API modifications"),
]


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def site(tmp_path_factory, work) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("made") / "site", SETTINGS, work).folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def pages_of(site: Path) -> list[str]:
    """The paths of all pages."""
    return sorted(
        path.relative_to(site).as_posix()
        for path in site.rglob("*.html")
        if path.relative_to(site).parts[0] != "_static"  # the theme's own macros
    )


@cache
def soup(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def article(page: Path) -> BeautifulSoup:
    return soup(page).find("article")


def squeezed(text: str) -> str:
    return " ".join(text.split())


# ------------------------------------------------------------------------------------------------ what is on it


@pytest.mark.parametrize(("unit", "notebook"), NOTEBOOKS, ids=lambda one: one.name)
def test_a_notebook_is_read_with_its_outputs_stubs_checks_and_hints_and_nothing_comes_out_of_answers(site, unit, notebook):
    page = article(site / "units" / unit.name / f"{notebook.name}.html")
    trainee, answered = (
        nbformat.read(ROOT / tree / unit.name / f"{notebook.name}.ipynb", as_version=4)
        for tree in ("notebooks", "solutions")
    )
    assert page.h1.find(string=True, recursive=False) == curly(notebook.front["title"])
    code = [cell.get_text().strip("\n") for cell in page.select("div.cell_input pre")]
    assert code == [cell.source.strip("\n") for cell in trainee.cells if cell.cell_type == "code"]
    exercises = [cell for cell in answered.cells if {"task", "check"} & cell.metadata.keys()]
    outputs = [output for cell in answered.cells if cell not in exercises for output in cell.get("outputs", [])]
    assert len(page.select("div.cell_output img")) == sum("<img" in shown(output) for output in outputs)
    text = squeezed(page.get_text())
    for output in outputs:
        if "<img" not in shown(output):
            assert squeezed(BeautifulSoup(shown(output), "html.parser").get_text()) in text
    assert len(page.find_all("summary", string=re.compile("^Hint "))) == sum(
        cell.source.count("<summary>Hint ") for cell in trainee.cells if cell.cell_type == "markdown"
    )
    assert len(page.find_all("summary", string=re.compile("^The check of exercise "))) == sum(
        one.check is not None for one in notebook.exercises
    )


def shown(output: dict) -> str:
    """An output as a page has it: HTML where there is any, else its text."""
    data = output.get("data", {})
    text = data.get("text/html") or (output.get("text") or data.get("text/plain", "")).replace("<", "&lt;")
    return re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)


def curly(text: str) -> str:
    """A text with its apostrophes as they are printed."""
    return text.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")


def test_no_file_of_the_site_gives_away_an_answer_a_hidden_check_or_a_page_for_mentors(site):
    secrets = Secrets(ROOT, UNITS)
    leaks = []
    for path in sorted(path for path in site.rglob("*") if path.is_file()):
        name = path.relative_to(site).as_posix()
        if name.startswith("_static/") and not name.startswith("_static/course"):
            continue  # the theme's and MathJax's own files
        content = path.read_bytes()
        if path.suffix == ".html":
            content = soup(path).get_text().encode()  # without the colours between the words of code
        found = secrets.in_file(name, content)
        # The handbook is for mentors too, and may share a sentence with a unit's page for them.
        leaks += [leak for leak in found if not (name.startswith("handbook/") and leak.what.endswith(", for mentors"))]
    assert [str(leak) for leak in leaks] == []


def test_every_lesson_has_buttons_that_open_it_where_the_course_is_published(site):
    for unit, notebook in NOTEBOOKS:
        path = f"notebooks/{unit.name}/{notebook.name}.ipynb"
        page = article(site / "units" / unit.name / f"{notebook.name}.html")
        links = [link["href"] for link in page.select("p.launch a")]
        assert links == [button.address for button in buttons(SETTINGS, path)] and len(links) == 2
        assert [problem for link in links for problem in check(link, SETTINGS, ROOT)] == []
        assert all(notebook.name in unquote(unquote(link)) for link in links)


def test_a_button_is_left_out_where_a_setting_does_not_say_where_to():
    assert len(buttons(SETTINGS)) == 2
    assert [button.words for button in buttons(replace(SETTINGS, hub=""))] == ["Open in your browser (Binder)"]
    assert [button.words for button in buttons(replace(SETTINGS, binder=""))] == ["Open on our JupyterHub"]
    assert buttons(replace(SETTINGS, repository="https://github.com/EXAMPLE/pathway")) == []


def test_the_map_has_every_unit_with_its_question_and_says_what_is_in_preparation(site):
    import yaml

    stations = yaml.safe_load((ROOT / "course" / "units" / "pathway.yaml").read_text(encoding="utf-8"))
    drawn = article(site / "index.html").select("ol.map > li")
    written = {unit.name: sum(notebook.minutes for notebook in unit.notebooks) for unit in UNITS}
    assert len(drawn) == len(stations)
    for station, item in zip(stations, drawn, strict=True):
        text = squeezed(item.get_text())
        assert text.startswith(curly(f"{station['title']} {station['question']}"))
        minutes = written.get(station["folder"])
        assert text.endswith(f"{minutes} minutes" if minutes else "in preparation")
        assert bool(item.a) == bool(minutes)
    assert article(site / "index.html").select("ol.map")[0]["start"] == "0"


def test_the_glossary_has_every_new_word_once_with_the_notebook_that_explains_it(site):
    page = article(site / "glossary.html")
    wanted = {
        curly(word): (curly(squeezed(definition)), f"units/{unit.name}/{notebook.name}.html")
        for unit, notebook in NOTEBOOKS
        for word, definition in new_words(notebook).items()
    }
    assert Counter(term.find(string=True, recursive=False).strip() for term in page.find_all("dt")) == Counter(wanted.keys())
    for term in page.find_all("dt"):
        definition, place = wanted[term.find(string=True, recursive=False).strip()]
        told = term.find_next_sibling("dd")
        assert squeezed(told.get_text()).startswith(definition[:20]) and told.a["href"] == place


def test_the_data_dictionary_has_every_table_and_column_and_the_data_can_be_taken_along(site):
    package = json.loads((ROOT / "data" / "datapackage.json").read_text(encoding="utf-8"))
    rows = {row.td.get_text() for row in article(site / "data" / "dictionary.html").select("tbody tr")}
    tables = [resource for resource in package["resources"] if "schema" in resource]
    assert {column["name"] for table in tables for column in table["schema"]["fields"]} <= rows
    data = site / "data"
    for link in article(data / "index.html").select("a.download"):
        there = (data / link["href"]).resolve()
        assert there.read_bytes() in {path.read_bytes() for path in (ROOT / "data").rglob(there.name)}
    assert len(article(data / "index.html").select("a.download")) > 20


def test_the_proof_pages_show_what_was_last_proved_and_all_of_it_is_up_to_date(site):
    kept = proved.read(ROOT, UNITS)
    changed = [unit.name for unit in UNITS if unit.name not in kept]
    assert changed == [], "their exercises changed since they were proved: run `pathway site --prove`"
    summary = {
        row.a["href"]: [cell.get_text() for cell in row.find_all("td")][1:]
        for row in article(site / "proof" / "index.html").select("tbody tr")
    }
    for unit in UNITS:
        of_all = [str(kept[unit.name].total(kind)) for kind in proved.SHARES]
        assert summary[f"{unit.name}.html"] == ["none" if one == "0 of 0" else one for one in of_all]
        rows = article(site / "proof" / f"{unit.name}.html").select("tbody tr")
        exercises = [one for notebook in unit.notebooks for one in notebook.exercises]
        assert len(rows) == len(exercises)
        for row, exercise in zip(rows, exercises, strict=True):
            cells = [cell.get_text() for cell in row.find_all("td")]
            assert curly(exercise.title).replace("`", "") in cells[0]
            task = kept[unit.name].tasks.get(exercise.id)
            assert cells[2:4] == ([str(task.right), str(task.wrong)] if task else ["marked by a person", ""])


def test_a_unit_whose_exercises_changed_since_they_were_proved_says_so_instead_of_old_figures():
    unit = UNITS[1]
    text = dict(Pages(ROOT, UNITS, SETTINGS, {}).rendered())[f"proof/{unit.name}.md"]
    assert "has changed since it was last proved" in text and not re.search(r"\d+ of \d+", text)


@pytest.mark.parametrize(
    ("contact", "said"),
    [
        ("pathway@wexmoor.example", "(mailto:pathway@wexmoor.example)"),
        ("https://wexmoor.example/help", "(https://wexmoor.example/help)"),
        ("", "setting `contact`"),
    ],
)
def test_the_accessibility_statement_says_whom_to_tell_or_how_to_set_it(contact, said):
    text = dict(Pages(ROOT, UNITS, replace(SETTINGS, contact=contact), {}).rendered())["accessibility.md"]
    assert said in text
    assert ("mailto:" in text) == ("@" in contact)


def test_the_handbook_is_on_the_site_what_is_for_all_apart_from_what_is_for_mentors(site):
    handbook = ROOT / "course" / "site" / "handbook"
    menus = [
        [link["href"].removesuffix(".html") for link in soup(site / "handbook" / name).select(".bd-links a.internal")]
        for name in ("ways-to-open.html", "index.html")
    ]
    assert ["ways-to-open", *menus[0]] == list(WAYS)
    assert sorted([*WAYS, "index", *menus[1]]) == sorted([*(path.stem for path in handbook.glob("*.md")), "security"])
    listed = re.findall(r"\]\(([\w-]+)\.md\)", (handbook / "index.md").read_text(encoding="utf-8"))
    in_order = [name for name in dict.fromkeys(listed) if name not in WAYS]
    assert menus[1][: len(in_order)] == in_order


def test_a_workshop_has_the_minutes_of_each_stop_in_its_headings(site):
    headings = [heading.get_text() for heading in soup(site / "handbook" / "workshop-45.html").select("h2")]
    assert any(heading.startswith("Minutes 4 to 12: Two leaflets, both true") for heading in headings)


def test_every_link_within_the_site_and_every_anchor_holds(site):
    broken = []
    for name in pages_of(site):
        page = soup(site / name)
        targets = [(tag, tag[key]) for key in ("href", "src") for tag in page.select(f"[{key}]")]
        for _, target in targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            there = (site / name).parent / unquote(parts.path) if parts.path else site / name
            if not there.is_file():
                broken.append(f"{name}: {target}")
            elif parts.fragment and not soup(there.resolve()).find(id=unquote(parts.fragment)):
                broken.append(f"{name}: {target} (no such anchor)")
        assert any(tag.name == "a" for tag, _ in targets)
    assert broken == []


def test_it_is_made_without_a_network_by_the_command_and_says_what_is_not_set_yet(tmp_path):
    command = ["bwrap", "--dev-bind", "/", "/", "--unshare-net", sys.executable, "-m", "course.cli", "site", "--into"]
    done = subprocess.run([*command, str(tmp_path / "site")], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{tmp_path / 'site' / 'index.html'}: {len(pages_of(tmp_path / 'site'))} pages." in done.stdout
    is_published = read_settings().is_published
    assert ("No launch buttons" in done.stdout) != is_published
    assert bool(article(tmp_path / "site" / LESSON).select("p.launch")) == is_published


def test_a_folder_that_is_no_site_is_left_alone(tmp_path):
    (tmp_path / "thesis.html").write_text("years of work", encoding="utf-8")
    command = [sys.executable, "-m", "course.cli", "site", "--into", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{tmp_path} is no site and not empty" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.html"]


def test_a_link_that_leads_nowhere_keeps_the_site_from_being_made_and_is_named_with_its_file(tmp_path, site, work):
    root = tmp_path / "course"
    (root / "course" / "site").mkdir(parents=True)
    for name in ("data", "notebooks", "solutions", "SECURITY.md", "course/units", "course/site/pictures"):
        (root / name).symlink_to(ROOT / name)
    (root / "course" / "site" / "handbook").mkdir()
    for page in (ROOT / "course" / "site" / "handbook").glob("*.md"):
        (root / "course" / "site" / "handbook" / page.name).write_bytes(page.read_bytes())
    edit(root / "course" / "site" / "handbook" / "index.md", "# Run a cohort", "# Run a cohort\n\n[Lost](nowhere.md)")
    with pytest.raises(SiteError) as refused:
        build(root, tmp_path / "site", SETTINGS, work)
    (line,) = refused.value.lines
    assert re.match(r"course/site/handbook/index\.md:\d+: .*nowhere\.md", line)


def test_a_lesson_out_of_step_with_its_answers_is_refused_and_the_command_named(tmp_path):
    trainee = nbformat.read(ROOT / "notebooks" / UNITS[0].name / "start-here.ipynb", as_version=4)
    other = nbformat.read(ROOT / "solutions" / UNITS[0].name / "first-python.ipynb", as_version=4)
    with pytest.raises(OutOfStep):
        lesson_page(trainee, other)
    (tmp_path / "data").symlink_to(ROOT / "data")
    with pytest.raises(SiteError, match="run `pathway build` first"):
        lay(tmp_path, SETTINGS, Pages(ROOT, UNITS, SETTINGS, {}))


# ------------------------------------------------------------------------------------------------ in a real browser


@dataclass
class Seen:
    """What was found on a page while it was read light, dark and narrow, with all that is folded opened."""

    against_wcag: list[str] = field(default_factory=list)
    cut_off: list[str] = field(default_factory=list)  # what reaches beyond a narrow screen, and not in a box of its own
    pictures: list[str] = field(default_factory=list)  # text alternatives
    asked: list[str] = field(default_factory=list)  # addresses that are not of the site
    loaded: set[Path] = field(default_factory=set)  # the page's files

    @property
    def weight(self) -> int:
        """Bytes of the page and all that it loads."""
        return sum(path.stat().st_size for path in self.loaded if path.is_file())


@pytest.fixture(scope="module")
def seen(site, browser) -> dict[str, Seen]:
    """Every page, read once."""
    with opened(browser, site) as reader:
        return {name: read(reader, name) for name in pages_of(site)}


def read(reader: "Reader", name: str) -> Seen:
    page = reader.page
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")
    found = reader.open(name)
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    page.wait_for_function(SCROLLED_BY_KEYBOARD)
    found.pictures = page.locator("img").evaluate_all("images => images.map(image => image.getAttribute('alt'))")
    page.evaluate(MARK_ONE_OF_EACH_KIND)
    page.evaluate(AXE)
    found.against_wcag += axe(page, ALL_BUT_COLOURS, "light")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.wait_for_selector(f"html[data-theme={scheme}]")
        found.against_wcag += axe(page, COLOURS, scheme, among="[data-one-of-its-kind]")
    page.set_viewport_size(NARROW)
    found.cut_off = page.evaluate(CUT_OFF)
    return found


AXE = Axe().axe_script
OF_COLOURS = ("color-contrast", "link-in-text-block")  # axe's rules that can end otherwise in the dark
COLOURS = {"runOnly": {"type": "rule", "values": list(OF_COLOURS)}}
EVERYTHING = {"runOnly": {"type": "tag", "values": WCAG_22_AA}}
ALL_BUT_COLOURS = EVERYTHING | {"rules": {rule: {"enabled": False} for rule in OF_COLOURS}}
SCROLLED_BY_KEYBOARD = """() => [...document.querySelectorAll("article pre, article .output, article table")]
    .flatMap(box => [box, box.parentElement])
    .filter(box => box.scrollWidth > box.clientWidth + 1 && ["auto", "scroll"].includes(getComputedStyle(box).overflowX))
    .every(box => box.tabIndex === 0)"""
CUT_OFF = """() => {
    const boxes = [...document.querySelectorAll("article pre, article .output, .pst-scrollable-table-container")];
    const scrolling = boxes.filter(box => ["auto", "scroll"].includes(getComputedStyle(box).overflowX));
    const isWide = element => element.getBoundingClientRect().right > innerWidth + 1 && element.checkVisibility();
    return [...document.querySelectorAll("header *, article, article *, footer *")]
        .filter(element => isWide(element) && !scrolling.some(box => box !== element && box.contains(element)))
        .map(element => element.outerHTML.slice(0, 120));
}"""
# What has the same tags, classes and styles up to the page has the same colours: axe looks at those of one of each kind, for
# to look at every word of code and every cell of a table would take minutes. Words of code are nothing else than coloured.
MARK_ONE_OF_EACH_KIND = """() => {
    const kind = element => element === document.body ? "" : kind(element.parentElement) + " > " + [
        element.tagName, element.getAttribute("class"), element.getAttribute("style"), (element.rowIndex ?? 0) % 2,
    ];
    const seen = new Set();
    for (const element of document.body.querySelectorAll("*")) {
        const hasWords = [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim());
        if (hasWords && !seen.has(kind(element))) element.dataset.oneOfItsKind = seen.add(kind(element)).size;
    }
    for (const word of document.querySelectorAll(".highlight pre span:not([data-one-of-its-kind])"))
        word.replaceWith(...word.childNodes);
}"""


class Reader:
    """A page of a browser, light and wide unless Playwright's `context` says otherwise, that is asked what it loads."""

    def __init__(self, browser: Browser, site: Path, **context):
        usual = {"viewport": WIDE, "color_scheme": "light", "reduced_motion": "reduce"}
        self.page, self.site, self.found = browser.new_page(**(usual | context)), site, Seen()
        self.page.route("**/*", self._asked)

    def open(self, name: str) -> Seen:
        """Open a page of the site; what it asks for is written into what is given back."""
        self.found = Seen()
        self.page.goto((self.site / name).as_uri())
        return self.found

    def _asked(self, route) -> None:
        address = route.request.url
        if address.startswith(self.site.as_uri()):
            self.found.loaded.add(Path(unquote(urlsplit(address).path)))
            route.continue_()
        else:
            self.found.asked.append(address)
            route.abort()


@contextmanager
def opened(browser: Browser, site: Path, name: str | None = None, **context) -> Iterator[Reader]:
    """A reader, at a page of the site where one is named."""
    reader = Reader(browser, site, **context)
    if name:
        reader.open(name)
    yield reader
    reader.page.close()


def axe(page: Page, rules: dict, scheme: str, among: str = "html") -> list[str]:
    """What axe, which is in the page, finds against some of its rules in the elements `among` which it looks."""
    asked = [{"include": [[among]]}, rules | {"resultTypes": ["violations"]}]
    response = page.evaluate("([context, options]) => axe.run(context, options)", asked)
    assert response["passes"], "axe looked at nothing"
    return [
        f"{scheme}: {violation['id']}: {node['target']}: {node['failureSummary']}"
        for violation in response["violations"]
        for node in violation["nodes"]
    ]


def of_each(seen: dict[str, Seen], what: str) -> dict[str, list]:
    """Of the pages where there is any, what was found."""
    return {name: getattr(one, what) for name, one in seen.items() if getattr(one, what)}


def test_every_page_passes_axe_s_rules_for_wcag_2_2_aa_in_light_and_in_dark(seen):
    assert len(seen) > 30
    assert of_each(seen, "against_wcag") == {}


def test_on_a_narrow_screen_nothing_is_wider_than_it_but_code_and_tables_in_boxes_that_scroll(seen):
    assert of_each(seen, "cut_off") == {}


def test_every_picture_has_sentences_for_its_text_alternative(seen):
    pictures = [(name, text) for name, one in seen.items() for text in one.pictures]
    assert len(pictures) > 70
    assert [(name, text) for name, text in pictures if not is_sentence(text)] == []


def is_sentence(text: str | None) -> bool:
    """Whether a text alternative is more than a name: some words, from a capital to a full stop."""
    words = (text or "").split()
    return len(words) >= 8 and words[0][0].isupper() and words[-1].endswith((".", "?", '."'))


def test_no_page_asks_another_server_for_anything(seen):
    assert of_each(seen, "asked") == {}


def test_every_page_with_all_that_it_loads_is_under_three_megabytes(seen):
    assert {name: one.weight for name, one in seen.items() if one.weight > 3 * MEGABYTE} == {}
    assert all(one.weight > 100_000 for one in seen.values()), "style and scripts count"


def test_a_formula_is_drawn_from_the_site_s_own_mathjax_and_there_for_screen_readers_too(browser, tmp_path):
    """No lesson has a formula yet; this is a page with the site's settings that has."""
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "index.md").write_text("# Half\n\nA half is $\\frac{a}{2}$.\n", encoding="utf-8")
    site, confdir = tmp_path / "made" / "site", ROOT / "course" / "site"
    with patch_docutils(confdir), docutils_namespace():
        Sphinx(tmp_path / "text", confdir, site, tmp_path / "read", "html", status=None, warningiserror=True).build()
    with opened(browser, site, "index.html") as reader:
        page = reader.page
        page.wait_for_selector("mjx-container mjx-mfrac", state="attached")
        page.wait_for_selector("mjx-assistive-mml mfrac", state="attached")
        page.wait_for_load_state("networkidle")
        page.evaluate(AXE)
        assert axe(page, EVERYTHING, "light") == []
    assert reader.found.asked == []
    assert 1 * MEGABYTE < reader.found.weight < 3 * MEGABYTE


# ------------------------------------------------------------------------------------------------ by keyboard alone


FOCUSABLE = """() => {
    const shown = element => element.checkVisibility({visibilityProperty: true}) && element.getClientRects().length;
    const all = document.querySelectorAll("a[href], button, input, summary, [tabindex='0']");
    const there = [...all].filter(shown);
    there.forEach((element, number) => element.dataset.number = number);
    return there.map(element => element.outerHTML.slice(0, 120));
}"""
# Which element has the focus, whether that can be seen, and whether something lies over it.
FOCUSED = """() => {
    const element = document.activeElement;
    if (!element || element === document.body) return null;
    const style = getComputedStyle(element), around = getComputedStyle(element.parentElement);
    const marked = [style, around].some(one => one.outlineStyle !== "none" && parseFloat(one.outlineWidth) >= 2)
        || style.boxShadow !== "none" || around.boxShadow !== "none";
    const box = element.getClientRects()[0];
    const within = (at, size) => Math.min(Math.max(at, 0), size - 1);
    const x = within(box.x + box.width / 2, innerWidth), y = within(box.y + box.height / 2, innerHeight);
    const middle = document.elementFromPoint(x, y);
    const free = element.contains(middle) || middle?.contains(element);
    return {number: element.dataset.number, marked, free, what: element.outerHTML.slice(0, 120)};
}"""


def walk(page: Page, most: int = 600) -> list[dict]:
    """Press Tab until the focus leaves the page or comes to where it was; what it meets on the way."""
    met: list[dict] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is None or focused["number"] in [one["number"] for one in met]:
            return met
        met.append(focused)
    raise AssertionError("Tab comes to no end")


@pytest.mark.parametrize("name", ["index.html", LESSON, "units/index.html", "data/dictionary.html", "handbook/index.html"])
def test_the_tab_key_reaches_all_that_can_be_used_and_shows_where_it_is(site, browser, name):
    with opened(browser, site, name) as reader:
        page = reader.page
        there = page.evaluate(FOCUSABLE)
        met = walk(page)
        assert [there[number] for number in range(len(there)) if str(number) not in [one["number"] for one in met]] == []
        assert [one["what"] for one in met if not one["marked"]] == []
        assert [one["what"] for one in met if not one["free"]] == []


def press_until(page: Page, key: str, wanted: Locator, most: int = 200) -> None:
    """Press a key until the focus is on the wanted element."""
    for _ in range(most):
        page.keyboard.press(key)
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{key} does not reach it")


def test_the_first_thing_that_tab_meets_is_a_link_past_the_menu(site, browser):
    with opened(browser, site, LESSON) as reader:
        page = reader.page
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.url.endswith("#main-content")
        page.keyboard.press("Tab")
        assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_on_a_narrow_screen_the_menu_opens_leads_on_and_closes_by_keyboard(site, browser):
    with opened(browser, site, LESSON, viewport=NARROW) as reader:
        page = reader.page
        toggle = page.get_by_role("button", name="Site navigation")
        press_until(page, "Tab", toggle)
        page.keyboard.press("Enter")
        link = page.get_by_role("dialog").get_by_role("link", name="Glossary")
        expect(link).to_be_visible()
        page.keyboard.press("Escape")
        expect(link).to_be_hidden()
        expect(toggle).to_be_focused()
        page.keyboard.press("Enter")
        press_until(page, "Tab", link)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Glossary", level=1)).to_be_visible()


def test_the_search_finds_a_word_without_a_server_and_leads_to_its_lesson_by_keyboard(site, browser):
    with opened(browser, site, "index.html") as reader:
        page = reader.page
        page.keyboard.press("Control+k")
        expect(page.get_by_role("searchbox")).to_be_focused()
        page.keyboard.type("Jaccard")
        page.keyboard.press("Enter")
        lesson = page.locator("#search-results").get_by_role("link", name="What is data science?")
        expect(lesson.first).to_be_visible()
        press_until(page, "Tab", lesson.first)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="What is data science?", level=1)).to_be_visible()
    assert reader.found.asked == []


def test_light_or_dark_is_chosen_by_keyboard_and_remembered(site, browser):
    with opened(browser, site, "index.html") as reader:
        page = reader.page
        press_until(page, "Tab", page.get_by_role("button", name="Color mode"))
        page.keyboard.press("Enter")
        press_until(page, "ArrowDown", page.get_by_role("button", name="Dark"))
        page.keyboard.press("Enter")
        page.wait_for_selector("html[data-theme=dark]")
        page.goto(f"{site.as_uri()}/glossary.html")
        page.wait_for_selector("html[data-theme=dark]")


def test_a_hint_and_a_check_unfold_by_keyboard_are_called_by_the_words_on_them_and_can_be_scrolled(site, browser):
    with opened(browser, site, LESSON) as reader:
        page = reader.page
        for words in ("Hint 1", "The check of exercise 1"):
            summary = page.locator("summary", has_text=words).first
            assert summary.get_attribute("aria-label") is None
            summary.focus()
            page.keyboard.press("Enter")
            assert summary.evaluate("summary => summary.parentElement.open")
        # Not every browser knows how wide code is while it is folded: there the theme gives it no tab stop.
        check = page.locator("details", has_text="The check of exercise 2").locator("pre")
        check.evaluate("code => { code.tabIndex = -1; code.closest('details').open = true; }")
        expect(check).to_have_attribute("tabindex", "0")
