"""The ways to open a notebook that this course has, as links on its page."""

from collections.abc import Sequence
from dataclasses import dataclass

from course.launch.links import binder_link, hub_link
from course.launch.settings import CourseSettings

BINDER, HUB = "Open in your browser (Binder)", "Open on our JupyterHub"


@dataclass(frozen=True)
class Button:
    """A link that opens a notebook, with the words on it."""

    words: str
    address: str


def buttons(settings: CourseSettings, notebook: str | None = None) -> list[Button]:
    """What opens `notebook` (its path in the trainee tree; none: the course), as far as the settings say where it is."""
    if not settings.is_published:
        return []
    found = [Button(BINDER, binder_link(settings, notebook))] if settings.binder else []
    return found + ([Button(HUB, hub_link(settings, notebook))] if settings.hub else [])


def as_markdown(found: Sequence[Button]) -> str:
    """A paragraph of buttons; "" where there is none."""
    if not found:
        return ""
    return "{.launch}\n" + "\n".join(f"[{button.words}]({button.address})" for button in found) + "\n"
