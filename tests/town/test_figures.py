"""The figures that the towns must resemble: each has a tolerance and says where it comes from."""

import dataclasses
import math

import pytest

from course.town.figures import BASES, COLUMNS, FIGURES, PATH, TO_BE_MET, read

GOOD = ["roll-p50", "roll per school, median", "304", "pupils", "260", "355", "Three standard errors.", "computed", "Ours"]


def written(tmp_path, *rows, heading=COLUMNS):
    path = tmp_path / "figures.csv"
    path.write_text("".join(",".join(f'"{cell}"' for cell in row) + "\n" for row in (heading, *rows)), encoding="utf-8")
    return path


def changed(**cells):
    return [cells.get(name, cell) for name, cell in zip(COLUMNS, GOOD, strict=True)]


def test_a_row_is_read(tmp_path):
    figure = read(written(tmp_path, GOOD))["roll-p50"]
    assert (figure.value, figure.low, figure.high, figure.unit) == (304, 260, 355, "pupils")
    assert (figure.quantity, figure.why_tolerance) == ("roll per school, median", "Three standard errors.")
    assert (figure.basis, figure.source) == ("computed", "Ours")


def test_the_ends_of_the_tolerance_are_inside_it_and_what_could_not_be_measured_is_not(tmp_path):
    figure = read(written(tmp_path, GOOD))["roll-p50"]
    assert [figure.met_by(made) for made in (259.9, 260, 304, 355, 355.1)] == [False, True, True, True, False]
    assert not figure.met_by(math.nan)


def test_a_row_without_a_tolerance_is_a_parameter(tmp_path):
    figure = read(written(tmp_path, changed(low="", high="")))["roll-p50"]
    assert figure.is_parameter
    with pytest.raises(ValueError, match="roll-p50 is a parameter"):
        figure.met_by(304)


def test_a_figure_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        FIGURES["people"].value = 1


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (changed(value="many"), "value is 'many', which is not a number"),
        (changed(value="inf"), "value is 'inf', which is not a number"),
        (changed(value=""), "value must not be empty"),
        (changed(why_tolerance=" ", source=""), "why_tolerance and source must not be empty"),
        (changed(basis="hearsay"), "the basis is hearsay, not one of computed"),
        (changed(low=""), "low and high are both given, or neither"),
        (changed(low="310"), "the value 304 does not lie between low 310 and high 355"),
        (GOOD[:-1], "8 cells where 9 are wanted"),
        (changed(id="schools"), "the id schools is there twice"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path, row, said):
    path = written(tmp_path, changed(id="schools"), row)
    with pytest.raises(ValueError, match=f"^figures.csv, line 3: {said}"):
        read(path)


def test_a_bad_heading_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"^figures.csv, line 1: the columns are id, worth, not id, quantity, value"):
        read(written(tmp_path, heading=("id", "worth")))
    (tmp_path / "figures.csv").write_text("")
    with pytest.raises(ValueError, match="line 1"):
        read(tmp_path / "figures.csv")


def test_every_basis_is_used_and_explained():
    assert {figure.basis for figure in FIGURES.values()} == set(BASES)


def test_ids_and_units_are_written_alike():
    for figure in FIGURES.values():
        assert figure.id == figure.id.lower()
        assert " " not in figure.id
        assert figure.why_tolerance.endswith(".")
        assert not figure.source.endswith(".")


def test_figures_agree_with_each_other():
    value = {id: figure.value for id, figure in FIGURES.items()}
    deciles = range(1, 11)
    assert sum(value[f"areas-decile-{d}"] for d in deciles) == pytest.approx(100, abs=0.2)
    shares = sum(value[f"areas-decile-{d}"] * value[f"share-0-4-decile-{d}"] for d in deciles) / 100
    assert shares == pytest.approx(value["share-0-4"], abs=0.02), "the shares by decile make the borough's share"
    unfilled = 100 * (1 - value["roll-over-capacity-mean"]) + value["pupils-over-capacity"]
    assert unfilled == pytest.approx(value["unfilled-places-2022"], abs=0.1), "pupils above capacity fill nobody's places"
    assert value["people"] / value["small-areas"] == pytest.approx(value["people-per-small-area-median"], rel=0.1)
    under_fives = value["share-0-4"] / 5 / (value["share-5-10"] / 6)
    assert under_fives == pytest.approx(value["under-fives-against-5-10"], abs=0.005)
    pupils = value["share-4-10"] / 100 * value["people"] * value["pupils-per-child"]
    assert pupils == pytest.approx(value["pupils"], rel=0.02)


def test_the_file_holds_the_figures_and_the_parameters():
    assert len(TO_BE_MET) > 60
    assert {id for id in FIGURES if id not in TO_BE_MET} >= {
        "pupil-yield-house",
        "site-area-per-pupil",
        "walking-limit-from-8",
    }
    assert PATH.read_bytes().count(b"\r") == 0
