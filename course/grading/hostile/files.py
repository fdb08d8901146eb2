"""Files that are no notebooks, or no notebooks of this unit, or more than a notebook: nothing in them gets to run."""

import json
import zipfile
from io import BytesIO

from course.grading.hostile.case import ALL, GUESSED, Exam, Handed, Hostile, Link, Odd
from course.grading.results import Status

UNREADABLE = {"status": Status.UNREADABLE, "flagged": False}


def _of(text: str | bytes):
    """Hands in `text` in the notebook's place."""
    return lambda exam: {exam.file: text.encode() if isinstance(text, str) else text}


def _changed(change) -> "callable":
    """Hands in the notebook with right answers after `change(notebook)`, which may alter it or give another."""

    def make(exam: Exam) -> Handed:
        notebook = exam.notebook()
        return exam.as_file(change(notebook) or notebook)

    return make


def _old(notebook: dict) -> dict:
    cells = [
        {"cell_type": "code", "input": cell["source"], "outputs": [], "language": "python", "metadata": {}}
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": cells, "metadata": {}}]}


def _many_cells(notebook: dict) -> None:
    notebook["cells"] += [{"cell_type": "markdown", "id": f"m{n}", "metadata": {}, "source": []} for n in range(10_000)]


def _zip_bomb() -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("venn-diagram.ipynb", b"0" * 50_000_000)
    return packed.getvalue()


def _nonsense_outputs(notebook: dict) -> None:
    """Outputs that nobody should believe, run or unpack: a pickle, a script, things that are no outputs at all."""
    pickled = "gASVIQAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAR0cnVllIWUUpQu"  # would call a program named "true"
    data = {"application/x-python-pickle": pickled, "text/html": "<script>fetch('http://127.0.0.1')</script>"}
    outputs = [{"output_type": "display_data", "data": data, "metadata": {}}, {"output_type": "nonsense"}, 7, None]
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = outputs, "many"


def _big_picture(notebook: dict) -> None:
    picture = {"output_type": "display_data", "data": {"image/png": "A" * 22_000_000}, "metadata": {}}
    notebook["cells"][1]["outputs"] = [picture]


def _script_in_prose(notebook: dict) -> None:
    for cell in notebook["cells"]:
        if cell["metadata"].get("written"):
            cell["source"] = ["<script>document.title = 'prey taken'</script><img src=x onerror=alert(1)> Appoint E238."]


def _bad_names(exam: Exam) -> Handed:
    text = exam.hand_in()[exam.file]
    names = (
        f"{exam.name} (1).ipynb",
        f"-{exam.file}",
        "--help.ipynb",
        "a\nb.ipynb",
        "…" * 60 + ".ipynb",
        "$(touch x).ipynb",
    )
    return {exam.file: text, **dict.fromkeys(names, text), ".hidden.ipynb": b"{", f"{exam.name}.IPYNB": b"{"}


def _nothing_that_counts(exam: Exam) -> Handed:
    return {f"{exam.name} final.ipynb": exam.hand_in()[exam.file]}


def _programs_beside(exam: Exam) -> Handed:
    """Modules named as those that the notebook and its checks import, and settings for nbgrader and IPython."""
    steal = b"raise SystemExit(0)\n"
    names = (
        "pandas.py",
        "course.py",
        "math.py",
        "sitecustomize.py",
        "nbgrader_config.py",
        "ipython_config.py",
        "conftest.py",
    )
    return exam.hand_in() | dict.fromkeys(names, steal) | {"gradebook.db": b"", "timestamp.txt": b"9999-99-99 nonsense"}


CASES: tuple[Hostile, ...] = (
    Hostile(
        "is-no-json",
        "Half a notebook, as a full disk leaves it.",
        lambda exam: {exam.file: exam.released[:5000]},
        **UNREADABLE,
    ),
    Hostile("is-empty", "An empty file.", _of(""), **UNREADABLE),
    Hostile("is-a-list", "JSON, and no notebook.", _of("[1, 2, 3]"), **UNREADABLE),
    Hostile(
        "is-another-notebook",
        "A notebook of somebody's own, with nothing of the unit in it.",
        _of(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []})),
        **UNREADABLE,
    ),
    Hostile(
        "has-no-list-of-cells", "A notebook whose cells are a number.", _changed(lambda n: n | {"cells": 7}), **UNREADABLE
    ),
    Hostile("is-of-an-old-format", "A notebook of format 3.", _changed(_old), **UNREADABLE),
    Hostile("is-of-a-future-format", "A notebook of format 5.", _changed(lambda n: n | {"nbformat": 5}), **UNREADABLE),
    Hostile("is-deep", "JSON a hundred thousand levels deep.", _of("[" * 100_000 + "]" * 100_000), **UNREADABLE),
    Hostile(
        "is-deep-inside",
        "A notebook with metadata fifty thousand levels deep.",
        lambda exam: {exam.file: exam.hand_in()[exam.file][:-1] + b', "x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"},
        **UNREADABLE,
    ),
    Hostile("is-huge", "A notebook of 22 MB, most of it a picture.", _changed(_big_picture), **UNREADABLE),
    Hostile(
        "is-huge-and-empty",
        "A file of 20 GB that takes no room.",
        lambda exam: {exam.file: Odd("sparse", 20 << 30)},
        **UNREADABLE,
    ),
    Hostile("has-ten-thousand-cells", "A notebook of more cells than anybody writes.", _changed(_many_cells), **UNREADABLE),
    Hostile("is-a-zip", "A zip that is fifty megabytes unpacked.", lambda exam: {exam.file: _zip_bomb()}, **UNREADABLE),
    Hostile(
        "is-in-another-alphabet",
        "A notebook's text in UTF-16, cut in the middle of a letter.",
        lambda exam: {exam.file: exam.released.decode().encode("utf-16")[:9999]},
        **UNREADABLE,
    ),
    Hostile("is-a-folder", "A folder where the notebook should be.", lambda exam: {exam.file: Odd("folder")}, **UNREADABLE),
    Hostile(
        "is-a-pipe",
        "A pipe where the notebook should be: who opens it waits for ever.",
        lambda exam: {exam.file: Odd("fifo")},
        **UNREADABLE,
    ),
    Hostile(
        "is-a-link-to-the-gradebook",
        "A link to the gradebook in the notebook's place.",
        lambda exam: {exam.file: Link(f"{exam.prey.cohort}/gradebook.db")},
        **UNREADABLE,
    ),
    Hostile(
        "is-a-link-to-the-answers",
        "A link to the mentor's own notebook, which has all the answers.",
        lambda exam: {exam.file: Link(f"{exam.prey.cohort}/source/01-what-is-data-science/{exam.file}")},
        **UNREADABLE,
    ),
    Hostile(
        "links-beside",
        "Links to the machine's accounts, to the cohort and to itself, beside an honest notebook.",
        lambda exam: (
            exam.hand_in()
            | {
                "accounts.csv": Link("/etc/passwd"),
                "all": Link(exam.prey.cohort),
                "home": Link(exam.prey.home),
                "loop": Link("loop"),
            }
        ),
        least=ALL,
        most=ALL,
        flagged=False,
    ),
    Hostile(
        "has-bad-names-beside",
        "Files whose names are options, commands and more, beside an honest notebook.",
        _bad_names,
        least=ALL,
        most=ALL,
        flagged=False,
    ),
    Hostile(
        "has-another-name",
        "The notebook under a name of the trainee's own.",
        _nothing_that_counts,
        status=Status.MISSING,
        flagged=False,
    ),
    Hostile(
        "has-programs-beside",
        "Modules named like those that checks import, beside guessed answers.",
        lambda exam: _programs_beside(exam) | exam.hand_in(GUESSED),
    ),
    Hostile(
        "has-nonsense-outputs",
        "A pickle, a script and things that are no outputs, where outputs are.",
        _changed(_nonsense_outputs),
        least=ALL,
        most=ALL,
        flagged=False,
    ),
    Hostile(
        "has-a-script-in-its-prose",
        "A script in the written answer, for the browser of whoever marks it.",
        _changed(_script_in_prose),
        least=ALL,
        most=ALL,
        flagged=False,
    ),
    Hostile(
        "has-huge-numbers",
        "Numbers of ten thousand digits, and such as are none, in the metadata.",
        lambda exam: {
            exam.file: exam.hand_in()[exam.file][:-1] + b', "x": [NaN, -Infinity, 1e999, ' + b"9" * 10_000 + b"]}"
        },
        status=Status.GRADED,
        least=0,
        most=ALL,
        flagged=False,
    ),
)
