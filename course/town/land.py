"""The land that a borough lies on: its border, its coast in the south, its river and where these flood.

All of it lies in the North Sea, some 60 km off the nearest shore, so that no real place is hit. Lengths are metres,
coordinates British National Grid. Wexmoor's eastern border is Eastmere's western one, whatever the seeds.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from shapely import LineString, MultiPolygon, Polygon

SHARED_BORDER = 624_000  # easting around which the border of the two boroughs winds
COAST = 412_000  # northing at which the coast crosses that border
WIDTH, DEPTH = 12_200, 8_600  # about 110 km2, inside the figure land-area-km2
GATE = COAST + 2_700  # northing at which the road between the boroughs crosses the border
STEP = 60  # between the points of a coast or border


@dataclass(frozen=True)
class Land:
    """`outline` is all the land; `banks` the land west and east of the river.

    `coast` and `river` are lines, the river from its mouth upstream; `zone_3` and `zone_2` what floods often and seldom
    (zone 2 without zone 3). `gates` (k x 2) is where main roads leave the borough, the first over the shared border.
    """

    outline: Polygon
    banks: tuple[Polygon, Polygon]
    coast: LineString
    river: LineString
    zone_3: MultiPolygon
    zone_2: MultiPolygon
    gates: np.ndarray

    @property
    def mouth(self) -> np.ndarray:
        """Where the river meets the sea: easting and northing."""
        return np.array(self.river.coords[0])

    def bank(self, points: np.ndarray) -> np.ndarray:
        """0 for points (n x 2) west of the river, 1 for those east of it."""
        course = np.array(self.river.coords)
        return (points[:, 0] > np.interp(points[:, 1], course[:, 1], course[:, 0])).astype(int)


def lie_of_the_land(borough: str, rng: np.random.Generator) -> Land:
    """The land of a borough ("wexmoor" lies west of the shared border, "eastmere" east of it)."""
    sign = -1 if borough == "wexmoor" else 1
    shared = _shared_border()
    far = SHARED_BORDER + sign * WIDTH
    north = shared[-1, 1]

    across = np.arange(0, WIDTH + 1, STEP)  # along the coast, from the shared border
    river_at = rng.uniform(0.40, 0.60) * WIDTH
    swell = _wave(across, rng, [(9_000, 520), (4_100, 260), (1_700, 90), (500, 25), (170, 9)])
    bay = 620 * np.exp(-(((across - river_at) / 520) ** 2))
    fixed_at_border = 1 - np.exp(-across / 900)
    coast = np.column_stack([SHARED_BORDER + sign * across, COAST + fixed_at_border * (swell + bay)])
    coast[0] = shared[0]

    hills = 1_300 * np.sin(np.pi * across / WIDTH) - 700 * across / WIDTH
    crest = north + fixed_at_border * (hills + _wave(across, rng, [(6_000, 380), (1_500, 90), (350, 25)]))
    up = np.linspace(coast[-1, 1], crest[-1], round((crest[-1] - coast[-1, 1]) / STEP))
    bulge = np.sin(np.pi * np.linspace(0, 1, len(up)))  # nothing at the corners, so that they close
    side = far + sign * bulge * (500 + _wave(up, rng, [(5_000, 420), (1_300, 130), (300, 30)]))
    ring = [*coast, *np.column_stack([side, up])[1:-1], *np.column_stack([coast[:, 0], crest])[::-1], *shared[-2:0:-1]]
    outline = Polygon(ring)

    river = _river(SHARED_BORDER + sign * river_at, north, rng)
    inside = shapely.intersection(river, outline)
    river = max(shapely.get_parts(inside), key=shapely.length)
    if river.coords[0][1] > river.coords[-1][1]:
        river = shapely.reverse(river)
    banks = _banks(outline, river)
    coast_line = LineString(coast)
    zone_3, zone_2 = _floods(outline, river, coast_line, rng)
    return Land(outline, banks, coast_line, river, zone_3, zone_2, _gates(outline, sign, rng))


def _gates(outline: Polygon, sign: int, rng: np.random.Generator) -> np.ndarray:
    """Points just inside the border: on the shared one at the same place for both boroughs, on the far one, in the north."""
    west, south, east, north = outline.bounds
    here = np.interp(GATE, *_shared_border()[:, ::-1].T)
    far_line = LineString([(west, south + 4_200), (east, south + 4_200)])
    across = west + rng.choice([0.3, 0.68]) * (east - west)
    far = shapely.intersection(far_line, outline).bounds
    top = shapely.intersection(LineString([(across, south), (across, north + 1)]), outline).bounds
    inside = 15
    far_x = far[0] + inside if sign < 0 else far[2] - inside
    return np.round([(here + sign * inside, GATE), (far_x, far[1]), (across, top[3] - inside)])


def _shared_border() -> np.ndarray:
    up = np.arange(COAST, COAST + DEPTH, STEP)
    return np.column_stack([SHARED_BORDER + 260 * np.sin((up - COAST) / 1_500) + 90 * np.sin((up - COAST) / 410), up])


def _wave(at: np.ndarray, rng: np.random.Generator, parts: list[tuple[float, float]]) -> np.ndarray:
    """A random smooth line: waves of the lengths and heights given (metres), each with a phase of its own."""
    phases = rng.uniform(0, 2 * np.pi, len(parts))
    return sum(
        height * np.sin(2 * np.pi * at / length + phase) for (length, height), phase in zip(parts, phases, strict=True)
    )


def _river(mouth: float, north: float, rng: np.random.Generator) -> LineString:
    """From the sea to beyond the northern border, so that it can be cut to the land."""
    up = np.arange(COAST - 2_500, north + 3_500, 50)
    meander = _wave(up, rng, [(8_000, 620), (3_300, 330), (1_500, 110)])
    meander -= np.interp(COAST, up, meander)
    return LineString(np.column_stack([mouth + meander, up]))


def _banks(outline: Polygon, river: LineString) -> tuple[Polygon, Polygon]:
    course = np.array(river.coords)
    (first_x, first_y), (last_x, last_y) = course[0], course[-1]
    far_west, far_east = outline.bounds[0] - 5_000, outline.bounds[2] + 5_000
    line = [(first_x, first_y - 9_000), *course, (last_x, last_y + 9_000)]
    west = Polygon([*line, (far_west, last_y + 9_000), (far_west, first_y - 9_000)])
    east = Polygon([*line, (far_east, last_y + 9_000), (far_east, first_y - 9_000)])
    return shapely.intersection(outline, west), shapely.intersection(outline, east)


def _floods(outline: Polygon, river: LineString, coast: LineString, rng: np.random.Generator) -> tuple:
    """Low land floods: along the river, more so near its mouth, and here and there along the coast."""
    course = np.array(river.coords)
    along = np.arange(len(course))
    near_mouth = np.exp(-along / len(course) * 3.5)
    wide = 75 + 210 * near_mouth + _wave(along * 50.0, rng, [(2_100, 35), (900, 25)])
    low_coast = np.array(coast.coords)[::3]
    low = _wave(low_coast[:, 0], rng, [(7_000, 1), (2_300, 0.8)])
    coastal = np.clip(150 * low, 40, None)

    def reach(factor: float):
        rounds = [
            *shapely.buffer(shapely.points(course[along]), wide * factor),
            *shapely.buffer(shapely.points(low_coast), coastal * factor),
        ]
        return shapely.simplify(shapely.intersection(shapely.union_all(rounds), outline), 8)

    often = reach(1.0)
    seldom = shapely.difference(reach(1.9), often)
    return often, shapely.buffer(shapely.buffer(seldom, -1), 1)  # without cracks along the seam
