"""Measures a launch in a Binder, replayed here: seconds to the first cell, and memory of the server and every notebook."""

import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient
from traitlets.config import Config

from course.launch.browser import chromium
from course.launch.bundle import START, lay
from course.launch.replay import Replay, Server

LIMIT_MB = 1024  # what a Binder gives for sure
FIRST_CELL_S = 15  # how long a trainee waits, once the server is up
CELL_S = 300
SHOWN = ".jp-NotebookPanel:not(.lm-mod-hidden)"  # JupyterLab opens again what was open before, behind what is asked for
CURRENT_TAB = ".lm-DockPanel-tabBar .jp-mod-current"
KERNEL_IDLE = f"{SHOWN} .jp-Notebook-ExecutionIndicator[data-status='idle']"
FIRST_CODE = f"{SHOWN} .jp-CodeCell"
RUN = "prompt => /[0-9]/.test(prompt.textContent)"
QUIET = Config({"KernelManager": {"transport_encryption": "auto"}})  # else each kernel warns on stderr
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Launch:
    """Seconds of one launch, and the server's memory once the notebook was open; on this machine."""

    notebook: str
    environment_s: float  # to make the environment and run postBuild
    server_s: float  # from its start to its first answer
    first_cell_s: float  # from then until the notebook's first cell of code has run
    server_mb: float


@dataclass(frozen=True)
class Memory:
    """The most memory that the kernel of a notebook held while all of it ran, answered; and what the server holds."""

    notebook: str
    kernel_mb: float
    server_mb: float

    @property
    def with_validate_mb(self) -> float:
        """What its trainee's container needs: Validate runs the notebook in a second kernel, beside the first."""
        return 2 * self.kernel_mb + self.server_mb


def measure_launches(root: Path, notebooks: Sequence[str]) -> list[Launch]:
    """Build the trainee tree of the checkout in `root`; for each of `notebooks` start it and open that in a browser.

    Raises BundleError, ReplayError, and Playwright's errors, as where there is no Chromium.
    """
    found = []
    with built(root) as (replay, seconds), chromium() as browser:
        for notebook in notebooks:
            with replay.start() as server:
                page = browser.new_context().new_page()  # nothing is in its cache
                took = first_cell(page, server, notebook)
                found.append(Launch(notebook, seconds, server.up_s, took, memory_mb(server.process.pid)))
    return found


@contextmanager
def built(root: Path) -> Iterator[tuple[Replay, float]]:
    """A replay of the trainee tree, built, in a folder that goes with the context; and how long building it took."""
    with tempfile.TemporaryDirectory(prefix="pathway-binder-") as scratch:
        lay(root, Path(scratch) / "tree")
        begun = time.monotonic()
        replay = Replay(Path(scratch) / "tree", Path(scratch) / "binder")
        replay.build()
        yield replay, time.monotonic() - begun


def first_cell(page, server: Server, notebook: str) -> float:
    """Open a notebook in a page of a browser and run its first cell of code, as a trainee does; returns the seconds."""
    begun = time.monotonic()
    open_notebook(page, server, notebook)
    cell = page.locator(FIRST_CODE).first
    prompt = cell.locator(".jp-InputPrompt")
    while not re.search(r"[0-9*]", prompt.inner_text()):  # what a kernel is asked that is still starting can be lost: again
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        page.wait_for_timeout(300)
    page.wait_for_function(RUN, arg=prompt.element_handle(), timeout=CELL_S * 1000)
    return time.monotonic() - begun


def open_notebook(page, server: Server, notebook: str) -> None:
    """Open a notebook in a page of a browser, and wait until its kernel is idle."""
    page.goto(server.opens(notebook))
    page.locator(CURRENT_TAB, has_text=Path(notebook).name).wait_for(timeout=CELL_S * 1000)
    page.wait_for_selector(KERNEL_IDLE, state="attached", timeout=CELL_S * 1000)


def memory_mb(pid: int) -> float:
    """Megabytes that a process holds; of what it shares with others, its part."""
    return psutil.Process(pid).memory_full_info().pss / 1e6


def measure_memory(root: Path, progress: Progress = lambda done, total, what: None) -> list[Memory]:
    """Run the answered notebooks of the checkout in `root`, each in a real kernel of its own, and watch what it holds."""
    paths = sorted((root / "solutions").glob("*/*.ipynb"))
    found = []
    with built(root) as (replay, _), replay.start() as server:
        for page in ("lab", f"api/contents/{START}"):
            server.ask(page)
        server_mb = memory_mb(server.process.pid)
    for done, path in enumerate(paths):
        progress(done, len(paths), path.stem)
        notebook = nbformat.read(path, as_version=4)
        client = _Watching(notebook, timeout=CELL_S, resources={"metadata": {"path": str(path.parent)}}, config=QUIET)
        client.execute(env=os.environ | {"PATHWAY_DATA": str(root / "data")})
        found.append(Memory(f"{path.parent.name}/{path.stem}", client.peak_mb, server_mb))
    return found


class _Watching(NotebookClient):
    """Runs a notebook, and asks the system for its kernel's highest memory before it ends."""

    peak_mb = 0.0

    async def async_execute_cell(self, *arguments, **options):
        cell = await super().async_execute_cell(*arguments, **options)
        status = Path(f"/proc/{self.km.provisioner.process.pid}/status").read_text()
        self.peak_mb = int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
        return cell
