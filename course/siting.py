"""Where to build: siting models solved to the optimum, and how many places each area can reach.

Distances are a DataFrame, areas x places: one row an area, one column a place where a school is or could be. Columns
named in `existing` are open whatever happens; every other column is an option, of which at most `projects` are opened.
An option can be a new site, or more places at a school that there is already (a column with that school's distances).
An infinite distance means that there is no way: no child is sent there.

Children count as they are given, also in parts (a forecast of 12.5). Plans are proved by HiGHS (scipy.optimize.milp) to
be the best there are; of plans equally good, one in which each project is needed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from numbers import Integral, Real

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, linprog, milp
from scipy.sparse import coo_array, csr_array, eye_array, hstack, vstack

# A total that differs by less than this share is the same total: what adding up fractions in another order makes of it.
SAME = 1e-9
# How near to a whole number the solver's number of children is that whole number.
WHOLE = 1e-6
# An area's list of nearest options is begun with this many times the options for each project.
LONG_ENOUGH = 3
# An area's list of nearest places with room is begun with so many.
PLACES_AT_FIRST = 48
# With so many options it pays to leave out those that no best plan can open.
MANY = 100
# What milp's status says when nothing fits.
INFEASIBLE = 2


@dataclass(frozen=True)
class Plan:
    """What to open, and who then goes where.

    opened: the options chosen, in the order of their columns; [] when building nothing is best.
    objective: what was asked for: metres walked by all children together; in `maximal_covering` children within reach.
    bound: what the solver proved that no plan can beat, in the same unit; equal to the objective but for rounding.
    children: DataFrame, areas x open places (existing and opened): how many children of the area go to the place.
    mean_metres: the children's mean walk in metres; nan when no child goes anywhere.
    """

    opened: list
    objective: float
    bound: float
    children: pd.DataFrame
    mean_metres: float


def p_median(
    metres: pd.DataFrame,
    children: pd.Series,
    projects: int,
    *,
    existing: Iterable = (),
    costs: pd.Series | None = None,
    budget: float | None = None,
    priority: Iterable | None = None,
    priority_metres: float | None = None,
) -> Plan:
    """The plan in which children walk the fewest metres to the nearest open place, whether it has room or not.

    metres: areas x places, walking metres. children: by area. projects: at most so many options are opened.
    existing: columns open whatever happens. costs, budget: what each option costs, and what all may cost together.
    priority, priority_metres: areas whose children's mean walk, all of them together, may not exceed so many metres.
    Where two open places are equally near, children go to the first column.

    Raises ValueError, which names what is wrong, for numbers or labels that make no sense, for an area with children that
    no open place can be reached from, and where no plan meets `priority_metres`; TypeError for what is no table or Series.

    The p-median problem (Hakimi 1964, Operations Research 12:450-459), as an integer programme (ReVelle and Swain 1970,
    Geographical Analysis 2:30-42) in the formulation by distances (Elloumi 2010, J. Combinatorial Optimization 19:69-83).
    """
    asked = _read(metres, children, projects, existing, costs, budget, priority, priority_metres)
    _some_way(asked)
    chosen, bound = _fewest_metres(asked)
    chosen = _needed(chosen, asked.walked)
    placed, objective = _to_the_nearest(asked, chosen), asked.walked(chosen)
    return _plan(asked, chosen, placed, objective, min(bound, objective))


def capacitated(
    metres: pd.DataFrame,
    children: pd.Series,
    places: pd.Series,
    projects: int,
    *,
    existing: Iterable = (),
    costs: pd.Series | None = None,
    budget: float | None = None,
    priority: Iterable | None = None,
    priority_metres: float | None = None,
) -> Plan:
    """The plan in which children walk the fewest metres, and no school takes more children than it has places.

    places: by column of `metres`; of an expansion, the places added. The rest is as in `p_median`, but children are sent
    where they walk least all together: not each to the nearest, and children of one area to several schools if need be.

    Raises what `p_median` raises, and ValueError when there are fewer places than children, with both numbers.

    The p-median problem with capacities and demand that may be split; a child in an option, and not only all of them
    together, needs that option open (ReVelle and Swain's constraint), without which the proof takes far longer.
    """
    asked = _read(metres, children, projects, existing, costs, budget, priority, priority_metres)
    room = _numbers("places", places, asked.columns, "column of metres")
    _some_way(asked)
    _enough_places(asked, room)
    # More places than there are children are as good as that many, and huge numbers would cost the solver its precision.
    room = np.minimum(room, asked.children.sum())
    found = _send(asked, room)
    if found is None:
        raise ValueError(_why_not_sent(asked, room))

    def walked(options: list[int]) -> float:
        sent = _send(asked, room, options)
        return np.inf if sent is None else sent.walked

    best = _send(asked, room, _needed(found.chosen, walked)) if found.chosen else found
    return _plan(asked, best.chosen, best.placed, best.walked, min(found.bound, best.walked))


def maximal_covering(
    metres: pd.DataFrame,
    children: pd.Series,
    within: float,
    projects: int,
    *,
    existing: Iterable = (),
    costs: pd.Series | None = None,
    budget: float | None = None,
) -> Plan:
    """The plan with the most children at most `within` metres from an open place.

    The parameters are those of `p_median`. In the plan's table every child goes to the nearest open place, also one that
    is farther than `within`; who can reach none goes nowhere, and is in no mean.

    Raises ValueError and TypeError as `p_median`, except that an area need not reach any place.

    The maximal covering location problem (Church and ReVelle 1974, Papers of the Regional Science Association 32:101-118).
    """
    asked = _read(metres, children, projects, existing, costs, budget)
    _from_0("within", within)
    chosen, bound = _most_covered(asked, within)
    # Less is better to _needed: it is given the children who are not within reach.
    chosen = _needed(chosen, lambda options: asked.children @ ~_reached(asked.nearest(options), within))
    placed = _to_the_nearest(asked, chosen)
    objective = float(asked.children @ _reached(asked.nearest(chosen), within))
    return _plan(asked, chosen, placed, objective, max(bound, objective))


def two_step_floating_catchment(
    metres: pd.DataFrame,
    children: pd.Series,
    places: pd.Series,
    within: float,
    decay: Callable[[np.ndarray], np.ndarray] | None = None,
) -> pd.Series:
    """How many places there are for each child, counting what an area can reach and who else can reach it: by area.

    First each place's places are shared among the children at most `within` metres from it; then each area adds up the
    shares of the places at most `within` metres from it. All columns of `metres` count: leave out what is not open.
    `decay` takes an array of metres and gives as many weights from 0 to 1: how much somebody at that distance counts,
    in both steps. Without it everybody within `within` counts alike. A place that no child can reach counts nothing.

    Raises ValueError for numbers or labels that make no sense and for other weights; TypeError for no table or Series.

    Luo and Wang 2003, Environment and Planning B 30:865-884; with `decay` Luo and Qi 2009, Health & Place 15:1100-1107.
    """
    distances = _distances(metres)
    demand = _numbers("children", children, metres.index, "row of metres")
    supply = _numbers("places", places, metres.columns, "column of metres")
    _from_0("within", within)
    near = _reached(distances, within)
    weights = near.astype(float)
    if decay is not None:
        given = np.asarray(decay(distances[near]), dtype=float)
        if given.shape != (near.sum(),) or not ((given >= 0) & (given <= 1)).all():
            raise ValueError("decay must give one weight from 0 to 1 for each of the distances that it is given.")
        weights[near] = given
    reaching = demand @ weights
    share = np.divide(supply, reaching, out=np.zeros(len(supply)), where=reaching > 0)
    return pd.Series(weights @ share, index=metres.index, name="places_per_child")


# What is asked


@dataclass(frozen=True)
class _Asked:
    """A question that has been looked through: arrays in the order of the table's rows and columns."""

    rows: pd.Index
    columns: pd.Index
    metres: np.ndarray  # areas x columns
    children: np.ndarray  # by area
    existing: np.ndarray  # numbers of columns
    options: np.ndarray  # numbers of columns
    projects: int
    costs: np.ndarray | None  # by option
    budget: float | None
    priority: np.ndarray | None  # by area: the children whose mean walk is limited, 0 elsewhere
    priority_metres: float | None

    def nearest(self, options: Iterable[int] = ()) -> np.ndarray:
        """Metres from each area to the nearest place when these options are open; infinite where there is none."""
        return self.metres[:, [*self.existing, *options]].min(axis=1, initial=np.inf)

    def walked(self, options: Iterable[int] = ()) -> float:
        """Metres walked by all children together, each to the nearest place when these options are open."""
        somebody = self.children > 0
        return float(self.children[somebody] @ self.nearest(options)[somebody])


def _read(metres, children, projects, existing, costs, budget, priority=None, priority_metres=None) -> _Asked:
    """Look through what was asked. Raises ValueError or TypeError that names what is wrong."""
    distances = _distances(metres)
    demand = _numbers("children", children, metres.index, "row of metres")
    is_open = metres.columns.isin(_labels("existing", existing, metres.columns, "column of metres"))
    options = np.flatnonzero(~is_open)
    if isinstance(projects, bool) or not isinstance(projects, Integral) or projects < 0:
        raise ValueError(f"projects must be a whole number from 0, not {projects!r}.")
    if projects > len(options):
        raise ValueError(f"projects is {projects}, but metres has only {len(options)} columns that are not existing.")
    if (costs is None) != (budget is None):
        raise ValueError("costs and budget belong together: give both or neither.")
    if costs is not None:
        costs = _numbers("costs", costs, metres.columns[options], "option")
        _from_0("budget", budget)
    if (priority is None) != (priority_metres is None):
        raise ValueError("priority and priority_metres belong together: give both or neither.")
    if priority is not None:
        priority = demand * metres.index.isin(_labels("priority", priority, metres.index, "row of metres"))
        _from_0("priority_metres", priority_metres)
        if not priority.any():
            raise ValueError("priority names no area with children, so there is no mean walk to limit.")
    return _Asked(
        metres.index,
        metres.columns,
        distances,
        demand,
        np.flatnonzero(is_open),
        options,
        int(projects),
        costs,
        budget,
        priority,
        priority_metres,
    )


def _distances(metres: pd.DataFrame) -> np.ndarray:
    """The distances as numbers, areas x places."""
    if not isinstance(metres, pd.DataFrame):
        raise TypeError(f"metres must be a DataFrame, areas x places, not {type(metres).__name__}.")
    for what, labels in (("row", metres.index), ("column", metres.columns)):
        _no_doubles(f"metres has more than one {what}", labels)
        if not len(labels):
            raise ValueError(f"metres has no {what}s.")
    text = [name for name, kind in metres.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
    if text:
        raise ValueError(f"metres holds something else than numbers in {_names(text)}.")
    distances = metres.to_numpy(float, na_value=np.nan)
    for row, column in np.argwhere(~(distances >= 0))[:1]:
        wrong = "missing" if np.isnan(distances[row, column]) else "negative"
        raise ValueError(f"metres: the distance from {metres.index[row]} to {metres.columns[column]} is {wrong}.")
    return distances


def _numbers(name: str, series: pd.Series, labels: pd.Index, what: str) -> np.ndarray:
    """The numbers of a Series that has one, from 0, for each of `labels`; in their order."""
    if not isinstance(series, pd.Series):
        raise TypeError(f"{name} must be a Series, one number for each {what}, not {type(series).__name__}.")
    _no_doubles(f"{name} has more than one number", series.index)
    if missing := [label for label in labels if label not in series.index]:
        raise ValueError(f"{name} has no number for {_names(missing)}: one for each {what} is needed.")
    if unknown := [label for label in series.index if label not in labels]:
        raise ValueError(f"{name} has a number for {_names(unknown)}, which is no {what}.")
    if not pd.api.types.is_numeric_dtype(series):
        raise ValueError(f"{name} holds something else than numbers.")
    numbers = series.reindex(labels).to_numpy(float, na_value=np.nan)
    wrong = ~(np.isfinite(numbers) & (numbers >= 0))
    if wrong.any():
        raise ValueError(f"{name} must be numbers from 0; it is {numbers[wrong][0]:g} for {_names(labels[wrong])}.")
    return numbers


def _labels(name: str, given: Iterable, known: pd.Index, what: str) -> list:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"{name} must be a list of labels, not {given!r}.")
    labels = list(given)
    if unknown := [label for label in labels if label not in known]:
        raise ValueError(f"{name} names {_names(unknown)}, which is no {what}.")
    _no_doubles(f"{name} has more than one mention", pd.Index(labels))
    return labels


def _no_doubles(what: str, labels: pd.Index) -> None:
    doubles = labels[labels.duplicated()].unique()
    if len(doubles):
        raise ValueError(f"{what} of {_names(doubles)}.")


def _from_0(name: str, number: float) -> None:
    if isinstance(number, bool) or not isinstance(number, Real) or not number >= 0:
        raise ValueError(f"{name} must be a number from 0, not {number!r}.")


def _names(labels: Iterable) -> str:
    """The first labels, and how many more there are."""
    names = [str(label) for label in labels]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _some_way(asked: _Asked) -> None:
    """Refuse what no choice of options can mend: no place at all, or an area with children and no way to any place."""
    may_open = [*asked.existing, *(asked.options if asked.projects else ())]
    if not may_open:
        raise ValueError("No place would be open: name existing ones, or let projects be 1 or more.")
    cut_off = (asked.children > 0) & np.isinf(asked.metres[:, may_open].min(axis=1))
    if cut_off.any():
        areas = asked.rows[cut_off]
        raise ValueError(f"{_names(areas)} {'has' if len(areas) == 1 else 'have'} no path to any place.")


def _enough_places(asked: _Asked, room: np.ndarray) -> None:
    """Refuse a demand that the most places which can be opened do not meet."""
    most = room[asked.existing].sum()
    if asked.projects:
        most -= _solve(-room[asked.options], _limits(asked), len(asked.options)).fun
    if most < asked.children.sum() * (1 - SAME):
        best = f"even with the best {_projects(asked)}" if asked.projects else "with no project"
        raise ValueError(f"{_told(most)} places for {_told(asked.children.sum())} children: {best} there are too few.")


def _projects(asked: _Asked) -> str:
    number = f"{asked.projects} project{'s' if asked.projects != 1 else ''}"
    return number if asked.budget is None else f"{number} for {_told(asked.budget)}"


def _told(number: float) -> str:
    return f"{number:,.10g}"


def _or_0(metres: np.ndarray) -> np.ndarray:
    """Metres with 0 for an infinite number, where there are no children to walk them."""
    return np.where(np.isinf(metres), 0, metres)


def _reached(metres: np.ndarray, within: float) -> np.ndarray:
    return (metres <= within) & np.isfinite(metres)


# Models. Their first variables are the options, 0 or 1; rows are (matrix, least, most)


def _solve(cost: np.ndarray, rows: list[tuple], whole: int, upper: np.ndarray | float = 1) -> OptimizeResult | None:
    """The variables, from 0 to `upper`, that cost least, the first `whole` of them whole; None when nothing fits."""
    # One more variable that does nothing: HiGHS takes no model without any.
    width = len(cost) + 1
    found = milp(
        np.append(cost, 0),
        integrality=np.arange(width) < whole,
        bounds=Bounds(0, np.append(np.broadcast_to(upper, len(cost)), 0)),
        constraints=[LinearConstraint(_widened(matrix, width), least, most) for matrix, least, most in rows],
        options={"mip_rel_gap": 0},
    )
    if found.status == INFEASIBLE:
        return None
    if not found.success:
        raise RuntimeError(f"The solver gave up: {found.message}")
    return found


def _widened(matrix: np.ndarray | csr_array, width: int) -> csr_array:
    """The same rows, with columns of zeros behind."""
    matrix = csr_array(matrix)
    return csr_array((matrix.data, matrix.indices, matrix.indptr), shape=(matrix.shape[0], width))


def _bound(found: OptimizeResult, whole: int) -> float:
    """What no choice can cost less than; without whole numbers the optimum itself."""
    return found.mip_dual_bound if whole else found.fun


def _limits(asked: _Asked) -> list[tuple]:
    """At most so many projects, for at most the budget."""
    rows = [(np.ones((1, len(asked.options))), 0, asked.projects)]
    if asked.costs is not None:
        rows.append((asked.costs[np.newaxis, :], 0, asked.budget * (1 + SAME)))
    return rows


def _needed(chosen: list[int], total: Callable[[list[int]], float]) -> list[int]:
    """What is left when options that change nothing are dropped, from the last column on. Less is better in `total`."""
    best = total(chosen)
    for option in reversed(chosen):
        without = [other for other in chosen if other != option]
        if total(without) <= best + SAME * abs(best):
            chosen = without
    return chosen


def _to_the_nearest(asked: _Asked, chosen: list[int]) -> np.ndarray:
    """How many children go where, areas x columns, when each goes to the nearest open place (the first of several)."""
    placed = np.zeros(asked.metres.shape)
    is_open = np.sort([*asked.existing, *chosen]).astype(int)
    if len(is_open):
        metres = asked.metres[:, is_open]
        nearest = metres.argmin(axis=1)
        areas = np.flatnonzero(np.isfinite(metres.min(axis=1)))
        placed[areas, is_open[nearest[areas]]] = asked.children[areas]
    return placed


def _plan(asked: _Asked, chosen: list[int], placed: np.ndarray, objective: float, bound: float) -> Plan:
    is_open = np.sort([*asked.existing, *chosen]).astype(int)
    children = pd.DataFrame(placed[:, is_open], index=asked.rows, columns=asked.columns[is_open])
    walked, going = (placed * _or_0(asked.metres)).sum(), placed.sum()
    mean = float(walked / going) if going else np.nan
    return Plan([*asked.columns[chosen]], objective, float(bound), children, mean)


# The p-median


def _fewest_metres(asked: _Asked) -> tuple[list[int], float]:
    """The options that leave the fewest metres to walk, and the bound that proves it.

    Each area has a list of its nearest options, as far as they are nearer than its nearest existing place. Lists are cut
    short, and the model takes it that nobody walks farther than to the first option left out (or the existing place). So
    it promises too few metres, never too many: a plan in which nobody does is the best of all. Else the lists of those
    who do are made longer.
    """
    area = np.flatnonzero(asked.children > 0)
    children, existing = asked.children[area], asked.nearest()[area]
    metres = np.minimum(asked.metres[np.ix_(area, asked.options)], existing[:, np.newaxis])
    limited = asked.costs is not None or asked.priority is not None
    if len(asked.options) >= MANY and len(area) and asked.projects and not limited and np.isfinite(metres).all():
        hopeful = _hopeful(metres, existing, children, asked.projects)
        asked, metres = replace(asked, options=asked.options[hopeful]), metres[:, hopeful]
    count = len(asked.options)
    order = metres.argsort(axis=1, kind="stable")
    # One column more: behind the options, the existing place.
    metres = np.c_[np.take_along_axis(metres, order, axis=1), existing]
    useful = (metres < existing[:, np.newaxis]).sum(axis=1)
    length = np.full(len(area), LONG_ENOUGH * (count // max(asked.projects, 1) + 1))
    while True:
        length = np.minimum(length, useful)
        rows, step_area, step_metres, most, beyond = _by_distance(metres, order, length)
        walk = children[step_area] * step_metres
        rows = [rows, *_limits(asked)]
        if asked.priority is not None:
            limited = asked.priority[area] / asked.priority.sum()
            row = np.r_[np.zeros(count), limited[step_area] * step_metres]
            rows.append((row[np.newaxis, :], -np.inf, asked.priority_metres * (1 + SAME) - limited @ metres[:, 0]))
        found = _solve(np.r_[np.zeros(count), walk], rows, count, np.r_[np.ones(count), most])
        if found is None:
            raise ValueError(_why_no_plan(asked))
        chosen = _chosen(asked, found)
        too_short = asked.nearest(chosen)[area] > beyond
        if not too_short.any():
            return chosen, children @ metres[:, 0] + _bound(found, count)
        length[too_short] *= 2


def _by_distance(metres: np.ndarray, order: np.ndarray, length: np.ndarray) -> tuple:
    """The formulation by distances: for each area and each different distance in its list a variable, the step.

    A step is 1 when no option at that distance or nearer is open, so that the children walk on to the next distance.
    metres: areas x (options + 1), sorted; order: the options' numbers so sorted; length: by area, how many are listed.
    Gives the rows, then for each step its area, the metres walked on, and the most it can be (0 where there is no next),
    then by area the distance beyond which the model knows nothing.
    """
    count = order.shape[1]
    areas = np.arange(len(metres))
    # Options at the same distance as the last one of the list belong to the list.
    listed = (metres[:, :count] <= metres[areas, length - 1][:, np.newaxis]) & (length > 0)[:, np.newaxis]
    beyond = metres[areas, listed.sum(axis=1)]
    begins = listed & np.c_[np.ones(len(metres), dtype=bool), metres[:, 1:count] > metres[:, : count - 1]][:, :count]
    number = begins.ravel().cumsum().reshape(begins.shape) - 1
    step_area, rank = np.nonzero(begins)
    here, steps = metres[step_area, rank], len(step_area)
    is_last = np.append(step_area[1:] != step_area[:-1], True)[:steps]
    there = np.where(is_last, beyond[step_area], np.append(here[1:], np.inf)[:steps])
    reachable = np.isfinite(there)
    # step - step before + options at its distance >= 0; the first step of an area + its options >= 1.
    options = coo_array((np.ones(listed.sum()), (number[listed], order[listed])), shape=(steps, count))
    before = np.flatnonzero(rank > 0)
    chain = eye_array(steps) - coo_array((np.ones(len(before)), (before, before - 1)), shape=(steps, steps))
    rows = (hstack([options, chain]), (rank == 0).astype(float), np.inf)
    return rows, step_area, np.where(reachable, there - here, 0), reachable.astype(float), beyond


def _hopeful(metres: np.ndarray, existing: np.ndarray, children: np.ndarray, projects: int) -> np.ndarray:
    """Which options a plan as good as a known one can open: all but those that are proved not to belong to any.

    metres: areas x options, none farther than the area's nearest existing place, `existing`; children: by area.

    The relaxation, in which options may be open in part, cannot do better than some total; opening an option whole adds at
    least its reduced cost to that. Where this comes to more than a plan that swaps have found, the option is left out. The
    relaxation is solved by Benders' cuts, one an area: who does not reach a whole school within some metres walks so far,
    less what nearer options spare them (Duran-Mateluna, Ales and Elloumi 2023, European J. Operational Research).
    """
    areas, count = metres.shape
    plan, best = _by_swaps(metres, existing, children, projects)
    in_order = np.c_[metres, existing].argsort(axis=1, kind="stable")
    sorted_metres = np.take_along_axis(np.c_[metres, existing], in_order, axis=1)
    exactly = np.r_[np.ones(count), np.zeros(areas)][np.newaxis, :]
    opened, walked = np.full(count, projects / count), np.full(areas, -np.inf)
    cuts, least = [], []
    while True:
        # The existing place, behind the options, is open.
        whole = np.append(opened, 1)[in_order].cumsum(axis=1) > 1 - WHOLE
        far = sorted_metres[np.arange(areas), whole.argmax(axis=1)]
        spared = np.maximum(far[:, np.newaxis] - metres, 0)
        short = np.flatnonzero(far - spared @ opened > walked + WHOLE * (1 + far))
        if not len(short):
            break
        cuts.append(-hstack([csr_array(spared[short]), eye_array(areas, format="csr")[short]]))
        least.append(-far[short])
        found = linprog(
            np.r_[np.zeros(count), children],
            A_ub=vstack(cuts),
            b_ub=np.concatenate(least),
            A_eq=exactly,
            b_eq=[projects],
            bounds=[(0, 1)] * count + [(0, None)] * areas,
        )
        opened, walked = found.x[:count], found.x[count:]
    hopeful = found.fun + found.lower.marginals[:count] <= best * (1 + WHOLE)
    hopeful[plan] = True
    return hopeful


def _by_swaps(metres: np.ndarray, existing: np.ndarray, children: np.ndarray, projects: int) -> tuple[list[int], float]:
    """A good plan and its total: one by one, then each option swapped for a better one while there is any.

    metres: areas x options. The options are numbers of columns.
    """
    plan: list[int] = []
    total, better = np.inf, True
    while better:
        better = False
        for place in range(projects):
            others = [option for other, option in enumerate(plan) if other != place]
            rest = metres[:, others].min(axis=1, initial=np.inf)
            totals = children @ np.minimum(np.minimum(rest, existing)[:, np.newaxis], metres)
            if len(plan) < projects or totals.min() < total * (1 - SAME):
                plan, total, better = [*others, int(totals.argmin())], float(totals.min()), True
    return plan, total


def _why_no_plan(asked: _Asked) -> str:
    """What stands in the way when every area with children has a path to some place, and yet no plan is found."""
    best, _ = _most_covered(asked, np.inf)
    left = (asked.children > 0) & np.isinf(asked.nearest(best))
    if left.any():
        return f"Even the best {_projects(asked)} leave {_names(asked.rows[left])} with no path to any open place."
    alone = _priority_alone(asked)
    best, _ = _fewest_metres(alone)
    return _too_far(asked, alone.walked(best))


def _priority_alone(asked: _Asked) -> _Asked:
    """The question in which only priority areas' metres count: the others' are all 0."""
    metres = np.where(np.isfinite(asked.metres) & (asked.priority == 0)[:, np.newaxis], 0, asked.metres)
    return replace(asked, metres=metres, priority=None, priority_metres=None)


def _too_far(asked: _Asked, walked: float) -> str:
    best = walked / asked.priority.sum()
    return (
        f"priority_metres is {_told(asked.priority_metres)}, but the best that any plan does for the children of the "
        f"priority areas is a mean walk of {np.ceil(best * 10) / 10:,.1f} m."
    )


# Covering, and places


def _most_covered(asked: _Asked, within: float) -> tuple[list[int], float]:
    """The options that bring most children within reach of an open place, and the bound that proves it."""
    covered = _reached(asked.nearest(), within)
    count, reach = len(asked.options), _reached(asked.metres[:, asked.options], within)
    area = np.flatnonzero(~covered & (asked.children > 0) & reach.any(axis=1))
    rows = (hstack([csr_array(reach[area].astype(float)), -eye_array(len(area))]), 0, np.inf)
    found = _solve(np.r_[np.zeros(count), -asked.children[area]], [rows, *_limits(asked)], count)
    return _chosen(asked, found), asked.children @ covered - _bound(found, count)


@dataclass(frozen=True)
class _Sent:
    """The best way to send children to places with room for them."""

    chosen: list[int]
    placed: np.ndarray  # areas x columns
    walked: float
    bound: float


def _send(asked: _Asked, room: np.ndarray, fixed: list[int] | None = None) -> _Sent | None:
    """Open options and send children; with `fixed` these options are open and no others. None when it cannot be done.

    As in the p-median, areas list their nearest places only, and the model takes it that there is room for everybody at the
    first place left out: lists are made longer until nobody is sent there.
    """
    count = 0 if fixed is not None else len(asked.options)
    places = np.concatenate([asked.options if fixed is None else fixed, asked.existing]).astype(int)
    usable = (asked.children > 0)[:, np.newaxis] & (room[places] > 0)
    metres = np.where(usable, asked.metres[:, places], np.inf)
    order = metres.argsort(axis=1, kind="stable")
    metres = np.take_along_axis(metres, order, axis=1)
    useful = np.isfinite(metres).sum(axis=1)
    length = np.full(len(useful), PLACES_AT_FIRST)
    while True:
        length = np.minimum(length, useful)
        area, rank = np.nonzero(np.arange(len(places)) < length[:, np.newaxis])
        cut = np.flatnonzero(length < useful)
        # A flow is an area's children in one place of its list; the last flows are those to what was left out.
        flows = pd.DataFrame(
            {
                "area": np.r_[area, cut],
                "place": np.r_[order[area, rank], np.full(len(cut), len(places))],
                "metres": np.r_[metres[area, rank], metres[cut, length[cut]]],
            }
        )
        found = _flow(asked, flows, np.append(room[places], np.inf), count)
        if found is None:
            return None
        sent = found.x[count : count + len(flows)]
        sent = np.where(abs(sent - sent.round()) < WHOLE, sent.round(), sent)
        too_short = cut[sent[len(area) :] > 0]
        if not len(too_short):
            break
        length[too_short] *= 2
    placed = np.zeros(asked.metres.shape)
    placed[area, places[order[area, rank]]] = sent[: len(area)]
    chosen = _chosen(asked, found) if fixed is None else fixed
    return _Sent(chosen, placed, float((placed * _or_0(asked.metres)).sum()), _bound(found, count))


def _flow(asked: _Asked, flows: pd.DataFrame, room: np.ndarray, count: int) -> OptimizeResult | None:
    """Send children along these flows, into places with so much room; the first `count` places are to be opened first."""
    area, place, metres = (flows[column].to_numpy() for column in ("area", "place", "metres"))
    number = np.arange(len(flows))
    one = np.ones(len(flows))
    everyone = coo_array((one, (area, count + number)), shape=(len(asked.rows), count + len(flows)))
    going = coo_array((one, (place, number)), shape=(len(room), len(flows)))
    opening = coo_array((-room[:count], (np.arange(count), np.arange(count))), shape=(len(room), count))
    rows = [
        (everyone, asked.children, asked.children),
        (hstack([opening, going]), -np.inf, np.r_[np.zeros(count), room[count:]]),
    ]
    most = np.minimum(asked.children[area], room[place])
    if count:
        rows += _limits(asked)
        # Each area's children, too, need the option to be open: it follows from the rows above, but without it the solver
        # takes far longer, as it begins with options that are open in part.
        tied = np.flatnonzero(place < count)
        opening = coo_array((-most[tied], (np.arange(len(tied)), place[tied])), shape=(len(tied), count))
        going = coo_array((one[tied], (np.arange(len(tied)), tied)), shape=(len(tied), len(flows)))
        rows.append((hstack([opening, going]), -np.inf, 0))
    if asked.priority is not None:
        limited = (asked.priority > 0)[area] * metres / asked.priority.sum()
        rows.append((np.r_[np.zeros(count), limited][np.newaxis, :], -np.inf, asked.priority_metres * (1 + SAME)))
    return _solve(np.r_[np.zeros(count), metres], rows, count, np.r_[np.ones(count), most])


def _why_not_sent(asked: _Asked, room: np.ndarray) -> str:
    """What stands in the way when there are places enough, and yet no plan is found."""
    # A place called nowhere, with room for all, a metre away; all others no metre away: the metres count who is left.
    nowhere = np.where(np.isfinite(asked.metres), 0, np.inf)
    all_may = replace(
        asked,
        metres=np.c_[nowhere, np.ones(len(asked.rows))],
        existing=np.append(asked.existing, len(asked.columns)),
        priority=None,
    )
    best = _send(all_may, np.append(room, asked.children.sum()))
    left = best.placed[:, -1]
    if left.sum() > SAME * asked.children.sum():
        return (
            f"Even the best {_projects(asked)} leave {_told(left.sum())} children of {_names(asked.rows[left > 0])} "
            "without a place that they have a path to."
        )
    return _too_far(asked, _send(_priority_alone(asked), room).walked)


def _chosen(asked: _Asked, found: OptimizeResult) -> list[int]:
    """The columns of the options that the solver opened."""
    return [*asked.options[found.x[: len(asked.options)] > 0.5]]
