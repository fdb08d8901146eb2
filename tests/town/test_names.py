"""Names are put together from parts: the same from the same dice, all different, none in both boroughs, none known."""

import itertools

import numpy as np
import pytest

from course.town import names
from course.town.tables import BOROUGHS

TYPES = ["community"] * 30 + ["academy"] * 20 + ["Church of England"] * 18 + ["Catholic"] * 9
COAST = ["docks", "centre", *["coast"] * 4, "south", "inland"]
SEEDS = [9, 23, 7]
# Towns of the English coast and towns that the parts could give.
KNOWN = (
    *("Grimsby", "Whitby", "Scarborough", "Skegness", "Boston", "Lowestoft", "Felixstowe", "Harwich", "Margate"),
    *("Dover", "Hastings", "Brighton", "Bognor", "Poole", "Weymouth", "Rushden", "Mossley", "Swanley"),
    *("Brackley", "Bramley", "Saltley", "Cranfield", "Lingfield", "Sedgefield", "Osterley", "Hazelmere"),
    *("Sedgeley", "Amberley", "Reedley", "Thrimby"),
)

in_each_borough = pytest.mark.parametrize("borough", BOROUGHS)


def dice(seed=9):
    return np.random.default_rng(seed)


def own(borough, names_of_both):
    return set(names_of_both[BOROUGHS.index(borough) :: len(BOROUGHS)])


def wards_of(borough, seed, count=77):
    places = names.places(borough, dice(seed), 34)
    return [places[i % 34] for i in range(count)]


def everything(borough, seed):
    rng, wards = dice(seed), wards_of(borough, seed)
    schools = names.schools(borough, rng, wards, TYPES)
    return [
        names.places(borough, rng, 34),
        names.planning_areas(borough, rng, COAST),
        [names.river(borough, rng)],
        schools,
        names.closed_schools(borough, rng, wards, schools),
        names.housing(borough, rng, 45),
        names.sites(borough, rng, list(names.PLOTS) * 2, np.linspace(0.7, 4, 12)),
    ]


@in_each_borough
@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_dice_give_the_same_names_and_all_differ(borough, seed):
    assert everything(borough, seed) == everything(borough, seed)
    assert everything(borough, seed) != everything(borough, seed + 1)
    for answer in everything(borough, seed):
        assert len({name.casefold() for name in answer}) == len(answer)
        assert all(name == " ".join(name.split()) for name in answer)


# No name is in both boroughs.


def named_after(name):
    """What sets a name apart: "Tanner" of "Land off Tanner Lane" and of "Tanner Lane Primary Academy"."""
    name = name.removeprefix("Land off ").partition(" phase ")[0]
    for last_words in sorted(names.LAST_WORDS.values(), key=len, reverse=True):
        name = name.removesuffix(f" {last_words}")
    first, _, kind = name.rpartition(" ")
    return first if kind in {*names.KINDS_OF_ROAD, *names.ESTATES} else name


def parts_of(borough, seed):
    """All that sets names of a borough apart; of a site, its road and its plot."""
    *others, sites = everything(borough, seed)
    given = [name for answer in others for name in answer] + [part for site in sites for part in site.split(", ")]
    return {named_after(name).casefold() for name in given}


def test_whatever_the_seeds_no_name_of_one_borough_is_in_the_other():
    one, other = (set().union(*(parts_of(borough, seed) for seed in range(60))) for borough in BOROUGHS)
    assert len(one) > 300
    assert len(other) > 300
    assert not one & other


def test_whatever_the_seeds_all_places_of_one_borough_differ_from_those_of_the_other():
    one, other = ({name for seed in range(40) for name in names.places(borough, dice(seed), 200)} for borough in BOROUGHS)
    assert not one & other


def test_every_list_of_parts_says_a_thing_once():
    """Sharing out entry by entry keeps boroughs apart only if no entry comes again further on."""
    plots = [plot.name for plots in names.PLOTS.values() for plot in plots]
    together = [*names.STARTS, *names.ROADS, *names.ALONE, *itertools.chain(*names.PLANNING_AREAS.values()), *plots]
    saints = list(itertools.chain(*names.SAINTS.values()))
    for parts in (together, saints, names.ENDS, names.QUALIFIERS, names.LANDMARKS, names.RIVERS[0], names.FOREIGN):
        assert len({part.casefold() for part in parts}) == len(parts)


def test_a_borough_that_is_none_has_no_names():
    with pytest.raises(ValueError, match="atlantis"):
        names.places("atlantis", dice(), 34)


# Places.


@in_each_borough
def test_many_places_can_be_named_and_too_many_are_refused(borough):
    assert len(set(names.places(borough, dice(), 200))) == 200
    with pytest.raises(ValueError, match="9000 names were asked for"):
        names.places(borough, dice(), 9000)


def test_no_place_is_a_town_that_people_know():
    everywhere = {name for seed in range(40) for borough in BOROUGHS for name in names.places(borough, dice(seed), 200)}
    assert not everywhere & set(KNOWN)
    assert "Coldharbour" in everywhere


@in_each_borough
def test_places_of_a_borough_hardly_ever_begin_alike_or_end_alike(borough):
    first_parts = [name[:4] for name in names.places(borough, dice(), 34) if " " not in name]
    assert len(set(first_parts)) >= len(first_parts) - 1
    landmarks = [name.split()[1] for name in names.places(borough, dice(), 34) if name.startswith(names.QUALIFIERS)]
    assert len(set(landmarks)) == len(landmarks) > 1


@in_each_borough
def test_a_planning_area_can_say_where_it_is(borough):
    where = ["coast", "centre", "docks", "inland", "anywhere", "river", "north", "coast"]
    areas = names.planning_areas(borough, dice(), where)
    assert all(area in own(borough, names.PLANNING_AREAS[kind]) for area, kind in zip(areas, where, strict=True))


@in_each_borough
@pytest.mark.parametrize("kind", names.PLANNING_AREAS)
def test_all_planning_areas_have_names_though_all_lie_on_the_same_side(borough, kind):
    areas = names.planning_areas(borough, dice(), [kind] * 8)
    assert len(set(areas)) == 8
    assert set(areas) <= own(borough, names.PLANNING_AREAS[kind]) | own(borough, names.PLANNING_AREAS["anywhere"])
    with pytest.raises(ValueError, match="There are not 20 names"):
        names.planning_areas(borough, dice(), [kind] * 20)


@in_each_borough
def test_four_planning_areas_on_the_coast_all_say_so(borough):
    assert set(names.planning_areas(borough, dice(), ["coast"] * 4)) == own(borough, names.PLANNING_AREAS["coast"])


# Schools.


@in_each_borough
@pytest.mark.parametrize("seed", SEEDS)
def test_a_school_is_called_after_its_road_its_ward_or_its_saint(borough, seed):
    wards = wards_of(borough, seed)
    schools = names.schools(borough, dice(seed), wards, TYPES)
    for school, ward, kind in zip(schools, wards, TYPES, strict=True):
        assert school.endswith(names.LAST_WORDS[kind])
        stem = school.removesuffix(f" {names.LAST_WORDS[kind]}")
        road = stem.rpartition(" ")[2] in names.KINDS_OF_ROAD
        if kind in names.SAINTS:
            assert stem.startswith("St ") and stem.endswith("'s")
        else:
            assert road or stem == ward
    assert 5 < sum(" Road " in school for school in schools) < 40


@in_each_borough
def test_church_schools_are_called_after_wards_when_saints_are_used_up(borough):
    schools = names.schools(borough, dice(), wards_of(borough, 9), ["Catholic"] * 77)
    assert len(set(schools)) == 77
    saints = len(own(borough, names.SAINTS["Catholic"]))
    assert sum(school.startswith("St ") for school in schools) in {saints, saints + 1}


@in_each_borough
@pytest.mark.parametrize("seed", range(30))
def test_exactly_one_school_has_a_letter_that_breaks_what_is_read_as_utf_8(borough, seed):
    schools = names.schools(borough, dice(seed), wards_of(borough, seed), TYPES)
    [foreign] = [name for name in schools if not name.isascii()]
    assert foreign.startswith(tuple(own(borough, names.FOREIGN)))
    assert foreign.startswith("St ") == foreign.endswith(" Catholic Primary School")
    with pytest.raises(UnicodeDecodeError):
        foreign.encode("latin-1").decode("utf-8")


@in_each_borough
@pytest.mark.parametrize("kind", names.LAST_WORDS)
def test_a_borough_with_schools_of_one_type_has_such_a_letter_too(borough, kind):
    schools = names.schools(borough, dice(), wards_of(borough, 9, 20), [kind] * 20)
    assert sum(not school.isascii() for school in schools) == 1


@in_each_borough
@pytest.mark.parametrize("seed", SEEDS)
def test_a_closed_school_is_not_called_as_one_that_is_open(borough, seed):
    wards = wards_of(borough, seed)
    schools = names.schools(borough, dice(seed), wards, TYPES)
    closed = names.closed_schools(borough, dice(seed + 1), wards, schools, 6)
    stems = {school.partition(" Primary")[0].partition(" CE")[0] for school in schools}
    assert not stems & {school.partition(" Primary")[0].partition(" CE")[0] for school in closed}


# Plots of land.


@in_each_borough
@pytest.mark.parametrize("owner", names.PLOTS)
@pytest.mark.parametrize("hectares", np.linspace(0.7, 4, 12).round(2).tolist())
def test_a_site_is_what_its_owner_would_have_in_that_size(borough, owner, hectares):
    plots = {plot.name: plot for plot in own(borough, names.PLOTS[owner])}
    two = [site.rpartition(", ")[0] for site in names.sites(borough, dice(), [owner] * 2, [hectares] * 2)]
    assert len(set(two)) == 2
    assert all(plots[name].least <= hectares <= plots[name].most for name in two)


@in_each_borough
def test_a_site_for_which_nothing_fits_is_land_off_a_road(borough):
    too_big, *many = names.sites(borough, dice(), ["council"] * 21, [60, *[0.7] * 20])
    assert too_big.startswith("Land off ")
    assert sum(site.startswith("Land off ") for site in many) > 10
    assert len({*many, too_big}) == 21
