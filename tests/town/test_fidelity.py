"""What is made resembles the figures, and each measure gives what a hand calculation gives on a town of a few houses."""

import math
from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from course.town import borough, fidelity, planning
from course.town.fidelity import MEASURES, Trials, Tried
from course.town.figures import FIGURES, TO_BE_MET
from tests.town.conftest import BOROUGHS
from tests.town.small_towns import areas, population, rolls, rows, street, two_planning_areas

EASTMERES = [BOROUGHS["eastmere"], BOROUGHS["another eastmere"]]


@lru_cache
def made(name, seed):
    return fidelity.measured(borough.draw(name, seed))


@pytest.fixture(scope="module", params=BOROUGHS)
def town(request):
    # A fixture, so that a seed that is refused is drawn once and not again for each figure.
    name, seed = BOROUGHS[request.param]
    return f"{name} {seed}", made(name, seed)


@pytest.mark.parametrize("id", TO_BE_MET)
def test_what_is_made_meets_the_figure(id, town):
    name, values = town
    assert FIGURES[id].met_by(values[id]), fidelity.problem(name, FIGURES[id], values[id])


def test_every_figure_has_a_measure_and_every_measure_a_figure():
    assert list(MEASURES) == list(TO_BE_MET)


# Small towns whose answers can be worked out by hand


def test_shares_of_children_are_of_all_people_taken_together():
    town = SimpleNamespace(
        areas=areas("A", "B"),
        population=population(A={"0": 10, "4": 10, "16-24": 80}, B={"3": 5, "5": 12, "10": 12, "11": 71, "75+": 200}),
        deprivation=rows("area_id rank decile", ("A", 1, 1), ("B", 2, 4)),
    )
    assert MEASURES["people"](town) == 400
    assert MEASURES["share-0-4"](town) == pytest.approx(100 * 25 / 400), "not the mean of 20 % and 1.7 %"
    assert MEASURES["share-5-10"](town) == pytest.approx(100 * 24 / 400)
    assert MEASURES["share-4-10"](town) == pytest.approx(100 * 34 / 400)
    assert MEASURES["under-fives-against-5-10"](town) == pytest.approx((25 / 5) / (24 / 6))
    assert MEASURES["share-0-4-decile-1"](town) == pytest.approx(20)
    assert MEASURES["share-0-4-decile-4"](town) == pytest.approx(100 * 5 / 300)
    assert math.isnan(MEASURES["share-0-4-decile-2"](town)), "no area of this decile"
    assert MEASURES["areas-decile-4"](town) == 50
    assert MEASURES["correlation-0-4-deprivation-rank"](town) == pytest.approx(-1)


def test_an_area_without_babies_counts_as_one():
    town = SimpleNamespace(
        areas=areas("A", "B", "C"), population=population(A={"0": 20, "1": 5}, B={"0": 9, "1": 5}, C={"1": 5})
    )
    assert MEASURES["children-aged-0-mean"](town) == pytest.approx(29 / 3)
    assert MEASURES["children-aged-0-median"](town) == 9
    assert MEASURES["areas-under-10-aged-0"](town) == pytest.approx(200 / 3)


def test_the_spread_of_people_per_area_is_in_log_units():
    people = {"A": {"1": 1000}, "B": {"1": 2000}}
    town = SimpleNamespace(areas=areas("A", "B"), population=population(**people))
    assert MEASURES["people-per-small-area-sd-log"](town) == pytest.approx(math.log(2) / math.sqrt(2))
    assert MEASURES["people-per-small-area-median"](town) == 1500


def test_the_nearest_other_school_is_not_the_school_itself():
    schools = rows("school_id easting northing", ("a", 600000, 400000), ("b", 600300, 400000), ("c", 600300, 400400))
    town = SimpleNamespace(schools=schools)
    assert MEASURES["nearest-primary-median-m"](town) == 300
    assert MEASURES["nearest-primary-p90-m"](town) == pytest.approx(380)


def test_walking_is_by_the_shortest_road_whichever_way_it_was_drawn():
    straight_road = street((0, 1, 100), (2, 1, 100), (3, 2, 100))
    assert fidelity.walking_ratio(straight_road) == pytest.approx(1)
    round_the_river = street((0, 4, 500), (4, 1, 600), (1, 2, 100), (2, 3, 100))
    assert fidelity.walking_ratio(round_the_river) == pytest.approx((1100 + 1200 + 1300) / 600)
    two_roads_between_the_same_nodes = street((0, 1, 150), (1, 0, 110), (1, 2, 100), (2, 3, 100))
    assert fidelity.walking_ratio(two_roads_between_the_same_nodes) == pytest.approx((110 + 210 + 310) / 600)


def test_a_school_that_cannot_be_walked_to_is_noticed():
    assert fidelity.walking_ratio(street((0, 1, 100), (1, 2, 100))) == math.inf
    assert not FIGURES["walking-ratio"].met_by(math.inf)


def test_walking_counts_children_not_areas():
    town = street((0, 1, 100), (1, 2, 100), (2, 3, 100), (0, 4, 900))
    town.areas = areas("A", "B").assign(node_id=[0, 4])
    town.population = population(A={"5": 30}, B={"5": 10})
    lines = [math.hypot(500, x) for x in (100, 200, 300)]
    walked = 30 * 600 + 10 * (1000 + 1100 + 1200)
    expected = walked / (30 * 600 + 10 * sum(lines))
    assert fidelity.walking_ratio(town) == pytest.approx(expected)


def schools_of_three_kinds():
    """Full and over (44 of 42), half full (21 of 42), and new, with only two year groups (12 of 210)."""
    schools = rows("school_id capacity admission_number", ("full", 42, 6), ("half", 42, 6), ("new", 210, 30))
    pupils = {}
    for year in (2022, 2024, 2025):
        pupils |= {("full", year): [8, *[6] * 6], ("half", year): [3] * 7, ("new", year): [6, 6]}
    return SimpleNamespace(schools=schools, rolls=rolls(pupils))


def test_schools_that_still_grow_are_left_out_of_roll_over_capacity():
    town = schools_of_three_kinds()
    assert MEASURES["roll-over-capacity-mean"](town) == pytest.approx((44 / 42 + 21 / 42) / 2)
    assert MEASURES["schools-at-or-over-capacity"](town) == 50
    assert MEASURES["pupils-over-capacity"](town) == pytest.approx(100 * 2 / 65)


def test_a_school_over_capacity_does_not_fill_the_places_of_another():
    town = schools_of_three_kinds()
    assert MEASURES["unfilled-places-2022"](town) == pytest.approx(100 * 21 / 84), "not 100 * 19 / 84"
    assert MEASURES["unfilled-places-2024"](town) == pytest.approx(25)


def test_a_school_with_as_many_pupils_as_places_is_at_capacity():
    town = schools_of_three_kinds()
    town.schools = town.schools.assign(capacity=[44, 42, 210])
    assert MEASURES["schools-at-or-over-capacity"](town) == 50
    assert MEASURES["pupils-over-capacity"](town) == 0


def test_rolls_are_those_of_the_latest_year():
    town = schools_of_three_kinds()
    town.rolls = pd.concat([town.rolls, rolls({("half", 2026): [10] * 7, ("full", 2026): [20] * 7})])
    assert MEASURES["pupils"](town) == 210
    assert MEASURES["roll-p50"](town) == 105


def test_admission_numbers_and_forms_of_entry():
    numbers = [(15, 105), (30, 210), (45, 320), (60, 420), (40, 280)]
    town = SimpleNamespace(schools=rows("admission_number capacity", *numbers))
    assert MEASURES["admission-number-usual"](town) == 80
    assert MEASURES["admission-number-30-or-60"](town) == 40
    assert MEASURES["form-of-entry-places"](town) == 210


def test_a_suppressed_count_of_free_school_meals_is_low_not_missing():
    shares = [("a", 2025, 100, pd.NA), ("b", 2025, 100, 20), ("c", 2025, 100, 50), ("b", 2024, 100, 90)]
    meals = rows("school_id school_year pupils eligible", *shares).astype({"eligible": "Int64"})
    town = SimpleNamespace(free_school_meals=meals)
    assert MEASURES["free-school-meals-median"](town) == pytest.approx(20)
    assert MEASURES["free-school-meals-p05"](town) == pytest.approx(2.5 + 0.1 * 17.5)


def test_new_homes_are_per_1000_people_and_year_of_the_plan():
    town = SimpleNamespace(
        areas=areas("A"),
        population=population(A={"25-44": 50_000}),
        rolls=rolls({("a", 2025): [1]}),
        housing=rows("school_year houses flats", (2026, 300, 100), (2031, 500, 300)),
    )
    assert MEASURES["new-homes-per-1000"](town) == pytest.approx(1200 / 6 / 50)


def test_where_ratios_never_change_the_forecast_is_right():
    town = two_planning_areas()
    assert MEASURES["forecast-error-1-year"](town) == pytest.approx(0, abs=1e-9)
    assert MEASURES["forecast-error-3-years"](town) == pytest.approx(0, abs=1e-9)
    assert fidelity.errors_by_planning_area(3, town).to_numpy() == pytest.approx([0, 0], abs=1e-9)
    assert MEASURES["year-group-to-next"](town) == pytest.approx(0.9)
    assert MEASURES["year-group-to-next-furthest"](town) == pytest.approx(0.1)


def test_a_forecast_of_too_many_is_positive_and_only_where_fewer_came():
    town = two_planning_areas(came_2025=300)  # 425 were to come: half of the 850 births of 2021
    everybody = planning.past(town).pupils["PA"].loc[2025].sum()
    errors = fidelity.errors_by_planning_area(3, town)
    assert errors["PA"] == pytest.approx(100 * 125 / everybody)
    assert errors["PB"] == pytest.approx(0, abs=1e-9)
    assert 0 < MEASURES["forecast-error-3-years"](town) < errors["PA"]
    assert MEASURES["forecast-error-3-years-spread"](town) == pytest.approx(errors["PA"] / math.sqrt(2))


def test_births_to_reception_is_the_mean_of_the_last_three_years():
    town = two_planning_areas(came_2025=300)
    ratios = [*((0.5 * a + 400) / (a + 400) for a in (870, 860)), (300 + 400) / (850 + 400)]
    assert MEASURES["births-to-reception"](town) == pytest.approx(np.mean(ratios))


# What was made beside the figures


def printed(table):
    with (console := Console(width=220)).capture() as capture:
        console.print(table)
    return capture.get()


def frame_with(**values):
    """A frame as `compare` gives it, all at the figure except `values` of Wexmoor (by id with underscores)."""
    return pd.DataFrame(
        [
            {"id": id, "quantity": f.quantity, "unit": f.unit, "figure": f.value, "low": f.low, "high": f.high}
            | {"wexmoor": values.get(id.replace("-", "_"), f.value), "eastmere": f.value, "basis": f.basis}
            for id, f in TO_BE_MET.items()
        ]
    )


def test_two_boroughs_are_compared_side_by_side():
    frame = fidelity.compare([borough.draw(*BOROUGHS[name]) for name in ("wexmoor", "eastmere")])
    assert list(frame.columns) == ["id", "quantity", "unit", "figure", "low", "high", "wexmoor", "eastmere", "basis"]
    assert frame["id"].tolist() == list(TO_BE_MET)
    assert frame.set_index("id")["wexmoor"].to_dict() == made(*BOROUGHS["wexmoor"])


def test_two_boroughs_of_one_name_are_told_apart_by_their_seed():
    frame = fidelity.compare([borough.draw(*one) for one in EASTMERES])
    assert [column for column in frame.columns if "eastmere" in column] == [f"eastmere {seed}" for _, seed in EASTMERES]


def test_what_is_outside_the_tolerance_is_said_with_made_figure_tolerance_and_reason():
    problems = fidelity.outside(frame_with(roll_p50=402.0, people=math.nan))
    assert len(problems) == 2
    assert problems[0].startswith("wexmoor, people: people: made nan people, figure 290,000, tolerance 250,000 to 350,000.")
    said = "wexmoor, roll-p50: roll per school, median: made 402 pupils, figure 304, tolerance 260 to 355. Three standard"
    assert problems[1].startswith(said)
    assert fidelity.outside(frame_with()) == []


def test_the_markdown_table_says_in_words_what_is_outside():
    text = fidelity.as_markdown(frame_with(roll_p50=402.0, people=math.nan, walking_ratio=1.1))
    lines = text.splitlines()
    assert lines[0] == "| Quantity | Unit | Figure | Tolerance | Wexmoor | Eastmere | Basis |"
    assert len(lines) == 2 + len(TO_BE_MET)
    assert all(line.count("|") == 8 for line in lines)
    assert "| Roll per school, median | pupils | 304 | 260 to 355 | 402: too high | 304 | computed |" in lines
    assert "| People | people | 290,000 | 250,000 to 350,000 | nan: not measured | 290,000 | computed |" in lines
    assert " 1.1: too low | 1.3 | unverified |" in text


def test_the_table_in_the_terminal_says_the_same():
    assert "402: too high" in printed(fidelity.as_rich(frame_with(roll_p50=402.0)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (289_731.4, "289,731"),
        (304.0, "304"),
        (23.46, "23.5"),
        (8.0, "8"),
        (1.304, "1.3"),
        (0.44, "0.44"),
        (-0.4123, "-0.412"),
        (0.0, "0"),
        (-0.0001, "0"),
        (math.nan, "nan"),
        (math.inf, "inf"),
    ],
)
def test_numbers_are_written_as_people_read_them(value, text):
    assert fidelity.number(value) == text


# Seeds that nobody has chosen


def test_seeds_are_drawn_and_measured_and_each_is_told_of():
    told, seeds = [], [seed for _, seed in EASTMERES]
    trials = fidelity.try_seeds(seeds, "eastmere", progress=told.append)
    assert told == list(trials.tries)
    assert [tried.seed for tried in told] == seeds
    assert [tried.made for tried in told] == [made("eastmere", seed) for seed in seeds]
    assert all(0 < tried.seconds < 60 for tried in told)
    assert trials.refused == {}


def test_a_refused_seed_is_recorded_with_its_reason_and_other_errors_are_not_hidden(monkeypatch):
    def refuses(name, seed):
        raise borough.Refused(f"Seed {seed} gives no shortage.") if seed == 1 else ZeroDivisionError

    monkeypatch.setattr(borough, "draw", lru_cache(refuses))
    refused = fidelity.try_seed("eastmere", 1)
    assert (refused.seed, refused.refused, refused.made) == (1, "Seed 1 gives no shortage.", {})
    with pytest.raises(ZeroDivisionError):
        fidelity.try_seed("eastmere", 2)


def tried(seed, roll, refused=None):
    values = {id: figure.value for id, figure in TO_BE_MET.items()} | {"roll-p50": roll}
    return Tried(seed, refused, 2.0, {} if refused else values)


def test_trials_say_how_many_seeds_meet_each_figure():
    trials = Trials("eastmere", (tried(1, 300.0), tried(2, 0.0, refused="no shortage"), tried(3, 402.0), tried(4, 310.0)))
    assert trials.refused == {2: "no shortage"}
    by_figure = trials.by_figure().set_index("id")
    row = by_figure.loc["roll-p50"]
    assert (row["within"], row["of"], row["min"], row["median"], row["max"]) == (2, 3, 300, 310, 402)
    assert (by_figure.drop("roll-p50")["within"] == 3).all()
    text = printed(fidelity.trials_as_rich(trials))
    assert "Eastmere: 4 seeds, 3 drawn, 2.0 s each, 2.0 s at most; 1 refused" in text
    assert "2: no shortage" in text
    assert "2 of 3" in text


def test_trials_of_refused_seeds_alone_can_be_printed():
    trials = Trials("eastmere", (tried(2, 0.0, refused="no shortage"),))
    assert trials.by_figure()["of"].eq(0).all()
    assert "1 refused" in printed(fidelity.trials_as_rich(trials))
