"""Runs notebooks' cells in forks of a warm process, so that a notebook can be run once and branched at each task.

>>> with Engine(folder, data) as engine, engine.session() as session:
...     session.run(["answer = 41"])
...     with session.branch() as branch:
...         branch.run(["answer += 1", "answer"])
"""

from course.engine.engine import (
    Beginning,
    CellResult,
    CheckResult,
    Engine,
    EngineError,
    Error,
    Limits,
    NotABeginning,
    Session,
)

__all__ = [
    "Beginning",
    "CellResult",
    "CheckResult",
    "Engine",
    "EngineError",
    "Error",
    "Limits",
    "NotABeginning",
    "Session",
]
