"""What a trainee is told by a check, in a real IPython shell."""

import nbformat
import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from nbclient import NotebookClient
from nbgrader.utils import determine_grade

from course.checks import ANSWER, CHECK, ENDED_IN_ERROR, NOT_ANSWERED, Expect, NotYet, expect


@pytest.fixture
def shell(shell):
    expect.watch(shell)
    shell.run_cell("from course.checks import expect")
    return shell


def run(shell: InteractiveShell, *lines: str) -> str:
    """What a cell of `lines` prints, as in a terminal without colours; run as nbval does, without history."""
    with capture_output() as said:
        shell.run_cell("\n".join(lines), store_history=False)
    return said.stdout


def test_a_check_that_holds_says_what_is_right(shell):
    assert run(
        shell,
        'expect(1 <= 2, "Too large.", right="a share, between 0 and 1")',
        'expect(True, "No.")',
        'expect.done("Exercise 1 passes: 2 practice points.")',
    ) == ("Right: a share, between 0 and 1\nExercise 1 passes: 2 practice points.\n")


def test_a_check_that_fails_says_what_is_right_before_what_is_not_yet_and_shows_no_traceback(shell):
    said = run(
        shell,
        'expect(True, "No.", right="a share, between 0 and 1")',
        'expect(False, "Exactly ten minutes is within ten minutes.")',
        'expect(True, "No.", right="never reached")',
        'expect.done("Exercise 1 passes.")',
    )
    assert said == "Right: a share, between 0 and 1\nNot yet: Exactly ten minutes is within ten minutes.\n"


def test_each_cell_starts_anew(shell):
    cell = ('expect(True, "No.", right="one value")', 'expect(False, "Not two.")')
    assert run(shell, *cell) == run(shell, *cell) == "Right: one value\nNot yet: Not two.\n"
    assert run(shell, 'expect.done("Exercise 2 passes.")') == "Exercise 2 passes.\n"


def test_long_messages_are_wrapped_on_the_screen_and_whole_in_the_exception():
    message = "You left out the two who gave up. They came, and they were not seen in time, so they count as not seen."
    with pytest.raises(NotYet) as raised:
        Expect()(False, message)
    assert str(raised.value) == message
    (shown,) = raised.value._render_traceback_()
    assert " ".join(shown.split()) == f"Not yet: {message}"
    assert max(map(len, shown.splitlines())) <= 88


@pytest.mark.parametrize("many", [pd.Series([1, 2]) == 1, np.array([True, False]), pd.DataFrame({"a": [1, 2]}) == 1, pd.NA])
def test_a_comparison_without_one_answer_does_not_hold_and_says_why(many):
    with pytest.raises(
        NotYet, match=rf"One number, please\. \(Your answer gives a {type(many).__name__} here, where one value"
    ):
        expect(many, "One number, please.")


@pytest.mark.parametrize("one", [True, np.bool_(True), np.array([True]), 1])
def test_one_true_value_holds_whatever_its_type(one):
    expect(one, "No.")


CHECK_LINE = CHECK.format(number=1)
STUB = 'raise NotImplementedError("Not answered yet: your answer goes here.")'


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (f"def share(part, whole):\n    {STUB}", "Not yet: Not answered yet. In the cell above, put your answer"),
        ("pass", "Not yet: There is no share yet. Run the cell with your answer first"),
        (
            "def share(part, whole):\n    return part / 0",
            "error in the line `return part / 0`. ZeroDivisionError: division by zero",
        ),
        (
            "def share(part):\n    return part",
            "cannot be checked, because it is of another kind than asked for. TypeError: share()",
        ),
        ("def share(part, whole):\n    return None", "of another kind than asked for. TypeError: '<=' not supported"),
        (
            "def share(part, whole):\n    return int('a' * part)",
            "Your answer stops with an error in the line `return int('a' * part)`.",
        ),
    ],
)
def test_an_answer_that_stops_the_check_is_told_of_in_words_without_a_traceback(shell, answer, told):
    run(shell, answer)
    said = run(
        shell,
        CHECK_LINE,
        'expect(True, "No.", right="one thing")',
        'expect(share(1, 2) <= 1, "A share lies between 0 and 1.")',
    )
    assert said.startswith("Right: one thing\nNot yet: ")
    assert told in " ".join(said.split())
    assert "Traceback" not in said and "expect(" not in said


@pytest.mark.parametrize("first_line", ["# a cell of the lesson", ANSWER.format(number=1)])
def test_errors_anywhere_else_are_shown_as_python_shows_them_in_an_answer_too(shell, first_line):
    said = run(shell, first_line, "schools = 77", "people / schools")
    assert "Traceback (most recent call last)" in said
    assert "NameError: name 'people' is not defined" in said


@pytest.mark.parametrize("answer", ["1 / 0", 'expect(False, "Not two.")', "nothing_of_that_name"])
def test_in_a_kernel_a_check_that_does_not_hold_is_an_error_that_nbgrader_scores_zero(answer):
    """Ours is the text that is shown: that it is an error, and earns nothing, is for Jupyter and nbgrader to see."""
    check = nbformat.v4.new_code_cell(f"{CHECK_LINE}\n{answer}")
    check.metadata = {"nbgrader": {"grade": True, "solution": False, "locked": True, "grade_id": "a", "points": 2}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("from course.checks import expect"), check])
    NotebookClient(notebook, allow_errors=True).execute()
    (output,) = notebook.cells[1].outputs
    assert output.output_type == "error"
    assert output.traceback[-1].startswith("Not yet: ")
    assert determine_grade(notebook.cells[1]) == (0, 2)


ANSWER_LINE = ANSWER.format(number=1)
CHECK_OF_FOUR = (CHECK_LINE, 'expect(four == 4, "Count them.", right="four")', 'expect.done("Exercise 1 passes.")')


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ("four = = 4", ENDED_IN_ERROR),
        ("four = nothing_of_that_name", ENDED_IN_ERROR),
        (f"four = 4\n{STUB}", NOT_ANSWERED),
    ],
)
def test_an_answer_that_ends_in_an_error_is_not_judged_by_what_an_earlier_try_left_behind(shell, second, told):
    run(shell, ANSWER_LINE, "four = 4")
    assert "Exercise 1 passes." in run(shell, *CHECK_OF_FOUR)
    run(shell, ANSWER_LINE, *second.split("\n"))
    said = run(shell, *CHECK_OF_FOUR)
    assert " ".join(said.split()) == f"Not yet: {told}"
    run(shell, ANSWER_LINE, "four = 4")
    assert "Exercise 1 passes." in run(shell, *CHECK_OF_FOUR)


def test_an_answer_is_known_by_its_cell_when_its_first_line_is_gone(shell):
    def answer(source: str) -> None:
        with capture_output():
            shell.run_cell(source, cell_id="four")

    def check() -> str:
        with capture_output() as captured:
            shell.run_cell("\n".join(CHECK_OF_FOUR), cell_id="four-check")
        return captured.stdout

    answer(f"{ANSWER_LINE}\nfour = 4")
    assert "Exercise 1 passes." in check()
    answer("four = = 4")
    assert ENDED_IN_ERROR[:40] in check()
    answer("four = 4")
    assert "Exercise 1 passes." in check()
    answer(f"{ANSWER_LINE}\n{STUB}")
    assert NOT_ANSWERED[:20] in check()
    answer("four = 4")  # the first line went with the stub
    assert "Exercise 1 passes." in check()


def test_an_error_elsewhere_does_not_count_against_an_answer(shell):
    run(shell, ANSWER_LINE, "four = 4")
    run(shell, "1 / 0")
    run(shell, ANSWER.format(number=2), "1 / 0")
    assert "Exercise 1 passes." in run(shell, *CHECK_OF_FOUR)


@pytest.mark.parametrize(
    ("line", "name"), [("def rule(forms)", "SyntaxError"), ("  schools = 77\n people = 1", "IndentationError")]
)
def test_a_line_that_is_no_python_is_shown_with_its_place_and_without_ipythons_own_files(shell, line, name):
    said = run(shell, "# Exercise 1: your answer", line)
    assert "^" in said and name in said
    assert "Traceback" not in said and "site-packages" not in said
