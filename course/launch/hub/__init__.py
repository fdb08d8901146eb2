"""A department's JupyterHub: its settings, what it needs on the machine, and the configuration that JupyterHub reads."""
