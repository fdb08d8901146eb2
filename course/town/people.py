"""Who lives in each small area: deprivation, births, children by age, grown-ups in bands.

Births come first and everything about children follows from them: those who were born in an area and stayed are its
children of today, and those who reached four its reception classes.
"""

from dataclasses import dataclass

import numpy as np
import shapely

from course.town.areas import Areas
from course.town.figures import FIGURES
from course.town.land import Land
from course.town.streets import HOMES, Streets

FIRST_BIRTHS, LAST_BIRTHS = 2006, 2025  # years to 31 August; from 2006, so that the year 6 of 2016/17 was born
PUBLISHED_BIRTHS = 2011
OLDEST_CHILD = 15
BANDS = ("16-24", "25-44", "45-64", "65-74", "75+")
BAND_SHARES = np.array([0.128, 0.325, 0.305, 0.126, 0.116])  # of those of 16 and over; the course's own assumption
# The shape of the births of England and Wales, 2012 = 100: up to 2012, down since. Unverified, hence an assumption.
NATIONAL_BIRTHS = np.array([92, 95, 97, 97, 99, 99, 100, 96, 95, 96, 95, 93, 90, 88, 84, 86, 83, 81, 81.5, 81])
DECILE_TOPS = (72, 46, 34, 27, 21.5, 17.5, 14.2, 11.3, 8.6, 5.8, 1.5)  # scores between which the national deciles lie
FAMILIES = 0.21  # how far the under-fives' share of areas of one decile differs: with chance, the figure share-0-4-sd
# Young families move to one planning area: by how much its births grow a year, as far as new homes do not explain it.
# In Wexmoor they come to streets that are there; in Eastmere more of them wait for the homes (homes.IN_GROWING).
GROWTH_SINCE, GROWTH = 2015, {"wexmoor": 0.042, "eastmere": 0.030}
PEOPLE_PER_HOME_SPREAD = 0.07


@dataclass(frozen=True)
class People:
    """People of each of n small areas, mid-2025.

    `decile` 1 (most deprived) to 10, `score` high where deprived. `births` is n x 20, a column a year to August from
    2006. `ages` is n x 16 (0 to 15), `bands` n x 5. `families` is how far an area draws young families (0 is usual);
    `growing` the number of the planning area that they move to, and `docks` the middle (easting, northing) of its homes
    that flood, or of all where none does: the old docks.
    """

    score: np.ndarray
    decile: np.ndarray
    births: np.ndarray
    ages: np.ndarray
    bands: np.ndarray
    families: np.ndarray
    growing: int
    docks: np.ndarray


def settle(borough: str, land: Land, streets: Streets, areas: Areas, rng: np.random.Generator) -> People:
    """Draw the people of a borough ("wexmoor" or "eastmere")."""
    at = streets.at[areas.node].astype(float)
    growing = _where_families_move(land, streets, areas)
    docks = _old_docks(land, streets, areas, growing)
    centre = np.hypot(*(at - streets.centres[0].at).T)
    other_side = np.hypot(*(at - streets.centres[1].at).T)
    crowded = np.log(areas.homes / shapely.area(areas.shapes))
    crowded = (crowded - crowded.mean()) / crowded.std()
    want = 0.75 * _field(at, rng, 2_300) + 0.7 * np.exp(-centre / 1_600) + 0.8 * np.exp(-other_side / 1_600)
    want += 0.3 * crowded + rng.normal(0, 0.3, len(at))
    want += 1.3 * np.exp(-np.hypot(*(at - docks).T) / 1_100)
    score, decile = _deprivation(want, rng)

    families = 0.75 * _field(at, rng, 1_900) + 0.65 * rng.normal(0, 1, len(at)) - 0.3 * np.exp(-centre / 900)
    poor = (decile - decile.mean()) / decile.std()
    families -= families.mean() + poor * (poor * families).mean()  # what deprivation does is in the shares by decile
    families /= families.std()
    by_decile = np.array([FIGURES[f"share-0-4-decile-{number}"].value for number in range(1, 11)]) / 100
    under_fives = 0.99 * by_decile[decile - 1] * np.exp(FAMILIES * families - FAMILIES**2 / 2)

    per_home = FIGURES["people"].value / HOMES
    people = areas.homes * per_home * np.exp(rng.normal(0, PEOPLE_PER_HOME_SPREAD, len(at)))
    births = rng.poisson(
        people[:, None] * under_fives[:, None] / 5 * _course_of_births(areas, growing, GROWTH[borough], rng)
    )
    ages = _children(births, families, rng)
    bands = _grown_ups(people, ages, families, centre, rng)
    return People(score, decile, births, ages, bands, families, growing, docks)


def _where_families_move(land: Land, streets: Streets, areas: Areas) -> int:
    """The planning area with most homes on low land near the river's mouth, without the town centre: old docks."""
    near = np.hypot(*(streets.at - land.mouth).T) < 4_000
    wet = shapely.contains(land.zone_3, shapely.points(streets.at))
    homes = np.bincount(areas.planning_area[areas.of_node], (streets.homes + 1) * near * wet)
    homes[areas.town] = 0
    return int(homes.argmax())


def _old_docks(land: Land, streets: Streets, areas: Areas, growing: int) -> np.ndarray:
    """The middle of the homes that flood in the growing planning area."""
    here = areas.planning_area[areas.of_node] == growing
    wet = here & shapely.contains(land.zone_3, shapely.points(streets.at))
    return streets.middle(wet if wet.any() else here)


def _field(at: np.ndarray, rng: np.random.Generator, reach: float) -> np.ndarray:
    """A smooth random surface at the points `at`, about mean 0 and sd 1, alike within `reach` metres."""
    waves = rng.normal(0, 1 / reach, (40, 2))
    phases = rng.uniform(0, 2 * np.pi, 40)
    angles = at[:, :1] * waves[:, 0] + at[:, 1:] * waves[:, 1]
    return np.cos(angles + phases).sum(axis=1) * np.sqrt(2 / 40)


def _deprivation(want: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Scores and national deciles: about as many areas in each decile as urban authorities have."""
    shares = np.array([FIGURES[f"areas-decile-{number}"].value for number in range(1, 11)])
    shares = rng.dirichlet(260 * shares / shares.sum())
    upto = np.round(np.cumsum(shares) * len(want)).astype(int)
    rank = np.empty(len(want), dtype=int)
    rank[np.argsort(-want, kind="stable")] = np.arange(len(want))
    decile = np.searchsorted(upto, rank, side="right") + 1
    tops, score = np.array(DECILE_TOPS), np.empty(len(want))
    for number in range(1, 11):
        here = np.flatnonzero(decile == number)
        drawn = np.sort(rng.uniform(tops[number], tops[number - 1], len(here)))[::-1]
        score[here[np.argsort(rank[here])]] = drawn
    return np.round(score, 1), decile


def _course_of_births(areas: Areas, growing: int, growth: float, rng: np.random.Generator) -> np.ndarray:
    """Births of each area and year over those of its usual year of 2021 to 2025: n x 20."""
    years = np.arange(FIRST_BIRTHS, LAST_BIRTHS + 1)
    national = NATIONAL_BIRTHS / NATIONAL_BIRTHS[-5:].mean()
    slope = rng.normal(0, 0.004, areas.planning_area.max() + 1)
    slope[growing] = 0
    drift = np.exp(slope[:, None] * (years - 2023))
    drift[growing] = np.exp(growth * (np.maximum(years, GROWTH_SINCE) - 2023))
    wobble = np.exp(rng.normal(0, 0.012, (len(slope), len(years))))
    wobble[growing] = 1
    return national * (drift * wobble)[areas.planning_area]


def _children(births: np.ndarray, families: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Children of 0 to 15: those born in the area, less who moved on, more who moved in; families seek family areas."""
    ages = np.arange(OLDEST_CHILD + 1)
    born = births[:, LAST_BIRTHS - FIRST_BIRTHS - ages]
    stayed = np.exp((0.004 + 0.006 * families)[:, None] * ages)
    return rng.poisson(born * stayed * 0.99)


def _grown_ups(people, ages, families, centre, rng: np.random.Generator) -> np.ndarray:
    """People of 16 and over in BANDS: students and starters near the centre, the old where families are few."""
    tilt = np.zeros((len(people), len(BANDS)))
    near = np.exp(-centre / 1_500)
    tilt[:, 0] = 0.9 * near - 0.15
    tilt[:, 1] = 0.35 * near + 0.14 * families
    tilt[:, 3] = -0.5 * near - 0.20 * families
    tilt[:, 4] = -0.5 * near - 0.22 * families
    shares = BAND_SHARES * np.exp(tilt + rng.normal(0, 0.10, tilt.shape))
    shares /= shares.sum(axis=1, keepdims=True)
    grown = np.maximum(np.round(people - ages.sum(axis=1)), 100).astype(int)
    return rng.multinomial(grown, shares)
