"""Holds what was tried to the standard: what falls short, with file, line and what to do."""

from collections.abc import Iterator

from course.builder.problem import Problem
from course.proof.bank import BANK
from course.proof.results import TaskProof, Tried, UnitProof
from course.text import one_line

# Of the mutants that do not mean the same, at least so many are killed; of all mutants, less than so many mean the same.
KILLED = 0.90
SAME = 0.10
HARD_CODED = "hard-coded"


def problems_of(proof: UnitProof) -> list[Problem]:
    """All in which a unit falls short of the standard: all right answers accepted, all wrong ones caught with their message,
    at least KILLED of the mutants killed, no hidden check that nothing needs."""
    problems = [problem for task in proof.tasks for problem in _of_task(task)]
    noticed, same = proof.counts.noticed, proof.counts.same
    if noticed.part < KILLED * noticed.whole:
        share = f"{noticed} slips are noticed, and {KILLED:.0%} are needed"
        problems += [
            _at(one, f"Not noticed: {one.answer.name}. {share}: let the check notice this one.") for one in proof.survivors
        ]
    if same and same >= SAME * (noticed.whole + same):
        message = (
            f"{same} of {noticed.whole + same} mutants are listed as meaning the same, and less than {SAME:.0%} may be."
        )
        problems.append(Problem(proof.unit.folder / BANK, 1, f"{message} Let checks tell some of them apart."))
    return sorted(set(problems))


def _of_task(task: TaskProof) -> Iterator[Problem]:
    id, exercise = task.exercise.id, task.exercise
    for one in task.tried:
        if message := _what_is_wrong(one, id):
            where = "" if one.eastmere is None else f" (on another Eastmere, seed {one.eastmere})"
            yield _at(one, f"{message}{where}")
    for check in task.hidden:
        if not check.needed_by:
            words = one_line(check.source)
            words = words if len(words) < 90 else f"{words[:86]} ..."
            message = f"Useless hidden check of {id!r}: no wrong answer of the bank needs {words}"
            yield Problem(check.path, check.line, f"{message}. Give one that does, or take it out.")
    needs_one = task.notebook.is_assessment and not exercise.is_choice and not task.of(HARD_CODED)
    if needs_one and not any(one.answer.name.startswith(HARD_CODED) for one in task.of("wrong")):
        message = f"No answer that hard-codes the visible check of {id!r} could be made from its model answer."
        advice = f'Mark it ":kind: choice" if it asks for no function; else add one ("misconception: {HARD_CODED} ...").'
        yield Problem(task.notebook.path, exercise.task.line, f"{message} {advice}")


def _what_is_wrong(one: Tried, id: str) -> str | None:
    answer, earns = one.answer, f"earns {one.earned:g} of {one.points}"
    told = f"the trainee is told: {one_line(one.told)}" if one.told else "the trainee is told that all is right"
    if one.is_fair and one.is_heard:
        return None
    if answer.kind == "model":
        return f"The model answer to {id!r} {earns}: {told}"
    if answer.kind == "blank":
        return f"{id!r} {earns} with nothing answered: let the check look at the answer."
    if answer.kind == "right":
        return f"This right answer to {id!r} ({answer.name}) {earns}: {told}"
    if answer.kind == HARD_CODED:
        return f"An answer to {id!r} that knows the visible check's cases alone {earns}: let a hidden check try others."
    if answer.kind == "mutant":
        if answer.same_because is None or one.is_full:
            return None  # one survivor is none too many: the unit is judged by their share
        return f"The bank lists this mutant of {id!r} as the same, but the check tells it apart: {answer.name}. Take it out."
    if not one.is_fair:
        return f"This wrong answer to {id!r} ({answer.name}) {earns}, and the bank says {answer.due}; {told}"
    return f"To this wrong answer to {id!r} ({answer.name}) nobody says {one_line(answer.hears)!r}; {told}"


def _at(one: Tried, message: str) -> Problem:
    return Problem(one.answer.path, one.answer.line, message)
