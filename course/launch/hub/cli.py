"""`pathway hub`: the commands of who runs a department's hub. Thin: the modules beside this one do the work."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from course.console import console, refuse, say, whole_number

app = typer.Typer(no_args_is_help=True, add_completion=False)
hub_app = typer.Typer(no_args_is_help=True, help="A department's JupyterHub, on a Linux machine of its own.")
app.add_typer(hub_app, name="hub")
bench_app = typer.Typer(add_completion=False)  # what `pathway bench` has from here

Settings = Annotated[
    Path | None, typer.Option("--settings", metavar="FILE", help="Default: $PATHWAY_HUB, else /etc/pathway-hub.toml.")
]


@contextmanager
def _told() -> Iterator[None]:
    from course.launch.hub.settings import HubError

    if not sys.platform.startswith("linux"):
        refuse(f"a hub needs Linux: on {sys.platform} there are no accounts that it could start servers for.")
    try:
        yield
    except HubError as error:
        refuse(str(error), 1)
    except OSError as error:
        refuse(f"{error.filename}: {error.strerror}." if error.filename else f"{error}.", 1)


@hub_app.command()
def prepare(settings: Settings = None) -> None:
    """Lay what the hub needs on this machine, or bring it up to date. As root; when nobody is working."""
    from course.launch.hub import ground, software
    from course.launch.hub.settings import place, read

    with _told():
        found = read(settings or place())
        ground.must_be_root()
        with console.status("Preparing") as status:
            done = []
            software.make(found.software, lambda what: (done.append(f"{found.software}: {what}"), status.update(what)))
            done += ground.lay(found)
    for line in done or ["Everything was there already."]:
        say(line)
    say("Next: pathway hub check", "bold")


@hub_app.command()
def check(settings: Settings = None) -> None:
    """Look at all that the hub stands on: OK, or what to do, a line each. As root. Ends with 1 when it must not start so."""
    from course.launch.hub import ground
    from course.launch.hub.settings import place, read

    with _told():
        found = ground.look(read(settings or place()))
    for one in found:
        style = None if not one.problem else "red" if one.stops else "yellow"
        say(f"{'OK  ' if not one.problem else 'MEND' if one.stops else 'NOTE'} {one.what}", style)
        if one.problem:
            say(f"     {one.problem}")
    if any(one.problem and one.stops for one in found):
        raise typer.Exit(1)
    say("Next: pathway hub start", "bold")


@hub_app.command()
def start(settings: Settings = None) -> None:
    """Start the hub, and stay with it until Ctrl-C or systemd stops it. As root."""
    from course.launch.hub.settings import VARIABLE, place, read

    with _told():
        where = (settings or place()).absolute()
        state = read(where).state
        if not state.is_dir():
            refuse(f"{state} is not there: `pathway hub prepare` makes it.", 1)
    os.chdir(state)
    os.umask(0o022)  # an administrator's own may be closer, and would be that of everybody's server
    config = Path(__file__).with_name("jupyterhub_config.py")
    hub = Path(sys.executable).with_name("jupyterhub")
    os.execve(hub, [str(hub), f"--config={config}"], {**os.environ, VARIABLE: str(where)})


@bench_app.command("hub")
def bench_hub(
    servers: Annotated[str, typer.Option(metavar="N", help="How many people are on it at a time.")] = "6",
) -> None:
    """Memory, start and requests of people's servers on a hub of this machine, started for it. As anybody; no settings."""
    import tempfile

    count = whole_number(servers, "--servers", least=4)
    with _told(), tempfile.TemporaryDirectory(prefix="pathway-bench-hub-") as scratch, console.status("Starting") as status:
        from course.launch.hub import bench, software

        found = bench.measure(software.ROOT, count, Path(scratch), lambda what: status.update(what.capitalize()))
    lines = [
        f"{found.servers} people at a time, {found.cores} cores; memory with shared pages counted in parts (PSS)",
        f"hub {found.hub_mb:.0f} MB, proxy {found.proxy_mb:.0f} MB",
        f"a server {found.server_mb:.0f} MB; a lesson that was run adds {found.kernel_mb:.0f} MB",
        f"start: the first {found.first_s:.1f} s, then {found.each_s:.1f} s each; {found.at_once} at once "
        f"{found.together_s:.1f} s",
        f"requests: {found.requests_s:.0f} a second, median {found.median_ms:.0f} ms, "
        f"95 of 100 within {found.slow_ms:.0f} ms",
    ]
    for line in lines:
        say(line)
