"""Finds the hidden checks of a check cell, each an `expect` of its own, and writes the cell anew without one of them."""

import ast
from dataclasses import dataclass

from course.builder.source import HIDDEN
from course.proof.mutants import Model

REACHED = "_hidden_check_reached"


@dataclass(frozen=True)
class HiddenCheck:
    """One `expect` between the markers of hidden tests: its characters from `start` to `end`, its line (from 1)."""

    source: str
    start: int
    end: int
    line: int


def hidden_checks(check: str) -> list[HiddenCheck]:
    """The hidden checks of a check cell's source, in its order."""
    blocks = [block.span() for block in HIDDEN.finditer(check)]
    model = Model(check) if blocks else None
    found = []
    for node in model.nodes(ast.Expr) if model else ():
        start, end = model.start(node), model.end(node)
        called = isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name) and node.value.func.id
        if called == "expect" and any(low < start < high for low, high in blocks):
            found.append(HiddenCheck(check[start:end], start, end, check.count("\n", 0, start) + 1))
    return found


def without(check: str, one: HiddenCheck) -> str:
    """A check cell's source with one hidden check taken out."""
    return check[: one.start] + "pass" + check[one.end :]


def counting(check: str) -> str:
    """A check cell's source that notes, under the name REACHED, the number of the hidden check that it comes to."""
    for number, one in reversed(list(enumerate(hidden_checks(check)))):
        check = f"{check[: one.start]}{REACHED} = {number}; {check[one.start :]}"
    return check
