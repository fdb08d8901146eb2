"""What nbgrader needs on the trainee's side: Validate runs the notebook in a kernel of its own."""

c = get_config()  # noqa: F821 - given by traitlets
c.KernelManager.transport_encryption = "auto"
