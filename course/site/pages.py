"""The pages that are written for the site alone: home, map, glossary, proof, accessibility.

Their words are in pages/*.jinja; what these need to know is worked out here.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from course.builder.derived import Station, read_pathway
from course.builder.rules import new_words
from course.builder.source import Exercise, Notebook, Unit
from course.launch.settings import CourseSettings
from course.proof.results import Share
from course.site.buttons import buttons
from course.site.proved import Proved

TEMPLATES = Path(__file__).resolve().parent / "pages"
PICTURE = "pictures/wexmoor-map.png"


class Pages:
    """The site's own pages, from the course in `root`: its `units`, its settings and what was proved of it, by unit."""

    def __init__(self, root: Path, units: Sequence[Unit], settings: CourseSettings, proofs: Mapping[str, Proved]):
        self.root, self.units, self._settings, self._proofs = root, units, settings, proofs
        self._by_name = {unit.name: unit for unit in units}
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        stations = read_pathway(root / "course" / "units" / "pathway.yaml", units)
        self._environment.globals |= {
            "settings": settings,
            "stations": stations,
            "titles": {station.folder: station.title for station in stations},
            "units": units,
            "proofs": proofs,
            "unit_of": self.unit_of,
            "when": when,
            "minutes": minutes,
            "worth": worth,
            "of": of,
        }

    def rendered(self) -> Iterator[tuple[str, str]]:
        """Each page's place in the site, and its Markdown."""
        yield "index.md", self._render("index.md", buttons=buttons(self._settings), picture=self._picture())
        yield "units/index.md", self._render("units/index.md", beside=self._beside)
        yield "glossary.md", self._render("glossary.md", letters=list(letters(self.units)))
        yield "accessibility.md", self._render("accessibility.md")
        yield "proof/index.md", self._render("proof/index.md")
        for unit in self.units:
            proved = self._proofs.get(unit.name)
            yield f"proof/{unit.name}.md", self._render("proof/unit.md", unit=unit, proved=proved)

    def unit_of(self, station: Station) -> Unit | None:
        """The unit of a station of the map; None while it is in preparation."""
        return self._by_name.get(station.folder)

    def _render(self, name: str, **context: object) -> str:
        return self._environment.get_template(f"{name}.jinja").render(**context)

    def _beside(self, unit: Unit) -> list[str]:
        """The names of the pages that lie beside a unit's notebooks."""
        return sorted(path.stem for path in (self.root / "notebooks" / unit.name).glob("*.md"))

    def _picture(self) -> str:
        """The text alternative of the borough's map, as the data's own description has it."""
        text = (self.root / "data" / "README.md").read_text(encoding="utf-8")
        return re.search(rf"!\[([^\]]*)\]\({re.escape(PICTURE)}\)", text)[1]


def when(station: Station) -> str:
    """When in the story a unit comes."""
    return "After the decision" if station.weeks == "after" else f"Week {station.weeks.replace('-', ' to ')}"


def minutes(unit: Unit) -> int:
    """How long a unit takes, its assessment included."""
    return sum(notebook.minutes for notebook in unit.notebooks)


def worth(exercise: Exercise, notebook: Notebook) -> str:
    """What an exercise is worth, in words."""
    kind = "mark" if notebook.is_assessment else "practice point"
    return f"{exercise.points} {kind}{'s' if exercise.points != 1 else ''}"


def of(share: Share) -> str:
    """How many of how many, or that there is none."""
    return str(share) if share.whole else "none"


def letters(units: Sequence[Unit]) -> Iterator[tuple[str, list[tuple[str, str, Unit, Notebook]]]]:
    """Each letter with its new words: the word, its definition, and the notebook in which it first comes."""
    words = [
        (word, definition, unit, notebook)
        for unit in units
        for notebook in unit.notebooks
        for word, definition in new_words(notebook).items()
    ]
    ordered = sorted(words, key=lambda entry: entry[0].casefold())
    for letter, found in groupby(ordered, key=lambda entry: entry[0][0].upper()):
        yield letter, list(found)
