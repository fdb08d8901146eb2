"""What the report works out: intervals, discrimination, messages that are the same, charts that can be read aloud."""

import random
import statistics as reference
import time

import pytest

from course.checks import NOT_ANSWERED
from course.figures import what_is_missing
from course.grading.report import charts
from course.grading.report.book import Exercise, Outcome, Unit
from course.grading.report.messages import clean, commonest, in_general, messages_of
from course.grading.report.pages import file_name, page_of, period, signed, worded
from course.grading.report.statistics import (
    FEWEST_FOR_DISCRIMINATION,
    Discrimination,
    ExerciseFigures,
    OutcomeFigures,
    Share,
    code_order,
    discrimination,
)

CHECK = """
expect(found[0] == 1, f"For sure you count {found[0]} of the five.", right="who is there")
expect(set(found) == pair, f"{found[0]} and {found[1]} are not the two most alike here.")
expect(found, "A blank is not a no.")
expect(found == 2, f"{found}")
"""
MESSAGES = messages_of(CHECK)


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_a_share_is_wilsons(part, whole, low, high):
    # Newcombe (1998), Two-sided confidence intervals for the single proportion, Statistics in Medicine 17, table I
    assert Share(part, whole).interval == pytest.approx((low, high), abs=5e-5)


def test_discrimination_is_the_correlation_with_the_other_exercises_and_its_interval_holds_it():
    draw = random.Random(4)
    ability = [draw.gauss(0, 1) for _ in range(40)]
    marks = [float(one + draw.gauss(0, 1) > 0) for one in ability]
    found = discrimination(marks, ability)
    assert found.r == pytest.approx(reference.correlation(marks, ability))
    assert found.n == 40 and -1 < found.low < found.r < found.high < 1
    assert discrimination([1 - mark for mark in marks], ability).r == pytest.approx(-found.r)


def test_of_too_few_and_of_all_alike_nothing_is_said():
    few = discrimination([0.0, 1.0] * 5, [1.0, 2.0] * 5)
    assert few == Discrimination(10, why="too few to say")
    alike = discrimination([1.0] * FEWEST_FOR_DISCRIMINATION, list(range(FEWEST_FOR_DISCRIMINATION)))
    assert alike.r is None and alike.why == "all earned the same"


def test_a_message_with_other_values_in_it_is_the_same_message():
    told = ["For sure you count 3 of the five.", "For sure you count -2.5 of the five.", "A blank is not a no."]
    assert commonest(told, MESSAGES) == ("For sure you count … of the five.", 2)
    names = ["small and tiny are not the two most alike here.", "a and b, c are not the two most alike here."]
    assert commonest(names, MESSAGES) == ("… and … are not the two most alike here.", 2)


def test_a_message_that_all_read_alike_stands_as_they_read_it():
    assert commonest(["For sure you count 3 of the five."] * 2, MESSAGES) == ("For sure you count 3 of the five.", 2)


def test_a_message_of_which_the_author_wrote_nothing_has_its_numbers_left_out():
    assert in_general("4 of 17.5 rows, 1e-9 off in `a + 2`, K13", ()) == "… of … rows, … off in `…`, K13"


def test_what_expect_adds_and_what_the_engine_says_is_known():
    added = "A blank is not a no. (Your answer gives a Series here, where one value is wanted.)"
    assert in_general(added, MESSAGES) == "A blank is not a no."
    assert in_general(NOT_ANSWERED, MESSAGES) == "Not answered yet."
    said = "Your answer stops with an error in the line `return x[7]`. KeyError: 7."
    assert in_general(said, MESSAGES) == "The answer stops with an error: KeyError."


def test_a_message_made_to_keep_the_report_busy_does_not():
    many = messages_of('expect(x, f"{a} and {b} and {c} and {d} and {e} and {f} are wrong.")')
    start = time.monotonic()
    assert "wrong" not in in_general(" and " * 5000, many)
    assert in_general("`" * 5000 + "9" * 5000, many)
    assert time.monotonic() - start < 1


def test_what_trainees_wrote_is_one_line_without_tricks():
    assert clean("a\nb\x00\u202egpj.exe\ud800") == "a b gpj.exe"
    assert len(clean("x" * 10_000_000)) == 600


def test_the_commonest_of_none_is_none():
    assert commonest(["", ""], MESSAGES) is None


def test_messages_show_code_as_code_and_nothing_else_as_markup():
    assert worded("use `return <b>`, not <i>") == "use <code>return &lt;b&gt;</code>, not &lt;i&gt;"
    assert worded("a lone ` stays") == "a lone ` stays"


def test_pages_of_any_id_are_files_in_one_folder():
    assert file_name("t01") == "t01.html"
    assert "/" not in file_name("../../etc") and page_of("a b#c") == "trainees/a%20b%2523c.html"


def test_small_things_are_written_as_people_write_them():
    assert (period(59), period(60), period(7300), period(200_000)) == ("under a minute", "1 minute", "2 hours", "2 days")
    assert (signed(-0.001), signed(-0.25)) == ("0.00", "\N{MINUS SIGN}0.25")
    assert sorted(["B4", "S10", "K13", "S2", "K7"], key=code_order) == ["K7", "K13", "S2", "S10", "B4"]


def test_a_charts_text_alternative_is_a_sentence_with_its_type_and_numbers():
    exercise = Exercise("01-x", "y", "z", 1, "circles for $5?", "sizes", 3, written=False, counts=True)
    unit = Unit("01-x", {"y": "Y"}, {}, (exercise,))
    figures = ExerciseFigures(exercise, Share(3, 9), 0, 6, 0, 0, 0, 0, None, Discrimination(9), None)
    can = Outcome("01-x", "sizes", "show sizes so that they can be compared", ("S14",))
    shown = OutcomeFigures(can.can, can.codes, (can,), (exercise,), Share(3, 9), (), 0)
    for chart in (charts.exercises(unit, [figures], "assessed"), charts.outcomes(unit, [shown])):
        assert not what_is_missing(chart.text)
        assert "33%" in chart.text and "Unit 01" in chart.text
        assert chart.light != chart.dark
    assert charts.exercises(unit, [], "assessed") is None
