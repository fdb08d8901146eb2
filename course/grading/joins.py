"""What the gradebook holds of each submitted notebook, as one query, however many there are."""

from nbgrader.api import Assignment, Notebook, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import Select, select


def by_notebook(*columns) -> Select:
    """Trainee, unit, notebook and these columns: a row for each submitted notebook, or for each that is joined to one."""
    return (
        select(SubmittedAssignment.student_id, Assignment.name, Notebook.name, *columns)
        .select_from(SubmittedNotebook)
        .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
        .join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
    )


def by_cell(what: type, cell: type, *columns) -> Select:
    """Trainee, unit, notebook, the cell's name and these columns: a row for each Grade or Comment, as `what` says."""
    joined = by_notebook(cell.name, *columns).join(what, what.notebook_id == SubmittedNotebook.id)
    return joined.join(cell, what.cell_id == cell.id)
