"""Shows what a proof found: a table for the terminal, JSON for another program, a page for somebody who doubts it."""

import json
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from course.proof.judge import HARD_CODED
from course.proof.page import as_html
from course.proof.results import Share, TaskProof, Tried, UnitProof

__all__ = ["as_html", "as_json", "as_rich", "remarks"]

CAPTION = (
    "Slips: mutants of the model answer, those that mean the same (=) left out. Hidden: checks that a wrong answer needs. "
    "Elsewhere: answers that earn the same on other Eastmeres. s: wall time."
)


def as_rich(proofs: Sequence[UnitProof]) -> Table:
    """A row a unit: of how many, how many are as they should be."""
    table = Table(box=SIMPLE_HEAD, caption=CAPTION, caption_justify="left", padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("unit", overflow="fold")
    for column in ("tasks", "right accepted", "wrong caught", "heard", "slips noticed", "=", "hidden", "elsewhere", "s"):
        table.add_column(column, justify="right")
    for proof in proofs:
        counts = proof.counts
        table.add_row(
            proof.unit.name,
            str(len(proof.tasks)),
            _of(counts.fair("model", "right")),
            _of(counts.fair("blank", "wrong", HARD_CODED)),
            _of(counts.heard),
            f"{_of(counts.noticed)} {counts.noticed.percent}%",
            str(counts.same),
            _of(counts.hidden),
            _of(counts.elsewhere),
            f"{proof.seconds:.0f}",
        )
    return table


def remarks(proof: UnitProof) -> list[str]:
    """What a unit's author should know though the standard is met: slips that go unnoticed, or change nothing."""
    lines = []
    for task in proof.tasks:
        lines += [f"{_name(task)} not noticed: {one.answer.name}" for one in task.survivors]
        lines += [f"{_name(task)} means the same: {one.answer.name} ({one.answer.same_because})" for one in task.same]
    return lines


def as_json(proofs: Sequence[UnitProof]) -> str:
    """Everything that was tried, for another program; the keys are those of course.proof.results."""
    return json.dumps([_unit(proof) for proof in proofs], ensure_ascii=False, indent=1)


def _unit(proof: UnitProof) -> dict:
    return {
        "unit": proof.unit.name,
        "fair": proof.is_fair,
        "seconds": round(proof.seconds, 1),
        "eastmeres": list(proof.eastmeres),
        "problems": [{"file": one.path.name, "line": one.line, "message": one.message} for one in proof.problems],
        "tasks": [_task(task) for task in proof.tasks],
    }


def _task(task: TaskProof) -> dict:
    hidden = [{"line": one.line, "source": one.source, "needed_by": list(one.needed_by)} for one in task.hidden]
    return {
        "task": task.exercise.id,
        "notebook": task.notebook.name,
        "exercise": task.exercise.number,
        "points": task.exercise.points,
        "tried": [_tried(one) for one in task.tried],
        "hidden": hidden,
    }


def _tried(one: Tried) -> dict:
    answer = one.answer
    return {
        "kind": answer.kind,
        "name": answer.name,
        "answer": answer.source,
        "file": answer.path.name,
        "line": answer.line,
        "due": answer.due,
        "hears": answer.hears,
        "same_because": answer.same_because,
        "earned": one.earned,
        "points": one.points,
        "told": one.told,
        "eastmere": one.eastmere,
        "fair": one.is_fair,
        "heard": one.is_heard,
    }


def _of(share: Share) -> str:
    return f"{share.part}/{share.whole}" if share.whole else ""


def _name(task: TaskProof) -> str:
    return f"{task.notebook.path.name}:{task.exercise.task.line}: {task.exercise.id}"
