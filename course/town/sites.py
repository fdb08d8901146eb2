"""The options before the cabinet: twelve sites for a new school and four schools that could expand.

They are chosen so that no option is best on everything. The one that brings a school nearest to most children floods.
Of the rest, the one that shortens walks most does least for the deprived; and two that are second-best alone are better
together than the best with any other (so that choosing one by one goes wrong from two projects on).
"""

from dataclasses import dataclass

import numpy as np
import shapely
from scipy.spatial import cKDTree

from course.town.areas import Areas
from course.town.figures import FIGURES
from course.town.homes import Homes
from course.town.land import Land
from course.town.people import People
from course.town.schools import Schools
from course.town.streets import Streets, beside

NEW, EXPANSION = "new school", "expansion"
CLEAN, SUSPECTED, FOUND = "none found", "suspected", "found"
OWNERS = ("council", "National Health Service", "harbour company", "developer", "diocese", "private owner")
LAND_PRICE = {  # million pounds a hectare; the course's own assumption
    "council": 0.3,
    "National Health Service": 1.1,
    "harbour company": 1.4,
    "developer": 0.0,  # given with the permission to build
    "diocese": 0.8,
    "private owner": 2.2,
}
BUILD_PER_PLACE, BUILD_BASE, EXPAND_PER_PLACE = 0.021, 2.4, 0.017  # million pounds; the course's own assumption
CLEARING = {CLEAN: 0.0, SUSPECTED: 0.7, FOUND: 2.1}  # million pounds
AGAINST_FLOODS = 0.6  # million pounds, in zone 2
OWNERS_OF = {  # of the options that the story needs; others may be anybody's
    "wet": ["council"],
    "best alone": ["private owner"],
    "together": ["National Health Service", "developer", "harbour company"],
    "fair": ["diocese", "developer"],
    "contaminated": ["harbour company"],
    "green": ["private owner"],
}
PLACES_OF = {"wet": 420, "best alone": 420, "green": 210}  # others have one or the other
# School years, if the cabinet decides in spring 2026: two years for land and plans, one to build; a year more to clear.
EXPANSION_OPENS, NEW_OPENS = 2027, 2029
DEPRIVED = 3  # deciles that count as deprived
APART = 380  # metres between two options
CLEAR_OF = 130  # metres between a site and a school or planned homes
ABOUT = 2_600  # metres from the site that floods within which the serious rivals lie, if they can
MARGIN = 1.02  # by how much the two that are best together beat the best with any other


class NoSuchSites(ValueError):
    """No choice of sites tells the story."""


@dataclass(frozen=True)
class Option:
    """One option. `school` is the number of the school that could expand, -1 for a new one; `at` is easting, northing."""

    kind: str
    node: int
    at: tuple[float, float]
    school: int
    hectares: float
    places: int
    earliest_opening: int
    cost_million: float
    owner: str
    flood_zone: int
    no2: float
    contamination: str
    main_road_m: int
    green_belt: bool


def site_rule_ha(pupils: float) -> float:
    """Hectares that a school of so many pupils needs by the course's site rule."""
    return (FIGURES["site-area-base"].value + FIGURES["site-area-per-pupil"].value * pupils) / 10_000


def flood_zone_of(land: Land, at: np.ndarray) -> np.ndarray:
    """1, 2 or 3 for each point (k x 2)."""
    points = shapely.points(at)
    return np.select([shapely.intersects(land.zone_3, points), shapely.intersects(land.zone_2, points)], [3, 2], 1)


@dataclass(frozen=True)
class _Town:
    """What sites are judged by. `walks` is areas x nodes (m), `now` metres to the nearest school, `children` aged 4-10
    and those of `deprived` areas one an area; the rest one a node: its flood `zone`, whether it is in the green belt
    (`green`), what the built-up places around it do to the `air` (NO2), and whether it is `free` for a site: no school or
    planned homes close by.
    """

    land: Land
    streets: Streets
    green_belt: shapely.Geometry
    walks: np.ndarray
    now: np.ndarray
    children: np.ndarray
    deprived: np.ndarray
    zone: np.ndarray
    green: np.ndarray
    air: np.ndarray
    free: np.ndarray

    def saved(self, nodes: list[int]) -> float:
        """Child-metres that schools at all of these nodes together would save."""
        return ((self.now - np.minimum(self.now, self.walks[:, nodes].min(axis=1))) * self.children).sum()

    def each_saves(self, children: np.ndarray) -> np.ndarray:
        """Child-metres that a school at each node alone would save."""
        return (np.maximum(self.now[:, None] - self.walks, 0) * children[:, None]).sum(axis=0)

    def each_saves_with(self, node: int) -> np.ndarray:
        """Child-metres that a school at each node would save together with one at `node`."""
        kept = np.maximum(self.now - self.walks[:, node], 0)
        return (np.maximum(kept[:, None], self.now[:, None] - self.walks) * self.children[:, None]).sum(axis=0)

    def on_the_map(self, node: int, at: np.ndarray, rng: np.random.Generator) -> dict:
        """What can be read off the map at a spot that is reached from `node`, and the air that was measured there."""
        main_road = self.streets.metres_to_main_road(at[None])[0]
        # A main road adds what halves within 50 m; the course's own assumption.
        air = self.air[node] + 19 * np.exp(-main_road / 70) + rng.normal(0, 0.8)
        return {
            "node": int(node),
            "at": tuple(at),
            "flood_zone": int(flood_zone_of(self.land, at[None])[0]),
            "no2": round(float(air), 1),
            "main_road_m": round(float(main_road)),
            "green_belt": bool(shapely.contains(self.green_belt, shapely.Point(at))),
        }

    def plot_beside(self, node: int, rng: np.random.Generator) -> np.ndarray:
        """A spot beside a node that floods as the node does, and is in the green belt if the node is."""
        for _ in range(20):
            spot = beside(self.streets, np.array([node]), rng)
            in_green = shapely.contains(self.green_belt, shapely.Point(spot[0]))
            if flood_zone_of(self.land, spot)[0] == self.zone[node] and in_green == self.green[node]:
                return spot[0]
        return self.streets.at[node]


def find_options(
    land: Land,
    streets: Streets,
    areas: Areas,
    people: People,
    homes: Homes,
    schools: Schools,
    filled: np.ndarray,
    green_belt: shapely.Geometry,
    rng: np.random.Generator,
) -> list[Option]:
    """Sixteen options, the new schools first. `filled`: for each school, pupils over capacity.

    Raises NoSuchSites when no choice of sites tells the story.
    """
    town = _look_at(land, streets, areas, people, homes, schools, green_belt)
    growing = areas.planning_area[areas.of_node] == people.growing
    new = [_new_school(role, node, town, rng) for role, node in _choose(town, growing, rng)]
    bigger = [_expansion(school, schools, town, rng) for school in _could_expand(schools, filled, people.growing, rng)]
    return new + bigger


def _look_at(
    land: Land, streets: Streets, areas: Areas, people: People, homes: Homes, schools: Schools, green_belt
) -> _Town:
    walks = streets.walks(areas.node)
    children = people.ages[:, 4:11].sum(axis=1)
    built_up = cKDTree(streets.at).query_ball_point(streets.at, 600, return_length=True)
    taken = np.concatenate([homes.at, streets.at[schools.node]])
    return _Town(
        land=land,
        streets=streets,
        green_belt=green_belt,
        walks=walks,
        now=walks[:, schools.node].min(axis=1),
        children=children,
        deprived=np.where(people.decile <= DEPRIVED, children, 0),
        zone=flood_zone_of(land, streets.at),
        green=shapely.contains(green_belt, shapely.points(streets.at)),
        air=9 + 6 * built_up / built_up.max(),
        free=cKDTree(taken).query(streets.at)[0] > CLEAR_OF,
    )


def _choose(town: _Town, growing: np.ndarray, rng: np.random.Generator) -> list[tuple[str, int]]:
    """(role, node) of the twelve sites. `growing`: which nodes lie in the planning area that runs short."""
    at = town.streets.at
    saves, saves_deprived = town.each_saves(town.children), town.each_saves(town.deprived)
    wet = np.flatnonzero((town.zone == 3) & growing & town.free)
    if not len(wet):
        raise NoSuchSites("no land in the growing planning area floods")
    best_wet = wet[saves[wet].argmax()]
    dry = (town.zone < 3) & town.free & (saves < 0.96 * saves[best_wet]) & _apart(at, [best_wet])
    from_wet = np.hypot(*(at - at[best_wet]).T)
    three = _together_better(town, dry & (from_wet < ABOUT), saves, saves_deprived)
    three = three or _together_better(town, dry, saves, saves_deprived)
    if three is None:
        raise NoSuchSites("no two sites are better together than the best with another")
    best, one, other = three
    chosen = [("wet", best_wet), ("best alone", best), ("together", one), ("together", other)]
    # Whatever else can be chosen saves less than the best alone, and with it less than the two that are best together.
    harmless = dry & (saves < 0.97 * saves[best]) & (1.01 * town.each_saves_with(best) < town.saved([one, other]))

    def add(role: str, allowed: np.ndarray, score: np.ndarray) -> None:
        allowed = allowed & _apart(at, [node for _, node in chosen])
        if not allowed.any():
            raise NoSuchSites(f'there is no land for the option "{role}"')
        chosen.append((role, int(np.where(allowed, score, -np.inf).argmax())))

    near, chance = np.exp(-from_wet / 1_800), rng.uniform(0.4, 1, len(at))
    town_land = ~town.green
    add("fair", town_land & harmless, saves_deprived)
    add("local", town_land & harmless & growing, saves * chance)
    add("local", town_land & harmless & growing, near * rng.uniform(0.5, 1, len(at)))
    add("contaminated", town_land & dry & (saves > 0.3 * saves[best]), saves * near * chance)
    add("small", town_land & dry & (saves > 0.2 * saves[best]), saves * near * rng.uniform(0.4, 1, len(at)))
    add("damp", (town.zone == 2) & town_land & harmless, near * rng.uniform(0.3, 1, len(at)))
    add("green", town.green & (town.zone == 1) & harmless, saves * rng.uniform(0.2, 1, len(at)))
    add("elsewhere", town_land & harmless, rng.uniform(0, 1, len(at)) * np.sqrt(near))
    return [chosen[number] for number in rng.permutation(len(chosen))]


def _together_better(town: _Town, allowed: np.ndarray, saves: np.ndarray, fair: np.ndarray) -> tuple[int, int, int] | None:
    """A site that is best alone, and two others that together beat it with either of them, and help the deprived more.

    None when no three of the nodes `allowed` do that.
    """
    pool = np.argsort(-np.where(allowed, saves, -1), kind="stable")[: min(500, allowed.sum())]
    pool = pool[_thinned(town.streets.at[pool], 130)][:120]
    walks = np.minimum(town.walks[:, pool], town.now[:, None])
    kept = (town.now[:, None] - walks) * town.children[:, None]  # child-metres saved: areas x pool
    pair = np.maximum(kept[:, :, None], kept[:, None, :]).sum(axis=0)
    alone, fair = saves[pool], fair[pool]
    distance = np.hypot(*(town.streets.at[pool][:, None] - town.streets.at[pool][None]).transpose(2, 0, 1))
    far = distance > APART
    best = None
    for top in range(len(pool)):
        below = (alone < 0.97 * alone[top]) & far[top] & (alone > 0.35 * alone[top])
        worth = pair / np.maximum(np.maximum(pair[top][:, None], pair[top][None, :]), 1)
        worth = np.where(below[:, None] & below[None, :] & far, worth, 0)
        fairer = np.maximum(fair[:, None], fair[None, :]) > 1.05 * fair[top]
        score = np.where((worth > MARGIN) & fairer, worth * alone[top], 0)
        at = np.unravel_index(score.argmax(), score.shape)
        if score[at] > 0 and (best is None or score[at] > best[0]):
            best = (score[at], top, *at)
    return best and tuple(int(pool[number]) for number in best[1:])


def _apart(at: np.ndarray, taken: list[int]) -> np.ndarray:
    return cKDTree(at[taken]).query(at)[0] > APART


def _thinned(at: np.ndarray, metres: float) -> np.ndarray:
    """Numbers of points, in their order, none nearer than `metres` to an earlier one that is kept."""
    kept: list[int] = []
    for number, spot in enumerate(at):
        if not kept or np.hypot(*(at[kept] - spot).T).min() >= metres:
            kept.append(number)
    return np.array(kept)


def _new_school(role: str, node: int, town: _Town, rng: np.random.Generator) -> Option:
    """What is known of a site. The wet one is cheap and the best alone dear: cheap is not good."""
    owner = str(rng.choice(OWNERS_OF.get(role, OWNERS)))
    places = PLACES_OF.get(role) or int(rng.choice([210, 420], p=[0.45, 0.55]))
    hectares = site_rule_ha(places) * rng.uniform(1.02, 1.45)
    contamination = str(rng.choice([CLEAN, SUSPECTED], p=[0.7, 0.3]))
    if role == "small":
        places, hectares = 210, site_rule_ha(210) * rng.uniform(0.66, 0.85)
    if role == "contaminated":
        contamination = FOUND
    if role in ("wet", "together", "fair"):
        contamination = CLEAN
    cost = BUILD_BASE + BUILD_PER_PLACE * places + hectares * LAND_PRICE[owner] + CLEARING[contamination]
    cost += AGAINST_FLOODS if town.zone[node] == 2 else 0
    return Option(
        kind=NEW,
        earliest_opening=NEW_OPENS + (contamination != CLEAN),
        school=-1,
        hectares=round(hectares, 2),
        places=places,
        cost_million=round(cost * rng.uniform(0.95, 1.05), 1),
        owner=owner,
        contamination=contamination,
        **town.on_the_map(node, town.plot_beside(node, rng), rng),
    )


def _expansion(school: int, schools: Schools, town: _Town, rng: np.random.Generator) -> Option:
    """What is known of a school that could take another form of entry, or half of one."""
    extra = 105 if schools.places[school] in (15, 45) else 210
    return Option(
        kind=EXPANSION,
        earliest_opening=EXPANSION_OPENS,
        school=int(school),
        hectares=round(site_rule_ha(schools.capacity[school] + extra) * rng.choice([0.82, 1.04, 1.15, 1.3]), 2),
        places=extra,
        cost_million=round(0.6 + EXPAND_PER_PLACE * extra * rng.uniform(0.85, 1.35), 1),
        owner="diocese" if schools.type[school] in ("Church of England", "Catholic") else "council",
        contamination=CLEAN,
        **town.on_the_map(schools.node[school], town.streets.at[schools.node[school]], rng),
    )


def _could_expand(schools: Schools, filled: np.ndarray, growing: int, rng: np.random.Generator) -> list[int]:
    """Two schools of the growing planning area and two from elsewhere, all well filled and not too big already."""
    small = schools.places <= 60
    chosen: list[int] = []
    for here in (schools.planning_area == growing, schools.planning_area != growing):
        wanted = np.flatnonzero(here & small)
        ranked = wanted[np.argsort(-filled[wanted], kind="stable")]
        chosen += sorted(rng.choice(ranked[: max(2, len(ranked) // 3)], 2, replace=False).tolist())
    return chosen
