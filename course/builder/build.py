"""Builds the units that changed, side by side, and lays what was made in its place only when all of it is right."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import nbformat

from course.builder.compare import answers_given_away, differences
from course.builder.derived import Station, glossary, lay_beside, map_table, read_pathway, words_defined_twice
from course.builder.execute import Run, run
from course.builder.expand import as_text, solution_notebook
from course.builder.outputs import broken_outputs, broken_without_answers, numbers_not_shown
from course.builder.problem import BuildError, Problem, StepError
from course.builder.rules import Course, broken_rules
from course.builder.source import Notebook, Unit, read_unit, unit_folders
from course.builder.stamps import MADE, Facts, Stamps, course_inputs, fingerprint, shared_inputs, town_inputs

GLOSSARY = "glossary.md"
OfUnits = TypeVar("OfUnits", Unit, Path)
HASH_SEEDS = (1, 2)  # two runs that put sets in another order


class Builder:
    """Builds the course in the folder `root` into the folder `into` (default: the same).

    `progress(done, total, what)` is called as work goes on. A cell that runs longer than `cell_seconds` is stopped.
    """

    def __init__(
        self,
        root: Path,
        into: Path | None = None,
        progress: Callable[[int, int, str], None] | None = None,
        cell_seconds: int = 120,
    ):
        self.root = root
        self.cell_seconds = cell_seconds
        self.into = into or root
        self.data, self.mentor, self.solutions, self.notebooks = (self.into / name for name in MADE)
        self.stamps = Stamps(self.into)
        self._progress = progress or (lambda done, total, what: None)

    def units(self) -> list[Unit]:
        """All units of the course. Raises BuildError with everything that cannot be read."""
        units, problems = [], []
        for folder in unit_folders(self.root / "course" / "units"):
            try:
                units.append(read_unit(folder))
            except BuildError as error:
                problems += error.problems
        if problems:
            raise BuildError(problems)
        return units

    def build(self, wanted: Sequence[str] = ()) -> list[Facts]:
        """Build the data and the units named (by number or folder; default: all), as far as they changed.

        Raises BuildError, with every problem found and nothing of the units changed, when a rule is broken.
        """
        units = self.units()
        selected = select(units, [name for name in wanted if name != "data"])
        self.build_data()
        if list(wanted) == ["data"]:
            return []
        stations = read_pathway(self.root / "course" / "units" / "pathway.yaml", units)
        inputs = {unit.name: self._inputs(unit, units, stations) for unit in selected}
        stale = [unit for unit in selected if not self.stamps.is_current(unit.name, inputs[unit.name], self._outputs(unit))]
        course = Course(frozenset(notebook.name for unit in units for notebook in unit.notebooks))
        problems = [problem for unit in stale for problem in broken_rules(unit, course)]
        if not problems:  # words can only be read from notebooks that end as they should
            problems = list(words_defined_twice(units))
        if problems:
            raise BuildError(problems)
        self._build_units(stale, units, stations, inputs)
        self._write_glossary(units)
        if not wanted:
            self._remove_what_nothing_makes(units)
            notes = [note for unit in units for note in self.stamps.notes(unit.name)]
            self.stamps.set("course", course_inputs(self.root), [self.into / made for made in MADE], notes)
        return [replace(Facts(**note), built=unit in stale) for unit in selected for note in self.stamps.notes(unit.name)]

    def build_data(self) -> None:
        """Make data/ and the mentors' pages on it when course/town changed, or they are not what it made."""
        inputs, outputs = town_inputs(self.root), [self.data, self.mentor]
        if self.stamps.is_current("data", inputs, outputs):
            return
        from course import town  # here and below: a build that has nothing to do should not wait for imports
        from course.town.borough import Refused

        with self._staging() as stage:
            try:
                town.make(stage / "data", mentor=stage / "mentor")
            except Refused as error:
                raise BuildError([Problem(self.root / "course" / "town" / "__init__.py", 1, str(error))]) from error
            for place in outputs:
                _lay(stage / place.name, place)
        self.stamps.set("data", inputs, outputs, [])

    def _inputs(self, unit: Unit, units: Sequence[Unit], stations: Sequence[Station]) -> str:
        """The fingerprint of all that the notebooks of `unit` follow from."""
        titles = "\n".join(f"{u.name}/{n.name}: {n.front.get('title')}" for u in units for n in u.notebooks)
        map_ = map_table(stations, units) if unit.number == 0 else ""
        return fingerprint(unit.folder, self.data, titles, map_, shared_inputs(self.root))

    def _outputs(self, unit: Unit) -> list[Path]:
        return [self.solutions / unit.name, self.notebooks / unit.name]

    def _build_units(self, stale: Sequence[Unit], units: Sequence[Unit], stations: Sequence[Station], inputs: dict) -> None:
        if not stale:
            return
        by_name = {notebook.name: (unit, notebook) for unit in units for notebook in unit.notebooks}
        with self._staging() as stage, _Workers(self._progress) as workers:
            for unit in stale:
                folder = stage / "solutions" / unit.name
                folder.mkdir(parents=True)
                lay_beside(folder, unit, stations, units)
            texts = {n.name: as_text(solution_notebook(n, unit, by_name)) for unit in stale for n in unit.notebooks}
            workers.expect_work(3 * len(texts) + len(stale))
            runs = {
                n.name: [self._run(workers, n, texts[n.name], stage / "solutions" / unit.name, seed) for seed in HASH_SEEDS]
                for unit in stale
                for n in unit.notebooks
            }
            for unit in stale:
                self._finish_unit(
                    unit, stage, {n.name: [future.result() for future in runs[n.name]] for n in unit.notebooks}, workers
                )
            for unit in stale:
                facts = [_facts(unit, notebook, runs[notebook.name][0].result()) for notebook in unit.notebooks]
                for made in ("solutions", "notebooks"):
                    _lay(stage / made / unit.name, self.into / made / unit.name)
                self.stamps.set(unit.name, inputs[unit.name], self._outputs(unit), [asdict(fact) for fact in facts])

    def _finish_unit(self, unit: Unit, stage: Path, runs: dict[str, list[Run]], workers: "_Workers") -> None:
        """From the runs of a unit's solutions to its trainee notebooks, all in `stage`, held to the rules of outputs."""
        from course.builder.release import release

        solutions, notebooks = stage / "solutions" / unit.name, stage / "notebooks" / unit.name
        problems = []
        for notebook in unit.notebooks:
            first, second = (nbformat.reads(one.notebook, as_version=4) for one in runs[notebook.name])
            problems += [*broken_outputs(notebook, first, second), *numbers_not_shown(notebook, first)]
            (solutions / f"{notebook.name}.ipynb").write_text(runs[notebook.name][0].notebook, encoding="utf-8")
        if problems:
            raise BuildError(problems)
        workers.submit(unit.notebooks[0], release, solutions, notebooks).result()
        problems = [Problem(unit.folder, 1, leak) for leak in answers_given_away(unit, notebooks)]
        blank = {}
        for notebook in unit.notebooks:
            text = (notebooks / f"{notebook.name}.ipynb").read_text(encoding="utf-8")
            blank[notebook.name] = self._run(workers, notebook, text, notebooks, HASH_SEEDS[0])
        for notebook in unit.notebooks:
            problems += broken_without_answers(
                notebook, nbformat.reads(blank[notebook.name].result().notebook, as_version=4)
            )
        if problems:
            raise BuildError(problems)

    def _run(self, workers: "_Workers", notebook: Notebook, text: str, folder: Path, hash_seed: int) -> "_Work":
        return workers.submit(notebook, run, text, folder, self.data, hash_seed, self.cell_seconds)

    def _write_glossary(self, units: Sequence[Unit]) -> None:
        path = self.notebooks / GLOSSARY
        text = glossary(units)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")

    def _remove_what_nothing_makes(self, units: Sequence[Unit]) -> None:
        """Folders of units that are gone or have another name now."""
        kept = {unit.name for unit in units}
        for made in (self.solutions, self.notebooks):
            for folder in made.iterdir() if made.exists() else ():
                if folder.is_dir() and re.match(r"\d\d-", folder.name) and folder.name not in kept:
                    shutil.rmtree(folder)

    def _staging(self):
        """A scratch folder on the same disk, so that what is made there can be moved into place in one step."""
        (self.into / ".build").mkdir(parents=True, exist_ok=True)
        return _Staging(self.into / ".build")


def check(root: Path, progress: Callable[[int, int, str], None] | None = None) -> list[str]:
    """Build the whole course aside, and list where what is here of MADE is not what it makes."""
    with tempfile.TemporaryDirectory(prefix="pathway-check-") as scratch:
        builder = Builder(root, into=Path(scratch), progress=progress)
        builder.build()
        found = [line for name in MADE for line in differences(Path(scratch) / name, root / name, Path(name))]
        for unit in builder.units():
            found += answers_given_away(unit, root / "notebooks" / unit.name)
        return found


class _Staging(tempfile.TemporaryDirectory):
    def __init__(self, folder: Path):
        super().__init__(prefix="stage-", dir=folder)

    def __enter__(self) -> Path:
        return Path(super().__enter__())


class _Workers:
    """Runs work in processes of its own, one a task, on all cores; tells how far it is."""

    def __init__(self, progress: Callable[[int, int, str], None]):
        self._progress = progress
        self._done, self._total = 0, 0

    def __enter__(self) -> "_Workers":
        # A process a task: peak memory is then that task's, and what it leaves behind is gone. The server that they are
        # forked from has done the slow imports once.
        context = get_context("forkserver")
        context.set_forkserver_preload(["course.builder.execute", "course.builder.release"])
        self._pool = ProcessPoolExecutor(max_workers=os.cpu_count(), mp_context=context, max_tasks_per_child=1)
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def expect_work(self, tasks: int) -> None:
        self._total = tasks
        self._progress(0, tasks, "")

    def submit(self, notebook: Notebook, function: Callable, *arguments) -> "_Work":
        future = self._pool.submit(function, *arguments)
        future.add_done_callback(lambda _: self._advance(notebook.name))
        return _Work(notebook, future)

    def _advance(self, what: str) -> None:
        self._done += 1
        self._progress(self._done, self._total, what)


@dataclass
class _Work:
    """A task under way, for a notebook: what goes wrong in it is that notebook's problem."""

    notebook: Notebook
    future: Future

    def result(self):
        try:
            return self.future.result()
        except (StepError, BrokenProcessPool) as error:
            raise BuildError([Problem(self.notebook.path, 1, str(error))]) from error


def select(units: Sequence[OfUnits], wanted: Sequence[str]) -> list[OfUnits]:
    """Those of `units`, or of their folders, that a user named, by number (4 or 04) or by folder; all when none is named.

    Raises BuildError for one that is none of them.
    """
    found = set()
    for name in wanted:
        matching = {one.name for one in units if name == one.name or (name.isdecimal() and int(name) == int(one.name[:2]))}
        if not matching:
            message = f'No unit is called "{name}". There are: {", ".join(one.name for one in units)}.'
            raise BuildError([Problem(Path("course/units"), 1, message)])
        found |= matching
    return [one for one in units if one.name in found or not wanted]


def _lay(made: Path, place: Path) -> None:
    """Put the folder `made` in place of `place`: the new one is whole before the old one goes."""
    place.parent.mkdir(parents=True, exist_ok=True)
    old = made.parent / f"{made.name}.old"
    if place.exists():
        os.replace(place, old)
    os.replace(made, place)
    shutil.rmtree(old, ignore_errors=True)


def _facts(unit: Unit, notebook: Notebook, one: Run) -> Facts:
    import textstat

    prose = "\n".join(re.sub(r"<[^>]+>|[*_`#|]", " ", cell.source) for cell in notebook.markdown)
    return Facts(
        unit=unit.name,
        notebook=notebook.name,
        cells=len(nbformat.reads(one.notebook, as_version=4).cells),
        tasks=len(notebook.exercises),
        marks=notebook.points if notebook.is_assessment else 0,
        practice=0 if notebook.is_assessment else notebook.points,
        seconds=round(one.seconds, 1),
        peak_mb=round(one.peak_mb),
        readability=round(textstat.automated_readability_index(prose), 1),
    )
