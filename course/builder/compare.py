"""What differs between two made trees, and what in the trainee's notebooks gives an answer away."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from course.builder.source import Unit, hidden_part, solution_part
from course.builder.stamps import files

PICTURE = re.compile(r"base64,[A-Za-z0-9+/=]+")
MARKERS = ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN TESTS", "END HIDDEN TESTS")


def differences(made: Path, committed: Path, called: Path | None = None) -> Iterator[str]:
    """A line for each file, and each cell of a notebook, in which the tree `made` differs from the tree `committed`.

    The lines name files in the folder `called` (default: the name of `committed`). The bytes of pictures are left out,
    since fonts and libraries differ between machines; everything else is exact, their text alternatives too.
    """
    names = {path.relative_to(tree) for tree in (made, committed) for path in files(tree)}
    for name in sorted(names):
        here, there = made / name, committed / name
        shown = (called or Path(committed.name)) / name
        if not there.exists():
            yield f"{shown}: is not there, and the text makes it"
        elif not here.exists():
            yield f"{shown}: is there, and nothing makes it"
        elif name.suffix == ".ipynb":
            yield from _differing_cells(shown, here.read_text(encoding="utf-8"), there.read_text(encoding="utf-8"))
        elif name.suffix != ".png" and here.read_bytes() != there.read_bytes():
            yield f"{shown}: differs"


def _differing_cells(name: Path, made: str, committed: str) -> Iterator[str]:
    made, committed = PICTURE.sub("base64,", made), PICTURE.sub("base64,", committed)
    if made == committed:
        return
    try:
        new, old = json.loads(made), json.loads(committed)
        cells = len(new["cells"]), len(old["cells"])
    except (json.JSONDecodeError, KeyError, TypeError):
        yield f"{name}: is not a notebook"
        return
    if cells[0] != cells[1]:
        yield f"{name}: has {cells[1]} cells, and the text makes {cells[0]}"
    differing = 0
    for number, (one, other) in enumerate(zip(new["cells"], old["cells"], strict=False), start=1):
        if one != other:
            differing += 1
            parts = sorted(key for key in {*one, *other} if one.get(key) != other.get(key))
            yield f"{name}: cell {number} ({other.get('id', 'without id')}) differs in its {', '.join(parts)}"
    if {k: v for k, v in new.items() if k != "cells"} != {k: v for k, v in old.items() if k != "cells"}:
        yield f"{name}: its metadata differs"
    elif not differing and cells[0] == cells[1]:
        yield f"{name}: is written differently (was it edited by hand?)"


def answers_given_away(unit: Unit, notebooks: Path) -> Iterator[str]:
    """A line for each answer or hidden check of `unit` that a file in `notebooks` (the trainee's folder) shows."""
    secrets = []
    for notebook in unit.notebooks:
        for exercise in notebook.exercises:
            if exercise.written:
                secrets.append((exercise.id, "the model answer", _words(exercise.written.source)))
            else:
                secrets.append((exercise.id, "the answer", _words(solution_part(exercise.task.source))))
                for line in hidden_part(exercise.check.source).splitlines():
                    if "expect(" in line:
                        secrets.append((exercise.id, "a hidden check", _words(line)))
    for path in sorted(files(notebooks)):
        text = path.read_text(encoding="utf-8", errors="replace")
        if path.suffix == ".ipynb":
            text = _all_text(json.loads(text))
        for marker in MARKERS:
            if marker in text:
                yield f"{notebooks.name}/{path.name}: holds the marker {marker}"
        words = _words(text)
        for id, what, secret in secrets:
            if secret and secret in words:
                yield f'{notebooks.name}/{path.name}: gives {what} of "{id}" away'


def _words(text: str) -> str:
    """`text` with its lines' indents and spacing evened out, so that a shifted copy is still found; whole lines only."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n" + "\n".join(line for line in lines if line) + "\n" if text.strip() else ""


def _all_text(value) -> str:
    """Every string in a notebook, cell sources, outputs and metadata alike."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "".join(value)
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return "\n".join(_all_text(item) for item in items)
