"""What tells a reader what is in data/: the descriptor of the Data Package standard, and the README."""

import json
import textwrap

from course.town.tables import Field, Table

LICENCE = {
    "name": "CC-BY-4.0",
    "title": "Creative Commons Attribution 4.0",
    "path": "https://creativecommons.org/licenses/by/4.0/",
}
TITLE = "Wexmoor and Eastmere: made-up boroughs for learning data science"
DESCRIPTION = "Synthetic data of two made-up English boroughs. No person, place or service in it is real."


def path_of(table: Table, borough: str) -> str:
    """Where a borough's table lies, relative to data/, with forward slashes."""
    return f"{borough}/{table.name}.csv"


def descriptor(tables: tuple[Table, ...]) -> str:
    """The text of datapackage.json for `tables`. Source: Data Package standard, version 2."""
    package = {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "wexmoor-and-eastmere",
        "title": TITLE,
        "description": DESCRIPTION,
        "licenses": [LICENCE],
        "resources": [_resource(table, borough) for table in tables for borough in table.boroughs],
    }
    return json.dumps(package, indent=2, ensure_ascii=False) + "\n"


def _resource(table: Table, borough: str) -> dict:
    return {
        "name": f"{borough}-{table.name}",
        "path": path_of(table, borough),
        "title": f"{borough.capitalize()}: {table.title}",
        "description": f"{table.description} {table.story} Synthetic.",
        "type": "table",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": {
            "fields": [_field(field) for field in table.fields],
            "primaryKey": list(table.key),
            "missingValues": [""],
        },
    }


def _field(field: Field) -> dict:
    described = {"name": field.name, "type": field.type, "title": field.title, "description": field.description}
    if field.unit:
        described["unit"] = field.unit
    if field.constraints:
        described["constraints"] = field.constraints
    return described


def readme(tables: tuple[Table, ...], seeds: dict[str, int]) -> str:
    """The text of data/README.md: what each table is, how it was made, and what in it is not real."""
    drawn = ", ".join(f"{borough.capitalize()} from seed {seed}" for borough, seed in seeds.items())
    made = (
        "Everything in this folder is made by `course/town`, which the course's build runs: change it there, not here. "
        f"The same seed gives the same bytes; this is {drawn}. `datapackage.json` describes every column (Data Package "
        "standard), and a test compares it with the files."
    )
    not_real = (
        "The staff, their answers and the councils' directorates are invented, and the numbers that shape them (who is "
        "strong in what, who leaves what out) are the course's own assumptions. Learn methods from them, not facts "
        "about councils. A borough in which the lesson's argument cannot be seen was drawn again."
    )
    uses = f"{DESCRIPTION} Lessons use Wexmoor, assessments the neighbouring borough Eastmere."
    parts = ["# The course's data", uses, made, not_real]
    for table in tables:
        places = ", ".join(f"`{path_of(table, borough)}`" for borough in table.boroughs)
        parts += [f"## {table.title}", places, f"{table.description} {table.story}"]
    parts += [
        "## Licence",
        f"[{LICENCE['title']}]({LICENCE['path']}): use it, change it, pass it on, and say where it comes from.",
    ]
    return "\n\n".join(_wrapped(part) for part in parts) + "\n"


def _wrapped(paragraph: str) -> str:
    if paragraph.startswith("#"):
        return paragraph
    return textwrap.fill(paragraph, 120, break_long_words=False, break_on_hyphens=False)
