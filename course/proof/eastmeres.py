"""Other Eastmeres: data as a cohort of its own would have it, to show that an assessment does not know its numbers."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from course.builder.stamps import fingerprint, town_inputs

SEEDS = (2, 7, 31)


def other_eastmeres(
    root: Path, seeds: Sequence[int] = SEEDS, progress: Callable[[str], None] | None = None
) -> dict[int, Path]:
    """Seed -> a folder of the course's data with the Eastmere of that seed; made once, and kept in .build/eastmeres.

    Those that another state of course/town made are thrown away.
    """
    made_from = fingerprint(town_inputs(root), (root / "course" / "proof" / "eastmeres.py").read_text(encoding="utf-8"))[:12]
    shelf = root / ".build" / "eastmeres"
    shelf.mkdir(parents=True, exist_ok=True)
    for old in shelf.iterdir():
        if not old.name.startswith(made_from) and not old.name.startswith("stage-"):
            shutil.rmtree(old, ignore_errors=True)
    places = {seed: shelf / f"{made_from}-{seed}" for seed in seeds}
    missing = {seed: place for seed, place in places.items() if not place.exists()}
    if missing:
        if progress:
            progress(f"drawing {len(missing)} other Eastmeres")
        with ProcessPoolExecutor(min(len(missing), os.cpu_count() or 1), get_context("forkserver")) as pool:
            list(pool.map(_make, missing.keys(), missing.values()))
    return places


def _make(seed: int, place: Path) -> None:
    from course import town

    with tempfile.TemporaryDirectory(prefix="stage-", dir=place.parent) as scratch:
        made = Path(scratch) / "data"
        town.make(made, town.SEEDS | {"eastmere": seed})
        try:
            os.replace(made, place)
        except OSError:
            if not place.exists():  # else another process has made the same
                raise
