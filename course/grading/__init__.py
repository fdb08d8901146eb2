"""nbgrader, as the course uses it."""
