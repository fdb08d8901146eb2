"""What notebooks import: `DATA`, the folder that holds the course's data, and `describe`, a figure's text alternative."""

from course.data import data_folder
from course.figures import describe

__all__ = ["DATA", "describe"]


def __getattr__(name: str):
    # Looked up when a notebook asks for it: the tools that make data/ import this package before it is there.
    if name == "DATA":
        return data_folder()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
