"""`pathway`: the commands of a mentor, from a new cohort to its feedback. Thin: course/grading does the work."""

import argparse
import gc
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from course.console import console, progress_bar, refuse, say, whole_number

if TYPE_CHECKING:
    from course.grading.cohort import Cohort
    from course.grading.grade import Summary

app = typer.Typer(no_args_is_help=True, add_completion=False)
cohort_app = typer.Typer(no_args_is_help=True, help="A group of trainees, in a folder of its own outside the checkout.")
app.add_typer(cohort_app, name="cohort")

PANEL = "For mentors, in a cohort's folder"
Where = Annotated[Path | None, typer.Option("--cohort", metavar="DIR", help="The cohort. Default: that of this folder.")]
OneUnit = Annotated[str, typer.Argument(metavar="UNIT", help="A unit by number or folder.")]
SomeUnit = Annotated[str | None, typer.Argument(metavar="[UNIT]", help="A unit by number or folder. Default: all released.")]
MOST_SHOWN = 20  # lines of a list of trainees or files; a longer one is counted


@contextmanager
def _told() -> Iterator[None]:
    """End with one line for what cannot be done: with 2 for what was typed, with 1 for what came of it."""
    from course.grading.cohort import CohortError

    try:
        yield
    except CohortError as error:
        refuse(str(error), error.code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        refuse(f"{where}{error.strerror or error}.".replace("..", "."), 1)


def _cohort(where: Path | None) -> "Cohort":
    """The cohort to act on. The command ends with 2 where there is none."""
    from course.grading.cohort import Cohort, CohortError

    _need_linux()
    try:
        if where is not None and not where.is_dir():
            raise CohortError(f"{where} is no folder: give that of a cohort.")
        return Cohort.find(where or Path.cwd())
    except CohortError as error:
        refuse(str(error))


def _need_linux() -> None:
    if not sys.platform.startswith("linux"):
        refuse(
            f"a cohort needs Linux, or WSL on Windows: nbgrader's exchange and the sandbox do not work on {sys.platform}."
        )


def _units(cohort: "Cohort", unit: str | None) -> list[str]:
    """The unit that was named, or all that are released."""
    from course.grading.cohort import CohortError

    units = [cohort.unit(unit)] if unit else cohort.units()
    if not units:
        raise CohortError("No unit is released yet: `pathway release 01` releases the first.")
    return units


def _list(lines: Sequence[object], style: str | None = None) -> None:
    for line in lines[:MOST_SHOWN]:
        say(f"  {line}", style)
    if len(lines) > MOST_SHOWN:
        say(f"  and {len(lines) - MOST_SHOWN} more", style)


def _next(what: str) -> None:
    say(f"Next: {what}", "bold")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


@cohort_app.command("new")
def cohort_new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Outside the checkout; missing or empty.")],
    roster: Annotated[Path, typer.Option(metavar="FILE", help="CSV with nbgrader's columns; only `id` is required.")],
    eastmere_seed: Annotated[
        str | None, typer.Option(metavar="N", help="Draw another Eastmere, so that this cohort's answers are its own.")
    ] = None,
    exchange: Annotated[
        Path | None, typer.Option(metavar="DIR", help="nbgrader's exchange: a folder that trainees reach too.")
    ] = None,
    gradebook: Annotated[
        str | None, typer.Option(metavar="URL", help="An empty PostgreSQL database: postgresql://mentor@server/autumn.")
    ] = None,
) -> None:
    """Make a cohort's folder: roster, gradebook and data. Only you can read it."""
    _need_linux()
    from course.grading.cohort import Cohort
    from course.town.borough import Refused

    seed = None if eastmere_seed is None else whole_number(eastmere_seed, "--eastmere-seed")
    with _told(), console.status("Making the cohort") as status:
        try:
            cohort = Cohort.new(folder, roster, seed, exchange, gradebook, lambda what: status.update(what.capitalize()))
        except Refused as error:
            refuse(f"{error} Nothing was made.", 1)
    say(f"{folder}: {_count(len(cohort.trainees()), 'trainee')}, course id {cohort.name}.")
    if seed is not None:
        say(f"Its Eastmere is from seed {seed}: give trainees the folder {cohort.data} in place of the course's data.")
    if exchange is None:
        say("Its exchange is in it, where only you reach it: hand units out as files, or make it with --exchange DIR.")
    _next(f"cd {folder}, then pathway release 01")


@app.command(rich_help_panel=PANEL)
def release(
    unit: OneUnit,
    due: Annotated[
        str | None, typer.Option(metavar="TIME", help='As "2026-12-01 17:00", in UTC unless it says "+01:00".')
    ] = None,
    as_here: Annotated[
        bool, typer.Option("--as-here", help="Release source/UNIT of the cohort, with what you mended in it.")
    ] = False,
    where: Where = None,
) -> None:
    """Release a unit to the cohort: into its gradebook, its release/ and the exchange."""
    cohort = _cohort(where)
    when = _time(due, "--due")
    from course.grading.exchange import release

    with _told(), progress_bar("Releasing") as show:
        done = release(cohort, unit, when, as_here, show, _aside)
    number = done.unit[:2]
    if done.is_new:
        say(f"{done.unit}: released ({', '.join(cohort.notebooks(done.unit))}).")
    elif done.changed:
        say(f"{done.unit}: released again. What changed:")
        _list(done.changed)
    else:
        say(f"{done.unit}: nothing changed since it was released.")
    if done.due:
        say(f"Due {done.due:%Y-%m-%d %H:%M} UTC.")
    if not done.in_exchange:
        say(done.why_not, "red")
    say(
        f"For trainees: {cohort.release / done.unit}"
        + (f", and the exchange, course {cohort.name}" if done.in_exchange else "")
    )
    if done.checks_changed and done.graded:
        _next(f"pathway grade {number} marks the {_count(done.graded, 'graded submission')} anew by the changed checks")
    else:
        _next(f"pathway collect {number}, when trainees have handed in")
    if not done.in_exchange:
        raise typer.Exit(1)


def _time(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        refuse(f'{option} {text}: give a date and time as in "2026-12-01 17:00", which is UTC, or "2026-06-01 17:00+01:00".')
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _aside(message: str) -> None:
    """Say something while a bar of progress is there, and keep it out of what another program reads."""
    typer.echo(f"pathway: {message}", err=True)


@app.command(rich_help_panel=PANEL)
def collect(
    unit: SomeUnit = None,
    files: Annotated[
        Path | None,
        typer.Option("--from", metavar="PATH", help="A folder, or an LMS's zip, of TRAINEE_..._NOTEBOOK.ipynb."),
    ] = None,
    where: Where = None,
) -> None:
    """Take in what trainees handed in: from the exchange, or from files."""
    cohort = _cohort(where)
    from course.grading.cohort import CohortError
    from course.grading.collect import collect

    with _told():
        units = _units(cohort, unit)
        if files and not unit and len(units) > 1:
            raise CohortError("--from needs a UNIT: several are released.")
        with console.status("Collecting"):
            found = [collect(cohort, one, files, _aside) for one in units]
    for done in found:
        counts = f"{len(done.new)} new, {len(done.replaced)} replaced by a later one, {len(done.same)} as before"
        say(f"{done.unit}: {_count(len(done.new) + len(done.replaced) + len(done.same), 'submission')} ({counts}).")
        if done.left_out:
            say(f"Left out, {_count(len(done.left_out), 'file')}:", "red")
            _list(done.left_out, "red")
        if done.to_grade_again:
            say(
                f"Graded before, and handed in again since: {', '.join(done.to_grade_again)}. Marks stay until graded again."
            )
        if done.late:
            say(f"Late: {', '.join(done.late)}.")
        _list(done.notes)
    changed = [done.unit[:2] for done in found if done.new or done.replaced]
    _next(f"pathway grade {changed[0] if len(changed) == 1 else ''}".rstrip() if changed else "pathway status")


@app.command(rich_help_panel=PANEL)
def grade(
    unit: SomeUnit = None,
    trainee: Annotated[list[str] | None, typer.Option(metavar="ID", help="Only this trainee; may be given again.")] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler; without it this machine's cores.")
    ] = None,
    unsandboxed: Annotated[
        bool,
        typer.Option("--unsandboxed", help="Run trainees' code as you, with all that you may do. Never on a real cohort."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON, and nothing else.")] = False,
    where: Where = None,
) -> None:
    """Run the checks of what was collected, in a sandbox; what is graded already is left alone."""
    cohort = _cohort(where)
    from course.grading.grade import grade

    gc.freeze()  # what is imported stays: there is no need to look through it again and again for what could go
    if unsandboxed:
        warning = "Without the sandbox, trainees' code can read and change whatever you can: the gradebook, your files."
        say(warning, "bold red")
    with _told(), _grading_told(), progress_bar("Grading") as show:
        done = grade(cohort, _units(cohort, unit), trainee or (), scheduler, not unsandboxed, show, _aside)
    if as_json:
        typer.echo(json.dumps(vars(done)))
    else:
        _say_graded(done)
        _next(_after_grading(cohort))
    if done.failed:
        raise typer.Exit(1)


@contextmanager
def _grading_told() -> Iterator[None]:
    """End with one line for what keeps all from being graded: no sandbox, no engine, a unit to release again."""
    from course.engine import EngineError
    from course.grading.sandbox import SandboxError
    from course.grading.template import TemplateError

    try:
        yield
    except (SandboxError, TemplateError, EngineError) as error:
        refuse(str(error), 1)


def _say_graded(done: "Summary") -> None:
    took = f", {done.seconds / done.notebooks:.2f} s a notebook" if done.notebooks else ""
    say(f"{_count(done.graded, 'submission')} graded in {done.seconds:.0f} s{took}; {done.unchanged} as before.")
    if done.flagged:
        say("Marks withheld, for you to decide (formgrader says why):", "yellow")
        _list([f"{trainee}, {unit}" for trainee, unit in done.flagged], "yellow")
    if done.failed:
        say("Not graded:", "red")
        _list(done.failed, "red")


def _after_grading(cohort: "Cohort") -> str:
    from course.grading.export import status

    if any(one.to_mark for one in status(cohort)):
        return "pathway mentor, to mark written answers and decide on flags; pathway report shows where"
    return "pathway feedback, and pathway report"


@app.command(rich_help_panel=PANEL)
def mentor(
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
    port: Annotated[int, typer.Option(metavar="N", help="The port to serve on.")] = 8888,
    where: Where = None,
) -> None:
    """Open JupyterLab with formgrader on the cohort, to mark by hand."""
    cohort = _cohort(where)
    from course.launch import lab

    say("Formgrader is in the menu Nbgrader. Read trainees' notebooks here, and do not run them: here they run as you.")
    options = argparse.Namespace(no_browser=no_browser, port=port, jupyter=[])
    settings = Path(__file__).parent / "grading" / "jupyter"
    try:
        code = lab.serve(cohort.root, options, [settings, cohort.root], also="formgrader")
    except KeyboardInterrupt:
        code = 130
    _next("pathway feedback, and pathway report")
    raise typer.Exit(code)


@app.command(rich_help_panel=PANEL)
def feedback(
    unit: SomeUnit = None,
    portfolio: Annotated[
        bool, typer.Option("--portfolio", help="Lay each trainee's own page of the report with it, as evidence.")
    ] = False,
    where: Where = None,
) -> None:
    """Make trainees' feedback, and release it to those who handed in by the exchange. No hidden check is in it."""
    cohort = _cohort(where)
    from course.grading.feedback import feedback

    page = None
    if portfolio:
        from course.grading.report import trainee_pages

        with _told():
            page = trainee_pages(cohort)
    with _told(), progress_bar("Giving feedback") as show:
        given = [feedback(cohort, one, page, show, _aside) for one in _units(cohort, unit)]
    for done in given:
        say(f"{done.unit}: feedback for {_count(len(done.made), 'trainee')}, as before for {len(done.same)}.")
        if done.released:
            say(f"In the exchange for {len(done.released)}: they fetch it in the Assignment List.")
        if done.in_folder:
            pages = cohort.feedback / "TRAINEE" / done.unit
            say(f"Handed in as files, so send it to them from {pages}: {_some(done.in_folder)}.")
        if done.unmarked:
            say(f"Without the marks that you have still to give: {_some(done.unmarked)}.")
        _list(done.failed, "red")
    if not any(done.made or done.same for done in given):
        _next("pathway grade; nothing is graded yet")
    elif any(done.unmarked for done in given):
        _next("pathway mentor, to mark the rest, then pathway feedback again")
    else:
        _next("pathway export writes the marks")
    if any(done.failed for done in given):
        raise typer.Exit(1)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
    return ", ".join(names[:MOST_SHOWN]) + more


@app.command(rich_help_panel=PANEL)
def report(where: Where = None) -> None:
    """Write the report: who handed in what, marks, who is stuck where, what to do."""
    cohort = _cohort(where)
    from course.grading.report import write

    with _told(), console.status("Writing the report"):
        page = write(cohort)
    say(f"{page}: open it in a browser.")
    _next("pathway feedback")


@app.command(rich_help_panel=PANEL)
def export(
    to: Annotated[Path, typer.Option(metavar="FILE", help="Where to write it.")] = Path("marks.csv"), where: Where = None
) -> None:
    """Write all marks as CSV, a row for each question of each trainee."""
    cohort = _cohort(where)
    from course.grading.export import export

    with _told():
        count = export(cohort, to)
    say(f"{to}: {_count(count, 'row')}. Practice stands apart, in the column counts_as.")
    _next("pathway status")


@app.command(rich_help_panel=PANEL)
def extend(
    unit: OneUnit,
    trainee: Annotated[str, typer.Option(metavar="ID", help="Who gets more time.")],
    hours: Annotated[str, typer.Option(metavar="N", help="Hours behind the due date; 0 takes the extension back.")],
    where: Where = None,
) -> None:
    """Give a trainee more time for a unit: nbgrader's extension."""
    cohort = _cohort(where)
    count = whole_number(hours, "--hours")
    from course.grading.exchange import extend

    with _told():
        due = extend(cohort, unit, trainee, count)
    say(f"{trainee}: due {due:%Y-%m-%d %H:%M} UTC.")
    _next(f"pathway grade {unit}, where it was graded as late")


@app.command(rich_help_panel=PANEL)
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, and nothing else.")] = False, where: Where = None
) -> None:
    """Say how far each unit is, and what to do next."""
    cohort = _cohort(where)
    from course.grading.export import as_dict, status

    with _told():
        found = status(cohort)
    if as_json:
        typer.echo(json.dumps({"cohort": cohort.name, "units": [as_dict(one) for one in found]}, indent=1))
        return
    say(f"{cohort.root}: {_count(len(cohort.trainees()), 'trainee')}")
    if found:
        console.print(_status_table(found))
    to_do = [one.next for one in found if one.next]
    done = "pathway report and pathway export; pathway release UNIT hands out the next" if found else "pathway release 01"
    _next(to_do[0] if to_do else done)
    for what in to_do[1:]:
        say(f"Then: {what}")


def _status_table(found: Sequence) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("unit", overflow="fold")
    table.add_column("due", no_wrap=True)
    for column in ("collected", "graded", "to mark", "flagged", "feedback"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in found:
        due = f"{one.due:%d %b %Y}" if one.due else ""
        counts = f"{one.collected} of {one.trainees}", one.graded, one.to_mark or "", one.flagged or "", one.feedback
        table.add_row(one.unit, due, *map(str, counts))
    return table


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Outside the checkout; missing or empty.")],
    trainees: Annotated[str, typer.Option(metavar="N", help="How many trainees.")] = "30",
    seed: Annotated[str, typer.Option(metavar="N", help="Another cohort for another number.")] = "1",
) -> None:
    """Make a cohort that looks real, grade it and write its report: to try all of this."""
    _need_linux()
    count, number = whole_number(trainees, "--trainees", least=1), whole_number(seed, "--seed")
    from course.grading.demo import make_demo, mark_some
    from course.grading.grade import grade
    from course.grading.report import write

    with _told(), _grading_told():
        with progress_bar("Making") as show:
            cohort = make_demo(folder, count, number, progress=show)
        with progress_bar("Grading") as show:
            done = grade(cohort, progress=show)
        mark_some(cohort, number)
        with console.status("Writing the report"):
            page = write(cohort)
    _say_graded(done)
    say(f"{page}: open it in a browser.")
    _next(f"cd {folder}, then pathway status")
