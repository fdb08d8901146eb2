"""Names are put together from parts: the same from the same dice, all different, and none that a reader knows."""

import numpy as np
import pytest

from course.town import names

TYPES = ["community"] * 30 + ["academy"] * 20 + ["Church of England"] * 18 + ["Catholic"] * 9
SEEDS = [9, 23, 7]
# Towns of the English coast and towns that the parts could give.
KNOWN = (
    *("Grimsby", "Whitby", "Scarborough", "Skegness", "Boston", "Lowestoft", "Felixstowe", "Harwich", "Margate"),
    *("Dover", "Hastings", "Brighton", "Bognor", "Poole", "Weymouth", "Rushden", "Mossley", "Swanley"),
    *("Brackley", "Bramley", "Saltley", "Cranfield", "Lingfield", "Sedgefield", "Osterley", "Hazelmere"),
    *("Sedgeley", "Amberley"),
)


def dice(seed=9):
    return np.random.default_rng(seed)


def wards_of(seed, count=77):
    places = names.places(dice(seed), 34)
    return [places[i % 34] for i in range(count)]


def everything(seed):
    rng, wards = dice(seed), wards_of(seed)
    schools = names.schools(rng, wards, TYPES)
    return [
        names.places(rng, 34),
        names.planning_areas(rng, 8),
        [names.river(rng)],
        schools,
        names.closed_schools(rng, wards, schools),
        names.housing(rng, 45),
        names.sites(rng, list(names.PLOTS) * 2),
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_dice_give_the_same_names_and_all_differ(seed):
    assert everything(seed) == everything(seed)
    assert everything(seed) != everything(seed + 1)
    for answer in everything(seed):
        assert len({name.casefold() for name in answer}) == len(answer)
        assert all(name == " ".join(name.split()) for name in answer)


def test_many_places_can_be_named_and_too_many_are_refused():
    places = names.places(dice(), 500)
    assert len(set(places)) == 500
    with pytest.raises(ValueError, match="9000 names were asked for"):
        names.places(dice(), 9000)


def test_no_place_is_a_town_that_people_know():
    everywhere = set(names.places(dice(), 550))
    assert not everywhere & set(KNOWN)
    assert "Coldharbour" in everywhere


def test_places_of_a_borough_hardly_ever_begin_alike():
    first_parts = [name[:4] for name in names.places(dice(), 34) if " " not in name]
    assert len(set(first_parts)) >= len(first_parts) - 1


def test_a_planning_area_can_say_where_it_is():
    where = ["coast", "centre", "north", "inland", "anywhere", "river", "north", "centre"]
    areas = names.planning_areas(dice(), 8, where)
    assert all(area in names.PLANNING_AREAS[kind] for area, kind in zip(areas, where, strict=True))
    with pytest.raises(ValueError, match="There are not 9 names"):
        names.planning_areas(dice(), 9)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_school_is_called_after_its_road_its_ward_or_its_saint(seed):
    wards = wards_of(seed)
    schools = names.schools(dice(seed), wards, TYPES)
    for school, ward, kind in zip(schools, wards, TYPES, strict=True):
        assert school.endswith(names.LAST_WORDS[kind])
        stem = school.removesuffix(f" {names.LAST_WORDS[kind]}")
        road = stem.rpartition(" ")[2] in names.KINDS_OF_ROAD
        if kind in names.SAINTS:
            assert stem.startswith("St ") and stem.endswith("'s")
        else:
            assert road or stem == ward
    assert 10 < sum(" Road " in school for school in schools) < 40


def test_church_schools_are_called_after_wards_when_saints_are_used_up():
    schools = names.schools(dice(), wards_of(9), ["Catholic"] * 77)
    assert len(set(schools)) == 77
    assert sum(school.startswith("St ") for school in schools) in {len(names.SAINTS["Catholic"]), 17}


@pytest.mark.parametrize("seed", range(40))
def test_exactly_one_school_has_a_letter_that_breaks_what_is_read_as_utf_8(seed):
    foreign = [name for name in names.schools(dice(seed), wards_of(seed), TYPES) if not name.isascii()]
    assert len(foreign) == 1
    with pytest.raises(UnicodeDecodeError):
        foreign[0].encode("latin-1").decode("utf-8")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_closed_school_is_not_called_as_one_that_is_open(seed):
    wards = wards_of(seed)
    schools = names.schools(dice(seed), wards, TYPES)
    closed = names.closed_schools(dice(seed + 1), wards, schools, 6)
    stems = {school.partition(" Primary")[0].partition(" CE")[0] for school in schools}
    assert not stems & {school.partition(" Primary")[0].partition(" CE")[0] for school in closed}


def test_a_site_is_what_its_owner_would_have():
    owners = [owner for owner in names.PLOTS for _ in range(7)]
    for site, owner in zip(names.sites(dice(), owners), owners, strict=True):
        assert site.rpartition(", ")[0] in names.PLOTS[owner]
