"""A small cohort in a folder of its own, graded by the real nbgrader as a mentor calls it."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from tests.conftest import ROOT

CONFIG = """from pathlib import Path

from course.grading.settings import settings

c = get_config()
c.merge(settings(Path({root!r}), source="source", release="release"))
"""


class Cohort:
    """nbgrader's course of one assignment in the folder `root`; `source` are its notebooks with answers, by name."""

    def __init__(self, root: Path, assignment: str, source: dict[str, NotebookNode]):
        self.root, self.assignment = root, assignment
        (root / "nbgrader_config.py").write_text(CONFIG.format(root=str(root)), encoding="utf-8")
        for name, notebook in source.items():
            self._write(root / "source" / assignment / f"{name}.ipynb", notebook)
        self._nbgrader("generate_assignment", assignment)

    def released(self, name: str) -> NotebookNode:
        """A notebook as a trainee gets it."""
        return nbformat.read(self.root / "release" / self.assignment / f"{name}.ipynb", as_version=4)

    def submit(self, student: str, name: str, notebook: NotebookNode) -> None:
        self._write(self.root / "submitted" / student / self.assignment / f"{name}.ipynb", notebook)

    def autograde(self) -> dict[str, dict[tuple[str, str], float]]:
        """Grade all that was submitted: student -> (notebook, check's name) -> points."""
        self._nbgrader("autograde", self.assignment)
        with Gradebook(f"sqlite:///{self.root / 'gradebook.db'}") as gradebook:
            return {
                submission.student.id: {
                    (notebook.name, grade.name): grade.auto_score
                    for notebook in submission.notebooks
                    for grade in notebook.grades
                }
                for submission in gradebook.assignment_submissions(self.assignment)
            }

    def _write(self, path: Path, notebook: NotebookNode) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)

    def _nbgrader(self, *arguments: str) -> None:
        tools = Path(sys.executable).parent
        environment = {
            **os.environ,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",  # nbgrader starts alembic by its name
            "PATHWAY_DATA": str(ROOT / "data"),
            "JUPYTER_CONFIG_PATH": str(self.root),
        }
        command = [str(tools / "nbgrader"), *arguments]
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
