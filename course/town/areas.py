"""Small areas within wards within planning areas, each of connected streets and of about the people it should have."""

from dataclasses import dataclass

import numpy as np
import shapely
from scipy.cluster.vq import kmeans2
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from course.town.figures import FIGURES
from course.town.streets import Streets

AREAS = int(FIGURES["small-areas"].value)
WARDS, PLANNING_AREAS = 34, 8
SPREAD = FIGURES["people-per-small-area-sd-log"].value
STARTS, GOOD_ENOUGH = 4, 0.3  # a split that misses a size by more than this share is tried again from elsewhere
TALL = 0.10  # share of areas that grew beyond the size that areas are drawn for


@dataclass(frozen=True)
class Areas:
    """Which small area each node lies in, and which ward and planning area each small area lies in, all from 0.

    `of_node`: one number a node. `ward`, `planning_area`: one number a small area; `planning_area_of_ward` one a ward.
    `homes`: homes of each small area. `shapes`: its polygon. `node`: the node nearest to where its people live on average.
    `town`: the planning area with the town centre.
    """

    of_node: np.ndarray
    ward: np.ndarray
    planning_area: np.ndarray
    planning_area_of_ward: np.ndarray
    homes: np.ndarray
    shapes: np.ndarray
    node: np.ndarray
    town: int


def draw_areas(streets: Streets, rng: np.random.Generator) -> Areas:
    """Planning areas first, then wards within each, then small areas within each ward; none crosses the river."""
    nodes = np.arange(len(streets.at))
    neighbours = _neighbours(streets)
    sides = [nodes[streets.bank == side] for side in (0, 1)]
    each = shared_out(PLANNING_AREAS, [streets.homes[side].sum() for side in sides])
    parts = [
        part
        for side, count in zip(sides, each, strict=True)
        for part in _split(streets, side, rng.uniform(0.75, 1.25, count), neighbours, rng)
    ]
    parts = _north_to_south(streets, parts)
    wards, planning_area_of_ward = _each_split(streets, parts, WARDS, 0.12, neighbours, rng)
    areas, ward = _each_split(streets, wards, AREAS, SPREAD * 0.75, neighbours, rng)
    of_node = np.empty(len(nodes), dtype=int)
    for area, members in enumerate(areas):
        of_node[members] = area
    shapes = np.array([shapely.union_all(streets.cells[members]) for members in areas], dtype=object)
    homes = np.bincount(of_node, streets.homes, AREAS).astype(int)
    node = np.array([_central_node(streets, members) for members in areas])
    planning_area = planning_area_of_ward[ward]
    town = int(planning_area[of_node[np.hypot(*(streets.at - streets.centres[0].at).T).argmin()]])
    return Areas(of_node, ward, planning_area, planning_area_of_ward, homes, shapes, node, town)


def _each_split(
    streets: Streets, wholes: list[np.ndarray], total: int, spread: float, neighbours, rng: np.random.Generator
) -> tuple[list[np.ndarray], np.ndarray]:
    """Split each of `wholes` so that there are `total` parts in all; the parts, and of which whole each is a part."""
    counts = shared_out(total, [streets.homes[whole].sum() for whole in wholes])
    parts, part_of = [], []
    for number, (whole, count) in enumerate(zip(wholes, counts, strict=True)):
        sizes = np.exp(rng.normal(0, spread, count)) * np.where(rng.random(count) < TALL, 1.35, 1)
        for part in _north_to_south(streets, _split(streets, whole, sizes, neighbours, rng)):
            parts.append(part)
            part_of.append(number)
    return parts, np.array(part_of)


def shared_out(total: int, sizes) -> list[int]:
    """`total` shared out by size in whole numbers, at least one each: largest remainders."""
    exact = total * np.array(sizes) / sum(sizes)
    count = np.maximum(np.floor(exact).astype(int), 1)
    for _ in range(total - count.sum()):
        count[np.argmax(exact - count)] += 1
    for _ in range(count.sum() - total):
        count[np.argmin(np.where(count > 1, exact - count, np.inf))] -= 1
    return count.tolist()


def _split(streets: Streets, members: np.ndarray, sizes: np.ndarray, neighbours, rng) -> list[np.ndarray]:
    """Split nodes into len(sizes) compact, connected parts whose homes are in proportion to `sizes`.

    A power diagram (Voronoi with a weight for each centre) whose weights are moved until the parts have their sizes.
    """
    if len(sizes) == 1:
        return [members]
    found = []
    for _ in range(STARTS):
        part, error = _power_diagram(streets.at[members].astype(float), streets.homes[members] + 0.01, sizes, rng)
        found.append((error, part))
        if error < GOOD_ENOUGH:
            break
    part = _connected(members, min(found, key=lambda one: one[0])[1], len(sizes), neighbours)
    return [members[part == number] for number in range(len(sizes))]


def _power_diagram(
    spots: np.ndarray, homes: np.ndarray, sizes: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """The part (a number) of each spot, and by what share the part that is furthest from its size misses it."""
    start = rng.choice(len(spots), len(sizes), replace=False, p=homes / homes.sum())
    centres = kmeans2(spots, spots[start], iter=12, minit="matrix", missing="warn")[0]
    target = homes.sum() * sizes / sizes.sum()
    weight = np.zeros(len(sizes))
    scale = np.ptp(spots, axis=0).prod() / len(sizes)
    best, best_error = None, np.inf
    for step in range(120):
        distance = ((spots[:, None] - centres[None]) ** 2).sum(axis=2) - weight
        part = distance.argmin(axis=1)
        size = np.bincount(part, homes, len(sizes))
        error = np.abs(size / target - 1).max()
        if error < best_error:
            best, best_error = part, error
        if error < 0.06:
            break
        weight += 0.35 * scale * np.clip(1 - size / target, -1, 1) / (1 + step / 20)
        if step % 6 == 5:
            filled = size > 0
            for axis in (0, 1):
                mean = np.bincount(part, homes * spots[:, axis], len(sizes)) / np.maximum(size, 0.01)
                centres[filled, axis] = mean[filled]
    return best, best_error


def _connected(members: np.ndarray, part: np.ndarray, parts: int, neighbours) -> np.ndarray:
    """Give what is cut off from the biggest piece of its part to the part that most of its neighbours are in."""
    part = part.copy()
    inside = neighbours[members][:, members]
    for _ in range(20):
        same = inside.tocoo()
        kept = part[same.row] == part[same.col]
        joined = coo_array((np.ones(kept.sum()), (same.row[kept], same.col[kept])), shape=inside.shape)
        piece = connected_components(joined, directed=False)[1]
        size = np.bincount(piece)
        stray = np.ones(len(members), dtype=bool)
        for number in range(parts):
            pieces = np.unique(piece[part == number])
            if len(pieces):
                stray &= piece != pieces[np.argmax(size[pieces])]
        if not stray.any():
            return part
        across = ~kept & stray[same.row] & ~stray[same.col]
        if not across.any():
            return part
        votes = np.zeros((len(members), parts))
        np.add.at(votes, (same.row[across], part[same.col[across]]), 1)
        moving = votes.any(axis=1)
        part[moving] = votes[moving].argmax(axis=1)
    return part


def _neighbours(streets: Streets):
    """Which cells touch: a sparse n x n array."""
    tree = shapely.STRtree(streets.cells)
    one, other = tree.query(streets.cells, predicate="intersects")
    apart = (one != other) & (streets.bank[one] == streets.bank[other])
    one, other = one[apart], other[apart]
    touching = shapely.length(shapely.intersection(streets.cells[one], streets.cells[other])) > 1
    ones = np.ones(touching.sum())
    return coo_array((ones, (one[touching], other[touching])), shape=(len(streets.at),) * 2).tocsr()


def _north_to_south(streets: Streets, parts: list[np.ndarray]) -> list[np.ndarray]:
    northing = [streets.middle(part)[1] for part in parts]
    return [parts[number] for number in np.argsort(northing)[::-1]]


def _central_node(streets: Streets, members: np.ndarray) -> int:
    return members[np.argmin(np.linalg.norm(streets.at[members] - streets.middle(members), axis=1))]
