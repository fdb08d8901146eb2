"""The report on a cohort, for its mentor, and a page for each trainee: see `write`, `trainee_page` and `trainee_pages`."""

from course.grading.report.files import trainee_page, trainee_pages, write

__all__ = ["trainee_page", "trainee_pages", "write"]
