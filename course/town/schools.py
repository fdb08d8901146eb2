"""Where the primary schools stand, how big they are and what kind of school each is."""

from dataclasses import dataclass

import numpy as np
import shapely
from scipy.spatial import cKDTree

from course.town.areas import Areas, shared_out
from course.town.figures import FIGURES
from course.town.homes import Homes, old_docks, pupils_a_year_group
from course.town.land import Land
from course.town.people import FIRST_BIRTHS, People
from course.town.pupils import FIRST_INTAKE, Cohort, starting
from course.town.streets import Streets

SCHOOLS = int(FIGURES["schools"].value)
APART = 430  # metres within which a second school is unlikely: sets the figure nearest-primary-median-m
# How many schools admit how many a year, in every borough: mostly 30 and 60.
SIZES = {15: 1, 30: 29, 45: 6, 60: 30, 90: 11}
OLD_NUMBERS = 19  # schools whose number begins with a zero
LATELY = (2018, 2021)  # two schools opened in these years, and grew from reception
TYPES = {"community": 0.45, "academy": 0.29, "Church of England": 0.15, "Catholic": 0.11}
PULL = 0.42  # sd of how attractive a school is, in points
ROOM = 1.04  # places for each child who wants one, at least, in every planning area but the growing one
SHORT = 60  # reception places that the growing one will lack in three years, less those who then go elsewhere
SHORTER = 25  # more of them at each further attempt


@dataclass(frozen=True)
class Schools:
    """The schools, one entry each, sorted by number.

    `node` is where it stands, `walks` (s x nodes) the metres from everywhere to it, `places` its admission number,
    `since` the year it opened, `planning_area` where it lies, `cohorts` the children of every year and what they think
    of the schools.
    """

    node: np.ndarray
    walks: np.ndarray
    places: np.ndarray
    capacity: np.ndarray
    since: np.ndarray
    planning_area: np.ndarray
    type: np.ndarray
    number: np.ndarray
    cohorts: dict[int, Cohort]


def found(
    land: Land, streets: Streets, areas: Areas, people: People, homes: Homes, attempt: int, rng: np.random.Generator
) -> Schools:
    """Put schools where children are, and give each the size that its families ask for."""
    node = _where(land, streets, areas, people, rng)
    walks = streets.walks(node)
    planning_area = areas.planning_area[areas.of_node[node]]
    pull = rng.normal(0, PULL, SCHOOLS)
    since = rng.choice(np.arange(1878, 2010), SCHOOLS)
    grown = np.flatnonzero(planning_area != people.growing)
    lately = rng.choice(grown, len(LATELY), replace=False)
    since[lately] = LATELY
    cohorts = starting(streets, areas, people, walks, pull, rng)
    in_three_years = pupils_a_year_group(homes, areas)[people.growing, 2]
    growth = _births(people, areas, 2024) / np.mean([_births(people, areas, year) for year in (2018, 2019, 2020, 2021)])
    places = _sizes(cohorts, planning_area, people.growing, growth, in_three_years - SHORT - SHORTER * attempt, lately, rng)
    # Capacity is assessed room by room, so it is not always seven times the admission number.
    capacity = 7 * places + rng.choice([0, 0, 0, 0, -7, 7, 14], SCHOOLS)
    type_ = rng.choice(list(TYPES), SCHOOLS, p=list(TYPES.values()))
    type_[lately] = "academy"
    number = np.sort(
        np.concatenate([rng.choice(np.arange(12, 999), 19, False), rng.choice(np.arange(2001, 3899), 58, False)])
    )
    return Schools(node, walks, places, capacity, since, planning_area, type_, number, cohorts)


def _where(land: Land, streets: Streets, areas: Areas, people: People, rng: np.random.Generator) -> np.ndarray:
    """Nodes with children, apart from each other, not where it floods; the old docks never had one."""
    children = people.ages[:, 4:11].sum(axis=1)[areas.of_node] * streets.homes / areas.homes[areas.of_node]
    points = shapely.points(streets.at)
    dry = ~shapely.contains(land.zone_3, points) & ~shapely.contains(land.zone_2, points)
    weight = children**1.15 * dry
    gap = old_docks(land, streets, areas, people)
    weight *= 1 - np.exp(-((np.hypot(*(streets.at - gap).T) / 620) ** 4))
    about = cKDTree(streets.at).query_ball_point(streets.at, 700)
    near_by = np.array([children[nodes].sum() for nodes in about])
    apart = APART * np.clip(np.sqrt(np.median(near_by) / near_by), 0.7, 2.2)  # further where children are few
    part_of_node = areas.planning_area[areas.of_node]
    each = shared_out(SCHOOLS, np.bincount(part_of_node, children))
    places_left = np.array(each)
    node = []
    for _ in range(SCHOOLS):
        chance = weight * (places_left[part_of_node] > 0)
        chosen = rng.choice(len(chance), p=chance / chance.sum())
        node.append(chosen)
        places_left[part_of_node[chosen]] -= 1
        near = np.hypot(*(streets.at - streets.at[chosen]).T)
        weight = weight * (1 - np.exp(-((near / apart) ** 3)))
    return np.sort(np.array(node))


def _sizes(
    cohorts: dict[int, Cohort],
    planning_area: np.ndarray,
    growing: int,
    growth: float,
    more: float,
    lately: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Admission numbers: by how many ask for a school, then moved between schools until planning areas have room.

    The growing one gets what will be asked for, `growth` times what is asked for now, and `more`.
    """
    asked = {year: np.bincount(c.likes.argmax(axis=1), minlength=SCHOOLS) for year, c in cohorts.items()}
    early = np.mean([asked[year] for year in range(FIRST_INTAKE, FIRST_INTAKE + 8)], axis=0)
    late = np.mean([asked[year] for year in (2022, 2023, 2024, 2025)], axis=0)
    sizes = np.repeat(list(SIZES), list(SIZES.values()))
    order = np.argsort(early * np.exp(rng.normal(0, 0.16, SCHOOLS)))
    places = np.empty(SCHOOLS, dtype=int)
    places[order] = sizes
    for one in lately:
        places[[one, *np.flatnonzero(places == 60)[:1]]] = places[[*np.flatnonzero(places == 60)[:1], one]]
    parts = planning_area.max() + 1
    aim = ROOM * np.bincount(planning_area, late, parts)
    aim[growing] = growth * aim[growing] / ROOM + more
    for _ in range(80):
        spare = np.bincount(planning_area, places, parts) / aim - 1
        others = np.where(np.arange(parts) == growing, np.inf, spare)
        if spare[growing] > 0.03:
            poor, rich = int(np.argmin(others)), growing
        elif others.min() < 0 or spare[growing] < -0.03:
            poor, rich = int(np.argmin(spare)), int(np.argmax(spare))
        else:
            break
        swap = _best_swap(places, planning_area, late, poor, rich)
        if swap is None:
            break
        places[list(swap)] = places[list(swap[::-1])]
    return places


def _births(people: People, areas: Areas, year: int) -> int:
    """Births of the growing planning area in the year to August."""
    return people.births[areas.planning_area == people.growing, year - FIRST_BIRTHS].sum()


def _best_swap(places, planning_area, late, poor: int, rich: int) -> tuple[int, int] | None:
    """The school of `poor` and the bigger one of `rich` whose sizes to swap, so that both fit those who ask best."""
    best, best_fit = None, np.inf
    for one in np.flatnonzero(planning_area == poor):
        for other in np.flatnonzero(planning_area == rich):
            if places[other] > places[one]:
                fit = abs(places[other] - late[one]) + abs(places[one] - late[other])
                if fit < best_fit:
                    best, best_fit = (int(one), int(other)), fit
    return best
