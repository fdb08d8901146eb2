"""Pictures of a borough for data/README.md: a map of the place, deprivation, births and pupils, places and pupils.

They are drawn from the published tables alone. The look is the Analysis Function's (Data visualisation: colours, and
charts): its palette, horizontal sans-serif text, few grey gridlines, no boxes; marks 3:1 against what is behind them and
text 4.5:1. Neither the user's matplotlibrc, nor the day, nor the folder changes a byte.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.path import Path as Outline
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter
from PIL import Image

from course.town.borough import IN_THREE_YEARS, Borough
from course.town.planning import past, spare_reception
from course.town.pupils import LAST_YEAR

# Source: Analysis Function, Data visualisation: colours. The greys are its #3D3D3D and lighter ones of 4.5:1 and 3:1.
BLUE, ORANGE, INK = "#12436D", "#F46A25", "#3D3D3D"
QUIET_TEXT, QUIET_MARK, GRID = "#5F5F5F", "#8C8C8C", "#D9D9D9"
DARK_ORANGE = "#B5430E"  # for words, and on tinted ground: ORANGE itself has 3.0:1 on white
# From most to least deprived: the sequential palette, with a pale end so that ten steps can be told apart.
DECILE_COLOURS = LinearSegmentedColormap.from_list("deciles", ["#12436D", "#2073BC", "#6BACE6", "#EFF6FC"])
# What lies under a map's marks is pale, so that every mark and label stands out against it.
SEA, SHALLOWS, SHORE = "#C3DDF0", "#D2E7F5", "#E2F1FA"
ELSEWHERE, FIELDS, WOODS, BUILT_UP = "#EDECE8", "#F5F3E7", "#DCEACD", "#E6DDD0"
FLOOD, FLOOD_ALPHA = "#2073BC", 0.17
STREET, ROAD, BORDER = "#A3978A", "#6A5F55", "#801650"

WIDTH_IN, DPI = 10, 120  # 1,200 pixels: a README shows them at about three quarters of that
FONTS = {
    (False, False): "DejaVuSans.ttf",
    (True, False): "DejaVuSans-Bold.ttf",
    (False, True): "DejaVuSans-Oblique.ttf",
}
COLOURS_IN_PNG = 255  # a palette halves the file, and nobody sees it
NEIGHBOUR = {"wexmoor": ("Eastmere", "east"), "eastmere": ("Wexmoor", "west")}
FEW = 3  # years at either end that a change of births is measured between: single years jump

# What a label would rather do than, in metres that it moves away from its best place.
HIDES_A_SCHOOL, HIDES_A_SITE, LEAVES_ITS_PLACE, TOO_DEAR, FORBIDDEN = 900, 1_800, 4_000, 850, 100_000
SCALE_M = 3_300  # of the map's width, kept for the scale
BEND = 0.06  # how far a drawn road bends aside, as a share of its length
BRIDGE_SHOWN_M = 130  # to either side of the middle of the river
TOWN_BLOCK_M2 = 65_000  # blocks between streets up to this size are shown as town

SCHOOLS_SHOWN = {"marker": "o", "s": 30, "facecolor": BLUE, "edgecolor": "white", "linewidth": 0.9}
SITES_SHOWN = {"marker": "D", "s": 62, "facecolor": ORANGE, "edgecolor": INK, "linewidth": 0.9}
EXPANSIONS_SHOWN = {"marker": "o", "s": 105, "facecolor": "none", "edgecolor": DARK_ORANGE, "linewidth": 2.2}
ROLLS_SHOWN = {"marker": "o", "facecolor": ORANGE, "edgecolor": INK, "linewidth": 0.9}
POINTS2_A_PUPIL = 0.42  # the area of a circle, in square points
DEPRIVED = 2  # national deciles, counted from the most deprived, that the words call so
WHOLE = "whole"  # the row of a borough among those of its planning areas


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
    """The planning area that is furthest short of reception places in three years, as the published tables forecast it."""
    return spare_reception(borough, IN_THREE_YEARS).idxmin()


def places_and_pupils(borough: Borough) -> pd.DataFrame:
    """Name, places, pupils, spare places and their share of places, a row a planning area, the tightest first."""
    rows = borough.planning_areas.set_index("planning_area_id")[["name"]].copy()
    rows["places"] = borough.schools.groupby("planning_area_id")["capacity"].sum()
    rows["pupils"] = past(borough).by_planning_area[LAST_YEAR]
    rows["spare"] = rows["places"] - rows["pupils"]
    rows["share"] = rows["spare"] / rows["places"]
    return rows.sort_values("share")


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
        inside = borough.planning_area_boundaries.boundary.union_all().difference(view.land.exterior.buffer(40))
        inside = inside.difference(view.river.buffer(60))  # where the river is the border, the river shows it
        _lines(ax, inside, "white", 2.4, 6, alpha=0.7)
        _lines(ax, inside, BORDER, 1.0, 6, linestyle=(0, (6, 3)))
        _lines(ax, view.land.exterior.difference(view.coast.buffer(60)), BORDER, 1.6, 6.5)
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
    def of(cls, borough: Borough, sea_m: float = 1_150, **paper: float) -> "_View":
        land = borough.planning_area_boundaries.union_all().buffer(3).buffer(-3)  # closes slits between them
        land = max(shapely.get_parts(land), key=shapely.area)
        water = borough.water.set_index("kind").geometry
        coast = water["coastline"]
        left, south, right, top = land.bounds
        if NEIGHBOUR[borough.name][1] == "east":
            left, right = left - 350, right + 950
        else:
            left, right = left - 950, right + 350
        return cls(land, coast, water["river"], left, right, south - sea_m, top + 250, **paper)

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
    # Small blocks between streets are where homes stand close together: with a margin, they run into a town.
    blocks = shapely.get_parts(shapely.polygonize(shapely.linestrings(_ends(borough)[0])))
    blocks = blocks[shapely.area(blocks) < TOWN_BLOCK_M2]
    _shapes(ax, blocks, BUILT_UP, 2, edgecolor=BUILT_UP, linewidth=view.points(90))
    zones = borough.flood_zones.set_index("zone").geometry
    for shape in (shapely.union_all([zones[2], zones[3]]), zones[3]):  # rounded off: maps of floods are no finer
        rounded = shape.buffer(180, quad_segs=5).buffer(-180, quad_segs=5)
        _shapes(ax, [rounded.intersection(view.land)], FLOOD, 3, alpha=FLOOD_ALPHA)


def _lay_roads(ax: Axes, view: _View, borough: Borough) -> None:
    ends, edges = _ends(borough)
    bends = _bent(ends, edges["kind"].to_numpy() == "bridge")
    kind = edges["kind"].to_numpy()
    ax.add_collection(LineCollection(bends[kind == "street"], colors=STREET, linewidths=0.5, zorder=4))
    through = shapely.union_all(shapely.linestrings(bends[kind != "street"]))
    over = shapely.linestrings(ends[kind == "bridge"])
    over = shapely.union_all(shapely.intersection(over, view.river.buffer(BRIDGE_SHOWN_M)))  # one may join nodes far apart
    _lines(ax, through, ROAD, 3.0, 7, capstyle="round")
    _lines(ax, over, INK, 5.8, 7.1, capstyle="butt")
    _lines(ax, over, "white", 2.8, 7.2, capstyle="butt")
    _lines(ax, through, "white", 1.5, 7.3, capstyle="round")


def _bent(ends: np.ndarray, straight: np.ndarray) -> np.ndarray:
    """Roads with a bend in them (m x 9 x 2), as roads have: a bow to either side in turn, or an S where they are long."""
    along = ends[:, 1] - ends[:, 0]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    t = np.linspace(0, 1, 9)
    bow = np.where(np.hypot(*along.T) < 350, 1, 0)[:, None] * np.sin(np.pi * t) * BEND
    ess = np.where(np.hypot(*along.T) < 350, 0, 1)[:, None] * np.sin(2 * np.pi * t) * BEND
    aside = (bow + ess) * np.where(straight, 0, np.where(np.arange(len(ends)) % 2, 1, -1))[:, None]
    return ends[:, :1] + t[:, None] * along[:, None, :] + aside[:, :, None] * across[:, None, :]


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
    pairs = [shapely.convex_hull(shapely.union(one, other)) for one, other in pairwise(rounds)]
    return shapely.intersection(shapely.union_all(pairs), land)


def _name_things(ax: Axes, view: _View, borough: Borough) -> None:
    """Labels, the weightiest first; each goes where it hides least. Wards that find no room stay unnamed."""
    labels = _Labels(ax, view, [(borough.schools, HIDES_A_SCHOOL), (borough.sites, HIDES_A_SITE)])
    _name_planning_areas(labels, borough, BORDER)
    _name_waters(labels, view, borough)
    _name_neighbour(labels, view, borough)
    for row in borough.ward_boundaries.itertuples():
        words = _Words(row.name, _font(8.5), INK, "white", 2.0)
        here = np.array([row.easting, row.northing])
        spots = here + _grid(-500, -500, 500, 500, 50)
        labels.place(words, spots, np.hypot(*(spots - here).T), within=row.geometry.buffer(150), needed=False)


def _name_planning_areas(labels: "_Labels", borough: Borough, colour: str) -> None:
    for row in borough.planning_area_boundaries.sort_values("hectares").itertuples():
        words = _Words(row.name.upper(), _font(12.5, bold=True), colour, "white", 3.2)
        spots = _grid(*row.geometry.bounds, 90)
        spots = spots[shapely.contains_xy(row.geometry, spots)]
        labels.place(words, spots, np.hypot(*(spots - [row.easting, row.northing]).T), within=row.geometry)


def _name_waters(labels: "_Labels", view: _View, borough: Borough) -> None:
    words = _Words("N o r t h   S e a", _font(15, italic=True), BLUE, SEA, 0)
    sea = shapely.box(view.left, view.bottom, view.right - SCALE_M, view.top).difference(view.land.buffer(100))
    spots = _grid(view.left, view.bottom, view.right, view.bottom + 3_000, 80)
    spots = spots[shapely.contains_xy(sea, spots)]
    labels.place(words, spots, -shapely.distance(sea.boundary, shapely.points(spots)), within=sea)

    words = _Words(borough.water.set_index("kind").loc["river", "name"], _font(11, italic=True), BLUE, "white", 2.4)
    share = np.linspace(0.3, 0.9, 60)
    along = shapely.get_coordinates(shapely.line_interpolate_point(view.river, share, normalized=True))
    half = labels.size(words)[0] / 2
    spots = np.concatenate([along + np.array([side * (half + gap), 0]) for side in (1, -1) for gap in (90, 160, 260)])
    labels.place(words, spots, 1_500 * np.abs(np.tile(share, 6) - 0.68), apart_from=view.river)


def _name_neighbour(labels: "_Labels", view: _View, borough: Borough) -> None:
    neighbour, side = NEIGHBOUR[borough.name]
    words = _Words(neighbour, _font(9.5), QUIET_TEXT, ELSEWHERE, 0)
    half = labels.size(words)[0] / 2 + 20
    y = np.arange(view.bottom + 2_500, view.top - 300, 100)
    spots = np.column_stack([np.full(len(y), view.right - half if side == "east" else view.left + half), y])
    labels.place(words, spots, abs(y - y.mean()), apart_from=view.land)


def _grid(left: float, bottom: float, right: float, top: float, step: float) -> np.ndarray:
    x, y = np.meshgrid(np.arange(left, right + 1, step), np.arange(bottom, top + 1, step))
    return np.column_stack([x.ravel(), y.ravel()])


@dataclass(frozen=True)
class _Words:
    text: str
    font: FontProperties
    colour: str
    halo: str
    halo_width: float


class _Labels:
    """Puts names on a map where they hide little and never one another.

    `marks` are tables with eastings and northings that are better left in sight, each with a weight: the metres that a
    label would rather move than hide one of them.
    """

    def __init__(self, ax: Axes, view: _View, marks: list[tuple[pd.DataFrame, float]]) -> None:
        self.ax, self.view = ax, view
        self.marks = np.concatenate([rows[["easting", "northing"]].to_numpy(float) for rows, _ in marks])
        self.weights = np.concatenate([np.full(len(rows), weight) for rows, weight in marks])
        self.taken: list[np.ndarray] = []
        self.renderer = FigureCanvasAgg(ax.figure).get_renderer()

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
        cost: np.ndarray,
        within: shapely.Geometry | None = None,
        apart_from: shapely.Geometry | None = None,
        needed: bool = True,
    ) -> None:
        """Write `words` with their middle on the best of `spots` (k x 2, metres), of which each has a cost (metres too).

        A name should lie `within` one shape and not touch another. One that is not `needed` is left out where it would
        hide a mark or another name.
        """
        half = np.array(self.size(words)) / 2
        boxes = np.column_stack([spots - half, spots + half])  # left, bottom, right, top
        view = self.view
        outside = (boxes[:, :2] < [view.left, view.bottom]) | (boxes[:, 2:] > [view.right, view.top])
        cost = cost + self._hidden(spots, half) + FORBIDDEN * outside.any(axis=1)
        for other in self.taken:
            cost += FORBIDDEN * ((boxes[:, :2] < other[2:]) & (boxes[:, 2:] > other[:2])).all(axis=1)
        shapes = shapely.box(*boxes.T)
        if within is not None:
            within = shapely.simplify(within, 30)
            shapely.prepare(within)
            covered = shapely.covers(within, shapes)
            bar = cost[covered].min(initial=np.inf)  # what costs more cannot be the best, wherever it lies
            cost[~covered & (cost > bar)] = np.inf
            over = np.flatnonzero(~covered & (cost <= bar))
            inside = shapely.area(shapely.intersection(within, shapes[over])) / shapely.area(shapes[over])
            cost[over] += LEAVES_ITS_PLACE * (1 - inside)
        if apart_from is not None:
            cost += LEAVES_ITS_PLACE * shapely.intersects(apart_from, shapes)
        best = cost.argmin()
        if not needed and cost[best] > TOO_DEAR:
            return
        self.taken.append(boxes[best])
        effects = [withStroke(linewidth=words.halo_width, foreground=words.halo)] if words.halo_width else None
        self.ax.text(
            *spots[best], words.text, fontproperties=words.font, color=words.colour,
            ha="center", va="center", path_effects=effects, zorder=12, gid="name",
        )  # fmt: skip

    def _hidden(self, spots: np.ndarray, half: np.ndarray) -> np.ndarray:
        """What the marks that each spot's label would hide weigh."""
        near = np.abs(spots[:, None] - self.marks) < half + 0.07 * self.view.metres_per_inch
        return near.all(axis=2) @ self.weights


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
    ax.fill(left - 420 + np.array([-75, 0, 75, 0]), y + np.array([-60, -10, -60, 170]), color=INK, linewidth=0, zorder=11)
    ax.text(left - 420, y + 200, "N", ha="center", va="bottom", fontproperties=_font(10), color=INK, zorder=11)


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
        Patch(facecolor=_over(_over(FIELDS)), edgecolor=QUIET_MARK, linewidth=0.5, label="Flood zone 3 (high probability)"),
        Patch(facecolor=_over(FIELDS), edgecolor=QUIET_MARK, linewidth=0.5, label="Flood zone 2 (medium)"),
    ]
    figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.0, 0.0), ncols=4, frameon=False, prop=_font(10.5),
        labelcolor=INK, columnspacing=1.6, handletextpad=0.7, borderaxespad=0.5,
    )  # fmt: skip


def _over(colour: str) -> str:
    """`colour` as it shows through what floods."""
    return to_hex((1 - FLOOD_ALPHA) * np.array(to_rgb(colour)) + FLOOD_ALPHA * np.array(to_rgb(FLOOD)))


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
        f"crossed by {bridges} bridges. {len(borough.schools)} primary schools lie in {len(borough.planning_areas)} "
        f"planning areas: {_listed(borough.planning_areas['name'].tolist())}. {new.sum()} sites for a new school are "
        f"marked, and {(~new).sum()} schools that could grow."
    )
    return alt, f"{_title(borough)}: its schools, and where a school could be built or grow."


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


# ------------------------------------------------------------------------------------------------ deprivation


def deprivation_figure(borough: Borough) -> Figure:
    """Small areas shaded by national decile of deprivation, primary schools as circles whose area is their pupils."""
    with _our_style():
        view = _View.of(borough, sea_m=250, above_in=0.98, below_in=0.95)
        figure = _figure(view.height_in)
        ax = view.axes(figure)
        _headings(figure, f"Deprivation in {_title(borough)}, and its primary schools", _deprivation_subtitle(borough))
        decile = borough.deprivation.set_index("area_id")["decile"].reindex(borough.area_boundaries["area_id"])
        shades = [_shade(one) for one in decile]
        _shapes(ax, borough.area_boundaries.geometry, shades, 1, edgecolor=INK, linewidth=0.35)
        _shapes(ax, [_river_bed(view.river, view.land)], "white", 2, edgecolor=INK, linewidth=0.5)
        edges = borough.planning_area_boundaries.boundary.union_all()
        _lines(ax, edges, "white", 3.0, 3)
        _lines(ax, edges, INK, 1.1, 3)
        pupils = _pupils_now(borough)
        schools = borough.schools.assign(pupils=borough.schools["school_id"].map(pupils))
        _points(ax, schools, 5, {**ROLLS_SHOWN, "s": schools["pupils"].to_numpy() * POINTS2_A_PUPIL})
        _name_planning_areas(_Labels(ax, view, [(schools, 1.5 * HIDES_A_SCHOOL)]), borough, INK)
        _decile_key(figure, view)
    return figure


def _deprivation_subtitle(borough: Borough) -> str:
    return (
        f"{len(borough.areas)} small areas by how deprived they are among all of England's; circles are schools, "
        "larger with more pupils"
    )


def _pupils_now(borough: Borough) -> pd.Series:
    now = borough.rolls[borough.rolls["school_year"] == LAST_YEAR]
    return now.groupby("school_id")["pupils"].sum()


def _shade(decile: int) -> str:
    return to_hex(DECILE_COLOURS((decile - 1) / 9))


def _decile_key(figure: Figure, view: _View) -> None:
    """Ten swatches in a row, and three circles."""
    ax = figure.add_axes((0, 0, 1, view.below_in / view.height_in))
    ax.set(xlim=(0, WIDTH_IN), ylim=(0, view.below_in))
    ax.set_axis_off()
    for decile in range(1, 11):
        left = 0.15 + 0.42 * (decile - 1)
        swatch = Rectangle((left, 0.42), 0.42, 0.26)
        ax.add_patch(swatch)
        swatch.set(facecolor=_shade(decile), edgecolor=INK, linewidth=0.5)
        dark = decile <= 4
        ax.text(
            left + 0.21,
            0.54,
            str(decile),
            ha="center",
            va="center",
            fontproperties=_font(10.5),
            color="white" if dark else "black",
        )
    ax.text(0.15, 0.33, "most deprived tenth of England", ha="left", va="top", fontproperties=_font(10.5), color=INK)
    ax.text(4.35, 0.33, "least deprived", ha="right", va="top", fontproperties=_font(10.5), color=INK)
    for pupils, x in ((100, 5.6), (300, 6.9), (600, 8.3)):
        ax.scatter([x], [0.55], **{**ROLLS_SHOWN, "s": pupils * POINTS2_A_PUPIL})
        ax.text(x + 0.24, 0.55, f"{pupils} pupils", ha="left", va="center", fontproperties=_font(10.5), color=INK)


def _deprivation_words(borough: Borough) -> tuple[str, str]:
    areas = borough.areas.merge(borough.deprivation).merge(
        borough.planning_areas, on="planning_area_id", suffixes=("", "_of")
    )
    deprived = areas["decile"] <= DEPRIVED
    share = deprived.groupby(areas["name_of"]).mean()
    pupils = _pupils_now(borough)
    alt = (
        f"Map of {_title(borough)} shaded by deprivation: {deprived.sum()} of its {len(areas)} small areas are among the "
        f"most deprived fifth of England. They are most common in {share.idxmax()} ({share.max():.0%} of its areas) and "
        f"least in {share.idxmin()} ({share.min():.0%}). Circles show {len(pupils)} primary schools, from {pupils.min()} to "
        f"{pupils.max()} pupils."
    )
    return (
        alt,
        f"Deprivation in {_title(borough)}: the darker an area, the more deprived; the larger a circle, the more pupils.",
    )


# ------------------------------------------------------------------------------------------------ births and pupils


def births_figure(borough: Borough) -> Figure:
    """Births, then pupils, of the borough and of the planning area that runs short, as an index on one scale."""
    with _our_style():
        figure = _figure(5.4)
        tight = runs_short(borough)
        name = borough.planning_areas.set_index("planning_area_id")["name"][tight]
        history = past(borough)
        births, pupils = history.births, history.by_planning_area
        _headings(
            figure,
            f"Births {_change(births.sum(), FEW)} in {_title(borough)} and {_change(births.loc[tight], FEW)} in {name}",
            "The last three years' births against the first three's. Thin grey lines: the other planning areas",
        )
        panels = [(births, FEW, "Births, year to August"), (pupils, 1, "Primary pupils, school year")]
        indexed = [_indexed(pd.concat([rows, rows.sum().to_frame(WHOLE).T]), years) for rows, years, _ in panels]
        low = 10 * np.floor(min(rows.min().min() for rows in indexed) / 10)
        high = 10 * np.ceil(max(rows.max().max() for rows in indexed) / 10)
        for left, wide, rows, (counted, years, title) in zip((0.06, 0.64), (0.37, 0.22), indexed, panels, strict=True):
            ax = figure.add_axes((left, 0.08, wide, 0.60))
            ax.set(xlim=(rows.columns[0], rows.columns[-1]), ylim=(low, high))
            _plain_axes(ax, "y")
            base = f"{rows.columns[0]} to {rows.columns[years - 1]}" if years > 1 else _school_year(rows.columns[0])
            figure.text(left - 0.045, 0.765, title, fontproperties=_font(12.5, bold=True), color=INK)
            figure.text(left - 0.045, 0.72, f"Index, {base} = 100", fontproperties=_font(10.5), color=QUIET_TEXT)
            for planning_area in births.index.drop(tight):
                ax.plot(rows.columns, rows.loc[planning_area], color=QUIET_MARK, linewidth=0.7, zorder=2)
            ax.axhline(100, color=QUIET_MARK, linewidth=1, zorder=2.5)
            ax.plot(rows.columns, rows.loc[WHOLE], color=BLUE, linewidth=2.8, zorder=4)
            ax.plot(
                rows.columns, rows.loc[tight], color=ORANGE, linewidth=2.8, zorder=5, marker="o", markersize=5, clip_on=False
            )
            marked = range(rows.columns[0], rows.columns[-1] + 1, 2 if years > 1 else 3)
            ax.set_xticks(marked, marked if years > 1 else [_school_year(year) for year in marked])
            _font_ticks(ax)
            _end_labels(
                ax,
                rows,
                {WHOLE: (_title(borough), BLUE), tight: (name, DARK_ORANGE)},
                counted,
                title.split(",")[0].split()[-1].lower(),
            )
    return figure


def _school_year(year: int) -> str:
    return f"{year}/{(year + 1) % 100:02}"


def _end_labels(ax: Axes, rows: pd.DataFrame, named: dict, counted: pd.DataFrame, what: str) -> None:
    """The name of each line at its end, with what it counts there; two that come close move apart."""
    at = {key: rows.loc[key].iloc[-1] for key in named}
    low, high = ax.get_ylim()
    gap = 0.15 * (high - low)
    above, below = sorted(at, key=at.get, reverse=True)
    lack = max(0.0, gap - (at[above] - at[below])) / 2
    shift = {above: lack, below: -lack}
    for key, (name, colour) in named.items():
        last = counted.iloc[:, -1].sum() if key == WHOLE else counted.loc[key].iloc[-1]
        ax.annotate(
            f"{name}\n{last:,} {what}", (rows.columns[-1], at[key] + shift[key]), xytext=(9, 0), textcoords="offset points",
            va="center", ha="left", fontproperties=_font(10.5, bold=True), color=colour, annotation_clip=False,
        )  # fmt: skip


def _births_words(borough: Borough) -> tuple[str, str]:
    tight = runs_short(borough)
    name = borough.planning_areas.set_index("planning_area_id")["name"][tight]
    history = past(borough)
    births, pupils = history.births, history.by_planning_area
    first, last = births.columns[:FEW], births.columns[-FEW:]
    alt = (
        f"Two line charts. From {first[0]}-{first[-1]} to {last[0]}-{last[-1]} yearly births "
        f"{_change(births.sum(), FEW)} in {_title(borough)} as a whole and {_change(births.loc[tight], FEW)} "
        f"in {name}. From {pupils.columns[0]} to {pupils.columns[-1]} primary pupils {_change(pupils.sum(), 1)} in "
        f"{_title(borough)} and {_change(pupils.loc[tight], 1)} in {name}."
    )
    return alt, f"Reception follows births four years later, and all seven year groups in ten: {name} is at the start of it."


# ------------------------------------------------------------------------------------------------ places and pupils


def places_figure(borough: Borough) -> Figure:
    """Places as pale bars and pupils as dark ones on them, from zero, a pair a planning area; the tightest on top."""
    with _our_style():
        rows = places_and_pupils(borough)
        rising = rows.loc[runs_short(borough)]
        figure = _figure(5.3)
        spare = rows["spare"].sum()
        _headings(
            figure,
            f"{_title(borough)} has {spare / rows['places'].sum():.0%} of its places to spare, {rising['name']} "
            f"{rising['share']:.0%}",
            f"Primary places (pale bars) and pupils (solid bars) in January {LAST_YEAR + 1}: {spare:,} are spare. "
            "Orange: where births rise",
        )
        ax = figure.add_axes((0.16, 0.10, 0.66, 0.68))
        y = np.arange(len(rows))[::-1]
        ax.barh(y, rows["places"], height=0.72, color="#DCE3EC", edgecolor=BLUE, linewidth=0.9, zorder=3)
        colours, edges = (np.where(rows.index == rising.name, marked, BLUE) for marked in (ORANGE, DARK_ORANGE))
        ax.barh(y, rows["pupils"], height=0.36, color=colours, edgecolor=edges, linewidth=1.2, zorder=4)
        ax.set(ylim=(-0.6, len(rows) - 0.4), xlim=(0, 1_000 * np.ceil(rows["places"].max() / 1_000)))
        _plain_axes(ax, "x")
        ax.set_yticks(y, rows["name"])
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        _font_ticks(ax)
        for at, row in zip(y, rows.itertuples(), strict=True):
            marked = row.Index == rising.name
            ax.annotate(
                f"{row.spare:,} spare ({row.share:.0%})", (row.places, at), xytext=(7, 0), textcoords="offset points",
                va="center", ha="left", fontproperties=_font(11, bold=marked), annotation_clip=False,
                color=DARK_ORANGE if marked else INK, path_effects=[withStroke(linewidth=4, foreground="white")],
            )  # fmt: skip
    return figure


def _places_words(borough: Borough) -> tuple[str, str]:
    rows = places_and_pupils(borough)
    tight, easy, rising = rows.iloc[0], rows.iloc[-1], rows.loc[runs_short(borough)]
    places, pupils = rows["places"].sum(), rows["pupils"].sum()
    alt = (
        f"Bar chart of primary places and pupils by planning area in January {LAST_YEAR + 1}. {_title(borough)} has "
        f"{pupils:,} pupils for {places:,} places, so {1 - pupils / places:.0%} are spare. {tight['name']} has the smallest "
        f"share to spare, {tight['share']:.0%} ({tight['spare']:,} places), and {easy['name']} the largest, "
        f"{easy['share']:.0%} ({easy['spare']:,})."
    )
    return (
        alt,
        f"Today {_title(borough)} has places to spare; {rising['name']}, where births rise, has {rising['spare']:,} of "
        f"{rising['places']:,}.",
    )


# ------------------------------------------------------------------------------------------------ how they are drawn


@contextmanager
def _our_style() -> Iterator[None]:
    """Matplotlib as it comes, whatever the user has set."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield


def _figure(height_in: float) -> Figure:
    """A figure of its own: nothing that pyplot knows, so that none of the user's is touched. Whole pixels."""
    figure = Figure(figsize=(WIDTH_IN, round(height_in * DPI) / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _font(size: float, *, bold: bool = False, italic: bool = False) -> FontProperties:
    """The fonts that come with Matplotlib, by file: a name could find others on another machine."""
    return FontProperties(fname=matplotlib.get_data_path() + "/fonts/ttf/" + FONTS[bold, italic], size=size)


def _png(figure: Figure) -> bytes:
    with _our_style():
        figure.canvas.draw()
    drawn = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
    drawn = drawn.quantize(COLOURS_IN_PNG, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    png = io.BytesIO()
    drawn.save(png, "PNG", optimize=True)  # Pillow writes no time and no version
    return png.getvalue()


def _headings(figure: Figure, title: str, subtitle: str) -> None:
    height = figure.get_size_inches()[1]
    figure.text(0.015, 1 - 0.42 / height, title, fontproperties=_font(16, bold=True), color=INK)
    figure.text(0.015, 1 - 0.75 / height, subtitle, fontproperties=_font(11.5), color=INK)


def _plain_axes(ax: Axes, values: str) -> None:
    """No box; light-grey gridlines on the axis of values alone, "x" or "y"."""
    for side in ax.spines.values():
        side.set_visible(False)
    ax.grid(axis=values, color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(length=0, colors=INK, pad=10)


def _font_ticks(ax: Axes) -> None:
    for label in (*ax.get_xticklabels(), *ax.get_yticklabels()):
        label.set_fontproperties(_font(10.5))


def _ends(borough: Borough) -> tuple[np.ndarray, pd.DataFrame]:
    """Where each road begins and ends (m x 2 x 2, metres), and the roads."""
    at = borough.road_nodes.set_index("node_id")[["easting", "northing"]]
    edges = borough.road_edges
    return np.stack([at.loc[edges["from_node"]].to_numpy(), at.loc[edges["to_node"]].to_numpy()], axis=1), edges


def _points(ax: Axes, rows: pd.DataFrame, zorder: float, style: dict) -> None:
    ax.scatter(rows["easting"], rows["northing"], zorder=zorder, **style)


def _lines(ax: Axes, shape: shapely.Geometry, colour: str, width: float, zorder: float, **style) -> None:
    parts = [shapely.get_coordinates(part) for part in shapely.get_parts(shapely.line_merge(shape))]
    ax.add_collection(LineCollection(parts, colors=colour, linewidths=width, zorder=zorder, **style))


def _shapes(ax: Axes, shapes, colour, zorder: float, *, edgecolor="none", linewidth=0.0, alpha=None) -> None:
    """Polygons with their holes, in one colour or one each."""
    outlines = [_outline(shape) for shape in shapes]
    ax.add_collection(
        PathCollection(outlines, facecolors=colour, edgecolors=edgecolor, linewidths=linewidth, alpha=alpha, zorder=zorder)
    )


def _outline(shape: shapely.Geometry) -> Outline:
    rings = shapely.get_rings(shapely.get_parts(shapely.normalize(shape)))  # holes the other way round than outer rings
    return Outline.make_compound_path(*(Outline(shapely.get_coordinates(ring), closed=True) for ring in rings))
