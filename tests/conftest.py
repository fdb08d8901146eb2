"""What the tests share: a course in miniature, laid out like the real one."""

import shutil
import sys
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

ROOT = Path(__file__).resolve().parent.parent
QUEUES = ROOT / "tests" / "builder" / "07-queues"
START = """---
kernelspec:
  display_name: Python 3 (ipykernel)
  language: python
  name: python3
minutes:
  teaching: 1
  exercises: 0
  timed: untested
needs: []
outcomes:
  look:
    can: Look at a table
    codes: [K5]
title: Look here first
---

# Look here first

The units stand in a table.

```{code-cell} ipython3
import pandas as pd

units = pd.read_csv("units.csv")
units.title.tolist()
```

## What to take away

Tables are for looking at.

**Next** Queues.

**New words** none.
"""
PATHWAY = """- {number: 0, folder: 00-look, title: Look, question: "What is there?", weeks: "1"}
- {number: 7, folder: 07-queues, title: Queues, question: "Who waits?", weeks: after}
- {number: 8, folder: 08-later, title: Later, question: "What then?", weeks: after}
"""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one file run in one process, so that what they share is made once, but where a mark says otherwise."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.relative_to(ROOT).as_posix()))


@pytest.fixture
def shell(monkeypatch) -> InteractiveShell:
    """A real IPython shell in this process, and none afterwards: it takes the place of __main__ while it is there."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    shell = InteractiveShell.instance()
    shell.reset()
    shell.colors = "nocolor"
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def queues(tmp_path: Path) -> Path:
    """A copy of a unit that keeps every rule, to be broken."""
    shutil.copyfile(ROOT / "jupytext.toml", tmp_path / "jupytext.toml")
    return Path(shutil.copytree(QUEUES, tmp_path / "07-queues"))


def edit(path: Path, old: str, new: str) -> None:
    """Replace `old`, which must be there, by `new` in a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def lay_miniature(root: Path) -> Path:
    """A course of two units in the folder `root`, with the real builder's inputs beside them."""
    units = root / "course" / "units"
    (units / "00-look").mkdir(parents=True)
    (units / "00-look" / "look.md").write_text(START, encoding="utf-8")
    (units / "pathway.yaml").write_text(PATHWAY, encoding="utf-8")
    shutil.copytree(QUEUES, units / "07-queues")
    for name in ("jupytext.toml", "requirements.lock", "requirements-dev.lock"):
        shutil.copyfile(ROOT / name, root / name)
    shutil.copytree(ROOT / "course" / "town", root / "course" / "town", ignore=shutil.ignore_patterns("__pycache__"))
    return root
