"""`pathway workshop` and `pathway bench lab`: thin, course/launch does the work."""

from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from course.console import console, refuse, say, whole_number

ROOT = Path(__file__).resolve().parents[2]
app = typer.Typer(no_args_is_help=True, add_completion=False)
bench_app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.command()
def workshop(
    route: Annotated[
        str | None, typer.Argument(metavar="[ROUTE]", help="45 or 90, as its page is called. Default: list them.")
    ] = None,
    start: Annotated[str | None, typer.Option(metavar="HH:MM", help="When it begins: times by the clock.")] = None,
    plan: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what to do, ask and say: .html to print, .md as text.")
    ] = None,
) -> None:
    """The link for the room and the plan by the minute of a workshop, from its page in the handbook."""
    from course.launch.links import binder_link, check, hub_link
    from course.launch.settings import SettingsError, read_settings
    from course.launch.workshop import WorkshopError, as_html, as_plan, clock, problems, routes

    try:
        settings, known = read_settings(), routes(ROOT)
        begins = clock(start) if start else None
    except (SettingsError, WorkshopError) as error:
        refuse(str(error), 1)
    except ValueError:
        refuse(f"--start {start}: give hours and minutes, as in 10:00.")
    if route is None:
        for name, one in known.items():
            say(f"pathway workshop {name}: {one.title} ({one.minutes} minutes)")
        return
    if route not in known:
        refuse(f"there is no workshop {route}: there are {', '.join(known)}.")
    if plan and plan.suffix not in (".html", ".md"):
        refuse(f"--plan {plan}: name a file that ends in .html or .md.")
    chosen = known[route]
    wrong = problems(chosen, ROOT)
    if wrong:
        for line in wrong:
            say(line, "red")
        refuse(f"{chosen.file.name} and the notebooks have to be brought together first.", 1)
    opens = chosen.notebooks[0]
    links = [("Link for the room", binder_link(settings, opens))]
    if settings.hub:
        links.append(("Link for who has an account on the hub", hub_link(settings, opens)))
    say(chosen.title, "bold")
    console.print(_times(chosen, begins))
    for what, address in links:
        say(f"{what}: {address}")
    for line in check(links[0][1], settings, ROOT):
        say(f"The link does not hold yet: {line}", "yellow")
    if plan is None:
        say(
            f"Next: pathway workshop {route} --plan plan.html writes what to do, ask and say at each stop, to print.", "bold"
        )
        return
    text = as_plan(chosen, begins, links)
    try:
        plan.write_text(as_html(chosen, text) if plan.suffix == ".html" else text, encoding="utf-8")
    except OSError as error:
        refuse(f"{plan}: {error.strerror}.", 1)
    say(f"{plan}: written.")


def _times(route, begins) -> Table:
    """The stops of a route, each notebook named where it is opened."""
    from course.launch.workshop import when

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("when", no_wrap=True)
    for column in ("stop", "heading in the notebook"):
        table.add_column(column, overflow="fold")
    opened = None
    for stop in route.stops:
        if stop.notebook != opened:
            table.add_row("", f"[bold]open {Path(stop.notebook).stem}", "")
        opened = stop.notebook
        table.add_row(when(stop, begins), stop.name, stop.heading)
    return table


@bench_app.command("lab")
def bench_lab(
    starts: Annotated[str, typer.Option(metavar="N", help="How many warm starts are measured.")] = "3",
) -> None:
    """Seconds from `run.py lab` to a notebook whose kernel is idle, in a real browser; ends with 1 above 15."""
    from course.launch.warm import LIMIT_S, NoStart, measure_warm

    count = whole_number(starts, "--starts", least=1)
    try:
        with console.status("Starting the lab"):
            found = measure_warm(ROOT, count)
    except NoStart as error:
        refuse(f"the lab did not start:\n{error}", 1)
    for one in found:
        say(f"server {one.server:.1f} s, page {one.page:.1f} s, usable {one.usable:.1f} s")
    slowest = max(one.usable for one in found)
    say(f"{slowest:.1f} s at most, of {LIMIT_S} s")
    if not all(one.is_met for one in found):
        raise typer.Exit(1)
