"""Where the primary schools stand, how big they are and what kind of school each is."""

from dataclasses import dataclass, replace

import numpy as np
import shapely
from scipy.spatial import cKDTree

from course.town.areas import Areas, shared_out
from course.town.figures import FIGURES
from course.town.homes import Homes, pupils_a_year_group
from course.town.land import Land
from course.town.people import FIRST_BIRTHS, People
from course.town.pupils import FIRST_INTAKE, STARTS_AT, Cohort, starting
from course.town.streets import Streets

SCHOOLS = int(FIGURES["schools"].value)
APART = 470  # metres within which a second school is unlikely: sets the figure nearest-primary-median-m
GAP = 1_200  # metres about the middle of the old docks where there is no school
FOR_THE_FAR = 2  # schools that were built where children had furthest to walk
RIVERSIDE = 800  # metres from the river within which the bank of the old docks has no school, and the other bank has
# Admission numbers: how many schools have each, from and up to. The others have 60, or as many as places ask for 30.
SIZES = {15: (1, 3), 45: (7, 12), 90: (5, 9)}
PLACES_A_CHILD = 1.22  # reception places for each child of the last years: sets the figure unfilled-places-2024
OLD_NUMBERS = (15, 24)  # schools whose number begins with a zero, from and up to
RECENT_INTAKES = (2022, 2023, 2024, 2025)  # what places are measured by
LATELY = (2017, 2019)  # two schools opened in these years, and grew from reception
TYPES = {"community": 0.43, "academy": 0.29, "Church of England": 0.16, "Catholic": 0.12}
REACH = {"Church of England": 1.25, "Catholic": 1.8}  # how much further families come to a school of their church
# When schools of each kind opened, in years; the churches began. The course's own assumption.
OPENED = {
    "community": ((1872, 1914), (1922, 1939), (1950, 1976), (1985, 2009)),
    "academy": ((1872, 1914), (1950, 1976), (1985, 2012)),
    "Church of England": ((1822, 1874), (1822, 1874), (1950, 1972)),
    "Catholic": ((1852, 1905), (1926, 1938), (1952, 1974)),
}
PULL = 0.36  # sd of how attractive a school is, in points
EVENED_OUT = 0.38  # points for each factor e by which fewer ask for a school than for others
ROOM = 1.06  # places for each child who wants one, at least, in every planning area but the growing one


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


def found(land: Land, streets: Streets, areas: Areas, people: People, homes: Homes, rng: np.random.Generator) -> Schools:
    """Put schools where children are, the bigger where more ask; `resize` then gives planning areas room."""
    node = _where(land, streets, areas, people, homes, rng)
    walks = streets.walks(node)
    planning_area = areas.planning_area[areas.of_node[node]]
    type_ = rng.choice(list(TYPES), SCHOOLS, p=list(TYPES.values()))
    reach = np.array([REACH.get(kind, 1) for kind in type_])[:, None]
    cohorts = starting(streets, areas, people, walks / reach, rng.normal(0, PULL, SCHOOLS), rng)
    cohorts = _after_years_of_choice(cohorts)
    asked = np.mean([_asked(cohort) for cohort in cohorts.values()], axis=0)
    # Who builds a new school builds it where many will ask for it.
    could_be_new = (planning_area != people.growing) & ~np.isin(type_, list(REACH))
    lately = rng.choice(np.argsort(-np.where(could_be_new, asked, 0))[:10], len(LATELY), replace=False)
    type_[lately] = "academy"
    since = np.array([rng.integers(*OPENED[kind][rng.integers(len(OPENED[kind]))]) for kind in type_])
    since[lately] = LATELY
    places = _sizes(cohorts, rng)
    # Capacity is assessed room by room, so it is not always seven times the admission number.
    capacity = 7 * places + rng.choice([0, 0, 0, 0, -14, -7, 7], SCHOOLS)
    old_numbers = rng.integers(*OLD_NUMBERS)
    old, new = rng.choice(np.arange(12, 999), old_numbers, replace=False), np.arange(2_001, 3_899)
    number = np.sort(np.concatenate([old, rng.choice(new, SCHOOLS - old_numbers, replace=False)]))
    return Schools(node, walks, places, capacity, since, planning_area, type_, number, cohorts)


def resize(schools: Schools, areas: Areas, people: People, homes: Homes, short: float) -> Schools:
    """The schools, with sizes moved between them until planning areas have room.

    The growing one gets `short` reception places less than will be asked of it in three years.
    """
    planning_area, growing, places = schools.planning_area, people.growing, schools.places.copy()
    late = np.mean([_asked(schools.cohorts[year]) for year in RECENT_INTAKES], axis=0)
    parts = planning_area.max() + 1
    wanted = np.bincount(planning_area, late, parts)
    in_three_years = pupils_a_year_group(homes, areas)[growing, 2]
    growth = _births(people, areas, 2024) / np.mean([_births(people, areas, year - STARTS_AT) for year in RECENT_INTAKES])
    aim = np.where(np.arange(parts) == growing, growth * wanted + in_three_years - short, ROOM * wanted)
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
    return replace(schools, places=places, capacity=schools.capacity + 7 * (places - schools.places))


def _where(land: Land, streets: Streets, areas: Areas, people: People, homes: Homes, rng: np.random.Generator) -> np.ndarray:
    """Nodes with children, apart from each other and from planned homes, not where it floods; the old docks never had one.

    By the lower river the bank across from the docks has schools and theirs has none: many children see the nearest one
    over the water.
    """
    children = people.ages[:, 4:11].sum(axis=1)[areas.of_node] * streets.homes / areas.homes[areas.of_node]
    points = shapely.points(streets.at)
    weight = children**1.15 * ~shapely.contains(land.zone_3, points)
    weight[cKDTree(homes.at).query(streets.at)[0] < 120] = 0
    from_gap = np.hypot(*(streets.at - people.docks).T)
    weight *= 1 - np.exp(-((from_gap / GAP) ** 4))
    to_river = shapely.distance(points, land.river)
    across = streets.bank != land.bank(people.docks[None])[0]
    by_the_water = weight * np.where(across, 8 * np.exp(-to_river / 300), 0.0)
    weight = np.where((to_river < RIVERSIDE) & (from_gap < 6_000), by_the_water, weight)

    about = cKDTree(streets.at).query_ball_point(streets.at, 700)
    near_by = np.array([children[nodes].sum() for nodes in about])
    apart = APART * np.clip(np.sqrt(np.median(near_by) / near_by), 0.7, 2.2)  # further where children are few
    part_of_node = areas.planning_area[areas.of_node]
    left = np.array(shared_out(SCHOOLS - FOR_THE_FAR, np.bincount(part_of_node, children)))
    node: list[int] = []
    for _ in range(SCHOOLS - FOR_THE_FAR):
        chance = weight * (left[part_of_node] > 0)
        chosen = int(rng.choice(len(chance), p=chance / chance.sum()))
        node.append(chosen)
        left[part_of_node[chosen]] -= 1
        near = np.hypot(*(streets.at - streets.at[chosen]).T)
        weight = weight * (1 - np.exp(-((near / apart) ** 3)))
        if np.sum(areas.of_node[node] == areas.of_node[chosen]) == 2:
            weight[areas.of_node == areas.of_node[chosen]] = 0  # two schools are enough for a small area
    far = cKDTree(streets.at[node]).query(streets.at)[0]
    for _ in range(FOR_THE_FAR):
        # The walk that a school would spare the children of its neighbourhood, outside the gap by the river.
        spares = np.array([(children[nodes] * far[nodes]).sum() for nodes in about]) * ((weight > 0) & (far > 300))
        node.append(int(spares.argmax()))
        far = np.minimum(far, np.hypot(*(streets.at - streets.at[node[-1]]).T))
    return np.sort(np.array(node))


def _after_years_of_choice(cohorts: dict[int, Cohort]) -> dict[int, Cohort]:
    """The cohorts when schools that few ask for have won some over, and families avoid those that too many ask for."""
    asked = np.mean([_asked(cohort) for cohort in cohorts.values()], axis=0)
    won_over = EVENED_OUT * np.log(asked.mean() / np.maximum(asked, 5))
    return {year: Cohort(cohort.home, cohort.likes + won_over) for year, cohort in cohorts.items()}


def _asked(cohort: Cohort) -> np.ndarray:
    """How many children like each school best."""
    return np.bincount(cohort.likes.argmax(axis=1), minlength=SCHOOLS)


def _sizes(cohorts: dict[int, Cohort], rng: np.random.Generator) -> np.ndarray:
    """Admission numbers: the bigger, the more asked for a school in the first years."""
    early = np.mean([_asked(cohorts[year]) for year in range(FIRST_INTAKE, FIRST_INTAKE + 8)], axis=0)
    children = np.mean([len(cohorts[year].home) for year in RECENT_INTAKES])
    of_size = {size: int(rng.integers(*between)) for size, between in SIZES.items()}
    others = SCHOOLS - sum(of_size.values())
    places_too_many = sum(size * count for size, count in of_size.items()) + 60 * others - PLACES_A_CHILD * children
    of_size[30] = int(np.clip(round(places_too_many / 30), 12, 32))
    of_size[60] = others - of_size[30]
    sizes = np.sort(np.repeat(list(of_size), list(of_size.values())))
    order = np.argsort(early * np.exp(rng.normal(0, 0.10, SCHOOLS)))
    places = np.empty(SCHOOLS, dtype=int)
    places[order] = sizes
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
