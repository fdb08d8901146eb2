"""The extracts are as systems give them: every defect is in the file, and what is right can be had back exactly."""

import io
import re
from functools import lru_cache

import numpy as np
import openpyxl
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from course.town import received
from course.town.borough import PREFIX, draw
from course.town.received import BIRTHS, DEFECTS, LOOKUP, ROLLS, SCHOOLS
from tests.town.conftest import BOROUGHS

TYPE_OF = {
    "COMM": "community",
    "ACAD": "academy",
    "VC-CE": "Church of England",
    "VA-CE": "Church of England",
    "VA-RC": "Catholic",
}
WORDS = {
    r"\bRd\b": "Road",
    r"\bLn\b": "Lane",
    r"\bAve\b": "Avenue",
    r"\bSt(?= Primary)": "Street",
    r"\bC of E\b": "CE",
    r"\bRC\b": "Catholic",
}


@pytest.fixture(scope="module")
def files(borough):
    return received.extracts(borough)


# What a careful analyst does with the files.


def schools_put_right(files, prefix):
    rows = pd.read_csv(io.BytesIO(files[SCHOOLS]), skiprows=1, dtype=str, encoding="latin-1")
    rows = rows[rows["School no."].str.fullmatch(r"\d+") & rows["Closed"].isna()]
    dates = rows["Opened"]
    british = pd.to_datetime(dates, format="%d/%m/%Y", errors="coerce")
    iso = pd.to_datetime(dates, format="%Y-%m-%d", errors="coerce")
    tidy = pd.DataFrame(
        {
            "school_id": prefix + rows["School no."],
            "name": rows["School name"].str.split().str.join(" ").replace(WORDS, regex=True),
            "type": rows["Type"].map(TYPE_OF),
            "area_id": rows["Area"],
            "easting": rows["Easting"].astype("int64"),
            "northing": rows["Northing"].astype("int64"),
            "opened": british.fillna(iso).dt.strftime("%Y-%m-%d"),
            "admission_number": rows["Admission no."].astype("int64"),
            "capacity": rows["Net capacity"].astype("int64"),
        }
    )
    return tidy.drop_duplicates().sort_values("school_id", ignore_index=True)


def return_put_right(files, prefix):
    """Rolls, and free school meals."""
    sheets = pd.read_excel(io.BytesIO(files[ROLLS]), sheet_name=None, header=3)
    years = [rows.rename(columns={"Rec": "R"}).assign(school_year=int(name[:4])) for name, rows in sheets.items()]
    wide = pd.concat(years)
    number = pd.to_numeric(wide["School no."], errors="coerce")
    wide = wide[number.notna()].rename(columns={"R": 0})
    wide["school_id"] = prefix + number.dropna().astype(int).astype(str).str.zfill(4)
    rolls = wide.melt(["school_id", "school_year"], list(range(7)), "year_group", "pupils")
    rolls["pupils"] = count(rolls["pupils"], "z")
    rolls = rolls.dropna(subset="pupils").astype({"year_group": "int64", "pupils": "int64"})
    meals = wide[["school_id", "school_year"]].assign(pupils=count(wide["All"]), eligible=count(wide["Eligible"], "c"))
    keys = ["school_id", "school_year"]
    return rolls.sort_values([*keys, "year_group"], ignore_index=True), meals.sort_values(keys, ignore_index=True)


def count(cells, letter=None):
    """Whole numbers, missing where the letter stands. Anything else that is not a number is an error."""
    text = cells.astype(str).str.strip()
    return pd.to_numeric(text.mask(text == letter)).astype("Int64")


def births_put_right(files):
    births = pd.read_csv(io.BytesIO(files[BIRTHS])).set_axis(["code", "year_to_august", "births"], axis="columns")
    lookup = pd.read_csv(io.BytesIO(files[LOOKUP])).set_axis(["code", "area_id", "share"], axis="columns")
    before = births[births["year_to_august"] < 2017].merge(lookup, on="code", how="left", validate="m:m")
    before["births"] = (before["births"] * before["share"]).round().astype("int64")
    before["basis"] = np.where(before["share"] < 1, "shared out", "counted")
    since = births[births["year_to_august"] >= 2017].rename(columns={"code": "area_id"}).assign(basis="counted")
    tidy = pd.concat([before, since])[["area_id", "year_to_august", "births", "basis"]]
    return tidy.sort_values(["area_id", "year_to_august"], ignore_index=True)


def assert_same(found, expected):
    columns = list(found.columns)
    keys = [name for name in ("school_id", "area_id", "school_year", "year_group", "year_to_august") if name in columns]
    expected = pd.DataFrame(expected)[columns].sort_values(keys, ignore_index=True)
    assert_frame_equal(found, expected, check_dtype=False, check_column_type=False)


def test_the_tidy_schools_can_be_had_back(borough, files):
    assert_same(schools_put_right(files, PREFIX[borough.name]), borough.schools)


def test_the_tidy_rolls_and_free_school_meals_can_be_had_back(borough, files):
    rolls, meals = return_put_right(files, PREFIX[borough.name])
    assert_same(rolls, borough.rolls)
    assert_same(meals, borough.free_school_meals)


def test_the_tidy_births_can_be_had_back(borough, files):
    assert_same(births_put_right(files), borough.births)


# Each defect is in the file, and would not be without the function that plants it.


def school_rows(files):
    """The rows of the schools extract with whatever stands around them, under its headings."""
    text = files[SCHOOLS].decode("latin-1")
    return pd.read_csv(io.StringIO(text[text.index("School no.") :]), dtype=str, keep_default_na=False)


def live_rows(files):
    return school_rows(files)[lambda rows: rows["School no."].str.fullmatch(r"\d+") & (rows["Closed"] == "")]


@lru_cache
def sheets_in(workbook):
    """Each sheet from its last heading row on, as it is in the file, and whether it has merged cells."""
    found = {}
    for page in openpyxl.load_workbook(io.BytesIO(workbook)):
        rows = [list(row) for row in page.iter_rows(values_only=True)]
        top = next(at for at, row in enumerate(rows) if row[0] == "School no.")
        found[page.title] = (rows[top], rows[top + 1 :], bool(page.merged_cells.ranges))
    return found


def pages(files):
    """Headings and rows of each sheet: {year: (headings, rows)}."""
    return {year: (headings, rows) for year, (headings, rows, _) in sheets_in(files[ROLLS]).items()}


def cells(files, *headings):
    """All cells under the headings, in all sheets, beside a school's number."""
    for names, rows in pages(files).values():
        for row in rows:
            if re.fullmatch(r"\d+", str(row[0])):
                yield from (row[names.index(heading)] for heading in headings if heading in names)


def sheets_where(files, true_of):
    return [year for year, (headings, rows) in pages(files).items() if true_of(headings, rows)]


def can_be_read_as_utf_8(content):
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def some_page_in_order_of_names_only(files):
    by_name, numbers = list(cells(files, "School name"))[:70], [int(number) for number in cells(files, "School no.")][:70]
    return by_name == sorted(by_name) and numbers != sorted(numbers)


def codes_before_2017(files):
    births = pd.read_csv(io.BytesIO(files[BIRTHS]))
    return births[births["Year to 31 August"] < 2017]


IS_THERE = {
    "closed-schools": lambda files: sum(school_rows(files)["Closed"].str.contains(r"\d")) > 1,
    "number-without-its-zero": lambda files: school_rows(files)["School no."].str.fullmatch(r"\d{1,3}").any(),
    "coded-types": lambda files: set(live_rows(files)["Type"]) <= set(TYPE_OF) and b"Type,Meaning" in files[SCHOOLS],
    "abbreviated-names": lambda files: live_rows(files)["School name"].str.contains(r"\bRd\b").sum() > 1,
    "two-date-formats": lambda files: live_rows(files)["Opened"].str.contains("/").sum() > 1,
    "school-twice": lambda files: live_rows(files)["School no."].duplicated().sum() == 1,
    "stray-spaces": lambda files: live_rows(files)["School name"].str.contains(r"\s\s|\s$").sum() > 5,
    "thousands-separators": lambda files: live_rows(files)["Maintenance 2025-26 (£)"].str.contains(",").any(),
    "total-row": lambda files: "Total" in school_rows(files)["School no."].tolist(),
    "title-line": lambda files: not files[SCHOOLS].startswith(b"School no."),
    "latin-1": lambda files: not can_be_read_as_utf_8(files[SCHOOLS]),
    "numbers-lose-zeros": lambda files: all(isinstance(number, int) for number in cells(files, "School no.")),
    "names-in-capitals": lambda files: all(name.isupper() for name in cells(files, "School name")),
    "sorted-by-name": some_page_in_order_of_names_only,
    "small-counts-suppressed": lambda files: "c" in cells(files, "Eligible") and None not in cells(files, "Eligible"),
    "year-groups-not-there-yet": lambda files: "z" in cells(files, "R", "Rec", 1, 2, 3, 4, 5, 6),
    "another-heading": lambda files: len(sheets_where(files, lambda headings, rows: "Rec" in headings)) == 1,
    "another-order": lambda files: len(sheets_where(files, lambda headings, rows: headings[2] == "Eligible")) == 1,
    "total-in-every-sheet": lambda files: len(sheets_where(files, lambda _, rows: "TOTAL" in [r[1] for r in rows])) == 10,
    "numbers-as-text": lambda files: (
        len(sheets_where(files, lambda names, rows: type(rows[0][names.index("All")]) is str)) == 1
    ),
    "merged-headings": lambda files: all(merged for _, _, merged in sheets_in(files[ROLLS]).values()),
    "notes-below": lambda files: len(sheets_where(files, lambda _, rows: "z: " in str([r[0] for r in rows]))) == 10,
    "older-area-codes": lambda files: codes_before_2017(files)["Area code"].nunique() <= 160,
    "areas-not-yet-split": lambda files: not codes_before_2017(files).duplicated(["Area code", "Year to 31 August"]).any(),
}


def test_every_defect_is_told_in_full():
    assert {defect.id for defect in DEFECTS} == set(IS_THERE)
    for defect in DEFECTS:
        assert defect.extract in {SCHOOLS, ROLLS, BIRTHS}
        assert all([defect.title, defect.why_it_happens, defect.how_found, defect.how_mended]), defect.id


every_defect = pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.id)


@every_defect
def test_a_defect_is_in_the_file(files, defect):
    assert IS_THERE[defect.id](files)


@every_defect
def test_a_defect_is_not_in_the_file_without_the_function_that_plants_it(defect):
    without = received.extracts(draw(*BOROUGHS["wexmoor"]), planted=[other for other in DEFECTS if other != defect])
    assert not IS_THERE[defect.id](without)


def test_mentors_are_told_where_each_defect_is(borough, files):
    told = received.defects(borough)
    assert list(told.columns) == ["extract", "defect", "where", "how_found", "how_mended", "function"]
    assert told["function"].tolist() == [defect.plant.__name__ for defect in DEFECTS]
    assert not (told == "").any(axis=None)
    where = told.set_index("function")["where"]
    for function, found in {
        "another_heading": sheets_where(files, lambda headings, rows: "Rec" in headings),
        "another_order": sheets_where(files, lambda headings, rows: headings[2] == "Eligible"),
        "numbers_as_text": sheets_where(files, lambda headings, rows: type(rows[0][headings.index("All")]) is str),
    }.items():
        assert where[function] == f"sheet {found[0]}"
    numbers = live_rows(files)["School no."]
    assert where["school_twice"].startswith(numbers[numbers.duplicated()].item())
    closed = school_rows(files)[lambda rows: rows["Closed"].str.contains(r"\d")]["School no."]
    assert len(closed) == 4
    assert all(number in where["closed_schools"] + where["number_without_its_zero"] for number in closed)
    british = school_rows(files)[lambda rows: rows["Opened"].str.contains("/")]["School no."]
    assert set(british) - set(numbers[numbers.duplicated()]) <= set(re.findall(r"\d+", where["two_date_formats"]))


# What is in them besides.


def test_what_the_council_spends_on_a_school_is_blank_for_academies_and_closed_schools_only(files):
    rows = school_rows(files)[lambda rows: rows["School no."].str.fullmatch(r"\d+")]
    blank = rows["Maintenance 2025-26 (£)"] == ""
    assert blank.equals((rows["Type"] == "ACAD") | (rows["Closed"] != ""))
    total = school_rows(files).set_index("School no.").loc["Total", "Maintenance 2025-26 (£)"]
    spent = rows.loc[~blank, "Maintenance 2025-26 (£)"].str.replace(",", "").astype(int)
    assert int(total.replace(",", "")) == spent.sum()


def test_schools_opened_on_a_weekday(files):
    rows = school_rows(files)[lambda rows: rows["School no."].str.fullmatch(r"\d+")]
    british = rows["Opened"].str.contains("/")
    opened = [pd.to_datetime(rows.loc[british, "Opened"], dayfirst=True), pd.to_datetime(rows.loc[~british, "Opened"])]
    assert (pd.concat(opened).dt.day_of_week < 5).all()


def test_the_return_says_what_its_letters_stand_for(files):
    for year, (_, rows) in pages(files).items():
        notes = [row[0] for row in rows if isinstance(row[0], str)]
        assert notes == [
            "c: 1 to 4 pupils eligible; not shown, nor a total from which it could be worked out",
            "z: not applicable; the school did not have this year group yet",
            f"Pupils on roll on the third Thursday of January {int(year[:4]) + 1}",
        ]


# What somebody gets who is less careful.


def test_a_hasty_reader_goes_wrong(borough, files):
    rows = pd.read_csv(io.BytesIO(files[SCHOOLS]), skiprows=1, encoding="latin-1")
    places = rows["Net capacity"]
    assert places.sum() > 2 * borough.schools["capacity"].sum()
    whole = rows[rows["School no."].str.fullmatch(r"\d+", na=False)]
    assert not whole.duplicated().any(), "the school that is there twice is not found before names and dates are alike"
    numbers = whole["School no."].astype(int)
    assert numbers.duplicated().sum() == 2, "one is there twice, and one has the number of a closed school"
    british = whole.loc[whole["Opened"].str.contains("/"), "Opened"]
    month_first = pd.to_datetime(british, format="%m/%d/%Y", errors="coerce").dropna()
    right = pd.to_datetime(british.loc[month_first.index], format="%d/%m/%Y")
    assert (month_first != right).sum() > 3, "read with the month first, some dates are wrong and nobody is told"
    assert not set(cells(files, "School name")) & set(borough.schools["name"])


def test_counts_that_are_text_stay_text_when_pandas_reads_them(files):
    sheets = pd.read_excel(io.BytesIO(files[ROLLS]), sheet_name=None, header=3)
    counts = {year: pd.to_numeric(rows["All"], errors="coerce").count() for year, rows in sheets.items()}
    assert [n for n in counts.values() if n == 0] == [0], "one year has no count left, and nobody is told"


def test_the_totals_of_the_return_add_up(files):
    for headings, rows in pages(files).values():
        total = next(row for row in rows if row[1] == "TOTAL")
        for heading in set(headings) - {"School no.", "School name", "Eligible", "% of pupils"}:
            at = headings.index(heading)
            counts = [row[at] for row in rows[: rows.index(total)]]
            assert int(total[at]) == sum(int(count) for count in counts if count != "z")


def test_a_suppressed_count_cannot_be_worked_out(files):
    for headings, rows in pages(files).values():
        eligible, share = headings.index("Eligible"), headings.index("% of pupils")
        shown = [row for row in rows if row[0] is not None and re.fullmatch(r"\d+", str(row[0]))]
        assert all((row[eligible] == "c") == (row[share] == "c") for row in shown)
        total = next(row for row in rows if row[1] == "TOTAL")
        assert (total[eligible] == "c") == ("c" in [row[eligible] for row in shown])


# The files themselves.


def test_the_same_borough_gives_the_same_bytes(borough, files):
    assert received.extracts(borough) == files
    assert set(files) == {SCHOOLS, ROLLS, BIRTHS, LOOKUP}
    assert sum(len(content) for content in files.values()) < 400_000


def test_what_is_planted_changes_nothing_in_the_borough(borough):
    before = borough.schools.copy(), borough.births.copy(), borough.rolls.copy()
    received.extracts(borough)
    for old, new in zip(before, (borough.schools, borough.births, borough.rolls), strict=True):
        assert_frame_equal(pd.DataFrame(old), pd.DataFrame(new))


def test_another_seed_has_its_defects_elsewhere():
    both = [draw(*BOROUGHS[name]) for name in ("eastmere", "another eastmere")]
    where = [received.defects(one).set_index("function")["where"] for one in both]
    assert (where[0] != where[1])["closed_schools":"school_twice"].drop("coded_types").all()
