"""The phrasebook of unit 02 says in pandas what it says in Excel, R and SAS: its pandas runs as it stands."""

import re
from pathlib import Path

import pandas as pd
import pytest

import course

PAGE = Path(__file__).parents[1] / "course" / "units" / "02-manipulating-data" / "phrasebook.md"
HEADINGS = ["You want to", "Excel", "R (dplyr)", "SAS", "pandas"]


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


def cells(line):
    """The cells of one line of a Markdown table."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def operations(page):
    """The rows of all tables, without headings and rules: [what, Excel, R, SAS, pandas]."""
    rows = [cells(line) for line in page.splitlines() if line.startswith("|")]
    return [row for row in rows if row != HEADINGS and set("".join(row)) != {"-"}]


def test_there_are_thirty_operations_or_more_each_said_four_times(page):
    rows = operations(page)
    assert len(rows) >= 30
    for row in rows:
        assert len(row) == len(HEADINGS), row
        assert all(row), f"An empty cell: {row}"
        assert all(cell.count("`") % 2 == 0 for cell in row), row
    wants = [row[0] for row in rows]
    assert len(set(wants)) == len(wants)


def test_excel_names_columns_that_its_tables_have(page):
    tables = {"schools": "schools.csv", "rolls": "rolls.csv", "meals": "free-school-meals.csv"}
    columns = {name: set(pd.read_csv(course.DATA / "wexmoor" / file).columns) for name, file in tables.items()}
    cells_named = 0
    for want, excel, *_ in operations(page):
        for table, column in re.findall(r"\b(schools|rolls|meals)\[(\w+)\]", excel):
            cells_named += 1
            assert column in columns[table], f"{want}: {table} has no column {column}"
        for column in re.findall(r"\[@\[?(\w+)\]", excel):
            cells_named += 1
            assert any(column in names for names in columns.values()), f"{want}: no table has a column {column}"
    assert cells_named > 40


def test_every_table_has_the_same_headings(page):
    groups = re.split(r"^## ", page, flags=re.MULTILINE)[1:]
    tables = [group for group in groups if "\n|" in group]
    assert len(tables) >= 10
    assert any(group.startswith("Check\n") for group in tables)
    for table in tables:
        first, rule = [line for line in table.splitlines() if line.startswith("|")][:2]
        assert cells(first) == HEADINGS
        assert cells(rule) == ["---"] * len(HEADINGS)


def test_every_pandas_cell_runs_as_it_stands_and_changes_no_table(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some cells write a file
    beginning = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    names = {}
    exec(beginning, names)
    tables = {name: table for name, table in names.items() if isinstance(table, pd.DataFrame)}
    assert len(tables) == 3
    before = {name: table.copy() for name, table in tables.items()}
    for want, *_, cell in operations(page):
        code = re.fullmatch(r"`([^`]+)`", cell)
        assert code, f"{want}: the pandas cell should be code and nothing else: {cell}"
        try:
            found = eval(code[1], names)
        except Exception as error:
            pytest.fail(f"{want}: {code[1]} stops with {error!r}")
        assert found is not None or (".to_" in code[1]), f"{want}: {code[1]} shows nothing"
        assert not hasattr(found, "__len__") or len(found) > 0, f"{want}: {code[1]} gives an empty result"
    for name, table in before.items():
        pd.testing.assert_frame_equal(names[name], table)
    assert {path.name for path in tmp_path.iterdir()} == {"rolls-copy.csv", "rolls-copy.xlsx"}


def test_the_page_uses_only_the_data_that_the_course_ships(page):
    named = set(re.findall(r'folder(?: / "as-received")? / "([^"]+)"', page))
    shipped = {path.name for path in (course.DATA / "wexmoor").rglob("*") if path.is_file()}
    assert named
    assert named <= shipped
