"""nbgrader's steps of autograding, as the course has them: plain `nbgrader autograde` and formgrader's button use these.

What they leave in gradebook, autograded folder and records is what `pathway grade` leaves.
"""

import atexit
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbformat.v4 import new_notebook
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

from course.engine import Limits
from course.grading import books
from course.grading.cohort import Cohort
from course.grading.repair import Unreadable, read, repair, repair_notebook
from course.grading.results import GradedNotebook, GradedSubmission, Status
from course.grading.run import Grader
from course.grading.template import Template, beside, templates

OURS = "pathway"  # in a notebook's metadata, between the two steps: what the first has to tell the second
FILE = "pathway_file"  # in nbconvert's resources: where the file lies


class AnyFile(NotebookExporter):
    """Leaves it to the steps below to read a file, so that what is no notebook is graded as unreadable: nbconvert stops."""

    def from_filename(self, filename, resources=None, **kw):
        return self.from_notebook_node(new_notebook(), {**(resources or {}), FILE: str(filename)}, **kw)


class Repair(NbGraderPreprocessor):
    """Puts a submitted notebook right: in place of all that nbgrader does before it runs one."""

    def preprocess(self, nb, resources):
        job = _Job(self, resources)
        file = resources.pop(FILE, None)
        try:
            repaired = repair_notebook(nb, job.template) if file is None else repair(read(Path(file)), job.template)
        except Unreadable as error:
            self.log.warning("%s of %s cannot be read: %s", job.name, job.trainee, error)
            return new_notebook(metadata={OURS: {"unreadable": str(error)}}), resources
        for sentence in repaired.repairs:
            self.log.warning("%s of %s: %s", job.name, job.trainee, sentence)
        repaired.notebook.metadata[OURS] = {"repairs": list(repaired.repairs)}
        return repaired.notebook, resources


class RunAndMark(NbGraderPreprocessor):
    """Runs a notebook in the sandbox and enters its marks; with the last of a submission it writes the record."""

    def preprocess(self, nb, resources):
        job = _Job(self, resources)
        file = resources.pop(FILE, None)
        if file is not None:  # as the step above has left it
            nb = nbformat.from_dict(json.loads(Path(file).read_text(encoding="utf-8")))
        graded = job.grade(nb)
        for flag in graded.flags:
            self.log.warning("%s of %s: marks withheld. %s", job.name, job.trainee, flag)
        job.enter(graded)
        return nbformat.from_dict(json.loads(books.autograded_text(graded))), resources


class _Job:
    """One notebook of one submission, as nbgrader comes to it."""

    def __init__(self, step: NbGraderPreprocessor, resources: dict):
        said = resources["nbgrader"]
        self.trainee, self.unit, self.name = said["student"], said["assignment"], said["notebook"]
        converter = step.parent.parent  # of the exporter
        self.cohort = Cohort.find(Path(converter.coursedir.root))
        self._url, self._course = converter.coursedir.db_url, converter.coursedir.course_id
        self._names = [Path(file).stem for file in converter.notebooks]  # what this run has of the submission
        self._config = converter.config

    @property
    def template(self) -> Template:
        return self._templates()[self.name]

    def _templates(self) -> dict[str, Template]:
        # A hidden check may have been mended since: each submission asks anew, its first notebook for all of them.
        kept = _templates.get(self._place)
        if kept is None or self.name == self._names[0]:
            with Gradebook(self._url, self._course) as gradebook:
                kept = templates(self.cohort.release, self.unit, gradebook)
            _templates.clear()
            _templates[self._place] = kept
        return kept

    @property
    def _folder(self) -> Path:
        return self.cohort.submitted / self.trainee / self.unit

    @property
    def _place(self) -> tuple[Path, str, str]:
        return self.cohort.root, self.trainee, self.unit

    def grade(self, notebook: NotebookNode) -> GradedNotebook:
        told = notebook.metadata.get(OURS, {})
        if "unreadable" in told:
            return GradedNotebook(self.name, Status.UNREADABLE, why=told["unreadable"])
        repaired = replace(repair_notebook(notebook, self.template), repairs=tuple(told.get("repairs", ())))
        grader = _grader(self.cohort.data.resolve(), self.cohort.limits)
        return grader.grade(repaired, self.template, beside(self._folder))

    def enter(self, graded: GradedNotebook) -> None:
        """Enter one notebook's marks; with the last one those that are missing, and the record of all."""
        path = books.record_path(self.cohort, self.trainee, self.unit)
        if self.name == self._names[0]:
            _underway[self._place] = self._recorded(path)
            path.unlink(missing_ok=True)
        done = _underway.setdefault(self._place, {})
        done[self.name] = graded
        entered, is_last = [graded], self.name == self._names[-1]
        if is_last:
            handed_in = {path.stem for path in self._folder.glob("*.ipynb")}
            missing = [name for name in self._templates() if name not in handed_in]
            done |= {name: GradedNotebook(name, Status.MISSING) for name in missing}
            entered += [done[name] for name in missing]
        with Gradebook(self._url, self._course) as gradebook:
            how = books.Rules.of(self._config)
            books.mark(gradebook, self.trainee, self.unit, entered, books.submitted_at(self._folder), how)
        if is_last:
            self._write_record(_underway.pop(self._place))

    def _recorded(self, path: Path) -> dict[str, GradedNotebook]:
        """Of a run on some notebooks alone: what is known of the others."""
        if not path.exists():
            return {}
        try:
            return {book.name: book for book in books.read_record(path).notebooks if book.name not in self._names}
        except books.BooksError:
            return {}

    def _write_record(self, done: dict[str, GradedNotebook]) -> None:
        known = self._templates()
        if not set(known) <= set(done):
            return  # never graded as a whole: `pathway grade` is to do it
        with Gradebook(self._url, self._course) as gradebook:
            around = books.circumstances(gradebook, self.unit, books.data_fingerprint(self.cohort.data))
        fingerprint = books.fingerprint(self._folder, known, around(self.trainee))
        notebooks = tuple(done[name] for name in known)
        books.write_record(self.cohort, GradedSubmission(self.trainee, self.unit, fingerprint, notebooks))


_underway: dict[tuple[Path, str, str], dict[str, GradedNotebook]] = {}  # what came of a submission so far
_templates: dict[tuple[Path, str, str], dict[str, Template]] = {}  # of the submission that is being graded


@cache
def _grader(data: Path, limits: Limits) -> Grader:
    """The sandbox of this process: one for all that it grades, closed at its end."""
    grader = Grader(data, limits)
    atexit.register(grader.close)
    return grader
