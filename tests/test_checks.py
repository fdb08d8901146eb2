"""What a trainee is told by a check, in a real IPython shell."""

import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from course.checks import Expect, NotYet, expect


@pytest.fixture
def shell():
    shell = InteractiveShell.instance()
    shell.reset()
    shell.run_cell("from course.checks import expect")
    yield shell
    InteractiveShell.clear_instance()


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
