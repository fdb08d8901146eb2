"""Each rule of a unit, held against a unit that keeps it and one that breaks it."""

from pathlib import Path

import pytest

from course.builder.problem import BuildError
from course.builder.rules import RULES, Course, broken_rules, front_matter_is_whole
from course.builder.source import read_unit
from tests.conftest import edit

COURSE = Course(frozenset({"queues", "queues-assessment"}))
LESSON, ASSESSMENT, MENTOR = "queues.md", "queues-assessment.md", "mentor.md"

LONG_CELL = "\n".join(f"step_{i} = {i}" for i in range(16))
FIFTEEN_LINES = LONG_CELL[: LONG_CELL.rindex("\n")]

# rule broken -> file, what is replaced by what, what the author is told, on the line that holds (default: the first line)
BROKEN = {
    "front_matter_is_whole: a key": (LESSON, "needs: []\n", "", 'lacks "needs"', None),
    "front_matter_is_whole: outcomes": (
        ASSESSMENT,
        "needs: [queues]\n",
        "needs: [queues]\noutcomes: {}\n",
        "no outcomes of its own",
        None,
    ),
    "front_matter_is_whole: minutes": (
        LESSON,
        "exercises: 5",
        "exercises: five",
        '"minutes" needs whole numbers',
        None,
    ),
    "front_matter_is_whole: codes": (LESSON, "    codes: [K13]\n", "", 'The outcome "middle" needs "can"', None),
    "needs_name_notebooks": (LESSON, "needs: []", "needs: [algebra]", '"algebra", which no notebook', None),
    "text_is_as_jupytext_writes_it": (
        LESSON,
        "Half of them waited",
        "+++\n\nHalf of them waited",
        "pathway tidy 07",
        "+++\n\nHalf",
    ),
    "headings_step_down_one_level_at_a_time: skipped": (
        LESSON,
        "## One morning",
        "### One morning",
        "level 3 follows level 1",
        "### One",
    ),
    "headings_step_down_one_level_at_a_time: two titles": (
        LESSON,
        "## One morning",
        "# One morning",
        "A second H1",
        "# One",
    ),
    "headings_step_down_one_level_at_a_time: no title": (
        LESSON,
        "# How long is the queue?\n\n",
        "",
        "No H1",
        "The desk",
    ),
    "headings_step_down_one_level_at_a_time: another title": (
        LESSON,
        "# How long is",
        "# Where is",
        "differs from the front",
        "# Where",
    ),
    "the_end_recaps: no ending": (
        LESSON,
        "## What to take away",
        "## The end",
        'must be "## What to take away"',
        "## The end",
    ),
    "the_end_recaps: no recap": (
        LESSON,
        "A promise is made to people, so count people.\n\n",
        "",
        "A recap must stand",
        "## What to",
    ),
    "the_end_recaps: no next": (LESSON, "**Next** What", "What", 'begins "**Next** "', "## What to"),
    "the_end_recaps: no new words": (
        ASSESSMENT,
        "**New words** none.",
        "Bye.",
        'begins "**New words** "',
        "## What to",
    ),
    "new_words_are_bold_where_they_first_come: plain": (
        LESSON,
        "**median**",
        "median",
        "put it in bold",
        "Eight people",
    ),
    "new_words_are_bold_where_they_first_come: absent": (
        LESSON,
        "median: the",
        "mode: the",
        '"mode" does not come',
        "## What to",
    ),
    "new_words_are_bold_where_they_first_come: undefined": (
        LESSON,
        "median: the",
        "median, the",
        "has no definition",
        "## What to",
    ),
    "code_cells_are_short: one": (LESSON, "fig, ax = plt.subplots()", LONG_CELL, "18 lines of code", "step_0"),
    "code_cells_are_short: all": (
        LESSON,
        "waits_min.median()\n```\n",
        "waits_min.median()\n```\n" + f"\n```{{code-cell}} ipython3\n{FIFTEEN_LINES}\n```\n" * 3,
        "lines in the mean",
        None,
    ),
    "code_is_python_that_imports_what_trainees_use: import": (
        LESSON,
        "from course import describe",
        "from course.builder import build, describe",
        "may not import build from course.builder",
        "from course.builder",
    ),
    "code_is_python_that_imports_what_trainees_use: siting is later": (
        LESSON,
        "from course import describe",
        "from course import describe, cli",
        "may not import cli from course",
        "from course import describe, cli",
    ),
    "code_is_python_that_imports_what_trainees_use: magic": (
        LESSON,
        "waits_min.median()",
        "%time 1",
        "This is not Python",
        "%time",
    ),
    "no_trailing_semicolons": (
        LESSON,
        "waits_min.median()",
        "waits_min.median();",
        "A trailing semicolon",
        "waits_min.median()",
    ),
    "ids_are_unique: taken": (
        ASSESSMENT,
        "longest-wait",
        "promise-kept",
        'The id "promise-kept" is taken',
        "expect(longest(pd.Series([5",
    ),
    "ids_are_unique: form": (
        LESSON,
        "promise-kept",
        "Promise_kept",
        "words in lower case",
        "expect(kept(waits_min, 60) <= 1",
    ),
    "each_exercise_names_an_outcome_of_the_unit": (
        LESSON,
        ":outcome: share",
        ":outcome: shares",
        'Unknown outcome "shares"',
        "expect(",
    ),
    "each_outcome_is_assessed": (
        ASSESSMENT,
        ":outcome: middle",
        ":outcome: share",
        'is for the outcome "middle"',
        None,
    ),
    "each_task_has_two_hints: one": (
        LESSON,
        "<details><summary>Hint 2</summary>What is the `mean()` of `waits < promise`?</details>\n",
        "",
        "needs two hints",
        "## Exercise",
    ),
    "tasks_hold_a_solution: markers": (
        LESSON,
        "    ### END SOLUTION\n",
        "",
        "needs one ### BEGIN SOLUTION",
        "def kept",
    ),
    "tasks_hold_a_solution: function": (
        LESSON,
        "def kept(waits, promise):",
        "if True:",
        "defines no function",
        "if True",
    ),
    "tasks_hold_a_solution: docstring": (
        LESSON,
        '    """Share of people (0 to 1) who waited less than `promise` minutes."""\n',
        "",
        "kept needs a docstring",
        "def kept",
    ),
    "checks_say_what_is_right: no right": (
        ASSESSMENT,
        ', right="two waits"',
        "",
        "never says what is right",
        "expect(longest(pd.Series([5",
    ),
    "checks_say_what_is_right: no expect": (
        ASSESSMENT,
        "expect(number",
        "print(number",
        "expects nothing",
        "print(number",
    ),
    "functions_are_tried_on_two_inputs": (
        LESSON,
        "kept(pd.Series([1, 2]), 2) == 0.5",
        "True",
        "at least two inputs",
        "expect(kept",
    ),
    "hidden_checks_belong_in_assessments: none": (
        ASSESSMENT,
        '### BEGIN HIDDEN TESTS\nexpect(number == "share", "Who is a promise made to?")\n### END HIDDEN TESTS\n',
        "",
        "so it needs a hidden part",
        "expect(number",
    ),
    "hidden_checks_belong_in_assessments: in a lesson": (
        LESSON,
        "expect(kept(waits_min, 60) == 0.75",
        "### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS\nexpect(kept(waits_min, 60) == 0.75",
        "checks are all visible",
        "### BEGIN HIDDEN",
    ),
    "hidden_checks_belong_in_assessments: not closed": (
        ASSESSMENT,
        "### END HIDDEN TESTS\n",
        "",
        "A hidden part needs one",
        "expect(",
    ),
    "hidden_checks_belong_in_assessments: outside a check": (
        LESSON,
        "waits_min.median()",
        "### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS",
        "Only a check can have a hidden part",
        "### BEGIN HIDDEN",
    ),
    "written_tasks_have_a_marking_guide": (
        MENTOR,
        "`sentence`",
        "sentence",
        "needs a marking guide",
        "Two of the eight",
    ),
}

# What keeps an exercise from being whole is found as the text is read.
NOT_WHOLE = {
    "a task without a check": (
        LESSON,
        ":check: promise-kept",
        ":check: other",
        "has no check right behind it",
        "def kept",
    ),
    "a check without a task": (LESSON, ":task: promise-kept\n", "", "has no task right before it", "expect(kept"),
    "a task without a heading": (LESSON, "## Exercise: the", "## The", "has no heading of its own", "def kept"),
    "a heading without a task": (
        LESSON,
        "## One morning",
        "## Exercise: none",
        "asks for nothing",
        "## Exercise: none",
    ),
    "a check without points": (LESSON, ":points: 2\n", "", 'needs "points"', "expect(kept"),
    "a check without an outcome": (LESSON, ":outcome: share\n", "", 'needs "outcome"', "expect(kept"),
    "options that cannot be read": (
        ASSESSMENT,
        '+++ {"written": "sentence"',
        '+++ {"written" "sentence"',
        "cannot be read",
        '+++ {"written"',
    ),
}


def broken(unit: Path, name: str, old: str, new: str) -> None:
    edit(unit / name, old, new)


def line_of(unit: Path, name: str, text: str | None) -> int:
    if text is None:
        return 1
    source = (unit / name).read_text(encoding="utf-8")
    return source.count("\n", 0, source.index("\n" + text) + 1) + 1


def where(name: str) -> str:
    """The file that is named: a missing guide is told of where the answer is written, an outcome where it is stated."""
    return {MENTOR: ASSESSMENT}.get(name, name)


def test_a_good_unit_breaks_no_rule(queues):
    assert broken_rules(read_unit(queues), COURSE) == []


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_named_with_file_and_line(queues, rule):
    name, old, new, told, at = BROKEN[rule]
    broken(queues, name, old, new)
    file = LESSON if rule == "each_outcome_is_assessed" else where(name)
    line = line_of(queues, file, at)
    found = broken_rules(read_unit(queues), COURSE)
    matching = [problem for problem in found if told in problem.message]
    assert matching, found
    assert (matching[0].path.name, matching[0].line) == (file, line)


def test_every_rule_has_a_unit_that_breaks_it():
    tested = {name.split(":")[0] for name in BROKEN}
    assert tested == {rule.__name__ for rule in RULES} | {front_matter_is_whole.__name__}


@pytest.mark.parametrize("fault", NOT_WHOLE)
def test_an_exercise_that_is_not_whole_is_named_with_file_and_line(queues, fault):
    name, old, new, told, at = NOT_WHOLE[fault]
    broken(queues, name, old, new)
    line = line_of(queues, name, at)
    with pytest.raises(BuildError) as raised:
        read_unit(queues)
    matching = [problem for problem in raised.value.problems if told in problem.message]
    assert matching, raised.value
    assert (matching[0].path.name, matching[0].line) == (name, line)


def test_a_folder_without_a_notebook_is_no_unit(tmp_path):
    (tmp_path / "notes.md").write_text("# Only notes\n")
    with pytest.raises(BuildError, match="No notebook here"):
        read_unit(tmp_path)


def test_lessons_come_in_the_order_in_which_they_need_one_another(queues):
    text = (queues / LESSON).read_text()
    (queues / "after.md").write_text(text.replace("needs: []", "needs: [queues]"))
    assert [notebook.name for notebook in read_unit(queues).notebooks] == ["queues", "after", "queues-assessment"]


def test_a_siting_lesson_may_import_the_siting_module(queues):
    broken(queues, LESSON, "from course import describe", "from course import describe\nfrom course.siting import p_median")
    assert broken_rules(read_unit(queues), COURSE) == []
