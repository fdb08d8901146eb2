"""How like the real thing a made-up borough is: each figure of figures.csv measured on its tables.

A measure is a small function of a Borough, worked out from the published tables as a trainee would, in the figure's
unit. `compare` puts what was made beside the figures; `try_seeds` says how seeds fare that nobody has chosen.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from course.town.figures import FIGURES, TO_BE_MET, Figure
from course.town.planning import (
    YEAR_GROUPS,
    forecast,
    last_year,
    past,
    people_aged,
    reception_ratio,
    steps,
    walks_from_areas,
)

if TYPE_CHECKING:
    from rich.table import Table

    from course.town.borough import Borough

SCHOOLS_NEAR = 3
USUAL_NUMBERS = (15, 30, 45, 60, 90)
# A count of 1 to 4 is suppressed: its middle stands for it, and only the order of the lowest shares hangs on that.
SUPPRESSED = 2.5
PUPILS_IN_A_FORM = 30
HECTARES_IN_KM2 = 100


# People


def people(borough: Borough) -> pd.Series:
    """People of all ages, by area_id, in the order of the areas."""
    return borough.population.groupby("area_id")["people"].sum().reindex(borough.areas["area_id"], fill_value=0)


def share_aged(first: int, last: int, borough: Borough) -> float:
    """People of these ages in all people, per cent."""
    return 100 * people_aged(borough, first, last).sum() / people(borough).sum()


def under_fives_against_5_10(borough: Borough) -> float:
    """People per year of age at 0 to 4 over people per year of age at 5 to 10."""
    return (people_aged(borough, 0, 4).sum() / 5) / (people_aged(borough, 5, 10).sum() / 6)


def people_per_area_percentile(q: int, borough: Borough) -> float:
    """The q-th percentile of people per small area."""
    return people(borough).quantile(q / 100)


def sd_of_log_people(borough: Borough) -> float:
    """Standard deviation, between small areas, of the natural logarithm of people."""
    return np.log(people(borough)).std()


def young_shares(borough: Borough) -> pd.Series:
    """People aged 0 to 4 in all people, per cent, by area_id."""
    return 100 * people_aged(borough, 0, 4) / people(borough)


def young_share_in_decile(decile: int, borough: Borough) -> float:
    """People aged 0 to 4 in all people, per cent, in the areas of one decile of deprivation taken together."""
    deprivation = borough.deprivation
    areas = deprivation.loc[deprivation["decile"] == decile, "area_id"]
    return 100 * people_aged(borough, 0, 4)[areas].sum() / people(borough)[areas].sum() if len(areas) else math.nan


def correlation_with_rank(borough: Borough) -> float:
    """Correlation between areas of the share of people aged 0 to 4 with the rank of deprivation (1: most deprived)."""
    rank = borough.deprivation.set_index("area_id")["rank"]
    return young_shares(borough).corr(rank.reindex(borough.areas["area_id"]).astype(float))


def areas_in_decile(decile: int, borough: Borough) -> float:
    """Small areas in one decile of deprivation, per cent."""
    return 100 * (borough.deprivation["decile"] == decile).mean()


def babies_percentile(q: int, borough: Borough) -> float:
    """The q-th percentile of children aged 0 per small area."""
    return people_aged(borough, 0, 0).quantile(q / 100)


# Schools


def rolls_of(borough: Borough, school_year: int) -> pd.Series:
    """Pupils of all year groups by school_id in one school year, of the schools that were open."""
    rolls = borough.rolls
    return rolls[rolls["school_year"] == school_year].groupby("school_id")["pupils"].sum()


def roll_percentile(q: int, borough: Borough) -> float:
    """The q-th percentile of pupils per school, latest school year."""
    return rolls_of(borough, last_year(borough)).quantile(q / 100)


def pupils_per_child(borough: Borough) -> float:
    """Pupils of the latest school year over people aged 4 to 10."""
    return rolls_of(borough, last_year(borough)).sum() / people_aged(borough, 4, 10).sum()


def nearest_primary_percentile(q: int, borough: Borough) -> float:
    """The q-th percentile of the straight line from a school to the nearest other one, metres."""
    where = _places(borough.schools)
    nearest = cKDTree(where).query(where, k=2)[0][:, 1]
    return float(np.percentile(nearest, q))


def free_school_meals_percentile(q: int, borough: Borough) -> float:
    """The q-th percentile of schools' share of pupils eligible for free school meals, per cent, latest year.

    Suppressed counts (1 to 4) are taken as 2.5.
    """
    meals = borough.free_school_meals
    latest = meals[meals["school_year"] == meals["school_year"].max()]
    eligible = latest["eligible"].astype("Float64").fillna(SUPPRESSED).astype(float)
    return (100 * eligible / latest["pupils"]).quantile(q / 100)


def full_grown(borough: Borough, school_year: int) -> pd.DataFrame:
    """`pupils` and `capacity` by school_id of the schools that had all seven year groups in one school year."""
    rolls = borough.rolls
    year = rolls[rolls["school_year"] == school_year].groupby("school_id")
    schools = pd.DataFrame({"pupils": year["pupils"].sum(), "groups": year["year_group"].nunique()})
    schools["capacity"] = borough.schools.set_index("school_id")["capacity"]
    return schools[schools["groups"] == len(YEAR_GROUPS)]


def mean_roll_over_capacity(borough: Borough) -> float:
    """Mean of roll over capacity between schools that are full-grown, latest year. No school counts for more."""
    schools = full_grown(borough, last_year(borough))
    return (schools["pupils"] / schools["capacity"]).mean()


def at_or_over_capacity(borough: Borough) -> float:
    """Schools whose roll is their capacity or more, per cent of those that are full-grown, latest year."""
    schools = full_grown(borough, last_year(borough))
    return 100 * (schools["pupils"] >= schools["capacity"]).mean()


def pupils_over_capacity(borough: Borough) -> float:
    """Pupils above their school's capacity, per cent of the pupils of full-grown schools, latest year."""
    schools = full_grown(borough, last_year(borough))
    return 100 * (schools["pupils"] - schools["capacity"]).clip(lower=0).sum() / schools["pupils"].sum()


def unfilled_places(school_year: int, borough: Borough) -> float:
    """Places without a pupil, per cent of the places of full-grown schools; a school above capacity makes up for none."""
    schools = full_grown(borough, school_year)
    return 100 * (schools["capacity"] - schools["pupils"]).clip(lower=0).sum() / schools["capacity"].sum()


def places_of_a_form(borough: Borough) -> float:
    """Places for each form of entry (30 pupils of admission number), median of schools."""
    return (PUPILS_IN_A_FORM * borough.schools["capacity"] / borough.schools["admission_number"]).median()


def admission_numbers_among(numbers: Sequence[int], borough: Borough) -> float:
    """Schools whose admission number is one of `numbers`, per cent."""
    return 100 * borough.schools["admission_number"].isin(numbers).mean()


# Streets and homes


def walking_ratio(borough: Borough) -> float:
    """Walking distance over straight-line distance, children aged 4 to 10 to their three nearest schools.

    From the node of each area to those of the three schools nearest by straight line, along road edges, whichever way.
    The metres that all children walk over the metres of their straight lines: a mean of ratios would hang on the few
    who live next to a school. Infinite when a school cannot be reached.
    """
    nodes = borough.road_nodes.set_index("node_id")
    homes, schools = (_places(nodes.loc[table["node_id"]]) for table in (borough.areas, borough.schools))
    straight, nearest = cKDTree(schools).query(homes, k=SCHOOLS_NEAR)
    walked = walks_from_areas(borough)[borough.schools["node_id"]].to_numpy()
    walked = np.take_along_axis(walked, nearest, axis=1)
    children = people_aged(borough, 4, 10).to_numpy()
    return float((children @ walked).sum() / (children @ straight).sum())


def _places(rows: pd.DataFrame) -> np.ndarray:
    return rows[["easting", "northing"]].to_numpy(float)


def new_homes_per_1000(borough: Borough) -> float:
    """Homes planned from next school year to the last year of the plan, per 1,000 people and year."""
    housing = borough.housing
    years = housing["school_year"].max() - last_year(borough)
    return 1000 * (housing["houses"] + housing["flats"]).sum() / years / people(borough).sum()


# The standard forecast


def errors_by_planning_area(ahead: int, borough: Borough) -> pd.Series:
    """Forecast of each planning area's pupils in the latest year, made `ahead` years before: per cent too many."""
    history, year = past(borough), last_year(borough)
    expected = forecast(history, year - ahead, ahead).sum(axis="columns")
    return 100 * (expected / history.by_planning_area[year] - 1)


def error_of_borough(ahead: int, borough: Borough) -> float:
    """Forecast of the borough's pupils in the latest year, made `ahead` years before: per cent too many."""
    history, year = past(borough), last_year(borough)
    expected = forecast(history, year - ahead, ahead).sum(axis=None)
    return float(100 * (expected / history.all_pupils.loc[year].sum() - 1))


def births_to_reception(borough: Borough) -> float:
    """The borough's reception over its births four years before, mean of the last three years."""
    history = past(borough)
    return reception_ratio(history.births.sum(), history.all_pupils, last_year(borough))


def year_group_to_next(borough: Borough) -> float:
    """The borough's year groups over the one before a year earlier, mean of six steps and the last three years."""
    return float(steps(past(borough).all_pupils, last_year(borough)).mean())


def furthest_step(borough: Borough) -> float:
    """How far from 1 is the step between year groups (mean of the last three years) that is furthest from it."""
    return float((steps(past(borough).all_pupils, last_year(borough)) - 1).abs().max())


MEASURES: dict[str, Callable[[Borough], float]] = {
    "small-areas": lambda borough: len(borough.areas),
    "areas-per-ward": lambda borough: len(borough.areas) / len(borough.wards),
    "planning-areas": lambda borough: len(borough.planning_areas),
    "people": lambda borough: people(borough).sum(),
    "people-per-small-area-median": partial(people_per_area_percentile, 50),
    "people-per-small-area-p05": partial(people_per_area_percentile, 5),
    "people-per-small-area-p95": partial(people_per_area_percentile, 95),
    "people-per-small-area-sd-log": sd_of_log_people,
    "land-area-km2": lambda borough: borough.areas["hectares"].sum() / HECTARES_IN_KM2,
    "walking-ratio": walking_ratio,
    "share-0-4": partial(share_aged, 0, 4),
    "share-5-10": partial(share_aged, 5, 10),
    "share-4-10": partial(share_aged, 4, 10),
    "under-fives-against-5-10": under_fives_against_5_10,
    "share-0-4-sd": lambda borough: young_shares(borough).std(),
    **{f"share-0-4-decile-{decile}": partial(young_share_in_decile, decile) for decile in range(1, 11)},
    "correlation-0-4-deprivation-rank": correlation_with_rank,
    **{f"areas-decile-{decile}": partial(areas_in_decile, decile) for decile in range(1, 11)},
    "children-aged-0-mean": lambda borough: people_aged(borough, 0, 0).mean(),
    "children-aged-0-median": partial(babies_percentile, 50),
    "children-aged-0-p05": partial(babies_percentile, 5),
    "children-aged-0-p95": partial(babies_percentile, 95),
    "areas-under-10-aged-0": lambda borough: 100 * (people_aged(borough, 0, 0) < 10).mean(),
    "schools": lambda borough: len(borough.schools),
    "pupils": lambda borough: rolls_of(borough, last_year(borough)).sum(),
    "pupils-per-child": pupils_per_child,
    "roll-p10": partial(roll_percentile, 10),
    "roll-p50": partial(roll_percentile, 50),
    "roll-p90": partial(roll_percentile, 90),
    "nearest-primary-median-m": partial(nearest_primary_percentile, 50),
    "nearest-primary-p90-m": partial(nearest_primary_percentile, 90),
    "free-school-meals-median": partial(free_school_meals_percentile, 50),
    "free-school-meals-p05": partial(free_school_meals_percentile, 5),
    "free-school-meals-p95": partial(free_school_meals_percentile, 95),
    "roll-over-capacity-mean": mean_roll_over_capacity,
    "schools-at-or-over-capacity": at_or_over_capacity,
    "pupils-over-capacity": pupils_over_capacity,
    "unfilled-places-2022": partial(unfilled_places, 2022),
    "unfilled-places-2024": partial(unfilled_places, 2024),
    "form-of-entry-places": places_of_a_form,
    "admission-number-usual": partial(admission_numbers_among, USUAL_NUMBERS),
    "admission-number-30-or-60": partial(admission_numbers_among, (30, 60)),
    "births-to-reception": births_to_reception,
    "year-group-to-next": year_group_to_next,
    "year-group-to-next-furthest": furthest_step,
    "forecast-error-1-year": partial(error_of_borough, 1),
    "forecast-error-3-years": partial(error_of_borough, 3),
    "forecast-error-3-years-planning-areas": lambda borough: errors_by_planning_area(3, borough).median(),
    "forecast-error-3-years-spread": lambda borough: errors_by_planning_area(3, borough).std(),
    "new-homes-per-1000": new_homes_per_1000,
}


# What was made beside the figures

BEFORE, AFTER = ["id", "quantity", "unit", "figure", "low", "high"], ["basis"]


def measured(borough: Borough) -> dict[str, float]:
    """What was made of each figure that is to be met, by its id."""
    return {id: float(MEASURES[id](borough)) for id in TO_BE_MET}


def compare(boroughs: Sequence[Borough]) -> pd.DataFrame:
    """A row a figure: id, quantity, unit, figure, low, high, a column of what was made for each borough, basis.

    A borough's column has its name, with its seed where two of a name are compared.
    """
    names = [borough.name for borough in boroughs]
    made = {}
    for borough in boroughs:
        column = borough.name if names.count(borough.name) == 1 else f"{borough.name} {borough.seed}"
        made[column] = measured(borough)
    rows = [
        {"id": id, "quantity": figure.quantity, "unit": figure.unit, "figure": figure.value}
        | {"low": figure.low, "high": figure.high}
        | {column: values[id] for column, values in made.items()}
        | {"basis": figure.basis}
        for id, figure in TO_BE_MET.items()
    ]
    return pd.DataFrame(rows, columns=[*BEFORE, *made, *AFTER])


def outside(frame: pd.DataFrame) -> list[str]:
    """A sentence for each value of `compare`'s frame that lies outside the tolerance, with its reason."""
    return [
        problem(column, FIGURES[row["id"]], row[column])
        for column in _boroughs(frame)
        for _, row in frame.iterrows()
        if not FIGURES[row["id"]].met_by(row[column])
    ]


def problem(borough: str, figure: Figure, made: float) -> str:
    """What is wrong with `made`, which does not meet the figure: made, figure, tolerance and the tolerance's reason."""
    return (
        f"{borough}, {figure.id}: {figure.quantity}: made {number(made)} {figure.unit}, figure {number(figure.value)}, "
        f"tolerance {number(figure.low)} to {number(figure.high)}. {figure.why_tolerance}"
    )


def as_markdown(frame: pd.DataFrame) -> str:
    """`compare`'s frame as a Markdown table: what was made beside the figure; outside the tolerance said in words."""
    boroughs = _boroughs(frame)
    heading = ["Quantity", "Unit", "Figure", "Tolerance", *(column.capitalize() for column in boroughs), "Basis"]
    ruler = ["---", "---", "---:", "---", *("---:" for _ in boroughs), "---"]
    lines = [heading, ruler, *(_cells(row, boroughs) for _, row in frame.iterrows())]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def as_rich(frame: pd.DataFrame) -> Table:
    """`compare`'s frame for the terminal, values outside the tolerance in bold red as well as in words."""
    boroughs = _boroughs(frame)
    table = _narrow_table("What was made, beside the figures")
    for heading, justify in [("Figure", "right"), ("Tolerance", "left")]:
        table.add_column(heading, justify=justify, no_wrap=True)
    for column in boroughs:
        table.add_column(column.capitalize(), justify="right", no_wrap=True)
    for _, row in frame.iterrows():
        quantity, unit, figure, tolerance, *made, _ = _cells(row, boroughs)
        for place, column in enumerate(boroughs):
            if not FIGURES[row["id"]].met_by(row[column]):
                made[place] = f"[bold red]{made[place]}[/]"
        table.add_row(f"{quantity} ({unit})", figure, tolerance, *made)
    return table


def _narrow_table(title: str) -> Table:
    """A table whose first column is words and folds, so that the numbers keep their width in 80 columns."""
    from rich.box import SIMPLE_HEAD  # one of the tools; what data/README.md needs does without
    from rich.table import Table

    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, caption_justify="left")
    table.add_column("Quantity", overflow="fold", ratio=1)
    return table


def _boroughs(frame: pd.DataFrame) -> list[str]:
    return [column for column in frame.columns if column not in (*BEFORE, *AFTER)]


def _cells(row: pd.Series, boroughs: list[str]) -> list[str]:
    tolerance = f"{number(row['low'])} to {number(row['high'])}"
    made = [number(row[column]) + _verdict(FIGURES[row["id"]], row[column]) for column in boroughs]
    quantity = row["quantity"][0].upper() + row["quantity"][1:]
    return [quantity, row["unit"], number(row["figure"]), tolerance, *made, row["basis"]]


def _verdict(figure: Figure, made: float) -> str:
    if figure.met_by(made):
        return ""
    if math.isnan(made):
        return ": not measured"
    return ": too low" if made < figure.low else ": too high"


def number(value: float) -> str:
    """A value as people read it: about three figures, thousands with a comma, no empty decimals."""
    size = abs(value)
    decimals = next(decimals for limit, decimals in [(100, 0), (10, 1), (1, 2), (0, 3), (-math.inf, 0)] if not size < limit)
    text = f"{value:,.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


# Seeds that nobody has chosen


@dataclass(frozen=True)
class Tried:
    """What became of one seed: why it was refused (None: it was drawn), the seconds it took, what was made by id."""

    seed: int
    refused: str | None
    seconds: float
    made: dict[str, float]


@dataclass(frozen=True)
class Trials:
    """What became of many seeds of one borough, in the order they were given."""

    borough: str
    tries: tuple[Tried, ...]

    @property
    def drawn(self) -> list[Tried]:
        """The seeds that gave a borough."""
        return [tried for tried in self.tries if tried.refused is None]

    @property
    def refused(self) -> dict[int, str]:
        """The seeds that were refused, and why."""
        return {tried.seed: tried.refused for tried in self.tries if tried.refused is not None}

    @property
    def seconds(self) -> list[float]:
        """Seconds to draw a borough, of the seeds that gave one."""
        return [tried.seconds for tried in self.drawn]

    def by_figure(self) -> pd.DataFrame:
        """A row a figure: id, quantity, unit, figure, low, high, within (seeds), of (seeds), min, median, max.

        Numbers of what was made are missing when every seed was refused.
        """
        rows = []
        for id, figure in TO_BE_MET.items():
            made = [tried.made[id] for tried in self.drawn]
            spread = [min(made), float(np.median(made)), max(made)] if made else [math.nan] * 3
            within = sum(figure.met_by(one) for one in made)
            rows.append(
                [id, figure.quantity, figure.unit, figure.value, figure.low, figure.high, within, len(made), *spread]
            )
        return pd.DataFrame(rows, columns=[*BEFORE, "within", "of", "min", "median", "max"])


def try_seeds(
    seeds: Iterable[int],
    borough: str = "eastmere",
    progress: Callable[[Tried], None] | None = None,
    processes: int | None = None,
) -> Trials:
    """Draw a borough from each seed and measure it, several at a time.

    `progress` is called after each seed, in the order given. `processes`: how many at a time (None: one a core).
    Refused seeds are recorded, not raised; any other error is raised.
    """
    tries = []
    # A fresh interpreter each, as on Windows and macOS: a fork of one that holds threads may hang.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for tried in pool.map(partial(try_seed, borough), seeds):
            tries.append(tried)
            if progress is not None:
                progress(tried)
    return Trials(borough, tuple(tries))


def try_seed(borough: str, seed: int) -> Tried:
    """Draw a borough from one seed and measure it."""
    from course.town.borough import Refused, draw  # only here: the generator starts from figures, and needs no measures

    draw.cache_clear()  # so that the seconds are those of drawing, and one borough at a time is kept
    start = time.perf_counter()
    try:
        drawn = draw(borough, seed)
    except Refused as reason:
        return Tried(seed, str(reason), time.perf_counter() - start, {})
    seconds = time.perf_counter() - start
    return Tried(seed, None, seconds, measured(drawn))


def trials_as_rich(trials: Trials) -> Table:
    """How many seeds meet each figure, with the least, middle and most that was made, for the terminal."""
    drawn, refused = trials.drawn, trials.refused
    timing = f", {np.median(trials.seconds):.1f} s each, {max(trials.seconds):.1f} s at most" if drawn else ""
    reasons = "".join(f"\n{seed}: {why}" for seed, why in refused.items())
    counts = f"{len(trials.tries)} seeds, {len(drawn)} drawn{timing}; {len(refused)} refused"
    table = _narrow_table(f"{trials.borough.capitalize()}: {counts}")
    table.caption = f"Refused:{reasons}" if refused else None
    for heading in ("Figure", "Tolerance", "Within", "Min", "Median", "Max"):
        table.add_column(heading, justify="right", no_wrap=True)
    for _, row in trials.by_figure().iterrows():
        within = f"{row['within']} of {row['of']}"
        if row["within"] < row["of"]:
            within = f"[bold red]{within}[/]"
        tolerance = f"{number(row['low'])} to {number(row['high'])}"
        spread = [number(row[name]) for name in ("min", "median", "max")]
        table.add_row(f"{row['quantity']} ({row['unit']})", number(row["figure"]), tolerance, within, *spread)
    return table
