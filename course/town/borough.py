"""A borough whole: everything that is known of it, drawn from one seed in one go.

Land, streets, areas, people, schools, pupils, homes, sites: each step stands on those before, so that the tables hang
together. `draw` hands out the tables; nothing outside this package sees how they came about.
"""

from dataclasses import asdict, dataclass
from functools import lru_cache

import geopandas
import numpy as np
import pandas as pd
import shapely

from course.town import names
from course.town.areas import Areas, draw_areas
from course.town.figures import FIGURES
from course.town.green import green_belt
from course.town.grid import GRID, lonlat
from course.town.homes import FIRST as FIRST_HOMES
from course.town.homes import Homes, plan_homes, pupils_a_year_group
from course.town.land import Land, lie_of_the_land
from course.town.people import BANDS, FIRST_BIRTHS, LAST_BIRTHS, OLDEST_CHILD, PUBLISHED_BIRTHS, People, settle
from course.town.pupils import FIRST_YEAR, LAST_YEAR, STARTS_AT, Pupils, run_schools, wanted_until
from course.town.schools import LATELY, Schools, found, resize
from course.town.sites import EXPANSION, NoSuchSites, Option, find_options
from course.town.streets import Streets, lay_streets

PREFIX = {"wexmoor": "WX", "eastmere": "EM"}
REDRAWN = 2017  # births of earlier years were counted for the old areas
ATTEMPTS = 6  # at schools and sites that let the story be told, before a seed is refused
IN_THREE_YEARS = LAST_YEAR + 3
SHORT, SHORT_GIVE_OR_TAKE, TRIALS = 50, 15, 4  # reception places; nearly two forms of entry
SPLIT = 6  # old areas that became two
LAST_WANTED = LAST_BIRTHS + STARTS_AT  # the last intake that is born
COUNTED, SHARED_OUT = "counted", "shared out"


class Refused(ValueError):
    """The story cannot be told of the borough that this seed gives."""


@dataclass(frozen=True, eq=False)
class Borough:
    """The tables of one borough; their columns are described in course/town/described.py.

    Frames with a `geometry` are GeoDataFrames in metres on the British National Grid. `area_lookup` and `truth` are not
    published as they are: the first goes into the extracts, the second to mentors.
    """

    name: str
    seed: int
    areas: pd.DataFrame
    wards: pd.DataFrame
    planning_areas: pd.DataFrame
    area_boundaries: geopandas.GeoDataFrame
    ward_boundaries: geopandas.GeoDataFrame
    planning_area_boundaries: geopandas.GeoDataFrame
    water: geopandas.GeoDataFrame
    flood_zones: geopandas.GeoDataFrame
    green_belt: geopandas.GeoDataFrame
    road_nodes: pd.DataFrame
    road_edges: pd.DataFrame
    population: pd.DataFrame
    births: pd.DataFrame
    deprivation: pd.DataFrame
    schools: pd.DataFrame
    rolls: pd.DataFrame
    free_school_meals: pd.DataFrame
    housing: pd.DataFrame
    pupil_yields: pd.DataFrame
    sites: pd.DataFrame
    area_lookup: pd.DataFrame
    truth: pd.DataFrame


@lru_cache(maxsize=4)
def draw(borough: str, seed: int) -> Borough:
    """The borough "wexmoor" or "eastmere" of a seed (a whole number, 0 or more): the same each time.

    Raises Refused when the story that the course tells cannot be told of it.
    """
    from course.town.plot import broken_promises  # which looks at whole boroughs

    land = lie_of_the_land(borough, _rng(seed, 1))
    streets = lay_streets(land, _rng(seed, 2))
    areas = draw_areas(streets, _rng(seed, 3))
    people = settle(borough, land, streets, areas, _rng(seed, 4))
    country = green_belt(streets)
    for attempt in range(ATTEMPTS):
        try:
            drawn = _with_schools(borough, seed, land, streets, areas, people, country, attempt)
            broken = broken_promises(drawn)
        except NoSuchSites as error:
            broken = [str(error)]
        if not broken:
            return drawn
    raise Refused(f"Seed {seed} gives a borough in which {'; '.join(broken)}. Try another seed.")


def _rng(seed: int, step: int, attempt: int = 0) -> np.random.Generator:
    """A stream of its own for each step, so that a change in one leaves the draws of the others as they are."""
    return np.random.default_rng([seed, 10 + step, attempt])


def _with_schools(
    borough: str,
    seed: int,
    land: Land,
    streets: Streets,
    areas: Areas,
    people: People,
    country: geopandas.GeoSeries,
    attempt: int,
) -> Borough:
    prefix = PREFIX[borough]
    open_country = country.union_all()
    homes = plan_homes(borough, land, streets, areas, people, open_country, _rng(seed, 7, attempt))
    schools, pupils = _short_of_places(seed, land, streets, areas, people, homes, attempt)
    filled = pupils.rolls[:, -1].clip(0).sum(axis=1) / schools.capacity
    options = find_options(land, streets, areas, people, homes, schools, filled, open_country, _rng(seed, 8, attempt))

    rng = _rng(seed, 9)
    area_table, wards, planning_areas = _area_tables(borough, land, streets, areas, people, rng)
    area_id = area_table["area_id"].to_numpy()
    school_table = _school_table(borough, streets, areas, schools, area_table, wards, rng)
    births, lookup = _births(people, areas, area_id, prefix, rng)
    return Borough(
        name=borough,
        seed=seed,
        areas=area_table,
        wards=wards,
        planning_areas=planning_areas,
        **_boundaries(streets, areas, area_table, wards, planning_areas),
        water=_water(land, borough, rng),
        flood_zones=_with_hectares({"zone": [2, 3]}, [land.zone_2, land.zone_3]),
        green_belt=_with_hectares({"name": [f"Green belt {n}" for n in range(1, len(country) + 1)]}, list(country)),
        road_nodes=_road_nodes(streets, areas, people, area_id),
        road_edges=pd.DataFrame(
            {
                "from_node": streets.edges[:, 0],
                "to_node": streets.edges[:, 1],
                "metres": streets.metres,
                "kind": streets.kind.astype(str),
            }
        ),
        population=_population(people, area_id),
        births=births,
        deprivation=_deprivation(people, area_id),
        schools=school_table,
        rolls=_rolls(pupils, school_table),
        free_school_meals=_free_school_meals(pupils, school_table),
        housing=_housing(borough, homes, areas, area_id, rng),
        pupil_yields=pd.DataFrame(
            {
                "home": ["house", "flat"],
                "pupils_per_home": [FIGURES["pupil-yield-house"].value, FIGURES["pupil-yield-flat"].value],
            }
        ),
        sites=_sites(borough, options, areas, area_table, school_table, rng),
        area_lookup=lookup,
        truth=_truth(people, areas, pupils, schools, homes, planning_areas),
    )


def _short_of_places(
    seed: int, land: Land, streets: Streets, areas: Areas, people: People, homes: Homes, attempt: int
) -> tuple[Schools, Pupils]:
    """Schools, and pupils in them, such that the growing planning area will lack some SHORT places in three years.

    Families who find its schools full go elsewhere, and that cannot be known before they have: so sizes are tried out.
    """
    founded = found(land, streets, areas, people, homes, _rng(seed, 5, attempt))
    short = SHORT
    for _ in range(TRIALS):
        schools = resize(founded, areas, people, homes, short)
        pupils = run_schools(schools, areas, people, _rng(seed, 6, attempt))
        wanted = _wanted(people, areas, pupils, schools, homes)[0][people.growing, IN_THREE_YEARS - LAST_YEAR - 1]
        lacking = wanted - schools.places[schools.planning_area == people.growing].sum()
        if abs(lacking - SHORT) < SHORT_GIVE_OR_TAKE:
            break
        short += SHORT - lacking
    return schools, pupils


def _wanted(people: People, areas: Areas, pupils: Pupils, schools: Schools, homes: Homes) -> tuple[np.ndarray, np.ndarray]:
    from_homes = pupils_a_year_group(homes, areas)
    return wanted_until(LAST_WANTED, people, areas, pupils, schools.planning_area, from_homes)


def _codes(prefix: str, letter: str, count: int) -> list[str]:
    width = len(str(count))
    return [f"{prefix}{letter}{number:0{width}}" for number in range(1, count + 1)]


def _at(points: np.ndarray) -> dict[str, np.ndarray]:
    longitude, latitude = lonlat(points[:, 0], points[:, 1])
    return {
        "easting": points[:, 0].astype(int),
        "northing": points[:, 1].astype(int),
        "longitude": longitude,
        "latitude": latitude,
    }


def _area_tables(borough: str, land: Land, streets: Streets, areas: Areas, people: People, rng: np.random.Generator):
    prefix = PREFIX[borough]
    ward_names = names.places(borough, rng, areas.ward.max() + 1)
    wards = pd.DataFrame({"ward_id": _codes(prefix, "W", len(ward_names)), "name": ward_names})
    planning_ids = np.array(_codes(prefix, "P", areas.planning_area.max() + 1))
    wards["planning_area_id"] = planning_ids[areas.planning_area_of_ward]
    planning_names = names.planning_areas(borough, rng, _sides(land, streets, areas, people.growing))
    planning_areas = pd.DataFrame({"planning_area_id": planning_ids, "name": planning_names})
    number_in_ward = pd.Series(areas.ward).groupby(areas.ward).cumcount() + 1
    table = pd.DataFrame(
        {
            "area_id": _codes(prefix, "A", len(areas.homes)),
            "name": [f"{ward_names[ward]} {number}" for ward, number in zip(areas.ward, number_in_ward, strict=True)],
            "ward_id": wards["ward_id"].to_numpy()[areas.ward],
            "planning_area_id": planning_ids[areas.planning_area],
            **_at(streets.at[areas.node]),
            "node_id": areas.node,
            "hectares": np.round(shapely.area(areas.shapes) / 10_000, 1),
        }
    )
    return table, wards, planning_areas


def _sides(land: Land, streets: Streets, areas: Areas, growing: int) -> list[str]:
    """What a planning area's name may tell: the centre, the docks, the coast, the river, or the side it lies on."""
    part = areas.planning_area[areas.of_node]
    middle = np.average(streets.at, axis=0, weights=streets.homes)
    told = []
    for number in range(areas.planning_area.max() + 1):
        east, north = streets.middle(part == number) - middle
        shape = shapely.buffer(shapely.union_all(areas.shapes[areas.planning_area == number]), 20)
        by_the_sea = shapely.length(shapely.intersection(land.coast, shape))
        if number == growing:
            told.append("docks")
        elif number == areas.town:
            told.append("centre")
        elif by_the_sea > 1_500:
            told.append("coast")
        elif abs(north) > abs(east):
            told.append("north" if north > 0 else "south")
        else:
            told.append("east" if east > 0 else "west")
    return told


def _boundaries(streets: Streets, areas: Areas, table: pd.DataFrame, wards: pd.DataFrame, planning_areas: pd.DataFrame):
    """The three layers of boundaries. Their point is where people live on average."""

    def layer(key: str, rows: pd.DataFrame, group: np.ndarray) -> geopandas.GeoDataFrame:
        shapes = [shapely.union_all(areas.shapes[group == number]) for number in range(len(rows))]
        by_node = group[areas.of_node]
        at = np.round([streets.middle(by_node == number) for number in range(len(rows))]).astype(int)
        columns = {key: rows[key], "name": rows["name"], "easting": at[:, 0], "northing": at[:, 1]}
        return _with_hectares(columns, shapes)

    return {
        "area_boundaries": layer("area_id", table, np.arange(len(table))),
        "ward_boundaries": layer("ward_id", wards, areas.ward),
        "planning_area_boundaries": layer("planning_area_id", planning_areas, areas.planning_area),
    }


def _with_hectares(columns: dict, shapes: list) -> geopandas.GeoDataFrame:
    rows = geopandas.GeoDataFrame(columns, geometry=shapes, crs=GRID)
    rows.insert(len(columns), "hectares", (rows.area / 10_000).round(1))
    return rows


def _water(land: Land, borough: str, rng: np.random.Generator) -> geopandas.GeoDataFrame:
    named = {"coastline": f"{borough.capitalize()} coast", "river": names.river(borough, rng)}
    shapes = [shapely.simplify(land.coast, 4), shapely.simplify(land.river, 4)]
    return geopandas.GeoDataFrame({"kind": list(named), "name": list(named.values())}, geometry=shapes, crs=GRID)


def _road_nodes(streets: Streets, areas: Areas, people: People, area_id: np.ndarray) -> pd.DataFrame:
    """Nodes with the people who live about them: those of an area shared out over its nodes by homes, none lost."""
    order = np.argsort(areas.of_node, kind="stable")
    area = areas.of_node[order]
    everybody = people.ages.sum(axis=1) + people.bands.sum(axis=1)
    share = streets.homes[order] / areas.homes[area]
    upto = pd.Series(share).groupby(area).cumsum().to_numpy() * everybody[area]
    first = np.concatenate([[True], area[1:] != area[:-1]])
    before = np.where(first, 0, np.concatenate([[0], np.round(upto)[:-1]]))
    about = np.empty(len(area), dtype=int)
    about[order] = np.round(upto) - before
    return pd.DataFrame(
        {
            "node_id": np.arange(len(streets.at)),
            "easting": streets.at[:, 0].astype(int),
            "northing": streets.at[:, 1].astype(int),
            "area_id": area_id[areas.of_node],
            "people": about,
        }
    )


def _population(people: People, area_id: np.ndarray) -> pd.DataFrame:
    starts = [*range(OLDEST_CHILD + 1), *(int(band.rstrip("+").split("-")[0]) for band in BANDS)]
    names_ = [*map(str, range(OLDEST_CHILD + 1)), *BANDS]
    ends = [*range(OLDEST_CHILD + 1), *(int(band.split("-")[1]) for band in BANDS[:-1]), None]
    counts = np.column_stack([people.ages, people.bands])
    return pd.DataFrame(
        {
            "area_id": np.repeat(area_id, len(starts)),
            "age_band": names_ * len(area_id),
            "age_from": starts * len(area_id),
            "age_to": pd.array(ends * len(area_id), dtype="Int64"),
            "people": counts.ravel(),
        }
    )


def _deprivation(people: People, area_id: np.ndarray) -> pd.DataFrame:
    rank = pd.Series(-people.score).rank(method="first").astype(int)
    return pd.DataFrame({"area_id": area_id, "score": people.score, "rank": rank, "decile": people.decile})


def _births(people: People, areas: Areas, area_id: np.ndarray, prefix: str, rng: np.random.Generator):
    """Births as published, and the look-up from old areas. What was counted for an old area that became two is shared
    out, so the parts of those years are estimates: nobody knows them."""
    years = np.arange(PUBLISHED_BIRTHS, LAST_BIRTHS + 1)
    counts = people.births[:, years - FIRST_BIRTHS].copy()
    old_years = years < REDRAWN
    old_of = np.arange(len(area_id))
    share = np.ones(len(area_id))
    # Neighbours by number are neighbours on the ground within a ward.
    neighbours = [one for one in range(len(area_id) - 1) if areas.ward[one] == areas.ward[one + 1]]
    pairs: list[int] = []
    for one in rng.permutation(neighbours):
        if len(pairs) < SPLIT and all(abs(one - other) > 1 for other in pairs):
            pairs.append(int(one))
    for one in sorted(pairs):
        other = one + 1
        old_of[other] = one
        both = counts[one] + counts[other]
        part = round(float(areas.homes[one] / (areas.homes[one] + areas.homes[other])), 2)
        while np.isclose(both[old_years] * part % 1, 0.5).any():  # a half would round up, or down, on both sides
            part = round(part + 0.01, 2)
        share[one], share[other] = part, round(1 - part, 2)
        counts[one, old_years] = np.round(both[old_years] * part)
        counts[other, old_years] = both[old_years] - counts[one, old_years]
    split = np.isin(old_of, pairs)
    olds = np.unique(old_of)
    old_codes = dict(zip(olds, rng.permutation(_codes(prefix, "O", len(olds))), strict=True))
    lookup = pd.DataFrame({"old_area_id": [old_codes[old] for old in old_of], "area_id": area_id, "share": share})
    births = pd.DataFrame(
        {
            "area_id": np.repeat(area_id, len(years)),
            "year_to_august": np.tile(years, len(area_id)),
            "births": counts.ravel(),
            "basis": np.where(split[:, None] & old_years, SHARED_OUT, COUNTED).ravel(),
        }
    )
    return births, lookup.sort_values(["old_area_id", "area_id"], ignore_index=True)


def _first_day(year: int, rng: np.random.Generator) -> str:
    """The day on which a school took its first pupils: a Monday, Tuesday or Wednesday at the start of a term."""
    month, day = [(9, 1), (9, 1), (9, 1), (1, 4)][rng.integers(4)] if year not in LATELY else (9, 1)
    first = np.datetime64(f"{year}-{month:02}-{day:02}") + int(rng.integers(0, 9))
    return str(np.busday_offset(first, 0, roll="forward", weekmask="1110000"))


def _school_table(
    borough: str,
    streets: Streets,
    areas: Areas,
    schools: Schools,
    area_table: pd.DataFrame,
    wards: pd.DataFrame,
    rng: np.random.Generator,
) -> pd.DataFrame:
    area = areas.of_node[schools.node]
    ward_names = wards["name"].to_numpy()[areas.ward[area]].tolist()
    opened = [_first_day(year, rng) for year in schools.since]
    mixed = rng.permutation(len(schools.number))  # numbers say nothing of where a school is
    table = pd.DataFrame(
        {
            "school_id": [f"{PREFIX[borough]}{number:04}" for number in schools.number[mixed]],
            "name": names.schools(borough, rng, ward_names, schools.type.tolist()),
            "type": schools.type.astype(str),
            "area_id": area_table["area_id"].to_numpy()[area],
            "planning_area_id": area_table["planning_area_id"].to_numpy()[area],
            "node_id": schools.node,
            **_at(streets.at[schools.node]),
            "opened": opened,
            "admission_number": schools.places,
            "capacity": schools.capacity,
        }
    )
    return table


def _rolls(pupils: Pupils, school_table: pd.DataFrame) -> pd.DataFrame:
    schools, years, groups = pupils.rolls.shape
    rows = pd.DataFrame(
        {
            "school_id": np.repeat(school_table["school_id"].to_numpy(), years * groups),
            "school_year": np.tile(np.repeat(np.arange(FIRST_YEAR, LAST_YEAR + 1), groups), schools),
            "year_group": np.tile(np.arange(groups), schools * years),
            "pupils": pupils.rolls.ravel(),
        }
    )
    rows = rows[rows["pupils"] >= 0]
    return rows.sort_values(["school_id", "school_year", "year_group"], ignore_index=True)


def _free_school_meals(pupils: Pupils, school_table: pd.DataFrame) -> pd.DataFrame:
    schools, years, _ = pupils.rolls.shape
    rows = pd.DataFrame(
        {
            "school_id": np.repeat(school_table["school_id"].to_numpy(), years),
            "school_year": np.tile(np.arange(FIRST_YEAR, LAST_YEAR + 1), schools),
            "pupils": pupils.rolls.clip(0).sum(axis=2).ravel(),
            "eligible": pd.array(pupils.eligible.ravel(), dtype="Int64"),
        }
    )
    rows["eligible"] = rows["eligible"].mask(rows["eligible"].between(1, 4))
    rows = rows[rows["pupils"] > 0]
    return rows.sort_values(["school_id", "school_year"], ignore_index=True)


def _housing(borough: str, homes: Homes, areas: Areas, area_id: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    prefix = PREFIX[borough]
    sites, years = homes.houses.shape
    at = homes.at.astype(int)
    order = np.argsort(-at[:, 1], kind="stable")
    rows = pd.DataFrame(
        {
            "housing_id": np.repeat(_codes(prefix, "H", sites), years),
            "name": np.repeat(names.housing(borough, rng, sites), years),
            "area_id": np.repeat(area_id[areas.of_node[homes.node[order]]], years),
            "easting": np.repeat(at[order, 0], years),
            "northing": np.repeat(at[order, 1], years),
            "status": np.repeat(homes.status[order].astype(str), years),
            "school_year": np.tile(np.arange(FIRST_HOMES, FIRST_HOMES + years), sites),
            "houses": homes.houses[order].ravel(),
            "flats": homes.flats[order].ravel(),
        }
    )
    return rows[rows["houses"] + rows["flats"] > 0].reset_index(drop=True)


def _sites(borough: str, options: list[Option], areas: Areas, area_table, school_table, rng) -> pd.DataFrame:
    known = pd.DataFrame([asdict(option) for option in options])
    area = areas.of_node[known["node"].to_numpy()]
    new = known[known["kind"] != EXPANSION]
    plots = iter(names.sites(borough, rng, new["owner"].tolist(), new["hectares"].tolist()))
    return pd.DataFrame(
        {
            "site_id": _codes(PREFIX[borough], "S", len(options)),
            "kind": known["kind"],
            "name": [school_table["name"][number] if number >= 0 else next(plots) for number in known["school"]],
            "school_id": [school_table["school_id"][number] if number >= 0 else None for number in known["school"]],
            "area_id": area_table["area_id"].to_numpy()[area],
            "planning_area_id": area_table["planning_area_id"].to_numpy()[area],
            "node_id": known["node"],
            **_at(np.array(known["at"].tolist())),
            **known.drop(columns=["kind", "node", "at", "school"]),
        }
    )


def _truth(
    people: People, areas: Areas, pupils: Pupils, schools: Schools, homes: Homes, planning_areas: pd.DataFrame
) -> pd.DataFrame:
    years = np.arange(LAST_YEAR + 1, LAST_WANTED + 1)
    reception, everybody = _wanted(people, areas, pupils, schools, homes)
    parts = len(planning_areas)
    places = np.bincount(schools.planning_area, schools.places, parts).astype(int)
    capacity = np.bincount(schools.planning_area, schools.capacity, parts).astype(int)
    return pd.DataFrame(
        {
            "planning_area_id": np.repeat(planning_areas["planning_area_id"].to_numpy(), len(years)),
            "school_year": np.tile(years, parts),
            "reception_wanted": reception.ravel(),
            "reception_places": np.repeat(places, len(years)),
            "pupils_wanted": everybody.ravel(),
            "places": np.repeat(capacity, len(years)),
        }
    )
