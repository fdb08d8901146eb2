"""The page "ways to open the course" says of each way what it costs, what works, what does not, and which test shows it."""

import re

from tests.conftest import ROOT

HANDBOOK = ROOT / "course" / "site" / "handbook"
PAGE = (HANDBOOK / "ways-to-open.md").read_text(encoding="utf-8")
WAYS = dict(re.findall(r"^## ([^\n]+)\n\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
LABELS = ["What it costs.", "What works.", "What does not.", "What shows it."]


def test_each_way_says_what_it_costs_what_works_what_does_not_and_what_shows_it():
    offered = [name for name in WAYS if name not in ("Side by side", "In the browser alone")]
    assert len(offered) == 5
    for name in offered:
        assert re.findall(r"^\*\*([^*]+)\*\*", WAYS[name], re.MULTILINE) == LABELS, name


def test_every_way_in_the_first_table_has_its_section_and_its_column():
    names = re.findall(r"\]\(#([\w-]+)\)", PAGE)
    assert names == [name.lower().replace(" ", "-") for name in WAYS][1:6]
    columns = re.search(r"^\| \|(.*)\|$", WAYS["Side by side"], re.MULTILINE)[1].split("|")
    assert len(columns) == len(names) - 1, "a locked-down laptop shares its column with a machine of one's own"


def test_the_tests_that_it_names_are_there():
    named = re.findall(r"`(?:tests/)?((?:\w+/)?test_\w+\.py)`", PAGE)
    assert len(named) >= 10
    for name in named:
        assert any((ROOT / "tests" / folder / name).is_file() for folder in ("", "launch")), name
