"""`make` writes all of data/: the same bytes each time, as its descriptor says, and never over something else."""

import json
import re

import pandas as pd
import pytest

from course.town import SEEDS, TABLES, make


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town") / "data"
    make(folder)
    return folder


@pytest.fixture(scope="module")
def package(data):
    return json.loads((data / "datapackage.json").read_text(encoding="utf-8"))


def files_in(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_seed_gives_the_same_bytes(data, tmp_path):
    make(tmp_path)
    assert files_in(tmp_path) == files_in(data)


def test_a_cohort_can_have_an_eastmere_of_its_own(data, tmp_path):
    make(tmp_path, SEEDS | {"eastmere": 7})
    ours, theirs = files_in(data), files_in(tmp_path)
    assert ours.keys() == theirs.keys()
    assert all(ours[path] == theirs[path] for path in ours if path.startswith("wexmoor/"))
    assert all(ours[path] != theirs[path] for path in ours if path.startswith("eastmere/"))


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="is not empty"):
        make(tmp_path)
    assert files_in(tmp_path) == {"mine.txt": b"precious"}


def test_lines_end_alike_everywhere(data):
    for name, content in files_in(data).items():
        assert b"\r" not in content, name
        assert content.endswith(b"\n"), name
        content.decode("utf-8")


def test_the_descriptor_names_every_file_and_no_other(data, package):
    described = {resource["path"] for resource in package["resources"]}
    assert described == {path for path in files_in(data) if path.endswith(".csv")}
    names = [resource["name"] for resource in package["resources"]]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z0-9-]+", name) for name in names)


def test_the_descriptor_says_whose_the_data_is_and_that_none_of_it_is_real(package):
    assert [licence["name"] for licence in package["licenses"]] == ["CC-BY-4.0"]
    assert "synthetic" in package["description"].lower()
    for resource in package["resources"]:
        assert resource["title"]
        assert "Synthetic" in resource["description"]
        assert all(field["title"] and field["description"] for field in resource["schema"]["fields"])


def test_every_file_is_as_its_descriptor_says(data, package):
    for resource in package["resources"]:
        assert_as_described(pd.read_csv(data / resource["path"]), resource)


def test_a_file_that_is_not_as_described_is_noticed(data, package):
    resource = next(one for one in package["resources"] if one["name"] == "wexmoor-skills-survey-clean")
    rows = pd.read_csv(data / resource["path"])
    with pytest.raises(AssertionError):
        assert_as_described(rows.assign(stat_sampling=11), resource)
    with pytest.raises(AssertionError):
        assert_as_described(pd.concat([rows, rows.head(1)]), resource)
    with pytest.raises(AssertionError):
        assert_as_described(rows.drop(columns="directorate"), resource)


def assert_as_described(rows, resource):
    schema = resource["schema"]
    assert list(rows.columns) == [field["name"] for field in schema["fields"]], resource["path"]
    assert not rows.duplicated(schema["primaryKey"]).any(), resource["path"]
    for field in schema["fields"]:
        column, rules = rows[field["name"]], field.get("constraints", {})
        where = f"{resource['path']}: {field['name']}"
        given = column.dropna()
        if field["type"] == "integer":
            assert (given == given.astype(int)).all(), where
        if field["type"] == "number":
            assert given.dtype == float, where
        if field["type"] == "date":
            pd.to_datetime(given, format="%Y-%m-%d")
        assert not (rules.get("required") and column.isna().any()), where
        assert not (rules.get("unique") and column.duplicated().any()), where
        assert (given >= rules.get("minimum", given.min())).all(), where
        assert (given <= rules.get("maximum", given.max())).all(), where
        assert given.isin(rules.get("enum", given)).all(), where
        if "pattern" in rules:
            assert given.str.fullmatch(rules["pattern"]).all(), where


def test_the_readme_tells_of_every_table(data):
    readme = (data / "README.md").read_text(encoding="utf-8")
    for table in TABLES:
        assert f"## {table.title}\n" in readme
        assert all(f"`{borough}/{table.name}.csv`" in readme for borough in table.boroughs)
    assert all(f"{borough.capitalize()} from seed {seed}" in readme for borough, seed in SEEDS.items())
    assert "synthetic" in readme.lower()
