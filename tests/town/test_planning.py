"""The forecast, the need and the walks that unit 04 starts from: right on towns of a few houses, and of one piece."""

import pandas as pd
import pytest

from course.town import planning
from course.town.borough import IN_THREE_YEARS
from tests.town.small_towns import areas, rows, street, two_planning_areas


def test_a_forecast_knows_nothing_of_the_years_after_it():
    known = planning.past(two_planning_areas())
    expected = planning.forecast(known, 2022, 3)
    for pupils in known.pupils.values():
        pupils.loc[2023:] = 0
    known.births.loc[:, 2022:] = 0
    pd.testing.assert_frame_equal(planning.forecast(known, 2022, 3), expected)


def test_spare_reception_places_are_what_children_and_planned_homes_leave():
    town = two_planning_areas()
    town.schools = town.schools.assign(admission_number=[410, 400])
    town.pupil_yields = rows("home pupils_per_home", ("house", 0.7), ("flat", 0.07))
    homes = [("A", 2026, 100, 0), ("A", 2028, 50, 100), ("A", 2029, 900, 900)]
    town.housing = rows("area_id school_year houses flats", *homes)
    spare = planning.spare_reception(town, 2028)
    in_a_year_group = (150 * 0.7 + 100 * 0.07) / 7
    assert spare["PA"] == pytest.approx(410 - 0.5 * (1000 - 10 * 18) - in_a_year_group), "born in 2024, homes until 2028"
    assert spare["PB"] == pytest.approx(0), "no homes are planned"


def test_forecasts_of_the_past_reach_three_years_and_the_latest_as_far_as_children_are_born():
    table = planning.forecasts(two_planning_areas())
    reach = table.groupby("made_in")["school_year"].agg(["min", "max"])
    assert reach.loc[2025].tolist() == [2026, 2029]
    assert reach.drop(2025).index.tolist() == [2019, 2020, 2021, 2022]
    assert (reach["max"] - reach.index).drop(2025).eq(3).all() and (reach["min"] - reach.index).eq(1).all()
    reception = table.set_index(["planning_area_id", "made_in", "school_year", "year_group"])["pupils"]
    assert reception["PA", 2025, 2029, 0] == pytest.approx(0.5 * (1000 - 10 * 19), abs=0.05), (
        "born in the year to August 2025"
    )
    assert reception["PB", 2019, 2022, 6] == pytest.approx(400 * 0.9**6, abs=0.05)


def planned_town():
    """Two small areas in planning area PA, one of them with three times the children, and one in PB; homes in three."""
    town = two_planning_areas()
    town.areas = areas("A", "C", "B", planning_area=["PA", "PA", "PB"])
    children = [("A", 30), ("C", 10), ("B", 20)]
    town.population = rows("area_id age_band people", *((area, "7", n) for area, n in children), ("C", "11", 999))
    town.pupil_yields = rows("home pupils_per_home", ("house", 0.7), ("flat", 0.07))
    town.housing = rows("area_id school_year houses flats", ("C", 2026, 100, 0), ("C", 2028, 0, 100), ("B", 2030, 900, 900))
    return town


def test_need_shares_the_forecast_out_by_children_and_adds_homes_where_they_stand():
    town = planned_town()
    need = planning.need(town).set_index(["area_id", "school_year"])
    whole = (
        planning.forecasts(town).query("made_in == 2025 and planning_area_id == 'PA'").groupby("school_year")["pupils"].sum()
    )
    for year in range(2026, 2030):
        assert need.loc[("A", year), "pupils"] == pytest.approx(0.75 * whole[year], abs=0.5)
        assert need.loc[("C", year), "pupils"] == pytest.approx(0.25 * whole[year], abs=0.5)
    assert need.loc["C", "from_homes"].tolist() == pytest.approx([70, 70, 77, 77])
    assert need.loc["A", "from_homes"].eq(0).all() and need.loc["B", "from_homes"].eq(0).all(), "lived in from 2030"


def test_walks_lead_to_every_school_and_site_and_an_expansion_is_where_its_school_is():
    town = street((0, 1, 100), (1, 2, 100), (2, 3, 100))
    town.sites = rows("site_id node_id", ("S1", 3), ("S2", 0))
    walks = planning.walks(town).set_index(["area_id", "place_id"])["metres"]
    assert walks["A"].to_dict() == {"far": 300, "near": 100, "middle": 200, "S1": 300, "S2": 0}
    assert walks.dtype == int


def test_the_three_tables_are_of_one_piece_with_the_others(borough):
    forecasts, need, walks = planning.forecasts(borough), planning.need(borough), planning.walks(borough)
    latest = forecasts[forecasts["made_in"] == 2025].groupby("school_year")["pupils"].sum()
    assert need.groupby("school_year")["pupils"].sum().to_numpy() == pytest.approx(latest.to_numpy(), rel=1e-3)
    reception = forecasts.query("made_in == 2025 and school_year == @IN_THREE_YEARS and year_group == 0")
    planning_area = borough.areas.set_index("area_id")["planning_area_id"]
    homes = need[need["school_year"] == IN_THREE_YEARS].set_index("area_id")["from_homes"].groupby(planning_area).sum() / 7
    places = borough.schools.groupby("planning_area_id")["admission_number"].sum()
    spare = places - reception.set_index("planning_area_id")["pupils"] - homes
    pd.testing.assert_series_equal(spare, planning.spare_reception(borough, IN_THREE_YEARS), atol=1, check_names=False)
    assert len(walks) == len(borough.areas) * (len(borough.schools) + len(borough.sites))
    assert IN_THREE_YEARS == 2028
