"""What the proof found, as the site shows it: kept in a file, because proving takes minutes and a page should not.

The site is open to trainees, so only numbers are kept: neither answers, nor mistakes, nor what is said to them.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from course.builder.source import Unit
from course.builder.stamps import fingerprint
from course.proof.bank import BANK
from course.proof.results import Share

RECORD = "course/site/proof.json"
SHARES = ("right", "wrong", "noticed", "hidden", "elsewhere")


@dataclass(frozen=True)
class Task:
    """What came of an exercise: of how many answers of a kind, how many came out as they should.

    `right` holds the model answer too; `wrong` are caught and named; `noticed` are slips in the model answer, without the
    `same` that mean the same; `hidden` are hidden checks that a wrong answer needs; `elsewhere` is all that was tried on
    other Eastmeres.
    """

    right: Share
    wrong: Share
    noticed: Share
    hidden: Share
    elsewhere: Share
    same: int


@dataclass(frozen=True)
class Proved:
    """What came of a unit's exercises, by id."""

    tasks: Mapping[str, Task]

    def total(self, kind: str) -> Share:
        """All exercises together, of one of SHARES."""
        shares = [getattr(task, kind) for task in self.tasks.values()]
        return Share(sum(share.part for share in shares), sum(share.whole for share in shares))


def read(root: Path, units: Sequence[Unit]) -> dict[str, Proved]:
    """What is kept of those of `units` that have not changed since they were proved."""
    kept = _kept(root)
    return {
        unit.name: Proved(_tasks(kept[unit.name]["tasks"]))
        for unit in units
        if unit.name in kept and kept[unit.name]["fingerprint"] == proved_of(unit)
    }


def prove_changed(root: Path, units: Sequence[Unit], progress: Callable[[int, int, str], None]) -> list[str]:
    """Prove those of `units` that changed since they were, and keep what came of it; gives their names.

    Raises BuildError with all that falls short: nothing is kept of such a unit.
    """
    from course.builder.problem import BuildError
    from course.proof.eastmeres import other_eastmeres
    from course.proof.prove import Prover
    from course.proof.report import as_json

    current = read(root, units)
    changed = [unit for unit in units if unit.name not in current]
    if not changed:
        return []
    eastmeres = other_eastmeres(root, progress=lambda what: progress(0, 1, what))
    with Prover(root, eastmeres, progress) as prover:
        for unit in changed:
            proof = prover.prove(unit)
            if proof.problems:
                raise BuildError(proof.problems)
            (found,) = json.loads(as_json([proof]))
            _keep(root, units, {unit.name: {"fingerprint": proved_of(unit), "tasks": condensed(found)}})
    return [unit.name for unit in changed]


def proved_of(unit: Unit) -> str:
    """The fingerprint of what a proof of `unit` tries: its exercises and their bank. All else may change."""
    cells = [cell.source for notebook in unit.notebooks for cell in notebook.code if cell.task or cell.check]
    return fingerprint(*cells, unit.folder / BANK)[:16]


def condensed(proof: Mapping) -> dict[str, dict]:
    """What is kept of a unit's proof, by task; `proof` is the unit as `pathway prove --json` prints it."""
    return {task["task"]: _condensed(task) for task in proof["tasks"]}


def _condensed(task: Mapping) -> dict:
    here = [one for one in task["tried"] if one["eastmere"] is None]
    slips = [one for one in here if one["kind"] == "mutant"]
    wrong = [one for one in here if one["kind"] == "wrong"]
    return {
        "right": _share(one["fair"] for one in here if one["kind"] in ("model", "right")),
        "wrong": _share(one["fair"] and one["heard"] for one in wrong),
        "noticed": _share(one["earned"] < one["points"] for one in slips if one["same_because"] is None),
        "hidden": _share(bool(one["needed_by"]) for one in task["hidden"]),
        "elsewhere": _share(one["fair"] and one["heard"] for one in task["tried"] if one["eastmere"] is not None),
        "same": sum(one["same_because"] is not None for one in slips),
    }


def _share(good: Iterable[bool]) -> str:
    found = list(good)
    return f"{sum(found)}/{len(found)}"


def _kept(root: Path) -> dict[str, dict]:
    path = root / RECORD
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _keep(root: Path, units: Sequence[Unit], new: Mapping[str, dict]) -> None:
    kept = _kept(root) | new
    ordered = {unit.name: kept[unit.name] for unit in units if unit.name in kept}
    (root / RECORD).write_text(json.dumps(ordered, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _tasks(kept: Mapping[str, dict]) -> dict[str, Task]:
    return {
        id: Task(**{kind: Share(*map(int, task[kind].split("/"))) for kind in SHARES}, same=task["same"])
        for id, task in kept.items()
    }
