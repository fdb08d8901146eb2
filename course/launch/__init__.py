"""What starts the course: the trainee's workspace, and JupyterLab on it."""
