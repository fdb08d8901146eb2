"""New homes that are planned: where, how many of each kind, and when they are lived in."""

from dataclasses import dataclass

import numpy as np
import shapely

from course.town.areas import Areas
from course.town.figures import FIGURES
from course.town.land import Land
from course.town.people import People
from course.town.pupils import LAST_YEAR, YEAR_GROUPS
from course.town.streets import Streets, beside

FIRST, LAST = LAST_YEAR + 1, LAST_YEAR + 6  # school years
# Share of the homes that go where families move: the old docks are built over.
IN_GROWING = {"wexmoor": 0.31, "eastmere": 0.40}
STATUS = {"under construction": 0, "permission granted": 1, "in the local plan": 3}  # years until the first homes


@dataclass(frozen=True)
class Homes:
    """h sites: the node of each and where it is (h x 2, easting and northing), its status, and houses and flats by school
    year (h x 6, from FIRST)."""

    node: np.ndarray
    at: np.ndarray
    status: np.ndarray
    houses: np.ndarray
    flats: np.ndarray


def plan_homes(
    borough: str,
    land: Land,
    streets: Streets,
    areas: Areas,
    people: People,
    green_belt: shapely.Geometry,
    rng: np.random.Generator,
) -> Homes:
    """Sites all over the borough but in the green belt, the biggest about the old docks of the growing planning area."""
    points = shapely.points(streets.at)
    allowed = ~shapely.contains(land.zone_3, points) & ~shapely.contains(green_belt, points)
    grown = people.ages.sum() + people.bands.sum()
    total = FIGURES["new-homes-per-1000"].value * grown / 1_000 * (LAST - FIRST + 1)
    part = areas.planning_area[areas.of_node]
    near_docks = np.exp(-np.hypot(*(streets.at - people.docks).T) / 700) * (part == people.growing) * allowed
    elsewhere = np.sqrt(streets.homes + 1.0) * (part != people.growing) * allowed
    there = int(rng.integers(6, 10))
    sites = int(rng.integers(29, 39))
    growing_share = IN_GROWING[borough] * rng.uniform(0.93, 1.07)
    node = np.concatenate(
        [
            rng.choice(len(part), there, replace=False, p=near_docks / near_docks.sum()),
            rng.choice(len(part), sites - there, replace=False, p=elsewhere / elsewhere.sum()),
        ]
    )
    size = rng.lognormal(0, 0.7, sites)
    size[:there] *= total * growing_share / size[:there].sum()
    size[there:] *= total * (1 - growing_share) / size[there:].sum()
    # The growing area's sites are the ones that have begun; families want houses there.
    status = rng.choice(list(STATUS), sites, p=[0.25, 0.45, 0.30])
    status[np.argsort(-size[:there])[:4]] = "under construction"
    houses_share = np.clip(rng.normal(0.5, 0.22, sites), 0.05, 1)
    houses_share[:there] = np.clip(rng.normal(0.72, 0.1, there), 0.4, 1)
    houses = np.stack([_over_years(n, s, rng) for n, s in zip(size * houses_share, status, strict=True)])
    flats = np.stack([_over_years(n, s, rng) for n, s in zip(size * (1 - houses_share), status, strict=True)])
    return Homes(node, beside(streets, node, rng), status, houses, flats)


def _over_years(homes: float, status: str, rng: np.random.Generator) -> np.ndarray:
    """Whole homes by school year, from the year that the status allows; the big sites take longer."""
    starts = STATUS[status] + (int(rng.integers(0, 2)) if STATUS[status] else 0)
    years = min(LAST - FIRST + 1 - starts, 2 + int(homes // 90))
    pace = rng.dirichlet(np.full(years, 25.0))
    built = np.zeros(LAST - FIRST + 1, dtype=int)
    built[starts : starts + years] = np.diff(np.round(np.concatenate([[0], np.cumsum(pace)]) * homes))
    return built


def pupils_a_year_group(homes: Homes, areas: Areas) -> np.ndarray:
    """Pupils in each year group from the homes that are lived in by each year: planning areas x 6."""
    yielded = homes.houses * FIGURES["pupil-yield-house"].value + homes.flats * FIGURES["pupil-yield-flat"].value
    part = areas.planning_area[areas.of_node[homes.node]]
    by_part = np.zeros((areas.planning_area.max() + 1, yielded.shape[1]))
    np.add.at(by_part, part, yielded / YEAR_GROUPS)
    return by_part.cumsum(axis=1)
