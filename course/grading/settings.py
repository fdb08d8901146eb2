"""nbgrader's settings for the course: the same wherever it is called."""

from pathlib import Path

from nbformat import NotebookNode, from_dict
from nbgrader.converters.generate_assignment import GenerateAssignment
from nbgrader.preprocessors import ClearSolutions, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets.config import Config

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


def unanswered(cell: NotebookNode) -> str:
    """The source of a solution cell with the answer taken out, as nbgrader releases it to trainees."""
    cleared, _ = ClearSolutions(config=settings(Path())).preprocess_cell(from_dict(cell), {"language": "python"}, 0)
    return cleared.source
