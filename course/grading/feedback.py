"""Feedback for trainees, by nbgrader's generate_feedback and release_feedback, without what is hidden in checks."""

import hashlib
import html
import json
import os
import re
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    GradeCell,
    Notebook,
    SourceCell,
    SubmittedNotebook,
)
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution

from course.builder.source import HIDING, SHOWING, visible_part
from course.grading import formulas, safe_html
from course.grading.cohort import Cohort
from course.grading.exchange import Refused, run_quietly
from course.grading.joins import by_cell
from course.grading.run import WITHHELD
from course.grading.settings import settings_of

TAKEN_OUT = "[a line of a hidden check]"
BOLD = re.compile(r"\*\*.*?\*\*")  # what the cell that says why marks are withheld begins with
DECIDED = "**A mentor has looked at this notebook and decided on its marks.**"
SHORTEST = 6  # letters, digits and signs of a line that says something: not of one such as ")]"
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
SHOWS_CODE = re.compile(r"Traceback \(most recent call last\)|^-{3,}>|^\s*File \"|^\s*Cell In ?\[|^Input In ", re.MULTILINE)
MADE = ".made.json"  # in feedback/: {unit: {trainee: fingerprint of what the feedback was made from}}
PORTFOLIO = "portfolio.html"  # in feedback/TRAINEE/
FEW = 8  # submissions that are not worth starting processes for
NEEDED_TO_RELEASE = ("timestamp.txt", "submission_secret.txt")


# ------------------------------------------------------------------------------------------------ what must not be seen


class HideChecks(NbGraderPreprocessor):
    """Takes out of a graded notebook what is hidden in its checks: their code, and any traceback or output that shows it.

    What a check told the trainee stays, but not where marks are withheld: there it could be what the trainee's code found.
    Once a mentor has decided on them, the cell at the top says so; its reasons stay.
    """

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        hidden = _hidden_lines(nb, resources["nbgrader"])
        withheld = bool(nb.cells) and nb.cells[0].get("id") == WITHHELD
        if withheld and _is_decided(resources["nbgrader"]):
            nb.cells[0].source = BOLD.sub(DECIDED, nb.cells[0].source, count=1)
        for cell in nb.cells:
            is_check = cell.cell_type == "code" and is_grade(cell) and not is_solution(cell)
            if is_check:
                cell.source = visible_part(cell.source)
            if is_check and withheld:
                cell.outputs = []
            if cell.cell_type == "code":
                cell.outputs = [_without(hidden, output, is_check) for output in cell.outputs]
        return nb, resources


def hidden_lines(sources: Iterable[str]) -> set[str]:
    """The lines that stand in a hidden region of one of the checks and nowhere a trainee can see them."""
    seen, hidden = set(), set()
    for source in sources:
        shown = {line.strip() for line in visible_part(source).split("\n")}
        seen |= shown
        hidden |= {line.strip() for line in source.split("\n")} - shown
    return {
        line
        for line in hidden - seen
        if len(re.sub(r"\s", "", line)) >= SHORTEST and HIDING not in line and SHOWING not in line
    }


def _is_decided(about: dict) -> bool:
    """Whether a mentor has marked all of this notebook that waited for one."""
    with Gradebook(about["db_url"]) as gradebook:
        place = about["notebook"], about["assignment"], about["student"]
        return not gradebook.find_submission_notebook(*place).needs_manual_grade


def _hidden_lines(nb: NotebookNode, about: dict) -> re.Pattern | None:
    """What finds a hidden line of this notebook in an output, wherever it was broken."""
    with Gradebook(about["db_url"]) as gradebook:
        query = gradebook.db.query(SourceCell.source).join(Notebook, SourceCell.notebook_id == Notebook.id)
        query = query.join(Assignment, Notebook.assignment_id == Assignment.id)
        found = query.filter(Notebook.name == about["notebook"], Assignment.name == about["assignment"]).all()
    lines = hidden_lines([source or "" for (source,) in found] + [cell.source for cell in nb.cells if is_grade(cell)])
    forms = {form for line in lines for form in (line, html.escape(line), html.escape(line, quote=False), repr(line)[1:-1])}
    if not forms:
        return None
    return re.compile("|".join(r"\s+".join(map(re.escape, form.split())) for form in sorted(forms, key=len, reverse=True)))


def _without(hidden: re.Pattern | None, output: NotebookNode, is_check: bool) -> NotebookNode:
    if output.output_type == "error":
        text = ANSI.sub("", "\n".join(output.traceback))
        if is_check and SHOWS_CODE.search(text):
            text = f"{output.ename}: {output.evalue}"
            output.traceback = [text]
        output.evalue = _scrub(hidden, output.evalue)
        if hidden and hidden.search(text):
            output.traceback = _scrub(hidden, text).split("\n")
    elif output.output_type == "stream":
        output.text = _scrub(hidden, output.text)
    else:
        for kind, content in output.get("data", {}).items():
            if isinstance(content, str):
                output.data[kind] = _scrub(hidden, content)
            elif hidden and hidden.search(json.dumps(content, ensure_ascii=False)):
                output.data[kind] = {}
    return output


def _scrub(hidden: re.Pattern | None, text: str) -> str:
    if not hidden or not hidden.search(ANSI.sub("", text)):
        return text
    return hidden.sub(TAKEN_OUT, ANSI.sub("", text))


# ------------------------------------------------------------------------------------------------ making and giving it


@dataclass(frozen=True)
class Given:
    """What came of giving feedback on a unit: trainees whose feedback was made now, or is the `same` as before; who can
    fetch it from the exchange, and for whom it lies in feedback/ alone. `unmarked` have answers that a mentor has still to
    mark. `failed` are sentences.
    """

    unit: str
    made: tuple[str, ...]
    same: tuple[str, ...]
    released: tuple[str, ...]
    in_folder: tuple[str, ...]
    unmarked: tuple[str, ...]
    failed: tuple[str, ...]


def feedback(
    cohort: Cohort,
    unit: str,
    portfolio: Callable[[str], str] | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
    say: Callable[[str], None] = lambda message: None,
) -> Given:
    """Make feedback/TRAINEE/UNIT of all that is graded, as far as it changed, and release it to those of the exchange.

    nbgrader finds a trainee's feedback in the exchange by the secret of the submission, which files that were handed in
    otherwise do not have. `portfolio` makes a trainee's own page (HTML), which is laid in feedback/TRAINEE.
    """
    with cohort.lock(say):
        graded = sorted(folder.parent.name for folder in cohort.autograded.glob(f"*/{unit}") if any(folder.glob("*.ipynb")))
        now, unmarked = _made_from(cohort, unit, graded)
        before = _read_made(cohort)
        stale = [one for one in graded if before.get(unit, {}).get(one) != now[one] or not _pages(cohort, one, unit)]
        failed = _generate(cohort, unit, stale, progress)
        made = [one for one in stale if one not in failed]
        before[unit] = {one: now[one] for one in graded if one not in failed}
        _write_made(cohort, before)
        released = [one for one in graded if one not in failed and _can_release(cohort, one, unit)]
        for one in [*released]:
            config = settings_of(cohort)
            config.CourseDirectory.student_id = one
            try:
                _release(config, unit)
            except Refused as error:
                failed[one] = str(error)
                released.remove(one)
        if portfolio:
            for one in graded:
                (cohort.feedback / one / PORTFOLIO).write_text(portfolio(one), encoding="utf-8")
        return Given(
            unit=unit,
            made=tuple(made),
            same=tuple(one for one in graded if one not in stale),
            released=tuple(released),
            in_folder=tuple(one for one in graded if one not in failed and one not in released),
            unmarked=tuple(one for one in graded if one in unmarked),
            failed=tuple(f"{trainee}: {why}" for trainee, why in failed.items()),
        )


def _release(config, unit: str) -> None:
    from nbgrader.exchange.default import ExchangeReleaseFeedback

    run_quietly(ExchangeReleaseFeedback, config, unit, "nbgrader does not release it")


def _pages(cohort: Cohort, trainee: str, unit: str) -> list[Path]:
    return [*(cohort.feedback / trainee / unit).glob("*.html")]


def _can_release(cohort: Cohort, trainee: str, unit: str) -> bool:
    return all((cohort.feedback / trainee / unit / name).is_file() for name in NEEDED_TO_RELEASE)


def _generate(cohort: Cohort, unit: str, trainees: list[str], progress: Callable) -> dict[str, str]:
    """Make the feedback of these trainees, on all cores; returns those for whom it failed, and why."""
    progress(0, len(trainees), unit)
    work = partial(_generate_one, cohort.root, unit)
    failed = {}

    def told(results: Iterable[str]) -> None:
        for done, (trainee, why) in enumerate(zip(trainees, results, strict=True), start=1):
            if why:
                failed[trainee] = why
            progress(done, len(trainees), unit)

    if len(trainees) <= FEW:
        told(map(work, trainees))
    else:
        context = get_context("forkserver")
        context.set_forkserver_preload(["course.grading.feedback"])
        with ProcessPoolExecutor(min(os.cpu_count() or 1, len(trainees)), context) as pool:
            told(pool.map(work, trainees, chunksize=2))
    return failed


def _generate_one(root: Path, unit: str, trainee: str) -> str:
    """nbgrader's generate_feedback for one trainee; returns why it failed, "" when it did not."""
    from nbgrader.converters import GenerateFeedback

    config = settings_of(Cohort(root))
    config.CourseDirectory.student_id = trainee
    config.GenerateFeedback.force = True
    try:
        run_quietly(GenerateFeedback, config, unit, "nbgrader makes no feedback")
    except Refused as error:
        return str(error)
    return ""


def _made_from(cohort: Cohort, unit: str, trainees: list[str]) -> tuple[dict[str, str], set[str]]:
    """Trainee -> fingerprint of what feedback is made from, this code too; and who has answers still to be marked."""
    how = b"".join(Path(module.__file__).read_bytes() for module in (sys.modules[__name__], safe_html, formulas))
    digests = {trainee: hashlib.sha256(how) for trainee in trainees}
    for trainee, digest in digests.items():
        for path in sorted((cohort.autograded / trainee / unit).glob("*.ipynb")):
            digest.update(path.name.encode() + path.read_bytes())
    unmarked = set()
    marks = Grade.auto_score, Grade.manual_score, Grade.extra_credit, SubmittedNotebook.late_submission_penalty
    graded = by_cell(Grade, GradeCell, Grade.needs_manual_grade, *marks).order_by(Grade.id)
    said = by_cell(Comment, BaseCell, Comment.auto_comment, Comment.manual_comment).order_by(Comment.id)
    with cohort.gradebook() as gradebook:
        for trainee, _, *grade in gradebook.db.execute(graded.where(Assignment.name == unit)):
            if trainee in digests:
                digests[trainee].update(repr(grade).encode())
                if grade[2]:
                    unmarked.add(trainee)
        for trainee, _, *comment in gradebook.db.execute(said.where(Assignment.name == unit)):
            if trainee in digests:
                digests[trainee].update(repr(comment).encode())
    return {trainee: digest.hexdigest() for trainee, digest in digests.items()}, unmarked


def _read_made(cohort: Cohort) -> dict[str, dict[str, str]]:
    try:
        return json.loads((cohort.feedback / MADE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def _write_made(cohort: Cohort, made: dict) -> None:
    cohort.feedback.mkdir(exist_ok=True)
    aside = cohort.feedback / f"{MADE}.new"
    aside.write_text(json.dumps(made), encoding="utf-8")
    os.replace(aside, cohort.feedback / MADE)
