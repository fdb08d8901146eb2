"""From `run.py lab` to a notebook that can be used: in a real browser, by the command that measures it."""

import re
import subprocess
import sys
import time

import pytest

from course.launch.warm import LIMIT_S
from tests.conftest import ROOT

# In one process with the tests of the engine, so that their busy loops and floods do not run beside a browser.
pytestmark = pytest.mark.xdist_group("busy")
IMPORT_S = 1.5  # what importing JupyterLab may take where 15 s are to hold


def bench(*options):
    command = [sys.executable, "-m", "course.cli", "bench", "lab", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def time_to_import_jupyterlab_s():
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", "import jupyterlab.labapp"], check=True)
    return time.monotonic() - begun


def test_a_warm_start_takes_less_than_15_seconds_to_a_notebook_whose_kernel_is_idle():
    """On a machine that does other things besides, as many times longer as importing JupyterLab takes longer there."""
    before = time_to_import_jupyterlab_s()
    done = bench("--starts", "1")
    slower = max(1, before / IMPORT_S, time_to_import_jupyterlab_s() / IMPORT_S)
    server, page, usable = map(
        float, re.search(r"server ([\d.]+) s, page ([\d.]+) s, usable ([\d.]+) s", done.stdout).groups()
    )
    assert 0 < server < page <= usable < LIMIT_S * slower, done.stdout
    assert done.returncode == (usable > LIMIT_S) and f"{usable} s at most, of 15 s" in done.stdout


def test_how_many_starts_has_to_be_a_number():
    done = bench("--starts", "few")
    assert done.returncode == 2 and done.stderr == "pathway: --starts few: give a whole number from 1.\n"
