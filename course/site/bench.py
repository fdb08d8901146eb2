"""Measures how long the site takes: from nothing, and again after one lesson changed."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from course.launch.settings import CourseSettings
from course.site.build import build


@dataclass(frozen=True)
class Measured:
    """Seconds from nothing and after a change, the number of pages, and the largest of them with its size in MB."""

    from_nothing: float
    after_a_change: float
    pages: int
    largest: str
    largest_mb: float


def measure(root: Path, settings: CourseSettings) -> Measured:
    """Make the site of the course in `root` twice in a scratch folder; in between, its longest lesson changes."""
    with tempfile.TemporaryDirectory(prefix="pathway-bench-") as scratch:
        into, work = Path(scratch) / "site", Path(scratch) / "work"
        start = time.perf_counter()
        build(root, into, settings, work)
        first = time.perf_counter() - start
        # What Sphinx has read is made another lesson, so that the course's is new to it.
        longest = max((work / "source").rglob("*.ipynb"), key=lambda path: path.stat().st_size)
        longest.write_text(longest.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        start = time.perf_counter()
        pages = build(root, into, settings, work).pages
        second = time.perf_counter() - start
        largest = max(into.rglob("*.html"), key=lambda path: path.stat().st_size)
        name, size = largest.relative_to(into).as_posix(), largest.stat().st_size
    return Measured(first, second, pages, name, size / 1e6)
