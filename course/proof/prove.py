"""Gives each exercise of a unit every answer that there is for it, and writes down what came of each.

The answers of a task are tried where a trainee would give them: the unit's notebook, with its model answers, is run once in
a session of the engine, and at each task a branch of that session runs one answer and its check.
"""

import ast
import math
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from threading import Lock

from nbformat import NotebookNode, from_dict

from course.builder.build import Builder
from course.builder.derived import lay_beside, read_pathway
from course.builder.expand import author_cell, solution_notebook
from course.builder.problem import BuildError
from course.builder.source import Exercise, Notebook, Unit, visible_part
from course.checks import ANSWER
from course.engine import CellResult, Engine, Limits, Session
from course.grading.marks import marks, told
from course.grading.settings import unanswered
from course.proof.bank import BANK, Answers, read_bank
from course.proof.hidden import REACHED, counting, hidden_checks, without
from course.proof.judge import HARD_CODED, problems_of
from course.proof.mutants import mutants_of
from course.proof.results import Answer, HiddenProof, TaskProof, Tried, UnitProof
from course.text import one_line

# A loop without an end is an answer too: an answer may take so many times as long as the model answer, and some seconds.
TIMES_AS_LONG, SECONDS = 20, 3
ANSWER_LIMITS = Limits(seconds=30, seconds_in_all=60, memory_mb=1000, output_kb=1000)
NOTEBOOK_LIMITS = Limits(seconds=120, seconds_in_all=3600)
ADVANCE = Callable[[int, int, str], None]
Found = dict[str, tuple[list[Tried], list[HiddenProof]]]  # what came of a trial, by exercise


class Prover:
    """Proves units of the course in the folder `root`; use it with `with`: it holds a warm process that runs the answers.

    `eastmeres` are other towns to hold the assessments' answers against: seed -> folder of data. `progress(done, total,
    what)` is called as answers are tried.
    """

    def __init__(self, root: Path, eastmeres: Mapping[int, Path], progress: ADVANCE | None = None):
        self.data, self.eastmeres = root / "data", dict(eastmeres)
        self._progress = progress or (lambda done, total, what: None)
        self.units = Builder(root).units()
        self._stations = read_pathway(root / "course" / "units" / "pathway.yaml", self.units)
        self._course = {notebook.name: (unit, notebook) for unit in self.units for notebook in unit.notebooks}

    def __enter__(self) -> "Prover":
        self._engine = Engine(self.data.parent, self.data)
        return self

    def __exit__(self, *error) -> None:
        self._engine.close()

    def prove(self, unit: Unit) -> UnitProof:
        """Try every answer to every task of a unit. Raises BuildError when its bank, or a cell between tasks, is broken."""
        start = time.perf_counter()
        bank = read_bank(unit)
        solutions = {notebook.name: self.solution(notebook, unit) for notebook in unit.notebooks}
        homes = [Trial(solutions[one.name], one, bank, unit.folder / BANK, self.data) for one in unit.notebooks]
        others = [
            replace(home, data=data, eastmere=seed)
            for home in homes
            if home.notebook.is_assessment
            for seed, data in self.eastmeres.items()
        ]
        tasks = {proof.exercise.id: proof for home in homes for proof in home.nothing_tried()}
        trials = [*homes, *others]
        advance = _Advance(
            self._progress, unit.name, sum(len(answers) for one in trials for answers in one.answers.values())
        )
        with tempfile.TemporaryDirectory(prefix="pathway-prove-") as scratch, ThreadPoolExecutor(os.cpu_count()) as pool:
            self.lay_beside(Path(scratch), unit)
            for found in pool.map(lambda one: one.run(self._engine, Path(scratch), advance), trials):
                for id, (tried, hidden) in found.items():
                    tasks[id].tried += tried
                    tasks[id].hidden += hidden
        proof = UnitProof(unit, list(tasks.values()), time.perf_counter() - start, tuple(self.eastmeres))
        proof.problems = problems_of(proof)
        return proof

    def solution(self, notebook: Notebook, unit: Unit) -> NotebookNode:
        """A notebook of a unit with its model answers, not run."""
        return solution_notebook(notebook, unit, self._course)

    def lay_beside(self, folder: Path, unit: Unit) -> None:
        """Write into `folder` what the unit's notebooks read from their own."""
        lay_beside(folder, unit, self._stations, self.units)


@dataclass(frozen=True)
class Trial:
    """One run of a notebook, with every answer to each of its tasks; on the course's own data, or on another Eastmere.

    `solution` is the notebook with its model answers, `path` the bank's file, `data` the folder of data, `eastmere` its
    seed where it is not the course's own.
    """

    solution: NotebookNode
    notebook: Notebook
    bank: Mapping[str, Answers]
    path: Path
    data: Path
    eastmere: int | None = None

    @cached_property
    def exercises(self) -> dict[str, Exercise]:
        """The exercises that a machine marks, by id."""
        return {one.id: one for one in self.notebook.exercises if one.task}

    @cached_property
    def answers(self) -> dict[str, list[Answer]]:
        """What is tried at each exercise."""
        return {id: self._answers(exercise) for id, exercise in self.exercises.items()}

    @cached_property
    def _stubs(self) -> dict[str, str]:
        cells = self.solution.cells
        return {id: unanswered(cell) for cell in cells if (id := cell.metadata.get("task")) in self.exercises}

    def nothing_tried(self) -> list[TaskProof]:
        """The tasks, before any answer is tried."""
        return [TaskProof(self.notebook, exercise, self._stubs[id]) for id, exercise in self.exercises.items()]

    def run(self, engine: Engine, folder: Path, advance: Callable[[str], None]) -> Found:
        """Run the notebook from its first cell to its last, in `folder`, and at each task the answers to it."""
        found = {}
        with engine.session(NOTEBOOK_LIMITS, folder, self.data) as session:
            for position, cell in enumerate(self.solution.cells):
                if cell.cell_type != "code":
                    continue
                if id := cell.metadata.get("task"):
                    found[id] = self._try_all(session, self.exercises[id], self.solution.cells[position + 1], advance)
                (result,) = session.run([cell.source])
                if result.error and not cell.metadata.get("nbgrader"):
                    where = "" if self.eastmere is None else f" on another Eastmere (seed {self.eastmere})"
                    message = f"This cell ends in an error{where}: {result.error.name}: {one_line(result.error.message)}"
                    raise BuildError([self.notebook.problem(author_cell(self.notebook, position), message)])
        return found

    def _answers(self, exercise: Exercise) -> list[Answer]:
        """What is tried: at home all there is, elsewhere what has to hold on any data."""
        bank, points, at_task = self.bank[exercise.id], exercise.points, (self.notebook.path, exercise.task.line)
        answers = [Answer("model", "the model answer", exercise.task.source, *at_task, points)]
        answers += [Answer("right", one.why, one.answer, self.path, one.line, points) for one in bank.right]
        answers += [
            Answer("wrong", one.misconception, one.answer, self.path, one.line, one.earns, one.hears) for one in bank.wrong
        ]
        if self.eastmere is not None:
            return answers
        answers.append(Answer("blank", "nothing answered", self._stubs[exercise.id], *at_task, 0))
        for mutant in mutants_of(exercise, self.notebook):
            because = next((one.reason for one in bank.same if one.names(mutant)), None)
            line = exercise.task.line + mutant.line - 1
            name = f"{mutant.before} → {mutant.after}"
            answers.append(Answer("mutant", name, mutant.source, self.notebook.path, line, same_because=because))
        return answers

    def _try_all(
        self, session: Session, exercise: Exercise, check: NotebookNode, advance: Callable[[str], None]
    ) -> tuple[list[Tried], list[HiddenProof]]:
        limits, tried = ANSWER_LIMITS, []
        for answer in self.answers[exercise.id]:
            start = time.perf_counter()
            with session.branch(limits) as branch:
                branch.run([as_answered(exercise.number, answer.source)])
                earned, told = _verdict(branch, check)
            if answer.kind == "model":
                seconds = math.ceil(SECONDS + TIMES_AS_LONG * (time.perf_counter() - start))
                limits = replace(limits, seconds=seconds, seconds_in_all=2 * seconds)
            tried.append(Tried(answer, earned, exercise.points, told, self.eastmere))
            advance(exercise.id)
        if self.eastmere is not None or not self.notebook.is_assessment:
            return tried, []
        return tried + self._hard_coded(session, exercise, check), self._hidden(session, exercise, check)

    def _hidden(self, session: Session, exercise: Exercise, check: NotebookNode) -> list[HiddenProof]:
        """Each hidden check with the wrong answers for which the bank would not hold any more if it were taken out."""
        hidden = hidden_checks(check.source)
        needed_by: list[list[str]] = [[] for _ in hidden]
        for wrong in self.bank[exercise.id].wrong if hidden else ():
            with session.branch(ANSWER_LIMITS) as branch:
                branch.run([as_answered(exercise.number, wrong.answer), f"{REACHED} = None"])
                with branch.branch() as counted:
                    *_, number = counted.run([counting(check.source), f"print({REACHED})"])
                if (reached := _printed(number)).isdecimal():
                    earned, told = _verdict(branch, check, without(check.source, hidden[int(reached)]))
                    if earned != wrong.earns or one_line(wrong.hears) not in one_line(told):
                        needed_by[int(reached)].append(wrong.misconception)
        # The check's own first line, which the build writes, is not in the author's text.
        first = exercise.check.line - 1
        return [
            HiddenProof(one.source, self.notebook.path, first + one.line - 1, tuple(names))
            for one, names in zip(hidden, needed_by, strict=True)
        ]

    def _hard_coded(self, session: Session, exercise: Exercise, check: NotebookNode) -> list[Tried]:
        """The answer that knows the visible check alone; none where none can be made, as for a choice or a chart."""
        tree = ast.parse(exercise.task.source)
        names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        if exercise.is_choice or not names:
            return []
        each = "\n".join(f"{name} = HardCoded({name})" for name in names)
        stop = "\n".join(f"{name}.stop_thinking()" for name in names)
        visible = visible_part(check.source)
        with session.branch(ANSWER_LIMITS) as branch:
            branch.run(
                [as_answered(exercise.number, exercise.task.source), f"from course.proof.hardcoded import HardCoded\n{each}"]
            )
            branch.run([visible, stop])
            with branch.branch() as again:
                if _verdict(again, check, visible)[0] < exercise.points:
                    return []
            earned, told = _verdict(branch, check)
        name = "knows the cases of the visible check alone"
        answer = Answer(HARD_CODED, name, each, self.notebook.path, exercise.check.line, 0)
        return [Tried(answer, earned, exercise.points, told)]


class _Advance:
    """Counts the answers that trials, in threads of their own, have tried."""

    def __init__(self, progress: ADVANCE, unit: str, total: int):
        self._progress, self._unit, self._lock = progress, unit, Lock()
        self._done, self._total = 0, total
        progress(0, total, unit)

    def __call__(self, task: str) -> None:
        with self._lock:
            self._done += 1
            self._progress(self._done, self._total, f"{self._unit[:2]} {task}")


def as_answered(number: int, answer: str) -> str:
    """An answer to the exercise of that number as it stands in the trainee's cell, below the line that the build writes."""
    first = ANSWER.format(number=number)
    return answer if answer.startswith(first) else f"{first}\n{answer}"


def _verdict(session: Session, check: NotebookNode, source: str | None = None) -> tuple[float, str]:
    """What a check (or `source` in its place) earns in the session's state, and what the trainee is told."""
    (result,) = session.run([check.source if source is None else source])
    return marks(from_dict({**check, "outputs": result.outputs})), result.stopped or told(result.outputs)


def _printed(result: CellResult) -> str:
    return "".join(output["text"] for output in result.outputs if output["output_type"] == "stream").strip()
