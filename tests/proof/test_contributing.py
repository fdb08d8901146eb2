"""What CONTRIBUTING.md shows authors holds: its tasks and their banks are fair."""

import json
import re
import textwrap

import pytest

from course.proof.prove import Prover
from tests.conftest import QUEUES, ROOT

pytestmark = pytest.mark.xdist_group("busy")

TOOLS = """```{code-cell} ipython3
import pandas as pd
from course.checks import expect
from pandas import Series

waits_min = Series([5, 10, 40])
```
"""


def test_the_worked_examples_are_a_fair_unit(tmp_path):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = [textwrap.dedent(block) for block in re.findall(r"(?:^(?: {4}.*)?\n)+", text, re.MULTILINE) if block.strip()]
    cells = [block for block in blocks if ":task:" in block]
    banks = [block for block in blocks if "misconception:" in block]
    assert len(cells) == len(banks) == 2
    unit = tmp_path / "course" / "units" / "07-waiting"
    unit.mkdir(parents=True)
    front = (QUEUES / "queues.md").read_text(encoding="utf-8").partition("\n---\n")[0]
    lesson, assessment = cells
    heading = "\n## Exercise: nobody without a place\n"
    (unit / "waiting.md").write_text(f"{front}\n---\n\n# Waiting\n\n{TOOLS}\n{lesson}", encoding="utf-8")
    (unit / "waiting-assessment.md").write_text(
        f"{front}\n---\n\n# Waiting\n\n{TOOLS}{heading}\n{assessment}", encoding="utf-8"
    )
    (unit / "answers.yaml").write_text("\n".join(banks), encoding="utf-8")
    pathway = [{"number": 7, "folder": unit.name, "title": "W", "question": "Q?", "weeks": "1"}]
    (unit.parent / "pathway.yaml").write_text(json.dumps(pathway), encoding="utf-8")
    with Prover(tmp_path, {}) as prover:
        (proof,) = [prover.prove(unit) for unit in prover.units]
    assert [str(problem) for problem in proof.problems] == []
    assert [task.exercise.id for task in proof.tasks] == ["share-seen", "shortfall"]
    assert [one.answer.name for one in proof.survivors] == [] and proof.counts.same == 1
    assert [one.needed_by for task in proof.tasks for one in task.hidden] == [
        ("spare places counted as a negative shortfall",)
    ]
