"""What is drawn on Axes, read from the artists: bars, lines, clouds of points and shapes, with their names and colours."""

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
)
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Polygon, Rectangle, StepPatch
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from course.chart_checks.colours import as_seen, face_colours, patch_paint

# Bars with a gap below this part of their distance count as touching: those of a histogram.
TOUCHING = 0.15
# How far from a line's end its name may stand: as a part of the width plus as a part of the height of the chart.
NEAR = 0.1


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


def axes_in(answer) -> list[Axes]:
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
    return [ax for part in named for ax in axes_in(part)] or [ax for part in parts for ax in axes_in(part)]


def distinct_things(things: list) -> list:
    return list({id(thing): thing for thing in things}.values())


def _is_colour_bar(ax) -> bool:
    return ax.get_label() == "<colorbar>" or hasattr(ax, "_colorbar")


def same_place(ax, other) -> bool:
    if ax.figure is not other.figure or _is_colour_bar(other):
        return False
    return np.allclose(ax.get_position(original=True).bounds, other.get_position(original=True).bounds, atol=1e-3)


def colour_bars_of(ax) -> list[Axes]:
    return [
        bar
        for bar in (*ax.figure.axes, *ax.child_axes)
        if _is_colour_bar(bar) and bar is not ax and getattr(bar._colorbar.mappable, "axes", None) in (ax, None)
    ]


def legends_of(ax) -> list:
    own = [ax.get_legend()] if ax.get_legend() else []
    return own + list(ax.figure.legends)


def _in_data_units(ax, artist) -> bool:
    """Whether an artist stands at places of the data: unlike axhline or axvspan, which cross the whole chart."""
    offsets = artist.get_offset_transform() if isinstance(artist, Collection) else None
    moved = isinstance(artist, PathCollection) and all(offsets.contains_branch_seperately(ax.transData))
    return moved or all(artist.get_transform().contains_branch_seperately(ax.transData))


def data_patches(ax) -> list:
    return [patch for patch in ax.patches if patch.get_visible() and _in_data_units(ax, patch)]


def drawn_bars(ax) -> list[Bar]:
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
        loose = [patch for patch in data_patches(ax) if type(patch) is Rectangle]
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
        colour, _ = patch_paint(ax, bar.artist)
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
            (place,) = as_read(ax, axis, np.array([bar.middle]))
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


def in_reading_order(ax, bars: list[Bar]) -> list[Bar]:
    def place(bar):
        # Where the middle is drawn: an axis may run either way.
        across, up = ax.transData.transform((0, bar.middle) if bar.sideways else (bar.middle, 0))
        return -up if bar.sideways else across

    # Where the scale has no zero (logarithmic), the other coordinate is undefined: it is not used.
    with np.errstate(all="ignore"):
        return sorted(bars, key=place)


def is_stacked_from_zero(stack: list[Bar]) -> bool:
    """Whether the bars at one place can be laid end to end from zero, to either side."""
    reached, waiting = [0.0], [bar for bar in stack if np.isfinite(bar.length)]
    while waiting:
        bar = next((bar for bar in waiting if np.isclose(reached, bar.start, atol=1e-9).any()), None)
        if bar is None:
            return False
        reached.append(bar.end)
        waiting.remove(bar)
    return True


def are_touching(ax, bars: list[Bar]) -> bool:
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


def is_step(patch) -> bool:
    """Whether a polygon is the outline of a histogram, as `hist(histtype="step")` draws it: all corners square, many."""
    if type(patch) is not Polygon or len(patch.get_xy()) < 6:
        return False
    moves = np.diff(patch.get_xy(), axis=0)
    return bool((moves == 0).any(axis=1).all()) and bool((moves[: len(moves) // 2 - 1, 0] >= 0).all())


def drawn_bands(ax) -> list[FillBetweenPolyCollection]:
    return [
        drawn
        for drawn in ax.collections
        if isinstance(drawn, FillBetweenPolyCollection) and drawn.get_visible() and _in_data_units(ax, drawn)
    ]


def edges_of(band) -> pd.DataFrame:
    """The lower and the upper edge of a band (min, max) at each x where it has a corner."""
    corners = np.concatenate([path.vertices for path in band.get_paths()] or [np.empty((0, 2))])
    return pd.Series(corners[:, 1]).groupby(corners[:, 0]).agg(["min", "max"])


def levels_of(band) -> list[float]:
    """The level of each edge of a band that is level."""
    edges = edges_of(band)
    return [edge.iloc[0] for _, edge in edges.items() if len(edge) and np.allclose(edge, edge.iloc[0])]


def is_filled_from_a_level(band) -> bool:
    """Whether an area hangs on one level edge. With two it is a stripe across the chart, with none a band round a line."""
    return len(levels_of(band)) == 1


def plain_lines(ax) -> list[Line2D]:
    """The lines drawn with a stroke, at places of the data; none of a box plot."""
    if drawn_boxes(ax):
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


def drawn_lines(ax) -> list[Line]:
    """The lines that carry data, as drawn."""
    found = []
    for line in plain_lines(ax):
        xy = np.ma.filled(np.ma.asarray(line.get_xydata(), dtype=float), np.nan)
        if len(np.unique(xy[np.isfinite(xy).all(axis=1), 0])) > 1:
            colour = as_seen(ax, line.get_color(), line.get_alpha())
            found.append(Line(xy, colour, _name(ax, line, line), line))
    for drawn in ax.collections:
        if isinstance(drawn, LineCollection) and drawn.get_visible() and _in_data_units(ax, drawn):
            segments = [np.asarray(segment, float) for segment in drawn.get_segments()]
            # Error bars, stems and the like run along an axis.
            if all(len(segment) < 3 and (np.diff(segment, axis=0) == 0).any() for segment in segments):
                continue
            colours = face_colours(ax, drawn, len(segments), drawn.get_colors())
            name = _name(ax, drawn, drawn)
            found += [Line(xy, colour, name, drawn) for xy, colour in zip(segments, colours, strict=True) if len(xy) > 1]
    level = [line for line in found if is_level(line.xy)]
    others = [line for line in found if not is_level(line.xy)]
    # A level line of two points is a helper beside longer lines or bars; with a point on it, or beside points alone, it says
    # how sure that point is. Between two years, beside sloping ones, it is data.
    beside = any(len(line.xy) > 2 for line in others) or drawn_bars(ax) or (not others and drawn_clouds(ax))
    helpers = {id(line) for line in level if beside or carries_a_mark(ax, line.xy, between=True)}
    return [line for line in found if id(line) not in helpers]


def is_level(xy: np.ndarray) -> bool:
    """Whether a line is one of two points at the same height."""
    return len(xy) == 2 and bool(np.isfinite(xy).all()) and bool(np.isclose(*xy[:, 1])) and xy[0, 0] != xy[1, 0]


def carries_a_mark(ax, segment: np.ndarray, between: bool = False) -> bool:
    """Whether a segment along an axis has a point on it (`between` its ends, if asked for) or is at the middle of a bar."""
    if not is_level(segment):
        if not is_level(segment[:, ::-1]):
            return False
        at, (low, high) = segment[0, 0], sorted(segment[:, 1])
        marks = [(y, x) for cloud in drawn_clouds(ax) for x, y in cloud.xy]
        middles = [bar.middle for bar in drawn_bars(ax) if not bar.sideways]
    else:
        at, (low, high) = segment[0, 1], sorted(segment[:, 0])
        marks = [tuple(place) for cloud in drawn_clouds(ax) for place in cloud.xy]
        middles = [bar.middle for bar in drawn_bars(ax) if bar.sideways]
    on = [along for along, across in marks if np.isclose(across, at)]
    return any(low < along < high if between else low <= along <= high for along in on) or bool(
        np.isclose(middles, at).any()
    )


def drawn_boxes(ax) -> list[Artist]:
    """The boxes of box plots: closed rectangles among the lines, and patches that a line of two points crosses in full."""
    lines = [line for line in ax.lines if _in_data_units(ax, line)]
    boxes = [
        line for line in lines if len(line.get_xydata()) == 5 and all(len(set(side)) == 2 for side in line.get_xydata().T)
    ]
    across = [np.sort(line.get_xydata(), axis=0) for line in lines if len(line.get_xydata()) == 2]
    for patch in data_patches(ax):
        if type(patch) is PathPatch and across:
            corners = patch.get_path().vertices
            ends = np.array([corners.min(axis=0), corners.max(axis=0)])
            if any(np.allclose(line[:, side], ends[:, side]) for line in across for side in (0, 1)):
                boxes.append(patch)
    return boxes


def drawn_clouds(ax) -> list[Cloud]:
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
            fill = face_colours(ax, drawn, len(xy), drawn.get_facecolor())
            outline = face_colours(ax, drawn, len(xy), drawn.get_edgecolor())
            area = np.resize(drawn.get_sizes(), len(xy))
            value = (
                np.full(len(xy), np.nan)
                if drawn.get_array() is None
                else np.ma.filled(drawn.get_array().astype(float), np.nan)
            )
        elif isinstance(drawn, Line2D) and _is_markers_only(drawn):
            xy = np.ma.filled(np.ma.asarray(drawn.get_xydata(), dtype=float), np.nan)
            fill = [as_seen(ax, drawn.get_markerfacecolor(), drawn.get_alpha())] * len(xy)
            outline = [as_seen(ax, drawn.get_markeredgecolor(), drawn.get_alpha())] * len(xy)
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


def distinct_places(xy: np.ndarray) -> list[tuple]:
    return [tuple(place) for place in np.round(xy, 9).tolist()]


def drawn_shapes(ax) -> Iterable[Shape]:
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
        fills = face_colours(ax, drawn, len(paths), drawn.get_facecolor())
        outlines = face_colours(ax, drawn, len(paths), drawn.get_edgecolor(), drawn.get_linewidth())
        values = np.full(len(paths), np.nan)
        if drawn.get_array() is not None and len(drawn.get_array()) == len(paths):
            values = np.ma.filled(np.ma.asarray(drawn.get_array(), dtype=float), np.nan)
        names = {fill: _word_for(ax, _label(drawn), (fill, None)) for fill in set(fills)}
        for path, fill, outline, value in zip(paths, fills, outlines, values, strict=True):
            missing = (by_value and bool(np.isnan(value))) or says_missing(names[fill])
            yield Shape(_rings(path), fill, outline, float(value), names[fill], missing)
    boxes = {id(box) for box in drawn_boxes(ax)}
    for patch in data_patches(ax):
        if type(patch) in (Polygon, PathPatch) and not is_step(patch) and id(patch) not in boxes:
            fill, outline = patch_paint(ax, patch)
            name = _word_for(ax, _label(patch), (fill, None))
            yield Shape(_rings(patch.get_path()), fill, outline, float("nan"), name, says_missing(name))


def _rings(path) -> list:
    return [ring for ring in path.to_polygons(closed_only=True) if len(ring) > 3]


def point_inside(rings: list) -> tuple[float, float]:
    """A point inside an area: the largest ring, without the holes that the others are."""
    outer, *holes = sorted((shapely.Polygon(ring) for ring in rings), key=lambda ring: -ring.area)
    inside = outer.buffer(0).difference(shapely.union_all([hole.buffer(0) for hole in holes])).representative_point()
    inside = outer.centroid if inside.is_empty else inside
    return inside.x, inside.y


def drawn_extents(ax) -> Iterable[np.ndarray]:
    """The corners (n x 2) of all that carries data."""
    for bar in drawn_bars(ax):
        corners = np.array([(bar.low, bar.start), (bar.high, bar.end)], float)
        yield corners[:, ::-1] if bar.sideways else corners
    for patch in data_patches(ax):
        if isinstance(patch, StepPatch) or is_step(patch):
            yield patch.get_path().vertices
    yield from (line.xy for line in drawn_lines(ax))
    yield from (cloud.xy for cloud in drawn_clouds(ax))
    yield from (path.vertices for band in drawn_bands(ax) for path in band.get_paths())
    yield from (ring for shape in drawn_shapes(ax) for ring in shape.corners)


def as_read(ax, axis, numbers: np.ndarray) -> list:
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
    entries = legend_entries(ax)
    if label and (not entries or label in [text for _, text in entries]):
        return label
    colour, _ = look
    alike = [(shown, text) for shown, text in entries if colour and shown[0] == colour]
    return next((text for shown, text in alike if shown == look), alike[0][1] if alike else label)


def legend_entries(ax) -> list[tuple]:
    """The entries of the legends, each its look and its word."""
    return [
        (_look(ax, handle), text.get_text().strip())
        for legend in legends_of(ax)
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=False)
    ]


def _look(ax, artist) -> tuple:
    """By what a legend's entry is known: colour (hex, as seen on the background, or None), then stroke."""
    if isinstance(artist, Line2D):
        colour = artist.get_markerfacecolor() if _is_markers_only(artist) else artist.get_color()
        return as_seen(ax, colour, artist.get_alpha()), None if _is_markers_only(artist) else artist.get_linestyle()
    for colours in ("get_facecolor", "get_edgecolor"):
        found = np.reshape(getattr(artist, colours)(), (-1, 4)) if hasattr(artist, colours) else ()
        if len(found) and found[0][3] > 0 and not (colours == "get_facecolor" and isinstance(artist, LineCollection)):
            return as_seen(ax, tuple(found[0])), None
    return None, None


def says_missing(name: str) -> bool:
    """Whether the word for a class says that nothing is known: a class beside the scale."""
    return name.lower().startswith(("nan", "no ", "not ", "none", "missing", "unknown", "suppressed", "too few"))


def unused_name(name: str, taken) -> str:
    """`name`, or where it is taken with a number behind it."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} ({number})".strip()
    return free


def texts_at_ends(ax, lines: list[Line]) -> dict[int, str]:
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
