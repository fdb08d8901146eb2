"""The answer that knows the visible check by heart: it gives back what it has seen, and works nothing out."""

import numpy as np
import pandas as pd
import pytest

from course.proof.hardcoded import HardCoded, same

TABLE = pd.DataFrame({"roll": [1.0, None]}, index=["a", "b"])


def total(table, by=1):
    """The sum, times `by`."""
    table["roll"] *= by
    return table["roll"].sum()


def test_it_works_as_the_function_does_until_it_stops_thinking():
    answer = HardCoded(total)
    assert answer.__doc__ == "The sum, times `by`."
    assert [answer(TABLE.copy()), answer(TABLE.copy(), by=3)] == [1, 3]
    answer.stop_thinking()
    assert [answer(TABLE.copy(), by=3), answer(TABLE.copy())] == [3, 1]  # what went in, before the function changed it
    assert answer(TABLE.copy(), by=5) == 1  # never seen: the first that it knows
    assert answer(TABLE.rename(columns={"roll": "rolls"})) == 1


def test_what_it_gives_back_is_a_copy():
    answer = HardCoded(lambda: [1])
    answer().append(2)
    answer.stop_thinking()
    answer().append(3)
    assert answer() == [1]


def test_one_that_was_never_asked_knows_nothing():
    answer = HardCoded(total)
    answer.stop_thinking()
    assert answer(1) is None


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (1, 1, True),
        (1, 1.0, False),
        (1, True, False),
        (float("nan"), float("nan"), True),
        ([1, {"a": {2}}], [1, {"a": {2}}], True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False),
        ((1, 2), (1,), False),
        (np.array([1, np.nan]), np.array([1, np.nan]), True),
        (np.array([1, 2]), np.array([[1, 2]]), False),
        (TABLE, TABLE.copy(), True),
        (TABLE, TABLE.iloc[::-1], False),
        (TABLE["roll"], TABLE["roll"].copy(), True),
        (TABLE.index, pd.Index(["a", "b"]), True),
    ],
)
def test_values_are_the_same_when_they_hold_the_same(one, other, alike):
    assert same(one, other) is alike
