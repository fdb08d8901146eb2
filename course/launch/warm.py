"""Measures how long a trainee waits from `run.py lab` to a notebook that can be used, in a real browser."""

import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from course.launch.browser import chromium

LIMIT_S = 15  # a warm start takes at most so long
PATIENCE_S = 180
KERNEL_READY = """async () => {
    const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
    if (!kernel || kernel.connectionStatus !== "connected" || kernel.status !== "idle") return false;
    return Boolean(await kernel.info);
}"""


class NoStart(Exception):
    """The lab did not start; the text is what it said."""


@dataclass(frozen=True)
class WarmStart:
    """Seconds since `run.py lab` was started until each thing was there, on this machine, in a Chromium that was open."""

    server: float  # the address is printed
    page: float  # the notebook's first heading can be read
    usable: float  # its kernel has answered, and is idle

    @property
    def is_met(self) -> bool:
        return self.usable <= LIMIT_S


@contextmanager
def running_lab(root: Path, workspace: Path) -> Iterator[str]:
    """`run.py lab` of the course in `root` on `workspace`, until the context ends; gives the address that it prints.

    Its pages can be asked for their kernel. Raises NoStart.
    """
    command = [sys.executable, str(root / "run.py"), "lab", "--no-browser", "--workspace", str(workspace)]
    # The layout that JupyterLab remembers is to be that of the start before, and nobody else's.
    command += ["--", "--LabApp.expose_app_in_browser=True", f"--LabApp.workspaces_dir={workspace.parent / 'layouts'}"]
    lab = subprocess.Popen(command, cwd=workspace.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield _address(lab)
    finally:
        lab.send_signal(signal.SIGINT)
        try:
            lab.communicate(timeout=PATIENCE_S)
        finally:
            lab.kill()


def _address(lab: subprocess.Popen) -> str:
    said = ""
    for line in lab.stdout:
        said += line
        if found := re.search(r"JupyterLab is ready: (http\S+)", line):
            return found[1]
    raise NoStart(said)


def measure(root: Path, browser, workspace: Path) -> WarmStart:
    """Start the lab and open the page that it names in a new window of `browser`, Playwright's, with nothing in its cache.

    Raises NoStart, and Playwright's errors.
    """
    begun = time.monotonic()
    with running_lab(root, workspace) as address, browser.new_context(viewport={"width": 1280, "height": 900}) as window:
        server = time.monotonic() - begun
        page = window.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        page.goto(address)
        page.locator(".jp-Notebook h1:visible").first.wait_for()
        shown = time.monotonic() - begun
        page.wait_for_function(KERNEL_READY)
        return WarmStart(server, shown, time.monotonic() - begun)


def measure_warm(root: Path, times: int) -> list[WarmStart]:
    """Start the lab once, which sets up whatever is not, and then so many `times`, each with a new window; those count."""
    with tempfile.TemporaryDirectory(prefix="pathway-warm-") as scratch, chromium() as browser:
        workspace = Path(scratch) / "work"
        measure(root, browser, workspace)
        return [measure(root, browser, workspace) for _ in range(times)]
