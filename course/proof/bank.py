"""Reads a unit's answers.yaml: for each task other right answers, and wrong ones that people really give.

    turn-round:
      right:
        - why: what makes this answer worth accepting
          answer: |
            def turn_round(answers): ...
      wrong:
        - misconception: a short name
          earns: 0
          hears: words that the message must contain
          answer: |
            def turn_round(answers): ...
      same:
        - becomes: the changed line as a mutant has it, in one line
          was: the line as the model answer has it (only where two mutants become the same)
          reason: why nobody could tell them apart

What can be seen without running is found here. Whether an answer earns what is said, and whether `hears` stands in the
message, is left to the run: a message may be an f-string, or quote the error that an answer stopped with.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import yaml
from IPython.core.inputtransformer2 import TransformerManager

from course.builder.problem import BuildError, Problem
from course.builder.source import MENTOR_PAGE, Exercise, Notebook, Unit
from course.proof.mutants import Mutant, mutants_of
from course.text import one_line

BANK = "answers.yaml"
LEAST_RIGHT, LEAST_WRONG = 1, 2


@dataclass(frozen=True)
class Right:
    """An answer that earns full marks; `line` is where its entry begins in the bank, from 1."""

    why: str
    answer: str
    line: int


@dataclass(frozen=True)
class Wrong:
    """An answer that earns `earns` points, and whose message contains `hears`."""

    misconception: str
    earns: int
    hears: str
    answer: str
    line: int


@dataclass(frozen=True)
class Same:
    """A mutant that means the same as the model answer: `mutant` is its changed line as it reads after the change.

    `was` is that line before the change, given where more than one mutant reads so.
    """

    mutant: str
    reason: str
    line: int
    was: str | None = None

    def names(self, mutant: Mutant) -> bool:
        """Whether it is this mutant that is listed. White space does not count."""
        return one_line(self.mutant) == mutant.after and self.was in (None, mutant.before)


@dataclass(frozen=True)
class Answers:
    """What the bank holds for one task; `line` is where its entry begins."""

    task: str
    right: tuple[Right, ...]
    wrong: tuple[Wrong, ...]
    same: tuple[Same, ...]
    line: int


def read_bank(unit: Unit) -> dict[str, Answers]:
    """Task id -> its answers, for every task of the unit, in the bank's order. Raises BuildError with all that is wrong."""
    tasks = {one.id: (notebook, one) for notebook in unit.notebooks for one in notebook.exercises if one.task}
    path = unit.folder / BANK
    if not tasks and not path.exists():
        return {}
    if not path.exists():
        message = f"No {BANK} here: {unit.name} needs right and wrong answers for its {len(tasks)} tasks."
        raise BuildError([Problem(unit.folder, 1, message)])
    reader = _Reader(path)
    root = reader.root()
    entries = dict(reader.pairs(root, "The bank", "task: right, wrong, same")) if root else {}
    written = {one.id for notebook in unit.notebooks for one in notebook.exercises if one.written}
    bank = {}
    for key, node in entries.items():
        if key.value in written:
            reader.wrong(key, f'"{key.value}" is a written task, marked by its guide in {MENTOR_PAGE}: take it out.')
        elif key.value not in tasks:
            reader.wrong(key, f'Unknown task "{key.value}": the unit has {", ".join(sorted(tasks))}.')
        else:
            bank[key.value] = _answers(reader, key, node, *tasks[key.value])
    for id, (notebook, exercise) in tasks.items():
        if id not in bank:
            where = f"{notebook.path.name}:{exercise.task.line}"
            need = f"at least {LEAST_RIGHT} right and {LEAST_WRONG} wrong answers"
            reader.wrong(reader.last_line, f'The task "{id}" ({where}) has no entry: add one, with {need}.')
    if reader.problems:
        raise BuildError(reader.problems)
    return bank


def _answers(reader: "_Reader", key: yaml.Node, node: yaml.Node, notebook: Notebook, exercise: Exercise) -> Answers:
    """One task's entry, with its problems noted in `reader`."""
    parts = reader.fields(node, f'"{exercise.id}"', ("right", "wrong"), ("same",))
    right, wrong, same, nodes = [], [], [], []
    for entry in reader.items(parts.get("right"), "right"):
        found = reader.fields(entry, "A right answer", ("why", "answer"))
        answer = reader.text(found, "answer")
        right.append(Right(reader.text(found, "why"), answer, reader.line(entry)))
        nodes.append(("right", found.get("answer")))
    for entry in reader.items(parts.get("wrong"), "wrong"):
        found = reader.fields(entry, "A wrong answer", ("misconception", "earns", "hears", "answer"))
        earns, answer = reader.points(found, exercise), reader.text(found, "answer")
        misconception, hears = reader.text(found, "misconception"), reader.text(found, "hears")
        wrong.append(Wrong(misconception, earns, hears, answer, reader.line(entry)))
        nodes.append(("wrong", found.get("answer")))
    for entry in reader.items(parts.get("same"), "same"):
        found = reader.fields(entry, "A mutant that means the same", ("becomes", "reason"), ("was",))
        was = one_line(reader.text(found, "was")) if "was" in found else None
        same.append(Same(reader.text(found, "becomes"), reader.text(found, "reason"), reader.line(entry), was))
    for name, given, least in (("right", right, LEAST_RIGHT), ("wrong", wrong, LEAST_WRONG)):
        if name in parts and len(given) < least:
            message = f'"{exercise.id}" has {len(given)} {name} answers, and needs {least} at least.'
            reader.wrong(key, f"{message} Which ones would somebody really give?")
    _answers_differ(reader, nodes, exercise)
    _same_name_mutants(reader, same, exercise, notebook)
    return Answers(exercise.id, tuple(right), tuple(wrong), tuple(same), reader.line(key))


def _answers_differ(reader: "_Reader", nodes: list[tuple[str, yaml.Node | None]], exercise: Exercise) -> None:
    """Each answer is Python, and none is the model answer or another answer of the task in other clothes."""
    seen: dict[str, tuple[str, int | None]] = {}
    if (model := _normal(exercise.task.source)) is not None:
        seen[model] = ("model", None)
    for kind, node in nodes:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            continue
        try:
            normal = _normalised(node.value)
        except SyntaxError as error:
            line = reader.line(node) + (node.style in ("|", ">")) + (error.lineno or 1) - 1
            reader.wrong(line, f"This answer is not Python: {error.msg}. Mend it, or its indentation.")
            continue
        if normal not in seen:
            seen[normal] = (kind, reader.line(node))
            continue
        before, line = seen[normal]
        if before == "model":
            reader.wrong(node, f'This {kind} answer is the model answer of "{exercise.id}": take it out.')
        elif before != kind:
            reader.wrong(node, f"This {kind} answer is the same as the {before} one in line {line}: which is it?")
        else:
            reader.wrong(node, f"This {kind} answer is the same as the one in line {line}: take one out.")


def _same_name_mutants(reader: "_Reader", same: list[Same], exercise: Exercise, notebook: Notebook) -> None:
    """Each entry names one mutant that is made today, and no two the same."""
    if not same:
        return
    try:
        made = mutants_of(exercise, notebook)
    except SyntaxError:  # reported by the rule on Python
        return
    counted: Counter[Mutant] = Counter()
    for entry in same:
        meant = [mutant for mutant in made if entry.names(mutant)]
        if not entry.mutant.strip():
            continue
        if not meant:
            reader.wrong(
                entry.line, f'No mutant of "{exercise.id}" becomes {entry.mutant.strip()!r}: take it out, or copy it afresh.'
            )
        elif len({mutant.before for mutant in meant}) > 1:
            lines = " or ".join(repr(mutant.before) for mutant in meant)
            reader.wrong(entry.line, f"More than one mutant becomes {entry.mutant.strip()!r}: add `was:` {lines}.")
        elif counted[meant[0]]:
            reader.wrong(entry.line, f"{entry.mutant.strip()!r} is listed twice: take one out.")
        counted.update(meant)


def _normal(source: str) -> str | None:
    try:
        return _normalised(source)
    except SyntaxError:  # of a model answer: reported by the rule on Python
        return None


def _normalised(source: str) -> str:
    """A cell's code without comments, layout and docstrings; IPython's magics as the calls that they stand for."""
    tree = ast.parse(TransformerManager().transform_cell(source))
    compile(tree, BANK, "exec")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


class _Reader:
    """A YAML file as nodes that know their lines, and what is wrong with it."""

    def __init__(self, path: Path):
        self.path, self.problems = path, []
        self._text = path.read_text(encoding="utf-8")
        self.last_line = max(1, len(self._text.splitlines()))

    def root(self) -> yaml.Node | None:
        """The whole file; None when it is empty. Raises BuildError when it is not YAML."""
        try:
            return yaml.compose(self._text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            message = f"This is not YAML: {error.problem}. (A text with a colon or a # in it needs quotes.)"
            self._stop(mark.line + 1 if mark else 1, message, error)
        except yaml.YAMLError as error:
            self._stop(1, f"This is not YAML: {error}.", error)

    def _stop(self, line: int, message: str, error: Exception) -> NoReturn:
        raise BuildError([*self.problems, Problem(self.path, line, one_line(message))]) from error

    def line(self, place: yaml.Node | int) -> int:
        return place if isinstance(place, int) else place.start_mark.line + 1

    def wrong(self, place: yaml.Node | int, message: str) -> None:
        self.problems.append(Problem(self.path, self.line(place), message))

    def pairs(self, node: yaml.Node, what: str, wanted: str) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """The keys and values of a mapping; of two equal keys the first."""
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, f"{what} should be a mapping ({wanted}).")
            return
        seen: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.wrong(key, f"{what} should have names for keys ({wanted}).")
            elif key.value in seen:
                self.wrong(key, f'"{key.value}" stands twice, here and in line {seen[key.value]}: put the two together.')
            else:
                seen[key.value] = self.line(key)
                yield key, value

    def fields(
        self, node: yaml.Node, what: str, needed: tuple[str, ...], allowed: tuple[str, ...] = ()
    ) -> dict[str, yaml.Node]:
        """Key -> value of a mapping that has all of the keys `needed` and no others than those `allowed`."""
        known, found = (*needed, *allowed), {}
        for key, value in self.pairs(node, what, ", ".join(known)):
            if key.value in known:
                found[key.value] = value
            else:
                self.wrong(key, f'Unknown key "{key.value}": {what[0].lower()}{what[1:]} has {", ".join(known)}.')
        for key in needed:
            if key not in found and isinstance(node, yaml.MappingNode):
                self.wrong(node, f'{what} lacks "{key}".')
        return found

    def items(self, node: yaml.Node | None, key: str) -> list[yaml.Node]:
        """The entries of a list."""
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self.wrong(node, f'"{key}" should be a list: each entry begins with a hyphen.')
            return []
        return node.value

    def text(self, found: dict[str, yaml.Node], key: str) -> str:
        """A text that is not empty ("" where it is missing or wrong, which is noted)."""
        node = found.get(key)
        if node is None:
            return ""
        if not isinstance(node, yaml.ScalarNode):
            self.wrong(node, f'"{key}" should be text (one that begins with [ or {{ needs quotes).')
            return ""
        if not node.value.strip() or node.tag == "tag:yaml.org,2002:null":
            self.wrong(node, f'"{key}" is empty: say it in a few words.')
            return ""
        return node.value

    def points(self, found: dict[str, yaml.Node], exercise: Exercise) -> int:
        """What an answer earns: a whole number from 0 to the task's points."""
        node = found.get("earns")
        if node is None:
            return 0
        if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:int":
            self.wrong(node, f'"earns" should be a whole number, 0 to {exercise.points}.')
            return 0
        earns = yaml.safe_load(node.value)
        if not 0 <= earns <= exercise.points:
            self.wrong(node, f'"earns" is {earns}: "{exercise.id}" has {exercise.points} points, so 0 to {exercise.points}.')
        return earns
