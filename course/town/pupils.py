"""How children come to the schools they are in: admissions by distance, moving on a year, moving house, free meals.

Admissions are England's: parents rank schools, a school that more want than it has places for takes those who live
nearest by the shortest walk, and who is turned away tries the next on the list (Gale and Shapley 1962). So rolls,
full schools and spare places follow from where children live; they are not drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from course.town.areas import Areas
from course.town.figures import FIGURES
from course.town.people import FIRST_BIRTHS, LAST_BIRTHS, People
from course.town.streets import Streets

if TYPE_CHECKING:
    from course.town.schools import Schools

FIRST_INTAKE, FIRST_YEAR, LAST_YEAR = 2010, 2016, 2025  # intakes from 2010, so that 2016/17 has seven year groups
YEAR_GROUPS = 7
STARTS_AT = 4  # reception begins in the autumn after the fourth birthday
METRES_A_POINT = 330  # a school this much further away must be one point more attractive
MOVES = 0.05  # share of a year group that leaves its school in a year
TIDE = 0.005
APPEALS = (0.86, 0.09, 0.05)  # chances that 0, 1 or 2 children are let in beyond the admission number
WAITING = 0.85  # chance that a full year group has others waiting for every place that comes free
SQUEEZE = 0.05  # of an admission number: how many more a full year group takes from year 3 on
# Share of pupils eligible for free meals by decile of deprivation of their home, 2025/26; the course's own assumption,
# chosen to meet the figures free-school-meals-median, -p05 and -p95.
ELIGIBLE = np.array([0.53, 0.32, 0.21, 0.15, 0.115, 0.09, 0.07, 0.048, 0.032, 0.024])
# What it was in earlier years, over 2025/26: flat, then rising from 2018 on, as in England. Unverified, hence an assumption.
ELIGIBLE_RISE = np.array([0.54, 0.52, 0.59, 0.67, 0.80, 0.87, 0.92, 0.95, 0.99, 1.0])


@dataclass(frozen=True)
class Pupils:
    """Rolls and free meals of s schools over ten years, and who wants which school.

    `rolls` is s x 10 x 7 (school, year from 2016, year group; -1 where the year group does not exist yet), `eligible`
    s x 10. `goes_to` is n x s: of the children of each small area who started in the last three years, the share that
    each school took.
    """

    rolls: np.ndarray
    eligible: np.ndarray
    goes_to: np.ndarray


@dataclass(frozen=True)
class Cohort:
    """Children who start school in one year: the node each lives at, and for each a score of every school (k x s)."""

    home: np.ndarray
    likes: np.ndarray


def starting(
    streets: Streets, areas: Areas, people: People, walks: np.ndarray, pull: np.ndarray, rng: np.random.Generator
) -> dict[int, Cohort]:
    """Those who start in each year from FIRST_INTAKE to LAST_YEAR. `walks` is s x nodes (m), `pull` one a school."""
    chance = _chance_to_start(people)
    tide = _tide(rng)
    cohorts = {}
    nodes_of = [np.flatnonzero(areas.of_node == area) for area in range(len(areas.homes))]
    homes = [streets.homes[nodes] / streets.homes[nodes].sum() for nodes in nodes_of]
    for year in range(FIRST_INTAKE, LAST_YEAR + 1):
        born = people.births[:, year - STARTS_AT - FIRST_BIRTHS]
        by_planning_area = np.exp(rng.normal(0, 0.02, areas.planning_area.max() + 1) + tide[year - FIRST_INTAKE])
        count = rng.binomial(born, np.clip(chance * by_planning_area[areas.planning_area], 0, 1))
        home = np.concatenate(
            [np.repeat(nodes, rng.multinomial(n, share)) for nodes, n, share in zip(nodes_of, count, homes, strict=True)]
        )
        likes = pull - walks[:, home].T / METRES_A_POINT + rng.gumbel(size=(len(home), len(pull)))
        cohorts[year] = Cohort(home, likes)
    return cohorts


def _chance_to_start(people: People) -> np.ndarray:
    """Share of those born in each area who start at one of the borough's schools: more where families stay."""
    return np.clip(FIGURES["births-to-reception"].value + 0.012 * people.families, 0.85, 0.99)


def admit(cohort: Cohort, walks: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The school (a number) that each child gets. Those whom no school can take go to the nearest that is open."""
    distance = walks[:, cohort.home].T
    wish = np.argsort(-cohort.likes, axis=1, kind="stable")
    tried = np.zeros(len(distance), dtype=int)
    school = np.full(len(distance), -1)
    held = np.arange(len(distance))  # by a school, or about to ask one
    asking = held
    while len(asking):
        school[asking] = wish[asking, tried[asking]]
        tried[asking] += 1
        order = held[np.lexsort([distance[held, school[held]], school[held]])]
        ranked = school[order]
        first = np.searchsorted(ranked, np.arange(len(places)))
        turned_away = order[np.arange(len(order)) - first[ranked] >= places[ranked]]
        tried_all = tried[turned_away] == len(places)
        last, asking = turned_away[tried_all], turned_away[~tried_all]
        school[last] = np.where(places > 0, distance[last], np.inf).argmin(axis=1)
        held = np.setdiff1d(held, last, assume_unique=True)
    return school


def run_schools(found: Schools, areas: Areas, people: People, rng: np.random.Generator) -> Pupils:
    """Admit each year's children, move everybody on a year, count rolls and free meals."""
    places, since, planning_area, walks = found.places, found.since, found.planning_area, found.walks
    schools = len(places)
    groups = np.zeros((schools, YEAR_GROUPS), dtype=int)
    meals = np.zeros((schools, YEAR_GROUPS))
    rolls = np.full((schools, LAST_YEAR - FIRST_YEAR + 1, YEAR_GROUPS), -1)
    eligible = np.zeros(rolls.shape[:2], dtype=int)
    goes_to = np.zeros((len(areas.homes), schools))
    tide = _tide(rng)
    usual = np.exp(rng.normal(0, 0.19, schools))
    for year in range(FIRST_INTAKE, LAST_YEAR + 1):
        there = since <= year
        cohort = found.cohorts[year]
        appeals = rng.choice(len(APPEALS), schools, p=APPEALS)
        school = admit(cohort, walks, np.where(there, places + appeals, 0))
        area = areas.of_node[cohort.home]
        intake = np.bincount(school, minlength=schools)
        poor = np.bincount(school, ELIGIBLE[people.decile[area] - 1], schools) / np.maximum(intake, 1)
        moved_on = _move(groups[:, :-1], places, planning_area, tide[year - FIRST_INTAKE], rng)
        groups = np.column_stack([intake, moved_on])
        meals = np.column_stack([poor, meals[:, :-1]])
        if year > LAST_YEAR - 3:
            np.add.at(goes_to, (area, school), 1)
        if year >= FIRST_YEAR:
            at = year - FIRST_YEAR
            exists = there[:, None] & (np.arange(YEAR_GROUPS) <= (year - since)[:, None])
            rolls[:, at] = np.where(exists, groups, -1)
            share = (groups * meals).sum(axis=1) / np.maximum(groups.sum(axis=1), 1) * usual * ELIGIBLE_RISE[at]
            share = share * np.exp(rng.normal(0, 0.03, schools))
            eligible[:, at] = np.round(groups.sum(axis=1) * np.clip(share, 0, 0.9))
    goes_to /= np.maximum(goes_to.sum(axis=1, keepdims=True), 1)
    return Pupils(rolls, eligible, goes_to)


def _tide(rng: np.random.Generator) -> np.ndarray:
    """How many more families come than leave in each year, as a share of the children: one a year from FIRST_INTAKE.

    One good year or bad follows another (autoregressive, 0.7). This is what forecasts cannot know: it makes them go wrong
    by what the figures forecast-error-1-year and forecast-error-3-years say.
    """
    tide = np.zeros(LAST_YEAR - FIRST_INTAKE + 1)
    for year in range(1, len(tide)):
        tide[year] = 0.7 * tide[year - 1] + rng.normal(0, TIDE)
    return tide


def _move(
    groups: np.ndarray, places: np.ndarray, planning_area: np.ndarray, tide: float, rng: np.random.Generator
) -> np.ndarray:
    """Year groups (s x 6) a year on: some leave, about as many come, `tide` (a share of all) more than leave.

    A year group takes newcomers until it is full. In years 1 and 2 that is the admission number (infant classes have 30
    pupils at most), from year 3 on a few more. One that was full often has a waiting list, and so stays full. Whom
    one school cannot take another near by does.
    """
    after = groups - rng.binomial(groups, MOVES)
    for group in range(groups.shape[1]):
        stay, was = after[:, group], groups[:, group]
        squeeze = 0 if group < 2 else rng.binomial(places, SQUEEZE)  # groups[:, 2] moves on to year 3
        room = np.where(was > 0, np.maximum(np.maximum(places + squeeze, stay) - stay, 0), 0)
        rate = was * (MOVES + tide) * np.exp(rng.normal(0, 0.12, planning_area.max() + 1))[planning_area]
        asked = rng.poisson(np.maximum(rate, 0))
        refilled = (was >= places) & (rng.random(len(places)) < WAITING)
        come = np.where(refilled, np.maximum(asked, was - stay), asked)
        come = np.minimum(come, room)
        turned_away = np.maximum(np.bincount(planning_area, asked - come), 0).astype(int)
        stay, room = stay + come, room - come
        for part, newcomers in enumerate(turned_away):
            weight = np.minimum(room, was * MOVES) * np.where(planning_area == part, 1.0, 0.05)
            if weight.sum() > 0:
                stay = stay + np.minimum(rng.multinomial(newcomers, weight / weight.sum()), room)
        after[:, group] = stay
    return after


def wanted_until(
    last: int, people: People, areas: Areas, pupils: Pupils, planning_area: np.ndarray, homes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What would be wanted of each planning area if nobody were turned away: reception and all pupils, p x years.

    From the year after LAST_YEAR to `last`, with the birth figures that are known, families going where they have gone
    for three years. `homes` is p x years: pupils a year group from the new homes lived in by then.
    """
    parts = planning_area.max() + 1
    goes_to = np.stack([pupils.goes_to[:, planning_area == part].sum(axis=1) for part in range(parts)])
    now = np.stack([pupils.rolls[planning_area == part, -1].clip(0).sum(axis=0) for part in range(parts)])
    reception, everybody = [], []
    for step, year in enumerate(range(LAST_YEAR + 1, last + 1)):
        assert year - STARTS_AT <= LAST_BIRTHS
        intake = goes_to @ (people.births[:, year - STARTS_AT - FIRST_BIRTHS] * _chance_to_start(people))
        now = np.column_stack([intake, now[:, :-1]])
        reception.append(intake + homes[:, step])
        everybody.append(now.sum(axis=1) + YEAR_GROUPS * homes[:, step])
    return np.round(np.stack(reception, axis=1)).astype(int), np.round(np.stack(everybody, axis=1)).astype(int)
