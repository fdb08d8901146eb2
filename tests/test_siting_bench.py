"""OR-Library files are read as their author says and solved to the optimum; what is wrong in one is told by line."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from course.siting_bench import Measured, Question, Unreadable, measure, questions, read_orlib, solve, town

# A square with a tail; the edge 2-3 comes twice, the second time the other way round: its cost is 1.
SMALL = " 5 6 2\n 1 2 4\n 2 3 90\n 3 4 2\n 4 1 7\n 3 2 1\n 4 5 9\n\n"


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "small.txt"
    path.write_text(SMALL)
    return path


def test_distances_are_shortest_paths_and_of_a_doubled_edge_the_last_cost_counts(file):
    metres, medians = read_orlib(file)
    assert medians == 2 and [*metres.index] == [*metres.columns] == [1, 2, 3, 4, 5]
    assert metres.loc[1].to_list() == [0, 4, 5, 7, 16]
    assert metres.loc[2].to_list() == [4, 0, 1, 3, 12]
    assert metres.equals(metres.T)


def test_a_small_file_has_its_optimum_by_hand(file):
    # 5 is a median of its own or costs 9 more; with 5 open, 2 serves 1, 3 and 4 for 4 + 1 + 3.
    found = solve(file)
    assert (found.vertices, found.medians, found.optimum, found.bound) == (5, 2, 8, 8)
    assert found.seconds > 0 and found.peak_mb > 10


@pytest.mark.parametrize(("vertices", "medians"), [(12, 1), (14, 3), (30, 2)])
def test_no_medians_of_all_there_are_are_better(tmp_path, vertices, medians):
    draw = np.random.default_rng(vertices)
    edges = [(n, n + 1) for n in range(1, vertices)] + [(*draw.integers(1, vertices + 1, 2),) for _ in range(2 * vertices)]
    costs = draw.integers(1, 100, len(edges))
    path = tmp_path / "made.txt"
    lines = [f"{one} {other} {cost}" for (one, other), cost in zip(edges, costs, strict=True)]
    path.write_text("\n".join([f"{vertices} {len(edges)} {medians}", *lines]))
    # Floyd and Warshall's shortest paths.
    apart = np.full((vertices, vertices), np.inf)
    np.fill_diagonal(apart, 0)
    for (one, other), cost in zip(edges, costs, strict=True):
        if one != other:
            apart[one - 1, other - 1] = apart[other - 1, one - 1] = cost
    for through in range(vertices):
        apart = np.minimum(apart, apart[:, [through]] + apart[through])
    best = min(apart[:, some].min(axis=1).sum() for some in itertools.combinations(range(vertices), medians))
    found = solve(path)
    assert found.optimum == best and found.bound == pytest.approx(best)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the first line is vertices, edges and p, not ''."),
        ("\n5 6\n", 2, "the first line is vertices, edges and p, not '5 6'."),
        ("5 6 9\n", 1, "p lies between 1 and the number of vertices, and edges are not below 0: '5 6 9'."),
        ("5 1 1\n\n1 2\n", 3, "an edge is two vertices and a cost, not '1 2'."),
        ("5 1 1\n1 2 far\n", 2, "an edge is two vertices and a cost, not '1 2 far'."),
        ("5 1 1\n0 2 3\n", 2, "vertices are numbered from 1 to 5, not '0 2 3'."),
        ("5 1 1\n1 6 3\n", 2, "vertices are numbered from 1 to 5, not '1 6 3'."),
        ("5 1 1\n1 2 -3\n", 2, "a cost is a number from 0, not '1 2 -3'."),
        ("5 1 1\n1 2 nan\n", 2, "a cost is a number from 0, not '1 2 nan'."),
        ("5 3 1\n1 2 3\n2 3 4\n", 3, "the first line promises 3 edges, the file has 2."),
        ("2 1 1\n1 2 3\xe9\n", 2, "this is no text of numbers."),
    ],
)
def test_what_cannot_be_read_is_told_by_file_and_line(tmp_path, text, line, message):
    path = tmp_path / "wrong.txt"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(Unreadable, match=f"^{re.escape(f'{path}:{line}: {message}')}$"):
        read_orlib(path)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(Unreadable, match="none.txt: No such file or directory"):
        read_orlib(tmp_path / "none.txt")


def test_a_file_whose_vertices_hang_together_too_little_for_p_medians_is_told(tmp_path):
    path = tmp_path / "apart.txt"
    path.write_text("3 1 1\n1 2 3\n")
    with pytest.raises(Unreadable, match=r"apart.txt:1: Even the best 1 project leave 3 with no path"):
        solve(path)


def test_the_town_is_the_same_each_time_and_its_models_are_proved():
    assert town(9, 4, 3)[0].equals(town(9, 4, 3)[0]) and town(9, 4, 3)[0].shape == (9, 7)
    for model in ("p-median", "capacitated", "covering"):
        found = measure(Question(model, 30, 8, 6, 2))
        assert isinstance(found, Measured) and found.gap == pytest.approx(0, abs=1e-3) and found.peak_mb > 10


def test_the_borough_and_the_growth_are_asked_about():
    asked = questions(2000)
    assert [one.model for one in asked[:3]] == ["p-median", "capacitated", "covering"]
    assert {(one.areas, one.schools, one.options) for one in asked[:3]} == {(166, 77, 16)}
    assert [(one.areas, one.options) for one in asked if one.schools and one.areas != 166][-1] == (2000, 200)
    assert [one.areas for one in asked if not one.schools] == [500, 1000, 2000]
