"""The descriptor, the dictionary and the README say what is in data/, and the files are as they say."""

import json
import re
import subprocess
import sys

import geopandas
import pandas as pd
import pytest

from course.town import BOROUGHS, EXTRACTS, SEEDS, TABLES, make
from course.town.package import dictionary

STATED_TYPES = {"string", "integer", "number", "boolean", "date", "geojson"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town") / "data"
    make(folder)
    return folder


@pytest.fixture(scope="module")
def package(data):
    return json.loads((data / "datapackage.json").read_text(encoding="utf-8"))


@pytest.fixture
def readme(data):
    return (data / "README.md").read_text(encoding="utf-8")


def resource_of(package, name):
    return next(resource for resource in package["resources"] if resource["name"] == name)


def test_the_descriptor_names_every_file_of_data_and_no_other(data, package):
    described = [resource["path"] for resource in package["resources"]]
    there = {path.relative_to(data).as_posix() for borough in BOROUGHS for path in (data / borough).rglob("*.*")}
    assert set(described) == there
    assert len(described) == len(there)
    names = [resource["name"] for resource in package["resources"]]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z0-9-]+", name) for name in names)


def test_the_descriptor_says_whose_the_data_is_and_that_none_of_it_is_real(package):
    assert package["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    assert "synthetic" in package["description"].lower()
    for described in (package, *package["resources"]):
        assert [licence["name"] for licence in described["licenses"]] == ["CC-BY-4.0"]
        assert described["title"]
    assert all("Synthetic" in resource["description"] for resource in package["resources"])


def test_every_column_has_title_type_unit_and_description(package):
    tables = [resource for resource in package["resources"] if "schema" in resource]
    assert len(tables) == sum(len(table.boroughs) for table in TABLES)
    for resource in tables:
        for field in resource["schema"]["fields"]:
            where = f"{resource['name']}: {field['name']}"
            assert field["type"] in STATED_TYPES, where
            assert all(field[said].strip() for said in ("title", "unit", "description")), where
            assert field["description"].endswith("."), where
            counted = field["type"] == "number" or field["name"] in ("pupils", "people", "births", "easting", "metres")
            assert not counted or field["unit"] != "none", where


def test_columns_are_described_one_by_one(package):
    """A text that several columns of a table share says nothing of either; the survey's questions share their scale."""
    for resource in package["resources"]:
        if "schema" in resource and "skills" not in resource["name"]:
            said = [field["description"] for field in resource["schema"]["fields"]]
            assert len(set(said)) == len(said), resource["name"]


def test_extracts_are_described_as_files_in_their_encoding_and_not_as_tables(data, package):
    received = [resource for resource in package["resources"] if "/as-received/" in resource["path"]]
    assert len(received) == len(BOROUGHS) * len(EXTRACTS) == 8
    for resource in received:
        assert "schema" not in resource
        assert "type" not in resource
        if resource["mediatype"] == "text/csv":
            (data / resource["path"]).read_bytes().decode(resource["encoding"])
        else:
            assert "encoding" not in resource
            assert (data / resource["path"]).read_bytes().startswith(b"PK")
    with pytest.raises(UnicodeDecodeError):
        (data / "wexmoor" / "as-received" / "schools-extract.csv").read_bytes().decode("utf-8")


# The files are as the descriptor says


def frictionless(data):
    command = [sys.executable, "-m", "frictionless", "validate", "datapackage.json", "--json"]
    done = subprocess.run(command, cwd=data, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout)


def test_frictionless_finds_every_file_valid_and_does_read_the_tables(data, package):
    code, report = frictionless(data)
    assert code == 0
    assert report["valid"]
    rows = {task["name"]: task["stats"].get("rows") for task in report["tasks"]}
    assert rows.keys() == {resource["name"] for resource in package["resources"]}
    tables = [resource["name"] for resource in package["resources"] if resource.get("type") == "table"]
    assert len(tables) > 30
    assert all(rows[name] > 0 for name in tables)
    assert rows["wexmoor-areas"] == 166


def test_frictionless_finds_each_kind_of_broken_value(data, tmp_path):
    broken = {
        "wexmoor/deprivation.csv": (r"^(WXA001,[^,]*,[^,]*),\d+", r"\1,11", "constraint-error"),
        "wexmoor/schools.csv": (r"^WX(\d{4}),", r"XX\1,", "constraint-error"),
        "wexmoor/rolls.csv": (r",(\d+)$", ",many", "type-error"),
        "wexmoor/wards.csv": (r"WXP\d$", "WXP9", "constraint-error"),
        "wexmoor/road-nodes.csv": (r"WXA\d{3},", "WXA999,", "foreign-key"),
        "wexmoor/sites.csv": (r"^WXS02", "WXS01", "primary-key"),
        "wexmoor/population.csv": (r"\Z", "WXA001,0,0,0,5\n", "primary-key"),
    }
    for resource in json.loads((data / "datapackage.json").read_text())["resources"]:
        place = tmp_path / resource["path"]
        place.parent.mkdir(parents=True, exist_ok=True)
        content = (data / resource["path"]).read_bytes()
        if resource["path"] in broken:
            pattern, mended, _ = broken[resource["path"]]
            changed = re.sub(pattern, mended, content.decode(), count=1, flags=re.MULTILINE).encode()
            assert changed != content, resource["path"]
            content = changed
        place.write_bytes(content)
    (tmp_path / "datapackage.json").write_bytes((data / "datapackage.json").read_bytes())
    code, report = frictionless(tmp_path)
    assert code == 1
    found = {task["place"]: {error["type"] for error in task["errors"]} for task in report["tasks"]}
    for path, (_, _, error) in broken.items():
        assert error in found[path], (path, found[path])
    assert not any(errors for path, errors in found.items() if path.startswith("eastmere/"))


def test_every_file_is_as_its_descriptor_says(data, package):
    """Also maps, whose features frictionless does not read."""
    for resource in package["resources"]:
        if "schema" in resource:
            assert_as_described(read(data, resource), resource, data, package)


def test_a_map_that_is_not_as_described_is_noticed(data, package):
    resource = resource_of(package, "wexmoor-areas-map")
    rows = read(data, resource)
    for wrong in (
        rows.assign(area_id="WXA1"),
        pd.concat([rows, rows.head(1)]),
        rows.drop(columns="hectares"),
        rows.assign(hectares=-1.0),
        rows.assign(area_id=rows["area_id"].replace("WXA001", "WXA999")),
    ):
        with pytest.raises(AssertionError):
            assert_as_described(wrong, resource, data, package)


def read(data, resource):
    path = data / resource["path"]
    if resource["format"] == "geojson":
        return geopandas.read_file(path)
    dates = {field["name"]: str for field in resource["schema"]["fields"] if field["type"] == "string"}
    return pd.read_csv(path, dtype=dates)


def assert_as_described(rows, resource, data, package):
    schema = resource["schema"]
    assert list(rows.columns) == [field["name"] for field in schema["fields"]], resource["path"]
    if "primaryKey" in schema:
        assert not rows.duplicated(schema["primaryKey"]).any(), resource["path"]
    for field in schema["fields"]:
        column, rules = rows[field["name"]], field.get("constraints", {})
        where = f"{resource['path']}: {field['name']}"
        given = column.dropna()
        if field["type"] == "integer":
            assert (given == given.astype(int)).all(), where
        if field["type"] == "number":
            assert given.dtype == float, where
        if field["type"] == "boolean":
            assert given.dtype == bool, where
        if field["type"] == "date":
            pd.to_datetime(given, format="%Y-%m-%d")
        assert not (rules.get("required") and column.isna().any()), where
        assert not (rules.get("unique") and column.duplicated().any()), where
        if "minimum" in rules:
            assert (given >= rules["minimum"]).all(), where
        if "maximum" in rules:
            assert (given <= rules["maximum"]).all(), where
        assert given.isin(rules.get("enum", given)).all() or field["type"] == "geojson", where
        if "pattern" in rules:
            assert given.str.fullmatch(rules["pattern"]).all(), where
    for key in schema.get("foreignKeys", ()):
        there = read(data, resource_of(package, key["reference"]["resource"]))[key["reference"]["fields"][0]]
        assert rows[key["fields"][0]].dropna().isin(there).all(), f"{resource['path']}: {key['fields']}"


# For people


def test_the_dictionary_tells_of_every_column_of_every_table_once(data, package):
    text = (data / "DICTIONARY.md").read_text(encoding="utf-8")
    for resource in package["resources"]:
        file = resource["path"].partition("/")[2]
        if "schema" not in resource:
            assert f"**{file}**" in text
            continue
        section = text.partition(f"\n## {file}\n")[2].partition("\n## ")[0]
        assert section and text.count(f"\n## {file}\n") == 1
        lines = [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in section.splitlines() if line.startswith("| `")]
        told = [(line[0].strip("`"), line[1], line[2], line[3]) for line in lines]
        fields = resource["schema"]["fields"]
        assert told == [(field["name"], field["title"], field["type"], field["unit"]) for field in fields], file


def test_the_dictionary_is_made_from_the_descriptor_alone(data, package):
    assert dictionary(json.dumps(package)) == (data / "DICTIONARY.md").read_text(encoding="utf-8")
    fields = resource_of(package, "wexmoor-rolls")["schema"]["fields"]
    fields[-1]["description"] = "Something | else."
    assert "Something \\| else." in dictionary(json.dumps(package))


def test_the_readme_tells_of_every_table_and_every_file_as_received(readme):
    for one in (*TABLES, *EXTRACTS):
        boroughs = getattr(one, "boroughs", BOROUGHS)
        place = one.path(boroughs[0])
        assert f"**{one.title}**, [`{place}`]({place})." in " ".join(readme.split())
        if len(boroughs) == 1:
            assert f"{boroughs[0].capitalize()} only." in readme


def test_every_link_of_the_readme_leads_somewhere(data, readme):
    links = [link for link in re.findall(r"\]\(([^)]+)\)", readme) if "://" not in link]
    assert len(links) > 30
    assert [link for link in links if not (data / link).is_file()] == []


def test_the_readme_shows_the_place_first_and_says_that_it_is_not_real(data, readme):
    pictures = re.findall(r"^!\[(.*)\]\((pictures/.*)\)$", readme, re.MULTILINE)
    assert pictures
    assert {path for _, path in pictures} == {f"pictures/{path.name}" for path in (data / "pictures").iterdir()}
    assert all(alternative for alternative, _ in pictures)
    assert readme.index("![") < readme.index("\n## ")
    assert readme.index("None of it is real") < readme.index("\n## ")
    assert all(f"{borough.capitalize()} from seed {seed}" in " ".join(readme.split()) for borough, seed in SEEDS.items())


def test_the_readme_sets_what_was_made_beside_the_figures(readme):
    from course.town import fidelity
    from course.town.borough import draw

    table = fidelity.as_markdown(fidelity.compare([draw(name, SEEDS[name]) for name in BOROUGHS]))
    assert table.strip() in readme


def test_what_the_readme_says_to_type_loads_a_table_a_map_an_extract_and_a_workbook(data, readme, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    monkeypatch.setenv("PATHWAY_DATA", str(data))
    names = {}
    exec(compile(code, "data/README.md", "exec"), names)
    assert len(names["schools"]) == 77
    assert names["areas"].crs == "EPSG:27700"
    assert len(names["areas"]) == 166
    assert len(names["extract"]) > 77
    assert len(names["sheets"]) >= 10
