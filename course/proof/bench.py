"""Measures the proof: seconds an answer in the engine, against a run of the whole notebook by nbclient for each answer."""

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from course.builder.execute import run
from course.builder.expand import as_text
from course.builder.source import Unit
from course.proof.judge import HARD_CODED
from course.proof.prove import Prover, as_answered
from course.proof.results import TaskProof, Tried

CELL_SECONDS = 120


@dataclass(frozen=True)
class Measured:
    """Wall time, in seconds, of `answers` in the engine, and of `sample` of them under nbclient; on all cores each."""

    unit: str
    answers: int
    engine_seconds: float
    sample: int
    nbclient_seconds: float

    @property
    def an_answer(self) -> float:
        return self.engine_seconds / self.answers

    @property
    def a_run(self) -> float:
        return self.nbclient_seconds / self.sample

    @property
    def times(self) -> float:
        """How many times as long nbclient takes for an answer."""
        return self.a_run / self.an_answer


def measure(prover: Prover, unit: Unit, sample: int, progress: Callable[[str], None] = lambda what: None) -> Measured:
    """Prove a unit, then run its notebooks once for each of `sample` answers, taken at equal distances from all of them."""
    start = time.perf_counter()
    proof = prover.prove(unit)
    took = time.perf_counter() - start
    tried = [(task, one) for task in proof.tasks for one in task.tried if one.eastmere is None and not _made_in_place(one)]
    sample = min(sample, len(tried))
    chosen = [tried[number * len(tried) // sample] for number in range(sample)]
    progress(f"running {sample} notebooks under nbclient")
    texts = [_with(prover, unit, task, one) for task, one in chosen]
    context = get_context("forkserver")
    context.set_forkserver_preload(["course.builder.execute"])
    with (
        tempfile.TemporaryDirectory(prefix="pathway-bench-") as scratch,
        ProcessPoolExecutor(os.cpu_count(), context) as pool,
    ):
        prover.lay_beside(Path(scratch), unit)
        list(pool.map(abs, range(os.cpu_count() or 1)))  # workers that have started, as the engine had
        start = time.perf_counter()
        work = [pool.submit(run, text, Path(scratch), prover.data, 0, CELL_SECONDS) for text in texts]
        for one in work:
            one.result()
        nbclient = time.perf_counter() - start
    return Measured(unit.name, sum(len(task.tried) for task in proof.tasks), took, sample, nbclient)


def _made_in_place(one: Tried) -> bool:
    """Whether an answer is made of what the check does, and cannot be written into a notebook."""
    return one.answer.kind == HARD_CODED


def _with(prover: Prover, unit: Unit, task: TaskProof, one: Tried) -> str:
    """The unit's notebook, as JSON, with one answer in the place of the model answer."""
    notebook = prover.solution(task.notebook, unit)
    cell = next(cell for cell in notebook.cells if cell.metadata.get("task") == task.exercise.id)
    cell.source = as_answered(task.exercise.number, one.answer.source)
    return as_text(notebook)
