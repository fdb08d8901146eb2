"""`pathway grade`: runs all that was handed in, many notebooks at a time, and enters what comes of it.

The notebooks are tasks on a Dask cluster: threads of this process by default, each with a sandbox of its own, or workers
elsewhere. Workers run notebooks and give them back; only this process writes in the cohort's folder and its gradebook.
"""

import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from course.engine import Limits
from course.grading.books import BooksError, circumstances, data_fingerprint, fingerprint, is_done, record, submitted_at
from course.grading.cohort import Cohort, CohortError
from course.grading.repair import Unreadable, read
from course.grading.results import GradedNotebook, GradedSubmission, Status
from course.grading.run import Grader, grade_text
from course.grading.sandbox import require_sandbox
from course.grading.template import Template, beside, templates
from course.scratch import Scratch

if TYPE_CHECKING:
    from distributed import Client
    from nbgrader.api import Gradebook

NOBODYS = "127.0.0.1:0"
PATIENCE = 20  # seconds for a scheduler to answer
AHEAD = 4  # notebooks that wait for each that runs, so that no core waits for one
Progress = Callable[[int, int, str], None]


@dataclass
class Summary:
    """What a run did: submissions graded, those left alone because nothing had changed, and what could not be graded.

    `flagged` are trainee and unit of the graded ones with marks withheld; `failed` says why, a sentence each. `seconds` is
    the wall time; `cells`, `overhead` and `starting` the notebooks' own, added up; `entering` is what entering the results
    took.
    """

    graded: int = 0
    unchanged: int = 0
    notebooks: int = 0
    flagged: list[tuple[str, str]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0
    cells: float = 0.0
    overhead: float = 0.0
    starting: float = 0.0
    entering: float = 0.0


@dataclass
class _Submission:
    """One that is to be graded: its notebooks by name, each what came of it, or in words why it could not be graded."""

    trainee: str
    unit: str
    folder: Path
    fingerprint: str
    waits_for: set[str]
    done: dict[str, GradedNotebook | str] = field(default_factory=dict)


@dataclass(frozen=True)
class _How:
    """What a worker has to know: where the data lies, what a notebook may use, and whether it runs in a sandbox."""

    data: Path
    limits: Limits
    sandboxed: bool


def grade(
    cohort: Cohort,
    units: Sequence[str] = (),
    trainees: Sequence[str] = (),
    scheduler: str | None = None,
    sandboxed: bool = True,
    progress: Progress = lambda done, total, what: None,
    say: Callable[[str], None] = lambda message: None,
) -> Summary:
    """Grade what was handed in for `units` (default: all that were released) by `trainees` (default: all).

    What was graded before and has not changed, nor the unit's checks, is left alone; so a run that was stopped goes on where
    it was. `scheduler` is the address of a Dask cluster whose workers have the course installed and see the cohort's data
    under the same path. Whatever one submission does, all others are graded.

    Raises CohortError for a unit or a trainee that there is not and for a cluster that does not answer, SandboxError without
    bubblewrap, TemplateError for a unit that has to be released again.
    """
    start = time.perf_counter()
    if sandboxed and scheduler is None:
        require_sandbox()
    summary = Summary()
    with cohort.lock(say), cohort.gradebook() as gradebook:
        wanted = [cohort.unit(unit) for unit in units] or cohort.units()
        by_unit = {unit: templates(cohort.release, unit, gradebook) for unit in wanted}
        todo = list(_to_grade(cohort, gradebook, by_unit, trainees, summary))
        seen, total = 0, sum(len(one.waits_for) for one in todo)
        progress(seen, total, "")
        how = _How(cohort.data, cohort.limits, sandboxed)
        for submission, name, graded in _graded(scheduler, todo, by_unit, cohort, how):
            seen += 1
            progress(seen, total, f"{submission.trainee} {submission.unit[:2]}")
            submission.done[name] = graded
            submission.waits_for.discard(name)
            if not submission.waits_for:
                _enter(gradebook, cohort, submission, summary)
    summary.seconds = time.perf_counter() - start
    return summary


def _to_grade(
    cohort: Cohort,
    gradebook: "Gradebook",
    by_unit: Mapping[str, dict[str, Template]],
    trainees: Sequence[str],
    summary: Summary,
) -> Iterator[_Submission]:
    """The submissions that have changed since they were graded, or have not been."""
    unknown = sorted(set(trainees) - set(cohort.trainees()))
    if unknown:
        raise CohortError(f"Nobody in this cohort has the id {', '.join(unknown)}: `pathway status` lists who is in it.")
    data = data_fingerprint(cohort.data)
    for unit, known in by_unit.items():
        around = circumstances(gradebook, unit, data)
        for trainee in cohort.handed_in(unit):
            if trainees and trainee not in trainees:
                continue
            folder = cohort.submitted / trainee / unit
            print_ = fingerprint(folder, known, around(trainee))
            if is_done(cohort, trainee, unit, print_):
                summary.unchanged += 1
            else:
                yield _Submission(trainee, unit, folder, print_, set(known))


@dataclass(frozen=True)
class _Job:
    """A notebook to grade: its file's bytes, or what came of it where there is nothing to run, and the files beside it."""

    submission: _Submission
    name: str
    content: bytes | GradedNotebook
    files: dict[str, bytes]


def _jobs(todo: list[_Submission], cohort: Cohort) -> Iterator[_Job]:
    for one in todo:
        files = beside(one.folder)
        for name in sorted(one.waits_for):
            yield _Job(one, name, _read(one.folder, name), files)


def _read(folder: Path, name: str) -> bytes | GradedNotebook:
    try:
        return read(folder / f"{name}.ipynb")
    except FileNotFoundError:
        return GradedNotebook(name, Status.MISSING)
    except Unreadable as error:
        return GradedNotebook(name, Status.UNREADABLE, why=str(error))


def _graded(
    scheduler: str | None,
    todo: list[_Submission],
    by_unit: Mapping[str, dict[str, Template]],
    cohort: Cohort,
    how: _How,
) -> Iterator[tuple[_Submission, str, GradedNotebook | str]]:
    """Each notebook of the submissions as it comes back: what came of it, or in words why it could not be graded."""
    if not todo:
        return
    first = islice((job for job in _jobs(todo, cohort) if isinstance(job.content, bytes)), os.cpu_count())
    ahead = [by_unit[job.submission.unit][job.name] for job in first] if scheduler is None else []
    with _warming(how, ahead) as started, _cluster(scheduler) as client:
        from distributed import as_completed

        wait(started)
        known = client.scatter(dict(by_unit), broadcast=True, hash=False)
        room = AHEAD * max(1, sum(client.nthreads().values()))
        jobs, sent, running = _jobs(todo, cohort), {}, as_completed()
        at_once: list[_Job] = []
        more = True
        while more or sent or at_once:
            while more and len(sent) < room:
                job = next(jobs, None)
                if job is None:
                    more = False
                elif isinstance(job.content, GradedNotebook):
                    at_once.append(job)
                else:
                    where = job.submission.unit, job.name
                    future = client.submit(_grade_here, job.content, where, known, job.files, how, pure=False)
                    sent[future] = job
                    running.add(future)
            while at_once:
                job = at_once.pop()
                yield job.submission, job.name, job.content
            if sent:
                future = next(running)
                job, error = sent.pop(future), future.exception()
                yield job.submission, job.name, f"{type(error).__name__}: {error}" if error else future.result()
        client.run(_close_here, on_error="ignore")  # a worker may be lost at the last moment


@contextmanager
def _warming(how: _How, ahead: Sequence[Template]) -> Iterator[list[Future]]:
    """While Dask starts, sandboxes of this process start for the first notebooks; at the end all of them are closed."""
    with ThreadPoolExecutor() as pool:
        try:
            yield [pool.submit(_grader(how).warm, template) for template in ahead]
        finally:
            pool.shutdown()
            _close_here()


@contextmanager
def _cluster(scheduler: str | None) -> "Iterator[Client]":
    """Workers to send tasks to: threads of this process, with no port open, or those at an address."""
    import dask
    from distributed import Client, LocalCluster

    if scheduler is None:
        # The threads only wait: cells run in the sandboxes, which are processes. Nobody else has to reach this cluster, but
        # Dask opens a port for its pages all the same: on this machine alone, and with no page to be had.
        settings = {f"distributed.{part}.http.routes": [] for part in ("scheduler", "worker")}
        settings |= {"distributed.worker.memory.terminate": False, "distributed.worker.memory.pause": False}
        settings |= {"distributed.worker.profile.enabled": False}  # it looks at the threads a hundred times a second
        threads = {"n_workers": 1, "threads_per_worker": os.cpu_count(), "processes": False}
        pages = {"dashboard_address": NOBODYS, "worker_dashboard_address": NOBODYS, "dashboard": False}
        with (
            Scratch("dask") as scratch,
            dask.config.set({**settings, "temporary-directory": scratch}),
            warnings.catch_warnings(action="ignore", category=UserWarning),  # that pages can be had, if one asks otherwise
            LocalCluster(**threads, **pages, scheduler_kwargs={"dashboard": False}) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(scheduler, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise CohortError(f"No Dask scheduler answers at {scheduler} ({error}): start one with `dask scheduler`.") from error
    with client:
        if not client.nthreads():
            raise CohortError(
                f"The Dask scheduler at {scheduler} has no workers: start some with `dask worker {scheduler}`."
            )
        yield client


# ------------------------------------------------------------------------------------------------ on a worker

_graders: dict[_How, Grader] = {}  # of this process, with the sandboxes that are warm
_one_at_a_time = threading.Lock()


def _grade_here(
    content: bytes, where: tuple[str, str], known: Mapping[str, dict[str, Template]], files: dict[str, bytes], how: _How
) -> GradedNotebook:
    """Grade one notebook in this process, in a sandbox that is warm already if there is one."""
    unit, name = where
    return grade_text(content, known[unit][name], _grader(how), files)


def _grader(how: _How) -> Grader:
    with _one_at_a_time:
        if how not in _graders:
            _graders[how] = Grader(how.data, how.limits, how.sandboxed)
        return _graders[how]


def _close_here() -> None:
    """End the sandboxes of this process."""
    with _one_at_a_time:
        graders = list(_graders.values())
        _graders.clear()
    for grader in graders:
        grader.close()


# ------------------------------------------------------------------------------------------------ entering


def _enter(gradebook: "Gradebook", cohort: Cohort, submission: _Submission, summary: Summary) -> None:
    who = f"{submission.unit} of {submission.trainee}"
    for name, graded in sorted(submission.done.items()):
        if isinstance(graded, str):
            summary.failed.append(f"{who}: {name} could not be graded ({graded}).")
            return
    notebooks = tuple(submission.done[name] for name in sorted(submission.done))
    start = time.perf_counter()
    try:
        result = GradedSubmission(submission.trainee, submission.unit, submission.fingerprint, notebooks)
        record(gradebook, cohort, result, submitted_at(submission.folder))
    except (BooksError, OSError) as error:
        summary.failed.append(f"{who}: {error}")
        return
    finally:
        summary.entering += time.perf_counter() - start
    summary.graded += 1
    summary.notebooks += len(notebooks)
    summary.cells += sum(one.seconds for one in notebooks)
    summary.overhead += sum(one.overhead for one in notebooks)
    summary.starting += sum(one.starting for one in notebooks)
    if any(one.flags for one in notebooks):
        summary.flagged.append((submission.trainee, submission.unit))
