"""Slips made in a model answer: what people get wrong by one word, so that a check can be shown to notice.

The syntax tree says where a slip is possible; the change itself is made in the text, so that a mutant reads as the author
wrote the answer, but for that one place. Each kind of slip is a function in KINDS.

Left out on purpose, because no check that is fair would notice, or because the answer would only stop with an error: what
changes a chart's looks alone (LOOKS, LOOKS_STEPS), the keys of a dictionary, text inside f-strings, the first assignment of
a name that is used later, arguments that cannot change places (`isinstance(x, int)`, `round(x, 2)`).
"""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from course.builder.source import BEGIN_SOLUTION, END_SOLUTION, Exercise, Notebook
from course.text import one_line

# At most so many mutants of one kind that begin on one line: a line of twelve answers is proved by six as well.
PER_KIND_AND_LINE = 6
DROPPED = "(dropped) "
NOTHING_DONE = re.compile(r"(\w+) = \1")  # the same slip as the statement dropped


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What changes nothing but a chart's looks: keywords, and methods.
LOOKS = _words(
    "alpha align cmap color colors dpi edgecolor ec facecolor fc figsize fontsize frameon height label_type "
    "layout legend linestyle linewidth loc ls lw marker markersize padding rotation s style va ha width zorder"
)
LOOKS_STEPS = _words("bar_label grid legend margins set_axis_off set_facecolor tick_params tight_layout")
MODULES = _words("math np numpy pd pandas plt statistics random")
# What a person may forget in a chain, and still get something back.
STEPS = _words(
    "abs astype clip cumsum diff drop drop_duplicates dropna fillna head intersection lower mask nlargest nsmallest query "
    "replace reset_index round set_index sort_index sort_values strip tail title unique upper where"
)
MASKS = _words("between contains duplicated endswith eq ge gt isin isna isnull le lt ne notna notnull startswith")
AGGREGATIONS = {
    "mean": ("median", "sum"),
    "median": ("mean",),
    "sum": ("mean", "count"),
    "count": ("sum",),
    "size": ("count",),
    "nunique": ("count",),
    "max": ("min",),
    "min": ("max",),
    "idxmax": ("idxmin",),
    "idxmin": ("idxmax",),
    "argmax": ("argmin",),
    "argmin": ("argmax",),
    "any": ("all",),
    "all": ("any",),
    "first": ("last",),
    "last": ("first",),
    "head": ("tail",),
    "tail": ("head",),
    "nlargest": ("nsmallest",),
    "nsmallest": ("nlargest",),
}
BUILTINS = {"sum": ("len",), "max": ("min",), "min": ("max",), "any": ("all",), "all": ("any",)}
ARITHMETIC = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "/"),
    ast.Mod: ("%", "//"),
    ast.Pow: ("**", "*"),
}
COMPARISONS = {
    ast.Lt: ("<", ("<=", ">")),
    ast.LtE: ("<=", ("<", ">=")),
    ast.Gt: (">", (">=", "<")),
    ast.GtE: (">=", (">", "<=")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: (r"not\s+in", ("in",)),  # codespell:ignore
    ast.Is: ("is", ("is not",)),
    ast.IsNot: (r"is\s+not", ("is",)),
}
AXES = {"columns": '"index"', "index": '"columns"', "rows": '"columns"', 0: "1", 1: "0"}
JOINS = {"left": "inner", "right": "inner", "inner": "outer", "outer": "inner"}
LABELS = re.compile(r"set_.*(label|title)|[xy]label|title|suptitle")
WHOLE = (ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.Constant, ast.List, ast.Dict, ast.Set)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
TEXT = (ast.List, ast.Tuple, ast.JoinedStr, ast.ListComp, ast.Dict)


@dataclass(frozen=True)
class Mutant:
    """A model answer with one slip in it.

    `line` (from 1) counts in the cell. `before` and `after` are that line as it reads without and with the slip, in one line
    and with single spaces; a statement or line left out reads "(dropped) " and the statement. `source` is the whole cell.
    """

    kind: str
    line: int
    before: str
    after: str
    source: str


@dataclass(frozen=True)
class Edit:
    """The characters from `start` to before `end` replaced by `text`."""

    start: int
    end: int
    text: str
    dropped: bool = False


class Model:
    """A model answer: its text, its tree, and which part of it is the solution."""

    def __init__(self, text: str, columns: Iterable[str] = ()):
        compile(text, "model answer", "exec")
        self.text, self.tree, self.other_columns = text, ast.parse(text), tuple(columns)
        self._lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        self._low = text.index("\n", text.index(BEGIN_SOLUTION)) if BEGIN_SOLUTION in text else 0
        self._high = text.index(END_SOLUTION) if END_SOLUTION in text else len(text)
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        self._nodes = [node for node in self._walk(self.tree) if self._within(node)]

    def _walk(self, node: ast.AST) -> Iterator[ast.AST]:
        """All nodes, in the order of the text, but for those that no slip is made in."""
        yield node
        for child in ast.iter_child_nodes(node):
            looks = (isinstance(child, ast.keyword) and child.arg in LOOKS) or _method(child) in LOOKS_STEPS
            if not isinstance(child, ast.JoinedStr) and not looks:  # (Python 3.11 misplaces what is in an f-string.)
                yield from self._walk(child)

    def _within(self, node: ast.AST) -> bool:
        return hasattr(node, "lineno") and self._low <= self.start(node) and self.end(node) <= self._high

    def nodes(self, *types: type) -> list:
        """The solution's nodes of these types, in the order of the text."""
        return [node for node in self._nodes if isinstance(node, types)]

    def start(self, node: ast.AST) -> int:
        return self._offset(node.lineno, node.col_offset)

    def end(self, node: ast.AST) -> int:
        return self._offset(node.end_lineno, node.end_col_offset)

    def _offset(self, line: int, column: int) -> int:
        # The tree counts bytes.
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())

    def segment(self, node: ast.AST) -> str:
        return self.text[self.start(node) : self.end(node)]

    def between(self, left: ast.AST, right: ast.AST, pattern: str) -> tuple[int, int] | None:
        """Where `pattern`, an operator, stands between two operands (with any brackets around them)."""
        gap = re.compile(pattern).search(self.text, self.end(left), self.start(right))
        return gap.span() if gap else None

    def attribute(self, node: ast.Attribute) -> tuple[int, int]:
        """Where an attribute's name stands; the dot comes before it."""
        return self.end(node) - len(node.attr), self.end(node)

    def dot(self, node: ast.Attribute) -> int:
        return self.text.rindex(".", 0, self.attribute(node)[0])

    def in_key(self, node: ast.AST) -> bool:
        """Whether a node is in the key of a dictionary."""
        while parent := self.parents.get(node):
            if isinstance(parent, ast.Dict) and node in parent.keys:
                return True
            node = parent
        return False

    def keyword(self, node: ast.AST) -> str | None:
        """The name of the keyword whose value a node is."""
        parent = self.parents[node]
        return parent.arg if isinstance(parent, ast.keyword) else None


Slip = Callable[[Model], Iterator[Edit]]
KINDS: dict[str, Slip] = {}


def slip(function: Slip) -> Slip:
    KINDS[function.__name__.replace("_", " ")] = function
    return function


def mutants(model_answer: str, columns: Iterable[str] = ()) -> list[Mutant]:
    """The slips that people might make in the solution of a task's cell, in the order of its lines.

    `model_answer` is the cell with its markers ### BEGIN SOLUTION and ### END SOLUTION (without them all of it is the
    solution). `columns` are names of columns that people may mix up with those that the answer uses. No two mutants mean
    the same to Python, and none the same as the model answer; all compile. Raises SyntaxError when the answer does not.
    """
    model = Model(model_answer, columns)
    order = {kind: number for number, kind in enumerate(KINDS)}
    edits = [(edit, kind) for kind, make in KINDS.items() for edit in make(model)]
    edits.sort(key=lambda pair: (pair[0].start, order[pair[1]], pair[0].end, pair[0].text))
    found, seen, counted = [], {ast.unparse(model.tree)}, Counter()
    for edit, kind in edits:
        source = model_answer[: edit.start] + edit.text + model_answer[edit.end :]
        try:
            meaning = ast.unparse(ast.parse(source))
            compile(source, "mutant", "exec")
        except (SyntaxError, ValueError):
            continue
        line = model_answer.count("\n", 0, edit.start) + 1
        before = _lines_around(model_answer, edit.start, edit.end)
        after = _lines_around(source, edit.start, edit.start + len(edit.text))
        if meaning in seen or NOTHING_DONE.fullmatch(after) or counted[kind, line] == PER_KIND_AND_LINE:
            continue
        seen.add(meaning)
        counted[kind, line] += 1
        found.append(Mutant(kind, line, before, DROPPED + before if edit.dropped or not after else after, source))
    return found


def mutants_of(exercise: Exercise, notebook: Notebook) -> list[Mutant]:
    """The mutants of an exercise's model answer, with the columns that its notebook names."""
    return mutants(exercise.task.source, columns_of(notebook))


def columns_of(notebook: Notebook) -> list[str]:
    """The names of columns in a notebook's own cells: texts in square brackets behind something: table["roll"]."""
    names: dict[str, None] = {}
    for cell in notebook.code:
        if not cell.check and not cell.task:
            names |= dict.fromkeys(_columns(ast.parse(cell.source)))
    return list(names)


def _lines_around(text: str, start: int, end: int) -> str:
    """The whole lines that hold the characters from `start` to `end`, as one."""
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end)
    return one_line(text[first : last if last >= 0 else len(text)])


# ---- the slips ----


@slip
def arithmetic(model: Model) -> Iterator[Edit]:
    """Plus for minus, times for divided by: added what was to be taken away, multiplied where a rate was wanted."""
    for node in model.nodes(ast.BinOp, ast.AugAssign):
        left, right = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.target, node.value)
        if type(node.op) not in ARITHMETIC or _is_text(left) or _is_text(right):
            continue
        sign, other = ARITHMETIC[type(node.op)]
        if place := model.between(left, right, re.escape(sign)):
            yield Edit(place[0], place[1], other)


@slip
def swapped_operands(model: Model) -> Iterator[Edit]:
    """A difference or a division upside down: areas for each school, for schools in each area."""
    for node in model.nodes(ast.BinOp):
        if not isinstance(node.op, ast.Sub | ast.Div | ast.FloorDiv):
            continue
        place = model.between(node.left, node.right, re.escape(ARITHMETIC[type(node.op)][0]))
        if place:
            left, right = model.text[model.start(node) : place[0]], model.text[place[1] : model.end(node)]
            sign = model.text[slice(*place)]
            yield Edit(model.start(node), model.end(node), f"{right.strip()} {sign} {left.strip()}")


@slip
def comparison(model: Model) -> Iterator[Edit]:
    """More than, for at least; and the sign the wrong way round."""
    for node in model.nodes(ast.Compare):
        for left, sign, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            pattern, others = COMPARISONS[type(sign)]
            if place := model.between(left, right, pattern):
                for other in others:
                    yield Edit(place[0], place[1], other)


@slip
def logic(model: Model) -> Iterator[Edit]:
    """Either for both, both for either: "schools in A and in B" is said of schools in A or in B."""
    for node in model.nodes(ast.BoolOp):
        word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in pairwise(node.values):
            if place := model.between(left, right, rf"\b{word}\b"):
                yield Edit(place[0], place[1], other)
    for node in model.nodes(ast.BinOp):
        if isinstance(node.op, ast.BitAnd | ast.BitOr):
            sign, other = ("&", "|") if isinstance(node.op, ast.BitAnd) else ("|", "&")
            if place := model.between(node.left, node.right, re.escape(sign)):
                yield Edit(place[0], place[1], other)


@slip
def negation(model: Model) -> Iterator[Edit]:
    """A `not` or `~` forgotten, or one too many: those who are in, for those who are out."""
    for node in model.nodes(ast.UnaryOp):
        if isinstance(node.op, ast.Not | ast.Invert):
            sign = "not" if isinstance(node.op, ast.Not) else "~"
            yield Edit(model.start(node), model.end(node), model.segment(node)[len(sign) :].lstrip())
    for node in model.nodes(ast.If, ast.IfExp):
        if not isinstance(node.test, ast.Compare | ast.UnaryOp):
            yield Edit(model.start(node.test), model.end(node.test), f"not ({model.segment(node.test)})")
    for node in model.nodes(ast.Name):
        if _is_mask(model, node) and isinstance(node.ctx, ast.Load) and _is_index(model, node):
            yield Edit(model.start(node), model.end(node), f"~{node.id}")


@slip
def number(model: Model) -> Iterator[Edit]:
    """A number that is one too many or too few: the first year left out, a class counted twice, a 0 for a 1."""
    for node in model.nodes(ast.Constant):
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int | float) or model.in_key(node):
            continue
        if model.keyword(node) == "axis":
            continue
        others = [value + 1] if value == 0 or isinstance(value, float) else [value + 1, value - 1]
        if isinstance(value, float) and 0 < value < 1:
            others.append(round(1 - value, 12))
        for other in others:
            yield Edit(model.start(node), model.end(node), repr(other))


@slip
def wrong_word(model: Model) -> Iterator[Edit]:
    """Another column, another category: the neighbouring name in the same cell, or in the same notebook."""
    pools: dict[str, dict[str, None]] = {}
    words = [node for node in model.nodes(ast.Constant) if isinstance(node.value, str) and not model.in_key(node)]
    roles = {node: _role(model, node) for node in words}
    for node, role in roles.items():
        pools.setdefault(role, {})[node.value] = None
    # The cell's own columns are surely in its tables; those of the notebook are asked where the cell has but one.
    own = pools.setdefault("column", {})
    own |= dict.fromkeys(_columns(model.tree))
    pools["column"] = own if len(own) > 1 else own | dict.fromkeys(model.other_columns)
    # What the comment above a choice offers: # number: "mean", "median" or "share".
    offered = [word for note in re.findall(r"^\s*#[^#].*$", model.text, re.M) for word in re.findall(r'"([^"]{2,})"', note)]
    for node, role in roles.items():
        if role == "docstring" or model.keyword(node) == "axis":
            continue
        if model.keyword(node) == "how":
            other = JOINS.get(node.value)
        else:
            pool = list(pools[role])
            if role == "value" and len(pool) == 1:
                pool += [word for word in offered if word not in pool and word != "..."]
            other = _next(pool, node.value)
            if other is None and role == "argument" and LABELS.fullmatch(_method(model.parents[node]) or ""):
                other = ""
        if other is not None:
            quoted = "'" if model.segment(node).startswith("'") else '"'
            yield Edit(model.start(node), model.end(node), _quoted(other, quoted))


@slip
def truth(model: Model) -> Iterator[Edit]:
    """True for False: sorted the wrong way, kept what was to be dropped."""
    for node in model.nodes(ast.Constant):
        if isinstance(node.value, bool) and not model.in_key(node):
            yield Edit(model.start(node), model.end(node), str(not node.value))


@slip
def swapped_arguments(model: Model) -> Iterator[Edit]:
    """Two arguments, or two results, in the wrong order."""
    for node in model.nodes(ast.Call):
        if _name(node) in ("isinstance", "hasattr", "getattr", "min", "max", "expect", "print"):
            continue
        for first, second in pairwise(node.args):
            literal = [isinstance(one, ast.Constant) and not isinstance(one.value, str) for one in (first, second)]
            if literal[0] == literal[1] and not any(isinstance(a, ast.Starred | ast.Lambda) for a in (first, second)):
                yield _swap(model, first, second)
    for node in model.nodes(ast.Return):
        if isinstance(node.value, ast.Tuple):
            for first, second in pairwise(node.value.elts):
                yield _swap(model, first, second)


@slip
def dropped_keyword(model: Model) -> Iterator[Edit]:
    """A keyword forgotten, so that the default holds: `axis=`, `skipna=`, `ascending=`, `key=`."""
    for call in model.nodes(ast.Call):
        for node in call.keywords:
            if node.arg is None or node.arg in LOOKS:
                continue
            start, end = model.start(node), model.end(node)
            if call.args or node is not call.keywords[0]:
                yield Edit(len(model.text[: model.text.rindex(",", 0, start)].rstrip()), end, "")
            else:
                comma = re.compile(r"\s*,\s*").match(model.text, end)
                yield Edit(start, comma.end() if comma else end, "")


@slip
def axis(model: Model) -> Iterator[Edit]:
    """Along the columns for along the rows: a mean for each question, for a mean for each person."""
    for node in model.nodes(ast.Constant):
        if model.keyword(node) == "axis" and not isinstance(node.value, bool) and node.value in AXES:
            yield Edit(model.start(node), model.end(node), AXES[node.value])


@slip
def dropped_step(model: Model) -> Iterator[Edit]:
    """A step of a chain forgotten: `.dropna()`, `.round()`, `.sort_values()`, the `[mask]` or the comprehension's `if`."""
    for node in model.nodes(ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr in STEPS and _name(node.func.value) not in MODULES:
            yield Edit(model.dot(node.func), model.end(node), "")
        names = {"round", "abs", "sorted", "set"}
        if node.args and isinstance(node.args[0], ast.Name | ast.Constant):
            names |= {"int", "float"}  # text made a number; around a sum they change nothing
        if node.args and _name(node) in names:
            yield Edit(model.start(node), model.end(node), _in_brackets(model, node.args[0]))
    for node in model.nodes(ast.Subscript):
        index = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        behind_loc = isinstance(node.value, ast.Attribute) and node.value.attr == "loc"
        start = model.dot(node.value) if behind_loc else model.text.index("[", model.end(node.value))
        if len(index) == 1 and _is_mask(model, index[0]):
            yield Edit(start, model.end(node), "")
        elif len(index) == 2 and behind_loc and _is_mask(model, index[0]):
            yield Edit(start, model.end(node), f"[{model.segment(index[1])}]")
        elif len(index) == 2 and behind_loc and _is_mask(model, index[1]):
            yield Edit(start, model.end(node), "")
    for loop in (loop for node in model.nodes(*COMPREHENSIONS) for loop in node.generators):
        for test in loop.ifs:
            start = max(match.start() for match in re.finditer(r"\s*\bif\b", model.text[: model.start(test)]))
            brackets = model.text[start : model.start(test)].count("(")
            end = re.compile(r"\s*".join([""] + [r"\)"] * brackets)).match(model.text, model.end(test)).end()
            yield Edit(start, end, "")


@slip
def dropped_condition(model: Model) -> Iterator[Edit]:
    """One of several conditions forgotten."""
    for node in model.nodes(ast.BinOp):
        if isinstance(node.op, ast.BitAnd | ast.BitOr):
            place = model.between(node.left, node.right, r"[&|]")
            if place:
                yield Edit(model.start(node), model.end(node), model.text[model.start(node) : place[0]].rstrip())
                yield Edit(model.start(node), model.end(node), model.text[place[1] : model.end(node)].lstrip())
    for node in model.nodes(ast.BoolOp):
        places = [model.between(left, right, r"\b(and|or)\b") for left, right in pairwise(node.values)]
        if all(places):
            yield Edit(model.start(node), places[0][1], "")
            ends = [len(model.text[: place[0]].rstrip()) for place in places] + [model.end(node)]
            for start, end in pairwise(ends):
                yield Edit(start, end, "")


@slip
def aggregation(model: Model) -> Iterator[Edit]:
    """Another summary of the many: the median for the mean, the smallest for the largest, how many for how much."""
    for node in model.nodes(ast.Call):
        if isinstance(node.func, ast.Attribute):
            start, end = model.attribute(node.func)
            for other in AGGREGATIONS.get(node.func.attr, ()):
                yield Edit(start, end, other)
        for other in BUILTINS.get(_name(node), ()):
            if other != "len" or not (node.args and isinstance(node.args[0], ast.GeneratorExp)):  # has no length
                yield Edit(model.start(node.func), model.end(node.func), other)
        if _method(node) in ("agg", "aggregate", "transform", "pivot_table"):
            for word in ast.walk(node):
                if isinstance(word, ast.Constant) and not isinstance(model.parents[word], ast.Dict | ast.Subscript):
                    for other in AGGREGATIONS.get(word.value, ()) if isinstance(word.value, str) else ():
                        yield Edit(model.start(word), model.end(word), f'"{other}"')


@slip
def missing_values(model: Model) -> Iterator[Edit]:
    """A blank counted as zero, or left out where it counts, or counted where it should be left out."""
    for node in model.nodes(ast.Call):
        if not isinstance(node.func, ast.Attribute) or _name(node.func.value) in MODULES:
            continue
        method, (start, end) = node.func.attr, model.attribute(node.func)
        grouped = "groupby" in model.segment(node.func)
        if method == "fillna":
            yield Edit(start, model.end(node), "dropna()")
        elif method == "dropna" and not grouped:
            yield Edit(start, model.end(node), "fillna(0)")
        elif method in ("isna", "notna"):
            yield Edit(start, end, "notna" if method == "isna" else "isna")
        elif method in ("isnull", "notnull"):
            yield Edit(start, end, "notnull" if method == "isnull" else "isnull")
        elif method == "count" and not node.args:
            if grouped or not node.keywords:
                yield Edit(start, end if grouped else model.end(node), "size")
        elif method == "size":
            yield Edit(start, end, "count")
        # A column of True and False, which a comparison gives, has no blanks.
        may_lack = not isinstance(node.func.value, ast.BinOp) and not _is_mask(model, node.func.value)
        if method in ("mean", "median", "min", "count") and may_lack and not grouped and not node.args:
            yield Edit(model.dot(node.func), model.dot(node.func), ".fillna(0)")


@slip
def off_by_one(model: Model) -> Iterator[Edit]:
    """The last one forgotten, or one more than there are: slices, `range`, `head`."""
    ends = [part for node in model.nodes(ast.Slice) for part in (node.lower, node.upper) if part]
    for call in model.nodes(ast.Call):
        if _name(call) == "range":
            ends += call.args[:2]
        elif _method(call) in ("head", "tail", "nlargest", "nsmallest"):
            ends += call.args[:1]
    for node in ends:
        for step in ("+ 1", "- 1"):
            if not isinstance(node, ast.Constant | ast.UnaryOp):  # the slip in a number makes those
                yield Edit(model.start(node), model.end(node), f"{_in_brackets(model, node)} {step}")


@slip
def returned(model: Model) -> Iterator[Edit]:
    """Nothing given back, because the answer was only worked out; or what came in given back as it came."""
    for node in model.nodes(ast.Return):
        function = node
        while not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            function = model.parents[function]
        names = ["None", *(argument.arg for argument in function.args.args[:1])]
        for name in names:
            if node.value is not None:
                yield Edit(model.start(node), model.end(node), f"return {name}")


@slip
def dropped_statement(model: Model) -> Iterator[Edit]:
    """A line forgotten: a label, a correction, a case. The rest runs without it."""
    arguments = {node.arg for node in ast.walk(model.tree) if isinstance(node, ast.arg)}
    names = [node for node in ast.walk(model.tree) if isinstance(node, ast.Name)]
    for node in model.nodes(ast.Expr, ast.AugAssign, ast.Assign, ast.If):
        if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Call):
            continue
        if isinstance(node, ast.Assign):
            targets = [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
            before = arguments | {n.id for n in names if isinstance(n.ctx, ast.Store) and n.lineno < node.lineno}
            used = {n.id for n in names if isinstance(n.ctx, ast.Load) and n.lineno > node.lineno}
            in_cell = isinstance(model.parents[node], ast.Module) and len(model.tree.body) > 1
            keyed = any(isinstance(target, ast.Subscript) for target in node.targets)
            if not (keyed or set(targets) <= before or (in_cell and not set(targets) & used)):
                continue
        if isinstance(node, ast.Expr) and _method(node.value) in LOOKS_STEPS:
            continue
        if not (isinstance(node, ast.If) and model.segment(node).startswith("elif")):  # needs the `if` before it
            yield Edit(model.start(node), model.end(node), "pass", dropped=True)


# ---- what the slips ask of a tree ----


def _name(node: ast.AST) -> str | None:
    """The plain name that a node is, or that it calls."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.id if isinstance(node, ast.Name) else None


def _method(node: ast.AST) -> str | None:
    """The name of the method that a node calls."""
    return node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None


def _is_text(node: ast.AST) -> bool:
    """Whether a node is text or a list as it stands: subtracting it would only stop the answer."""
    return isinstance(node, TEXT) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_mask(model: Model, node: ast.AST, named: tuple[str, ...] = ()) -> bool:
    """Whether a node picks rows by a condition, itself or under a name (`named`: names looked up on the way)."""
    if isinstance(node, ast.Name) and node.id not in named:
        given = [one.value for one in model.nodes(ast.Assign) if any(_name(t) == node.id for t in one.targets)]
        return any(_is_mask(model, value, (*named, node.id)) for value in given)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
        return _is_mask(model, node.left, named) or _is_mask(model, node.right, named)
    inverted = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert)
    return inverted or isinstance(node, ast.Compare) or _method(node) in MASKS


def _is_index(model: Model, node: ast.AST) -> bool:
    """Whether a node stands alone in square brackets, or beside another index there."""
    parent = model.parents[node]
    parent = model.parents[parent] if isinstance(parent, ast.Tuple) else parent
    return isinstance(parent, ast.Subscript) and parent.value is not node


def _columns(tree: ast.AST) -> list[str]:
    """The texts in square brackets behind something, alone or in a list."""
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple | ast.List) else [node.slice]
            parts = [p for part in parts for p in (part.elts if isinstance(part, ast.List) else [part])]
            found |= {part.value: None for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}
    return list(found)


def _role(model: Model, node: ast.Constant) -> str:
    """What a text is to the code: words are mixed up with others of their role."""
    parent = model.parents[node]
    if isinstance(parent, ast.Expr):
        return "docstring"
    if isinstance(parent, ast.Subscript):
        return "column"
    if isinstance(parent, ast.List | ast.Tuple):
        return "column" if isinstance(model.parents[parent], ast.Subscript) else "element"
    if isinstance(parent, ast.Dict):
        return "value"
    if isinstance(parent, ast.keyword):
        return f"keyword {parent.arg}"
    if isinstance(parent, ast.Call):
        # Methods that are given columns: table.groupby("ward"), table.sort_values("roll").
        return "column" if _method(parent) in ("groupby", "sort_values", "set_index", "nlargest", "drop") else "argument"
    return "value"


def _next(pool: list[str], word: str) -> str | None:
    """The word after `word` in the pool, beginning again at its end; None when there is no other."""
    if word not in pool:
        return None
    other = pool[(pool.index(word) + 1) % len(pool)]
    return other if other != word else None


def _quoted(word: str, quote: str) -> str:
    return repr(word) if quote in word or "\\" in word or "\n" in word else quote + word + quote


def _swap(model: Model, first: ast.AST, second: ast.AST) -> Edit:
    gap = model.text[model.end(first) : model.start(second)]
    return Edit(model.start(first), model.end(second), model.segment(second) + gap + model.segment(first))


def _in_brackets(model: Model, node: ast.AST) -> str:
    """A node's text, in brackets where another operator could pull it apart."""
    text = model.segment(node)
    return text if isinstance(node, WHOLE) else f"({text})"
