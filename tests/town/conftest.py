"""The boroughs that the tests of the town look at: the course's two, and an Eastmere that nobody chose."""

import pytest

from course.town import SEEDS
from course.town.borough import draw

BOROUGHS = {
    "wexmoor": ("wexmoor", SEEDS["wexmoor"]),
    "eastmere": ("eastmere", SEEDS["eastmere"]),
    "another eastmere": ("eastmere", 7),
}


@pytest.fixture(params=BOROUGHS, scope="session")
def borough(request):
    return draw(*BOROUGHS[request.param])
