"""Runs a notebook from its first cell to its last, in a kernel of its own."""

import os
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from course.builder.expand import as_text
from course.builder.problem import StepError


@dataclass(frozen=True)
class Run:
    """A notebook that was run: its outputs, the wall time in seconds and the kernel's peak memory in MB."""

    notebook: str
    seconds: float
    peak_mb: float


def run(notebook: str, folder: Path, data: Path, hash_seed: int, cell_seconds: int) -> Run:
    """Run `notebook` (its JSON) in `folder`, with the course's data in `data`.

    All cells are run, also behind an error: outputs say what happened. `hash_seed` (of Python's string hashes) is varied
    between two runs, so that an output that depends on the order of a set shows. Peak memory is that of the largest
    child of this process, so each call belongs in a process of its own. Raises StepError when a cell takes longer than
    `cell_seconds`, or the kernel dies.
    """
    parsed = nbformat.reads(notebook, as_version=4)
    with tempfile.TemporaryDirectory(prefix="pathway-run-") as scratch:
        environment = {
            **os.environ,
            "PATHWAY_DATA": str(data),
            "PYTHONHASHSEED": str(hash_seed),
            "IPYTHONDIR": scratch,  # nobody's own start-up files
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        # A plain import on the first use of Matplotlib may print that it builds its font cache: that would be an output.
        import matplotlib.font_manager  # noqa: F401

        client = NotebookClient(
            parsed,
            timeout=cell_seconds,
            kernel_name="python3",
            allow_errors=True,
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(folder)}},
        )
        client.km = client.create_kernel_manager()
        client.km.transport = "ipc"  # sockets in the scratch folder: no port is opened
        client.km.ip = str(Path(scratch) / "kernel")
        start = time.perf_counter()
        try:
            client.execute(env=environment)
        except (CellTimeoutError, DeadKernelError) as error:
            raise StepError(" ".join(str(error).split())[:400]) from error
        seconds = time.perf_counter() - start
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return Run(as_text(parsed), seconds, peak_mb)
