"""Runs one submitted notebook in the sandbox and marks it: from its repaired cells to marks, messages and flags."""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_markdown_cell

from course.builder.expand import as_text
from course.engine import Beginning, CellResult, Engine, EngineError, Limits, NotABeginning, Session
from course.engine.cage import WORK
from course.grading.integrity import reaches
from course.grading.marks import marks, told
from course.grading.repair import Repaired, Unreadable, repair
from course.grading.results import Checked, GradedNotebook, Status, Written
from course.grading.sandbox import Sandbox, require_sandbox
from course.grading.template import ANSWER, AUTHOR, CHECK, EXTRA, TEXT, WRITTEN, Template
from course.scratch import Scratch

# What a submission may use, unless a cohort says otherwise.
LIMITS = Limits(seconds=60, seconds_in_all=600, memory_mb=1000, output_kb=1000, processes=64)
SOON, LATER = 0.5, 5.0  # seconds
MOST_IDLE = 4 * (os.cpu_count() or 1)  # sandboxes kept warm: one for each notebook of a unit, on each core
WITHHELD = "marks-withheld"  # the id of the cell that says so
# How a session ends whose keeper is gone too: mostly with all of the sandbox, which may take a while on a busy machine.
WITHOUT_A_WORD = "ended the process"
# What a check's process cannot honestly come to.
FORGED = ("sent something that is no result", "cut its line to the engine")


@dataclass(frozen=True)
class _Warm:
    """A sandbox that is warm, its sessions' beginning, and the folder from which it takes the files for a notebook."""

    beginning: Beginning
    engine: Engine
    inbox: Path


class Grader:
    """Runs notebooks in warm sandboxes, each notebook in one; use it with `with`, from as many threads as you like.

    `data` is the course's data. Without `sandboxed` the code runs with the rights of whoever calls. The author's cells
    before a notebook's first exercise are run once, for all whose copy still begins with them. What a notebook breaks in a
    sandbox is made anew.
    """

    def __init__(self, data: Path, limits: Limits = LIMITS, sandboxed: bool = True):
        if sandboxed:
            require_sandbox()
        self.data, self.limits, self.sandboxed = data, limits, sandboxed
        self._inboxes = Scratch("inbox")
        self._idle: list[_Warm] = []  # the one that was used last stands last
        self._not_shared: set[Beginning] = set()
        self._one_at_a_time = threading.Lock()

    def __enter__(self) -> "Grader":
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def close(self) -> None:
        """End the sandboxes and all that runs in them."""
        while self._idle:
            self._idle.pop().engine.close()
        self._inboxes.cleanup()

    def warm(self, template: Template) -> None:
        """Have a sandbox ready for a notebook that begins as it was released."""
        self._give_back(self._started(Beginning(template.imports, template.beginning), template))

    def grade(self, repaired: Repaired, template: Template, files: Mapping[str, bytes] | None = None) -> GradedNotebook:
        """Run and mark a notebook. `files` are what was handed in beside it, by path; the unit's own prevail over them."""
        start = time.perf_counter()
        warm, session, starting = self._session(repaired, template, files or {})
        sound = False
        try:
            with session:
                marking = _Marking(repaired, template, warm.engine.begun)
                marking.run(session)
                ended = session.ended
            # A session that did not end by itself: was it a limit for all of it together, with which the sandbox ends?
            soon = LATER if ended == WITHOUT_A_WORD else SOON
            broke = warm.engine.how_it_ended(soon) if ended else None
            sound = not broke and ended not in FORGED
            if not sound:
                marking.broke_out(broke)
        finally:
            if sound:
                self._give_back(warm)
            else:
                warm.engine.close()
        graded = marking.result()
        return replace(graded, overhead=time.perf_counter() - start - graded.seconds, starting=starting)

    def _session(self, repaired: Repaired, template: Template, files: Mapping[str, bytes]) -> tuple[_Warm, Session, float]:
        """A new session in a sandbox of its own, and the seconds that went into starting sandboxes."""
        starting = 0.0
        for tried in (1, 2):
            beginning = self._beginning(repaired, template)
            warm = self._take(beginning)
            if warm is None:
                start = time.perf_counter()
                warm = self._started(beginning, template)
                starting += time.perf_counter() - start
            _lay({**files, **template.files}, warm.inbox)
            place = (WORK, Path("/data")) if self.sandboxed else (warm.inbox, self.data)
            try:
                return warm, warm.engine.session(self.limits, *place), starting
            except EngineError:
                warm.engine.close()
                if tried == 2:
                    raise
        raise AssertionError

    def _beginning(self, repaired: Repaired, template: Template) -> Beginning:
        """What the notebook's session can begin with."""
        cells = [
            (cell.source, kind) for cell, kind in zip(repaired.notebook.cells, repaired.kinds, strict=True) if kind != TEXT
        ]
        shared = Beginning(template.imports, template.beginning)
        as_released = cells[: len(shared.cells)] == [(source, AUTHOR) for source in shared.cells]
        return shared if as_released and shared not in self._not_shared else Beginning(template.imports)

    def _take(self, beginning: Beginning) -> _Warm | None:
        """An idle sandbox whose sessions begin so, if there is one."""
        with self._one_at_a_time:
            for warm in reversed(self._idle):
                if warm.beginning == beginning:
                    self._idle.remove(warm)
                    return warm
        return None

    def _give_back(self, warm: _Warm) -> None:
        with self._one_at_a_time:
            self._idle.append(warm)
            oldest = self._idle.pop(0) if len(self._idle) > MOST_IDLE else None
        if oldest:
            oldest.engine.close()

    def _started(self, beginning: Beginning, template: Template) -> _Warm:
        """A new sandbox whose sessions begin so, or where that cannot be shared, with the same modules alone."""
        inbox = Path(tempfile.mkdtemp(dir=self._inboxes.name))
        _lay(template.files, inbox)  # nothing of a trainee's is there when the author's cells are run for all
        sandbox = Sandbox(self.data, inbox) if self.sandboxed else None
        try:
            return _Warm(beginning, Engine(inbox, self.data, sandbox, beginning), inbox)
        except NotABeginning:
            self._not_shared.add(beginning)
            return self._started(Beginning(beginning.imports), template)


def _lay(files: Mapping[str, bytes], folder: Path) -> None:
    """Have these files in a folder, and no others."""
    for place in folder.iterdir():
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


class _Marking:
    """One notebook, as its cells are run one after the other."""

    def __init__(self, repaired: Repaired, template: Template, begun: Iterable[CellResult]):
        self._repaired, self._template = repaired, template
        self._begun = iter(begun)  # what came of the author's first cells, which no longer have to run
        self._cells = [NotebookNode(cell) for cell in repaired.notebook.cells]
        self._checks: dict[str, Checked] = {}
        self._written: dict[str, Written] = {}
        self._errors: dict[str, str] = {}  # grade_id of an answer -> name of the error in which it ended
        self._flags: dict[str, None] = {}  # in the order in which they came, each once
        self._odd: set[str] = set()
        self._stopped: list[str] = []
        self._seconds, self._count, self._place = 0.0, 0, "Before the first exercise"

    def run(self, session: Session) -> None:
        for cell, kind in zip(self._cells, self._repaired.kinds, strict=True):
            if kind == AUTHOR and (known := next(self._begun, None)):
                self._keep(cell, replace(known, seconds=0.0))
            elif kind == CHECK:
                self._check(session, cell)
            elif kind in (AUTHOR, ANSWER, EXTRA):
                self._run(session, cell, kind)
            elif kind == WRITTEN:
                self._note_written(cell)

    def broke_out(self, broke: str | None) -> None:
        """Note that the notebook has ended the sandbox, or cut the line to it."""
        self._flag(f"The notebook {broke or 'cut its line to the program that marks'}.")

    def result(self) -> GradedNotebook:
        cells = [_why_withheld(self._flags), *self._cells] if self._flags else self._cells
        return GradedNotebook(
            name=self._template.name,
            status=Status.GRADED,
            text=as_text(NotebookNode({**self._repaired.notebook, "cells": cells})),
            checks=self._checks,
            written=self._written,
            repairs=self._repaired.repairs,
            flags=tuple(self._flags),
            stopped=tuple(self._stopped),
            seconds=self._seconds,
        )

    def _run(self, session: Session, cell: NotebookNode, kind: str) -> None:
        if kind == ANSWER:
            self._place = f"Exercise {self._template.exercises.get(cell.metadata.nbgrader.grade_id)}"
        (result,) = session.run([cell.source], of_author=kind == AUTHOR)
        self._keep(cell, result)
        if kind == ANSWER and result.error:
            self._errors[cell.metadata.nbgrader.grade_id] = result.error.name
        if kind != AUTHOR:
            where = self._place if kind == ANSWER else f"{self._place}, a cell of the trainee's own"
            for what in reaches(cell.source):
                self._flag(f"{where}: reaches for {what}.")

    def _check(self, session: Session, cell: NotebookNode) -> None:
        grade_id, task = cell.metadata.nbgrader.grade_id, cell.metadata.get("check", "")
        exercise = self._template.exercises.get(grade_id, 0)
        result, odd_ones = self._checked(session, cell.source, self._errors.get(task))
        self._place = f"Exercise {exercise}"
        self._keep(cell, result)
        for odd in odd_ones:
            if odd not in self._odd:
                self._odd.add(odd)
                self._flag(f"Exercise {exercise}: the trainee's code {odd}.")
        self._checks[grade_id] = Checked(
            exercise=exercise,
            task=task,
            outcome=cell.metadata.get("outcome", ""),
            points=float(cell.metadata.nbgrader.points),
            earned=marks(cell),
            told=result.stopped or told(cell.outputs),
            answered=self._repaired.answered.get(task, True),
        )

    def _checked(self, session: Session, source: str, answer_error: str | None) -> tuple[CellResult, tuple[str, ...]]:
        """What came of a check, and what was odd about it."""
        if self._template.counts:
            result = session.check(source, answer_error)
            return result, result.odd
        (result,) = session.run([source])  # of practice the trainee has the whole check: there is nothing to protect
        return result, ()

    def _note_written(self, cell: NotebookNode) -> None:
        grade_id = cell.metadata.nbgrader.grade_id
        answered = self._repaired.answered.get(grade_id, True)
        exercise, points = self._template.exercises.get(grade_id, 0), float(cell.metadata.nbgrader.points)
        self._written[grade_id] = Written(exercise, cell.metadata.get("outcome", ""), points, answered)

    def _keep(self, cell: NotebookNode, result: CellResult) -> None:
        """Put a result where a kernel would have put it."""
        self._seconds += result.seconds
        if cell.source.strip():
            self._count += 1
            cell.execution_count = self._count
        cell.outputs = [from_dict(output) for output in result.outputs]
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = self._count
        if result.stopped and not result.stopped.startswith("not run"):
            self._stopped.append(f"{self._place}: {result.stopped}.")

    def _flag(self, sentence: str) -> None:
        self._flags.setdefault(sentence)


def grade_text(
    text: bytes | None, template: Template, grader: Grader, files: Mapping[str, bytes] | None = None
) -> GradedNotebook:
    """Grade a notebook as it was handed in: its file's bytes, or None where there is none."""
    if text is None:
        return GradedNotebook(template.name, Status.MISSING)
    start = time.perf_counter()
    try:
        repaired = repair(text, template)
    except Unreadable as error:
        return GradedNotebook(template.name, Status.UNREADABLE, why=str(error))
    spent = time.perf_counter() - start
    graded = grader.grade(repaired, template, files)
    return replace(graded, overhead=graded.overhead + spent)


def _why_withheld(flags: Iterable[str]) -> NotebookNode:
    """The cell at the top of a notebook whose marks are withheld. Flags may hold names of a trainee's making."""
    plain = str.maketrans({mark: f"\\{mark}" for mark in "\\<>[]*_&`"})
    reasons = "\n".join(f"- {flag.translate(plain)}" for flag in flags)
    return new_markdown_cell(f"**Marks withheld: a mentor decides.** What was found:\n\n{reasons}", id=WITHHELD)
