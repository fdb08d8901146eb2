"""Measures the siting models on made-up towns, and solves the p-median files of the OR-Library.

Each measurement has a process of its own, so that its peak memory is its own too (with what Python and the libraries
take before they begin, about 150 MB).
"""

import math
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from course.siting import Plan, capacitated, maximal_covering, p_median

# A borough like Wexmoor, and its shares of schools and options in towns of other sizes.
AREAS, SCHOOLS, OPTIONS, PROJECTS = 166, 77, 16, 3
AREAS_AN_OPTION, AREAS_A_PROJECT = 10, 50
# Assumed: areas lie evenly, 550 m from each other, and a walk is 1.3 times as long as the crow flies.
METRES_APART, DETOUR = 550, 1.3
FEWEST_CHILDREN, MOST_CHILDREN = 20, 300
WITHIN = 800
SEED = 1
KB_IN_MB = 1024


@dataclass(frozen=True)
class Question:
    """A model, and the size of the made-up town that it is asked about."""

    model: str  # p-median, capacitated or covering
    areas: int
    schools: int
    options: int
    projects: int


@dataclass(frozen=True)
class Measured:
    """Wall time of one question in seconds, the peak memory of its process in MB, and how far objective and bound differ."""

    asked: Question
    seconds: float
    peak_mb: float
    gap: float


@dataclass(frozen=True)
class Solved:
    """The optimum of one OR-Library file, with time and memory as in `Measured`."""

    path: Path
    vertices: int
    medians: int
    optimum: float
    bound: float
    seconds: float
    peak_mb: float


class Unreadable(ValueError):
    """An OR-Library file that cannot be read; its message gives file and line."""


def questions(largest: int) -> list[Question]:
    """The borough, then p-medians that grow to `largest` areas: with schools that exist, and from nothing."""
    asked = [Question(model, AREAS, SCHOOLS, OPTIONS, PROJECTS) for model in ("p-median", "capacitated", "covering")]
    sizes = [largest // 4, largest // 2, largest]
    for with_schools in (True, False):
        for areas in sizes:
            schools = areas * SCHOOLS // AREAS if with_schools else 0
            projects = math.ceil(areas / AREAS_A_PROJECT)
            asked.append(Question("p-median", areas, schools, math.ceil(areas / AREAS_AN_OPTION), projects))
    return asked


def measure(asked: Question) -> Measured:
    """Draw the town and answer the question, in a new process."""
    plan, seconds, peak_mb = _apart(_answer, asked)
    return Measured(asked, seconds, peak_mb, abs(plan.objective - plan.bound))


def solve(path: Path) -> Solved:
    """Solve one OR-Library file to the optimum, in a new process. Raises Unreadable."""
    plan, seconds, peak_mb = _apart(_median, path)
    graph = parse_orlib(path)
    return Solved(path, graph.vertices, graph.medians, plan.objective, plan.bound, seconds, peak_mb)


@dataclass(frozen=True)
class Graph:
    """What an OR-Library file says: vertices from 1 on, how many medians, and the cost of each edge, by its two ends."""

    vertices: int
    medians: int
    costs: dict[tuple[int, int], float]


def read_orlib(path: Path) -> tuple[pd.DataFrame, int]:
    """Distances between all vertices along the edges of an OR-Library p-median file, vertices x vertices, and its p.

    Raises Unreadable, as `parse_orlib`.
    """
    graph = parse_orlib(path)
    ends = np.array([*graph.costs], dtype=int).reshape(-1, 2) - 1
    costs = np.array([*graph.costs.values()], dtype=float)
    edges = csr_array((costs, (ends[:, 0], ends[:, 1])), shape=(graph.vertices, graph.vertices))
    names = range(1, graph.vertices + 1)
    return pd.DataFrame(dijkstra(edges, directed=False), index=names, columns=names), graph.medians


def parse_orlib(path: Path) -> Graph:
    """What an OR-Library p-median file says.

    A line `vertices edges p`, then a line `from to cost` for each edge, which goes both ways; vertices are numbered from
    1. Of an edge that is named twice the last cost counts (as the files' author says; Beasley 1990, J. of the Operational
    Research Society 41:1069-1072). Raises Unreadable with file and line.
    """
    (number, first), *lines = _lines(path) or [(1, "")]
    vertices, edges, medians = _header(path, number, first)
    costs = {}
    for number, line in lines:
        try:
            one, other, cost = line.split()
            ends, cost = (int(one), int(other)), float(cost)
        except ValueError:
            raise Unreadable(f"{path}:{number}: an edge is two vertices and a cost, not {line!r}.") from None
        if not all(1 <= end <= vertices for end in ends):
            raise Unreadable(f"{path}:{number}: vertices are numbered from 1 to {vertices}, not {line!r}.")
        if not (math.isfinite(cost) and cost >= 0):
            raise Unreadable(f"{path}:{number}: a cost is a number from 0, not {line!r}.")
        costs[tuple(sorted(ends))] = cost
    if len(lines) != edges:
        raise Unreadable(f"{path}:{number}: the first line promises {edges} edges, the file has {len(lines)}.")
    return Graph(vertices, medians, costs)


def _header(path: Path, number: int, line: str) -> tuple[int, int, int]:
    try:
        vertices, edges, medians = map(int, line.split())
    except ValueError:
        raise Unreadable(f"{path}:{number}: the first line is vertices, edges and p, not {line!r}.") from None
    if not (1 <= medians <= vertices and edges >= 0):
        raise Unreadable(
            f"{path}:{number}: p lies between 1 and the number of vertices, and edges are not below 0: {line!r}."
        )
    return vertices, edges, medians


def _lines(path: Path) -> list[tuple[int, str]]:
    """The lines that are not blank, with their numbers."""
    try:
        text = path.read_text(encoding="ascii")
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        before = error.object[: error.start].count(b"\n")
        raise Unreadable(f"{path}:{before + 1}: this is no text of numbers.") from None
    return [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def town(areas: int, schools: int, options: int) -> tuple[pd.DataFrame, pd.Series]:
    """Walking metres, areas x (schools and options), in a made-up square town, and the children of each area."""
    draw = np.random.default_rng(SEED)
    side = METRES_APART * math.sqrt(areas)
    homes, places = draw.random((areas, 2)) * side, draw.random((schools + options, 2)) * side
    crow = np.hypot(homes[:, [0]] - places[:, 0], homes[:, [1]] - places[:, 1])
    columns = [f"school {n}" for n in range(schools)] + [f"option {n}" for n in range(options)]
    children = pd.Series(draw.integers(FEWEST_CHILDREN, MOST_CHILDREN, areas))
    return pd.DataFrame((DETOUR * crow).round(), columns=columns), children


def _answer(asked: Question) -> tuple[Plan, float]:
    metres, children = town(asked.areas, asked.schools, asked.options)
    existing = metres.columns[: asked.schools]
    start = time.perf_counter()
    if asked.model == "p-median":
        plan = p_median(metres, children, asked.projects, existing=existing)
    elif asked.model == "covering":
        plan = maximal_covering(metres, children, WITHIN, asked.projects, existing=existing)
    else:
        # Just places enough without any project: schools fill up, and children are sent past them.
        each = math.ceil(children.sum() / asked.schools)
        plan = capacitated(metres, children, pd.Series(each, index=metres.columns), asked.projects, existing=existing)
    return plan, time.perf_counter() - start


def _median(path: Path) -> tuple[Plan, float]:
    metres, medians = read_orlib(path)
    start = time.perf_counter()
    try:
        plan = p_median(metres, pd.Series(1, index=metres.index), medians)
    except ValueError as error:
        raise Unreadable(f"{path}:1: {error}") from None
    return plan, time.perf_counter() - start


def _apart(work: Callable, asked: Question | Path) -> tuple[Plan, float, float]:
    """What `work` gives, and the peak memory in MB of the new process that did it."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_with_peak, work, asked).result()


def _with_peak(work: Callable, asked: Question | Path) -> tuple[Plan, float, float]:
    return *work(asked), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KB_IN_MB


def measured(largest: int) -> Iterator[Measured]:
    """Each question's measurement, as it comes."""
    yield from map(measure, questions(largest))
