"""Where people live, and the streets that join them: nodes, edges, bridges and main roads.

People gather around a town centre near the river's mouth, around district centres and villages. Each node is a junction
with the homes about it. Streets join neighbouring nodes in the way that street networks do: a relative neighbourhood
graph with some of the further edges of a Gabriel graph (Osaragi and Hiraga 2014 compare such graphs with real streets).
The river is crossed at the bridges alone, so that a walk can be far longer than a straight line.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import Delaunay, cKDTree

from course.town.land import Land

NODES = 2_600
HOMES = 60_000  # points that stand for where people live: each is a few people
FURTHER_STREETS = 0.36  # share kept of the edges that only a Gabriel graph has: sets the figure walking-ratio
BENDS = 0.06  # streets are this much longer than the straight line between their ends, give or take
BRIDGES = (0.09, 0.24, 0.50, 0.74, 0.90)  # as shares of the river's length from its mouth, give or take; three or more
BRIDGE_M = 150  # metres that a bridge is long
STREET, MAIN_ROAD, BRIDGE = "street", "main road", "bridge"


@dataclass(frozen=True)
class Centre:
    """A place that people gather around: where, how much of the people, and how far (metres) it reaches."""

    at: tuple[float, float]
    weight: float
    reach: float


@dataclass(frozen=True)
class Streets:
    """The road network and who lives along it.

    `at` is n x 2 (easting, northing of each node, whole metres); `homes` how many of HOMES points are nearest to each
    node; `bank` 0 or 1; `cells` the polygon of land nearest to each node on its bank. `edges` is m x 2 (nodes),
    `metres` and `kind` one an edge. `centres` begins with the town centre.
    """

    at: np.ndarray
    homes: np.ndarray
    bank: np.ndarray
    cells: np.ndarray
    edges: np.ndarray
    metres: np.ndarray
    kind: np.ndarray
    centres: tuple[Centre, ...]

    def graph(self) -> csr_array:
        """Walking distances along each street, in metres: a symmetric sparse n x n array."""
        return _graph(len(self.at), self.edges, self.metres)

    def walks(self, start: np.ndarray) -> np.ndarray:
        """Metres of the shortest walk from each node in `start` to every node: len(start) x n."""
        return dijkstra(self.graph(), directed=False, indices=start)

    def middle(self, nodes: np.ndarray) -> np.ndarray:
        """Easting and northing where the people of `nodes` (numbers, or one True or False a node) live on average."""
        # A little for every node, so that nodes without homes have a middle too.
        return np.average(self.at[nodes], axis=0, weights=self.homes[nodes] + 0.01)

    def metres_to_main_road(self, points: np.ndarray) -> np.ndarray:
        """Straight-line metres from points (k x 2) to the nearest main road or bridge, which all carry one."""
        main = shapely.union_all(shapely.linestrings(self.at[self.edges[self.kind != STREET]]))
        return shapely.distance(shapely.points(points), main)


def lay_streets(land: Land, rng: np.random.Generator) -> Streets:
    """Homes first, then nodes among them, then the streets between the nodes."""
    centres = _centres(land, rng)
    homes = _homes(land, centres, rng)
    heads = _bridgeheads(land, rng)
    at, living = _nodes(land, homes, np.concatenate([heads.reshape(-1, 2), land.gates]), rng)
    bank = land.bank(at)
    cells = _cells(at, bank, land)
    edges = np.concatenate([_streets_of_bank(at, np.flatnonzero(bank == side), rng) for side in (0, 1)])
    bridges = np.sort(cKDTree(at).query(heads)[1], axis=1)
    edges = np.concatenate([edges, bridges])
    straight = np.linalg.norm(at[edges[:, 0]] - at[edges[:, 1]], axis=1)
    metres = np.ceil(straight * (1 + rng.gamma(2, BENDS / 2, len(edges)))).astype(int)
    kind = np.full(len(edges), STREET, dtype=object)
    main_ends = np.concatenate([[centre.at for centre in centres[:10]], land.gates, heads.reshape(-1, 2)])
    over = len(edges) - len(bridges)  # the edges from here on are bridges, the lowest first
    kind[_on_main_roads(at, edges, np.where(np.arange(len(edges)) > over, 1e6, metres), main_ends)] = MAIN_ROAD
    kind[over:] = BRIDGE
    order = np.lexsort([edges[:, 1], edges[:, 0]])
    return Streets(at, living, bank, cells, edges[order], metres[order], kind[order], centres)


def _graph(nodes: int, edges: np.ndarray, lengths: np.ndarray) -> csr_array:
    return coo_array((lengths.astype(float), (edges[:, 0], edges[:, 1])), shape=(nodes, nodes)).tocsr()


def _centres(land: Land, rng: np.random.Generator) -> tuple[Centre, ...]:
    """The town centre on the bigger bank above the river's mouth, districts about it, villages further off."""
    mouth = land.mouth
    bigger = 1 if land.banks[1].area > land.banks[0].area else -1
    town = mouth + np.array([bigger * 900, 1_300]) + rng.normal(0, 150, 2)
    centres = [Centre(tuple(town), 1.0, 1_050)]
    across = Centre((mouth[0] - bigger * 1_350 + rng.normal(0, 150), mouth[1] + 1_500 + rng.normal(0, 200)), 0.75, 850)
    centres.append(across)
    for weight, reach, count, apart in ((0.55, 700, 7, 1_700), (0.16, 330, 7, 1_500)):
        found = 0
        for _ in range(400):
            west, south, east, north = land.outline.bounds
            spot = rng.uniform([west, south], [east, north])
            if found == count:
                break
            inside = shapely.distance(land.outline.boundary, shapely.Point(spot)) > 450
            far = all(np.hypot(*(spot - centre.at)) > apart for centre in centres)
            not_out = weight < 0.5 or np.hypot(*(spot - mouth)) < 5_300  # districts hang together with the town
            if inside and far and not_out and land.outline.contains(shapely.Point(spot)):
                centres.append(Centre(tuple(spot), weight * rng.uniform(0.75, 1.25), reach * rng.uniform(0.85, 1.2)))
                found += 1
    return tuple(centres)


def _homes(land: Land, centres: tuple[Centre, ...], rng: np.random.Generator) -> np.ndarray:
    """HOMES points: dense about the centres, thin in the country, fewer where it floods, none in the river."""
    west, south, east, north = land.outline.bounds
    spots = rng.uniform([west, south], [east, north], (HOMES * 11, 2))
    density = np.full(len(spots), 0.004)
    for centre in centres:
        distance = np.hypot(*(spots - centre.at).T)
        density += centre.weight * np.exp(-((distance / centre.reach) ** 1.7) / 2)
    density = np.minimum(density, 0.9)
    spots = spots[rng.random(len(spots)) < density]
    points = shapely.points(spots)
    for polygon in (land.outline, land.zone_3):
        shapely.prepare(polygon)
    living = shapely.contains(land.outline, points)
    chance = rng.random(len(spots))
    living &= ~(shapely.contains(land.zone_3, points) & (chance < 0.40))
    living &= ~shapely.dwithin(points, land.river, 45)
    living &= ~shapely.dwithin(points, land.coast, 40)
    spots = spots[living]
    if len(spots) < HOMES:
        raise ValueError(f"{len(spots)} homes drawn, {HOMES} needed: there is too little land about the centres.")
    return spots[:HOMES]


def _nodes(land: Land, homes: np.ndarray, fixed: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Nodes spread over the homes (Lloyd's method) and those that are `fixed` (k x 2), whole metres; and how many homes
    are nearest to each."""
    at = homes[rng.choice(len(homes), NODES, replace=False)]
    for _ in range(6):
        nearest = cKDTree(at).query(homes)[1]
        count = np.maximum(np.bincount(nearest, minlength=NODES), 1)
        moved = np.column_stack([np.bincount(nearest, homes[:, axis], NODES) / count for axis in (0, 1)])
        at = np.where((np.bincount(nearest, minlength=NODES) > 0)[:, None], moved, at)
    at = np.round(at)
    points = shapely.points(at)
    on_land = shapely.contains(land.outline, points) & ~shapely.dwithin(points, land.river, 40)
    at = np.unique(np.concatenate([at[on_land & (cKDTree(fixed).query(at)[0] > 60)], fixed]), axis=0)
    # A home belongs to a node on its own side of the river.
    bank, bank_of_home = land.bank(at), land.bank(homes)
    living = np.zeros(len(at), dtype=int)
    for side in (0, 1):
        here = np.flatnonzero(bank == side)
        nearest = cKDTree(at[here]).query(homes[bank_of_home == side])[1]
        living[here] = np.bincount(nearest, minlength=len(here))
    order = np.lexsort([at[:, 0], -at[:, 1]])  # numbered from north to south
    return at[order], living[order]


def _cells(at: np.ndarray, bank: np.ndarray, land: Land) -> np.ndarray:
    cells = np.empty(len(at), dtype=object)
    for side, shore in enumerate(land.banks):
        here = np.flatnonzero(bank == side)
        points = shapely.multipoints(at[here])
        polygons = shapely.get_parts(shapely.voronoi_polygons(points, extend_to=shore, ordered=True))
        shapely.prepare(shore)
        inside = shapely.contains(shore, polygons)
        polygons[~inside] = shapely.intersection(polygons[~inside], shore)
        cells[here] = polygons
    return cells


def _streets_of_bank(at: np.ndarray, here: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Edges (m x 2) between the nodes `here`, all on one bank."""
    spots = at[here]
    triangles = Delaunay(spots).simplices
    pairs = np.unique(
        np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]]), axis=1), axis=0
    )
    start, end = spots[pairs[:, 0]], spots[pairs[:, 1]]
    length = np.linalg.norm(start - end, axis=1)
    tree = cKDTree(spots)
    in_the_way = tree.query((start + end) / 2)[0]
    gabriel = in_the_way >= length / 2 - 1e-6
    pairs, length = pairs[gabriel], length[gabriel]
    # Relative neighbours: nobody is nearer to both ends than they are to each other. In a Gabriel graph the only ones
    # who can be are among the nearest of either end.
    near = tree.query(spots, k=10)[1]
    others = near[pairs[:, 0]]
    to_start = np.linalg.norm(spots[others] - spots[pairs[:, 0]][:, None], axis=2)
    to_end = np.linalg.norm(spots[others] - spots[pairs[:, 1]][:, None], axis=2)
    between = np.maximum(to_start, to_end) < length[:, None] - 1e-6
    between &= (others != pairs[:, [0]]) & (others != pairs[:, [1]])
    keep = ~between.any(axis=1) | (rng.random(len(pairs)) < FURTHER_STREETS)
    return here[pairs[keep]]


def _bridgeheads(land: Land, rng: np.random.Generator) -> np.ndarray:
    """Where each bridge begins and ends, west end first: bridges x 2 x 2, whole metres."""
    bridges = BRIDGES[: rng.integers(3, len(BRIDGES) + 1)]
    heads = []
    for share in bridges:
        where = share + rng.uniform(-0.02, 0.02)
        below, here, above = (
            np.array(land.river.interpolate(where + step, normalized=True).coords[0]) for step in (-0.005, 0, 0.005)
        )
        along = (above - below) / np.linalg.norm(above - below)
        across = np.array([along[1], -along[0]]) * BRIDGE_M / 2
        heads.append(sorted([tuple(np.round(here - across)), tuple(np.round(here + across))]))
    return np.array(heads)


def _on_main_roads(at: np.ndarray, edges: np.ndarray, metres: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Whether each edge is on a main road: from the first of `ends` (the town centre) to the others.

    `metres` is what each edge costs: bridges but the lowest so much that main roads come to them along either bank.
    """
    ends = cKDTree(at).query(ends)[1]
    # What bends costs more, and so does a long way between junctions: main roads lead through the built-up places.
    before = dijkstra(_graph(len(at), edges, metres**1.15), directed=False, indices=ends[0], return_predecessors=True)[1]
    on = set()
    for end in ends[1:]:
        node = end
        while before[node] >= 0:
            on.add((min(node, before[node]), max(node, before[node])))
            node = before[node]
    return np.array([(min(a, b), max(a, b)) in on for a, b in edges.tolist()])


def beside(streets: Streets, node: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A spot 20 to 90 m from each of the nodes, on the land about it: k x 2, whole metres."""
    spots = streets.at[node].astype(float)
    for number, one in enumerate(node):
        for _ in range(30):
            turn, away = rng.uniform(0, 2 * np.pi), rng.uniform(20, 90)
            spot = np.round(streets.at[one] + away * np.array([np.cos(turn), np.sin(turn)]))
            if shapely.contains(streets.cells[one], shapely.Point(spot)):
                spots[number] = spot
                break
    return spots
