"""What trainees must not find: gathered from the units' text and the mentors' pages, and looked for in every file of a tree.

What counts as a secret: each line of a model answer, of a hidden check and of the answers in a bank, each message of a
hidden check, each sentence of a model text, of a bank's remarks and of a page for mentors, each row of what only mentors
may see of the data. Spacing does not count. What is left out, because it would be found everywhere and gives nothing away:

- a line or sentence of less than TRIVIAL characters, such as `return False`; the whole of an answer or of a hidden check
  counts however short its lines are;
- a line that does nothing but import;
- what stands in the open text of a unit, where the author shows it to everybody;
- what a wrong answer "hears": words of a check, which trainees read.
"""

import ast
import contextlib
import io
import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from course.builder.source import (
    ANSWERED,
    MENTOR_PAGE,
    Exercise,
    Unit,
    hidden_part,
    solution_part,
    visible_part,
)
from course.builder.stamps import MENTOR
from course.proof.bank import BANK

TRIVIAL = 20  # characters; below it, lines of answers are found in any library
PIECE, STEP = 12, 9  # characters of a secret that are looked for, at every so many of a text; together TRIVIAL + 1
IMPORT = re.compile(r"(?:from [\w.]+ )?import [\w., ]+")
SENTENCE = re.compile(r"(?<=[.?!:])\s+|\n\s*\n|\||\*\*")
YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # six times as fast where there is libyaml
IN_JSON = {".ipynb", ".json", ".geojson"}


@dataclass(frozen=True)
class Leak:
    """A secret that a file holds; `file` is its path in the tree, with the path inside it for an archive."""

    file: str
    what: str
    text: str

    def __str__(self) -> str:
        shown = self.text if len(self.text) <= 60 else self.text[:57] + "..."
        return f'{self.file} gives away {self.what}: "{shown}"'


class Secrets:
    """Everything in the course in `root`, of which `units` are all units, that its trainees must not find."""

    def __init__(self, root: Path, units: Sequence[Unit]):
        self._of: dict[str, str] = {}  # text, with its spacing evened out -> whose it is
        for unit in units:
            for notebook in unit.notebooks:
                for exercise in notebook.exercises:
                    self._add_exercise(exercise, f"{unit.name}/{notebook.name}")
            self._add_bank(unit)
            self._add(SENTENCE.split((unit.folder / MENTOR_PAGE).read_text(encoding="utf-8")), f"{unit.name}, for mentors")
        for page in sorted((root / MENTOR).iterdir()):
            self._add(page.read_text(encoding="utf-8").splitlines(), f"{MENTOR}/{page.name}")
        self._by_piece = defaultdict(list)
        for text in self._of:
            for offset in range(STEP):
                self._by_piece[text[offset : offset + PIECE]].append((text, offset))
        for text in set(self._in_text(_even("\n".join(_open_text(units))))):
            del self._of[text]

    def in_tree(self, tree: Path) -> list[Leak]:
        """What the files in the folder `tree` and below give away, also within notebooks, archives and compiled code."""
        return [
            leak
            for path in sorted(tree.rglob("*"))
            if path.is_file() and not path.is_symlink()
            for leak in self.in_file(path.relative_to(tree).as_posix(), path.read_bytes())
        ]

    def in_file(self, name: str, content: bytes) -> list[Leak]:
        """What a file of this name and content gives away, each once."""
        if zipfile.is_zipfile(io.BytesIO(content)):  # a workbook, too
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                members = [(f"{name}/{member}", archive.read(member)) for member in archive.namelist()]
            return [leak for member in members for leak in self.in_file(*member)]
        text = content.decode("utf-8", "replace")  # compiled code holds its texts as they are
        texts = [text]
        if Path(name).suffix in IN_JSON:
            with contextlib.suppress(ValueError):  # one that cannot be read is searched as it is
                texts.append("\n".join(_strings(json.loads(text))))
        found = dict.fromkeys(secret for text in texts for secret in self._in_text(_even(text)))
        return [Leak(name, self._of[secret], secret) for secret in found]

    def _in_text(self, text: str) -> Iterator[str]:
        """The secrets in a text. Whatever is as long as TRIVIAL has in it a piece that begins at a multiple of STEP."""
        for start in range(0, len(text) - PIECE + 1, STEP):
            for secret, offset in self._by_piece.get(text[start : start + PIECE], ()):
                if secret in self._of and start >= offset and text.startswith(secret, start - offset):
                    yield secret

    def _add(self, texts: list[str], what: str) -> None:
        for text in map(_even, texts):
            if len(text) >= TRIVIAL and not IMPORT.fullmatch(text):
                self._of.setdefault(text, what)

    def _add_exercise(self, exercise: Exercise, where: str) -> None:
        whose = f'"{exercise.id}" of {where}'
        if exercise.written:
            self._add(SENTENCE.split(exercise.written.source), f"the model text of {whose}")
            return
        answer, hidden = solution_part(exercise.task.source), hidden_part(exercise.check.source)
        self._add([answer, *answer.splitlines()], f"the answer of {whose}")
        messages = [node.value for node in ast.walk(ast.parse(hidden)) if isinstance(node, ast.Constant)]
        messages = [message for message in messages if isinstance(message, str)]
        self._add([hidden, *hidden.splitlines(), *messages], f"a hidden check of {whose}")

    def _add_bank(self, unit: Unit) -> None:
        bank = yaml.load((unit.folder / BANK).read_text(encoding="utf-8"), Loader=YAML) or {}
        for task, entries in bank.items():
            for said in _told(entries):
                self._add([said, *said.splitlines()], f'the bank of answers for "{task}" of {unit.name}')


def _open_text(units: Sequence[Unit]) -> Iterator[str]:
    """The cells of the units without answers, hidden checks and model texts."""
    for cell in (cell for unit in units for notebook in unit.notebooks for cell in notebook.cells):
        if not cell.written:
            yield ANSWERED.sub("", visible_part(cell.source))


def _told(entries) -> Iterator[str]:
    """Every text in a part of a bank, but for what its wrong answers hear."""
    if isinstance(entries, str):
        yield entries
    for entry in entries if isinstance(entries, list) else ():
        yield from _told(entry)
    for key, entry in entries.items() if isinstance(entries, dict) else ():
        if key != "hears":
            yield from _told(entry)


def _strings(value) -> Iterator[str]:
    """Every text in a JSON document; one that is kept as a list of lines, as notebooks do, is put together."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        yield "".join(value)
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _even(text: str) -> str:
    return " ".join(text.split())
