"""What a chart shows, read from its Axes, however it was drawn: for check cells, which import it from course.checks.

The functions look at what stands on the chart (bars, lines, points, areas, words, colours), not at how it came there, so
that pandas, Matplotlib and GeoPandas are marked alike. None of them fails on a chart of another kind: what is not there is
empty, False or missing, as each says.
"""

import re
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pandas as pd
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import (
    LineCollection,
    PolyCollection,
    QuadMesh,
)
from matplotlib.container import ErrorbarContainer
from matplotlib.patches import StepPatch, Wedge

from course.chart_checks.artists import (
    Bar,
    are_touching,
    as_read,
    axes_in,
    carries_a_mark,
    colour_bars_of,
    data_patches,
    distinct_places,
    distinct_things,
    drawn_bands,
    drawn_bars,
    drawn_boxes,
    drawn_clouds,
    drawn_extents,
    drawn_lines,
    drawn_shapes,
    edges_of,
    in_reading_order,
    is_filled_from_a_level,
    is_level,
    is_stacked_from_zero,
    is_step,
    legend_entries,
    legends_of,
    levels_of,
    plain_lines,
    point_inside,
    same_place,
    says_missing,
    texts_at_ends,
    unused_name,
)
from course.chart_checks.colours import (
    as_seen,
    background_of,
    can_be_told_apart,
    contrast,
    face_colours,
    lightness,
    main_colour,
    patch_paint,
)

# Words that, alone, are what bars are called or named after, not what is counted.
NAMED_AFTER = {"bar", "region"}
# Words of which a label may be made, all together, without saying what is counted: how, by what, or where it was counted.
VAGUE = re.compile(
    "(amount|and|average|axis|by|cent|change|count|decrease|difference|each|fewer|for|frequency|from|in|increase|"
    "length|less|mean|more|name|number|of|or|per|percent|percentage|proportion|rate|share|since|the|to|"
    "total|value|eastmere|wexmoor)s?"
)
# The least distance of the colour of what is not known from a colour that stands for a number, which lies beside it in the
# key. This course's choice: light grey keeps it from Matplotlib's Blues (10.4) and from white, and from no scale of greys.
OFF_THE_SCALE = 5.0


# ---- which chart, and of which kind ----


def axes_of(answer) -> Axes | None:
    """The one Axes meant by what a trainee's function gave back; None where there is none, or more than one.

    `answer` may be an Axes, a Figure, (fig, ax), an array of Axes, or something drawn (as `ax.bar` gives back). Of the Axes
    of a Figure those of colour bars do not count, nor empty ones beside one with data, nor a twin on the place of another.
    """
    panels = panels_of(answer)
    return panels[0] if len(panels) == 1 else None


def panels_of(answer) -> list[Axes]:
    """The Axes meant by an answer of several charts side by side, in the order of the figure; an empty list without.

    `answer` is as for `axes_of`, which takes one panel. Empty Axes do not count, unless it is the only one.
    """
    found = distinct_things(axes_in(answer))
    if len(found) > 1:
        found = [ax for ax in found if ax.has_data()]
    return [ax for at, ax in enumerate(found) if not any(same_place(ax, other) for other in found[:at])]


def kind_of(ax) -> str:
    """What the Axes `ax` is in the main: bars, histogram, lines, points, map, pie, boxes, heatmap or none.

    A wedge makes it a pie, a box with its median a box plot; filled or outlined areas make it a map, whatever else is on it.
    Otherwise it is that of which there is most: bars, lines or points, each counted as one; of as many, lines before points
    before bars. Points on the corners of a line are its markers and do not count, nor do error bars, bands or helper lines.
    Bars that touch on a scale of numbers (with a gap below 15 %) are a histogram. A grid of colours with nothing on it is a
    heatmap.
    """
    if any(isinstance(patch, Wedge) for patch in ax.patches):
        return "pie"
    if drawn_boxes(ax):
        return "boxes"
    if any(True for _ in drawn_shapes(ax)):
        return "map"
    lines = drawn_lines(ax)
    corners = {place for line in lines for place in distinct_places(line.xy)}
    points = [place for cloud in drawn_clouds(ax) for place in distinct_places(cloud.xy) if place not in corners]
    bars = "histogram" if len(bins_of(ax)) else "bars"
    counts = {
        "lines": len(lines) + sum(is_filled_from_a_level(band) for band in drawn_bands(ax)),
        "points": len(points),
        bars: max(len(drawn_bars(ax)), len(bins_of(ax))),
    }
    kind = max(counts, key=counts.get)
    if counts[kind]:
        return kind
    grids = [
        drawn for drawn in ax.collections if isinstance(drawn, (QuadMesh, PolyCollection)) and drawn.get_array() is not None
    ]
    return "heatmap" if grids or ax.images else "none"


def has_one_y_axis(ax) -> bool:
    """Whether nothing is drawn on the place of the Axes `ax` against a second y axis (twinx, pandas' secondary_y)."""
    others = [other for other in ax.figure.axes if other is not ax and same_place(ax, other) and other.has_data()]
    return all(ax.get_shared_y_axes().joined(ax, other) for other in others)


def axis_is_linear(ax, which: str) -> bool:
    """Whether the axis `which` ("x" or "y") of the Axes `ax` has even steps: not logarithmic. Dates and names have."""
    return {"x": ax.xaxis, "y": ax.yaxis}[which].get_scale() == "linear"


def share_in_view(ax, which: str) -> float:
    """How much of the range of the data on the Axes `ax` its axis `which` ("x" or "y") shows: 1 is all, 0 nothing.

    Missing (NaN) on an empty chart. Names and dates count by their place on the axis.
    """
    drawn = [place["xy".index(which)] for shape in drawn_extents(ax) for place in shape if np.isfinite(place).all()]
    if not drawn:
        return float("nan")
    low, high = sorted(ax.get_xlim() if which == "x" else ax.get_ylim())
    if min(drawn) == max(drawn):
        return float(low <= drawn[0] <= high)
    return float(max(0.0, min(high, max(drawn)) - max(low, min(drawn))) / (max(drawn) - min(drawn)))


# ---- bars ----


def bars_of(ax) -> dict[str, float]:
    """The bars on the Axes `ax` as a reader meets them, from the top down or from left to right: name -> length.

    A bar's name is the label of its tick, which a group's bars share; on a scale of numbers or dates it is the number or the
    date, as 2024-03-01; "" where there is none. Without bars the dictionary is empty. Bars stacked or grouped under one name
    add up.
    """
    lengths: dict[str, float] = {}
    for bar in in_reading_order(ax, drawn_bars(ax)):
        lengths[bar.name] = lengths.get(bar.name, 0.0) + bar.length
    return lengths


def groups_of(ax) -> dict[str, dict[str, float]]:
    """Grouped or stacked bars on the Axes `ax`: the name of the series -> what `bars_of` gives for its bars alone.

    Series come as they were drawn. Their names are those of the legend, or else of the artist. A series without a name
    is "", the next one "(2)". Bars drawn one by one are of one series if they share a name, or else a colour.
    """
    series: dict[int, list[Bar]] = {}
    for bar in drawn_bars(ax):
        series.setdefault(bar.series, []).append(bar)
    groups: dict[str, dict[str, float]] = {}
    for bars in series.values():
        lengths = groups.setdefault(unused_name(bars[0].series_name, groups), {})
        for bar in in_reading_order(ax, bars):
            lengths[bar.name] = lengths.get(bar.name, 0.0) + bar.length
    return groups


def bins_of(ax) -> pd.DataFrame:
    """The bins of the histogram on the Axes `ax`, by their edges: low, high, height; empty where there is none.

    Drawn by `hist` (of any type), by `stairs`, or as bars that touch on a scale of numbers.
    """
    bins = []
    bars = drawn_bars(ax)
    if are_touching(ax, bars):
        bins = [(bar.low, bar.high, bar.length) for bar in bars]
    for patch in data_patches(ax):
        if isinstance(patch, StepPatch):
            values, edges, _ = patch.get_data()
            bins += zip(edges[:-1], edges[1:], values, strict=True)
        elif is_step(patch):
            corners = patch.get_xy()
            bins += [(x0, x1, y1) for (x0, y0), (x1, y1) in pairwise(corners) if x0 < x1 and y0 == y1]
    return pd.DataFrame(bins, columns=["low", "high", "height"], dtype=float).sort_values("low", ignore_index=True)


def bars_start_at_zero(ax) -> bool:
    """Whether every bar on the Axes `ax` is drawn from zero, and zero is in view: else a bar's length misleads.

    The same for a histogram and for an area filled between a line and a level. Bars stacked end to end start where the first
    does. A band round a line (`fill_between` two lines) has no baseline. True where there is nothing of the kind.
    """
    stacks: dict[tuple, list[Bar]] = {}
    for bar in drawn_bars(ax):
        stacks.setdefault((bar.sideways, round(bar.middle, 6)), []).append(bar)
    sideways = {sideways for sideways, _ in stacks}
    baselines = []
    for patch in data_patches(ax):
        if isinstance(patch, StepPatch) and patch.get_data().baseline is not None:
            sideways.add(patch.orientation == "horizontal")
            baselines += list(np.ravel(patch.get_data().baseline))
        elif is_step(patch):
            sideways.add(False)
            baselines.append(patch.get_xy()[0, 1])
    for band in drawn_bands(ax):
        if is_filled_from_a_level(band):
            sideways.add(False)
            baselines += levels_of(band)
    in_view = all(low <= 0 <= high for low, high in (sorted(ax.get_xlim() if s else ax.get_ylim()) for s in sideways))
    return in_view and not np.any(baselines) and all(is_stacked_from_zero(stack) for stack in stacks.values())


def bars_lie_down(ax) -> bool:
    """Whether the bars on the Axes `ax` run sideways, so that long names can be read. True where there are none."""
    sideways = [bar.sideways for bar in drawn_bars(ax)]
    for patch in data_patches(ax):
        if isinstance(patch, StepPatch):
            sideways.append(patch.orientation == "horizontal")
        elif is_step(patch):
            sideways.append(False)
    return all(sideways)


def length_label(ax) -> str:
    """What the Axes `ax` says that the length of its bars means: the label of the axis along which they run."""
    return label_of_x(ax) if bars_lie_down(ax) else label_of_y(ax)


def says_what_is_counted(label: str) -> bool:
    """Whether an axis label can be what the length of a bar counts: not empty, an axis' letter or words for any number.

    "change", "per cent" and "Eastmere" leave open of what; "change in pupils" does not. Nor is it what the bars are named
    after: "region" says which bar, not how long.
    """
    label = label.strip().lower()
    words = re.findall(r"[^\W\d_]{2,}", label)
    return not {label, label.removesuffix("s")} & NAMED_AFTER and not all(VAGUE.fullmatch(word) for word in words)


# ---- lines, points, intervals ----


def lines_of(ax) -> dict[str, pd.Series]:
    """The lines on the Axes `ax`, as drawn: name -> values (float), with the values of x as the index.

    x is a Timestamp on an axis of dates (pandas draws dates with an even step as periods: a month is its first day), a name
    on one of names, otherwise a number. A line's name is that of the legend,
    or else of the artist, or else the text beside one of its ends or in its colour; "" for one without, "(2)" for the next.
    Left out are helper lines: axhline, axvline, axline, the grid, upright lines, level lines of two points beside longer
    ones or beside bars, error bars, other bars of `vlines` and `hlines`, and all lines of a box plot. A chart without lines
    gives an empty dictionary.
    """
    lines = drawn_lines(ax)
    texts = texts_at_ends(ax, lines)
    named: dict[str, pd.Series] = {}
    for at, line in enumerate(lines):
        name = unused_name(line.name or texts.get(at, ""), named)
        x, y = line.xy[:, 0], line.xy[:, 1]
        named[name] = pd.Series(y, index=pd.Index(as_read(ax, ax.xaxis, x), name=None), name=name or None)
    return named


def points_of(ax) -> pd.DataFrame:
    """The points on the Axes `ax`, as drawn, a row each: x, y, area, colour, value, name; no rows where there are none.

    x and y are numbers, Timestamps or names, as their axis is. `area` is in points squared, as Matplotlib's `s`. `colour` is
    hex, as seen on the background. `value` is what the colour stands for where the artist knows it, otherwise missing.
    `name` is that of the legend or the artist, "" without. Markers on a line are not points.
    """
    background = background_of(ax)
    parts = [
        pd.DataFrame(
            {
                "x": as_read(ax, ax.xaxis, cloud.xy[:, 0]),
                "y": as_read(ax, ax.yaxis, cloud.xy[:, 1]),
                "area": cloud.area,
                "colour": [main_colour(*paint, background) for paint in zip(cloud.fill, cloud.outline, strict=True)],
                "value": cloud.value,
                "name": cloud.name,
            }
        )
        for cloud in drawn_clouds(ax)
    ]
    return (
        pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["x", "y", "area", "colour", "value", "name"])
    )


def intervals_of(ax) -> pd.DataFrame:
    """The intervals on the Axes `ax` that say how sure something is, a row each: at, low, high; no rows without.

    Read from error bars, from `vlines` and `hlines`, from lines of two points along an axis with a point or a bar on them,
    and from bands between two lines, which have an interval at each corner. `at` is the place on the other axis: a number, a
    Timestamp or a name.
    """
    data = {id(line.artist) for line in drawn_lines(ax)}
    sure = [bars for drawn in ax.containers if isinstance(drawn, ErrorbarContainer) for bars in drawn.lines[2]]
    segments = [segment for bars in sure for segment in bars.get_segments()]
    for drawn in ax.collections:
        if isinstance(drawn, LineCollection) and id(drawn) not in data | {id(bars) for bars in sure}:
            own = drawn.get_segments()
            segments += own if len(own) > 1 else [segment for segment in own if carries_a_mark(ax, segment)]
    lines = [line.get_xydata() for line in plain_lines(ax) if id(line) not in data]
    segments += [line for line in lines if carries_a_mark(ax, line)]
    rows = []
    for segment in segments:
        if is_level(segment) or is_level(segment[:, ::-1]):
            along, axis = (0, ax.yaxis) if is_level(segment) else (1, ax.xaxis)
            at = as_read(ax, axis, segment[:1, 1 - along])[0]
            rows.append((at, segment[:, along].min(), segment[:, along].max()))
    bands = drawn_bands(ax)
    # On an area filled from a level stand others, not bands.
    for band in bands if not any(is_filled_from_a_level(band) for band in bands) else ():
        edges = edges_of(band)
        rows += zip(as_read(ax, ax.xaxis, edges.index.to_numpy()), edges["min"], edges["max"], strict=True)
    return pd.DataFrame(rows, columns=["at", "low", "high"]).astype({"low": float, "high": float})


def area_grows_with(values, ax) -> bool:
    """Whether the areas of the points on the Axes `ax` are in proportion to `values`, one value a point, in any order.

    A marker's size `s` is an area: drawn with `s` in proportion to the square of a value, a value twice as large looks four
    times as large, and the answer is False (it is True for `values**2`). Within 2 %. Missing values have no point. False
    where there are more or fewer points than values, or none.
    """
    values = np.sort(pd.to_numeric(pd.Series(values), errors="coerce").dropna().to_numpy(float))
    areas = np.sort(points_of(ax)["area"].to_numpy(float))
    if not len(values) or len(values) != len(areas) or values[-1] <= 0:
        return False
    return bool(np.allclose(areas / areas[-1], values / values[-1], rtol=0.02, atol=1e-4)) if areas[-1] > 0 else False


# ---- maps ----


def areas_of(ax) -> pd.DataFrame:
    """The filled areas of the map on the Axes `ax`, a row each: x, y, colour, value, name; no rows where there are none.

    (x, y) is a point inside the area, in the axis' units. `colour` is hex, as seen on the background. `value` is the number
    that the colour stands for, where the artist knows it, otherwise missing (as for GeoPandas' `missing_kwds`, for a column
    of classes and for colours given by hand). `name` is that of its class, from the legend or the artist, "" without. Areas
    without a fill are left out. An area of several parts has one row, or one for each, as it was drawn.
    """
    rows = [
        (*point_inside(shape.corners), shape.fill, shape.value, shape.name)
        for shape in drawn_shapes(ax)
        if shape.fill and len(shape.corners)
    ]
    areas = pd.DataFrame(rows, columns=["x", "y", "colour", "value", "name"])
    return areas.astype({"x": float, "y": float, "value": float})


def colours_of_areas(ax, areas) -> pd.Series:
    """The colour (hex) in which the map on the Axes `ax` shows each row of the GeoDataFrame `areas`, by its index.

    Missing where the map has no filled area inside the row's. What was drawn last counts. The map may be in the units of
    `areas`, in metres of the National Grid, in degrees or in those of web maps.
    """
    seen = pd.Series(None, index=areas.index, dtype=object)
    drawn = areas_of(ax)
    if not len(drawn) or not len(areas):
        return seen
    points = shapely.points(drawn["x"], drawn["y"])
    shapes = [areas.geometry]
    shapes += [areas.geometry.to_crs(each) for each in (27700, 4326, 3857) if areas.crs]
    for geometry in shapes:
        which, where = shapely.STRtree(geometry.to_numpy()).query(points, predicate="within")
        if len(where):
            for point, row in zip(which, where, strict=True):
                seen.iloc[row] = drawn["colour"].iloc[point]
            break
    return seen


# ---- colours ----


def colours_of(ax) -> list[str]:
    """The colours (hex, as seen on the background) of what carries data on the Axes `ax`, each once, as drawn.

    The fill of a mark, or its outline where it has no fill or one like the background. Bands beside lines, error bars and
    helper lines do not count.
    """
    background = background_of(ax)
    return list(dict.fromkeys(main_colour(*paint, background) for paint in _paints(ax) if any(paint)))


def gaps_stand_out(ax, gaps: Iterable, others: Iterable) -> bool:
    """Whether the map on the Axes `ax` shows areas without a number in a look that nobody takes for a number.

    `gaps` are the colours of those areas (missing where nothing is drawn), `others` those of the rest. Something hatched on
    the map will do; without it each gap's colour has to differ from the background, from the whole colour bar and from the
    others.
    """
    if any(drawn.get_hatch() for drawn in (*ax.collections, *ax.patches)):
        return True
    scale = [background_of(ax), *_scale(ax), *others]
    return all(pd.notna(gap) and can_be_told_apart([gap, colour], OFF_THE_SCALE) for gap in gaps for colour in scale)


def weakest_contrast(ax) -> float:
    """The lowest contrast with the background among the marks that carry data on the Axes `ax`; missing (NaN) without marks.

    A mark counts by its fill or by its outline, whichever stands out more: a pale fill with a dark outline can be seen. On a
    map that colours by value, areas without one may be pale.
    """
    background = background_of(ax)
    ratios = [
        max(contrast(colour, background) for colour in paint if colour)
        for paint in _paints(ax, with_missing=False)
        if any(paint)
    ]
    return min(ratios, default=float("nan"))


def runs_light_to_dark(values, colours=None) -> bool:
    """Whether lightness moves one way as `values` grow, as on a sequential scale: not a rainbow, not from a middle outwards.

    Either `values` and their `colours`, one each, or an Axes alone, whose areas or points know their values; those of a map
    of classes go in the order of its legend, or else as they were drawn. Values may be numbers or ordered categories; those
    missing, or without a colour, are left out. Two Series with the same index go together by it. Light to dark or dark to
    light; the lightest and the darkest have to be 20 of 100 apart. False where there are fewer than two different values.
    """
    if colours is None:
        values, colours = _values_and_colours(values)
    if isinstance(values, pd.Series) and isinstance(colours, pd.Series) and values.index.is_unique:
        colours = colours.reindex(values.index) if set(colours.index) == set(values.index) else colours
    values = pd.Series(values).reset_index(drop=True)
    colours = pd.Series(colours, dtype=object).reset_index(drop=True)
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.cat.codes.where(values.notna()) if values.cat.ordered else values.astype(object)
    scale = pd.DataFrame({"value": pd.to_numeric(values, errors="coerce"), "colour": colours}).dropna()
    if scale["value"].nunique() < 2:
        return False
    light = scale["colour"].map({colour: lightness(colour) for colour in scale["colour"].unique()}).groupby(scale["value"])
    # Colours are rounded to 256 steps, which moves lightness by less than 1.
    one_each = (light.max() - light.min()).max() < 1
    steps = np.diff(light.mean())
    return bool(one_each and ((steps > -1).all() or (steps < 1).all()) and np.ptp(light.mean()) >= 20)


def _values_and_colours(ax) -> tuple[pd.Series, pd.Series]:
    """What the colours of a map's areas, or else of points, stand for, and the colours."""
    areas = areas_of(ax)
    if areas["value"].isna().all() and areas["name"].any():
        order = dict.fromkeys([text for _, text in legend_entries(ax)] + list(areas["name"]))
        places = {name: at for at, name in enumerate(name for name in order if name and not says_missing(name))}
        return areas["name"].map(places), areas["colour"]
    marks = areas if areas["value"].notna().any() else points_of(ax)
    return marks["value"], marks["colour"]


# ---- words ----


def names_on(ax) -> list[str]:
    """All words on the chart, without blanks: titles, axis labels, tick labels, legend, colour bar's label, texts."""
    texts = [ax.xaxis.label, ax.yaxis.label]
    texts += [*ax.get_xticklabels(), *ax.get_yticklabels(), *ax.texts, *ax.figure.texts]
    for legend in legends_of(ax):
        texts += [legend.get_title(), *legend.get_texts()]
    for bar in colour_bars_of(ax):
        texts += [bar.xaxis.label, bar.yaxis.label, bar.title, *bar.get_xticklabels(), *bar.get_yticklabels()]
    words = [title.strip() for title in _titles(ax)]
    words += [text.get_text().strip() for text in texts if text.get_visible()]
    return [word for word in dict.fromkeys(words) if word]


def title_of(ax) -> str:
    """The title of the Axes `ax` (left, middle or right), or else of its figure; "" without."""
    return next((title.strip() for title in _titles(ax) if title.strip()), "")


def _titles(ax) -> list[str]:
    return [ax.get_title(side) for side in ("left", "center", "right")] + [ax.figure.get_suptitle() or ""]


def label_of_x(ax) -> str:
    """The label of the x axis, without blanks round it; "" without."""
    return ax.get_xlabel().strip()


def label_of_y(ax) -> str:
    """The label of the y axis, without blanks round it; "" without."""
    return ax.get_ylabel().strip()


def has_legend(ax) -> bool:
    """Whether the Axes `ax` or its figure has a legend with at least one entry, or a colour bar."""
    return any(legend.get_texts() for legend in legends_of(ax)) or bool(colour_bars_of(ax))


def has_key(ax) -> bool:
    """Whether a reader of the Axes `ax` can find numbers for its colours: a colour bar, or a legend with two numbers."""
    entries = [text.get_text() for legend in legends_of(ax) for text in legend.get_texts()]
    return bool(colour_bars_of(ax)) or sum(any(sign.isdigit() for sign in entry) for entry in entries) > 1


def labelled_directly(ax) -> bool:
    """Whether each line on the Axes `ax` has a text beside one of its ends, or in its colour; False without lines.

    Where there are no lines, whether the name of each series of bars or points is part of a text on the chart.
    """
    lines = drawn_lines(ax)
    if lines:
        return len(texts_at_ends(ax, lines)) == len(lines)
    names = list(groups_of(ax)) or list(points_of(ax)["name"].unique())
    texts = [text.get_text() for text in (*ax.texts, *ax.figure.texts)]
    return bool(names) and all(name and any(name in text for text in texts) for name in names)


# ---- colours of artists ----


def _scale(ax) -> list[str]:
    """The colours of the colour bar from end to end, as seen on the background; an empty list without one."""
    bars = [bar._colorbar for bar in colour_bars_of(ax)]
    return [as_seen(ax, tuple(colour), bar.alpha) for bar in bars for colour in bar.cmap(np.linspace(0, 1, 101))]


def _paints(ax, with_missing: bool = True) -> list[tuple]:
    """The (fill, outline) of what carries data, each pair once, as drawn; outlines None where a mark has none."""
    paints = [patch_paint(ax, bar.artist) for bar in drawn_bars(ax)]
    for patch in data_patches(ax):
        if isinstance(patch, (Wedge, StepPatch)) or is_step(patch):
            paints.append(patch_paint(ax, patch))
    lines = drawn_lines(ax)
    paints += [(line.colour, None) for line in lines]
    for cloud in drawn_clouds(ax):
        paints += zip(cloud.fill, cloud.outline, strict=True)
    paints += [(shape.fill, shape.outline) for shape in drawn_shapes(ax) if with_missing or not shape.missing]
    for band in drawn_bands(ax) if not lines else ():
        paints += [(fill, None) for fill in face_colours(ax, band, 1, band.get_facecolor())]
    return list(dict.fromkeys(paints))
