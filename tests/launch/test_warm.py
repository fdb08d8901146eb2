"""From `run.py lab` to a notebook that can be used: in a real browser, by the command that measures it."""

import re
import subprocess
import sys

import pytest

from course.launch.warm import LIMIT_S
from tests.conftest import ROOT

# In one process with the tests of the engine, so that their busy loops and floods do not run beside a browser.
pytestmark = pytest.mark.xdist_group("busy")


def bench(*options):
    command = [sys.executable, "-m", "course.cli", "bench", "lab", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_warm_start_is_measured_to_a_notebook_whose_kernel_is_idle_and_told_whether_15_seconds_hold():
    done = bench("--starts", "1")
    said = re.search(r"server ([\d.]+) s, page ([\d.]+) s, usable ([\d.]+) s", done.stdout)
    server, page, usable = map(float, said.groups())
    assert 0 < server < page <= usable, done.stdout
    assert f"{usable} s at most, of 15 s" in done.stdout
    assert done.returncode == (usable > LIMIT_S), "the limit is the bench's to hold: here other tests run beside it"


def test_how_many_starts_has_to_be_a_number():
    done = bench("--starts", "few")
    assert done.returncode == 2 and done.stderr == "pathway: --starts few: give a whole number from 1.\n"
