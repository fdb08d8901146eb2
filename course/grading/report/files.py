"""Writes the report: pages, tables (CSV) and everything as JSON, side by side in a folder."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from course.grading.cohort import Cohort
from course.grading.report import statistics
from course.grading.report.book import Book, Unit
from course.grading.report.codes import about
from course.grading.report.gather import gather
from course.grading.report.pages import Pages, file_name

# What a spreadsheet takes for a formula, which a name or a message from a trainee could be.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write(cohort: Cohort, folder: Path | None = None) -> Path:
    """Write the report of `cohort` into `folder`, by default its report/; returns the path of its first page, index.html.

    Beside it lie trainees/ID.html, marks.csv (a row a trainee and unit), exercises.csv (a row an exercise) and report.json.
    A report that is there is replaced. Raises CohortError where there is nothing to report on, OSError when the disk does
    not take it.
    """
    pages = Pages(gather(cohort))
    folder = cohort.root / "report" if folder is None else folder
    trainees = folder / "trainees"
    for one in (folder, trainees):
        one.mkdir(mode=0o700, parents=True, exist_ok=True)
    left = _pages_of_last_time(folder) - {file_name(trainee) for trainee in pages.book.people}
    for name in left:
        (trainees / name).unlink(missing_ok=True)
    for trainee in pages.book.people:
        _write(trainees / file_name(trainee), pages.trainee(trainee))
    _write(folder / "marks.csv", _csv(_marks(pages.book)))
    _write(folder / "exercises.csv", _csv(_exercises(pages)))
    _write(folder / "report.json", json.dumps(as_json(pages), indent=1, ensure_ascii=False) + "\n")
    _write(folder / "index.html", pages.cohort())
    return folder / "index.html"


def trainee_pages(cohort: Cohort) -> Callable[[str], str]:
    """What makes a trainee's own page (HTML) from the id. The cohort is read once, now, for all of them.

    Raises CohortError as `write` does; what it gives raises KeyError for who is not of the cohort.
    """
    return Pages(gather(cohort)).trainee


def trainee_page(cohort: Cohort, trainee: str) -> str:
    """One trainee's own page, to go with the feedback: a whole HTML document that says nothing about any other trainee."""
    return trainee_pages(cohort)(trainee)


def _write(path: Path, text: str) -> None:
    """Write a file that nobody else may read, whole or not at all."""
    scratch = path.with_name(f".{path.name}.new")
    with open(scratch, "w", encoding="utf-8", newline="", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    os.replace(scratch, path)


def _pages_of_last_time(folder: Path) -> set[str]:
    """The names of the trainees' pages that the report in `folder` has, if there is one."""
    try:
        trainees = json.loads((folder / "report.json").read_text(encoding="utf-8"))["trainees"]
        return {file_name(trainee["id"]) for trainee in trainees}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _csv(rows: list[dict]) -> str:
    """Rows as CSV that Excel reads as UTF-8, with text that it would take for a formula made text."""
    from pandas import DataFrame

    safe = [
        {name: f"'{v}" if isinstance(v, str) and v.startswith(FORMULA) else v for name, v in row.items()} for row in rows
    ]
    return "\ufeff" + DataFrame(safe).convert_dtypes().to_csv(index=False)


def _marks(book: Book) -> list[dict]:
    """A row for each trainee and unit; `marks` are after the penalty and of `decided`, empty where there are none."""
    return [
        {"trainee": t.id, "first_name": t.first, "last_name": t.last, **_of_unit(book, t.id, unit)}
        for t in book.trainees
        for unit in book.units
    ]


def _of_unit(book: Book, trainee: str, unit: Unit) -> dict:
    handed = book.handed.get((trainee, unit.name))
    marks, practice = book.marks(trainee, unit), book.practice(trainee, unit)
    return {
        "unit": unit.name,
        "handed_in": handed is not None,
        "handed_in_at": handed.at.isoformat() if handed and handed.at else None,
        "late_seconds": handed.late_s if handed else None,
        "graded_at": handed.graded_at.isoformat() if handed and handed.graded_at else None,
        "marks": marks and marks.earned,
        "decided": marks and marks.decided,
        "possible": marks and marks.possible,
        "awaiting": marks and marks.awaiting,
        "withheld": marks and marks.withheld,
        "penalty": marks and marks.penalty,
        "practice_right": practice and practice[0],
        "practice_exercises": practice and practice[1],
        "flags": "; ".join(reason for reasons in handed.flags.values() for reason in reasons) if handed else "",
    }


def _exercises(pages: Pages) -> list[dict]:
    """A row for each exercise of each unit."""
    rows = []
    for unit in pages.book.units:
        for one in pages.todo.figures[unit.name]:
            exercise, found = one.exercise, one.discrimination
            low, high = one.right.interval if one.right.whole else (None, None)
            rows.append(
                {
                    "unit": unit.name,
                    "notebook": exercise.notebook,
                    "exercise": exercise.number,
                    "title": exercise.title,
                    "cell": exercise.cell,
                    "kind": "assessment" if exercise.counts else "practice",
                    "written": exercise.written,
                    "points": exercise.points,
                    "outcome": exercise.outcome,
                    "codes": " ".join(unit.outcomes[exercise.outcome].codes) if exercise.outcome in unit.outcomes else "",
                    "n": one.marked if exercise.written else one.right.whole,
                    "right": None if exercise.written else one.right.part,
                    "right_low": None if exercise.written else low,
                    "right_high": None if exercise.written else high,
                    "partly": one.partly,
                    "wrong": one.wrong,
                    "not_answered": one.blank,
                    "withheld": one.withheld,
                    "awaiting": one.awaiting,
                    "mean_mark": one.mean,
                    "discrimination": found.r,
                    "discrimination_low": None if found.r is None else found.low,
                    "discrimination_high": None if found.r is None else found.high,
                    "discrimination_n": found.n,
                    "commonest_message": one.told and one.told[0],
                    "commonest_count": one.told and one.told[1],
                }
            )
    return rows


def as_json(pages: Pages) -> dict:
    """All of the report, for another program: what a mentor is to do, and each section of the page."""
    book, todo = pages.book, pages.todo
    return {
        "version": 1,
        "cohort": book.name,
        "made_at": book.made_at.isoformat(),
        "to_do": {
            "grade": [{"unit": unit.name, "trainees": who} for unit, who in todo.ungraded],
            "decide": [_found(one) for one in todo.undecided],
            "unreadable": [_found(one) for one in todo.unreadable],
            "mark": [{**_where(exercise), "trainees": who} for exercise, who in todo.to_mark],
            "mark_again": [{**_where(exercise), "trainees": who} for exercise, who in todo.again],
            "chase": [{"unit": one.unit.name, "trainees": list(one.overdue)} for one in todo.chase],
            "incomplete": [{"unit": unit.name, "trainees": who} for unit, who in todo.incomplete],
            "talk_to": [one.trainee for one in todo.talk_to],
            "go_over": [_where(one.exercise) for one in todo.hard],
        },
        "units": [
            {"unit": unit.name, "due": unit.due and unit.due.isoformat(), "notebooks": unit.notebooks} for unit in book.units
        ],
        "exercises": _exercises(pages),
        "outcomes": [
            {"unit": unit.name, "outcome": one.outcomes[0].id, **_shown(one)}
            for unit in book.units
            for one in statistics.by_outcome(book, unit)
        ],
        "codes": [{**_shown(one), "about": about(one.name)} for one in statistics.by_code(book)],
        "stuck": [
            {"trainee": one.trainee, **_where(one.first), "in_a_row": len(one.answers), "not_answered": one.blank}
            for one in todo.stuck
        ],
        "flags": [{**_found(one), "decided": one.is_decided} for one in todo.flags],
        "trainees": [
            {"id": t.id, "name": t.name, "units": [_of_unit(book, t.id, unit) for unit in book.units]} for t in book.trainees
        ],
    }


def _where(exercise) -> dict:
    return {"unit": exercise.unit, "notebook": exercise.notebook, "exercise": exercise.number, "cell": exercise.cell}


def _found(one) -> dict:
    return {"trainee": one.trainee, "unit": one.unit.name, "notebook": one.notebook, "reasons": list(one.reasons)}


def _shown(one) -> dict:
    low, high = one.shown.interval if one.shown.whole else (None, None)
    return {
        "name": one.name,
        "codes": list(one.codes),
        "shown": one.shown.part,
        "n": one.shown.whole,
        "low": low,
        "high": high,
        "lacking": list(one.lacking),
    }
