"""nbgrader's settings for the course: the same wherever it is called."""

from pathlib import Path

import nbgrader
from nbformat import NotebookNode, from_dict
from nbgrader.converters.generate_assignment import GenerateAssignment
from nbgrader.preprocessors import ClearSolutions, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from course.grading.cohort import Cohort, CohortError

TEMPLATES = Path(__file__).parent / "templates"  # before nbgrader's own, as nbgrader looks for them
NBGRADERS_TEMPLATES = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"
MAY_RAISE = "raises-exception"
STUB = '# YOUR CODE HERE\nraise NotImplementedError("Not answered yet: replace this line and the one above.")'


class ReadyForTrainees(NbGraderPreprocessor):
    """Lets Run All go on behind an exercise that is not answered or not right yet, and folds checks to their first line."""

    def preprocess_cell(self, cell, resources, cell_index):
        if cell.cell_type == "code" and (is_grade(cell) or is_solution(cell)):
            cell.metadata["tags"] = sorted({*cell.metadata.get("tags", []), MAY_RAISE})
        if cell.cell_type == "code" and is_grade(cell):
            cell.metadata["jupyter"] = {**cell.metadata.get("jupyter", {}), "source_hidden": True}
        return cell, resources


def settings(root: Path, source: str = "solutions", release: str = "notebooks") -> Config:
    """nbgrader's settings for a course in the folder `root`; `source` and `release` are folders in it."""
    config = Config()
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.course_id = "pathway"
    config.CourseDirectory.source_directory = source
    config.CourseDirectory.release_directory = release
    config.CourseDirectory.db_url = f"sqlite:///{root / 'gradebook.db'}"
    config.ClearSolutions.code_stub = {"python": STUB}
    config.GenerateAssignment.preprocessors = [ReadyForTrainees, *GenerateAssignment.preprocessors.default_args[0]]
    return config


def cohort_settings(root: Path) -> Config:
    """nbgrader's settings for the cohort in the folder `root`: all that its commands, formgrader and the exchange need.

    With them plain nbgrader commands, run in the cohort's folder, repair, run in the sandbox, mark, hide and take in as the
    commands of `pathway` do. What is named by a string is imported when it is needed.
    """
    cohort = Cohort(root)
    config = settings(root, source="source", release="release")
    config.CourseDirectory.course_id = cohort.name
    config.CourseDirectory.db_url = cohort.gradebook_url
    config.Exchange.root = str(cohort.exchange)
    config.Exchange.cache = str(root / "cache")
    config.Exchange.assignment_dir = str(root)
    config.ExchangeFactory.collect = "course.grading.collect.CollectSafely"
    config.Autograde.exporter_class = "course.grading.plugins.AnyFile"
    config.Autograde.sanitize_preprocessors = ["course.grading.plugins.Repair"]
    config.Autograde.autograde_preprocessors = ["course.grading.plugins.RunAndMark"]
    config.GenerateFeedback.preprocessors = [
        "course.grading.feedback.HideChecks",
        "nbgrader.preprocessors.GetGrades",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]
    # On formgrader's pages, as in feedback: nothing in a trainee's notebook may run as the mentor.
    config.HTMLExporter.sanitize_html = True
    config.HTMLExporter.filters = {
        "clean_html": "course.grading.safe_html.clean",
        "markdown2html": "course.grading.safe_html.markdown",
    }
    config.HTMLExporter.preprocessors = ["course.grading.safe_html.PlainOutputs"]
    config.HTMLExporter.extra_template_basedirs = [str(place) for place in (TEMPLATES, NBGRADERS_TEMPLATES)]
    config.ZipCollectApp.extractor_plugin = "course.grading.hand_in.SafeExtractor"
    config.ZipCollectApp.collector_plugin = "course.grading.hand_in.Collector"
    config.ExportApp.plugin_class = "course.grading.export.MarksPerQuestion"
    return config


def settings_of(cohort: Cohort) -> Config:
    """nbgrader's settings as its own commands find them in the cohort's folder: with what the mentor set there.

    Raises CohortError for an nbgrader_config.py that cannot be read.
    """
    path = cohort.root / "nbgrader_config.py"
    try:
        return PyFileConfigLoader(path.name, path=str(path.parent)).load_config()
    except Exception as error:  # it is a program
        raise CohortError(f"{path}: {type(error).__name__}: {error}. Mend it, or take out what you added.") from error


def unanswered(cell: NotebookNode) -> str:
    """The source of a solution cell with the answer taken out, as nbgrader releases it to trainees."""
    cleared, _ = ClearSolutions(config=settings(Path())).preprocess_cell(from_dict(cell), {"language": "python"}, 0)
    return cleared.source
