"""`pathway site`: makes the course's web site. Thin: course/site does the work."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from course.console import console, progress_bar, refuse, say

ROOT = Path(__file__).resolve().parents[2]
app = typer.Typer(no_args_is_help=True, add_completion=False)
bench_app = typer.Typer(no_args_is_help=True, add_completion=False)


@contextmanager
def _told() -> Iterator[None]:
    """End with 1 for what keeps the site from being made, each with its file and what to do."""
    from course.builder.problem import BuildError
    from course.engine import EngineError
    from course.launch.settings import SettingsError
    from course.site.build import SiteError

    try:
        yield
    except (BuildError, EngineError, SettingsError, SiteError) as error:
        for line in str(error).splitlines():
            say(line.removeprefix(f"{ROOT}/"), "red")
        refuse("the site was not made.", 1)
    except OSError as error:
        refuse(f"{error.filename or 'a file'}: {error.strerror}. The site was not made.", 1)


@app.command()
def site(
    into: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to make it. Default: .build/site.")] = None,
    prove: Annotated[
        bool, typer.Option("--prove", help="Before that, prove the units whose exercises changed: takes minutes.")
    ] = False,
) -> None:
    """Make the web site: every lesson without its answers, the data, the handbook, the proof. Needs no network."""
    from course.builder.build import Builder
    from course.launch.settings import read_settings
    from course.site import proved
    from course.site.build import build

    with _told():
        settings = read_settings(ROOT / "pyproject.toml")
        if prove:
            with progress_bar("Proving") as show:
                again = proved.prove_changed(ROOT, Builder(ROOT).units(), show)
            for unit in again:
                say(f"{unit}: proved; {proved.RECORD} keeps what came of it.")
        with console.status("Reading the units") as status:
            made = build(ROOT, into or ROOT / ".build" / "site", settings, progress=status.update)
    say(f"{made.folder / 'index.html'}: {made.pages} pages. Open it in a browser; it needs no server.")
    if made.unproved:
        say(
            f"Changed since they were proved: {', '.join(made.unproved)}. `pathway site --prove` proves them again.",
            "yellow",
        )
    if not settings.is_published:
        say("No launch buttons: [tool.pathway] of pyproject.toml does not say yet where the course is published.", "yellow")


@bench_app.command("site")
def bench_site() -> None:
    """Seconds to make the site, from nothing and after one lesson changed, and its largest page."""
    from course.launch.settings import read_settings
    from course.site.bench import measure

    with _told(), console.status("Making the site twice"):
        found = measure(ROOT, read_settings(ROOT / "pyproject.toml"))
    seconds = f"{found.from_nothing:.1f} s from nothing, {found.after_a_change:.1f} s after one lesson changed"
    say(f"{found.pages} pages: {seconds}.")
    say(f"The largest is {found.largest}, {found.largest_mb:.2f} MB.")
