"""`run.py lab`: bring the trainee's workspace up to date and open it in JupyterLab."""

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from course.launch.workspace import WorkspaceError, update

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = Path(__file__).parent / "jupyter"  # a calm first run: no news, and of nbgrader what a trainee needs
START = "00-start-here/start-here.ipynb"
PORT = 8888


def main(arguments: list[str] | None = None) -> int:
    """Run the lab until it is stopped; returns the exit code."""
    options = _options(arguments)
    workspace = options.workspace.resolve()
    try:
        changes = update(workspace, ROOT)
    except WorkspaceError as problem:
        print(f"lab: {problem}", file=sys.stderr)
        return 2
    tell(changes, workspace)
    try:
        return serve(workspace, options)
    except KeyboardInterrupt:
        return 130


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.py lab", description="Open the course in JupyterLab. What follows -- is handed to `jupyter lab`."
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address, open no browser")
    parser.add_argument("--port", type=int, default=PORT, metavar="N", help=f"the port to serve on (default {PORT})")
    parser.add_argument(
        "--workspace", type=Path, default=ROOT / "work", metavar="DIR", help="your notebooks' folder (default work/)"
    )
    parser.add_argument("jupyter", nargs="*", metavar="-- ARGUMENT", help="handed to `jupyter lab`")
    return parser.parse_args(arguments)


def tell(changes, workspace: Path) -> None:
    """Say what `update` changed: by number where a list would not help, by name where the trainee has to act."""
    counted = {kind: sum(change.kind == kind for change in changes) for kind in ("new", "updated", "put back")}
    words = [f"{number} {kind}" for kind, number in counted.items() if number]
    print(f"Your work is in {workspace}" + (f" (files: {', '.join(words)})" if words else ""), flush=True)
    for change in changes:
        if change.kind == "beside":
            print(f"  {change}", flush=True)


def serve(workspace: Path, options: argparse.Namespace, settings: Sequence[Path] = (), also: str | None = None) -> int:
    """Run JupyterLab in this process on `workspace`, until Ctrl-C.

    `options` has no_browser, port and jupyter. Folders of `settings` prevail over ours, the last over all. `also` is another
    page of the server, whose address is told too.
    """
    # nbgrader starts programs by name, and our settings come before the trainee's own
    _put_first("PATH", Path(sys.executable).parent)
    for folder in (SETTINGS, *settings):
        _put_first("JUPYTER_CONFIG_PATH", folder)
    # Nothing is open yet: an interrupt may come in the midst of an import, which could swallow an exception.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    print("Starting JupyterLab ...", flush=True)
    from jupyter_server.serverapp import ServerApp
    from jupyterlab.labapp import LabApp  # reads JUPYTER_CONFIG_PATH; takes seconds, so after a sign of life

    class Server(ServerApp):
        def init_signal(self):
            """Leave signals to us: Jupyter asks for a confirmation, or without a terminal leaves its kernels running."""

    class Lab(LabApp):
        serverapp_class = Server

    server = Lab.initialize_server(argv=_jupyter_arguments(workspace, options))
    if server.port != options.port:
        print(f"Port {options.port} is in use: taking {server.port}", flush=True)

    def address(page: str) -> str:
        return f"http://{server.ip}:{server.port}{server.base_url}{page}?token={server.identity_provider.token}"

    ready = f"JupyterLab is ready: {address(f'lab/tree/{START}' if (workspace / START).exists() else 'lab')}"
    ready += f"\n{also.capitalize()}: {address(also)}" if also else ""
    server.io_loop.add_callback(print, f"{ready}\nCtrl-C here stops it.", flush=True)

    def stop():
        print("Stopping JupyterLab ...", flush=True)
        server.stop()

    def stop_soon(*_):
        signal.signal(signal.SIGINT, signal.default_int_handler)  # who presses twice does not want to wait
        server.io_loop.add_callback_from_signal(stop)  # a signal handler may not print: it may interrupt a print

    signal.signal(signal.SIGINT, stop_soon)
    signal.signal(signal.SIGTERM, stop_soon)
    server.start()
    server.io_loop.run_sync(_end_what_is_left)
    return 0


async def _end_what_is_left() -> None:
    """End what a stopped server was still doing: its threads wait for that, and the process for them, for ever."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*left, return_exceptions=True), timeout=10)


def _put_first(variable: str, folder: Path) -> None:
    os.environ[variable] = os.pathsep.join(filter(None, [str(folder), os.environ.get(variable)]))


def _jupyter_arguments(workspace: Path, options: argparse.Namespace) -> list[str]:
    arguments = [
        f"--ServerApp.root_dir={workspace}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={options.port}",
        f"--IdentityProvider.token={os.environ.get('JUPYTER_TOKEN') or secrets.token_hex(24)}",
        "--Application.log_level=ERROR",  # what a trainee has to know, we say ourselves
    ]
    if (workspace / START).exists():
        arguments.append(f"--LabApp.default_url=/lab/tree/{START}")
    if options.no_browser:
        arguments.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        print("You are root: JupyterLab is started with --allow-root.", flush=True)
        arguments.append("--allow-root")
    return arguments + options.jupyter


if __name__ == "__main__":
    sys.exit(main())
