"""What a notebook prints and draws is held to rules too; each is broken here, in a real kernel."""

import pytest

from course.builder.build import Builder
from course.builder.problem import BuildError
from tests.conftest import lay_miniature

LAST = "units.title.tolist()"
# what is wrong -> the code that does it, what the author is told
BROKEN = {
    "an error": ("1 / 0", "It raises ZeroDivisionError: division by zero"),
    "stderr": ('import warnings\nwarnings.warn("old")', "It writes to stderr"),
    "an address": ("object()", "Its output holds a memory address"),
    "a path of this machine": ('print("/" + "home/somebody/table.csv")', "Its output holds a path of this machine"),
    "a time stamp": (
        "import datetime\nprint(datetime.datetime(2026, 1, 2, 3, 4, 5, 6))",
        "Its output holds a time stamp",
    ),
    "chance": ("import random\nrandom.random()", "Its output differs between two runs"),
    "the order of a set": ('print({"mean", "median", "mode", "share", "rate"})', "Its output differs between two runs"),
    "a bare figure": (
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()",
        "A figure without a text alternative",
    ),
    "a figure not described in full": (
        "import matplotlib.pyplot as plt\nfrom course import describe\nfig, ax = plt.subplots()\ndescribe(fig, 'Lines.')",
        "It raises ValueError: This text alternative lacks",
    ),
    "an image described by a file name": (
        "from IPython.display import HTML\nHTML('<img alt=\"chart1.png\">')",
        "A figure's text alternative lacks what it shows",
    ),
}


def test_every_rule_of_outputs_names_the_file_and_the_line(tmp_path):
    """All of them in one notebook, so that it is run once: every cell is run, also behind an error."""
    root = lay_miniature(tmp_path)
    path = root / "course" / "units" / "00-look" / "look.md"
    cells = "\n```\n\n```{code-cell} ipython3\n".join(code for code, _ in BROKEN.values())
    text = path.read_text().replace(LAST, f"{LAST}\n```\n\n```{{code-cell}} ipython3\n{cells}")
    path.write_text(text)
    with pytest.raises(BuildError) as raised:
        Builder(root).build(["0"])
    for what, (code, told) in BROKEN.items():
        line = text.count("\n", 0, text.index(code)) + 1
        found = [problem for problem in raised.value.problems if problem.line == line and told in problem.message]
        assert found, f"{what} is not told of in line {line}:\n{raised.value}"
        assert found[0].path == path
    assert not (root / "notebooks" / "00-look").exists(), "nothing is laid in place when a rule is broken"


def test_a_number_that_the_text_states_and_nothing_shows_is_named(tmp_path):
    root = lay_miniature(tmp_path)
    path = root / "course" / "units" / "07-queues" / "queues.md"
    text = path.read_text()
    text = text.replace(
        "Half of them waited 25 minutes", "By 2019 there were 1,250. Half of them waited 25.0 minutes, or 75%, or 26"
    )
    text = text.replace("---\nkernelspec", "---\nfacts: [2019]\nkernelspec", 1)
    path.write_text(text)
    with pytest.raises(BuildError) as raised:
        Builder(root).build(["7"])
    line = text.count("\n", 0, text.index("By 2019")) + 1
    told = [(problem.line, problem.message.split(",")[0]) for problem in raised.value.problems]
    # 2019 is a fact from elsewhere, 25.0 is the median that is shown, 75% is a share of 0.75 in a check.
    assert told == [(line, "It states 1250"), (line, "It states 26")]


def test_a_cell_that_needs_an_unanswered_exercise_is_named(tmp_path):
    root = lay_miniature(tmp_path)
    path = root / "course" / "units" / "07-queues" / "queues.md"
    text = path.read_text().replace(
        "## What to take away", "```{code-cell} ipython3\nprint(kept(waits_min, 30))\n```\n\n## What to take away"
    )
    path.write_text(text)
    with pytest.raises(BuildError, match="fails while exercises before it are unanswered: NotImplementedError") as raised:
        Builder(root).build(["7"])
    (problem,) = raised.value.problems
    assert (problem.path, problem.line) == (path, text.count("\n", 0, text.index("print(kept")) + 1)


def test_a_cell_that_never_ends_is_a_problem_of_its_notebook(tmp_path):
    root = lay_miniature(tmp_path)
    path = root / "course" / "units" / "00-look" / "look.md"
    path.write_text(path.read_text().replace(LAST, "while True: pass"))
    with pytest.raises(BuildError, match="look.md:1: .*(?i:timed out)"):
        Builder(root, cell_seconds=2).build(["0"])
