"""What a chart shows, read from its Axes, however it was drawn: for check cells, which import it from course.checks.

The functions look at what stands on the chart (bars, lines, points, areas, words, colours), not at how it came there, so
that pandas, Matplotlib and GeoPandas are marked alike. None of them fails on a chart of another kind: what is not there is
empty, False or missing, as each says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import matplotlib.dates
import numpy as np
import pandas as pd
import shapely
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import (
    Collection,
    FillBetweenPolyCollection,
    LineCollection,
    PatchCollection,
    PathCollection,
    PolyCollection,
    QuadMesh,
)
from matplotlib.colors import to_hex, to_rgba
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Polygon, Rectangle, StepPatch, Wedge
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

# Words that say nothing of what is counted.
NOT_COUNTED = {"", "axis", "bar", "count", "length", "name", "number", "region", "total", "value", "x axis", "y axis"}
# Bars with a gap below this part of their distance count as touching: those of a histogram.
TOUCHING = 0.15
# How far from a line's end its name may stand: as a part of the width plus as a part of the height of the chart.
NEAR = 0.1
# What people see who lack the red or the green cones: matrices on linear RGB, for severity 1.
# Source: Machado, Oliveira & Fernandes (2009), A physiologically-based model for simulation of color vision deficiency,
# doi:10.1109/TVCG.2009.113.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
# The least distance of two colours in CIE Lab (1976) for a chart's key. One just sees a difference of 2.3 side by side
# (Mahy and others 1994); across a chart it takes several times that. 11 is this course's choice: the Analysis Function's
# first four colours keep it for everybody (11.3 at the least), and pure red and green (10.4) or five of its colours do not.
APART = 11.0
# Linear RGB to CIE XYZ, and its white (D65). Source: IEC 61966-2-1 (sRGB).
TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
WHITE = TO_XYZ.sum(axis=1)


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
    found = _distinct(_axes_in(answer))
    if len(found) > 1:
        found = [ax for ax in found if ax.has_data()]
    return [ax for at, ax in enumerate(found) if not any(_same_place(ax, other) for other in found[:at])]


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
    if _boxes(ax):
        return "boxes"
    if any(True for _ in _shapes(ax)):
        return "map"
    lines = _lines(ax)
    corners = {place for line in lines for place in _places(line.xy)}
    points = [place for cloud in _clouds(ax) for place in _places(cloud.xy) if place not in corners]
    bars = "histogram" if len(bins_of(ax)) else "bars"
    counts = {
        "lines": len(lines) + sum(_is_filled_from_a_level(band) for band in _bands(ax)),
        "points": len(points),
        bars: max(len(_bars(ax)), len(bins_of(ax))),
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
    others = [other for other in ax.figure.axes if other is not ax and _same_place(ax, other) and other.has_data()]
    return all(ax.get_shared_y_axes().joined(ax, other) for other in others)


def axis_is_linear(ax, which: str) -> bool:
    """Whether the axis `which` ("x" or "y") of the Axes `ax` has even steps: not logarithmic. Dates and names have."""
    return {"x": ax.xaxis, "y": ax.yaxis}[which].get_scale() == "linear"


def share_in_view(ax, which: str) -> float:
    """How much of the range of the data on the Axes `ax` its axis `which` ("x" or "y") shows: 1 is all, 0 nothing.

    Missing (NaN) on an empty chart. Names and dates count by their place on the axis.
    """
    drawn = [place["xy".index(which)] for shape in _extents(ax) for place in shape if np.isfinite(place).all()]
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
    for bar in _in_reading_order(ax, _bars(ax)):
        lengths[bar.name] = lengths.get(bar.name, 0.0) + bar.length
    return lengths


def groups_of(ax) -> dict[str, dict[str, float]]:
    """Grouped or stacked bars on the Axes `ax`: the name of the series -> what `bars_of` gives for its bars alone.

    Series come as they were drawn. Their names are those of the legend, or else of the artist. A series without a name
    is "", the next one "(2)". Bars drawn one by one are of one series if they share a name, or else a colour.
    """
    series: dict[int, list[Bar]] = {}
    for bar in _bars(ax):
        series.setdefault(bar.series, []).append(bar)
    groups: dict[str, dict[str, float]] = {}
    for bars in series.values():
        lengths = groups.setdefault(_unused(bars[0].series_name, groups), {})
        for bar in _in_reading_order(ax, bars):
            lengths[bar.name] = lengths.get(bar.name, 0.0) + bar.length
    return groups


def bins_of(ax) -> pd.DataFrame:
    """The bins of the histogram on the Axes `ax`, by their edges: low, high, height; empty where there is none.

    Drawn by `hist` (of any type), by `stairs`, or as bars that touch on a scale of numbers.
    """
    bins = []
    bars = _bars(ax)
    if _are_touching(ax, bars):
        bins = [(bar.low, bar.high, bar.length) for bar in bars]
    for patch in _data_patches(ax):
        if isinstance(patch, StepPatch):
            values, edges, _ = patch.get_data()
            bins += zip(edges[:-1], edges[1:], values, strict=True)
        elif _is_step(patch):
            corners = patch.get_xy()
            bins += [(x0, x1, y1) for (x0, y0), (x1, y1) in pairwise(corners) if x0 < x1 and y0 == y1]
    return pd.DataFrame(bins, columns=["low", "high", "height"], dtype=float).sort_values("low", ignore_index=True)


def bars_start_at_zero(ax) -> bool:
    """Whether every bar on the Axes `ax` is drawn from zero, and zero is in view: else a bar's length misleads.

    The same for a histogram and for an area filled between a line and a level. Bars stacked end to end start where the first
    does. A band round a line (`fill_between` two lines) has no baseline. True where there is nothing of the kind.
    """
    stacks: dict[tuple, list[Bar]] = {}
    for bar in _bars(ax):
        stacks.setdefault((bar.sideways, round(bar.middle, 6)), []).append(bar)
    sideways = {sideways for sideways, _ in stacks}
    baselines = []
    for patch in _data_patches(ax):
        if isinstance(patch, StepPatch) and patch.get_data().baseline is not None:
            sideways.add(patch.orientation == "horizontal")
            baselines += list(np.ravel(patch.get_data().baseline))
        elif _is_step(patch):
            sideways.add(False)
            baselines.append(patch.get_xy()[0, 1])
    for band in _bands(ax):
        if _is_filled_from_a_level(band):
            sideways.add(False)
            baselines += _levels(band)
    in_view = all(low <= 0 <= high for low, high in (sorted(ax.get_xlim() if s else ax.get_ylim()) for s in sideways))
    return in_view and not np.any(baselines) and all(_is_stacked_from_zero(stack) for stack in stacks.values())


def bars_lie_down(ax) -> bool:
    """Whether the bars on the Axes `ax` run sideways, so that long names can be read. True where there are none."""
    sideways = [bar.sideways for bar in _bars(ax)]
    for patch in _data_patches(ax):
        if isinstance(patch, StepPatch):
            sideways.append(patch.orientation == "horizontal")
        elif _is_step(patch):
            sideways.append(False)
    return all(sideways)


def length_label(ax) -> str:
    """What the Axes `ax` says that the length of its bars means: the label of the axis along which they run."""
    return label_of_x(ax) if bars_lie_down(ax) else label_of_y(ax)


def says_what_is_counted(label: str) -> bool:
    """Whether an axis label can be what the length of a bar counts: not empty, an axis' letter or a word for any number.

    Nor what the bars are named after: "region" says which bar, not how long.
    """
    word = label.strip().lower()
    return len(word) > 1 and not {word, word.removesuffix("s")} & NOT_COUNTED


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
    lines = _lines(ax)
    texts = _texts_at_ends(ax, lines)
    named: dict[str, pd.Series] = {}
    for at, line in enumerate(lines):
        name = _unused(line.name or texts.get(at, ""), named)
        x, y = line.xy[:, 0], line.xy[:, 1]
        named[name] = pd.Series(y, index=pd.Index(_as_read(ax, ax.xaxis, x), name=None), name=name or None)
    return named


def points_of(ax) -> pd.DataFrame:
    """The points on the Axes `ax`, as drawn, a row each: x, y, area, colour, value, name; no rows where there are none.

    x and y are numbers, Timestamps or names, as their axis is. `area` is in points squared, as Matplotlib's `s`. `colour` is
    hex, as seen on the background. `value` is what the colour stands for where the artist knows it, otherwise missing.
    `name` is that of the legend or the artist, "" without. Markers on a line are not points.
    """
    background = _background(ax)
    parts = [
        pd.DataFrame(
            {
                "x": _as_read(ax, ax.xaxis, cloud.xy[:, 0]),
                "y": _as_read(ax, ax.yaxis, cloud.xy[:, 1]),
                "area": cloud.area,
                "colour": [_main_colour(*paint, background) for paint in zip(cloud.fill, cloud.outline, strict=True)],
                "value": cloud.value,
                "name": cloud.name,
            }
        )
        for cloud in _clouds(ax)
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
    data = {id(line.artist) for line in _lines(ax)}
    sure = [bars for drawn in ax.containers if isinstance(drawn, ErrorbarContainer) for bars in drawn.lines[2]]
    segments = [segment for bars in sure for segment in bars.get_segments()]
    for drawn in ax.collections:
        if isinstance(drawn, LineCollection) and id(drawn) not in data | {id(bars) for bars in sure}:
            own = drawn.get_segments()
            segments += own if len(own) > 1 else [segment for segment in own if _carries_a_mark(ax, segment)]
    lines = [line.get_xydata() for line in _plain_lines(ax) if id(line) not in data]
    segments += [line for line in lines if _carries_a_mark(ax, line)]
    rows = []
    for segment in segments:
        if _is_level(segment) or _is_level(segment[:, ::-1]):
            along, axis = (0, ax.yaxis) if _is_level(segment) else (1, ax.xaxis)
            at = _as_read(ax, axis, segment[:1, 1 - along])[0]
            rows.append((at, segment[:, along].min(), segment[:, along].max()))
    bands = _bands(ax)
    # On an area filled from a level stand others, not bands.
    for band in bands if not any(_is_filled_from_a_level(band) for band in bands) else ():
        edges = _edges(band)
        rows += zip(_as_read(ax, ax.xaxis, edges.index.to_numpy()), edges["min"], edges["max"], strict=True)
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
        (*_point_inside(shape.corners), shape.fill, shape.value, shape.name)
        for shape in _shapes(ax)
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
    background = _background(ax)
    return list(dict.fromkeys(_main_colour(*paint, background) for paint in _paints(ax) if any(paint)))


def contrast(colour, background="white") -> float:
    """The contrast of two colours, from 1 (none) to 21 (black on white). Source: WCAG 2.2, contrast ratio.

    Graphics that carry a meaning need 3, text 4.5. Colours as Matplotlib takes them; ValueError for what is none.
    """
    low, high = sorted(float(_linear(each) @ (0.2126, 0.7152, 0.0722)) for each in (colour, background))
    return (high + 0.05) / (low + 0.05)


def weakest_contrast(ax) -> float:
    """The lowest contrast with the background among the marks that carry data on the Axes `ax`; missing (NaN) without marks.

    A mark counts by its fill or by its outline, whichever stands out more: a pale fill with a dark outline can be seen. On a
    map that colours by value, areas without one may be pale.
    """
    background = _background(ax)
    ratios = [
        max(contrast(colour, background) for colour in paint if colour)
        for paint in _paints(ax, with_missing=False)
        if any(paint)
    ]
    return min(ratios, default=float("nan"))


def can_be_told_apart(colours: Iterable) -> bool:
    """Whether each two of `colours` differ enough for normal sight, and as protanopes and deuteranopes see them.

    Red-green blindness as Machado and others (2009) simulate it; the distance in CIE Lab has to be 11 (see APART for the
    reason). A colour given twice cannot be told apart from itself. True for one colour or none. ValueError for what is no
    colour.
    """
    rgb = [_linear(colour) for colour in colours]
    for matrix in SIGHT.values():
        seen = [_lab(matrix @ each) for each in rgb]
        if any(np.linalg.norm(a - b) < APART for at, a in enumerate(seen) for b in seen[:at]):
            return False
    return True


def lightness(colour) -> float:
    """How light a colour is, from 0 (black) to 100 (white): L* of CIE Lab. ValueError for what is no colour."""
    return float(_lab(_linear(colour))[0])


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
        order = dict.fromkeys([text for _, text in _entries(ax)] + list(areas["name"]))
        places = {name: at for at, name in enumerate(name for name in order if name and not _says_missing(name))}
        return areas["name"].map(places), areas["colour"]
    marks = areas if areas["value"].notna().any() else points_of(ax)
    return marks["value"], marks["colour"]


# ---- words ----


def names_on(ax) -> list[str]:
    """All words on the chart, without blanks: titles, axis labels, tick labels, legend, colour bar's label, texts."""
    texts = [ax.xaxis.label, ax.yaxis.label]
    texts += [*ax.get_xticklabels(), *ax.get_yticklabels(), *ax.texts, *ax.figure.texts]
    for legend in _legends(ax):
        texts += [legend.get_title(), *legend.get_texts()]
    for bar in _colour_bars(ax):
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
    return any(legend.get_texts() for legend in _legends(ax)) or bool(_colour_bars(ax))


def labelled_directly(ax) -> bool:
    """Whether each line on the Axes `ax` has a text beside one of its ends, or in its colour; False without lines.

    Where there are no lines, whether the name of each series of bars or points is part of a text on the chart.
    """
    lines = _lines(ax)
    if lines:
        return len(_texts_at_ends(ax, lines)) == len(lines)
    names = list(groups_of(ax)) or list(points_of(ax)["name"].unique())
    texts = [text.get_text() for text in (*ax.texts, *ax.figure.texts)]
    return bool(names) and all(name and any(name in text for text in texts) for name in names)


# ---- what the functions above read from a chart ----


@dataclass
class Bar:
    """One bar: from `start` to `end` along its axis, and from `low` to `high` on the other. Series count from 0."""

    artist: Rectangle
    sideways: bool
    series: int
    series_name: str
    name: str = ""

    def __post_init__(self):
        x, y = (self.artist.get_x(), self.artist.get_width()), (self.artist.get_y(), self.artist.get_height())
        (self.start, length), (low, width) = (x, y) if self.sideways else (y, x)
        self.length, self.end = float(length), self.start + length
        self.low, self.high = sorted((low, low + width))
        self.middle = (self.low + self.high) / 2


@dataclass
class Line:
    """One line: its corners (n x 2, numbers as the axes count), its colour and, from legend or artist, its name."""

    xy: np.ndarray
    colour: str | None
    name: str
    artist: Artist


@dataclass
class Cloud:
    """Points drawn together: places (n x 2), areas in points squared, fill and outline (hex or None), colours, values."""

    xy: np.ndarray
    area: np.ndarray
    fill: list
    outline: list
    value: np.ndarray
    name: str


@dataclass
class Shape:
    """One area: rings (each n x 2), fill and outline (hex or None), value or NaN, class, whether it alone has no value."""

    corners: list
    fill: str | None
    outline: str | None
    value: float
    name: str
    missing: bool


def _axes_in(answer) -> list[Axes]:
    """All Axes in an answer, without those of colour bars. An Axes named in a tuple counts before its Figure."""
    if isinstance(answer, Axes):
        return [answer]
    if isinstance(answer, FigureBase):
        return [ax for ax in answer.axes if not _is_colour_bar(ax)]
    if isinstance(answer, Artist):
        return [answer.axes] if isinstance(getattr(answer, "axes", None), Axes) else []
    if isinstance(answer, Mapping):
        answer = list(answer.values())
    if isinstance(answer, np.ndarray):
        answer = answer.ravel().tolist()
    if not isinstance(answer, (list, tuple, pd.Series)):
        return []
    parts = list(answer)
    named = [part for part in parts if not isinstance(part, FigureBase)]
    return [ax for part in named for ax in _axes_in(part)] or [ax for part in parts for ax in _axes_in(part)]


def _distinct(things: list) -> list:
    return list({id(thing): thing for thing in things}.values())


def _is_colour_bar(ax) -> bool:
    return ax.get_label() == "<colorbar>" or hasattr(ax, "_colorbar")


def _same_place(ax, other) -> bool:
    if ax.figure is not other.figure or _is_colour_bar(other):
        return False
    return np.allclose(ax.get_position(original=True).bounds, other.get_position(original=True).bounds, atol=1e-3)


def _colour_bars(ax) -> list[Axes]:
    return [
        bar
        for bar in (*ax.figure.axes, *ax.child_axes)
        if _is_colour_bar(bar) and bar is not ax and getattr(bar._colorbar.mappable, "axes", None) in (ax, None)
    ]


def _legends(ax) -> list:
    own = [ax.get_legend()] if ax.get_legend() else []
    return own + list(ax.figure.legends)


def _in_data_units(ax, artist) -> bool:
    """Whether an artist stands at places of the data: unlike axhline or axvspan, which cross the whole chart."""
    offsets = artist.get_offset_transform() if isinstance(artist, Collection) else None
    moved = isinstance(artist, PathCollection) and all(offsets.contains_branch_seperately(ax.transData))
    return moved or all(artist.get_transform().contains_branch_seperately(ax.transData))


def _data_patches(ax) -> list:
    return [patch for patch in ax.patches if patch.get_visible() and _in_data_units(ax, patch)]


def _bars(ax) -> list[Bar]:
    """The bars, as drawn: those of bar charts, or where there are none loose rectangles."""
    sets = [drawn for drawn in ax.containers if isinstance(drawn, BarContainer) and drawn.patches]
    if any(len(drawn.patches) > 1 for drawn in sets):
        bars, numbers = [], {}
        for at, drawn in enumerate(sets):
            name = _name(ax, drawn, drawn.patches[0])
            number = numbers.setdefault(name or at, len(numbers))
            bars += [Bar(patch, _set_lies_down(drawn), number, name) for patch in drawn.patches if patch.get_visible()]
    elif sets:  # drawn one by one, in a loop
        bars = [Bar(drawn.patches[0], _set_lies_down(drawn), 0, _name(ax, drawn, drawn.patches[0])) for drawn in sets]
        _give_series(ax, bars)
    else:
        loose = [patch for patch in _data_patches(ax) if type(patch) is Rectangle]
        lying = _lie_down(loose)
        bars = [Bar(patch, lying, 0, _name(ax, patch, patch)) for patch in loose]
        _give_series(ax, bars)
    _give_names(ax, bars)
    return bars


def _give_series(ax, bars: list[Bar]) -> None:
    """Put bars that were drawn one by one into series: by name, which the first of a colour may have for all, or colour."""
    if len({round(bar.middle, 6) for bar in bars}) == len(bars) and not any(bar.series_name for bar in bars):
        return  # side by side, each may have a colour of its own
    words: dict[str | None, str] = {}
    numbers: dict[str | None, int] = {}
    for bar in bars:
        colour, _ = _patch_paint(ax, bar.artist)
        bar.series_name = bar.series_name or words.get(colour, "")
        words.setdefault(colour, bar.series_name)
        bar.series = numbers.setdefault(bar.series_name or colour, len(numbers))


def _set_lies_down(drawn: BarContainer) -> bool:
    return _lie_down(drawn.patches) if drawn.orientation is None else drawn.orientation == "horizontal"


def _lie_down(patches: list) -> bool:
    """Whether rectangles, drawn without saying which way, run sideways: bars are as thick as each other, and start level."""
    if len(patches) == 0:
        return False
    x, y, width, height = (
        np.array([getattr(patch, f"get_{what}")() for patch in patches], float) for what in ("x", "y", "width", "height")
    )

    def alike(numbers):
        return np.allclose(numbers, numbers[0])

    if alike(height) != alike(width):
        return alike(height)
    if alike(x) != alike(y):
        return alike(x)
    return bool((x == 0).all() and not (y == 0).all())


def _give_names(ax, bars: list[Bar]) -> None:
    for sideways in (False, True):
        some = [bar for bar in bars if bar.sideways == sideways]
        if not some:
            continue
        axis = ax.yaxis if sideways else ax.xaxis
        ticks = _tick_names(axis)
        places = np.array(sorted(ticks))
        step = np.diff(places).min() if len(places) > 1 else 1.0
        for bar in some:
            (place,) = _as_read(ax, axis, np.array([bar.middle]))
            bar.name = ticks.get(round(bar.middle, 6), "")
            if isinstance(place, pd.Timestamp):
                bar.name = f"{place:%Y-%m-%d}"
            elif not _has_set_ticks(axis) and (not bar.name or isinstance(axis.get_major_formatter(), ScalarFormatter)):
                bar.name = f"{bar.middle:.10g}"
            elif not bar.name and len(places):
                nearest = places[np.abs(places - bar.middle).argmin()]
                # Within a group: nearer to its tick than half the way to the next.
                bar.name = ticks[nearest] if abs(nearest - bar.middle) < step / 2 - 1e-9 else ""


def _tick_names(axis) -> dict[float, str]:
    """Position -> the label of the tick there."""
    labels = [label.get_text() for label in axis.get_ticklabels()]
    return {round(float(position), 6): text for position, text in zip(axis.get_ticklocs(), labels, strict=False)}


def _has_set_ticks(axis) -> bool:
    """Whether the ticks stand where somebody put them, or at each name, and not where Matplotlib finds round numbers."""
    locator = axis.get_major_locator()
    return isinstance(locator, (FixedLocator, NullLocator)) or type(locator).__name__ == "StrCategoryLocator"


def _in_reading_order(ax, bars: list[Bar]) -> list[Bar]:
    def place(bar):
        # Where the middle is drawn: an axis may run either way.
        across, up = ax.transData.transform((0, bar.middle) if bar.sideways else (bar.middle, 0))
        return -up if bar.sideways else across

    # Where the scale has no zero (logarithmic), the other coordinate is undefined: it is not used.
    with np.errstate(all="ignore"):
        return sorted(bars, key=place)


def _is_stacked_from_zero(stack: list[Bar]) -> bool:
    """Whether the bars at one place can be laid end to end from zero, to either side."""
    reached, waiting = [0.0], [bar for bar in stack if np.isfinite(bar.length)]
    while waiting:
        bar = next((bar for bar in waiting if np.isclose(reached, bar.start, atol=1e-9).any()), None)
        if bar is None:
            return False
        reached.append(bar.end)
        waiting.remove(bar)
    return True


def _are_touching(ax, bars: list[Bar]) -> bool:
    """Whether bars are those of a histogram: side by side without gaps, on a scale of numbers."""
    if len(bars) < 2:
        return False
    axis = ax.yaxis if bars[0].sideways else ax.xaxis
    if _has_set_ticks(axis):
        labels = [text for text in _tick_names(axis).values() if text]
        if not labels or not all(any(sign.isdigit() for sign in label) for label in labels):
            return False
    first = sorted((bar for bar in bars if bar.series == bars[0].series), key=lambda bar: bar.low)
    gaps = [right.low - left.high for left, right in pairwise(first)]
    widths = [right.middle - left.middle for left, right in pairwise(first)]
    return bool(gaps) and all(gap <= TOUCHING * width for gap, width in zip(gaps, widths, strict=True))


def _is_step(patch) -> bool:
    """Whether a polygon is the outline of a histogram, as `hist(histtype="step")` draws it: all corners square, many."""
    if type(patch) is not Polygon or len(patch.get_xy()) < 6:
        return False
    moves = np.diff(patch.get_xy(), axis=0)
    return bool((moves == 0).any(axis=1).all()) and bool((moves[: len(moves) // 2 - 1, 0] >= 0).all())


def _bands(ax) -> list[FillBetweenPolyCollection]:
    return [
        drawn
        for drawn in ax.collections
        if isinstance(drawn, FillBetweenPolyCollection) and drawn.get_visible() and _in_data_units(ax, drawn)
    ]


def _edges(band) -> pd.DataFrame:
    """The lower and the upper edge of a band (min, max) at each x where it has a corner."""
    corners = np.concatenate([path.vertices for path in band.get_paths()] or [np.empty((0, 2))])
    return pd.Series(corners[:, 1]).groupby(corners[:, 0]).agg(["min", "max"])


def _levels(band) -> list[float]:
    """The level of each edge of a band that is level."""
    edges = _edges(band)
    return [edge.iloc[0] for _, edge in edges.items() if len(edge) and np.allclose(edge, edge.iloc[0])]


def _is_filled_from_a_level(band) -> bool:
    """Whether an area hangs on one level edge. With two it is a stripe across the chart, with none a band round a line."""
    return len(_levels(band)) == 1


def _plain_lines(ax) -> list[Line2D]:
    """The lines drawn with a stroke, at places of the data; none of a box plot."""
    if _boxes(ax):
        return []
    return [
        line
        for line in ax.lines
        if line.get_visible()
        and line.get_linestyle() not in ("None", " ", "")
        and line.get_linewidth() > 0
        and len(line.get_xydata())
        and _in_data_units(ax, line)
    ]


def _lines(ax) -> list[Line]:
    """The lines that carry data, as drawn."""
    found = []
    for line in _plain_lines(ax):
        xy = np.ma.filled(np.ma.asarray(line.get_xydata(), dtype=float), np.nan)
        if len(np.unique(xy[np.isfinite(xy).all(axis=1), 0])) > 1:
            colour = _seen(ax, line.get_color(), line.get_alpha())
            found.append(Line(xy, colour, _name(ax, line, line), line))
    for drawn in ax.collections:
        if isinstance(drawn, LineCollection) and drawn.get_visible() and _in_data_units(ax, drawn):
            segments = [np.asarray(segment, float) for segment in drawn.get_segments()]
            # Error bars, stems and the like run along an axis.
            if all(len(segment) < 3 and (np.diff(segment, axis=0) == 0).any() for segment in segments):
                continue
            colours = _face_colours(ax, drawn, len(segments), drawn.get_colors())
            name = _name(ax, drawn, drawn)
            found += [Line(xy, colour, name, drawn) for xy, colour in zip(segments, colours, strict=True) if len(xy) > 1]
    level = [line for line in found if _is_level(line.xy)]
    others = [line for line in found if not _is_level(line.xy)]
    # A level line of two points is a helper beside longer lines or bars; with a point on it, or beside points alone, it says
    # how sure that point is. Between two years, beside sloping ones, it is data.
    beside = any(len(line.xy) > 2 for line in others) or _bars(ax) or (not others and _clouds(ax))
    helpers = {id(line) for line in level if beside or _carries_a_mark(ax, line.xy, between=True)}
    return [line for line in found if id(line) not in helpers]


def _is_level(xy: np.ndarray) -> bool:
    """Whether a line is one of two points at the same height."""
    return len(xy) == 2 and bool(np.isfinite(xy).all()) and bool(np.isclose(*xy[:, 1])) and xy[0, 0] != xy[1, 0]


def _carries_a_mark(ax, segment: np.ndarray, between: bool = False) -> bool:
    """Whether a segment along an axis has a point on it (`between` its ends, if asked for) or is at the middle of a bar."""
    if not _is_level(segment):
        if not _is_level(segment[:, ::-1]):
            return False
        at, (low, high) = segment[0, 0], sorted(segment[:, 1])
        marks = [(y, x) for cloud in _clouds(ax) for x, y in cloud.xy]
        middles = [bar.middle for bar in _bars(ax) if not bar.sideways]
    else:
        at, (low, high) = segment[0, 1], sorted(segment[:, 0])
        marks = [tuple(place) for cloud in _clouds(ax) for place in cloud.xy]
        middles = [bar.middle for bar in _bars(ax) if bar.sideways]
    on = [along for along, across in marks if np.isclose(across, at)]
    return any(low < along < high if between else low <= along <= high for along in on) or bool(
        np.isclose(middles, at).any()
    )


def _boxes(ax) -> list[Artist]:
    """The boxes of box plots: closed rectangles among the lines, and patches that a line of two points crosses in full."""
    lines = [line for line in ax.lines if _in_data_units(ax, line)]
    boxes = [
        line for line in lines if len(line.get_xydata()) == 5 and all(len(set(side)) == 2 for side in line.get_xydata().T)
    ]
    across = [np.sort(line.get_xydata(), axis=0) for line in lines if len(line.get_xydata()) == 2]
    for patch in _data_patches(ax):
        if type(patch) is PathPatch and across:
            corners = patch.get_path().vertices
            ends = np.array([corners.min(axis=0), corners.max(axis=0)])
            if any(np.allclose(line[:, side], ends[:, side]) for line in across for side in (0, 1)):
                boxes.append(patch)
    return boxes


def _clouds(ax) -> list[Cloud]:
    """The points, as drawn: scatter plots, and lines that are markers without a stroke."""
    clouds = []
    for drawn in (*ax.collections, *ax.lines):
        if not drawn.get_visible() or not _in_data_units(ax, drawn):
            continue
        if isinstance(drawn, PathCollection):
            xy = np.ma.filled(np.ma.asarray(drawn.get_offsets(), dtype=float), np.nan)
            if not len(xy) or (drawn.get_array() is not None and len(np.ravel(drawn.get_array())) != len(xy)):
                continue
            drawn.update_scalarmappable()
            fill = _face_colours(ax, drawn, len(xy), drawn.get_facecolor())
            outline = _face_colours(ax, drawn, len(xy), drawn.get_edgecolor())
            area = np.resize(drawn.get_sizes(), len(xy))
            value = (
                np.full(len(xy), np.nan)
                if drawn.get_array() is None
                else np.ma.filled(drawn.get_array().astype(float), np.nan)
            )
        elif isinstance(drawn, Line2D) and _is_markers_only(drawn):
            xy = np.ma.filled(np.ma.asarray(drawn.get_xydata(), dtype=float), np.nan)
            fill = [_seen(ax, drawn.get_markerfacecolor(), drawn.get_alpha())] * len(xy)
            outline = [_seen(ax, drawn.get_markeredgecolor(), drawn.get_alpha())] * len(xy)
            area = np.full(len(xy), float(drawn.get_markersize()) ** 2)
            value = np.full(len(xy), np.nan)
        else:
            continue
        there = np.isfinite(xy).all(axis=1)
        if there.any():
            kept = [list(np.array(each, dtype=object)[there]) for each in (fill, outline)]
            clouds.append(Cloud(xy[there], area[there], *kept, value[there], _name(ax, drawn, drawn)))
    return clouds


def _is_markers_only(line: Line2D) -> bool:
    no_stroke = line.get_linestyle() in ("None", " ", "") or line.get_linewidth() == 0
    # A tick-like marker is what the caps of error bars are drawn with.
    return no_stroke and line.get_marker() not in ("None", "none", " ", "", None, "|", "_")


def _places(xy: np.ndarray) -> list[tuple]:
    return [tuple(place) for place in np.round(xy, 9).tolist()]


def _shapes(ax) -> Iterable[Shape]:
    """The areas of a map, filled or not, as drawn: collections of patches or polygons, and single ones."""
    collections = [
        drawn
        for drawn in ax.collections
        if isinstance(drawn, (PatchCollection, PolyCollection))
        and not isinstance(drawn, FillBetweenPolyCollection)
        and drawn.get_visible()
        and len(drawn.get_paths())
        and len(drawn.get_offsets()) < 2  # with more, it is one shape in many places: hexbin
        and _in_data_units(ax, drawn)
    ]
    by_value = any(drawn.get_array() is not None for drawn in collections)
    for drawn in collections:
        paths = drawn.get_paths()
        drawn.update_scalarmappable()
        fills = _face_colours(ax, drawn, len(paths), drawn.get_facecolor())
        outlines = _face_colours(ax, drawn, len(paths), drawn.get_edgecolor(), drawn.get_linewidth())
        values = np.full(len(paths), np.nan)
        if drawn.get_array() is not None and len(drawn.get_array()) == len(paths):
            values = np.ma.filled(np.ma.asarray(drawn.get_array(), dtype=float), np.nan)
        names = {fill: _word_for(ax, _label(drawn), (fill, None)) for fill in set(fills)}
        for path, fill, outline, value in zip(paths, fills, outlines, values, strict=True):
            missing = (by_value and bool(np.isnan(value))) or _says_missing(names[fill])
            yield Shape(_rings(path), fill, outline, float(value), names[fill], missing)
    boxes = {id(box) for box in _boxes(ax)}
    for patch in _data_patches(ax):
        if type(patch) in (Polygon, PathPatch) and not _is_step(patch) and id(patch) not in boxes:
            fill, outline = _patch_paint(ax, patch)
            name = _word_for(ax, _label(patch), (fill, None))
            yield Shape(_rings(patch.get_path()), fill, outline, float("nan"), name, _says_missing(name))


def _rings(path) -> list:
    return [ring for ring in path.to_polygons(closed_only=True) if len(ring) > 3]


def _point_inside(rings: list) -> tuple[float, float]:
    """A point inside an area: the largest ring, without the holes that the others are."""
    outer, *holes = sorted((shapely.Polygon(ring) for ring in rings), key=lambda ring: -ring.area)
    inside = outer.buffer(0).difference(shapely.union_all([hole.buffer(0) for hole in holes])).representative_point()
    inside = outer.centroid if inside.is_empty else inside
    return inside.x, inside.y


def _extents(ax) -> Iterable[np.ndarray]:
    """The corners (n x 2) of all that carries data."""
    for bar in _bars(ax):
        corners = np.array([(bar.low, bar.start), (bar.high, bar.end)], float)
        yield corners[:, ::-1] if bar.sideways else corners
    for patch in _data_patches(ax):
        if isinstance(patch, StepPatch) or _is_step(patch):
            yield patch.get_path().vertices
    yield from (line.xy for line in _lines(ax))
    yield from (cloud.xy for cloud in _clouds(ax))
    yield from (path.vertices for band in _bands(ax) for path in band.get_paths())
    yield from (ring for shape in _shapes(ax) for ring in shape.corners)


def _as_read(ax, axis, numbers: np.ndarray) -> list:
    """Places on an axis as a reader takes them: Timestamps on one of dates, names on one of names, otherwise numbers."""
    converter = type(axis.get_converter()).__name__
    freq = getattr(axis, "freq", None) or getattr(ax, "freq", None)
    if converter == "PeriodConverter" and freq is not None:
        periods = pd.PeriodIndex.from_ordinals(np.asarray(numbers).round().astype(int), freq=freq)
        # Weeks go by the day on which they end ("W-SUN"), all others by their beginning.
        weeks = str(periods.freqstr).startswith("W")
        return list(periods.to_timestamp(how="end").normalize() if weeks else periods.to_timestamp())
    if "Date" in converter:
        return [pd.Timestamp(matplotlib.dates.num2date(number)).tz_localize(None).round("ms") for number in numbers]
    if _has_set_ticks(axis):
        ticks = _tick_names(axis)
        names = [ticks.get(round(float(number), 6), "") for number in numbers]
        written = [_number(name) for name in names]
        if all(names) and not np.allclose(written, numbers):
            return names
    return [float(number) for number in numbers]


def _number(name: str) -> float:
    """The number that a tick's label writes, with commas, signs of currency and the like; NaN where it is another word."""
    try:
        return float(name.replace("\N{MINUS SIGN}", "-").replace(",", "").strip(" £%"))
    except ValueError:
        return float("nan")


# ---- names of artists ----


def _label(artist) -> str:
    label = str(artist.get_label() or "")
    return "" if label.startswith("_") else label.strip()


def _name(ax, named, drawn) -> str:
    """The name of a series: what `_word_for` finds for the label of `named` and the look of `drawn`."""
    return _word_for(ax, _label(named), _look(ax, drawn))


def _word_for(ax, label: str, look: tuple) -> str:
    """The label if the legend has it (or there is none), or else the legend's word for this look, or else the label."""
    entries = _entries(ax)
    if label and (not entries or label in [text for _, text in entries]):
        return label
    colour, _ = look
    alike = [(shown, text) for shown, text in entries if colour and shown[0] == colour]
    return next((text for shown, text in alike if shown == look), alike[0][1] if alike else label)


def _entries(ax) -> list[tuple]:
    """The entries of the legends, each its look and its word."""
    return [
        (_look(ax, handle), text.get_text().strip())
        for legend in _legends(ax)
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=False)
    ]


def _look(ax, artist) -> tuple:
    """By what a legend's entry is known: colour (hex, as seen on the background, or None), then stroke."""
    if isinstance(artist, Line2D):
        colour = artist.get_markerfacecolor() if _is_markers_only(artist) else artist.get_color()
        return _seen(ax, colour, artist.get_alpha()), None if _is_markers_only(artist) else artist.get_linestyle()
    for colours in ("get_facecolor", "get_edgecolor"):
        found = np.reshape(getattr(artist, colours)(), (-1, 4)) if hasattr(artist, colours) else ()
        if len(found) and found[0][3] > 0 and not (colours == "get_facecolor" and isinstance(artist, LineCollection)):
            return _seen(ax, tuple(found[0])), None
    return None, None


def _says_missing(name: str) -> bool:
    """Whether the word for a class says that nothing is known: a class beside the scale."""
    return name.lower().startswith(("nan", "no ", "not ", "none", "missing", "unknown", "suppressed", "too few"))


def _unused(name: str, taken) -> str:
    """`name`, or where it is taken with a number behind it."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} ({number})".strip()
    return free


def _texts_at_ends(ax, lines: list[Line]) -> dict[int, str]:
    """For each line (by its place in `lines`) the text beside one of its ends, or in its colour. One text names one line."""
    for scale in (ax.get_xlim, ax.get_ylim):  # brings the scale up to date
        scale()
    frame, plain = ax.get_window_extent(), to_hex(matplotlib.rcParams["text.color"])
    pairs = []
    for number, text in enumerate((*ax.texts, *ax.figure.texts)):
        if not text.get_visible() or not text.get_text().strip():
            continue
        box = text.get_window_extent()
        colour = to_hex(text.get_color())
        for at, line in enumerate(lines):
            ends = line.xy[np.isfinite(line.xy).all(axis=1)]
            ends = ends[[ends[:, 0].argmin(), ends[:, 0].argmax()]] if len(ends) else ends
            for x, y in ax.transData.transform(ends):
                aside = max(box.x0 - x, 0, x - box.x1) / frame.width + max(box.y0 - y, 0, y - box.y1) / frame.height
                own = colour == line.colour != plain and [each.colour for each in lines].count(colour) == 1
                if aside <= NEAR or own:
                    # In a line's own colour, a text is its name wherever it stands.
                    pairs.append((not own, aside, at, number, text.get_text().strip()))
    names: dict[int, str] = {}
    used = set()
    for _, _, at, number, text in sorted(pairs):
        if at not in names and number not in used:
            names[at] = text
            used.add(number)
    return names


# ---- colours of artists ----


def _background(ax) -> str:
    colour = np.ones(3)
    for layer in (ax.figure.get_facecolor(), ax.get_facecolor()):
        *rgb, alpha = to_rgba(layer)
        colour = alpha * np.array(rgb) + (1 - alpha) * colour
    return to_hex(colour)


def _main_colour(fill: str | None, outline: str | None, background: str) -> str | None:
    """The colour by which a mark is known: that of its fill, but of its outline where it is hollow."""
    return outline if outline and fill in (None, background) else fill


def _seen(ax, colour, alpha=None) -> str | None:
    """A colour as seen on the background, in hex; None where nothing is to be seen."""
    if colour is None or (isinstance(colour, str) and colour.lower() == "none"):
        return None
    *rgb, alpha = to_rgba(colour, alpha if np.isscalar(alpha) else None)
    return to_hex(alpha * np.array(rgb) + (1 - alpha) * np.array(to_rgba(_background(ax))[:3])) if alpha > 0 else None


def _face_colours(ax, drawn, count: int, colours, widths=None) -> list:
    """`count` colours of a collection, which repeats those that it has; None for those with a stroke of no width."""
    if not len(colours):
        return [None] * count
    seen = {tuple(colour): _seen(ax, tuple(colour)) for colour in colours}
    widths = (
        np.resize(np.atleast_1d(drawn.get_linewidth() if widths is None else widths), count) if widths is not None else None
    )
    repeated = [seen[tuple(colours[at % len(colours)])] for at in range(count)]
    return [colour if widths is None or widths[at] > 0 else None for at, colour in enumerate(repeated)]


def _patch_paint(ax, patch) -> tuple:
    """The fill and the outline of a patch, in hex, each None without."""
    fill = _seen(ax, patch.get_facecolor()) if patch.get_fill() else None
    return fill, _seen(ax, patch.get_edgecolor()) if patch.get_linewidth() > 0 else None


def _paints(ax, with_missing: bool = True) -> list[tuple]:
    """The (fill, outline) of what carries data, each pair once, as drawn; outlines None where a mark has none."""
    paints = [_patch_paint(ax, bar.artist) for bar in _bars(ax)]
    for patch in _data_patches(ax):
        if isinstance(patch, (Wedge, StepPatch)) or _is_step(patch):
            paints.append(_patch_paint(ax, patch))
    lines = _lines(ax)
    paints += [(line.colour, None) for line in lines]
    for cloud in _clouds(ax):
        paints += zip(cloud.fill, cloud.outline, strict=True)
    paints += [(shape.fill, shape.outline) for shape in _shapes(ax) if with_missing or not shape.missing]
    for band in _bands(ax) if not lines else ():
        paints += [(fill, None) for fill in _face_colours(ax, band, 1, band.get_facecolor())]
    return list(dict.fromkeys(paints))


def _linear(colour) -> np.ndarray:
    """A colour's share of red, green and blue light. Source: IEC 61966-2-1 (sRGB)."""
    rgb = np.array(to_rgba(colour)[:3])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def _lab(light: np.ndarray) -> np.ndarray:
    """CIE Lab (1976) of linear RGB, white D65."""
    xyz = TO_XYZ @ np.clip(light, 0, 1) / WHITE
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])
