"""Gives each exercise of a unit every answer that there is for it, and writes down what came of each.

The answers of a task are tried where a trainee would give them: the unit's notebook, with its model answers, is run once in
a session of the engine, and at each task a branch of that session runs one answer and its check.
"""

import ast
import math
import os
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from nbformat import NotebookNode, from_dict

from course.builder.build import Builder
from course.builder.derived import lay_beside, read_pathway
from course.builder.expand import author_cell, solution_notebook
from course.builder.problem import BuildError
from course.builder.rules import visible_part
from course.builder.source import Exercise, Notebook, Unit
from course.checks import ANSWER, NOT_YET
from course.engine import CellResult, Engine, Limits, Session
from course.grading.marks import marks
from course.grading.settings import unanswered
from course.proof.bank import BANK, Answers, read_bank
from course.proof.hidden import REACHED, counting, hidden_checks, without
from course.proof.judge import HARD_CODED, problems_of
from course.proof.mutants import mutants_of, one_line
from course.proof.results import Answer, HiddenProof, TaskProof, Tried, UnitProof

# A loop without an end is an answer too: an answer may take so many times as long as the model answer, and some seconds.
TIMES_AS_LONG, SECONDS = 20, 3
ANSWER_LIMITS = Limits(seconds=30, seconds_in_all=60, memory_mb=1000, output_kb=1000)
NOTEBOOK_LIMITS = Limits(seconds=120, seconds_in_all=3600)
ANSI = re.compile(r"\x1b\[[0-9;]*m")
ADVANCE = Callable[[int, int, str], None]


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
        tasks = {task.exercise.id: task for task in self._tasks(unit)}
        homes = [(notebook, None, self.data) for notebook in unit.notebooks]
        others = [(unit.assessment, *other) for other in self.eastmeres.items()] if unit.assessment else []
        with tempfile.TemporaryDirectory(prefix="pathway-prove-") as scratch, ThreadPoolExecutor(os.cpu_count()) as pool:
            self.lay_beside(Path(scratch), unit)
            advance = _Advance(self._progress, unit.name)
            trials = [
                Trial(self.solution(notebook, unit), notebook, tasks, bank, unit.folder / BANK, eastmere, advance)
                for notebook, eastmere, _ in [*homes, *others]
            ]
            advance.expect(sum(trial.count() for trial in trials))
            places = [data for *_, data in [*homes, *others]]
            work = [
                pool.submit(trial.run, self._engine, Path(scratch), data) for trial, data in zip(trials, places, strict=True)
            ]
            for one in work:
                one.result()
        proof = UnitProof(unit, list(tasks.values()), time.perf_counter() - start, tuple(self.eastmeres))
        proof.problems = problems_of(proof)
        return proof

    def solution(self, notebook: Notebook, unit: Unit) -> NotebookNode:
        """A notebook of a unit with its model answers, not run."""
        return solution_notebook(notebook, unit, self._course)

    def lay_beside(self, folder: Path, unit: Unit) -> None:
        """Write into `folder` what the unit's notebooks read from their own."""
        lay_beside(folder, unit, self._stations, self.units)

    def _tasks(self, unit: Unit) -> list[TaskProof]:
        found = []
        for notebook in unit.notebooks:
            cells = {cell.metadata.get("task"): cell for cell in self.solution(notebook, unit).cells}
            for exercise in notebook.exercises:
                if exercise.task:
                    found.append(TaskProof(notebook, exercise, unanswered(cells[exercise.id])))
        return found


@dataclass
class Trial:
    """One run of a notebook, with every answer to each of its tasks; on the course's own data, or on another Eastmere.

    `solution` is the notebook with its model answers. What is found is added to `tasks`.
    """

    solution: NotebookNode
    notebook: Notebook
    tasks: Mapping[str, TaskProof]
    bank: Mapping[str, Answers]
    path: Path  # of the bank
    eastmere: int | None
    advance: "_Advance"

    def count(self) -> int:
        """How many answers will be tried."""
        return sum(len(self._answers(one)) for one in self._exercises())

    def _exercises(self) -> list[Exercise]:
        return [exercise for exercise in self.notebook.exercises if exercise.task]

    def run(self, engine: Engine, folder: Path, data: Path) -> None:
        """Run the notebook from its first cell to its last, in `folder`, and at each task the answers to it."""
        exercises = {one.id: one for one in self._exercises()}
        with engine.session(NOTEBOOK_LIMITS, folder, data) as session:
            for position, cell in enumerate(self.solution.cells):
                if cell.cell_type != "code":
                    continue
                if id := cell.metadata.get("task"):
                    self._try_all(session, exercises[id], check=self.solution.cells[position + 1])
                (result,) = session.run([cell.source])
                if result.error and not cell.metadata.get("nbgrader"):
                    where = "" if self.eastmere is None else f" on another Eastmere (seed {self.eastmere})"
                    message = f"This cell ends in an error{where}: {result.error.name}: {one_line(result.error.message)}"
                    raise BuildError([self.notebook.problem(author_cell(self.notebook, position), message)])

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
        answers.append(Answer("blank", "nothing answered", self.tasks[exercise.id].stub, *at_task, 0))
        for mutant in mutants_of(exercise, self.notebook):
            because = next((one.reason for one in bank.same if one.names(mutant)), None)
            line = exercise.task.line + mutant.line - 1
            name = f"{mutant.before} → {mutant.after}"
            answers.append(Answer("mutant", name, mutant.source, self.notebook.path, line, same_because=because))
        return answers

    def _try_all(self, session: Session, exercise: Exercise, check: NotebookNode) -> None:
        task, limits = self.tasks[exercise.id], ANSWER_LIMITS
        for answer in self._answers(exercise):
            start = time.perf_counter()
            with session.branch(limits) as branch:
                branch.run([as_answered(exercise, answer.source)])
                earned, told = _verdict(branch, check)
            if answer.kind == "model":
                seconds = math.ceil(SECONDS + TIMES_AS_LONG * (time.perf_counter() - start))
                limits = replace(limits, seconds=seconds, seconds_in_all=2 * seconds)
            task.tried.append(Tried(answer, earned, exercise.points, told, self.eastmere))
            self.advance(exercise.id)
        if self.eastmere is None and self.notebook.is_assessment:
            task.hidden += self._hidden(session, exercise, check)
            task.tried += self._hard_coded(session, exercise, check)

    def _hidden(self, session: Session, exercise: Exercise, check: NotebookNode) -> list[HiddenProof]:
        """Each hidden check with the wrong answers for which the bank would not hold any more if it were taken out."""
        hidden = hidden_checks(check.source)
        needed_by: list[list[str]] = [[] for _ in hidden]
        for wrong in self.bank[exercise.id].wrong if hidden else ():
            with session.branch(ANSWER_LIMITS) as branch:
                branch.run([as_answered(exercise, wrong.answer), f"{REACHED} = None"])
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
                [as_answered(exercise, exercise.task.source), f"from course.proof.hardcoded import HardCoded\n{each}"]
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

    def __init__(self, progress: ADVANCE, unit: str):
        self._progress, self._unit, self._lock = progress, unit, Lock()
        self._done, self._total = 0, 0

    def expect(self, total: int) -> None:
        self._total = total
        self._progress(0, total, self._unit)

    def __call__(self, task: str) -> None:
        with self._lock:
            self._done += 1
            self._progress(self._done, self._total, f"{self._unit[:2]} {task}")


def as_answered(exercise: Exercise, answer: str) -> str:
    """An answer as it stands in the trainee's cell, below the line that the build writes."""
    first = ANSWER.format(number=exercise.number)
    return answer if answer.startswith(first) else f"{first}\n{answer}"


def _verdict(session: Session, check: NotebookNode, source: str | None = None) -> tuple[float, str]:
    """What a check (or `source` in its place) earns in the session's state, and what the trainee is told."""
    (result,) = session.run([check.source if source is None else source])
    return marks(from_dict({**check, "outputs": result.outputs})), _told(result)


def _told(result: CellResult) -> str:
    """What a trainee reads of a check that does not pass; "" of one that does; of one that was stopped, why."""
    if result.stopped:
        return result.stopped
    for output in result.outputs:
        if output["output_type"] == "error":
            _, not_yet, words = ANSI.sub("", "\n".join(output["traceback"])).partition(NOT_YET)
            return one_line(words) if not_yet else f"{output['ename']}: {one_line(output['evalue'])}"
    return ""


def _printed(result: CellResult) -> str:
    return "".join(output["text"] for output in result.outputs if output["output_type"] == "stream").strip()
