"""A plan is the best there is: held against all plans there could be, against bounds found another way, by properties."""

import itertools
import math
import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import lil_array

from course.siting import Plan, capacitated, maximal_covering, p_median, two_step_floating_catchment

CASES = 48
WITHIN = 100.0


@dataclass
class Case:
    """A small question, and all that there is to choose from."""

    metres: pd.DataFrame
    children: pd.Series
    places: pd.Series
    existing: list
    projects: int
    limits: dict = field(default_factory=dict)
    priority: dict = field(default_factory=dict)

    @property
    def options(self) -> list:
        return [column for column in self.metres if column not in self.existing]

    def choices(self):
        """Every set of options that projects and budget allow."""
        for number in range(self.projects + 1):
            for chosen in map(list, itertools.combinations(self.options, number)):
                if not self.limits or self.limits["costs"][chosen].sum() <= self.limits["budget"]:
                    yield chosen

    def walked(self, chosen: list) -> float:
        """Child-metres when all go to the nearest; infinite where somebody cannot, or priority areas' walk is too long."""
        metres = self.metres[self.existing + chosen].min(axis=1)[self.children > 0]
        walked = self.children[self.children > 0] * metres
        if self.priority:
            areas = self.priority["priority"]
            if walked[walked.index.isin(areas)].sum() > self.priority["priority_metres"] * self.children[areas].sum() + 1e-9:
                return math.inf
        return math.inf if walked.isna().any() else walked.sum()

    def sent(self, chosen: list) -> float:
        """Child-metres when places are limited: a transport problem, solved as a dense linear programme."""
        return transport(self.metres[self.existing + chosen], self.children, self.places, self.priority)

    def covered(self, chosen: list) -> float:
        return self.children[self.metres[self.existing + chosen].min(axis=1) <= WITHIN].sum()


def transport(metres: pd.DataFrame, children: pd.Series, places: pd.Series, priority: dict) -> float:
    areas, columns = metres.shape
    if not columns:
        return 0 if children.sum() == 0 else math.inf
    can = np.isfinite(metres.to_numpy())
    walk = np.where(can, metres, 0)
    most, rows = list(places[metres.columns]), list(np.tile(np.eye(columns), areas))
    if priority:
        weak = metres.index.isin(priority["priority"])
        rows.append((walk * weak[:, None]).ravel())
        most.append(priority["priority_metres"] * children[weak].sum() + 1e-7)
    each = np.repeat(np.eye(areas), columns, axis=1)
    bounds = [(0, None if one else 0) for one in can.ravel()]
    found = linprog(walk.ravel(), A_ub=np.array(rows), b_ub=most, A_eq=each, b_eq=children, bounds=bounds)
    return found.fun if found.status == 0 else math.inf


def draw(seed: int) -> Case:
    """Some have no school, no children, no path, or ties; every third has costs, every fourth equity."""
    rng = np.random.default_rng(seed)
    areas, columns = [f"A{n}" for n in range(6)], [f"P{n}" for n in range(5)]
    metres = rng.integers(0, 30, (6, 5)) * 10.0
    metres[rng.random((6, 5)) < 0.1] = np.inf
    children = pd.Series(rng.integers(0, 20, 6) * (0.5 if seed % 2 else 1), index=areas)
    children["A3"] += 1
    existing = columns[: rng.integers(0, 4)]
    case = Case(
        pd.DataFrame(metres, index=areas, columns=columns),
        children,
        pd.Series(rng.integers(5, 60, 5), index=columns),
        existing,
        int(rng.integers(0, 6 - len(existing))),
    )
    if seed % 3 == 0:
        case.limits = {"costs": pd.Series(rng.integers(1, 9, len(case.options)), index=case.options), "budget": 12}
    if seed % 4 == 0:
        case.priority = {"priority": ["A0", "A3"], "priority_metres": float(rng.integers(50, 200))}
    return case


def holds_together(plan: Plan, case: Case) -> None:
    """What is true of any plan: it keeps to the limits, and its parts say the same."""
    assert plan.opened == [option for option in case.options if option in plan.opened]
    assert len(plan.opened) <= case.projects
    if case.limits:
        assert case.limits["costs"][plan.opened].sum() <= case.limits["budget"]
    is_open = [column for column in case.metres if column in case.existing + plan.opened]
    assert [*plan.children.columns] == is_open and [*plan.children.index] == [*case.metres.index]
    assert (plan.children.to_numpy() >= 0).all()
    going = plan.children.to_numpy() > 0
    metres = case.metres[is_open].to_numpy()
    assert np.isfinite(metres[going]).all()
    if going.any():
        walked = (plan.children.to_numpy()[going] * metres[going]).sum()
        assert plan.mean_metres == pytest.approx(walked / plan.children.sum().sum())


@pytest.mark.parametrize("seed", range(CASES))
@pytest.mark.parametrize("model", ["p_median", "capacitated"])
def test_no_plan_of_all_there_are_is_better_and_where_there_is_none_the_module_says_so(model, seed):
    case = draw(seed)
    of = case.walked if model == "p_median" else case.sent
    best = min(map(of, case.choices()))
    asked = {"existing": case.existing, **case.limits, **case.priority}
    places = () if model == "p_median" else (case.places,)
    solve = p_median if model == "p_median" else capacitated
    if math.isinf(best):
        with pytest.raises(ValueError, match="path|too few|mean walk|No place would be open"):
            solve(case.metres, case.children, *places, case.projects, **asked)
        return
    plan = solve(case.metres, case.children, *places, case.projects, **asked)
    assert plan.objective == pytest.approx(best)
    assert plan.bound == pytest.approx(best) and plan.bound <= plan.objective
    assert of(plan.opened) == pytest.approx(best)
    assert all(of([option for option in plan.opened if option != spare]) > best for spare in plan.opened)
    holds_together(plan, case)
    pd.testing.assert_series_equal(plan.children.sum(axis=1), case.children.astype(float), check_names=False)
    if model == "capacitated":
        assert (plan.children.sum() <= case.places[plan.children.columns] + 1e-9).all()


@pytest.mark.parametrize("seed", range(CASES))
def test_no_plan_covers_more_children(seed):
    case = draw(seed)
    best = max(map(case.covered, case.choices()))
    plan = maximal_covering(case.metres, case.children, WITHIN, case.projects, existing=case.existing, **case.limits)
    assert plan.objective == pytest.approx(best) == case.covered(plan.opened)
    assert plan.bound == pytest.approx(best) and plan.bound >= plan.objective
    holds_together(plan, case)


def town(areas: int, columns: int, seed: int = 5) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(seed)
    homes, places = rng.random((areas, 2)) * 5000, rng.random((columns, 2)) * 5000
    metres = np.hypot(homes[:, [0]] - places[:, 0], homes[:, [1]] - places[:, 1]).round()
    names = [f"P{n}" for n in range(columns)]
    return pd.DataFrame(metres, columns=names), pd.Series(rng.integers(5, 90, areas).astype(float))


@pytest.mark.parametrize("room", [math.inf, 1.1])
def test_in_a_larger_town_the_plan_lies_between_the_relaxed_programme_and_every_exchange_of_one_option(room):
    metres, children = town(40, 25)
    existing, projects = [*metres.columns[:10]], 4
    options = [*metres.columns[10:]]
    places = pd.Series(min(room, 1e6) * children.sum() / 14, index=metres.columns)
    # The relaxed programme, with options open in part: variables are the options, then all areas x columns (as shares).
    y, x = 15, 40 * 25
    each = np.hstack([np.zeros((40, y)), np.repeat(np.eye(40), 25, axis=1)])
    rows, most = [np.r_[np.ones(y), np.zeros(x)]], [projects]
    for area, column in itertools.product(range(40), range(10, 25)):
        row = np.zeros(y + x)
        row[column - 10], row[y + area * 25 + column] = -1, 1
        rows.append(row)
        most.append(0)
    for column in range(25):
        row = np.zeros(y + x)
        row[y + column :: 25] = children
        if column >= 10:
            row[column - 10] = -places.iloc[column]
        rows.append(row)
        most.append(0 if column >= 10 else places.iloc[column])
    cost = np.r_[np.zeros(y), (metres.to_numpy() * children.to_numpy()[:, None]).ravel()]
    limits = [(0, 1)] * y + [(0, None)] * x
    relaxed = linprog(cost, A_ub=np.array(rows), b_ub=most, A_eq=each, b_eq=np.ones(40), bounds=limits).fun
    plan = capacitated(metres, children, places, projects, existing=existing)
    assert relaxed <= plan.bound + 1e-3 <= plan.objective + 2e-3
    assert plan.bound == pytest.approx(plan.objective, rel=1e-9)
    swaps = [[*(set(plan.opened) - {out}), into] for out in plan.opened for into in options if into not in plan.opened]
    assert all(transport(metres[existing + swap], children, places, {}) >= plan.objective - 1e-3 for swap in swaps[::4])


def test_a_budget_far_below_the_projects_does_not_lead_astray():
    metres, children = town(30, 30)
    costs = pd.Series(1, index=metres.columns)
    plan = p_median(metres, children, 20, costs=costs, budget=2)
    pairs = itertools.combinations(metres.columns, 2)
    assert plan.objective == min((children * metres[[*pair]].min(axis=1)).sum() for pair in pairs)


def test_children_pass_many_full_schools_to_one_with_room():
    metres, children = town(20, 80)
    places = pd.Series(0.0, index=metres.columns)
    far = [*metres.sum().sort_values().index[-4:]]
    places[far] = children.sum() / 3
    places[[*metres.sum().sort_values().index[:60]]] = 1
    plan = capacitated(metres, children, places, 0, existing=metres.columns)
    assert plan.objective == pytest.approx(transport(metres, children, places, {}))
    assert plan.opened == [] and plan.bound == pytest.approx(plan.objective)


def test_endless_places_are_as_no_limit():
    metres, children = town(40, 20)
    asked = {"existing": ["P0", "P1"], "priority": [0, 1, 2], "priority_metres": 800}
    endless = capacitated(metres, children, pd.Series(1e15, index=metres.columns), 5, **asked)
    free = p_median(metres, children, 5, **asked)
    assert endless.objective == pytest.approx(free.objective) and endless.opened == free.opened


@pytest.mark.parametrize("places", [None, 350.0])
def test_more_options_and_more_projects_are_never_worse(places):
    metres, children = town(30, 16)

    def best(columns: int, projects: int) -> float:
        table = metres.iloc[:, :columns]
        if places is None:
            return p_median(table, children, projects, existing=["P0", "P1", "P2", "P3", "P4"]).objective
        room = pd.Series(places, index=table.columns)
        return capacitated(table, children, room, projects, existing=["P0", "P1", "P2", "P3", "P4"]).objective

    by_option, by_project = [best(columns, 2) for columns in (8, 12, 16)], [best(16, n) for n in range(5)]
    assert by_option == sorted(by_option, reverse=True) and by_option[-1] < by_option[0]
    assert by_project == sorted(by_project, reverse=True) and by_project[-1] < by_project[0]


@pytest.mark.parametrize("solve", [p_median, capacitated, maximal_covering])
def test_scale_and_order_change_nothing(solve):
    metres, children = town(30, 16)
    places = pd.Series(children.sum() / 4, index=metres.columns)

    def plan(metres: pd.DataFrame, times: float = 1) -> Plan:
        third = {p_median: (), capacitated: (places[::-1],), maximal_covering: (900 * times,)}[solve]
        return solve(metres, children[::-1], *third, 3, existing=["P1", "P0"])

    once, thrice, turned = plan(metres), plan(metres * 3, 3), plan(metres.iloc[::-1, ::-1])
    scale = 1 if solve is maximal_covering else 3
    assert thrice.objective == pytest.approx(scale * once.objective) and thrice.opened == once.opened
    assert thrice.mean_metres == pytest.approx(3 * once.mean_metres)
    assert turned.objective == pytest.approx(once.objective) and turned.bound == pytest.approx(once.bound)


@pytest.mark.parametrize("solve", [p_median, capacitated])
def test_equity_as_a_constraint_is_met_and_has_its_price(solve):
    metres, children = town(40, 24)
    weak = [3, 8, 21]
    third = () if solve is p_median else (pd.Series(children.sum() / 8, index=metres.columns),)
    asked = {"existing": [*metres.columns[:8]]}

    def mean(plan: Plan) -> float:
        walked = (plan.children * metres[plan.children.columns]).sum(axis=1)
        return walked[weak].sum() / children[weak].sum()

    free = solve(metres, children, *third, 2, **asked)
    fair = solve(metres, children, *third, 2, **asked, priority=weak, priority_metres=mean(free) * 0.9)
    assert mean(fair) <= mean(free) * 0.9 * (1 + 1e-8) and fair.objective > free.objective
    same = solve(metres, children, *third, 2, **asked, priority=weak, priority_metres=mean(free))
    assert same.objective == pytest.approx(free.objective)
    with pytest.raises(ValueError, match=r"the priority areas is a mean walk of [\d,]+\.\d m") as refused:
        solve(metres, children, *third, 2, **asked, priority=weak, priority_metres=1)
    least = float(str(refused.value).split("mean walk of ")[1].removesuffix(" m.").replace(",", ""))
    tight = solve(metres, children, *third, 2, **asked, priority=weak, priority_metres=least)
    assert mean(tight) <= least * (1 + 1e-8)


AREAS = ["north", "south"]


def table(**columns: list) -> pd.DataFrame:
    return pd.DataFrame(columns, index=AREAS)


def test_building_nothing_is_best_when_no_option_is_nearer_than_the_school():
    metres, children = table(school=[100, 300], site=[100, 400]), pd.Series([10, 5], AREAS)
    for plan in (
        p_median(metres, children, 1, existing=["school"]),
        capacitated(metres, children, pd.Series({"school": 15, "site": 9}), 1, existing=["school"]),
        maximal_covering(metres, children, 300, 1, existing=["school"]),
    ):
        assert plan.opened == []
        assert plan.mean_metres == pytest.approx(2500 / 15)
        assert plan.children.to_dict() == {"school": {"north": 10, "south": 5}}


def test_an_expansion_is_a_column_with_the_schools_distances():
    metres = table(school=[100, 200], more=[100, 200], site=[900, 800])
    plan = capacitated(metres, pd.Series([10, 5], AREAS), pd.Series([9, 6, 6], metres.columns), 1, existing=["school"])
    assert plan.opened == ["more"] and plan.objective == 2000


def test_of_places_equally_near_children_go_to_the_first_column():
    metres = table(a=[5, 5], b=[5, 5])
    assert p_median(metres, pd.Series([1, 1], AREAS), 0, existing=["b", "a"]).children["a"].sum() == 2


def test_children_who_reach_no_place_are_in_no_mean_of_a_covering_plan():
    metres = table(a=[50.0, np.inf])
    plan = maximal_covering(metres, pd.Series([3, 4], AREAS), math.inf, 1)
    assert (plan.objective, plan.mean_metres, plan.children.loc["south", "a"]) == (3, 50, 0)
    nothing = maximal_covering(metres, pd.Series([3, 4], AREAS), 10, 1)
    assert nothing.opened == [] and nothing.objective == 0 and math.isnan(nothing.mean_metres)


def test_an_area_without_children_needs_no_path():
    metres, children = table(a=[50.0, np.inf], b=[70.0, np.inf]), pd.Series([3, 0], AREAS)
    assert p_median(metres, children, 1).opened == ["a"]
    assert capacitated(metres, children, pd.Series({"a": 2, "b": 2}), 2).objective == 2 * 50 + 70


def test_no_children_at_all_need_nothing():
    plan = p_median(table(a=[1, 2]), pd.Series([0, 0], AREAS), 1)
    assert plan.opened == [] and plan.objective == plan.bound == 0 and math.isnan(plan.mean_metres)


# The floating catchment


def test_floating_catchment_by_hand():
    metres = table(near=[200, 900], far=[1500, 700])
    children, places = pd.Series([10, 30], AREAS), pd.Series({"near": 20, "far": 15})
    # near is in reach of all 40 children: 20 / 40 = 0.5 a child; far of the 30 in the south alone: 15 / 30 = 0.5.
    found = two_step_floating_catchment(metres, children, places, 1000)
    assert found.to_dict() == {"north": 0.5, "south": 1.0}
    # At 500 m and more one counts half: near 20 / (10 + 15) = 0.8, far 15 / 15 = 1; south 0.8 / 2 + 1 / 2.
    halved = two_step_floating_catchment(metres, children, places, 1000, lambda metres: np.where(metres < 500, 1, 0.5))
    assert halved.to_dict() == {"north": pytest.approx(0.8), "south": pytest.approx(0.9)}


@pytest.mark.parametrize("seed", range(20))
def test_what_children_have_adds_up_to_the_places_that_somebody_reaches(seed):
    case = draw(seed)

    def decay(metres: np.ndarray) -> np.ndarray:
        return np.exp(-((metres / 80) ** 2))

    for weigh in (None, decay):
        found = two_step_floating_catchment(case.metres, case.children, case.places, WITHIN, weigh)
        reached = ((case.metres <= WITHIN) & (case.children > 0).to_numpy()[:, None]).any()
        assert (found * case.children).sum() == pytest.approx(case.places[reached].sum())
        # And the sum for one area, written out.
        weights = case.metres.where(case.metres <= WITHIN)
        weights = (weights * 0 + 1 if weigh is None else weights.map(lambda m: math.exp(-((m / 80) ** 2)))).fillna(0)
        mine = 0.0
        for place in case.metres:
            reaching = sum(case.children[area] * weights.loc[area, place] for area in case.metres.index)
            mine += weights.loc["A3", place] * case.places[place] / reaching if reaching else 0
        assert found["A3"] == pytest.approx(mine)


# What is refused

METRES = table(school=[100.0, 200.0], site=[300.0, 50.0], field=[400.0, 60.0])
CHILDREN = pd.Series([10, 5], AREAS)
PLACES = pd.Series([9, 4, 3], METRES.columns)
COSTS = pd.Series([5, 6], ["site", "field"])
ASKED = {"metres": METRES, "children": CHILDREN, "places": PLACES, "projects": 1, "existing": ["school"]}
CUT_OFF = METRES.assign(school=[np.inf, 200], site=[np.inf, 50], field=[np.inf, 60])
BY_ONE = METRES.assign(school=[100, np.inf], site=[np.inf, np.inf])


def all_of(message: str) -> str:
    return f"^{re.escape(message)}$"


REFUSED = [
    ({"children": pd.Series([10, -1], AREAS)}, "children must be numbers from 0; it is -1 for south."),
    ({"children": pd.Series([np.nan, 1], AREAS)}, "children must be numbers from 0; it is nan for north."),
    ({"children": pd.Series([np.inf, 1], AREAS)}, "children must be numbers from 0; it is inf for north."),
    ({"children": pd.Series(["10", "5"], AREAS)}, "children holds something else than numbers."),
    ({"children": CHILDREN[:1]}, "children has no number for south: one for each row of metres is needed."),
    ({"children": pd.Series(1, [*AREAS, "east"])}, "children has a number for east, which is no row of metres."),
    ({"children": pd.Series(1, [*AREAS, "south"])}, "children has more than one number of south."),
    ({"places": PLACES * -1}, "places must be numbers from 0; it is -9 for school, site, field."),
    ({"places": PLACES[:2]}, "places has no number for field: one for each column of metres is needed."),
    ({"places": PLACES / 2}, "6.5 places for 15 children: even with the best 1 project there are too few."),
    ({"places": PLACES, "projects": 0}, "9 places for 15 children: with no project there are too few."),
    (
        {"projects": 2, "costs": COSTS, "budget": 5},
        "13 places for 15 children: even with the best 2 projects for 5 there are too few.",
    ),
    ({"metres": METRES.replace(50, np.nan)}, "metres: the distance from south to site is missing."),
    ({"metres": METRES.replace(50, -50)}, "metres: the distance from south to site is negative."),
    ({"metres": METRES.astype({"site": str})}, "metres holds something else than numbers in site."),
    ({"metres": METRES.rename(columns={"field": "site"})}, "metres has more than one column of site."),
    ({"metres": METRES.rename(index={"north": "south"})}, "metres has more than one row of south."),
    ({"metres": METRES[[]]}, "metres has no columns."),
    ({"metres": METRES[:0]}, "metres has no rows."),
    ({"metres": CUT_OFF}, "north has no path to any place."),
    ({"metres": CUT_OFF * np.inf}, "north, south have no path to any place."),
    ({"metres": METRES.assign(school=np.inf), "projects": 0}, "north, south have no path to any place."),
    ({"existing": ["School", "school"]}, "existing names School, which is no column of metres."),
    ({"existing": ["school", "school"]}, "existing has more than one mention of school."),
    ({"existing": [], "projects": 0}, "No place would be open: name existing ones, or let projects be 1 or more."),
    ({"projects": 3}, "projects is 3, but metres has only 2 columns that are not existing."),
    ({"projects": -1}, "projects must be a whole number from 0, not -1."),
    ({"projects": 1.5}, "projects must be a whole number from 0, not 1.5."),
    ({"projects": True}, "projects must be a whole number from 0, not True."),
    ({"costs": COSTS}, "costs and budget belong together: give both or neither."),
    ({"budget": 3}, "costs and budget belong together: give both or neither."),
    ({"costs": COSTS, "budget": -3}, "budget must be a number from 0, not -3."),
    ({"costs": COSTS * np.nan, "budget": 3}, "costs must be numbers from 0; it is nan for site, field."),
    ({"costs": COSTS[:1], "budget": 3}, "costs has no number for field: one for each option is needed."),
    ({"costs": PLACES, "budget": 3}, "costs has a number for school, which is no option."),
    ({"priority": ["north"]}, "priority and priority_metres belong together: give both or neither."),
    ({"priority_metres": 9}, "priority and priority_metres belong together: give both or neither."),
    ({"priority": ["east"], "priority_metres": 9}, "priority names east, which is no row of metres."),
    ({"priority": [], "priority_metres": 9}, "priority names no area with children, so there is no mean walk to limit."),
    ({"priority": ["north"], "priority_metres": np.nan}, "priority_metres must be a number from 0, not nan."),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_what_makes_no_sense_is_named(change, message):
    asked = ASKED | {"places": PLACES * 2} | change
    models = [(capacitated, asked)]
    if "places" not in change and "too few" not in message:
        models.append((p_median, {name: value for name, value in asked.items() if name != "places"}))
    if "too few" in message and "places" not in change:
        asked["places"] = PLACES
    for solve, given in models:
        with pytest.raises(ValueError, match=all_of(message)):
            solve(**given)


def test_who_is_left_without_a_path_is_named():
    asked = {"existing": ["school"], "costs": COSTS, "budget": 5}
    with pytest.raises(
        ValueError, match=all_of("Even the best 1 project for 5 leave south with no path to any open place.")
    ):
        p_median(BY_ONE, CHILDREN, 1, **asked)
    left = "Even the best 1 project for 5 leave 5 children of south without a place that they have a path to."
    with pytest.raises(ValueError, match=all_of(left)):
        capacitated(BY_ONE, CHILDREN, PLACES * 4, 1, **asked)


def test_the_best_that_priority_areas_can_have_is_told():
    told = "priority_metres is 49, but the best that any plan does for the children of the priority areas is a mean walk of "
    asked = {"existing": ["school"], "priority": ["south"], "priority_metres": 49}
    with pytest.raises(ValueError, match=all_of(told + "50.0 m.")):
        p_median(METRES, CHILDREN, 1, **asked)
    with pytest.raises(ValueError, match=all_of(told + "80.0 m.")):
        capacitated(METRES, CHILDREN, pd.Series([12, 4, 0], METRES.columns), 1, **asked)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metres": METRES.to_numpy()}, "metres must be a DataFrame, areas x places, not ndarray."),
        ({"children": [10, 5]}, "children must be a Series, one number for each row of metres, not list."),
        ({"places": {"school": 9}}, "places must be a Series, one number for each column of metres, not dict."),
        ({"existing": "school"}, "existing must be a list of labels, not 'school'."),
        ({"costs": [1, 2], "budget": 3}, "costs must be a Series, one number for each option, not list."),
        ({"priority": "north", "priority_metres": 3}, "priority must be a list of labels, not 'north'."),
    ],
)
def test_what_is_no_table_or_series_is_a_type_error(change, message):
    with pytest.raises(TypeError, match=all_of(message)):
        capacitated(**ASKED | change)


@pytest.mark.parametrize("within", [-1, np.nan, "800", None, True])
def test_within_is_a_number(within):
    for ask in (
        lambda: maximal_covering(METRES, CHILDREN, within, 1),
        lambda: two_step_floating_catchment(METRES, CHILDREN, PLACES, within),
    ):
        with pytest.raises(ValueError, match="within must be a number from 0, not "):
            ask()


@pytest.mark.parametrize("decay", [lambda metres: 1, lambda metres: metres, lambda metres: metres * np.nan])
def test_weights_lie_between_0_and_1(decay):
    with pytest.raises(ValueError, match="decay must give one weight from 0 to 1 for each of the distances"):
        two_step_floating_catchment(METRES, CHILDREN, PLACES, 1000, decay)


def test_what_is_asked_is_not_changed():
    before = METRES.copy(), CHILDREN.copy(), PLACES.copy()
    capacitated(METRES, CHILDREN, PLACES * 2, 1, existing=["school"])
    p_median(METRES, CHILDREN, 1)
    for now, then in zip((METRES, CHILDREN, PLACES), before, strict=True):
        assert now.equals(then)


# Many options: those without hope are left out before the search


def optimum(metres, children, existing, projects):
    """The p-median's optimum by the textbook's model: who goes where, and what is open."""
    areas, places = metres.shape
    going = np.arange(areas * places).reshape(areas, places)
    rows = [(dict.fromkeys(going[area], 1.0), 1, 1) for area in range(areas)]
    rows += [({going[area, at]: 1.0, areas * places + at: -1.0}, -1, 0) for area in range(areas) for at in range(places)]
    options = [at for at in range(places) if at not in existing]
    rows.append(({areas * places + at: 1.0 for at in options}, 0, projects))
    matrix = lil_array((len(rows), areas * places + places))
    for number, (row, _, _) in enumerate(rows):
        matrix[[number] * len(row), list(row)] = list(row.values())
    least = np.zeros(areas * places + places)
    least[[areas * places + at for at in existing]] = 1
    found = milp(
        np.r_[(metres.to_numpy() * children.to_numpy()[:, None]).ravel(), np.zeros(places)],
        integrality=np.r_[np.zeros(areas * places), np.ones(places)],
        bounds=Bounds(least, 1),
        constraints=LinearConstraint(matrix.tocsr(), [low for _, low, _ in rows], [high for *_, high in rows]),
        options={"mip_rel_gap": 0},
    )
    return found.fun


@pytest.mark.parametrize("projects", [1, 2, 5])
@pytest.mark.parametrize("existing", [[], [0, 1]])
@pytest.mark.parametrize("seed", range(2))
def test_with_many_options_the_plan_is_the_best_of_all(projects, existing, seed):
    rng = np.random.default_rng([seed, projects, len(existing)])
    homes, plots = rng.integers(0, 40, (40, 2)), rng.integers(0, 40, (110, 2))
    on_a_grid = 100.0 * abs(homes[:, None] - plots[None]).sum(axis=2)  # many ties
    metres = pd.DataFrame(on_a_grid if seed else rng.integers(1, 100, (40, 110)).astype(float))
    children = pd.Series(rng.integers(0, 30, 40))
    plan = p_median(metres, children, projects, existing=existing)
    assert plan.objective == pytest.approx(optimum(metres, children, existing, projects))
    assert plan.bound == pytest.approx(plan.objective)
    assert len(plan.opened) <= projects


def test_with_many_options_and_no_children_nothing_is_opened():
    plan = p_median(pd.DataFrame(np.arange(240.0).reshape(2, 120)), pd.Series([0, 0]), 2)
    assert plan.opened == []
    assert plan.objective == plan.bound == 0
