"""What the council's planners work out from the published tables: forecasts, need and walks.

The lessons and assessments of unit 04 work these out by hand, and start from them again in a later notebook; the figures
and the story of a borough are measured by them. Everything here takes a Borough and reads its published tables alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

if TYPE_CHECKING:
    from course.town.borough import Borough

RECEPTION, LAST_YEAR_GROUP = 0, 6
YEAR_GROUPS = range(RECEPTION, LAST_YEAR_GROUP + 1)
PRIMARY_AGES = 4, 10
BORN_BEFORE = 4  # who starts reception in September 2025 was born in the year to August 2021
RATIOS = 3  # a forecast's ratios are means of the last three years
TESTED_AHEAD = 3  # years between a forecast that is held against what came, and what came


def last_year(borough: Borough) -> int:
    """The latest school year of the rolls (2025 is 2025/26)."""
    return int(borough.rolls["school_year"].max())


def people_aged(borough: Borough, first: int, last: int) -> pd.Series:
    """People of the ages `first` to `last` (0 to 15), by area_id, in the order of the areas."""
    bands = [str(age) for age in range(first, last + 1)]
    population = borough.population
    counted = population[population["age_band"].isin(bands)].groupby("area_id")["people"].sum()
    return counted.reindex(borough.areas["area_id"], fill_value=0)


def walks_from_areas(borough: Borough) -> pd.DataFrame:
    """Metres of the shortest walk from the node of each area to every node, whichever way: area_id x node_id.

    Areas and nodes are in the order of their tables. Infinite where there is no way.
    """
    areas, edges, nodes = borough.areas, borough.road_edges, borough.road_nodes["node_id"]
    position = pd.Series(range(len(nodes)), index=nodes)
    ends = position[edges["from_node"]].to_numpy(), position[edges["to_node"]].to_numpy()
    # Of two edges between the same nodes the shorter counts; a sparse matrix would add them up.
    table = pd.DataFrame({"a": np.minimum(*ends), "b": np.maximum(*ends), "metres": edges["metres"].to_numpy(float)})
    table = table.groupby(["a", "b"], as_index=False)["metres"].min()
    graph = coo_array((table["metres"], (table["a"], table["b"])), shape=(len(position),) * 2).tocsr()
    metres = dijkstra(graph, directed=False, indices=position[areas["node_id"]].to_numpy())
    return pd.DataFrame(metres, index=areas["area_id"], columns=nodes)


# The standard forecast


@dataclass(frozen=True)
class Past:
    """Births and pupils by planning area, as the forecast needs them.

    `births`: planning areas x years to August. `pupils`: planning_area_id -> school years x year groups. Years are the
    labels of the frames; a year group that no school of the area has is 0.
    """

    births: pd.DataFrame
    pupils: dict[str, pd.DataFrame]

    @property
    def all_pupils(self) -> pd.DataFrame:
        """The borough's pupils: school years x year groups."""
        return sum(self.pupils.values())

    @property
    def by_planning_area(self) -> pd.DataFrame:
        """Pupils of all year groups: planning areas x school years."""
        return pd.DataFrame({name: pupils.sum(axis="columns") for name, pupils in self.pupils.items()}).T


def past(borough: Borough) -> Past:
    """Births by where the mother lives and pupils by where the school is, per planning area."""
    births = borough.births.assign(planning_area_id=borough.births["area_id"].map(_planning_area(borough)))
    births = births.pivot_table(index="planning_area_id", columns="year_to_august", values="births", aggfunc="sum")
    school = borough.schools.set_index("school_id")["planning_area_id"]
    rolls = borough.rolls.assign(planning_area_id=borough.rolls["school_id"].map(school))
    pupils = rolls.pivot_table(
        index=["planning_area_id", "school_year"], columns="year_group", values="pupils", aggfunc="sum", fill_value=0
    )
    return Past(births, {name: pupils.loc[name] for name in births.index})


def reception_ratio(births: pd.Series, pupils: pd.DataFrame, year: int) -> float:
    """Reception over the births four years before, mean of the three school years up to `year`."""
    return float(np.mean([pupils.loc[y, RECEPTION] / births[y - BORN_BEFORE] for y in _three(year)]))


def steps(pupils: pd.DataFrame, year: int) -> pd.Series:
    """Each year group over the one before it a year earlier, mean of the three school years up to `year`.

    Index: the year group that is reached, 1 to 6.
    """
    ratios = [pupils.loc[y, 1:].to_numpy() / pupils.loc[y - 1, : LAST_YEAR_GROUP - 1].to_numpy() for y in _three(year)]
    return pd.Series(np.mean(ratios, axis=0), index=list(YEAR_GROUPS)[1:])


def _three(year: int) -> range:
    return range(year - RATIOS + 1, year + 1)


def forecast(history: Past, base: int, ahead: int) -> pd.DataFrame:
    """Pupils `ahead` school years after `base`, forecast from what was known in `base`: planning areas x year groups.

    The standard method: births four years before times the planning area's own reception ratio; each year group to the
    next by the borough's steps. New housing is left out, so what it brings shows up as a forecast that is too low.
    """
    onward = steps(history.all_pupils, base).to_numpy()
    expected = {}
    for name, pupils in history.pupils.items():
        births = history.births.loc[name]
        ratio = reception_ratio(births, pupils, base)
        groups = pupils.loc[base].to_numpy(float)
        for year in range(base + 1, base + ahead + 1):
            groups = np.concatenate([[births[year - BORN_BEFORE] * ratio], groups[:-1] * onward])
        expected[name] = groups
    return pd.DataFrame.from_dict(expected, orient="index", columns=list(YEAR_GROUPS))


def from_homes(borough: Borough, year: int) -> pd.Series:
    """Pupils of all seven year groups who live in the homes planned up to the school year `year`, by area_id."""
    homes = borough.housing[borough.housing["school_year"] <= year]
    yields = borough.pupil_yields.set_index("home")["pupils_per_home"]
    pupils = homes["houses"] * yields["house"] + homes["flats"] * yields["flat"]
    return pupils.groupby(homes["area_id"]).sum().reindex(borough.areas["area_id"], fill_value=0)


def spare_reception(borough: Borough, year: int) -> pd.Series:
    """Reception places less the children who are expected in the school year `year`, by planning area.

    Expected: the standard forecast from the latest year, and what the homes planned by then yield, as many in each year
    group.
    """
    base = last_year(borough)
    wanted = forecast(past(borough), base, year - base)[RECEPTION]
    homes = from_homes(borough, year).groupby(_planning_area(borough)).sum() / len(YEAR_GROUPS)
    places = borough.schools.groupby("planning_area_id")["admission_number"].sum()
    return places - wanted - homes


def _planning_area(borough: Borough) -> pd.Series:
    """The planning area of each small area, by area_id."""
    return borough.areas.set_index("area_id")["planning_area_id"]


# Results that later notebooks start from


def forecasts(borough: Borough) -> pd.DataFrame:
    """The standard forecast as made in each year from which it can be: the rows of the table `forecasts`.

    Forecasts of the past reach TESTED_AHEAD years ahead, so that each can be held against what came; the latest goes as
    far as the children are born who will be in reception.
    """
    known, latest = past(borough), last_year(borough)
    first = int(borough.rolls["school_year"].min()) + RATIOS
    ahead = dict.fromkeys(range(first, latest - TESTED_AHEAD + 1), TESTED_AHEAD) | {latest: BORN_BEFORE}
    rows = []
    for made_in, years in ahead.items():
        for year in range(made_in + 1, made_in + years + 1):
            pupils = forecast(known, made_in, year - made_in).rename_axis("planning_area_id")
            pupils = pupils.melt(var_name="year_group", value_name="pupils", ignore_index=False).reset_index()
            rows.append(pupils.assign(made_in=made_in, school_year=year, pupils=pupils["pupils"].round(1)))
    key = ["made_in", "planning_area_id", "school_year", "year_group"]
    return pd.concat(rows).sort_values(key, ignore_index=True)


def need(borough: Borough) -> pd.DataFrame:
    """Pupils by where they live, in each year that the latest forecast covers: the rows of the table `need`.

    The forecast of a planning area is shared out among its small areas by the children aged 4 to 10 who live there now;
    pupils from planned homes are added where the homes will stand.
    """
    known, latest, planning_area = past(borough), last_year(borough), _planning_area(borough)
    children = people_aged(borough, *PRIMARY_AGES)
    share = children / children.groupby(planning_area).transform("sum")
    rows = []
    for ahead in range(1, BORN_BEFORE + 1):
        expected = share * planning_area.map(forecast(known, latest, ahead).sum(axis="columns"))
        homes = from_homes(borough, latest + ahead)
        rows.append(pd.DataFrame({"school_year": latest + ahead, "pupils": expected.round(1), "from_homes": homes.round(1)}))
    return pd.concat(rows).rename_axis("area_id").reset_index().sort_values(["area_id", "school_year"], ignore_index=True)


def walks(borough: Borough) -> pd.DataFrame:
    """The shortest walk from each small area to each school and site: the rows of the table `walks`."""
    schools, sites = borough.schools, borough.sites
    nodes = pd.concat([schools.set_index("school_id")["node_id"], sites.set_index("site_id")["node_id"]])
    metres = walks_from_areas(borough)[nodes].set_axis(nodes.index.rename("place_id"), axis="columns")
    return metres.round().astype(int).stack().rename("metres").reset_index()
