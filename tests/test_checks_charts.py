"""Checks look at the chart itself: which bars, how long, in which order, from where; in which colours and words."""

import inspect
import math
import subprocess
import sys

import matplotlib

matplotlib.use("Agg")

import geopandas as gpd
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.patches import Polygon, Rectangle
from shapely.geometry import MultiPolygon, Point, box

from course import chart_checks, checks, figures
from course.checks import (
    area_grows_with,
    areas_of,
    axes_of,
    axis_is_linear,
    bars_lie_down,
    bars_of,
    bars_start_at_zero,
    bins_of,
    can_be_told_apart,
    colours_of,
    colours_of_areas,
    contrast,
    gaps_stand_out,
    groups_of,
    has_key,
    has_legend,
    has_one_y_axis,
    intervals_of,
    kind_of,
    label_of_x,
    label_of_y,
    labelled_directly,
    length_label,
    lightness,
    lines_of,
    names_on,
    panels_of,
    points_of,
    runs_light_to_dark,
    says_what_is_counted,
    share_in_view,
    title_of,
    weakest_contrast,
)

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


@pytest.mark.parametrize(
    "label", ["people", "number of people", "Staff", "count of staff", "change in pupils", "places taken, %"]
)
def test_a_label_that_names_what_is_counted_is_accepted(label):
    assert says_what_is_counted(label)


@pytest.mark.parametrize("label", ["", " ", "x", "Y", "region", "Regions", "count", "values", "X axis", "%"])
def test_a_label_that_names_an_axis_a_bar_or_any_number_is_not(label):
    assert not says_what_is_counted(label)


@pytest.mark.parametrize("label", ["change", "Change (%)", "per cent", "Rate of change", "Frequency", "Eastmere", "in 2024"])
def test_a_label_that_leaves_open_of_what_is_not(label):
    assert not says_what_is_counted(label)


# ---- the module ----


def test_charts_are_not_loaded_before_a_check_asks_for_one():
    code = "import sys, course.checks; slow = {'matplotlib', 'pandas', 'numpy'}; print(sorted(slow & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_every_check_of_charts_comes_from_course_checks():
    own = {
        name
        for name, thing in vars(chart_checks).items()
        if inspect.isfunction(thing) and thing.__module__ == chart_checks.__name__ and not name.startswith("_")
    }
    public = own | {"can_be_told_apart", "contrast", "lightness"}  # of colours alone, without a chart
    assert set(checks.CHART_CHECKS) == public
    assert checks.what_is_missing is figures.what_is_missing


def test_a_check_that_does_not_exist_is_said_not_to_exist():
    with pytest.raises(AttributeError, match="nonsense"):
        checks.nonsense  # noqa: B018


# ---- the same chart, drawn in several ways ----

TWO = pd.DataFrame({"children": [30.0, 20, 10], "places": [15.0, 25, 5]}, index=["Elm Road", "Harbour Side", "Old Town"])
MONTHS = pd.date_range("2024-01-01", periods=5, freq="MS")
TREND = pd.DataFrame({"Wexmoor": [1.0, 2, 4, 8, 9], "Eastmere": [2.0, 2, 3, 3, 3]}, index=MONTHS)
AGES = [1, 2, 2, 3, 3, 3, 4, 4, 9]
EDGES = [0, 2, 4, 6, 10]
HEIGHTS = [1, 5, 2, 1]
SITES = pd.DataFrame({"x": [1.0, 2, 4], "y": [3.0, 1, 2], "children": [10.0, 20, 40]})
SQUARES = gpd.GeoDataFrame(
    {"name": list("abcd"), "rate": [0.1, 0.4, 0.2, 0.9]}, geometry=[box(at, 0, at + 1, 1) for at in range(4)], crs=27700
)
BLUES = ["#d7e6f4", "#6bace6", "#2073bc", "#12436d"]


def rectangles(ax, frame, offset, width, bottom=0.0, **look):
    for at, length in enumerate(frame):
        base = bottom if np.isscalar(bottom) else bottom.iloc[at]
        ax.add_patch(Rectangle((at - width / 2 + offset, base), width, length, **look))
        look.pop("label", None)


def grouped_by_pandas(ax):
    TWO.plot.bar(ax=ax)


def grouped_by_hand(ax):
    at = np.arange(3)
    ax.bar(at - 0.2, TWO.children, 0.4, label="children")
    ax.bar(at + 0.2, TWO.places, 0.4, label="places")
    ax.set_xticks(at, TWO.index)


def grouped_with_the_names_in_the_legend_alone(ax):
    at = np.arange(3)
    ax.bar(at - 0.2, TWO.children, 0.4)
    ax.bar(at + 0.2, TWO.places, 0.4)
    ax.set_xticks(at, TWO.index)
    ax.legend(["children", "places"])


def grouped_of_patches(ax):
    rectangles(ax, TWO.children, -0.2, 0.4, color="#12436d", label="children")
    rectangles(ax, TWO.places, 0.2, 0.4, color="#f46a25", label="places")
    ax.set_xticks(range(3), TWO.index)
    ax.set(xlim=(-1, 3), ylim=(0, 40))


def grouped_one_by_one(ax):
    for at, (_, row) in enumerate(TWO.iterrows()):
        for side, (name, colour) in {-0.2: ("children", "#12436d"), 0.2: ("places", "#f46a25")}.items():
            ax.bar(at + side, row[name], 0.4, color=colour, label="_" if at else name)
    ax.set_xticks(range(3), TWO.index)
    ax.legend()


def stacked_by_pandas(ax):
    TWO.plot.bar(stacked=True, ax=ax)


def stacked_by_hand(ax):
    ax.bar(TWO.index, TWO.children, label="children")
    ax.bar(TWO.index, TWO.places, bottom=TWO.children, label="places")


def stacked_of_patches(ax):
    rectangles(ax, TWO.children, 0, 0.8, color="#12436d", label="children")
    rectangles(ax, TWO.places, 0, 0.8, bottom=TWO.children, color="#f46a25", label="places")
    ax.set_xticks(range(3), TWO.index)
    ax.set(xlim=(-1, 3), ylim=(0, 60))


GROUPED = [
    grouped_by_pandas,
    grouped_by_hand,
    grouped_with_the_names_in_the_legend_alone,
    grouped_of_patches,
    grouped_one_by_one,
    stacked_by_pandas,
    stacked_by_hand,
    stacked_of_patches,
]


@pytest.mark.parametrize("draw", GROUPED)
def test_grouped_and_stacked_bars_are_read_by_series(ax, draw):
    draw(ax)
    assert kind_of(ax) == "bars"
    assert groups_of(ax) == TWO.to_dict()
    assert list(bars_of(ax).items()) == list(TWO.sum(axis=1).items())
    assert bars_start_at_zero(ax)


def test_grouped_bars_that_lie_down_are_read_by_series_too(ax):
    TWO.plot.barh(ax=ax)
    assert groups_of(ax) == TWO.to_dict()
    assert bars_lie_down(ax)


def test_bars_of_patches_that_lie_down_are_read_from_the_top(ax):
    for at, length in enumerate(COUNTS):
        ax.add_patch(Rectangle((0, at - 0.4), length, 0.8))
    ax.set_yticks(range(3), COUNTS.index)
    ax.set(xlim=(0, 200), ylim=(-1, 3))
    assert list(bars_of(ax).items()) == list(COUNTS[::-1].items())
    assert bars_lie_down(ax) and bars_start_at_zero(ax)
    ax.set_xlim(5, 200)
    assert not bars_start_at_zero(ax)


def test_a_stack_that_floats_is_noticed(ax):
    ax.bar(TWO.index, TWO.children, bottom=3)
    ax.bar(TWO.index, TWO.places, bottom=TWO.children + 3)
    assert not bars_start_at_zero(ax)


def test_bars_to_either_side_of_zero_start_there(ax):
    ax.barh(list("ab"), [-3, -4])
    ax.barh(list("ab"), [2, 5])
    assert bars_start_at_zero(ax)


def test_bars_on_a_logarithmic_axis_have_no_zero(ax):
    ax.bar(COUNTS.index, COUNTS, log=True)
    assert not bars_start_at_zero(ax)
    assert not axis_is_linear(ax, "y") and axis_is_linear(ax, "x")
    assert list(bars_of(ax)) == list(COUNTS.index)


def test_bars_of_years_and_of_dates_have_their_names_from_the_scale(ax):
    ax.bar([2019, 2020, 2021], [1, 2, 3])  # with ticks at half years
    assert bars_of(ax) == {"2019": 1, "2020": 2, "2021": 3} and kind_of(ax) == "bars"
    ax.clear()
    ax.bar(MONTHS, TREND.Wexmoor, width=20)
    assert list(bars_of(ax)) == [f"2024-0{month}-01" for month in range(1, 6)]
    ax.clear()
    TREND.Wexmoor.plot.bar(ax=ax)
    assert list(bars_of(ax)) == [f"2024-0{month}-01" for month in range(1, 6)]


def test_a_bar_between_the_ticks_has_no_name(ax):
    ax.bar([0, 1, 2], [5, 6, 7])
    ax.set_xticks([0, 2], ["first", "last"])
    assert bars_of(ax) == {"first": 5, "": 6, "last": 7}


def test_one_set_of_bars_is_one_series_without_a_name(ax):
    ax.bar(COUNTS.index, COUNTS, color=["#12436d", "#f46a25", "#3d3d3d"])
    assert groups_of(ax) == {"": dict(COUNTS)}


def test_bars_drawn_in_a_loop_are_one_series(ax):
    for name, count in COUNTS.items():
        ax.bar(name, count)
    assert bars_of(ax) == dict(COUNTS) and groups_of(ax) == {"": dict(COUNTS)}


def test_bars_of_one_name_drawn_in_two_goes_are_one_series(ax):
    ax.bar(["a", "b"], [1, 2], label="children", color="#12436d")
    ax.bar(["c", "d"], [3, 4], label="children", color="#12436d")
    assert groups_of(ax) == {"children": {"a": 1, "b": 2, "c": 3, "d": 4}}


def test_series_without_a_name_are_kept_apart(ax):
    ax.bar(TWO.index, TWO.children)
    ax.bar(TWO.index, TWO.places, bottom=TWO.children)
    assert groups_of(ax) == {"": TWO.children.to_dict(), "(2)": TWO.places.to_dict()}


def drawn_by_hist(ax):
    ax.hist(AGES, bins=EDGES)


def drawn_by_pandas_hist(ax):
    pd.Series(AGES).plot.hist(bins=EDGES, ax=ax)


def drawn_by_stairs(ax):
    ax.stairs(HEIGHTS, EDGES, fill=True)


def drawn_as_a_step(ax):
    ax.hist(AGES, bins=EDGES, histtype="step")


def drawn_as_a_filled_step(ax):
    ax.hist(AGES, bins=EDGES, histtype="stepfilled")


def drawn_as_bars(ax):
    ax.bar(EDGES[:-1], HEIGHTS, width=np.diff(EDGES), align="edge")


def drawn_as_patches(ax):
    for low, high, height in zip(EDGES[:-1], EDGES[1:], HEIGHTS, strict=True):
        ax.add_patch(Rectangle((low, 0), high - low, height))
    ax.set(xlim=(0, 10), ylim=(0, 6))


HISTOGRAMS = [
    drawn_by_hist,
    drawn_by_pandas_hist,
    drawn_by_stairs,
    drawn_as_a_step,
    drawn_as_a_filled_step,
    drawn_as_bars,
    drawn_as_patches,
]


@pytest.mark.parametrize("draw", HISTOGRAMS)
def test_a_histogram_is_read_by_its_bins(ax, draw):
    draw(ax)
    assert kind_of(ax) == "histogram"
    assert bins_of(ax).to_numpy().tolist() == [list(bin_) for bin_ in zip(EDGES[:-1], EDGES[1:], HEIGHTS, strict=True)]
    assert bars_start_at_zero(ax)
    assert not bars_lie_down(ax)
    ax.set_ylim(0.5, 6)
    assert not bars_start_at_zero(ax)


def test_a_histogram_with_its_edges_as_ticks_is_one(ax):
    ax.hist(AGES, bins=EDGES)
    ax.set_xticks(EDGES)
    assert kind_of(ax) == "histogram"


def test_bars_of_names_that_touch_are_no_histogram(ax):
    ax.bar(COUNTS.index, COUNTS, width=1)
    assert kind_of(ax) == "bars"
    assert bins_of(ax).empty


def lines_by_pandas(ax):
    TREND.plot(ax=ax)


def lines_by_matplotlib(ax):
    for name in TREND:
        ax.plot(TREND.index, TREND[name], label=name)


def lines_with_markers(ax):
    for name in TREND:
        ax.plot(TREND.index, TREND[name], "o-", label=name)
        ax.scatter(TREND.index, TREND[name])


def lines_named_in_the_legend(ax):
    ax.plot(TREND.index, TREND)
    ax.legend(list(TREND))


def lines_named_at_their_ends(ax):
    ax.plot(TREND.index, TREND)
    for name in TREND:
        ax.text(TREND.index[-1], TREND[name].iloc[-1], f" {name}", va="center")


def lines_named_by_annotations(ax):
    ax.plot(TREND.index, TREND)
    for name in TREND:
        end = (TREND.index[-1], TREND[name].iloc[-1])
        ax.annotate(name, end, xytext=(5, 0), textcoords="offset points", va="center")


def lines_named_in_their_colour(ax):
    for name, place in zip(TREND, [0.5, 0.1], strict=True):
        (line,) = ax.plot(TREND.index, TREND[name])
        ax.text(0.1, place + 0.2, name, transform=ax.transAxes, color=line.get_color())


def lines_as_a_collection(ax):
    days = matplotlib.dates.date2num(TREND.index)
    for name, colour in zip(TREND, ["#12436d", "#f46a25"], strict=True):
        ax.add_collection(LineCollection([np.column_stack([days, TREND[name]])], colors=colour, label=name))
    ax.xaxis_date()
    ax.autoscale()


LINES = [
    lines_by_pandas,
    lines_by_matplotlib,
    lines_with_markers,
    lines_named_in_the_legend,
    lines_named_at_their_ends,
    lines_named_by_annotations,
    lines_named_in_their_colour,
    lines_as_a_collection,
]


@pytest.mark.parametrize("draw", LINES)
def test_lines_are_read_with_their_names_and_dates(ax, draw):
    draw(ax)
    ax.axhline(5)
    ax.axvline(MONTHS[2])
    ax.grid()
    assert kind_of(ax) == "lines"
    found = lines_of(ax)
    assert list(found) == list(TREND)
    for name, line in found.items():
        assert line.index.tolist() == MONTHS.tolist()
        assert line.tolist() == TREND[name].tolist()


@pytest.mark.parametrize("draw", LINES)
def test_names_beside_lines_are_told_from_a_legend(ax, draw):
    draw(ax)
    beside = draw in (lines_named_at_their_ends, lines_named_by_annotations, lines_named_in_their_colour)
    assert labelled_directly(ax) == beside
    assert has_legend(ax) == (draw in (lines_by_pandas, lines_named_in_the_legend))


def test_a_note_far_from_its_ends_is_not_a_lines_name(ax):
    ax.plot([0, 10], [0, 10])
    ax.plot([0, 10], [4, 4.5], color="black")
    ax.text(5, 8, "a note")
    assert list(lines_of(ax)) == ["", "(2)"]
    assert not labelled_directly(ax)


def test_one_text_names_one_line(ax):
    ax.plot([0, 10], [0, 9])
    ax.plot([0, 10], [1, 10])
    ax.text(10, 10, " Wexmoor", va="center")
    assert list(lines_of(ax)) == ["", "Wexmoor"]
    assert not labelled_directly(ax)


def test_a_line_without_a_name_has_none_and_a_second_is_kept(ax):
    ax.plot([1, 2, 3])
    ax.plot([3, 2, 1])
    assert list(lines_of(ax)) == ["", "(2)"]
    assert not labelled_directly(ax)


@pytest.mark.parametrize("frequency", ["D", "W", "MS", "YS"])
def test_pandas_dates_of_any_step_are_read(ax, frequency):
    when = pd.date_range("2020-01-01", periods=4, freq=frequency)
    pd.Series([1, 2, 3, 4.0], index=when, name="places").plot(ax=ax)
    (line,) = lines_of(ax).values()
    assert [date.year for date in line.index] == [date.year for date in when]
    assert all(abs(drawn - meant) < pd.Timedelta(days=7) for drawn, meant in zip(line.index, when, strict=True))


def test_names_along_a_line_are_read(ax):
    ax.plot(["2023", "2024"], [1, 2])
    assert lines_of(ax)[""].to_dict() == {"2023": 1, "2024": 2}
    ax.clear()
    ax.plot([0, 1], [1, 2])
    ax.set_xticks([0, 1], ["2022/23", "2023/24"])
    assert lines_of(ax)[""].to_dict() == {"2022/23": 1, "2023/24": 2}
    ax.clear()
    pd.Series([1, 2, 3], index=list("abc"), name="q").plot(ax=ax)
    assert lines_of(ax)["q"].to_dict() == {"a": 1, "b": 2, "c": 3}


def test_lines_between_two_years_are_data_even_when_one_is_level(ax):
    for name, ends in {"Elm Road": [1, 3], "Old Town": [2, 2]}.items():
        ax.plot(["2023", "2024"], ends, "o-", label=name)
    assert list(lines_of(ax)) == ["Elm Road", "Old Town"]
    assert intervals_of(ax).empty and kind_of(ax) == "lines"


def test_numbers_along_a_line_are_numbers_even_with_ticks_set(ax):
    ax.plot([2021, 2022, 2023], [1, 2, 3])
    ax.set_xticks([2021, 2022, 2023])
    assert list(lines_of(ax)[""].index) == [2021, 2022, 2023]


def test_helper_lines_are_no_data(ax):
    ax.plot([1, 2, 3], [4, 5, 6], label="places")
    ax.axline((0, 0), slope=1)
    ax.plot([1, 3], [5.5, 5.5], color="grey")
    ax.plot([2.5, 2.5], [0, 6], color="grey")
    ax.hlines(1, 0, 3)
    ax.axvspan(1, 2)
    assert list(lines_of(ax)) == ["places"]
    assert kind_of(ax) == "lines"
    assert intervals_of(ax).empty


def test_a_mean_drawn_across_bars_is_no_data(ax):
    ax.bar(COUNTS.index, COUNTS)
    ax.plot([0, 2], [64, 64])
    assert lines_of(ax) == {} and intervals_of(ax).empty


def points_by_matplotlib(ax):
    ax.scatter(SITES.x, SITES.y, s=36, color="#12436d", label="sites")


def points_by_pandas(ax):
    SITES.plot.scatter("x", "y", s=36, c="#12436d", ax=ax, label="sites")


def points_as_a_plot(ax):
    ax.plot(SITES.x, SITES.y, "o", markersize=6, color="#12436d", label="sites")


def points_by_geopandas(ax):
    at = gpd.GeoSeries(gpd.points_from_xy(SITES.x, SITES.y), crs=27700)
    at.plot(ax=ax, markersize=36, color="#12436d", label="sites")


@pytest.mark.parametrize("draw", [points_by_matplotlib, points_by_pandas, points_as_a_plot, points_by_geopandas])
def test_points_are_read_with_area_and_colour(ax, draw):
    draw(ax)
    assert kind_of(ax) == "points"
    found = points_of(ax)
    assert found[["x", "y"]].to_numpy().tolist() == SITES[["x", "y"]].to_numpy().tolist()
    assert found["area"].tolist() == [36] * 3
    assert found["colour"].tolist() == ["#12436d"] * 3
    assert found["name"].tolist() == ["sites"] * 3


def test_points_with_a_fitted_line_are_still_points(ax):
    ax.scatter(SITES.x, SITES.y)
    ax.plot([0, 5], [1, 3], "--")
    assert kind_of(ax) == "points"
    assert len(points_of(ax)) == 3 and len(lines_of(ax)) == 1


def test_points_on_names_and_on_dates_are_read_so(ax):
    ax.scatter(MONTHS[:2], ["a", "b"])
    assert points_of(ax)[["x", "y"]].to_numpy().tolist() == [[MONTHS[0], "a"], [MONTHS[1], "b"]]


def test_points_know_the_values_behind_their_colours(ax):
    ax.scatter(SITES.x, SITES.y, c=SITES.children, cmap="Blues")
    assert points_of(ax)["value"].tolist() == SITES.children.tolist()
    assert points_of(ax)["colour"].nunique() == 3
    assert runs_light_to_dark(ax)


def test_points_that_are_not_drawn_are_not_read(ax):
    ax.scatter([1, np.nan], [1, 2])
    ax.scatter([], [], label="key")
    assert len(points_of(ax)) == 1


def map_by_geopandas(ax):
    SQUARES.plot(column="rate", cmap="Blues", ax=ax, legend=True)


def map_in_given_colours(ax):
    SQUARES.plot(color=BLUES, ax=ax)


def map_of_classes(ax):
    SQUARES.assign(band=pd.cut(SQUARES.rate, [0, 0.3, 0.6, 1])).plot(column="band", cmap="Blues", legend=True, ax=ax)


def map_of_patches(ax):
    patches = PatchCollection([Polygon(list(shape.exterior.coords)) for shape in SQUARES.geometry], cmap="Blues")
    patches.set_array(SQUARES.rate.to_numpy())
    ax.add_collection(patches)
    ax.autoscale()


def map_by_fill(ax):
    for shape, colour in zip(SQUARES.geometry, BLUES, strict=True):
        ax.fill(*shape.exterior.xy, color=colour)


@pytest.mark.parametrize("draw", [map_by_geopandas, map_in_given_colours, map_of_classes, map_of_patches, map_by_fill])
def test_the_areas_of_a_map_are_read(ax, draw):
    draw(ax)
    assert kind_of(ax) == "map"
    found = areas_of(ax)
    assert len(found) == 4
    for (_, area), shape in zip(found.sort_values("x").iterrows(), SQUARES.geometry, strict=True):
        assert shape.contains(Point(area.x, area.y))
    assert colours_of_areas(ax, SQUARES).tolist() == found.sort_values("x")["colour"].tolist()


@pytest.mark.parametrize("draw", [map_by_geopandas, map_of_patches])
def test_areas_know_the_values_behind_their_colours(ax, draw):
    draw(ax)
    assert areas_of(ax).sort_values("x")["value"].tolist() == SQUARES.rate.tolist()
    assert runs_light_to_dark(ax)


def test_areas_of_a_map_of_classes_know_their_class(ax):
    map_of_classes(ax)
    assert areas_of(ax).sort_values("x")["name"].tolist() == ["(0.0, 0.3]", "(0.3, 0.6]", "(0.0, 0.3]", "(0.6, 1.0]"]
    assert runs_light_to_dark(ax)
    assert has_legend(ax)


@pytest.mark.parametrize("legend", [True, False])
def test_a_map_of_classes_in_the_colours_of_a_rainbow_is_noticed(ax, legend):
    classes = SQUARES.assign(band=pd.Categorical(["low", "mid", np.nan, "high"], ["low", "mid", "high"], ordered=True))
    classes.plot(column="band", cmap="jet", legend=legend, ax=ax, missing_kwds={"color": "grey", "label": "No data"})
    assert not runs_light_to_dark(ax)
    ax.clear()
    classes.plot(column="band", cmap="Blues", legend=legend, ax=ax, missing_kwds={"color": "white", "label": "No data"})
    assert runs_light_to_dark(ax)


def test_classes_coloured_by_hand_are_known_by_the_legend(ax):
    SQUARES.sort_values("rate").plot(color=BLUES, ax=ax)
    ax.legend(handles=[Rectangle((0, 0), 1, 1, color=colour, label=f"class {at}") for at, colour in enumerate(BLUES)])
    assert areas_of(ax).sort_values("x")["name"].tolist() == ["class 0", "class 2", "class 1", "class 3"]
    assert runs_light_to_dark(ax)


@pytest.mark.parametrize("units", [27700, 4326, 3857])
def test_colours_of_areas_are_found_in_whatever_units_the_map_is(ax, units):
    here = SQUARES.set_geometry([box(at, 400_000, at + 900, 400_900) for at in range(600_000, 604_000, 1000)], crs=27700)
    here.to_crs(units).plot(color=BLUES, ax=ax)
    assert colours_of_areas(ax, here).tolist() == colours_of_areas(ax, here.to_crs(4326)).tolist() == BLUES


def test_colours_given_by_hand_have_no_value_and_can_be_held_against_the_column(ax):
    SQUARES.sort_values("rate").plot(color=BLUES, ax=ax)
    assert areas_of(ax)["value"].isna().all()
    assert not runs_light_to_dark(ax)
    assert runs_light_to_dark(SQUARES.rate, colours_of_areas(ax, SQUARES))


def test_areas_without_data_are_read_with_their_own_colour(ax):
    gaps = SQUARES.assign(rate=[0.1, np.nan, 0.2, 0.9])
    gaps.plot(column="rate", cmap="Blues", ax=ax, missing_kwds={"color": "lightgrey"})
    assert colours_of_areas(ax, SQUARES).iloc[1] == "#d3d3d3"
    assert areas_of(ax)["value"].isna().sum() == 1
    assert runs_light_to_dark(ax)


def test_areas_with_several_parts_or_with_a_hole_have_points_inside(ax):
    ring = box(0, 0, 9, 9).difference(box(1, 1, 8, 8))
    shapes = gpd.GeoDataFrame({"n": [1, 2]}, geometry=[ring, MultiPolygon([box(10, 0, 11, 1), box(12, 0, 13, 1)])])
    shapes.plot(column="n", ax=ax)
    found = areas_of(ax)
    assert len(found) in (2, 3)
    assert shapes.union_all().contains(gpd.GeoSeries(gpd.points_from_xy(found.x, found.y)).union_all())
    assert colours_of_areas(ax, shapes).notna().all()


def test_outlines_drawn_over_a_map_are_no_areas(ax):
    map_by_geopandas(ax)
    before = areas_of(ax)
    SQUARES.plot(ax=ax, facecolor="none", edgecolor="black")
    SQUARES.boundary.plot(ax=ax)
    assert areas_of(ax).equals(before)


def test_points_on_a_map_leave_it_a_map(ax):
    SQUARES.plot(ax=ax, color="lightgrey")
    gpd.GeoSeries(gpd.points_from_xy(range(50), range(50))).plot(ax=ax)
    assert kind_of(ax) == "map" and len(points_of(ax)) == 50


# ---- which chart ----


def test_the_axes_are_found_in_whatever_is_given_back(ax):
    bars = ax.bar(COUNTS.index, COUNTS)
    for answer in (ax, ax.figure, (ax.figure, ax), [ax], np.array([[ax]]), {"A": ax}, pd.Series([ax]), bars, bars[0]):
        assert axes_of(answer) is ax


def test_a_colour_bar_and_an_empty_neighbour_are_not_meant():
    fig, (left, right) = plt.subplots(1, 2)
    fig.colorbar(left.scatter([1, 2], [1, 2], c=[1, 2]))
    assert axes_of(fig) is left
    assert axes_of([left, right]) is left
    right.plot([1, 2])
    assert axes_of(fig) is None
    assert axes_of((fig, right)) is right
    plt.close(fig)


def test_panels_side_by_side_come_in_order():
    fig, axes = plt.subplots(2, 2)
    for panel in axes.flat[:3]:
        panel.plot([1, 2])
    axes[0, 0].twinx().plot([3, 4])
    assert panels_of(fig) == panels_of(axes) == list(axes.flat[:3])
    assert axes_of(fig) is None and panels_of(None) == []
    plt.close(fig)


@pytest.mark.parametrize("answer", [None, 3, "ax", [], (), plt, pd.DataFrame({"a": [1]}), [1, 2], np.arange(3)])
def test_what_is_no_chart_has_no_axes(answer):
    assert axes_of(answer) is None


def test_a_figure_without_axes_has_none():
    assert axes_of(matplotlib.figure.Figure()) is None


def test_a_pie_and_a_heatmap_are_known_as_such(ax):
    ax.pie([1, 2, 3])
    assert kind_of(ax) == "pie"
    ax.clear()
    ax.imshow([[1, 2], [3, 4]])
    assert kind_of(ax) == "heatmap"
    ax.clear()
    ax.pcolormesh([[1, 2], [3, 4]])
    assert kind_of(ax) == "heatmap"
    ax.clear()
    ax.hexbin([1, 2, 3], [1, 2, 3])
    assert kind_of(ax) == "heatmap"


@pytest.mark.parametrize("filled", [True, False])
@pytest.mark.parametrize("lying", ["vertical", "horizontal"])
def test_a_box_plot_is_known_as_such(ax, filled, lying):
    ax.boxplot([[1, 2, 3, 12], [2, 3, 4]], patch_artist=filled, orientation=lying)
    assert kind_of(ax) == "boxes"
    assert lines_of(ax) == {} and areas_of(ax).empty and intervals_of(ax).empty


def test_a_second_y_axis_is_noticed_from_either_side(ax):
    ax.plot([1, 2, 3])
    assert has_one_y_axis(ax)
    other = ax.twinx()
    assert has_one_y_axis(ax)  # nothing is drawn against it
    other.plot([30, 20, 10])
    assert not has_one_y_axis(ax) and not has_one_y_axis(other)
    assert axes_of(ax.figure) is ax


def test_a_second_y_axis_of_pandas_is_noticed(ax):
    TREND.plot(ax=ax, secondary_y="Eastmere")
    assert not has_one_y_axis(ax)


def test_a_second_y_axis_beside_a_second_x_axis_is_noticed(ax):
    ax.twiny().plot([1, 2])
    assert has_one_y_axis(ax)
    ax.twinx().plot([1, 2])
    assert not has_one_y_axis(ax)


def test_a_second_x_axis_a_colour_bar_and_a_neighbour_are_no_second_y_axis():
    fig, (left, right) = plt.subplots(1, 2)
    fig.colorbar(left.scatter([1, 2], [1, 2], c=[1, 2]))
    left.twiny().plot([5, 6], [1, 2])
    right.plot([1, 2])
    assert has_one_y_axis(left)
    plt.close(fig)


def test_logarithmic_scales_are_noticed_and_dates_are_even(ax):
    ax.plot(MONTHS, [1, 10, 100, 1000, 10000])
    assert axis_is_linear(ax, "x") and axis_is_linear(ax, "y")
    ax.set_yscale("log")
    assert not axis_is_linear(ax, "y")


def test_data_out_of_view_are_noticed(ax):
    ax.plot([0, 10], [0, 100])
    assert share_in_view(ax, "x") == share_in_view(ax, "y") == 1
    ax.set(xlim=(5, 10), ylim=(200, 300))
    assert share_in_view(ax, "x") == 0.5
    assert share_in_view(ax, "y") == 0


# ---- filled areas and intervals ----


def test_an_area_filled_from_zero_has_to_show_zero(ax):
    ax.fill_between([1, 2, 3], [5, 6, 7])
    assert kind_of(ax) == "lines"
    assert bars_start_at_zero(ax)
    ax.set_ylim(4, 7)
    assert not bars_start_at_zero(ax)


def test_an_area_filled_from_elsewhere_is_noticed(ax):
    ax.fill_between([1, 2, 3], [5, 6, 7], 4)
    ax.set_ylim(0)
    assert not bars_start_at_zero(ax)


def test_stacked_areas_start_where_the_lowest_does(ax):
    TREND.plot.area(ax=ax)
    assert bars_start_at_zero(ax)
    ax.set_ylim(2)
    assert not bars_start_at_zero(ax)


def test_a_band_round_a_line_has_no_baseline(ax):
    ax.plot([1, 2, 3], [5, 6, 7])
    ax.fill_between([1, 2, 3], [4, 5, 5], [6, 7, 9], alpha=0.2)
    ax.set_ylim(3, 10)
    assert bars_start_at_zero(ax)


def intervals_by_errorbar(ax):
    ax.errorbar(["a", "b"], [5, 7], yerr=[[1, 2], [2, 1]], fmt="o", capsize=3)


def intervals_on_bars(ax):
    ax.bar(["a", "b"], [5, 7], yerr=[[1, 2], [2, 1]])


def intervals_by_pandas(ax):
    pd.Series([5, 7], index=["a", "b"]).plot.bar(ax=ax, yerr=np.array([[[1, 2], [2, 1]]]))


def intervals_by_vlines(ax):
    ax.scatter(["a", "b"], [5, 7])
    ax.vlines(["a", "b"], [4, 5], [7, 8])


def intervals_as_lines(ax):
    ax.scatter(["a", "b"], [5, 7])
    ax.plot(["a", "a"], [4, 7], color="black")
    ax.plot(["b", "b"], [5, 8], color="black")


def intervals_as_lines_that_lie_down(ax):
    ax.scatter([5, 7], ["a", "b"])
    ax.plot([4, 7], ["a", "a"], color="black")
    ax.plot([5, 8], ["b", "b"], color="black")


def intervals_that_lie_down(ax):
    ax.errorbar([5, 7], ["a", "b"], xerr=[[1, 2], [2, 1]], fmt="o")


INTERVALS = [
    intervals_by_errorbar,
    intervals_on_bars,
    intervals_by_pandas,
    intervals_by_vlines,
    intervals_as_lines,
    intervals_as_lines_that_lie_down,
    intervals_that_lie_down,
]


@pytest.mark.parametrize("draw", INTERVALS)
def test_intervals_are_read_and_do_not_change_the_kind(ax, draw):
    draw(ax)
    assert intervals_of(ax).to_numpy().tolist() == [["a", 4, 7], ["b", 5, 8]]
    assert kind_of(ax) == ("bars" if draw in (intervals_on_bars, intervals_by_pandas) else "points")
    assert lines_of(ax) == {}


def test_layers_of_a_stacked_area_are_no_intervals(ax):
    ax.stackplot([1, 2, 3], [1, 2, 3], [2, 2, 2])
    assert intervals_of(ax).empty
    assert bars_start_at_zero(ax) and kind_of(ax) == "lines"


def test_a_band_has_an_interval_at_each_corner(ax):
    ax.plot(MONTHS[:3], [5, 6, 7])
    ax.fill_between(MONTHS[:3], [4, 5, 5], [6, 7, 9], alpha=0.2)
    assert intervals_of(ax).to_numpy().tolist() == [[MONTHS[0], 4, 6], [MONTHS[1], 5, 7], [MONTHS[2], 5, 9]]


# ---- area ----


@pytest.mark.parametrize("order", [1, -1])
def test_points_whose_area_is_in_proportion_pass_in_any_order(ax, order):
    drawn = SITES[::order]
    ax.scatter(drawn.x, drawn.y, s=5 * drawn.children)
    assert area_grows_with(SITES.children, ax)


def test_points_drawn_by_geopandas_and_pandas_pass_too(ax):
    gpd.GeoSeries(gpd.points_from_xy(SITES.x, SITES.y)).plot(ax=ax, markersize=SITES.children)
    assert area_grows_with(SITES.children, ax)
    ax.clear()
    SITES.plot.scatter("x", "y", s="children", ax=ax)
    assert area_grows_with(list(SITES.children), ax)


def test_a_value_used_as_a_radius_is_noticed(ax):
    ax.scatter(SITES.x, SITES.y, s=SITES.children**2)
    assert not area_grows_with(SITES.children, ax)
    assert area_grows_with(SITES.children**2, ax)


def test_sizes_that_do_not_start_at_nothing_or_miss_a_point_are_no_proportion(ax):
    ax.scatter(SITES.x, SITES.y, s=SITES.children + 50)
    assert not area_grows_with(SITES.children, ax)
    assert not area_grows_with([10, 20], ax)
    assert not area_grows_with(["many", None], ax)


# ---- colours ----


def test_the_contrast_is_that_of_the_guidelines():
    assert contrast("black", "white") == 21
    assert contrast("#777777", "white") == pytest.approx(4.48, abs=0.005)
    assert contrast("#333333") == pytest.approx(12.63, abs=0.005)
    assert contrast("#6BACE6", "white") == contrast("white", "#6bace6") == pytest.approx(2.42, abs=0.005)


@pytest.mark.parametrize("draw", [*GROUPED, *LINES, *HISTOGRAMS, points_as_a_plot, points_by_pandas, map_by_geopandas])
def test_colours_are_those_of_the_data(ax, draw):
    with plt.style.context("afcharts.afcharts"):
        ax.set_prop_cycle(plt.rcParams["axes.prop_cycle"])
        draw(ax)
        ax.axhline(0, color="#eeeeee")
        ax.axvspan(0, 1, color="#fefefe")
    found = colours_of(ax)
    assert not {"#eeeeee", "#fefefe"} & set(found)
    if draw in GROUPED or draw in LINES:
        assert len(found) == 2
        assert weakest_contrast(ax) == pytest.approx(min(contrast(colour) for colour in found))


def test_pale_marks_are_noticed(ax):
    ax.bar(COUNTS.index, COUNTS, color=["#12436D", "#6BACE6", "#2073BC"])
    assert weakest_contrast(ax) == pytest.approx(2.42, abs=0.005)


def test_pale_marks_with_a_dark_outline_can_be_seen(ax):
    ax.bar(COUNTS.index, COUNTS, color="#eeeeee", edgecolor="#12436D")
    assert weakest_contrast(ax) > 3
    ax.clear()
    ax.bar(COUNTS.index, COUNTS, color="#eeeeee", edgecolor="#12436D", linewidth=0)
    assert weakest_contrast(ax) < 3


def test_transparent_marks_count_as_they_are_seen(ax):
    ax.scatter([1, 2], [1, 2], color="#12436D", alpha=0.2, linewidths=0)
    assert points_of(ax)["colour"].iloc[0] == "#d0d9e2"
    assert weakest_contrast(ax) < 3


def test_hollow_marks_are_known_by_their_outline(ax):
    ax.scatter([1, 2], [1, 2], facecolors="white", edgecolors="#12436d")
    ax.plot([3], [3], "o", markerfacecolor="none", markeredgecolor="#f46a25")
    assert points_of(ax)["colour"].tolist() == ["#12436d", "#12436d", "#f46a25"]
    assert colours_of(ax) == ["#12436d", "#f46a25"]


def test_the_background_counts(ax):
    ax.plot([1, 2, 3], color="white")
    assert weakest_contrast(ax) == 1
    ax.set_facecolor("#12436D")
    assert weakest_contrast(ax) > 3


def test_on_a_map_of_values_areas_without_one_may_be_pale(ax):
    gaps = SQUARES.assign(rate=[0.1, np.nan, 0.2, 0.9])
    dark = matplotlib.colors.ListedColormap(["#2073BC", "#12436D"])
    gaps.plot(column="rate", cmap=dark, ax=ax, missing_kwds={"color": "#fafafa"})
    assert weakest_contrast(ax) > 3
    assert "#fafafa" in colours_of(ax)
    ax.clear()
    classes = gaps.assign(band=pd.cut(gaps.rate, [0, 0.3, 1]))
    classes.plot(column="band", cmap=dark, ax=ax, missing_kwds={"color": "#fafafa", "label": "No data"})
    assert weakest_contrast(ax) > 3


def test_a_map_of_pale_areas_needs_outlines(ax):
    SQUARES.plot(column="rate", cmap="Blues", ax=ax)
    assert weakest_contrast(ax) < 1.5


def test_the_analysis_functions_four_colours_can_be_told_apart():
    assert can_be_told_apart(["#12436D", "#28A197", "#801650", "#F46A25"])
    assert can_be_told_apart(["#12436D", "#F46A25"])


@pytest.mark.parametrize(
    "colours", [("red", "green"), ("tab:red", "tab:green"), ("C0", "C1", "C2", "C3"), ("tab:blue", "tab:purple")]
)
def test_colours_that_look_alike_to_some_cannot(colours):
    assert not can_be_told_apart(colours)


def test_the_same_colour_twice_cannot_be_told_apart():
    assert not can_be_told_apart(["#12436D", "#12436d"])
    assert can_be_told_apart(["#12436D"]) and can_be_told_apart([])


def test_a_check_may_ask_for_less_between_colours_that_stand_side_by_side():
    grey, pale_blue = "lightgrey", "#d0e1f2"
    assert not can_be_told_apart([grey, pale_blue])
    assert can_be_told_apart([grey, pale_blue], apart=5)


@pytest.mark.parametrize(("scale", "stands_out"), [("Blues", True), ("viridis", True), ("Greys", False)])
def test_a_grey_gap_stands_out_from_a_scale_that_has_no_grey(ax, scale, stands_out):
    key = ax.figure.colorbar(ax.scatter([1, 2], [1, 2], c=[1, 2], cmap=scale))
    ends = [matplotlib.colors.to_hex(key.cmap(0.0)), matplotlib.colors.to_hex(key.cmap(1.0))]
    assert gaps_stand_out(ax, ["#d3d3d3"], ends) == stands_out


def test_a_gap_stands_out_neither_as_a_hole_nor_in_the_colour_of_another_area(ax):
    others = ["#c6dbef", "#08306b"]
    assert gaps_stand_out(ax, ["#bfbfbf"], others)
    assert not gaps_stand_out(ax, ["#bfbfbf", None], others)
    assert not gaps_stand_out(ax, ["#ffffff"], others)
    assert not gaps_stand_out(ax, ["#c6dbef"], others)


def test_what_is_hatched_is_on_no_scale(ax):
    ax.add_patch(plt.Polygon([(0, 0), (1, 0), (1, 1)], facecolor="white", hatch="//"))
    assert gaps_stand_out(ax, ["#ffffff"], ["#c6dbef"])


def test_a_key_has_numbers(ax):
    dots = ax.scatter([1, 2], [1, 2], c=[1, 2], label="no count")
    ax.legend()
    assert not has_key(ax)
    ax.scatter([], [], label="to 5")
    ax.scatter([], [], label="5 to 9")
    ax.legend()
    assert has_key(ax)
    ax.get_legend().remove()
    assert not has_key(ax)
    ax.figure.colorbar(dots)
    assert has_key(ax)


def test_lightness_runs_from_black_to_white():
    assert lightness("black") == pytest.approx(0) and lightness("white") == pytest.approx(100)
    assert lightness("#777777") == pytest.approx(50, abs=0.1)


@pytest.mark.parametrize("scale", ["Blues", "Blues_r", "viridis", "cividis", "YlOrRd", "magma", "Greys"])
def test_sequential_scales_run_light_to_dark(scale):
    values = np.linspace(0, 1, 9)
    assert runs_light_to_dark(values, [matplotlib.colors.to_hex(colour) for colour in matplotlib.colormaps[scale](values)])


@pytest.mark.parametrize("scale", ["jet", "rainbow", "turbo", "hsv", "RdBu", "tab10", "Set1", "Spectral"])
def test_rainbows_and_scales_with_a_middle_do_not(scale):
    values = np.linspace(0, 1, 9)
    assert not runs_light_to_dark(
        values, [matplotlib.colors.to_hex(colour) for colour in matplotlib.colormaps[scale](values)]
    )


def test_a_rainbow_on_a_map_is_noticed(ax):
    SQUARES.plot(column="rate", cmap="jet", ax=ax)
    assert not runs_light_to_dark(ax)


def test_colours_that_jump_with_the_value_are_noticed():
    assert runs_light_to_dark([1, 2, 3, 4], BLUES)
    assert not runs_light_to_dark([1, 3, 2, 4], BLUES)
    assert not runs_light_to_dark([1, 1, 2, 3], BLUES)
    assert not runs_light_to_dark([1, 2], ["#12436d", "#12456f"])


def test_values_and_colours_with_one_index_go_together_by_it():
    values = pd.Series([3, 1, 2], index=list("cab"))
    assert runs_light_to_dark(values, pd.Series(["#d7e6f4", "#2073bc", "#12436d"], index=list("abc")))
    assert not runs_light_to_dark(values, pd.Series(["#2073bc", "#12436d", "#d7e6f4"], index=list("abc")))


def test_ordered_classes_have_a_scale_and_names_have_none():
    bands = pd.Series(pd.Categorical(["low", "high", None, "mid"], ["low", "mid", "high"], ordered=True))
    assert runs_light_to_dark(bands, ["#d7e6f4", "#12436d", "#cccccc", "#2073bc"])
    assert not runs_light_to_dark(bands.astype(str), ["#d7e6f4", "#12436d", "#cccccc", "#2073bc"])


# ---- words ----


def test_all_words_on_the_chart_are_found(ax):
    ax.bar(COUNTS.index, COUNTS, label="staff")
    ax.set_title("Few are both", loc="left")
    ax.figure.suptitle("Wexmoor")
    ax.set(xlabel="region", ylabel=" people ")
    ax.annotate("five", (2, 5))
    ax.legend(title="Who")
    words = names_on(ax)
    assert {"Few are both", "Wexmoor", "region", "people", "five", "staff", "Who", "danger zone"} <= set(words)
    assert (title_of(ax), label_of_x(ax), label_of_y(ax)) == ("Few are both", "region", "people")


def test_a_title_in_the_middle_or_of_the_figure_is_the_title(ax):
    assert title_of(ax) == ""
    ax.figure.suptitle("Wexmoor")
    assert title_of(ax) == "Wexmoor"
    ax.set_title("Few are both")
    assert title_of(ax) == "Few are both"


def test_a_colour_bar_is_a_legend_with_a_label(ax):
    assert not has_legend(ax)
    SQUARES.plot(column="rate", ax=ax, legend=True, legend_kwds={"label": "Places a child"})
    assert has_legend(ax)
    assert "Places a child" in names_on(ax)


def test_a_legend_of_the_figure_counts_and_an_empty_one_does_not(ax):
    ax.legend([], [])
    assert not has_legend(ax)
    ax.plot([1, 2], label="a")
    ax.figure.legend()
    assert has_legend(ax)


def test_series_of_bars_can_be_named_on_the_chart(ax):
    grouped_by_hand(ax)
    assert not labelled_directly(ax)
    ax.text(-0.2, 31, "children")
    ax.text(1.2, 26, "places in school")
    assert labelled_directly(ax)


# ---- odd charts ----


def odd_box_plot(ax):
    ax.boxplot([[1, 2, 3], [2, 3, 9]], patch_artist=True)


def odd_polar(ax):
    plt.close(ax.figure)
    plt.subplot(projection="polar").bar([0, 1], [2, 3])


def odd_three_d(ax):
    plt.close(ax.figure)
    plt.figure().add_subplot(projection="3d").scatter([1, 2], [2, 3], [3, 4])


def odd_nothing(ax):
    pass


def odd_missing_values(ax):
    ax.plot([np.nan, np.nan], [1, 2])
    ax.bar(["a"], [np.nan])
    ax.scatter([np.nan], [1])


def odd_empty_artists(ax):
    ax.plot([], [])
    ax.bar([], [])
    ax.scatter([], [])
    ax.hist([])
    ax.fill_between([], [])
    ax.add_collection(LineCollection([]))
    ax.add_collection(PatchCollection([]))


def odd_no_axis(ax):
    ax.bar(COUNTS.index, COUNTS)
    ax.set_axis_off()
    ax.set_xticks([])


def odd_contours(ax):
    ax.contourf([[1, 2], [3, 4]])


def odd_quivers(ax):
    ax.quiver([1, 2], [1, 2], [1, 2], [1, 2])
    ax.stem([1, 2, 3])
    ax.violinplot([[1, 2, 3]])
    ax.broken_barh([(1, 2)], (0, 1))
    ax.add_patch(plt.Circle((1, 1), 1))


def odd_pie(ax):
    ax.pie([1, 2], labels=["a", "b"])


ODD = [value for name, value in list(globals().items()) if name.startswith("odd_")]
GALLERY = [*ODD, *GROUPED, *HISTOGRAMS, *LINES, *INTERVALS, points_by_geopandas, map_by_geopandas, map_by_fill]
ON_AXES = [name for name in checks.CHART_CHECKS if list(inspect.signature(getattr(checks, name)).parameters) == ["ax"]]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("draw", GALLERY)
def test_no_check_fails_on_a_chart_of_another_kind(ax, draw):
    draw(ax)
    ax = plt.gca()
    for name in ON_AXES:
        getattr(checks, name)(ax)
    for which in ("x", "y"):
        share_in_view(ax, which)
        axis_is_linear(ax, which)
    colours_of_areas(ax, SQUARES)
    area_grows_with([1, 2], ax)
    runs_light_to_dark(ax)
    assert axes_of(ax) is ax
    plt.close(ax.figure)


def test_an_empty_chart_has_nothing_on_it(ax):
    assert kind_of(ax) == "none"
    assert bars_of(ax) == groups_of(ax) == lines_of(ax) == {}
    assert points_of(ax).empty and areas_of(ax).empty and intervals_of(ax).empty and bins_of(ax).empty
    assert list(areas_of(ax)) == ["x", "y", "colour", "value", "name"]
    assert colours_of(ax) == []
    assert math.isnan(weakest_contrast(ax)) and math.isnan(share_in_view(ax, "x"))
    assert not runs_light_to_dark(ax) and not area_grows_with([1, 2], ax) and not labelled_directly(ax)
    assert has_one_y_axis(ax) and not has_legend(ax)
