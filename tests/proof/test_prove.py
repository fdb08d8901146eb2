"""The proof: a fair unit passes, and whatever is unfair in one is named with file, line and what to do."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from course.builder.problem import BuildError
from course.proof import report
from course.proof.hidden import counting, hidden_checks, without
from course.proof.prove import Prover
from course.proof.results import UnitProof
from tests.conftest import QUEUES, ROOT

pytestmark = pytest.mark.xdist_group("busy")

BANK = """promise-kept:
  right:
    - why: counts them
      answer: |
        def kept(waits, promise):
            return sum(wait < promise for wait in waits) / len(waits)
  wrong:
    - misconception: at most, for less than
      earns: 0
      hears: The promise is an argument
      answer: |
        def kept(waits, promise):
            return (waits <= promise).mean()
    - misconception: a percentage
      earns: 0
      hears: lies between 0 and 1
      answer: |
        def kept(waits, promise):
            return 100 * (waits < promise).mean()
longest-wait:
  right:
    - why: begins with 0
      answer: |
        def longest(waits):
            return max([0, *waits])
  wrong:
    - misconception: somebody always comes
      earns: 0
      hears: stops with an error in the line `return max(waits)`
      answer: |
        def longest(waits):
            return max(waits)
    - misconception: the first for the longest
      earns: 0
      hears: Try it on two waits
      answer: |
        def longest(waits):
            return waits.iloc[0] if len(waits) else 0
which-number:
  right:
    - {why: in capitals and made small, answer: "number = 'SHARE'.lower()"}
  wrong:
    - {misconception: the mean, earns: 0, hears: Who is a promise made to, answer: number = "mean"}
    - {misconception: a word of one's own, earns: 0, hears: one of the three, answer: number = "average"}
"""
ATTACK = """    - misconception: {name}
      earns: 0
      hears: {hears}
      answer: |
        def kept(waits, promise):
            {line}
"""
ATTACKS = {
    "a loop without an end": ("while True: pass", "stopped after "),
    "an exit": ("import os; os._exit(0)", "ended the process (exit code 0)"),
    "a polite exit": ("raise SystemExit", "SystemExit"),
    "all the memory": ("return bytearray(10**11)", "used more than 1000 MB"),
    "a flood of text": ("print('x' * 10**8)", "gave more than 1000 KB of output"),
    "a kill": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended the process"),
}
HIDDEN = """### BEGIN HIDDEN TESTS
expect(longest(pd.Series([], dtype=int)) == 0, "Nobody came, so nobody waited.")
### END HIDDEN TESTS
"""
ON_DATA = """### BEGIN HIDDEN TESTS
expect(longest(pd.Series([], dtype=int)) == 0, "Nobody came, so nobody waited.")
from course import DATA
known = int((DATA / "eastmere" / "longest.txt").read_text())
expect(longest(pd.Series([known])) == 95, "That is not what Eastmere's longest wait is.")
### END HIDDEN TESTS
"""
# What is unfair -> which text of which file becomes which, and what the author is told, at the line that then holds this.
UNFAIR = {
    "a right answer refused": (
        "queues.md",
        "expect(kept(waits_min, 60) <= 1",
        "expect(type(kept(waits_min, 60)).__name__ == 'float64', 'A float64, please.')\nexpect(kept(waits_min, 60) <= 1",
        "This right answer to 'promise-kept' (counts them) earns 0 of 2: the trainee is told: A float64, please.",
        ("answers.yaml", "why: counts them"),
    ),
    "a wrong answer that earns": (
        "queues.md",
        'expect(kept(pd.Series([1, 2]), 2) == 0.5, "The promise is an argument: use it.", right="any promise works")\n',
        "",
        "This wrong answer to 'promise-kept' (at most, for less than) earns 2 of 2, and the bank says 0; "
        "the trainee is told that all is right",
        ("answers.yaml", "misconception: at most"),
    ),
    "a message that nobody says": (
        "answers.yaml",
        "hears: lies between 0 and 1",
        "hears: no percentages",
        "To this wrong answer to 'promise-kept' (a percentage) nobody says 'no percentages'; "
        "the trainee is told: A share lies between 0 and 1.",
        ("answers.yaml", "misconception: a percentage"),
    ),
    "a model answer that fails": (
        "queues.md",
        "return (waits < promise).mean()",
        "return (waits > promise).mean()",
        "The model answer to 'promise-kept' earns 0 of 2: the trainee is told: Try it by hand",
        ("queues.md", "def kept(waits, promise):"),
    ),
    "marks for nothing": (
        "queues-assessment.md",
        'expect(number in ("mean", "median", "share"), "Choose one of the three words.", right="one of the three")\n'
        '### BEGIN HIDDEN TESTS\nexpect(number == "share", "Who is a promise made to?")\n### END HIDDEN TESTS\n',
        "assert True\n",
        "'which-number' earns 1 of 1 with nothing answered: let the check look at the answer.",
        ("queues-assessment.md", '# number: "mean"'),
    ),
    "slips that go unnoticed": (
        "queues.md",
        'expect(kept(waits_min, 60) == 0.75, "Try it by hand: how many of the eight waited less than an hour?")\n'
        'expect(kept(pd.Series([1, 2]), 2) == 0.5, "The promise is an argument: use it.", right="any promise works")\n',
        "",
        "Not noticed: return (waits < promise).mean() → return (waits <= promise).mean().",
        ("queues.md", "return (waits < promise).mean()"),
    ),
    "a slip that is said to change nothing": (
        "answers.yaml",
        "longest-wait:",
        "  same:\n    - becomes: return (waits <= promise).mean()\n      reason: nobody can tell\nlongest-wait:",
        "The bank lists this mutant of 'promise-kept' as the same, but the check tells it apart: ",
        ("queues.md", "return (waits < promise).mean()"),
    ),
    "a hidden check that nothing needs": (
        "queues-assessment.md",
        '"Nobody came, so nobody waited.")\n',
        '"Nobody came, so nobody waited.")\nexpect(longest(pd.Series([7])) == 7, "One wait is the longest.")\n',
        "Useless hidden check of 'longest-wait': no wrong answer of the bank needs expect(longest(pd.Series([7])) == 7",
        ("queues-assessment.md", "expect(longest(pd.Series([7]))"),
    ),
    "a visible check that can be learnt by heart": (
        "queues-assessment.md",
        HIDDEN,
        'expect(longest(pd.Series([], dtype=int)) == 0, "Nobody came, so nobody waited.")\n',
        "An answer to 'longest-wait' that knows the visible check's cases alone earns 3 of 3: let a hidden check",
        ("queues-assessment.md", "expect(longest(pd.Series([5, 10])) == 10"),
    ),
    "a value that is asked for as if it were a function": (
        "queues-assessment.md",
        ":kind: choice\n",
        "",
        "No answer that hard-codes the visible check of 'which-number' could be made",
        ("queues-assessment.md", '# number: "mean"'),
    ),
    "an answer that holds in one Eastmere alone": (
        "queues-assessment.md",
        HIDDEN,
        ON_DATA,
        "The model answer to 'longest-wait' earns 0 of 3: the trainee is told: That is not what Eastmere's longest wait is. "
        "(on another Eastmere, seed 5)",
        ("queues-assessment.md", "def longest(waits):"),
    ),
}
FAIR, ATTACKED, BROKEN = "07-queues", "08-attacked", "09-broken"


def number_of(unfair: str) -> int:
    return 20 + list(UNFAIR).index(unfair)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A course in which one unit is fair, one is attacked, one ends in an error, and each of the others is unfair."""
    root = tmp_path_factory.mktemp("course")
    units = root / "course" / "units"
    folders = [FAIR, ATTACKED, BROKEN, *(f"{number_of(unfair)}-{unfair.replace(' ', '-')}" for unfair in UNFAIR)]
    for folder in folders:
        shutil.copytree(QUEUES, units / folder)
        (units / folder / "answers.yaml").write_text(BANK, encoding="utf-8")
    attacks = "".join(ATTACK.format(name=name, line=line, hears=hears) for name, (line, hears) in ATTACKS.items())
    replace(units / ATTACKED / "answers.yaml", "longest-wait:", f"{attacks}longest-wait:")
    replace(units / BROKEN / "queues.md", "waits_min.median()", "waits_min.medain()")
    for unfair, (file, old, new, *_) in UNFAIR.items():
        replace(units / f"{number_of(unfair)}-{unfair.replace(' ', '-')}" / file, old, new)
    pathway = [{"number": int(f[:2]), "folder": f, "title": f, "question": f, "weeks": "1"} for f in folders]
    (units / "pathway.yaml").write_text(json.dumps(pathway), encoding="utf-8")
    for folder, longest in (("data", "95"), ("elsewhere", "96")):
        (root / folder / "eastmere").mkdir(parents=True)
        (root / folder / "datapackage.json").write_text("{}", encoding="utf-8")
        (root / folder / "eastmere" / "longest.txt").write_text(longest, encoding="utf-8")
    return root


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def prover(root):
    with Prover(root, {5: root / "elsewhere"}) as prover:
        yield prover


@pytest.fixture(scope="module")
def fair(prover) -> UnitProof:
    return prove(prover, FAIR)


def prove(prover: Prover, name: str) -> UnitProof:
    return prover.prove(next(unit for unit in prover.units if unit.name == name))


def test_a_fair_unit_falls_short_in_nothing(fair):
    assert fair.problems == [] and fair.is_fair
    assert [task.exercise.id for task in fair.tasks] == ["promise-kept", "longest-wait", "which-number"]
    assert all(one.is_full for kind in ("model", "right") for one in fair.counts.tried(kind))
    assert [one.earned for kind in ("blank", "wrong", "hard-coded") for one in fair.counts.tried(kind)] == [0] * 10
    assert fair.counts.noticed.is_all and fair.counts.noticed.whole > 8 and fair.counts.same == 0
    assert [one.needed_by for task in fair.tasks for one in task.hidden] == [("somebody always comes",), ("the mean",)]
    assert {(one.eastmere, one.answer.kind) for task in fair.tasks for one in task.elsewhere} == {
        (5, "model"),
        (5, "right"),
        (5, "wrong"),
    }


def test_what_a_trainee_is_told_is_the_message_in_one_line(fair):
    told = {one.answer.name: one.told for one in fair.counts.tried("wrong")}
    assert told["a percentage"] == "A share lies between 0 and 1."
    assert told["the mean"] == "Who is a promise made to?"
    assert all("Not answered yet" in one.told or "There is no number yet" in one.told for one in fair.counts.tried("blank"))


@pytest.mark.parametrize("unfair", UNFAIR)
def test_what_is_unfair_is_named(prover, unfair):
    *_, message, (file, text) = UNFAIR[unfair]
    proof = prove(prover, f"{number_of(unfair)}-{unfair.replace(' ', '-')}")
    found = [problem for problem in proof.problems if problem.message.startswith(message)]
    assert found, [str(problem) for problem in proof.problems]
    path = proof.unit.folder / file
    lines = path.read_text(encoding="utf-8").splitlines()
    assert all(problem.path == path and text in lines[problem.line - 1] for problem in found)
    assert not proof.is_fair


def test_an_answer_that_attacks_ends_itself_alone(prover):
    proof = prove(prover, ATTACKED)
    assert [str(problem) for problem in proof.problems] == []
    told = {one.answer.name: one for one in proof.counts.tried("wrong")}
    assert all(told[name].earned == 0 and hears in told[name].told for name, (_, hears) in ATTACKS.items())


def test_a_cell_between_tasks_that_ends_in_an_error_is_named(prover):
    with pytest.raises(BuildError, match=r"queues\.md:\d+: This cell ends in an error: AttributeError.*'medain'"):
        prove(prover, BROKEN)


def test_a_unit_without_a_bank_is_refused(root, prover):
    unit = next(unit for unit in prover.units if unit.name == FAIR)
    bank = unit.folder / "answers.yaml"
    bank.rename(bank.with_suffix(".away"))
    try:
        with pytest.raises(BuildError, match=r"No answers\.yaml here: 07-queues needs right and wrong answers"):
            prover.prove(unit)
    finally:
        bank.with_suffix(".away").rename(bank)


def test_the_table_counts_and_the_json_holds_all_that_was_tried(fair):
    row = [next(iter(column.cells)) for column in report.as_rich([fair]).columns]
    assert row[:5] == [FAIR, "3", "6/6", "10/10", "6/6"]
    (unit,) = json.loads(report.as_json([fair]))
    tried = [one for task in unit["tasks"] for one in task["tried"]]
    assert unit["fair"] and len(tried) == sum(len(task.tried) for task in fair.tasks)
    assert {one["kind"] for one in tried} == {"model", "blank", "right", "wrong", "mutant", "hard-coded"}
    assert {one["told"] for one in tried if one["name"] == "the mean"} == {"Who is a promise made to?"}


def test_hidden_checks_are_found_in_loops_and_taken_out_one_at_a_time():
    check = "\n".join(
        [
            "expect(f(1) == 1, 'seen')",
            "### BEGIN HIDDEN TESTS",
            "for n in (2, 3):",
            "    expect(",
            "        f(n) == n, 'each')",
            "expect(f(4) == 4, 'four')",
            "### END HIDDEN TESTS",
            "expect.done('all')",
        ]
    )
    first, second = hidden_checks(check)
    assert (first.line, second.line) == (4, 6) and second.source == "expect(f(4) == 4, 'four')"
    assert "    pass\nexpect(f(4)" in without(check, first) and "four" not in without(check, second)
    assert "    _hidden_check_reached = 0; expect(\n" in counting(check)
    assert hidden_checks("expect(f(1) == 1, 'seen')") == []


def test_an_unknown_unit_is_one_line():
    command = [sys.executable, "-m", "course.cli", "prove", "77"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and 'No unit is called "77"' in done.stdout and "Traceback" not in done.stderr
