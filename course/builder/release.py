"""Takes the answers out: solutions/NN -> notebooks/NN, by nbgrader's own generate_assignment."""

import io
import logging
import shutil
import tempfile
from pathlib import Path

import nbformat
from nbgrader.converters.base import NbGraderException
from nbgrader.converters.generate_assignment import GenerateAssignment
from nbgrader.coursedir import CourseDirectory

from course.builder.expand import as_text
from course.builder.problem import StepError
from course.grading.settings import settings


def release(solutions: Path, notebooks: Path) -> None:
    """Write the trainee's notebooks of one unit: `solutions` (its folder of solution notebooks) into `notebooks`.

    nbgrader changes the current folder as it works, so each call belongs in a process of its own. Raises StepError with
    nbgrader's own words when it refuses.
    """
    with tempfile.TemporaryDirectory(prefix="pathway-release-") as scratch:
        root = Path(scratch)
        shutil.copytree(solutions, root / "source" / solutions.name)
        config = settings(root, source="source", release="release")
        # A gradebook belongs to a cohort: here only the notebooks are wanted.
        config.GenerateAssignment.no_database = True
        config.SaveCells.enabled = False
        course = CourseDirectory(config=config)
        course.assignment_id = solutions.name
        said = io.StringIO()
        log = logging.Logger("nbgrader")
        log.addHandler(logging.StreamHandler(said))
        converter = GenerateAssignment(coursedir=course, config=config, log=log)
        try:
            converter.start()
        except NbGraderException as error:
            raise StepError(f"nbgrader does not release {solutions.name}: {said.getvalue().strip()}") from error
        made = root / "release" / solutions.name
        notebooks.mkdir(parents=True, exist_ok=True)
        for file in sorted(made.iterdir()):
            if file.suffix == ".ipynb":
                text = as_text(nbformat.read(file, as_version=4))
                (notebooks / file.name).write_text(text, encoding="utf-8")
            else:
                shutil.copyfile(file, notebooks / file.name)
