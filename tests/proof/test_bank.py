"""Answer banks: the real ones are whole, and a broken one is refused with file, line and what to do."""

from pathlib import Path

import pytest

from course.builder.problem import BuildError, Problem
from course.builder.source import read_unit, unit_folders
from course.proof.bank import Answers, Right, Same, Wrong, read_bank
from tests.conftest import ROOT

BANK = """# Answers
promise-kept:
  right:
    - why: counts them
      answer: |
        def kept(waits, promise):
            return (waits < promise).sum() / len(waits)
  wrong:
    - misconception: at most, for less than
      earns: 0
      hears: The promise is an argument
      answer: |
        def kept(waits, promise):
            return (waits <= promise).mean()
    - misconception: a percentage
      earns: 1
      hears: lies between 0 and 1
      answer: |
        def kept(waits, promise):
            return 100 * (waits < promise).mean()
  same:
    - becomes: return waits
      reason: nobody can tell
longest-wait:
  right:
    - why: begins with 0
      answer: "def longest(waits):\\n    return max([0, *waits])"
  wrong:
    - {misconception: nobody forgotten, earns: 0, hears: nobody waited, answer: longest = max}
    - {misconception: the last one, earns: 0, hears: two waits, answer: "longest = lambda waits: waits.iloc[-1]"}
which-number:
  right:
    - {why: in single quotes and capitals mended, answer: "number = 'SHARE'.lower()"}
  wrong:
    - {misconception: mean, earns: 0, hears: Who is, answer: number = "mean"}
    - {misconception: median, earns: 0, hears: Who is, answer: number = "median"}
"""

MEAN = "100 * (waits < promise).mean()"
# What is wrong -> what is replaced by what, what the author is told, and on which line: the one that then holds this,
# or one so far from it.
BROKEN = {
    "an unknown task": ("promise-kept:", "promises-kept:", 'Unknown task "promises-kept": the unit has', "promises-kept:"),
    "a written task": ("which-number:", "sentence:", '"sentence" is a written task', "sentence:"),
    "a task without an entry": ("which-number:", "sentence:", '"which-number" (queues-assess', '"median"'),
    "no right answer": (
        "right:\n    - why: counts them\n      answer: |\n        def kept(waits, promise):\n"
        "            return (waits < promise).sum() / len(waits)",
        "right: []",
        "has 0 right answers, and needs 1",
        "promise-kept:",
    ),
    "one wrong answer": (
        '    - {misconception: mean, earns: 0, hears: Who is, answer: number = "mean"}\n',
        "",
        "has 1 wrong answers, and needs 2",
        "which-number:",
    ),
    "an answer that is not Python": (MEAN, "100 * (", "This answer is not Python", "100 * ("),
    "a return outside a function": ("answer: longest = max", "answer: return 1", "not Python: 'return'", "answer: return 1"),
    "more points than there are": ("earns: 1", "earns: 3", '"earns" is 3: "promise-kept" has 2 points', "earns: 3"),
    "fewer points than none": ("earns: 1", "earns: -1", '"earns" is -1', "earns: -1"),
    "half a point": ("earns: 1", "earns: 0.5", "should be a whole number, 0 to 2", "earns: 0.5"),
    "points in words": ("earns: 1", "earns: yes", "should be a whole number", "earns: yes"),
    "no why": ("why: counts them\n      answer", "answer", 'A right answer lacks "why"', "answer: |"),
    "an empty why": ("why: counts them", "why:", '"why" is empty', "why:"),
    "an empty misconception": ("misconception: a percentage", 'misconception: " "', '"misconception" is empty', '" "'),
    "no hears": ("      hears: lies between 0 and 1\n", "", 'A wrong answer lacks "hears"', "a percentage"),
    "an empty hears": ("hears: lies between 0 and 1", "hears: ''", '"hears" is empty', "hears: ''"),
    "a text that is a list": ("why: counts them", "why: [counts]", '"why" should be text', "why: [counts]"),
    "the same answer twice": (MEAN, "(waits <=  promise).mean()  # again", "is the same as the one in line 12", "again", -2),
    "a wrong answer that is right": (
        MEAN,
        "(waits < promise).sum() / len(waits)  # oh",
        "wrong answer is the same as the right one in line 5",
        "# oh",
        -2,
    ),
    "a right answer that is the model's": (
        "(waits < promise).sum() / len(waits)",
        "(waits < promise).mean()  # model",
        'right answer is the model answer of "promise-kept"',
        "# model",
        -2,
    ),
    "a wrong answer that is the model's": (MEAN, "(waits < promise).mean()  # m", "wrong answer is the model", "# m", -2),
    "an unknown key": ("why: counts them", "why: them\n      earns: 2", '"earns": a right answer has', "earns: 2"),
    "an unknown part": ("  same:", "  equal:", 'Unknown key "equal"', "equal:"),
    "a task twice": ("which-number:", "promise-kept:  # again", "stands twice, here and in line 2", "# again"),
    "a key twice": ("earns: 1", "earns: 1\n      hears: what", '"hears" stands twice', "lies between"),
    "an entry that is no mapping": ("- {why: in single quotes and capitals mended, answer: \"number = 'SHARE'.lower()\"}",
                                    "- a share", "A right answer should be a mapping", "- a share"),
    "a part that is no list": ("  same:\n    - becomes: return waits\n      reason: nobody can tell", "  same: none",
                               '"same" should be a list', "same: none"),
    "a same that names no mutant": ("return waits\n", "return 1\n", "becomes 'return 1': take it out", "return 1\n"),
    "a same without a reason": ("      reason: nobody can tell\n", "", 'lacks "reason"', "becomes: return waits"),
    "a same twice": (
        "  same:\n",
        "  same:\n    - {becomes: return  waits, reason: one}\n",
        "'return waits' is listed twice",
        "becomes: return waits",
    ),
    "no YAML": ("why: counts them", "why: counts: them", "This is not YAML", "why: counts: them"),
}  # fmt: skip


@pytest.fixture
def bank(queues: Path) -> Path:
    """The miniature unit with a bank that is whole, to be broken."""
    path = queues / "answers.yaml"
    path.write_text(BANK, encoding="utf-8")
    return path


def problems(folder: Path) -> list[Problem]:
    with pytest.raises(BuildError) as caught:
        read_bank(read_unit(folder))
    return caught.value.problems


@pytest.mark.parametrize("folder", unit_folders(ROOT / "course" / "units"), ids=lambda folder: folder.name)
def test_the_course_has_a_whole_bank_for_every_unit(folder):
    unit = read_unit(folder)
    tasks = {exercise.id for notebook in unit.notebooks for exercise in notebook.exercises if exercise.task}
    assert set(read_bank(unit)) == tasks


def test_a_bank_gives_each_answer_with_its_line(bank):
    read = read_bank(read_unit(bank.parent))
    assert list(read) == ["promise-kept", "longest-wait", "which-number"]
    kept = read["promise-kept"]
    assert kept == Answers("promise-kept", kept.right, kept.wrong, (Same("return waits", "nobody can tell", 22),), 2)
    assert kept.right == (
        Right("counts them", "def kept(waits, promise):\n    return (waits < promise).sum() / len(waits)\n", 4),
    )
    answer = "def kept(waits, promise):\n    return 100 * (waits < promise).mean()\n"
    assert kept.wrong[1] == Wrong("a percentage", 1, "lies between 0 and 1", answer, 15)


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_bank_is_refused_with_file_line_and_what_to_do(bank, fault):
    old, new, message, on, *above = BROKEN[fault]
    assert BANK.count(old) >= 1
    text = BANK.replace(old, new, 1)
    bank.write_text(text, encoding="utf-8")
    line = text.count("\n", 0, text.index(on)) + 1 + sum(above)
    found = problems(bank.parent)
    assert [(one.path, one.line) for one in found if message in one.message] == [(bank, line)], found


def test_a_bank_that_is_no_mapping_is_refused(bank):
    bank.write_text("- promise-kept\n", encoding="utf-8")
    assert any(one.line == 1 and "The bank should be a mapping" in one.message for one in problems(bank.parent))


def test_an_empty_bank_lacks_every_task(bank):
    bank.write_text("", encoding="utf-8")
    assert len(problems(bank.parent)) == 3


def test_a_unit_without_a_bank_is_refused_by_its_folder(queues):
    (problem,) = problems(queues)
    assert (problem.path, problem.line) == (queues, 1)
    assert "No answers.yaml here: 07-queues" in problem.message


def test_all_that_is_wrong_is_said_at_once(bank):
    bank.write_text(BANK.replace("earns: 1", "earns: 9").replace("counts them", "''"), encoding="utf-8")
    assert len(problems(bank.parent)) == 2


def test_magics_that_notebooks_allow_are_no_fault(bank):
    bank.write_text(BANK.replace(f"return {MEAN}", f"%precision 3\n            return {MEAN}"), encoding="utf-8")
    assert read_bank(read_unit(bank.parent))


def test_a_task_without_mutants_that_mean_the_same_need_not_say_so(bank):
    assert read_bank(read_unit(bank.parent))["which-number"].same == ()


def test_two_mutants_that_become_the_same_are_told_apart_by_what_they_were(bank):
    notebook = bank.parent / "queues.md"
    text = notebook.read_text(encoding="utf-8")
    answer = "if promise > 60:\n        return (waits < promise).mean()\n    return waits.lt(promise).mean()"
    notebook.write_text(text.replace("return (waits < promise).mean()", answer), encoding="utf-8")
    (problem,) = problems(bank.parent)
    assert problem.line == 22 and "add `was:` 'return (waits < promise).mean()' or" in problem.message
    was = "becomes: return waits\n      was: return waits.lt(promise).mean()"
    bank.write_text(BANK.replace("becomes: return waits", was), encoding="utf-8")
    (same,) = read_bank(read_unit(bank.parent))["promise-kept"].same
    assert same.was == "return waits.lt(promise).mean()"
