"""Towns of a few houses, made by hand, whose answers can be worked out by hand: tables as a Borough has them."""

from types import SimpleNamespace

import pandas as pd


def rows(columns, *values):
    return pd.DataFrame(values, columns=columns.split())


def population(**areas):
    """`areas`: people by age band, as pairs, for each area."""
    return rows("area_id age_band people", *((area, band, n) for area, bands in areas.items() for band, n in bands.items()))


def areas(*ids, planning_area="P1"):
    return pd.DataFrame({"area_id": ids, "planning_area_id": planning_area, "node_id": range(len(ids))})


def rolls(pupils):
    """A row a pupil count, from {(school_id, school_year): [reception, year 1, ...]}."""
    flat = [(school, year, group, n) for (school, year), groups in pupils.items() for group, n in enumerate(groups)]
    return rows("school_id school_year year_group pupils", *flat)


def street(*edges):
    """One home (node 0) and three schools on a line, 100, 200 and 300 m away; `edges` as (from, to, metres)."""
    where = [(0, 0), (100, 0), (200, 0), (300, 0), (0, 500)]
    return SimpleNamespace(
        areas=areas("A"),
        population=population(A={"3": 1000, "4": 30, "10": 30, "11": 1000}),
        schools=rows("school_id node_id", ("far", 3), ("near", 1), ("middle", 2)),
        road_nodes=rows("node_id easting northing", *((node, *place) for node, place in enumerate(where))),
        road_edges=rows("from_node to_node metres", *edges),
    )


def two_planning_areas(came_2025=None):
    """Births that fall by 10 a year; half of area A's births and all of B's come to reception; a tenth leave each year.

    `came_2025`: reception of planning area PA in the last year, instead of what the births would give.
    """
    births = {("A", year): 1000 - 10 * (year - 2006) for year in range(2006, 2026)}
    births |= {("B", year): 400 for year in range(2006, 2026)}
    pupils = {}
    for year in range(2016, 2026):
        pupils["a", year] = [0.5 * births["A", year - group - 4] * 0.9**group for group in range(7)]
        pupils["b", year] = [births["B", year - group - 4] * 0.9**group for group in range(7)]
    if came_2025 is not None:
        pupils["a", 2025][0] = came_2025
    return SimpleNamespace(
        areas=areas("A", "B", planning_area=["PA", "PB"]),
        births=rows("area_id year_to_august births", *((*key, n) for key, n in births.items())),
        schools=rows("school_id planning_area_id", ("a", "PA"), ("b", "PB")),
        rolls=rolls(pupils),
    )
