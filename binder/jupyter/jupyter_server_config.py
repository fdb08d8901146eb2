"""JupyterLab in a Binder: a trainee sees the notebooks and the data, and may keep a notebook in the browser."""

c = get_config()  # noqa: F821 - given by traitlets

# What is for machines is there and not listed.
c.ContentsManager.hide_globs = [
    "__pycache__",
    "*.egg-info",
    "*.lock",
    "*.py",
    "*.toml",
    "MANIFEST.in",
    "binder",
    "build",
    "course",
]

# Of the five buttons that repo2docker's jupyter-offlinenotebook can show, the three that save: the others lead to the
# repository, and to a link for this very version, which is out of date tomorrow.
c.OfflineNotebookConfig.repository_ref_url = str
c.OfflineNotebookConfig.binder_persistent_url = str
