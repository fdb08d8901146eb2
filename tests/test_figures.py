"""A figure comes with words that can stand in for it, or not at all."""

import base64

import matplotlib.pyplot as plt
import pytest
from IPython.utils.capture import capture_output

from course.figures import describe, what_is_missing

GOOD = 'Bar chart of visitors by wait: most wait under 10 minutes, two "long waits" over 20.'


@pytest.fixture
def figure():
    figure, ax = plt.subplots()
    ax.bar(["short", "long"], [10, 2])
    yield figure
    plt.close("all")


@pytest.fixture
def shown(figure, shell):
    with capture_output() as said:
        describe(figure, GOOD)
    return said.outputs


def test_it_is_shown_once_as_an_image_with_its_text_alternative(shown):
    (output,) = shown
    assert (
        'alt="Bar chart of visitors by wait: most wait under 10 minutes, two &quot;long waits&quot; over 20."'
        in output.data["text/html"]
    )
    picture = output.data["text/html"].split("base64,")[1].split('"')[0]
    assert base64.b64decode(picture).startswith(b"\x89PNG")


def test_where_there_are_only_words_the_words_are_shown(shown):
    assert shown[0].data["text/plain"] == f"Figure: {GOOD}"


def test_it_is_closed_so_that_it_is_not_shown_twice_and_can_still_be_looked_at(figure, shown):
    assert not plt.get_fignums()
    assert [bar.get_height() for bar in figure.axes[0].patches] == [10, 2]


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        ("Visitors by wait: most wait under 10 minutes, and two of them over 20.", "the type of figure"),
        ("Bar chart of visitors by wait: most wait a short time, and two long.", "a number"),
        ("Bar chart with 12 visitors.", "what it shows"),
        ("Bar chart of visitors by wait: most wait under 10 minutes, two over 20", "a full stop"),
        ("chart1.png", "what it shows"),
    ],
)
def test_words_that_cannot_stand_in_for_it_are_refused(figure, text, lacks):
    assert any(lacks in missing for missing in what_is_missing(text))
    with pytest.raises(ValueError, match=lacks):
        describe(figure, text)


def test_good_words_lack_nothing():
    assert what_is_missing(GOOD) == []
