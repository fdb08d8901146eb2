"""`pathway`: what gives the course out, the trainee tree and the links that open it. Thin: course/launch does the work."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from course.console import console, progress_bar, refuse, say

ROOT = Path(__file__).resolve().parent.parent
app = typer.Typer(no_args_is_help=True, add_completion=False)
bench_app = typer.Typer(no_args_is_help=True, add_completion=False)

PANEL = "To open the course anywhere"


@app.command(rich_help_panel=PANEL)
def bundle(
    zip_: Annotated[
        Path | None, typer.Option("--zip", metavar="FILE", help="Write it as a zip archive, which must not be there yet.")
    ] = None,
    branch: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Make it the newest commit of this branch; no checkout is touched."),
    ] = None,
) -> None:
    """Make the trainee tree: the course without answers, banks, mentors' pages and history.

    With neither option it says whether the tree could be given out, and what would be in it.
    """
    from course.launch.bundle import BundleError, as_branch, as_zip, lay, problems

    if zip_ and branch:
        refuse("--zip and --branch are two ways to give the tree out: take one at a time.")
    try:
        with console.status("Looking for answers in every file"):
            if branch:
                made = as_branch(ROOT, branch)
            elif zip_:
                count = len(as_zip(ROOT, zip_))
            else:
                count, size, found = _tried(lay, problems)
    except (BundleError, OSError) as error:
        refuse(str(error), 1)
    if branch:
        state = "made" if made.is_new else "as before: nothing in the tree has changed"
        say(f"Branch {made.name}: commit {made.commit[:12]}, {state}. No checkout was touched.")
        say(f"Next: git push origin {made.name}, then pathway links", "bold")
    elif zip_:
        say(f"{zip_}: {count} files, {zip_.stat().st_size / 1e6:.1f} MB.")
        say("Next: give it to your trainees; unpacked, `python3 run.py lab` opens it", "bold")
    elif found:
        for line in found:
            say(line, "red")
        raise typer.Exit(1)
    else:
        say(f"The trainee tree has {count} files, {size / 1e6:.1f} MB, and no answer in any of them.")
        say("Next: pathway bundle --zip FILE, or --branch trainee", "bold")


def _tried(lay, problems) -> tuple[int, int, list[str]]:
    """Number of files of the tree, their bytes, and what keeps it from being given out."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="pathway-bundle-") as scratch:
        tree = Path(scratch) / "tree"
        laid = lay(ROOT, tree)
        return len(laid), sum((tree / path).stat().st_size for path in laid), problems(ROOT)


@app.command(rich_help_panel=PANEL)
def links(
    notebooks: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NOTEBOOK]...", help="By name, or all of a unit by its number. Default: all."),
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Binder's badge for each, to paste into a page.")
    ] = False,
    check: Annotated[
        list[str] | None, typer.Option(metavar="LINK", help="Say whether this link opens a notebook; may be given again.")
    ] = None,
) -> None:
    """Print the links that open notebooks in a Binder and on the department's hub; or check some that were sent around."""
    from course.launch import links as made
    from course.launch.settings import SettingsError, read_settings

    try:
        settings = read_settings()
    except SettingsError as error:
        refuse(str(error), 1)
    if check:
        _say_whether_they_hold(check, settings)
        return
    chosen = [path for path in made.notebooks() if not notebooks or any(_is_meant(path, name) for name in notebooks)]
    for name in notebooks or ():
        if not any(_is_meant(path, name) for path in made.notebooks()):
            refuse(f'no notebook or unit is called "{name}".')
    for path in chosen:
        if markdown:
            typer.echo(made.badge(settings, path))
            continue
        say(path, "bold")
        typer.echo(f"  {made.binder_link(settings, path)}")
        if settings.hub:
            typer.echo(f"  {made.hub_link(settings, path)}")
    if not settings.is_published:
        said = 'These links open nothing yet: set repository in pyproject.toml, [tool.pathway]; it is still "EXAMPLE".'
        typer.echo(said, err=True)


def _is_meant(path: str, name: str) -> bool:
    _, unit, file = path.split("/")
    by_number = name.isdecimal() and unit.startswith(f"{int(name):02d}-")
    return by_number or name in (path, unit, file, Path(file).stem)


def _say_whether_they_hold(asked: list[str], settings) -> None:
    from course.launch.links import check

    found = {link: check(link, settings) for link in asked}
    for link, problems in found.items():
        for problem in problems:
            typer.echo(f"{link}: {problem}")
        if not problems:
            typer.echo(f"{link}: holds")
    if any(found.values()):
        raise typer.Exit(1)


@bench_app.command("launch")
def bench_launch(
    notebook: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="A notebook of the trainee tree; may be given again.")
    ] = None,
) -> None:
    """Seconds from a Binder's server being up to the first cell, replayed here in a real browser; ends with 1 above 15."""
    _need_linux()
    from playwright.sync_api import Error

    from course.launch.bench import FIRST_CELL_S, measure_launches
    from course.launch.bundle import START, BundleError
    from course.launch.replay import ReplayError

    try:
        with console.status("Building and starting it as a Binder does"):
            found = measure_launches(ROOT, notebook or [START])
    except (BundleError, ReplayError, Error) as error:
        refuse(str(error), 1)
    for one in found:
        say(f"{one.notebook}: server {one.server_s:.1f} s, then first cell {one.first_cell_s:.1f} s, of {FIRST_CELL_S} s")
    say(f"environment and postBuild {found[0].environment_s:.0f} s, out of a cache; server {found[0].server_mb:.0f} MB")
    if any(one.first_cell_s > FIRST_CELL_S for one in found):
        raise typer.Exit(1)


@bench_app.command("memory")
def bench_memory() -> None:
    """The most memory that each notebook takes, answered, in a kernel of its own; ends with 1 above a Binder's 1 GB.

    Pressing Validate runs the notebook in a second kernel, beside the first and the server: that is what counts.
    """
    _need_linux()
    from course.launch.bench import LIMIT_MB, measure_memory

    with progress_bar("Running") as show:
        found = measure_memory(ROOT, show)
    server = f"two kernels and the server, {found[0].server_mb:.0f} MB"
    caption = f"kernel: the most it held. with Validate: {server}. Limit: {LIMIT_MB} MB."
    table = Table(box=SIMPLE_HEAD, caption=caption, caption_justify="left", padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("notebook", overflow="fold")
    table.add_column("kernel, MB", justify="right", no_wrap=True)
    table.add_column("with Validate, MB", justify="right", no_wrap=True)
    for one in found:
        table.add_row(_shortly(one.notebook), f"{one.kernel_mb:.0f}", f"{one.with_validate_mb:.0f}")
    console.print(table)
    if any(one.with_validate_mb > LIMIT_MB for one in found):
        raise typer.Exit(1)


def _shortly(notebook: str) -> str:
    """UNIT/NAME, with the unit's number alone."""
    unit, _, name = notebook.partition("/")
    return f"{unit[:2]} {name}"


def _need_linux() -> None:
    if not sys.platform.startswith("linux"):
        refuse(f"this replays what a Binder does, which is Linux; on {sys.platform} use WSL or a container.")
