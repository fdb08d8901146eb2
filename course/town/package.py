"""What tells a reader what is in data/: the Data Package descriptor, the dictionary that is made from it, the README."""

import json
import textwrap
from collections.abc import Iterable, Sequence
from typing import Protocol

from course.town.tables import BOROUGHS, Extract, Field, Table

LICENCE = {
    "name": "CC-BY-4.0",
    "title": "Creative Commons Attribution 4.0",
    "path": "https://creativecommons.org/licenses/by/4.0/",
}
TITLE = "Wexmoor and Eastmere: made-up boroughs for learning data science"
DESCRIPTION = "Synthetic data of two made-up English boroughs. No person, place or service in it is real."
MISSING = [""]


class Picture(Protocol):
    """A map or chart for the README: its file in data/pictures/, its text alternative, and a line to go under it."""

    file: str
    alt: str
    caption: str


def descriptor(tables: Iterable[Table], extracts: Iterable[Extract]) -> str:
    """The text of datapackage.json. Source: Data Package standard, version 2."""
    described = [_table(table, borough) for table in tables for borough in table.boroughs]
    described += [_extract(extract, borough) for extract in extracts for borough in BOROUGHS]
    package = {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "wexmoor-and-eastmere",
        "title": TITLE,
        "description": DESCRIPTION,
        "licenses": [LICENCE],
        "resources": described,
    }
    return json.dumps(package, indent=1, ensure_ascii=False) + "\n"


def _table(table: Table, borough: str) -> dict:
    """A table as the standard describes one. A map has its schema too: the fields of its features and their geometry."""
    if table.is_map:
        kind = {"format": "geojson", "mediatype": "application/geo+json"}
    else:
        kind = {"type": "table", "format": "csv", "mediatype": "text/csv"}
    schema = {"fields": [_field(field) for field in table.fields]}
    if table.key:
        schema["primaryKey"] = list(table.key)
    if table.references:
        schema["foreignKeys"] = [
            {
                "fields": [one.column],
                "reference": {"resource": f"{borough}-{one.table}", "fields": [one.there]},
            }
            for one in table.references
        ]
    if not table.is_map:
        schema["missingValues"] = MISSING
    return {**_resource(table, borough), **kind, "encoding": "utf-8", "licenses": [LICENCE], "schema": schema}


def _extract(extract: Extract, borough: str) -> dict:
    """An extract is a file: with `type` or a known `format` a reader would take it for a table, which it is not yet."""
    described = {
        **_resource(extract, borough),
        "format": f"raw-{extract.file.rpartition('.')[2]}",
        "mediatype": extract.mediatype,
    }
    if extract.encoding:
        described["encoding"] = extract.encoding
    return {**described, "licenses": [LICENCE]}


def _resource(one: Table | Extract, borough: str) -> dict:
    return {
        "name": f"{borough}-{one.name}",
        "path": one.path(borough),
        "title": f"{borough.capitalize()}: {one.title}",
        "description": f"{one.description} {one.story} Synthetic.",
    }


def _field(field: Field) -> dict:
    described = {
        "name": field.name,
        "type": field.type,
        "title": field.title,
        "unit": field.unit,
        "description": field.description,
    }
    if field.constraints:
        described["constraints"] = field.constraints
    return described


# ------------------------------------------------------------------------------------------------ the dictionary


def dictionary(package: str) -> str:
    """The text of DICTIONARY.md, from that of datapackage.json (`package`) and nothing else.

    A table that several boroughs have is told once: its schema is the same in each, but for the tables it refers to.
    """
    described = json.loads(package)
    names = {resource["name"]: resource["path"] for resource in described["resources"]}
    tables, files = {}, {}
    for resource in described["resources"]:
        file = resource["path"].partition("/")[2]
        (tables if "schema" in resource else files).setdefault(file, []).append(resource)
    parts = [
        "# Data dictionary",
        f"{described['title']}. Made from `datapackage.json`, which programs can read. In CSV a missing value is an empty "
        "cell, and every table can be read as UTF-8.",
    ]
    for file, resources in tables.items():
        parts += [f"## {file}", _what(resources), _columns(resources[0]["schema"], names)]
    parts += ["## Files as received"]
    parts += [
        f"**{file}** ({', '.join(filter(None, [one[0]['mediatype'], one[0].get('encoding')]))}). {_what(one)}"
        for file, one in files.items()
    ]
    return _page(parts)


def _what(resources: list[dict]) -> str:
    boroughs = " and ".join(resource["title"].partition(": ")[0] for resource in resources)
    title = resources[0]["title"].partition(": ")[2]
    return f"{title} ({boroughs}). {resources[0]['description']}"


def _columns(schema: dict, names: dict[str, str]) -> str:
    lines = ["| column | title | type | unit | what it means | rules |", "|---|---|---|---|---|---|"]
    refers = {key["fields"][0]: key["reference"] for key in schema.get("foreignKeys", ())}
    for field in schema["fields"]:
        rules = list(_rules(field.get("constraints", {})))
        if field["name"] in schema.get("primaryKey", ()):
            rules.insert(0, "key" if len(schema["primaryKey"]) == 1 else "part of the key")
        if field["name"] in refers:
            there = refers[field["name"]]
            rules.append(f"in {names[there['resource']].partition('/')[2]}: `{there['fields'][0]}`")
        cells = [f"`{field['name']}`", field["title"], field["type"], field["unit"], field["description"], "; ".join(rules)]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _rules(constraints: dict) -> Iterable[str]:
    yield "never missing" if constraints.get("required") else "may be missing"
    if constraints.get("unique"):
        yield "each value once"
    if "enum" in constraints:
        yield "one of: " + ", ".join(map(str, constraints["enum"]))
    if "pattern" in constraints:
        yield f"looks like `{constraints['pattern']}`"
    if "minimum" in constraints and "maximum" in constraints:
        yield f"{constraints['minimum']} to {constraints['maximum']}"
    elif "minimum" in constraints:
        yield f"{constraints['minimum']} or more"


# ------------------------------------------------------------------------------------------------ the README


def readme(
    tables: Sequence[Table], extracts: Sequence[Extract], seeds: dict[str, int], fidelity: str, pictures: Sequence[Picture]
) -> str:
    """The text of data/README.md: the place, what each table is, how it was made, and what in it is not real.

    `fidelity` is a Markdown table that sets what was made beside what it must resemble. The first of `pictures` is what
    a reader sees first.
    """
    drawn = " and ".join(f"{borough.capitalize()} from seed {seed}" for borough, seed in seeds.items())
    shown = [f"![{picture.alt}](pictures/{picture.file})\n\n*{picture.caption}*" for picture in pictures]
    parts = [
        "# Wexmoor and Eastmere",
        "Two boroughs on a coast that is on no map. In Wexmoor, about 290,000 people live on both sides of a river with "
        "few bridges. It has 77 primary schools with places to spare, and one corner where there will be too few within "
        "three years if the planned homes come. In eight weeks its cabinet decides where to build a school, or whether to. "
        "There are twelve sites and four schools that could grow, and not one of these is best on everything.",
        *shown[:1],
        "Lessons use Wexmoor. Assessments use its neighbour Eastmere, a town of the same kind and size where other things "
        "are true.",
        "**None of it is real.** This is synthetic data: no person, school, place or council in it exists, and the names "
        "are built from parts. Learn methods from it, never facts about England.",
        "## Questions to start with",
        "- Which areas have most children, and which have fewest school places within a walk?\n"
        "- Whose nearest school on the map is not the nearest on foot, and why?\n"
        "- Births fell for years. Why does one planning area run short all the same?\n"
        "- Which site looks best, until you lay a second map over it?\n"
        "- Who gains from the site that is nearest to most children: those who need it most?",
        "## In pictures",
        *shown[1:],
        "## Load it",
        _loading(),
        "Eastmere has the same files in `eastmere/`, unless it says otherwise below. What every column means, in which "
        "unit, is in [DICTIONARY.md](DICTIONARY.md), and for programs in [datapackage.json](datapackage.json) (Data Package "
        "standard: `frictionless validate datapackage.json` checks the files against it).",
    ]
    for subject in dict.fromkeys(table.subject for table in tables):
        parts += [f"## {subject}", *(_told(table, table.boroughs) for table in tables if table.subject == subject)]
    parts += [
        "## As received",
        "What the team really gets is not tidy. These are the same facts as the tidy tables hold, in the form in which "
        "systems give them out; a careful analyst can make the one from the other.",
        *(_told(extract, BOROUGHS) for extract in extracts),
        "## How it was made",
        "Everything in this folder is made by `course/town` in the course's repository, and nothing is edited by hand. It "
        "makes one town at a time, in one go, so that its parts hang together: coast and river, then centres and streets, "
        "then people along them, births that follow from people and deprivation, schools where children are, pupils who "
        "mostly go to a near school with room, and what is planned. A draw in which the story above cannot be "
        f"told is refused. The same seed gives the same bytes; this is {drawn}.",
        "The magnitudes follow published figures on English local authorities. This is how close it came; each figure's "
        "source stands in `course/town/figures.csv`. Basis says where a figure comes from: computed from published open "
        "data, read in a source, unverified common knowledge, or assumed by the course. Forecasts are the standard method: "
        "births four years before times the planning area's reception ratio of the last three years, then each year group "
        "to the next by the borough's own steps.",
        fidelity.strip(),
        "## What is not real about it",
        "Real data is lumpier. Here nobody moves house for a school, siblings do not follow each other, every child walks, "
        "and no two sources disagree unless the files as received make them. Costs, air, ground and floods are assumed, not "
        "modelled. The staff and their answers in the skills survey are invented, and the numbers that shape them are the "
        "course's own. Where a result depends on these, trust the method and not the number.",
        "## Licence",
        f"[{LICENCE['title']}]({LICENCE['path']}): use it, change it, pass it on, and say where it comes from.",
    ]
    return _page(parts)


def _told(one: Table | Extract, boroughs: Sequence[str]) -> str:
    place = one.path(boroughs[0])
    alone = "" if len(boroughs) > 1 else f" {boroughs[0].capitalize()} only."
    return f"**{one.title}**, [`{place}`]({place}). {one.description}{alone} {one.story}"


def _loading() -> str:
    return """```python
import geopandas as gpd, pandas as pd
from course import DATA  # this folder, wherever it lies

schools = pd.read_csv(DATA / "wexmoor" / "schools.csv")  # a table
areas = gpd.read_file(DATA / "wexmoor" / "areas.geojson")  # a map, in degrees ...
areas = areas.to_crs("EPSG:27700")  # ... and in metres, to measure with

received = DATA / "wexmoor" / "as-received"
extract = pd.read_csv(received / "schools-extract.csv", dtype=str, encoding="latin-1")
sheets = pd.read_excel(received / "school-roll-return.xlsx", sheet_name=None, header=None)
```"""


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(_wrapped(part) for part in parts) + "\n"


def _wrapped(paragraph: str) -> str:
    """`paragraph` in lines of 120 characters, unless its lines mean something: headings, tables, lists, code, pictures."""
    if paragraph.startswith(("#", "|", "- ", "```", "![")):
        return paragraph
    return textwrap.fill(paragraph, 120, break_long_words=False, break_on_hyphens=False)
