"""Three extracts of a borough as its systems give them: schools, the roll return, births. Nothing in them is tidy.

`extracts` makes the files and `defects` says, for mentors, what is wrong in them and where. Each defect is planted by one
function, whose docstring says what it is, why it happens in life, how one finds it and how it is mended; `DEFECTS` lists
them. What a careful analyst makes of the files is exactly the borough's tidy schools, rolls, free school meals and births.

The admissions system lists schools, a row each. The roll return is a workbook with a sheet a year, a row a school and a
column a year group. Births come a row an area and year, with a look-up of areas beside them. All of this is the course's
own: no extract of a real council is behind it. School numbers are the council's own: some are below 1000, and are written
with leading zeros. Counts of 1 to 4 pupils who are eligible for free school meals are not shown, as is common practice,
because they tell of a family's income; the pupils of a year group are shown however few they are.
"""

import csv
import datetime
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd
import xlsxwriter

from course.town import names
from course.town.borough import Borough

SCHOOLS, ROLLS, BIRTHS, LOOKUP = "schools-extract.csv", "school-roll-return.xlsx", "births-extract.csv", "area-lookup.csv"
MADE_ON = datetime.datetime(2026, 3, 9, 16, 42)
AREAS_REDRAWN = 2017  # the first year to August whose births were counted for the areas of today

NUMBER, NAME, TYPE, OPENED, CLOSED = "School no.", "School name", "Type", "Opened", "Closed"
MAINTENANCE = "Maintenance 2025-26 (£)"
COUNTS = ("Admission no.", "Net capacity")
# What the admissions system writes for a type of school, and what its list of codes says that this means.
CODES = {
    "community": ("COMM",),
    "academy": ("ACAD",),
    "Church of England": ("VC-CE", "VA-CE"),
    "Catholic": ("VA-RC",),
}
MEANINGS = {
    "COMM": "community",
    "ACAD": "academy",
    "VC-CE": "Church of England (voluntary controlled)",
    "VA-CE": "Church of England (voluntary aided)",
    "VA-RC": "Catholic (voluntary aided)",
}
# How hurried people write the words of a school's name. Before Primary, St is a street; before a name it is a saint.
SHORT = {
    r"\bRoad\b": "Rd",
    r"\bLane\b": "Ln",
    r"\bAvenue\b": "Ave",
    r"\bStreet(?= Primary)": "St",
    r"\bCE\b": "C of E",
    r"\bCatholic\b": "RC",
}
# What the council spends in a year on maintaining a school, for each place; the course's own assumption. Academies are
# not the council's to maintain.
POUNDS_A_PLACE = (60, 130)

PUPILS, MEALS = "Pupils by year group", "Free school meals"
YEAR_GROUPS = {0: "R", **{year: year for year in range(1, 7)}}
ALL, ELIGIBLE, PERCENT = "All", "Eligible", "% of pupils"
SUPPRESSED, NOT_APPLICABLE = "c", "z"


@dataclass
class Schools:
    """The schools extract on its way: `rows` of text, lines `above` the heading, `below` the rows, and the encoding."""

    rows: pd.DataFrame
    above: list[str] = field(default_factory=list)
    total: dict[str, str] = field(default_factory=dict)
    below: list[Sequence[str]] = field(default_factory=list)
    encoding: str = "utf-8"


@dataclass
class Sheet:
    """A year of the roll return on its way: `rows` of numbers, text or None (an empty cell), a column a heading.

    `over` holds for a heading the one that stands above it and its neighbours.
    """

    year: str
    rows: pd.DataFrame
    title: str = ""
    over: dict[Any, str] = field(default_factory=dict)
    total: dict[Any, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass
class Births:
    """Births on their way: `rows` with `code`, `year_to_august` and `births`."""

    rows: pd.DataFrame


@dataclass(frozen=True)
class Defect:
    """Something wrong with an extract: what it is, why it happens, how it is found and mended, and what plants it.

    `plant(draft, borough, rng)` changes the draft of the extract and returns where in it the defect is, for mentors.
    """

    id: str
    extract: str
    title: str
    why_it_happens: str
    how_found: str
    how_mended: str
    plant: Callable[[Any, Borough, np.random.Generator], str]

    @classmethod
    def planted_by(cls, plant: Callable, extract: str) -> Self:
        """The defect that `plant` plants, as its docstring tells it: a first line, then Why, Found and Mended."""
        title, *parts = re.split(r"\n\s*(?:Why|Found|Mended): ", plant.__doc__)
        why, found, mended = (" ".join(part.split()) for part in parts)
        return cls(plant.__name__.replace("_", "-"), extract, title.strip().rstrip("."), why, found, mended, plant)


def extracts(borough: Borough, planted: Iterable[Defect] | None = None) -> dict[str, bytes]:
    """File name and content of the three extracts and the look-up that belongs to the births; the same each time.

    `planted` are the defects to plant, as a rule all of DEFECTS.
    """
    schools, sheets, births = _drafts(borough, planted)[0].values()
    return {
        SCHOOLS: _schools_file(schools),
        ROLLS: _workbook(sheets, borough),
        BIRTHS: _births_file(births),
        LOOKUP: _lookup_file(borough),
    }


def defects(borough: Borough) -> pd.DataFrame:
    """A row for each defect of the borough's extracts: extract, defect, where, how_found, how_mended, function."""
    where = _drafts(borough)[1]
    rows = [(d.extract, d.title, where[d.id], d.how_found, d.how_mended, d.plant.__name__) for d in DEFECTS]
    return pd.DataFrame(rows, columns=["extract", "defect", "where", "how_found", "how_mended", "function"])


def _drafts(borough: Borough, planted: Iterable[Defect] | None = None) -> tuple[dict[str, Any], dict[str, str]]:
    """The drafts of the extracts with their defects, and where each defect is. Each defect has dice of its own."""
    planted = DEFECTS if planted is None else tuple(planted)
    rng = np.random.default_rng([borough.seed, 40])
    drafts = {SCHOOLS: _schools(borough, rng), ROLLS: _sheets(borough), BIRTHS: _births(borough)}
    where = {}
    for defect, dice in zip(DEFECTS, rng.spawn(len(DEFECTS)), strict=True):
        if defect in planted:
            where[defect.id] = defect.plant(drafts[defect.extract], borough, dice)
    return drafts, where


# The extracts before anything is wrong with them.


def _schools(borough: Borough, rng: np.random.Generator) -> Schools:
    schools = borough.schools.sort_values("school_id")
    maintenance = (schools["capacity"] * rng.uniform(*POUNDS_A_PLACE, len(schools))).astype(int).astype(str)
    rows = pd.DataFrame(
        {
            NUMBER: schools["school_id"].map(_number),
            NAME: schools["name"],
            TYPE: schools["type"],
            "Area": schools["area_id"],
            "Easting": schools["easting"].astype(int).astype(str),
            "Northing": schools["northing"].astype(int).astype(str),
            "Admission no.": schools["admission_number"].astype(int).astype(str),
            "Net capacity": schools["capacity"].astype(int).astype(str),
            OPENED: schools["opened"].astype(str),
            CLOSED: "",
            MAINTENANCE: maintenance.mask(schools["type"] == "academy", ""),
        }
    )
    return Schools(rows.astype(object).reset_index(drop=True))


def _sheets(borough: Borough) -> list[Sheet]:
    rolls = borough.rolls.pivot(index=["school_year", "school_id"], columns="year_group", values="pupils")
    rolls = rolls.reindex(columns=list(YEAR_GROUPS)).rename(columns=YEAR_GROUPS)
    meals = borough.free_school_meals.set_index(["school_year", "school_id"]).sort_index()
    school_names = borough.schools.set_index("school_id")["name"]
    sheets = []
    for school_year, year in meals.groupby(level="school_year"):
        year = year.droplevel("school_year")
        shares = (100 * year["eligible"].astype("Float64") / year["pupils"]).round(1)
        rows = pd.DataFrame(
            {NUMBER: year.index.map(_number), NAME: school_names.reindex(year.index)}, index=year.index, dtype=object
        )
        rows = rows.join(_cells(rolls.loc[school_year].reindex(year.index).astype("Int64")))
        rows = rows.join(_cells(pd.DataFrame({ALL: year["pupils"], ELIGIBLE: year["eligible"], PERCENT: shares})))
        sheets.append(Sheet(f"{school_year}-{(school_year + 1) % 100:02}", rows.reset_index(drop=True)))
    return sheets


def _births(borough: Borough) -> Births:
    rows = borough.births[["area_id", "year_to_august", "births"]].rename(columns={"area_id": "code"})
    return Births(rows.astype({"code": object}))


def _number(school_id: str) -> str:
    """The four digits of a school's number, without the borough's letters."""
    return school_id[-4:]


def _cells(frame: pd.DataFrame) -> pd.DataFrame:
    """The same with None where a value is missing, and Python's own numbers otherwise."""

    def cell(value: Any) -> Any:
        return None if pd.isna(value) else value.item() if isinstance(value, np.generic) else value

    return pd.DataFrame({name: [cell(value) for value in frame[name]] for name in frame}, frame.index, dtype=object)


# What is wrong with the schools extract.


def closed_schools(draft: Schools, borough: Borough, rng: np.random.Generator) -> str:
    """Schools that closed years ago are still in the list.

    Why: nobody deletes a school, because the records of its pupils point to it.
    Found: there are more rows than the borough has schools, and the column Closed is not empty in all of them.
    Mended: keep the rows that have no date of closing.
    """
    free = sorted({f"{number:04}" for number in range(2001, 3900)} - set(draft.rows[NUMBER]))
    return _with_closed(draft, borough, rng.choice(free, 3, replace=False), rng)


def number_without_its_zero(draft: Schools, borough: Borough, rng: np.random.Generator) -> str:
    """One more closed school has the number of an open one, but for the leading zero.

    Why: before numbers had four digits some schools had three or two, and records of that time were never changed. The
    number was given again later, with a zero in front.
    Found: as numbers the two are the same, so that a join by number gives a school more rows than it should have.
    Mended: drop the closed schools before numbers are given back their zeros, and have the join check that it is one to
    one.
    """
    live = draft.rows.loc[draft.rows[NUMBER].str.startswith("0"), NUMBER]
    number = str(rng.choice(live))
    where = _with_closed(draft, borough, [number.lstrip("0")], rng)
    return f"{where}, beside {number}, which is open"


def coded_types(draft: Schools, borough: Borough, rng: np.random.Generator) -> str:
    """The type of school is a code, and two codes mean Church of England.

    Why: systems store codes; who governs a church school matters to the system, and not to the question.
    Found: the values are not words. What they mean stands in a list below the last row.
    Mended: read the list, and give each code its type: without what stands in brackets.
    """
    draft.rows[TYPE] = [str(rng.choice(CODES[kind])) for kind in draft.rows[TYPE]]
    draft.below += [[], ["Type", "Meaning"], *sorted(MEANINGS.items())]
    return "column Type, every row; the list of codes in the last rows of the file"


def abbreviated_names(draft: Schools, borough: Borough, rng: np.random.Generator) -> str:
    """The same word is written in full in some names and shortened in others.

    Why: names are typed by many hands over many years, and the field was once short.
    Found: sort the different last words of the names, or count "Rd" and "Road": both are there.
    Mended: write out Rd, Ln, Ave, C of E and RC as whole words (Road, Lane, Avenue, CE, Catholic), and St before Primary
    as Street; elsewhere St is a saint.
    """
    could = draft.rows.index[[short_name(name) != name for name in draft.rows[NAME]]]
    hit = np.sort(rng.choice(could, round(0.5 * len(could)), replace=False))
    draft.rows.loc[hit, NAME] = [short_name(name) for name in draft.rows.loc[hit, NAME]]
    return _rows(draft, hit)


def two_date_formats(draft: Schools, borough: Borough, rng: np.random.Generator) -> str:
    """Dates come in two formats: 1974-09-01, and 01/09/1974 with the day first.

    Why: the old system wrote dates the British way, and the new one took them over as text.
    Found: some dates have dashes and some have slashes. Read with the month first, 01/09 is quietly the 9th of January.
    Mended: read the ones with dashes and the ones with slashes each with their own format, and put them together.
    """
    hit = rng.random(len(draft.rows)) < 0.45
    for column in (OPENED, CLOSED):
        draft.rows.loc[hit, column] = [_day_first(date) for date in draft.rows.loc[hit, column]]
    return f"column {OPENED} (and {CLOSED}), with slashes in {_rows(draft, draft.rows.index[hit])}"


def school_twice(draft: Schools, borough: Borough, rng: np.random.Generator) -> str:
    """One school is in the list twice, written differently.

    Why: it was entered again, by somebody who searched for the name in another spelling and did not find it.
    Found: its number stands in two rows. Whole rows do not repeat until names and dates are written alike.
    Mended: write names and dates alike, then drop the rows that repeat.
    """
    tidy = dict(zip(borough.schools["school_id"].map(_number), borough.schools["name"], strict=True))
    numbers = draft.rows.loc[draft.rows[CLOSED] == "", NUMBER]
    row = int(rng.choice([row for row, number in numbers.items() if short_name(tidy[number]) != tidy[number]]))
    again = draft.rows.loc[[row]].copy()
    full = tidy[again[NUMBER].item()]
    again[NAME] = short_name(full) if again[NAME].item() == full else full
    date = again[OPENED].item()
    again[OPENED] = "-".join(reversed(date.split("/"))) if "/" in date else _day_first(date)
    draft.rows = pd.concat([draft.rows, again], ignore_index=True)
    return f"{again[NUMBER].item()}: {draft.rows.loc[row, NAME]!r} and {again[NAME].item()!r}"


def stray_spaces(draft: Schools, borough: Borough, rng: np.random.Generator) -> str:
    """Names have spaces at the end, or two between words.

    Why: they were typed or pasted, and nobody sees a space.
    Found: a name is longer than it looks, or a value counts as two; printing the list of values shows the spaces.
    Mended: strip the ends and make of several spaces one.
    """
    hit = np.sort(rng.choice(draft.rows.index, 14, replace=False))
    for turn, row in enumerate(hit):
        name = draft.rows.loc[row, NAME]
        draft.rows.loc[row, NAME] = (f"{name} ", f"{name}  ", name.replace(" Primary", "  Primary"))[turn % 3]
    return _rows(draft, hit)


def thousands_separators(draft: Schools, borough: Borough, rng: np.random.Generator) -> str:
    """Sums of money have a comma in them: "23,450".

    Why: the report that the extract comes from is made to be read.
    Found: the column stays text and cannot be added up.
    Mended: take the commas out, or read the file with thousands=",".
    """
    draft.rows[MAINTENANCE] = [f"{int(sum_):,}" if sum_ else "" for sum_ in draft.rows[MAINTENANCE]]
    return f"column {MAINTENANCE}, every row that has a sum (academies and closed schools have none)"


def total_row(draft: Schools, borough: Borough, rng: np.random.Generator) -> str:
    """The last row is a total, of closed schools and of the school that is there twice too.

    Why: the report adds up what it lists.
    Found: the biggest school has as many places as all others together; the number of the school is the word Total.
    Mended: keep the rows whose number is made of digits. Do not compare with the total: it counts too much.
    """
    sums = {column: str(draft.rows[column].astype(int).sum()) for column in COUNTS}
    money = sum(int(sum_.replace(",", "")) for sum_ in draft.rows[MAINTENANCE] if sum_)
    written = f"{money:,}" if draft.rows[MAINTENANCE].str.contains(",").any() else str(money)
    draft.total = {NUMBER: "Total", NAME: f"{len(draft.rows)} records", **sums, MAINTENANCE: written}
    return f"the row below the last school: {len(draft.rows)} records for {len(borough.schools)} schools"


def title_line(draft: Schools, borough: Borough, rng: np.random.Generator) -> str:
    """A title stands above the headings.

    Why: the report is made to be printed.
    Found: there is one column, the title is its heading, and all others have become the index.
    Mended: leave out the first line (skiprows=1).
    """
    draft.above.append(f"{borough.name.capitalize()} Council - schools and academies - {MADE_ON:%d/%m/%Y %H:%M}")
    return "line 1"


def latin_1(draft: Schools, borough: Borough, rng: np.random.Generator) -> str:
    """The file is written in latin-1, and not in UTF-8.

    Why: the system is older than UTF-8's being usual, as on many Windows machines.
    Found: reading stops with a UnicodeDecodeError, at the pound sign of a heading or at a letter such as ë.
    Mended: read with encoding="latin-1", and look whether the names then look right.
    """
    draft.encoding = "latin-1"
    foreign = [name for name in draft.rows[NAME] if not name.isascii()]
    return f"the pound sign in the heading {MAINTENANCE}; {_listed(' '.join(name.split()) for name in foreign)}"


# What is wrong with the roll return.


def numbers_lose_zeros(sheets: list[Sheet], borough: Borough, rng: np.random.Generator) -> str:
    """School numbers are numbers, so that those that begin with 0 are shorter.

    Why: a spreadsheet takes what looks like a number for one.
    Found: some numbers have fewer than four digits, and do not match any school of the extract.
    Mended: make text of them and fill up with zeros to four digits (zfill).
    """
    for sheet in sheets:
        sheet.rows[NUMBER] = [int(number) for number in sheet.rows[NUMBER]]
    return f"every sheet: {_listed(n for n in sorted(borough.schools['school_id'].map(_number)) if n.startswith('0'))}"


def names_in_capitals(sheets: list[Sheet], borough: Borough, rng: np.random.Generator) -> str:
    """Names are written in capitals and otherwise than in the extract: "LINTON ROAD PRIMARY".

    Why: another system, another hand: no apostrophes, no "School" at the end, and C OF E.
    Found: a join by name finds hardly any school.
    Mended: join by number, and take the name from the schools extract.
    """
    for sheet in sheets:
        sheet.rows[NAME] = [in_capitals(name) for name in sheet.rows[NAME]]
    return "every sheet, every row"


def sorted_by_name(sheets: list[Sheet], borough: Borough, rng: np.random.Generator) -> str:
    """Rows stand in the order of names, while the extract's stand in the order of numbers.

    Why: the return is made for people who look up a school.
    Found: the first rows of the two are different schools, and row by row nothing fits.
    Mended: join by number; never put columns side by side because the rows seem to be the same.
    """
    for sheet in sheets:
        sheet.rows = sheet.rows.sort_values(NAME, ignore_index=True)
    return "every sheet"


def small_counts_suppressed(sheets: list[Sheet], borough: Borough, rng: np.random.Generator) -> str:
    """Where 1 to 4 pupils are eligible for free school meals, there is a "c" and no number.

    Why: so few children could be recognised.
    Found: the column is text; the notes below the rows say what c means.
    Mended: make it missing, not 0: it is 1 to 4. A sum over schools has to say how many counts are left out of it.
    """
    hit = []
    for sheet in sheets:
        rows = sheet.rows.index[[value is None for value in sheet.rows[ELIGIBLE]]]
        sheet.rows.loc[rows, [ELIGIBLE, PERCENT]] = SUPPRESSED
        hit += [f"{sheet.year} school {number}" for number in sheet.rows.loc[rows, NUMBER]]
    return _listed(hit) or "nowhere: no school has 1 to 4 such pupils"


def year_groups_not_there_yet(sheets: list[Sheet], borough: Borough, rng: np.random.Generator) -> str:
    """Where a new school does not have a year group yet, there is a "z" and no number.

    Why: a new school takes children into reception first and grows a year group a year.
    Found: the column is text; the notes below the rows say what z means.
    Mended: drop these cells when the year groups are made rows. A 0 would say that the school has an empty class.
    """
    hit = []
    for sheet in sheets:
        missing = sheet.rows[list(YEAR_GROUPS.values())].isna()
        sheet.rows[missing.columns] = sheet.rows[missing.columns].mask(missing, NOT_APPLICABLE)
        for row in missing.index[missing.any(axis="columns")]:
            groups = _listed(str(heading) for heading in missing.columns[missing.loc[row]])
            hit.append(f"{sheet.year} school {sheet.rows.loc[row, NUMBER]} ({groups})")
    return _listed(hit) or "nowhere: every school has every year group"


def another_heading(sheets: list[Sheet], borough: Borough, rng: np.random.Generator) -> str:
    """In one year reception is headed "Rec" and not "R".

    Why: the form was changed, and changed back.
    Found: after the sheets are put together there is one more column than there should be, mostly empty.
    Mended: rename it before the sheets are put together, and check that all sheets have the same headings.
    """
    sheet = sheets[int(rng.choice(_inner(sheets)[0::3]))]
    sheet.rows = sheet.rows.rename(columns={YEAR_GROUPS[0]: "Rec"})
    return f"sheet {sheet.year}"


def another_order(sheets: list[Sheet], borough: Borough, rng: np.random.Generator) -> str:
    """In one year the columns stand in another order: free school meals come before the year groups.

    Why: the form was changed, and changed back.
    Found: read by position, year 1 has a decimal point in its pupils; the headings tell.
    Mended: take columns by their headings and not by their position.
    """
    sheet = sheets[int(rng.choice(_inner(sheets)[1::3]))]
    meals = [ELIGIBLE, PERCENT]
    sheet.rows = sheet.rows[[NUMBER, NAME, *meals, *sheet.rows.columns.drop([NUMBER, NAME, *meals])]]
    return f"sheet {sheet.year}"


def total_in_every_sheet(sheets: list[Sheet], borough: Borough, rng: np.random.Generator) -> str:
    """The last row of each sheet is a total.

    Why: it is made to be read. The total of free school meals is "c" too, or the counts left out could be worked out.
    Found: the row has no school number, and the pupils add up to twice as many.
    Mended: drop the rows without a number, and use the total of each year group as a check.
    """
    for sheet in sheets:
        sheet.total = {NUMBER: None, NAME: "TOTAL"}
        for heading in sheet.rows.columns.drop([NUMBER, NAME, PERCENT]):
            values = sheet.rows[heading].tolist()
            suppressed = SUPPRESSED in values
            sheet.total[heading] = SUPPRESSED if suppressed else sum(int(v) for v in values if isinstance(v, int))
    return "every sheet, the row below the last school"


def numbers_as_text(sheets: list[Sheet], borough: Borough, rng: np.random.Generator) -> str:
    """In one year the counts are text: a number and a no-break space that nobody sees.

    Why: they were pasted from a web page; Excel writes them on the left of the cell, as text.
    Found: the sheet's columns are text though no c or z is in them; pd.to_numeric stops at "23\\xa0", and with
    errors="coerce" makes every count of that year missing.
    Mended: strip the spaces (str.strip), then make numbers of all counts. Check that no year is empty.
    """
    sheet = sheets[int(rng.choice(_inner(sheets)[2::3]))]
    for heading in sheet.rows.columns.drop([NUMBER, NAME, PERCENT]):
        text = [f"{value}\xa0" if isinstance(value, int) else value for value in sheet.rows[heading]]
        sheet.rows[heading] = pd.Series(text, dtype=object)  # pandas' own text would make of None a number that is none
        if heading in sheet.total and isinstance(sheet.total[heading], int):
            sheet.total[heading] = f"{sheet.total[heading]}\xa0"
    return f"sheet {sheet.year}"


def merged_headings(sheets: list[Sheet], borough: Borough, rng: np.random.Generator) -> str:
    """There is a title, and the headings take two rows, with cells merged over the lower ones.

    Why: it is made to be printed.
    Found: the columns are called "Unnamed: 2", and the first rows hold headings.
    Mended: start at the fourth row (header=3): the headings in it are all different.
    """
    for sheet in sheets:
        sheet.title = f"{borough.name.capitalize()}: January school roll return {sheet.year}"
        for heading in sheet.rows.columns:
            sheet.over[heading] = PUPILS
        sheet.over |= dict.fromkeys([NUMBER, NAME], "School") | dict.fromkeys([ELIGIBLE, PERCENT], MEALS)
    return "every sheet, rows 1 to 4"


def notes_below(sheets: list[Sheet], borough: Borough, rng: np.random.Generator) -> str:
    """Below the rows stand notes.

    Why: that is where people look for what the letters mean.
    Found: the last rows have text in the column of school numbers, and nothing else.
    Mended: keep the rows whose school number is a number. Read the notes first.
    """
    for sheet in sheets:
        year = int(sheet.year[:4])
        sheet.notes = [
            f"{SUPPRESSED}: 1 to 4 pupils eligible; not shown, nor a total from which it could be worked out",
            f"{NOT_APPLICABLE}: not applicable; the school did not have this year group yet",
            f"Pupils on roll on the third Thursday of January {year + 1}",
        ]
    return "every sheet, below the total"


# What is wrong with the births.


def older_area_codes(draft: Births, borough: Borough, rng: np.random.Generator) -> str:
    """Until the year to August 2016 births are given for the areas of that time.

    Why: areas are redrawn when many people have moved in, and what was counted before stays as it was.
    Found: some areas have births for a few years only, the first or the last of them.
    Mended: give each old area its new code from the look-up, for the years before 2017 only.
    """
    lookup = borough.area_lookup.set_index("area_id")["old_area_id"]
    old = draft.rows["year_to_august"] < AREAS_REDRAWN
    draft.rows.loc[old, "code"] = draft.rows.loc[old, "code"].map(lookup)
    changed = [code for code, old_code in lookup.items() if code != old_code]
    return f"years to August {draft.rows['year_to_august'].min()} to {AREAS_REDRAWN - 1}, {len(changed)} areas of today"


def areas_not_yet_split(draft: Births, borough: Borough, rng: np.random.Generator) -> str:
    """Where an old area became two, its births are one number.

    Why: births were counted for the old area, and nobody counted them again.
    Found: the look-up has two rows for the old area; a join with it gives more rows, and a sum counts births twice.
    Mended: share the births out by the look-up's share, round, and say in the table that they are shared out.
    """
    draft.rows = draft.rows.groupby(["code", "year_to_august"], as_index=False, sort=False)["births"].sum()
    split = borough.area_lookup[borough.area_lookup["old_area_id"].duplicated(keep=False)]
    return _listed(
        f"{old} became {' and '.join(f'{row.area_id} ({row.share:.2f})' for row in new.itertuples())}"
        for old, new in split.groupby("old_area_id")
    )


DEFECTS = (
    *(
        Defect.planted_by(plant, SCHOOLS)
        for plant in (
            closed_schools,
            number_without_its_zero,
            coded_types,
            abbreviated_names,
            two_date_formats,
            school_twice,
            stray_spaces,
            thousands_separators,
            total_row,
            title_line,
            latin_1,
        )
    ),
    *(
        Defect.planted_by(plant, ROLLS)
        for plant in (
            numbers_lose_zeros,
            names_in_capitals,
            sorted_by_name,
            small_counts_suppressed,
            year_groups_not_there_yet,
            another_heading,
            another_order,
            total_in_every_sheet,
            numbers_as_text,
            merged_headings,
            notes_below,
        )
    ),
    *(Defect.planted_by(plant, BIRTHS) for plant in (older_area_codes, areas_not_yet_split)),
)


def short_name(name: str) -> str:
    """A school's name as the hurried write it: "Linton Rd Primary School"."""
    for pattern, short in SHORT.items():
        name = re.sub(pattern, short, name)
    return name


def in_capitals(name: str) -> str:
    """A school's name as the roll return has it: "LINTON ROAD PRIMARY"."""
    return name.upper().replace("'", "").replace(" CE ", " C OF E ").removesuffix(" SCHOOL")


def _with_closed(draft: Schools, borough: Borough, numbers: Sequence[str], rng: np.random.Generator) -> str:
    """Add a closed school for each of `numbers`, and say which they are."""
    count = len(numbers)
    ward = borough.wards[["ward_id", "name"]].rename(columns={"name": "ward"})
    areas = borough.areas.merge(ward, on="ward_id").sample(count, random_state=rng)
    admission = rng.choice([15, 30, 45], count)
    years, days = rng.integers(1884, 1976, count), rng.choice(["01-05", "09-01", "04-12", "01-08"], count)
    first_days = [f"{year}-{day}" for year, day in zip(years, days, strict=True)]
    closed = pd.DataFrame(
        {
            NUMBER: numbers,
            NAME: names.closed_schools(borough.name, rng, areas["ward"].tolist(), draft.rows[NAME], count),
            TYPE: "community",
            "Area": areas["area_id"].to_numpy(),
            "Easting": (areas["easting"].to_numpy() + rng.integers(-60, 60, count)).astype(int).astype(str),
            "Northing": (areas["northing"].to_numpy() + rng.integers(-60, 60, count)).astype(int).astype(str),
            "Admission no.": admission.astype(str),
            "Net capacity": (7 * admission).astype(str),
            OPENED: np.busday_offset(first_days, 0, roll="forward").astype(str),  # no school opens on a Sunday
            CLOSED: [f"{year}-08-31" for year in rng.choice(np.arange(2003, 2016), count, replace=False)],
            MAINTENANCE: "",
        }
    )
    closed.loc[closed[NAME].str.contains(" CE "), TYPE] = "Church of England"
    draft.rows = pd.concat([draft.rows, closed.astype(object)], ignore_index=True)
    return _listed(f"{number} {name}" for number, name in zip(closed[NUMBER], closed[NAME], strict=True))


def _day_first(date: str) -> str:
    """01/09/1974 of 1974-09-01; nothing of nothing."""
    return "/".join(reversed(date.split("-")))


def _inner(sheets: list[Sheet]) -> np.ndarray:
    """Positions of the sheets that are neither the first nor the last, which people look at."""
    return np.arange(1, len(sheets) - 1)


def _rows(draft: Schools, rows: Iterable[int]) -> str:
    numbers = draft.rows.loc[list(rows), NUMBER].tolist()
    return f"{len(numbers)} rows: {_listed(numbers)}"


def _listed(things: Iterable[str]) -> str:
    return ", ".join(things)


# How the files are written.


def _schools_file(draft: Schools) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    headings = list(draft.rows.columns)
    writer.writerows([line] for line in draft.above)
    writer.writerow(headings)
    writer.writerows(draft.rows.sort_values(NUMBER, kind="stable").to_numpy().tolist())
    if draft.total:
        writer.writerow(draft.total.get(heading, "") for heading in headings)
    writer.writerows(draft.below)
    return text.getvalue().encode(draft.encoding)


def _workbook(sheets: list[Sheet], borough: Borough) -> bytes:
    """The roll return as an .xlsx.

    It is the same each time and on every machine: dates inside it are the story's, and the zip archive that it is holds
    its parts as they are, because what packs them smaller differs from one Python to another.
    """
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        book.set_properties({"title": f"{borough.name.capitalize()} roll return", "created": MADE_ON})
        title, heading = book.add_format({"bold": True, "font_size": 13}), book.add_format({"bold": True, "bottom": 1})
        merged = book.add_format({"bold": True, "align": "center", "border": 1})
        for sheet in sheets:
            page = book.add_worksheet(sheet.year)
            page.set_column(1, 1, 34)
            first = 0
            if sheet.title:
                page.write_string(0, 0, sheet.title, title)
                for left, right, text in _groups(list(sheet.rows.columns), sheet.over):
                    page.merge_range(2, left, 2, right, text, merged)
                first = 3
            page.write_row(first, 0, sheet.rows.columns, heading)
            rows = sheet.rows.to_numpy().tolist()
            if sheet.total:
                rows.append([sheet.total.get(name) for name in sheet.rows.columns])
            for at, row in enumerate(rows, first + 1):
                for column, value in enumerate(row):
                    if isinstance(value, str):
                        page.write_string(at, column, value)
                    elif value is not None:
                        page.write_number(at, column, value)
            for at, note in enumerate(sheet.notes, first + len(rows) + 2):
                page.write_string(at, 0, note)
    return _unpacked(content)


def _unpacked(archive: io.BytesIO) -> bytes:
    """The same zip archive with its parts stored as they are, under the same date and system."""
    content = io.BytesIO()
    with zipfile.ZipFile(archive) as packed, zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as stored:
        for name in packed.namelist():
            part = zipfile.ZipInfo(name)  # of 1 January 1980, the first that a zip archive knows
            part.create_system = 3
            stored.writestr(part, packed.read(name))
    return content.getvalue()


def _groups(headings: list[Any], over: dict[Any, str]) -> list[tuple[int, int, str]]:
    """First and last column of each run of headings that stand under the same one, and that one."""
    runs: list[tuple[int, int, str]] = []
    for at, heading in enumerate(headings):
        if runs and runs[-1][2] == over[heading]:
            runs[-1] = (runs[-1][0], at, over[heading])
        else:
            runs.append((at, at, over[heading]))
    return runs


def _births_file(draft: Births) -> bytes:
    rows = draft.rows.sort_values(["year_to_august", "code"])[["code", "year_to_august", "births"]]
    rows.columns = ["Area code", "Year to 31 August", "Births"]
    return rows.to_csv(index=False, lineterminator="\n").encode("utf-8")


def _lookup_file(borough: Borough) -> bytes:
    rows = borough.area_lookup.sort_values(["old_area_id", "area_id"])
    rows = rows[["old_area_id", "area_id", "share"]].set_axis(["Old code", "New code", "Share of births"], axis="columns")
    return rows.to_csv(index=False, lineterminator="\n", float_format="%.2f").encode("utf-8")
