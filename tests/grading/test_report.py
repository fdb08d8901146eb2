"""The report on a cohort: do its numbers hold, is all said that a mentor must see, and nothing that a trainee must not?"""

import csv
import json
import re
import sqlite3
import stat
from collections import defaultdict
from datetime import timedelta
from math import sqrt
from statistics import correlation

import pytest
from bs4 import BeautifulSoup
from nbgrader.api import SubmittedAssignment

from course.builder.source import read_unit, unit_folders
from course.grading.cohort import Cohort, CohortError
from course.grading.report import trainee_page, write
from course.grading.report.codes import ABOUT
from tests.conftest import ROOT
from tests.grading.report_cohort import FLAG, HOSTILE, HOSTILE_MESSAGE, UNITS, make_cohort

pytestmark = pytest.mark.xdist_group("report")  # one cohort for all of them
FIRST, SECOND = UNITS
MARKS = """
    SELECT student_id, a.name, n.name, b.name, g.max_score, gr.auto_score, gr.manual_score, gr.needs_manual_grade
    FROM grade gr JOIN submitted_notebook sn ON gr.notebook_id = sn.id JOIN notebook n ON sn.notebook_id = n.id
    JOIN submitted_assignment s ON sn.assignment_id = s.id JOIN assignment a ON s.assignment_id = a.id
    JOIN base_cell b ON gr.cell_id = b.id JOIN grade_cells g ON g.id = b.id"""


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Cohort:
    cohort = make_cohort(tmp_path_factory.mktemp("graded") / "cohort")
    write(cohort)
    return cohort


@pytest.fixture(scope="module")
def page(cohort) -> BeautifulSoup:
    return BeautifulSoup((cohort.root / "report" / "index.html").read_text(encoding="utf-8"), "html.parser")


@pytest.fixture(scope="module")
def grades(cohort) -> list[tuple]:
    """The gradebook's marks, asked for in SQL: student, unit, notebook, cell, most, auto, manual, whether it waits."""
    connection = sqlite3.connect(cohort.root / "gradebook.db")
    rows = connection.execute(MARKS).fetchall()
    connection.close()
    return rows


@pytest.fixture(scope="module")
def records(cohort) -> dict[tuple[str, str], dict]:
    """(trainee, unit) -> notebooks, as grading recorded them."""
    return {
        (path.stem, path.parent.name): json.loads(path.read_text(encoding="utf-8"))["notebooks"]
        for path in cohort.records.glob("*/*.json")
    }


def rows_of(page: BeautifulSoup, caption: str) -> list[list[str]]:
    """The body of the table with `caption` in its caption: a list of cells' texts for each row, labels left out."""
    found = [table for table in page.find_all("table") if caption in table.caption.get_text()]
    assert len(found) == 1, caption
    rows = []
    for row in found[0].select("tbody tr"):
        cells = [BeautifulSoup(str(cell), "html.parser") for cell in row.find_all(["th", "td"])]
        for cell in cells:
            for label in cell.select(".label"):
                label.decompose()
        rows.append([" ".join(cell.get_text().split()) for cell in cells])
    return rows


def cell_of(page: BeautifulSoup, trainee: str, unit: str) -> str:
    """What stands about a trainee and a unit in the table of marks."""
    [row] = [row for row in rows_of(page, "Marks are of the assessments alone") if row[0].endswith(f" {trainee}")]
    return row[1 + UNITS.index(unit)]


def card(page: BeautifulSoup, begins: str) -> str:
    """The text of the card, under What to do now, whose heading begins so."""
    [found] = [item for item in page.select(".todo > li") if item.h3.get_text().startswith(begins)]
    return " ".join(found.get_text().split())


def test_marks_by_trainee_are_those_of_the_gradebook_where_a_mentors_mark_prevails(page, grades):
    earned, decided = defaultdict(float), defaultdict(float)
    for trainee, unit, notebook, _, most, auto, manual, _ in grades:
        mark = auto if manual is None else manual
        if notebook.endswith("-assessment") and mark is not None:
            earned[trainee, unit] += mark
            decided[trainee, unit] += most
    assert len(earned) > 50
    for (trainee, unit), mark in earned.items():
        penalty = 2 if (trainee, unit) == ("t07", FIRST) else 0
        expected = f"{max(0, mark - penalty):g} of {decided[trainee, unit]:g}"
        assert re.match(rf"{expected}\b", cell_of(page, trainee, unit)), (trainee, unit)


def test_practice_stands_apart_from_marks(page, grades):
    right, whole = defaultdict(int), defaultdict(int)
    for trainee, unit, notebook, _, most, auto, manual, _ in grades:
        if not notebook.endswith("-assessment"):
            right[trainee, unit] += (auto if manual is None else manual) >= most
            whole[trainee, unit] += 1
    table = rows_of(page, "Practice counts for no marks")
    shown = [row[1] for row in table if row[1] != "none yet"]
    assert sorted(shown) == sorted(f"{right[key]} of {whole[key]}" for key in right if key[1] == FIRST)


def test_withheld_marks_are_shown_as_withheld_and_a_mentors_decision_ends_that(page):
    assert "withheld" in cell_of(page, "t11", FIRST)
    assert "withheld" not in cell_of(page, "t12", FIRST)
    decide = card(page, "Decide about 1 flagged notebook")
    assert FLAG in decide
    flags = rows_of(page, "A flag is a reason to look")
    assert [row[3] for row in flags] == ["no: marks withheld", "yes"]


def test_late_work_is_marked_penalties_are_shown_and_an_extension_is_counted(page):
    assert cell_of(page, "t07", FIRST).endswith("(2 taken off) 2 days late")
    assert "late" not in cell_of(page, "t08", FIRST)


def test_what_waits_for_the_mentor_comes_first(page, grades, records):
    headings = [heading.get_text() for heading in page.find_all("h2")]
    assert headings[0] == "What to do now"
    undecided = [row for row in grades if row[5] is None and row[6] is None]
    written = [row for row in undecided if row[3] in records[row[0], row[1]][row[2]]["written"]]
    assert f"Mark {len(written)} written answers" in card(page, "Mark")
    assert "Unit 02" in card(page, "Grade 1 submission")
    assert "twelve cards" in card(page, "Look again at 1 mark of yours")
    assert "It is a Word document with another name." in card(page, "Ask for 1 notebook")
    assert "3 submissions not handed in and 1 submission with a notebook left out" in card(page, "Chase")
    assert cell_of(page, "t05", FIRST) == "not handed in"
    assert cell_of(page, "t14", SECOND) == "not graded"
    assert cell_of(page, "t09", FIRST).endswith("notebook left out")
    assert cell_of(page, "t10", FIRST).endswith("notebook unreadable")


def test_of_each_exercise_the_share_right_the_blanks_and_the_interval_hold(page, grades, records):
    judged, right, blank = defaultdict(int), defaultdict(int), defaultdict(int)
    for trainee, unit, notebook, cell, most, auto, manual, _ in grades:
        check = records[trainee, unit][notebook]["checks"].get(cell)
        mark = auto if manual is None else manual
        if check and mark is not None:
            judged[unit, notebook, cell] += 1
            right[unit, notebook, cell] += mark >= most
            blank[unit, notebook, cell] += not check["answered"] and mark == 0
    assert len(judged) > 40
    for (unit, notebook, cell), n in judged.items():
        texts = [" ".join(td.get_text().split()) for td in page.find(id=f"{unit}-{notebook}-{cell}").find_all("td")]
        k = right[unit, notebook, cell]
        centre, margin = (k + 1.96**2 / 2) / (n + 1.96**2), 1.96 * sqrt(k * (n - k) / n + 1.96**2 / 4) / (n + 1.96**2)
        low, high = 100 * max(0, centre - margin), 100 * min(1, centre + margin)
        assert texts[0].startswith(f"Right: {k} of {n}, {k / n:.0%} ({low:.0f} to {high:.0f}%)"), (unit, cell)
        assert texts[1] == f"Not answered: {blank[unit, notebook, cell]}"


def test_the_commonest_wrong_answer_of_an_exercise_is_the_message_most_often_earned(cohort, records):
    told = defaultdict(lambda: defaultdict(int))
    for (_, unit), notebooks in records.items():
        for notebook, found in notebooks.items():
            for cell, check in found["checks"].items():
                if check["told"] and check["answered"] and not found["flags"]:
                    told[unit, notebook, cell][re.sub(r"-?\d+(\.\d+)?", "#", check["told"])] += 1
    compared = 0
    with (cohort.root / "report" / "exercises.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            counts = told.get((row["unit"], row["notebook"], row["cell"]), {})
            if counts and row["notebook"] != "data-science-assessment":  # in which a mentor decided about a flagged one
                compared += 1
                assert float(row["commonest_count"]) >= max(counts.values())
    assert compared > 20


def test_discrimination_is_against_the_other_checks_of_the_notebook(cohort, grades, records):
    book = "manipulating-data-assessment"
    marks = defaultdict(dict)
    for trainee, unit, notebook, cell, _, auto, _, _ in grades:
        if unit == SECOND and notebook == book and cell in records[trainee, unit][notebook]["checks"]:
            marks[cell][trainee] = auto
    with (cohort.root / "report" / "exercises.csv").open(encoding="utf-8-sig", newline="") as file:
        found = {row["cell"]: row for row in csv.DictReader(file) if row["notebook"] == book}
    assert len(marks) == 12
    for cell, of_cell in marks.items():
        rest = [sum(marks[other][trainee] for other in marks if other != cell) for trainee in of_cell]
        assert float(found[cell]["discrimination"]) == pytest.approx(correlation(list(of_cell.values()), rest))
        assert int(found[cell]["discrimination_n"]) == len(rest)


def test_who_stops_answering_is_stuck_where_they_stopped(cohort, page):
    rows = rows_of(page, "Trainees who are stuck")
    assert [row for row in rows if row[-2].endswith("in a row, none answered") and row[-1] == "not answered"]
    report = json.loads((cohort.root / "report" / "report.json").read_text(encoding="utf-8"))
    assert len(report["stuck"]) == len(rows)
    for trainee in ("t16", "t17"):  # who gave up behind the second exercise of each notebook
        [found] = [one for one in report["stuck"] if one["trainee"] == trainee and one["unit"] == SECOND]
        assert found["in_a_row"] >= found["not_answered"] == 10
        assert found["notebook"] == "manipulating-data-assessment" and found["exercise"] <= 3


def test_names_and_messages_of_trainees_are_text_wherever_they_stand(cohort, page):
    assert HOSTILE in page.get_text() and HOSTILE_MESSAGE in page.get_text()
    own = BeautifulSoup(trainee_page(cohort, "t13"), "html.parser")
    assert HOSTILE in own.h1.get_text() and HOSTILE_MESSAGE in own.get_text()
    for soup in (page, own):
        assert not soup.find_all("script")
        assert not [image for image in soup.find_all("img") if image.get("src") == "x"]
        assert not [tag.name for tag in soup.find_all(True) if any(name.startswith("on") for name in tag.attrs)]


def test_a_spreadsheet_finds_no_formula_in_a_name(cohort):
    for name in ("marks.csv", "exercises.csv"):
        with (cohort.root / "report" / name).open(encoding="utf-8-sig", newline="") as file:
            texts = [text for row in csv.reader(file) for text in row]
        assert not [text for text in texts if text.startswith(("=", "+", "@"))]
    assert "'=HYPERLINK(1)" in (cohort.root / "report" / "marks.csv").read_text(encoding="utf-8")


def test_a_trainees_own_page_says_nothing_of_anybody_else(cohort):
    report = json.loads((cohort.root / "report" / "report.json").read_text(encoding="utf-8"))
    names = {trainee["id"]: trainee["name"] for trainee in report["trainees"]}
    for id, name in names.items():
        text = (cohort.root / "report" / "trainees" / f"{id}.html").read_text(encoding="utf-8")
        others = {other for key, other in names.items() if key != id} | (set(names) - {id})
        assert not [other for other in others - {name} if re.search(rf"\b{re.escape(other)}\b", text)], id
        assert FLAG not in text, "a flag is between the mentor and the trainee, not for a portfolio"


def test_a_trainees_own_page_is_evidence_by_outcome_and_code(cohort, grades):
    own = BeautifulSoup(trainee_page(cohort, "t01"), "html.parser")
    release = json.loads((cohort.release / FIRST / "data-science-assessment.ipynb").read_text(encoding="utf-8"))
    shown = {row[0]: row for row in rows_of(own, "Outcomes of Unit 01")}
    marked = {cell["metadata"]["nbgrader"]["grade_id"]: cell["metadata"] for cell in release["cells"]
              if cell["metadata"].get("nbgrader", {}).get("grade")}  # fmt: skip
    marks = {row[3]: (row[5] if row[6] is None else row[6], row[4]) for row in grades
             if row[0] == "t01" and row[2] == "data-science-assessment"}  # fmt: skip
    for id, outcome in release["metadata"]["outcomes"].items():
        row = shown[outcome["can"]]
        assert row[1] == ", ".join(outcome["codes"])
        mine = [marks[cell] for cell, metadata in marked.items() if metadata["outcome"] == id]
        earned, most = sum(mark for mark, _ in mine), sum(most for _, most in mine)
        assert row[4] == f"{'shown' if earned >= most / 2 else 'not shown yet'} ({earned:g} of {most:g})"
    codes = {row[0] for row in rows_of(own, "Knowledge (K), skills (S)")}
    assert {"K7 users and their field", "K13 statistics", "S14 tables and charts", "B4 logical thinking"} <= codes
    assert re.search(r"\d+ November 2025", own.get_text())


def test_every_code_of_a_unit_says_what_it_is_about(cohort, page):
    used = {
        code
        for unit in map(read_unit, unit_folders(ROOT / "course" / "units"))
        for one in unit.outcomes.values()
        for code in one["codes"]
    }
    assert len(used) > 15 and used <= ABOUT.keys()
    of_page = {row[0] for row in rows_of(page, "Codes of the Level 4 Data Analyst apprenticeship (standard ST0118)")}
    of_json = {
        one["name"]: one["about"] for one in json.loads((cohort.root / "report" / "report.json").read_text())["codes"]
    }
    assert of_page == {f"{code} {ABOUT[code]}" for code in of_json} and of_json.items() <= ABOUT.items()


def test_the_json_and_the_page_agree(cohort, page):
    report = json.loads((cohort.root / "report" / "report.json").read_text(encoding="utf-8"))
    assert sum(len(one["trainees"]) for one in report["to_do"]["mark"]) == int(
        re.search(r"Mark (\d+) written", card(page, "Mark"))[1]
    )
    assert len(report["exercises"]) == len([row for row in page.find_all("tr") if row.get("id")])
    marks = {(one["id"], unit["unit"]): unit for one in report["trainees"] for unit in one["units"]}
    for (trainee, unit), found in marks.items():
        if found["decided"]:
            assert cell_of(page, trainee, unit).startswith(f"{found['marks']:g} of {found['decided']:g}")


def test_only_the_owner_can_read_the_report(cohort):
    report = cohort.root / "report"
    for path in (report, report / "trainees", report / "index.html", report / "marks.csv", report / "trainees" / "t01.html"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_written_again_the_report_says_what_has_changed_and_drops_who_has_left(tmp_path):
    cohort = make_cohort(tmp_path / "small", trainees=3, units=[FIRST])
    page = write(cohort, tmp_path / "elsewhere")
    assert page == tmp_path / "elsewhere" / "index.html"
    beside = tmp_path / "elsewhere" / "trainees" / "notes.html"
    beside.write_text("the mentor's own", encoding="utf-8")
    with cohort.gradebook() as gradebook:
        gradebook.remove_student("t03")
    write(cohort, tmp_path / "elsewhere")
    left = sorted(path.name for path in (tmp_path / "elsewhere" / "trainees").iterdir())
    assert left == ["notes.html", "t01.html", "t02.html"]


def test_more_time_for_who_has_handed_in_nothing_is_no_submission(tmp_path):
    cohort = make_cohort(tmp_path / "small", trainees=5, units=[FIRST])  # t05 hands in nothing
    with cohort.gradebook() as gradebook:
        who = {"student": gradebook.find_student("t05"), "assignment": gradebook.find_assignment(FIRST)}
        gradebook.db.add(SubmittedAssignment(**who, extension=timedelta(weeks=5000)))
        gradebook.db.commit()
    page = BeautifulSoup(write(cohort).read_text(encoding="utf-8"), "html.parser")
    assert cell_of(page, "t05", FIRST) == "not due yet"
    assert not [item for item in page.select(".todo h3") if item.get_text().startswith("Chase")]


def test_a_record_that_cannot_be_read_counts_as_not_graded(tmp_path):
    cohort = make_cohort(tmp_path / "small", trainees=3, units=[FIRST])
    (cohort.records / FIRST / "t02.json").write_text('{"version": 1', encoding="utf-8")
    page = BeautifulSoup(write(cohort).read_text(encoding="utf-8"), "html.parser")
    assert cell_of(page, "t02", FIRST) == "not graded"


def test_a_cohort_with_nothing_in_it_yet_has_a_report_and_one_without_a_gradebook_is_told_so(tmp_path):
    (tmp_path / "cohort.json").write_text('{"name": "new", "eastmere_seed": null, "exchange": null}', encoding="utf-8")
    cohort = Cohort(tmp_path)
    with pytest.raises(CohortError, match="release a unit first"):
        write(cohort)
    assert not (tmp_path / "gradebook.db").exists()
    with cohort.gradebook() as gradebook:
        gradebook.add_student("ada")
    assert "Nothing waits for you" in write(cohort).read_text(encoding="utf-8")
    assert "Nothing has been handed in yet" in trainee_page(cohort, "ada")
