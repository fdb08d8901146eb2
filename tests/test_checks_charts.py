"""Checks look at the chart itself: which bars, how long, in which order, from where."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from course.checks import bars_lie_down, bars_of, bars_start_at_zero, length_label, says_what_is_counted

COUNTS = pd.Series({"service only": 159, "danger zone": 29, "data science": 5})


@pytest.fixture
def ax():
    fig, ax = plt.subplots()
    yield ax
    plt.close(fig)


def test_bars_are_read_from_left_to_right(ax):
    ax.bar(COUNTS.index, COUNTS)
    assert list(bars_of(ax).items()) == list(COUNTS.items())


def test_lying_bars_are_read_from_the_top_down(ax):
    ax.barh(COUNTS.index, COUNTS)  # Matplotlib draws the first at the bottom
    assert list(bars_of(ax)) == ["data science", "danger zone", "service only"]
    assert bars_of(ax)["service only"] == 159


def test_an_axis_turned_round_turns_the_order_of_reading(ax):
    ax.barh(COUNTS.index, COUNTS)
    ax.invert_yaxis()
    assert list(bars_of(ax)) == list(COUNTS.index)


def test_pandas_charts_are_read_alike(ax):
    COUNTS.sort_values().plot.barh(ax=ax)
    assert list(bars_of(ax).items()) == [("service only", 159), ("danger zone", 29), ("data science", 5)]


def test_pandas_standing_bars_too(ax):
    COUNTS.plot.bar(ax=ax)
    assert list(bars_of(ax)) == list(COUNTS.index)
    assert not bars_lie_down(ax)


def test_labels_set_by_hand_are_the_names(ax):
    ax.barh(range(3), COUNTS)
    ax.set_yticks(range(3), COUNTS.index)
    assert bars_of(ax) == dict(COUNTS[::-1])


def test_bars_without_names_do_not_break_the_check(ax):
    ax.barh([0.5, 1.5], [1, 2])
    ax.set_yticks([])
    assert bars_of(ax) == {"": 3}


def test_a_chart_without_bars_has_none(ax):
    ax.plot([1, 2], [3, 4])
    assert bars_of(ax) == {}


def test_a_cut_axis_is_noticed(ax):
    ax.bar(COUNTS.index, COUNTS)
    assert bars_start_at_zero(ax)
    ax.set_ylim(20, 160)
    assert not bars_start_at_zero(ax)


def test_a_cut_axis_is_noticed_on_lying_bars(ax):
    ax.barh(COUNTS.index, COUNTS)
    assert bars_start_at_zero(ax)
    ax.set_xlim(left=4)
    assert not bars_start_at_zero(ax)


def test_bars_that_float_are_noticed(ax):
    ax.bar(COUNTS.index, COUNTS, bottom=10)
    ax.set_ylim(0, 200)
    assert not bars_start_at_zero(ax)


def test_the_label_is_that_of_the_axis_along_which_the_bars_run(ax):
    ax.barh(COUNTS.index, COUNTS)
    ax.set_ylabel("region")
    assert length_label(ax) == ""
    ax.set_xlabel(" people ")
    assert length_label(ax) == "people"
    ax.clear()
    ax.bar(COUNTS.index, COUNTS)
    ax.set_ylabel("people")
    assert length_label(ax) == "people"


@pytest.mark.parametrize("label", ["people", "number of people", "Staff", "count of staff"])
def test_a_label_that_names_what_is_counted_is_accepted(label):
    assert says_what_is_counted(label)


@pytest.mark.parametrize("label", ["", " ", "x", "Y", "region", "Regions", "count", "values", "X axis"])
def test_a_label_that_names_an_axis_a_bar_or_any_number_is_not(label):
    assert not says_what_is_counted(label)
