"""Pictures of a borough for data/README.md: a map of the place, deprivation, births and pupils, places and pupils.

They are drawn from the published tables alone. The look is the Analysis Function's (Data visualisation: colours, and
charts): its palette, horizontal sans-serif text, few grey gridlines, no boxes; marks 3:1 against what is behind them and
text 4.5:1. Neither the user's matplotlibrc, nor the day, nor the folder changes a byte.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.path import Path as Outline
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter
from PIL import Image

from course.town.borough import Borough
from course.town.figures import FIGURES
from course.town.homes import FIRST as NEXT_YEAR
from course.town.pupils import LAST_YEAR, STARTS_AT, YEAR_GROUPS

# Source: Analysis Function, Data visualisation: colours. The greys are its #3D3D3D and lighter ones of 4.5:1 and 3:1.
BLUE, ORANGE, INK = "#12436D", "#F46A25", "#3D3D3D"
QUIET_TEXT, QUIET_MARK, GRID = "#6B6B6B", "#8C8C8C", "#D9D9D9"
# From most to least deprived: the sequential palette, with a pale end so that ten steps can be told apart.
DECILE_COLOURS = LinearSegmentedColormap.from_list("deciles", ["#12436D", "#2073BC", "#6BACE6", "#EFF6FC"])
# What lies under a map's marks is pale, so that every mark and label stands out against it.
SEA, SHALLOWS, SHORE = "#C3DDF0", "#D2E7F5", "#E2F1FA"
ELSEWHERE, FIELDS, WOODS, BUILT_UP = "#EDECE8", "#F5F3E7", "#DCEACD", "#E6DDD0"
STREET, ROAD, BORDER = "#A3978A", "#6A5F55", "#801650"

WIDTH_IN, DPI = 10, 120  # 1,200 pixels: a README shows them at about three quarters of that
FONTS = {
    (False, False): "DejaVuSans.ttf",
    (True, False): "DejaVuSans-Bold.ttf",
    (False, True): "DejaVuSans-Oblique.ttf",
}
COLOURS_IN_PNG = 160  # a palette halves the file, and nobody sees it
NEIGHBOUR = {"wexmoor": ("Eastmere", "east"), "eastmere": ("Wexmoor", "west")}
FEW, MANY = 3, 10_000  # years at either end that a change is measured between; a cost that forbids

SCHOOLS_SHOWN = {"marker": "o", "s": 30, "facecolor": BLUE, "edgecolor": "white", "linewidth": 0.9}
SITES_SHOWN = {"marker": "D", "s": 62, "facecolor": ORANGE, "edgecolor": INK, "linewidth": 0.9}
EXPANSIONS_SHOWN = {"marker": "o", "s": 105, "facecolor": "none", "edgecolor": ORANGE, "linewidth": 2.2}


@dataclass(frozen=True)
class Picture:
    """A picture for the README: its file in the folder, its text alternative, and one sentence to go under it."""

    file: str
    alt: str
    caption: str


def draw_all(borough: Borough, folder: Path) -> list[Picture]:
    """Write the four pictures of `borough` as PNG into `folder`, which is made where it is missing.

    1,200 pixels wide. Same borough, same bytes. Raises OSError when they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    for name, figure_of, words_of in (
        ("map", map_figure, _map_words),
        ("deprivation", deprivation_figure, _deprivation_words),
        ("births", births_figure, _births_words),
        ("places", places_figure, _places_words),
    ):
        picture = Picture(f"{borough.name}-{name}.png", *words_of(borough))
        (folder / picture.file).write_bytes(_png(figure_of(borough)))
        pictures.append(picture)
    return pictures


# ------------------------------------------------------------------------------------------------ what they show


def runs_short(borough: Borough) -> str:
    """The planning area that is furthest short of reception places in three years, by a plain forecast.

    Children wanted: births four years earlier times the share of births that became reception pupils in the last three
    years, and what the planned homes yield. All of it stands in the published tables.
    """
    year, recent = LAST_YEAR + FEW, np.arange(LAST_YEAR - FEW + 1, LAST_YEAR + 1)
    births = births_by_planning_area(borough)
    reception = pupils_by_planning_area(borough, year_group=0)
    share = reception[recent].sum(axis="columns") / births[recent - STARTS_AT].sum(axis="columns")
    homes = borough.housing[borough.housing["school_year"].between(NEXT_YEAR, year)].merge(_planning_area_of(borough))
    homes = homes.groupby("planning_area_id")[["houses", "flats"]].sum().reindex(births.index, fill_value=0)
    yielded = homes["houses"] * FIGURES["pupil-yield-house"].value + homes["flats"] * FIGURES["pupil-yield-flat"].value
    places = borough.schools.groupby("planning_area_id")["admission_number"].sum()
    return (places - births[year - STARTS_AT] * share - yielded / YEAR_GROUPS).idxmin()


def births_by_planning_area(borough: Borough) -> pd.DataFrame:
    """Births: a row a planning area, a column a year to August."""
    rows = borough.births.merge(_planning_area_of(borough))
    return rows.pivot_table(index="planning_area_id", columns="year_to_august", values="births", aggfunc="sum")


def pupils_by_planning_area(borough: Borough, year_group: int | None = None) -> pd.DataFrame:
    """Pupils by where their school is: a row a planning area, a column a school year. All year groups, or one."""
    rows = borough.rolls if year_group is None else borough.rolls[borough.rolls["year_group"] == year_group]
    rows = rows.merge(borough.schools[["school_id", "planning_area_id"]])
    return rows.pivot_table(index="planning_area_id", columns="school_year", values="pupils", aggfunc="sum")


def places_and_pupils(borough: Borough) -> pd.DataFrame:
    """Name, places, pupils, spare places and their share of places, a row a planning area, the tightest first."""
    rows = borough.planning_areas.set_index("planning_area_id")[["name"]].copy()
    rows["places"] = borough.schools.groupby("planning_area_id")["capacity"].sum()
    rows["pupils"] = pupils_by_planning_area(borough)[LAST_YEAR]
    rows["spare"] = rows["places"] - rows["pupils"]
    rows["share"] = rows["spare"] / rows["places"]
    return rows.sort_values("share")


def _planning_area_of(borough: Borough) -> pd.DataFrame:
    return borough.areas[["area_id", "planning_area_id"]]


def _indexed(rows: pd.DataFrame, years: int) -> pd.DataFrame:
    """`rows` where the mean of the first `years` columns is 100."""
    return 100 * rows.div(rows.iloc[:, :years].mean(axis="columns"), axis="rows")


def _change(row: pd.Series, years: int) -> str:
    """How a row moved from its first `years` to its last, in words."""
    share = row.iloc[-years:].mean() / row.iloc[:years].mean() - 1
    if abs(share) < 0.005:
        return "hardly changed"
    return f"{'rose' if share > 0 else 'fell'} by {abs(share):.0%}"


# ------------------------------------------------------------------------------------------------ the map


def map_figure(borough: Borough) -> Figure:
    """The borough as a map: sea, river, what floods, green belt, roads, planning areas, schools and candidate sites."""
    with _our_style():
        view = _View.of(borough)
        figure = _figure(view.height_in)
        ax = view.axes(figure)
        figure.text(0.012, 1 - 0.47 / view.height_in, _title(borough), fontproperties=_font(25, bold=True), color=INK)
        figure.text(0.012, 1 - 0.80 / view.height_in, _subtitle(borough), fontproperties=_font(11.5), color=INK)

        _lay_land(ax, view, borough)
        _lay_roads(ax, view, borough)
        _lay_water(ax, view, borough)
        edges = borough.planning_area_boundaries.boundary.union_all()
        _lines(ax, edges, "white", 2.2, 6, alpha=0.7)
        _lines(ax, edges, BORDER, 0.9, 6, linestyle=(0, (6, 3)))
        _bridges(ax, borough)
        _lines(ax, view.land.exterior, BORDER, 1.5, 6.5)
        _points(ax, borough.schools, 8, SCHOOLS_SHOWN)
        new = borough.sites["school_id"].isna()
        _points(ax, borough.sites[~new], 8.5, EXPANSIONS_SHOWN)
        _points(ax, borough.sites[new], 9, SITES_SHOWN)
        _name_things(ax, view, borough)
        _scale(ax, view)
        _map_key(figure, view)
    return figure


@dataclass(frozen=True)
class _View:
    """What part of the grid a map shows, and on how much paper. Metres, inches."""

    land: shapely.Polygon
    coast: shapely.LineString
    river: shapely.LineString
    left: float
    right: float
    bottom: float
    top: float
    above_in: float = 0.98
    below_in: float = 0.86

    @classmethod
    def of(cls, borough: Borough, **paper: float) -> "_View":
        land = max(shapely.get_parts(borough.planning_area_boundaries.union_all()), key=shapely.area)
        water = borough.water.set_index("kind").geometry
        coast = water["coastline"]
        left, south, right, top = land.bounds
        if NEIGHBOUR[borough.name][1] == "east":
            left, right = left - 350, right + 950
        else:
            left, right = left - 950, right + 350
        return cls(land, coast, water["river"], left, right, south - 1_050, top + 250, **paper)

    @property
    def metres_per_inch(self) -> float:
        return (self.right - self.left) / WIDTH_IN

    @property
    def map_in(self) -> float:
        return (self.top - self.bottom) / self.metres_per_inch

    @property
    def height_in(self) -> float:
        return self.map_in + self.above_in + self.below_in

    def axes(self, figure: Figure) -> Axes:
        """Axes over the whole width, in metres of the grid."""
        ax = figure.add_axes((0, self.below_in / self.height_in, 1, self.map_in / self.height_in))
        ax.set(xlim=(self.left, self.right), ylim=(self.bottom, self.top))
        ax.set_axis_off()
        return ax

    def points(self, metres: float) -> float:
        """The width of a line, in points, that is so many metres wide on the map."""
        return metres / self.metres_per_inch * 72


def _lay_land(ax: Axes, view: _View, borough: Borough) -> None:
    frame = Rectangle((view.left, view.bottom), view.right - view.left, view.top - view.bottom)
    ax.add_patch(frame)
    frame.set(facecolor=ELSEWHERE, linewidth=0, zorder=0)
    _shapes(ax, [view.land], FIELDS, 1)
    _shapes(ax, borough.green_belt.geometry, WOODS, 1.5)
    # Where streets are short, homes stand close: wide round strokes along them run together into a town.
    ends, edges = _ends(borough)
    near = edges["metres"].to_numpy() < 260
    ax.add_collection(
        LineCollection(ends[near], colors=BUILT_UP, linewidths=view.points(210), capstyle="round", zorder=2)
    )
    zones = borough.flood_zones.set_index("zone").geometry
    for zone, alpha in ((2, 0.16), (3, 0.34)):
        _shapes(ax, [zones[zone]], "#2073BC", 3, alpha=alpha)


def _lay_roads(ax: Axes, view: _View, borough: Borough) -> None:
    ends, edges = _ends(borough)
    kind = edges["kind"].to_numpy()
    ax.add_collection(LineCollection(ends[kind == "street"], colors=STREET, linewidths=0.5, zorder=4))
    for colour, width in ((ROAD, 3.0), ("white", 1.5)):
        ax.add_collection(
            LineCollection(ends[kind == "main road"], colors=colour, linewidths=width, capstyle="round", zorder=7)
        )


def _bridges(ax: Axes, borough: Borough) -> None:
    ends, edges = _ends(borough)
    ends = ends[edges["kind"].to_numpy() == "bridge"]
    for colour, width in ((INK, 5.0), ("white", 2.2)):
        ax.add_collection(LineCollection(ends, colors=colour, linewidths=width, capstyle="butt", zorder=7.5))


def _lay_water(ax: Axes, view: _View, borough: Borough) -> None:
    """The sea below the coast, which goes on beyond the borough as it goes along it, and the river, wider downstream."""
    on = np.array(view.coast.coords)
    on = on if on[0, 0] < on[-1, 0] else on[::-1]
    line = np.concatenate([_beyond(on), on, _beyond(on[::-1])[::-1]])
    sea = shapely.Polygon([*line, (line[-1, 0], view.bottom - 900), (line[0, 0], view.bottom - 900)]).buffer(0)
    sea = sea.difference(view.land)
    _shapes(ax, [sea], SEA, 5)
    shore = shapely.LineString(line)
    for metres, colour in ((260, SHALLOWS), (120, SHORE)):
        _shapes(ax, [shapely.intersection(shore.buffer(metres, quad_segs=4), sea)], colour, 5)
    _shapes(ax, [_river_bed(view.river, view.land)], SHORE, 5, edgecolor="#2073BC", linewidth=0.6)
    _shapes(ax, [shapely.intersection(shapely.Point(view.river.coords[0]).buffer(115), sea)], SHORE, 5.2)
    _lines(ax, shore, "#2073BC", 1.0, 5.5)


def _beyond(line: np.ndarray, metres: float = 1_600) -> np.ndarray:
    """What comes before the first point of `line` if it goes on as it began: its beginning, turned about that point."""
    begun = line[np.abs(line[:, 0] - line[0, 0]) <= metres][1:]
    turned = 2 * line[0] - begun[::-1]
    turned[:, 1] = line[0, 1] + 0.4 * (turned[:, 1] - line[0, 1])
    return turned


def _river_bed(river: shapely.LineString, land: shapely.Polygon) -> shapely.Polygon:
    """The river as wide as one would see it: from 60 m where it comes in to 230 m at its mouth."""
    along = np.linspace(0, river.length, 120)
    rounds = shapely.buffer(shapely.line_interpolate_point(river, along), 30 + 85 * np.exp(-along / 1_100), quad_segs=6)
    pairs = [shapely.convex_hull(shapely.union(one, other)) for one, other in zip(rounds, rounds[1:], strict=False)]
    return shapely.intersection(shapely.union_all(pairs), land)


def _name_things(ax: Axes, view: _View, borough: Borough) -> None:
    """Labels, the weightiest first; each goes where it hides least. Wards that find no room stay unnamed."""
    marks = np.concatenate([borough.schools[["easting", "northing"]], borough.sites[["easting", "northing"]]]).astype(float)
    weights = np.concatenate([np.full(len(borough.schools), 120.0), np.full(len(borough.sites), 600.0)])
    labels = _Labels(ax, view, marks, weights)
    _name_planning_areas(labels, borough)

    sea = shapely.box(view.left, view.bottom, view.right, view.top)
    sea = sea.difference(view.land.buffer(150))
    words = _Words("N o r t h   S e a", _font(15, italic=True), BLUE, SHORE, 0)
    x, y = np.meshgrid(np.arange(view.left, view.right, 120), np.arange(view.bottom, view.bottom + 2_600, 60))
    spots = np.column_stack([x.ravel(), y.ravel()])
    labels.place(words, spots, -0.8 * shapely.distance(view.coast, shapely.points(spots)) + 0.1 * abs(spots[:, 0] - view.left - 0.4 * (view.right - view.left)), within=sea)

    river = borough.water.set_index("kind").loc["river", "name"]
    along = np.array([view.river.interpolate(share, normalized=True).coords[0] for share in np.linspace(0.3, 0.9, 60)])
    words = _Words(river, _font(11, italic=True), BLUE, "white", 2.4)
    half = labels.size(words)[0] / 2
    spots = np.concatenate([along + [half + gap, 0] for gap in (90, 160, 260)] + [along - [half + gap, 0] for gap in (90, 160, 260)])
    off_middle = 1_500 * np.abs(np.tile(np.linspace(0.3, 0.9, 60), 6) - 0.68)
    labels.place(words, spots, off_middle, apart_from=view.river)

    neighbour, side = NEIGHBOUR[borough.name]
    words = _Words(neighbour, _font(9.5), QUIET_TEXT, ELSEWHERE, 0)
    x = view.right - 480 if side == "east" else view.left + 480
    y = np.arange(view.bottom + 2_500, view.top - 300, 100)
    labels.place(words, np.column_stack([np.full(len(y), x), y]), abs(y - y.mean()))

    town = borough.ward_boundaries
    for row in town.sort_values("ward_id").itertuples():
        words = _Words(row.name, _font(8.5), INK, "white", 2.0)
        labels.place(words, _about((row.easting, row.northing), 500, 50), None, around=(row.easting, row.northing), within=row.geometry.buffer(150), needed=False)


def _name_planning_areas(labels: "_Labels", borough: Borough) -> None:
    for row in borough.planning_area_boundaries.sort_values("hectares").itertuples():
        words = _Words(row.name.upper(), _font(12.5, bold=True), BORDER, "white", 3.2)
        left, bottom, right, top = row.geometry.bounds
        x, y = np.meshgrid(np.arange(left, right, 90), np.arange(bottom, top, 90))
        spots = np.column_stack([x.ravel(), y.ravel()])
        spots = spots[shapely.contains_xy(row.geometry, spots)]
        labels.place(words, spots, None, around=(row.easting, row.northing), within=row.geometry)


def _about(middle: tuple[float, float], reach: float, step: float) -> np.ndarray:
    x, y = np.meshgrid(np.arange(-reach, reach + 1, step), np.arange(-reach, reach + 1, step))
    return np.column_stack([x.ravel(), y.ravel()]) + middle


@dataclass(frozen=True)
class _Words:
    text: str
    font: FontProperties
    colour: str
    halo: str
    halo_width: float


class _Labels:
    """Puts names on a map where they hide little and never one another.

    `marks` (n x 2, metres) are better left in sight, each with a weight: the metres that a label would rather move than
    hide it.
    """

    def __init__(self, ax: Axes, view: _View, marks: np.ndarray, weights: np.ndarray) -> None:
        self.ax, self.view, self.marks, self.weights = ax, view, marks, weights
        self.taken: list[tuple[float, float, float, float]] = []
        self.renderer = FigureCanvasAgg(ax.figure).get_renderer()

    def reserve(self, box: tuple[float, float, float, float]) -> None:
        """Keep labels out of a box: left, bottom, right, top in metres."""
        self.taken.append(box)

    def size(self, words: _Words) -> tuple[float, float]:
        """Width and height of words in metres, with their halo."""
        text = Text(0, 0, words.text, fontproperties=words.font)
        text.set_figure(self.ax.figure)
        box = text.get_window_extent(self.renderer)
        metres = self.view.metres_per_inch / DPI
        return (box.width + 6) * metres, (box.height + 4) * metres

    def place(
        self,
        words: _Words,
        spots: np.ndarray,
        cost: np.ndarray | None,
        around: tuple[float, float] | None = None,
        within: shapely.Geometry | None = None,
        apart_from: shapely.Geometry | None = None,
        needed: bool = True,
    ) -> None:
        """Write `words` with their middle on the best of `spots` (k x 2, metres); a name that is not `needed` is left out
        where it would hide a mark or another name."""
        width, height = self.size(words)
        if cost is None:
            cost = np.hypot(*(spots - around).T)
        cost = cost + self._hidden(spots, width, height)
        boxes = np.column_stack([spots - [width / 2, height / 2], spots + [width / 2, height / 2]])
        view = self.view
        outside = (boxes[:, :2] < [view.left, view.bottom]) | (boxes[:, 2:] > [view.right, view.top])
        cost = cost + MANY * outside.any(axis=1)
        for left, bottom, right, top in self.taken:
            cost = cost + MANY * ((boxes[:, 0] < right) & (boxes[:, 2] > left) & (boxes[:, 1] < top) & (boxes[:, 3] > bottom))
        shapes = shapely.box(*boxes.T)
        if within is not None:
            shapely.prepare(within)
            cost = cost + 700 * ~shapely.covers(within, shapes)
        if apart_from is not None:
            cost = cost + 3_000 * shapely.intersects(apart_from, shapes)
        if not needed and cost.min() > 600:
            return
        best = int(cost.argmin())
        self.reserve(tuple(boxes[best]))
        effects = [withStroke(linewidth=words.halo_width, foreground=words.halo)] if words.halo_width else None
        self.ax.text(
            *spots[best], words.text, fontproperties=words.font, color=words.colour,
            ha="center", va="center", path_effects=effects, zorder=12, gid="name",
        )  # fmt: skip

    def _hidden(self, spots: np.ndarray, width: float, height: float) -> np.ndarray:
        """What the marks that each spot's label would hide weigh."""
        mark = 0.06 * self.view.metres_per_inch
        across = np.abs(spots[:, None, 0] - self.marks[:, 0]) < width / 2 + mark
        upward = np.abs(spots[:, None, 1] - self.marks[:, 1]) < height / 2 + mark
        return (across & upward) @ self.weights


def _scale(ax: Axes, view: _View) -> None:
    """Two kilometres, and where north is, in the sea."""
    right, y = view.right - 700, view.bottom + 330
    left = right - 2_000
    for start, colour in ((left, INK), (left + 1_000, "white")):
        bar = Rectangle((start, y - 35), 1_000, 70, zorder=11)
        ax.add_patch(bar)
        bar.set(facecolor=colour, edgecolor=INK, linewidth=0.9)
    for at, words in ((left, "0"), (left + 1_000, "1"), (right, "2 km")):
        ax.text(at, y + 75, words, ha="center", va="bottom", fontproperties=_font(10), color=INK, zorder=11)


def _map_key(figure: Figure, view: _View) -> None:
    def dot(style: dict, label: str) -> Line2D:
        return Line2D(
            [], [], linestyle="none", marker=style["marker"], markersize=style["s"] ** 0.5, label=label,
            markerfacecolor=style["facecolor"], markeredgecolor=style["edgecolor"], markeredgewidth=style["linewidth"],
        )  # fmt: skip

    road = Line2D([], [], color="white", linewidth=1.8, label="Main road")
    road.set_path_effects([withStroke(linewidth=3.6, foreground=ROAD)])
    handles = [
        dot(SCHOOLS_SHOWN, "Primary school"),
        dot(SITES_SHOWN, "Site for a new school"),
        dot(EXPANSIONS_SHOWN, "School that could grow"),
        road,
        Line2D([], [], color=BORDER, linewidth=1.2, linestyle=(0, (5, 2)), label="Planning area"),
        Patch(facecolor=WOODS, edgecolor=QUIET_MARK, linewidth=0.5, label="Green belt"),
        Patch(facecolor="#A9C5D9", edgecolor=QUIET_MARK, linewidth=0.5, label="Floods often (zone 3)"),
        Patch(facecolor="#CFDDE4", edgecolor=QUIET_MARK, linewidth=0.5, label="Floods seldom (zone 2)"),
    ]
    figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.0, 0.0), ncols=4, frameon=False, prop=_font(10.5),
        labelcolor=INK, columnspacing=1.6, handletextpad=0.7, borderaxespad=0.5,
    )  # fmt: skip


def _title(borough: Borough) -> str:
    return borough.name.capitalize()


def _subtitle(borough: Borough) -> str:
    people = round(borough.population["people"].sum(), -3)
    return (
        f"A made-up borough by the sea: {people:,} people, {len(borough.schools)} primary schools, "
        f"{len(borough.planning_areas)} school planning areas"
    )


def _map_words(borough: Borough) -> tuple[str, str]:
    river = borough.water.set_index("kind").loc["river", "name"]
    bridges = (borough.road_edges["kind"] == "bridge").sum()
    new = borough.sites["school_id"].isna()
    alt = (
        f"Map of {_title(borough)}, a made-up borough: sea to the south, the {river} running down to it from the north, "
        f"crossed by {bridges} bridges. {len(borough.schools)} primary schools lie in {len(borough.planning_areas)} planning "
        f"areas: {_listed(borough.planning_areas['name'].tolist())}. {new.sum()} sites for a new school are marked, and "
        f"{(~new).sum()} schools that could grow."
    )
    return alt, f"{_title(borough)}: its schools, and where a school could be built or grow."


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
