"""What the build makes from all units together: the map's table, and the glossary."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from course.builder.problem import BuildError, Problem
from course.builder.rules import new_words
from course.builder.source import MENTOR_PAGE, Notebook, Unit, is_notebook

MAP = "units.csv"
MAP_COLUMNS = ("unit", "title", "question", "weeks", "lesson_minutes", "assessment_minutes", "ready")


@dataclass(frozen=True)
class Station:
    """A unit's place in the pathway, also of a unit that is not written yet; from course/units/pathway.yaml."""

    number: int
    folder: str
    title: str
    question: str
    weeks: str


def read_pathway(path: Path, units: Sequence[Unit]) -> list[Station]:
    """The sequence of units. Raises BuildError when it cannot be read or does not hold every unit that is written."""
    try:
        stations = [
            Station(**{**entry, "weeks": str(entry["weeks"])}) for entry in yaml.safe_load(path.read_text(encoding="utf-8"))
        ]
    except FileNotFoundError as error:
        raise BuildError([Problem(path, 1, "This file, the sequence of units, is missing.")]) from error
    except (yaml.YAMLError, TypeError, KeyError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        fields = ", ".join(Station.__annotations__)
        raise BuildError([Problem(path, line, f"Each unit needs {fields}: {error}")]) from error
    missing = {unit.name for unit in units} - {station.folder for station in stations}
    if missing:
        raise BuildError([Problem(path, 1, f"The unit {name} is not in the sequence.") for name in missing])
    return stations


def map_table(stations: Sequence[Station], units: Sequence[Unit]) -> str:
    """units.csv: a row a unit, with the minutes of those that are written (empty for those in preparation)."""
    written = {unit.name: unit for unit in units}
    text = io.StringIO()
    table = csv.DictWriter(text, MAP_COLUMNS, lineterminator="\n")
    table.writeheader()
    for station in stations:
        unit = written.get(station.folder)
        table.writerow(
            {
                "unit": station.number,
                "title": station.title,
                "question": station.question,
                "weeks": station.weeks,
                "lesson_minutes": sum(lesson.minutes for lesson in unit.lessons) if unit else "",
                "assessment_minutes": unit.assessment.minutes if unit and unit.assessment else 0 if unit else "",
                "ready": unit is not None,
            }
        )
    return text.getvalue()


def lay_beside(folder: Path, unit: Unit, stations: Sequence[Station], units: Sequence[Unit]) -> None:
    """Write into `folder` what lies beside a unit's notebooks: its tables (.csv) and pages (.md), and the map in unit 00."""
    for path in sorted(unit.folder.iterdir()):
        if path.suffix == ".csv" or (
            path.suffix == ".md" and path.name != MENTOR_PAGE and not is_notebook(path.read_text("utf-8"))
        ):
            (folder / path.name).write_bytes(path.read_bytes())
    if unit.number == 0:
        (folder / MAP).write_text(map_table(stations, units), encoding="utf-8")


def glossary(units: Sequence[Unit]) -> str:
    """Every new word of the course, in alphabetical order, with its definition and the notebook that explains it."""
    entries = [
        f"**{word}**: {definition}. [{notebook.front['title']}]({unit.name}/{notebook.name}.ipynb)"
        for _, word, definition, unit, notebook in sorted(
            ((word.casefold(), word, definition, unit, notebook) for unit, notebook, word, definition in _words(units)),
            key=lambda entry: entry[0],
        )
    ]
    return (
        "# Glossary\n\nThe words that the course explains, each with the notebook in which it first comes.\n\n"
        + "\n\n".join(entries)
        + "\n"
    )


def words_defined_twice(units: Sequence[Unit]) -> Iterator[Problem]:
    """A word is new once: the second notebook that defines it should use it instead."""
    seen: dict[str, Notebook] = {}
    for _, notebook, word, _ in _words(units):
        first = seen.setdefault(word.casefold(), notebook)
        if first is not notebook:
            yield notebook.problem(
                notebook.cells[-1], f'"{word}" is not new here: {first.path.name} defines it.', r"\*\*New words"
            )


def _words(units: Sequence[Unit]) -> Iterator[tuple[Unit, Notebook, str, str]]:
    for unit in units:
        for notebook in unit.notebooks:
            for word, definition in new_words(notebook).items():
                yield unit, notebook, word, definition
