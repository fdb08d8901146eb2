"""Measures grading: `pathway grade` against plain `nbgrader autograde`, in one run, on the same submissions."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
from nbformat import NotebookNode

from course.builder.source import Unit
from course.engine import Engine
from course.grading.cohort import CHECKOUT, Cohort
from course.grading.exchange import release
from course.grading.run import LIMITS
from course.proof.bank import Answers, read_bank
from course.proof.prove import as_answered

TIMES = 10.0  # as fast as plain nbgrader, at least
SHARE, A_NOTEBOOK = 1.5, 0.1  # at most so many times the cells' own time, and so many seconds a notebook
SAMPLE_SECONDS = 0.25
PLAIN = """from pathlib import Path

from course.grading.settings import settings

c = get_config()
c.merge(settings(Path(__file__).resolve().parent, source="source", release="release"))
c.Execute.timeout = 60
"""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Measured:
    """What came of a bench of `submissions` of `notebooks` each, on `cores`. All times are wall time, in seconds.

    `plain` is what one more submission takes plain nbgrader, which was given `plain_submissions`, without its start.
    `ours` is all that `pathway grade` took, its start included; of that `cells`, `starting` and `keeping` (repair, sessions,
    autograded notebooks) were spent in as many threads as there are cores, and `entering` beside them. `own` is what the
    cells of a submission take by themselves. `peak_mb` is the memory of all processes together. `differ` names the marks
    that differ without a reason; `excused` counts those that nbgrader gives for a library's warning.
    """

    unit: str
    submissions: int
    notebooks: int
    cores: int
    plain: float
    plain_submissions: int
    ours: float
    cells: float
    starting: float
    keeping: float
    entering: float
    own: float
    peak_mb: float
    differ: tuple[str, ...]
    excused: int

    @property
    def ratio(self) -> float:
        """How many times as long plain nbgrader takes for a submission."""
        return self.plain / (self.ours / self.submissions)

    @property
    def allowed(self) -> float:
        """What all of it may take, by the cells' own time."""
        return SHARE * self.own * self.submissions / self.cores + A_NOTEBOOK * self.submissions * self.notebooks

    @property
    def is_met(self) -> bool:
        return not self.differ and self.ratio >= TIMES and self.ours <= self.allowed


def measure(unit: Unit, submissions: int, plain: int, scratch: Path, say: Say = lambda what: None) -> Measured:
    """Grade `submissions` of a unit with `pathway grade`, and `plain` of them (2 at least) with plain nbgrader.

    `scratch` is an empty folder outside the checkout. Raises subprocess.CalledProcessError when a command fails.
    """
    say("Handing in")
    trainees = [f"t{number:03}" for number in range(1, submissions + 1)]
    (scratch / "roster.csv").write_text("\n".join(["id", *trainees]) + "\n", encoding="utf-8")
    cohort = Cohort.new(scratch / "cohort", scratch / "roster.csv")
    release(cohort, unit.name)
    answers = [made for notebook in unit.notebooks for made in _answers(notebook, read_bank(unit))]
    for number, trainee in enumerate(trainees):
        _hand_in(cohort.release / unit.name, cohort.submitted / trainee / unit.name, dict(answers), number)
    say(f"Running `pathway grade` on {submissions}")
    ours, peak_mb, said = _timed([sys.executable, "-m", "course.cli", "grade", unit.name, "--json"], cohort.root)
    done = json.loads(said)
    course = _plain_course(scratch / "plain", unit.name)
    few, many = trainees[:1], trainees[:plain]
    autograde = [str(Path(sys.executable).parent / "nbgrader"), "autograde", unit.name]
    say("Running plain nbgrader on 1")
    _copy(cohort, course, few)
    one, _, _ = _timed(autograde, course)
    say(f"Running plain nbgrader on {plain - 1} more")
    _copy(cohort, course, many)
    more, _, _ = _timed(autograde, course)
    start, _, _ = _timed(autograde, course)  # nothing is left to grade: what is left is its start
    say("Running the cells alone")
    own = _own_seconds(cohort, unit.name, many)
    differ, excused = _compare(cohort, course, unit.name, many)
    return Measured(
        unit=unit.name,
        submissions=submissions,
        notebooks=len(unit.notebooks),
        cores=os.cpu_count() or 1,
        plain=(one + more - 2 * start) / plain,
        plain_submissions=plain,
        ours=ours,
        cells=done["cells"],
        starting=done["starting"],
        keeping=done["overhead"] - done["starting"],
        entering=done["entering"],
        own=own,
        peak_mb=peak_mb,
        differ=differ,
        excused=excused,
    )


def _answers(notebook, bank: Mapping[str, Answers]):
    """Each exercise's id with its number and the answers that there are for it: the model's, the bank's, none."""
    for exercise in notebook.exercises:
        if exercise.task:
            known = bank[exercise.id]
            sources = [exercise.task.source, *(one.answer for one in known.right), *(one.answer for one in known.wrong)]
            yield exercise.id, [*(as_answered(exercise.number, source) for source in sources), None]


def _hand_in(released: Path, place: Path, answers: Mapping[str, Sequence[str | None]], number: int) -> None:
    """Write the submission of that number: at each exercise another of its answers than the one before it gave."""
    shutil.copytree(released, place)
    for path in place.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for position, cell in enumerate(notebook.cells):
            known = answers.get(cell.metadata.get("task", ""))
            answer = known[(number + position) % len(known)] if known else None
            cell.source = answer or cell.source
        nbformat.write(notebook, path)


def _plain_course(root: Path, unit: str) -> Path:
    """nbgrader's own course, with none of our plug-ins, and the unit in its gradebook."""
    root.mkdir()
    (root / "nbgrader_config.py").write_text(PLAIN, encoding="utf-8")
    shutil.copytree(CHECKOUT / "solutions" / unit, root / "source" / unit)
    _timed([str(Path(sys.executable).parent / "nbgrader"), "generate_assignment", unit], root)
    return root


def _copy(cohort: Cohort, course: Path, trainees: Sequence[str]) -> None:
    for trainee in trainees:
        shutil.copytree(cohort.submitted / trainee, course / "submitted" / trainee, dirs_exist_ok=True)


def _timed(command: Sequence[str], folder: Path) -> tuple[float, float, str]:
    """Run a command in a folder: its wall time, the peak memory of it and all below it in MB, and what it prints."""
    tools = Path(sys.executable).parent
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",  # nbgrader starts alembic by its name
        "PATHWAY_DATA": str(CHECKOUT / "data"),
        "JUPYTER_CONFIG_PATH": str(folder),
    }
    start = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        watch = _Watch(process.pid)
        said, failed = process.communicate()
    took = time.perf_counter() - start
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, said, failed)
    return took, watch.peak_mb(), said


class _Watch(threading.Thread):
    """Looks at the memory of a process and all below it, a few times a second; what they share is counted once."""

    def __init__(self, process: int):
        super().__init__(daemon=True)
        self._process, self._peak, self._over = process, 0, threading.Event()
        self.start()

    def run(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            total = 0
            try:
                top = psutil.Process(self._process)
                for process in [top, *top.children(recursive=True)]:
                    total += process.memory_full_info().pss
            except psutil.Error:  # it ended while we looked
                continue
            self._peak = max(self._peak, total)

    def peak_mb(self) -> float:
        self._over.set()
        self.join()
        return self._peak / 1e6


def _own_seconds(cohort: Cohort, unit: str, trainees: Sequence[str]) -> float:
    """What the cells of a submission take on one core, on average: one after the other in a process that is warm."""
    took = 0.0
    with Engine(cohort.release / unit, cohort.data) as engine:
        for trainee in trainees:
            for path in sorted((cohort.autograded / trainee / unit).glob("*.ipynb")):
                cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
                with engine.session(LIMITS) as session:
                    start = time.perf_counter()
                    session.run(cells)
                    took += time.perf_counter() - start
    return took / len(trainees)


def _compare(cohort: Cohort, course: Path, unit: str, trainees: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """The marks that differ, in words, and how many of them nbgrader gave for a warning."""
    ours = _marks(cohort.gradebook_url, cohort.name, unit)
    theirs = _marks(f"sqlite:///{course / 'gradebook.db'}", "pathway", unit)
    differ, excused = [], 0
    for (trainee, notebook, cell), mark in sorted(theirs.items()):
        mine = ours.get((trainee, notebook, cell))
        if trainee not in trainees or mine == mark:
            continue
        if _warned(course / "autograded" / trainee / unit / f"{notebook}.ipynb", cell):
            excused += 1
        else:
            differ.append(f"{trainee} {notebook} {cell}: {mine} here, {mark} by nbgrader")
    return tuple(differ), excused


def _marks(url: str, course: str, unit: str) -> dict[tuple[str, str, str], float | None]:
    from nbgrader.api import Gradebook

    with Gradebook(url, course) as gradebook:
        return {
            (submission.student.id, notebook.name, grade.name): grade.auto_score
            for submission in gradebook.assignment_submissions(unit)
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


def _warned(path: Path, cell: str) -> bool:
    """Whether a check wrote to stderr, for which nbgrader gives nothing."""
    cells: list[NotebookNode] = nbformat.read(path, as_version=4).cells
    (found,) = (one for one in cells if one.metadata.get("nbgrader", {}).get("grade_id") == cell)
    return any(output.output_type == "stream" and output.name == "stderr" for output in found.get("outputs", []))
