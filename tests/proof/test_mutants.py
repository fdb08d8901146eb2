"""Slips in model answers: what each kind makes of a small answer, and what all mutants have in common."""

import ast
from collections import Counter

import pytest

from course.builder.source import BEGIN_SOLUTION, END_SOLUTION, read_notebook, read_unit, unit_folders
from course.proof.mutants import DROPPED, KINDS, PER_KIND_AND_LINE, mutants, mutants_of
from tests.conftest import ROOT

# kind -> what it makes of one line, given as the line and all that becomes of it by this kind
MADE = {
    "arithmetic": [
        ("x = a + b", ["x = a - b"]),
        ("x = (a - 1) / (b * 2)", ["x = (a + 1) / (b * 2)", "x = (a - 1) * (b * 2)", "x = (a - 1) / (b / 2)"]),
        ("x += a", ["x -= a"]),
        ('x = a + " places"', []),
    ],
    "swapped operands": [
        ("x = schools / areas", ["x = areas / schools"]),
        ("x = (a + b) - c", ["x = c - (a + b)"]),
        ("x = a + b", []),
    ],
    "comparison": [
        ("x = a <= b", ["x = a < b", "x = a >= b"]),
        ("x = a == b", ["x = a != b"]),
        ("x = a not in b", ["x = a in b"]),
        ("x = a is None", ["x = a is not None"]),
        ("x = 0 < a < b", ["x = 0 <= a < b", "x = 0 > a < b", "x = 0 < a <= b", "x = 0 < a > b"]),
    ],
    "logic": [
        ("x = a and b or c", ["x = a or b or c", "x = a and b and c"]),
        ("x = (a > 1) & (b > 2)", ["x = (a > 1) | (b > 2)"]),
    ],
    "negation": [
        ("x = not a", ["x = a"]),
        ("x = ~a.any()", ["x = a.any()"]),
        ("x = 1 if a else 2", ["x = 1 if not (a) else 2"]),
        ("mask = a > 1; x = table[mask]", ["mask = a > 1; x = table[~mask]"]),
    ],
    "number": [
        ("x = 30", ["x = 29", "x = 31"]),
        ("x = 0", ["x = 1"]),
        ("x = 0.2", ["x = 0.8", "x = 1.2"]),
        ("x = {1: a}", []),
        ("ax.plot(a, linewidth=2)", []),
    ],
    "wrong word": [
        ('x = t["roll"] / t["places"]', ['x = t["places"] / t["places"]', 'x = t["roll"] / t["roll"]']),
        ('x = {"A": "count", "B": "rate"}', ['x = {"A": "rate", "B": "rate"}', 'x = {"A": "count", "B": "count"}']),
        ('x = a.merge(b, how="left")', ['x = a.merge(b, how="inner")']),
        ('ax.set_xlabel("people")', ['ax.set_xlabel("")']),
        ('x = a.mean(axis="columns")', []),
    ],
    "truth": [("x = a.sort_values(ascending=False)", ["x = a.sort_values(ascending=True)"])],
    "swapped arguments": [
        ("x = share(part, whole)", ["x = share(whole, part)"]),
        ("x = round(a, 2)", []),
        ("x = isinstance(a, int)", []),
        ("def f(a):\n    return low, high", ["return high, low"]),
    ],
    "dropped keyword": [
        ("x = a.mean(axis=1, skipna=False)", ["x = a.mean(skipna=False)", "x = a.mean(axis=1)"]),
        ("x = max(a, key=(len))", ["x = max(a)"]),
        ("ax.bar(a, b, color=c)", []),
    ],
    "axis": [
        ('x = a.mean(axis="columns")', ['x = a.mean(axis="index")']),
        ("x = a.mean(axis=0)", ["x = a.mean(axis=1)"]),
    ],
    "dropped step": [
        ("x = a.dropna().mean()", ["x = a.mean()"]),
        ("x = (a / b).round(2)", ["x = (a / b)"]),
        ("x = np.round(a)", []),
        ("x = round(a - b, 2)", ["x = (a - b)"]),
        ('x = int("166")', ['x = "166"']),
        ("x = table[table > 3].mean()", ["x = table.mean()"]),
        ('x = table.loc[table > 3, "roll"]', ['x = table["roll"]']),
        ('x = table["roll"]', []),
        ("x = [a for a in b if (a > 3)]", ["x = [a for a in b]"]),
    ],
    "dropped condition": [
        ("x = (a > 1) & (b > 2)", ["x = (a > 1)", "x = (b > 2)"]),
        ("x = a and b and c", ["x = b and c", "x = a and c", "x = a and b"]),
    ],
    "aggregation": [
        ("x = a.mean()", ["x = a.median()", "x = a.sum()"]),
        ("x = a.idxmax()", ["x = a.idxmin()"]),
        ("x = max(a)", ["x = min(a)"]),
        ("x = sum(a)", ["x = len(a)"]),
        ('x = a.agg("max")', ['x = a.agg("min")']),
    ],
    "missing values": [
        ("x = a.fillna(0)", ["x = a.dropna()"]),
        ("x = a.dropna()", ["x = a.fillna(0)"]),
        ("x = a.isna()", ["x = a.notna()"]),
        ("x = a.count()", ["x = a.fillna(0).count()", "x = a.size"]),
        ('x = a.groupby("b").size()', ['x = a.groupby("b").count()']),
        ("x = a.mean()", ["x = a.fillna(0).mean()"]),
        ("x = (a > 1).mean()", []),
        ("x = np.mean(a)", []),
    ],
    "off by one": [
        ("x = a[i + 1 :]", ["x = a[(i + 1) - 1 :]", "x = a[(i + 1) + 1 :]"]),
        ("x = range(n)", ["x = range(n + 1)", "x = range(n - 1)"]),
        ("x = a.head(n)", ["x = a.head(n + 1)", "x = a.head(n - 1)"]),
    ],
    "returned": [("def f(a, b):\n    return a + b", ["return None", "return a"])],
    "dropped statement": [
        ("def f(a):\n    a = a.round()\n    b = a\n    return b", [f"{DROPPED}a = a.round()"]),
        ("x = []\nx.append(1)", [f"{DROPPED}x.append(1)"]),
        ("third = 1050\nafter = 630", [f"{DROPPED}third = 1050", f"{DROPPED}after = 630"]),
        ("ax.grid(False)", []),
    ],
}


def after(kind: str, source: str) -> list[str]:
    """What the mutants of one kind read like, among all mutants of `source`."""
    return [mutant.after for mutant in mutants(source) if mutant.kind == kind]


def by_itself(kind: str, source: str, monkeypatch) -> list[str]:
    """What a kind makes when no other kind has made the same before it."""
    for other in set(KINDS) - {kind}:
        monkeypatch.delitem(KINDS, other)
    return after(kind, source)


def test_every_kind_of_slip_is_tried_here_and_says_whose_mistake_it_is():
    assert set(MADE) == set(KINDS)
    assert all(make.__doc__ for make in KINDS.values())


@pytest.mark.parametrize(("kind", "source", "made"), [(kind, *one) for kind, all_ in MADE.items() for one in all_])
def test_a_kind_makes_these_slips_and_no_others(kind, source, made, monkeypatch):
    assert sorted(by_itself(kind, source, monkeypatch)) == sorted(made)


TASK = f'''def share(part, whole):
    """Share of `whole` that is `part`, 1 at most."""
    known = 2
    {BEGIN_SOLUTION}
    known = part.notna() & whole.notna()
    return part[known].sum() / whole[known].sum()
    {END_SOLUTION}
'''


def test_only_what_the_trainee_writes_is_changed():
    lines = TASK.splitlines()
    for mutant in mutants(TASK):
        changed = mutant.source.splitlines()
        assert mutant.line in (5, 6)
        assert [changed[i] for i in (0, 1, 2, 3, 6)] == [lines[i] for i in (0, 1, 2, 3, 6)]


def test_a_mutant_shows_its_line_as_the_author_wrote_it():
    mutant = next(mutant for mutant in mutants(TASK) if mutant.kind == "logic")
    assert (mutant.line, mutant.before) == (5, "known = part.notna() & whole.notna()")
    assert mutant.after == "known = part.notna() | whole.notna()"
    assert mutant.source == TASK.replace("&", "|")


def test_a_change_over_several_lines_reads_as_one():
    assert after("dropped keyword", "x = share(part,\n    of=whole\n    )") == ["x = share(part"]


def test_a_line_that_is_left_out_is_named():
    assert after("dropped step", "x = (\n    table\n    .dropna()\n    .mean()\n)") == [f"{DROPPED}.dropna()"]


def test_the_same_answer_gives_the_same_mutants_in_the_same_order():
    assert mutants(TASK) == mutants(TASK)
    assert [m.line for m in mutants(TASK)] == sorted(m.line for m in mutants(TASK))


def test_text_with_accents_is_changed_in_the_right_place():
    assert "name = 'Zoë'; x = a - b" in [m.after for m in mutants("name = 'Zoë'; x = a + b")]


def test_a_mask_that_is_made_from_itself_is_no_trouble():
    assert mutants("def f(t, m):\n    m = m & (t > 1)\n    return t[m]")


def test_a_line_has_a_few_mutants_of_a_kind_and_not_all():
    mixed = "x = [" + ", ".join(f"{i}0" for i in range(1, 20)) + "]"
    assert len(after("number", mixed)) == PER_KIND_AND_LINE


def test_a_choice_takes_the_words_that_its_comment_offers():
    assert '= "mean"' in after("wrong word", '# number: "mean", "median" or "share"\nnumber = "share"')[0]


def test_a_lonely_column_is_mixed_up_with_one_of_its_notebook(queues):
    assert after("wrong word", 'x = t["roll"]') == []
    columns = [mutant.after for mutant in mutants('x = t["roll"]', ["ward", "roll"]) if mutant.kind == "wrong word"]
    assert columns == ['x = t["ward"]']
    queue = read_notebook(queues / "queues.md")
    assert "return (waits <= promise).mean()" in [mutant.after for mutant in mutants_of(queue.exercises[0], queue)]


def test_an_answer_that_is_not_python_is_refused():
    with pytest.raises(SyntaxError):
        mutants("return 1")


UNITS = [read_unit(folder) for folder in unit_folders(ROOT / "course" / "units")]
TASKS = [(notebook, one) for unit in UNITS for notebook in unit.notebooks for one in notebook.exercises if one.task]


@pytest.mark.parametrize(("notebook", "exercise"), TASKS, ids=[exercise.id for _, exercise in TASKS])
def test_every_task_of_the_course_has_mutants_that_compile_and_differ(notebook, exercise):
    made = mutants_of(exercise, notebook)
    assert len(made) >= 2
    for mutant in made:
        compile(mutant.source, "mutant", "exec")
        assert mutant.after != mutant.before
    meanings = Counter(ast.unparse(ast.parse(mutant.source)) for mutant in made)
    assert max(meanings.values()) == 1
    assert ast.unparse(ast.parse(exercise.task.source)) not in meanings
    assert max(Counter((mutant.kind, mutant.line) for mutant in made).values()) <= PER_KIND_AND_LINE
