"""The engine's own process: imports what notebooks import, then forks; each fork runs cells and may be forked again.

`Engine` starts it, in a Python of its own, with the descriptor of its line as the one argument. For each session or branch
there are two processes: the runner, which runs cells, and its keeper above it, which never does: it counts what the runner
starts, adopts what is left behind, and kills all of it when the runner ends or when the engine lets go.
"""

import builtins
import contextlib
import gc
import getpass
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable

from IPython.core import async_helpers

from course.engine.linux import (
    adopt_orphans,
    confine,
    descendants,
    die_with_parent,
    how_it_ended,
    kill_descendants,
    memory_now,
    reap,
    require_linux,
    use_large_pages,
)
from course.engine.wire import Line

# How often a keeper counts the processes below it, in milliseconds.
TICK_MS = 50
# The exit code of a runner that cannot reach the engine any more.
LOST = 70
WARM_UP = """
import pandas as pd
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([1, 2], label="a")
ax.set_title("a")
ax.legend()
plt.show()
from course import describe
fig, ax = plt.subplots()
ax.barh(["a"], [1])
describe(fig, "Bar chart of 1 thing, drawn to have everything loaded before the first notebook.")
pd.DataFrame({"a": [1.5], "b": ["c"]})
"""
IMPORTS = (
    "numpy",
    "pandas",
    "matplotlib.pyplot",
    "matplotlib.container",
    "afcharts",
    "scipy.optimize",
    "scipy.spatial",
    "course.chart_checks",
    "course.siting",
)
LATE = (
    "IPython.core.completer",
    "IPython.core.magics",
    "IPython.lib.pretty",
    "stack_data",
    "pygments",
    "asyncio",
    "nbformat",
)


class Runner:
    """Runs cells, one at a time, as the engine asks for them."""

    def __init__(self, shell, collector, talk: Line, base: tuple[int, int], limits: dict):
        from course.engine.shell import Spill

        self.shell, self.collector, self.talk, self.base, self.limits = shell, collector, talk, base, limits
        self.process = os.getpid()
        self.keepers: set[int] = set()  # of the branches of this runner
        self.spill = Spill()
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _let_go(self) -> None:
        """In a fork: drop what is this runner's own."""
        self.talk.close()
        self.spill.close()
        # What Linux watches for an event loop is shared by forks: each makes one of its own.
        async_helpers._asyncio_event_loop = None

    def serve(self) -> None:
        """Answer the engine until it lets go."""
        while True:
            message, descriptors = wait_for(self.talk, self.keepers)
            if "branch" in message:
                keeper = fork_off(self.shell, self.collector, self.base, message, descriptors, self._let_go)
                self.keepers.add(keeper)
            else:
                self._answer(message)

    def _answer(self, message: dict) -> None:
        self.shell.exit_asked = False
        self.collector.start(self.limits["output_kb"] * 1024, self._too_much)
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self.shell.run_cell(message["source"], store_history=True, cell_id=message["id"])
        except BaseException as error:  # a signal or an exit at an odd moment, a broken event handler
            name = type(error).__name__
            lines = traceback.format_exception_only(error)
            self.collector.send(None, "error", {"ename": name, "evalue": str(error), "traceback": lines})
        with contextlib.suppress(KeyboardInterrupt):  # one that came too late
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if os.getpid() != self.process:  # a cell forked, and this is its child
            os._exit(0)
        self._send(message["number"], "ended the process (exit)" if self.shell.exit_asked else None)

    def _too_much(self) -> None:
        """The cell that runs has put out too much: say so with the beginning, and end."""
        self.collector.too_much = lambda: None
        if os.getpid() == self.process:
            self._send(None, f"gave more than {self.limits['output_kb']} KB of output")
        os._exit(1)

    def _send(self, number: int | None, stopped: str | None) -> None:
        if number is not None:  # the cell has come to its end, and IPython has counted on
            self.spill.drain(self.collector)
        outputs = self.collector.finished()
        count = self.shell.execution_count - (number is not None)
        self.talk.send({"number": number, "outputs": outputs, "execution_count": count, "stopped": stopped})
        if stopped:
            os._exit(0)


def wait_for(line: Line, keepers: set[int]) -> tuple[dict, list[int]]:
    """The engine's next message. Keepers that have ended are taken note of meanwhile; when the engine lets go, this ends."""
    poll = select.poll()
    poll.register(line, select.POLLIN)
    while not poll.poll(TICK_MS if keepers else None):
        for keeper in list(keepers):
            with contextlib.suppress(ChildProcessError):
                if not os.waitpid(keeper, os.WNOHANG)[0]:
                    continue
            keepers.discard(keeper)
    try:
        return line.receive(1 << 24, None, descriptors=2)
    except EOFError:
        kill_descendants()
        os._exit(0)


def fork_off(shell, collector, base: tuple[int, int], asked: dict, descriptors: list[int], let_go: Callable) -> int:
    """Start a keeper with a runner below it, both with this process's state; give back the keeper's process id.

    `asked` is the engine's message: the runner's limits, and its place where that is another than this process's.
    `descriptors` are the lines for the runner and for the keeper, made by the engine; neither is kept here. `let_go` is
    called in the fork, to drop what belongs to this process alone.
    """
    limits, place = asked["branch"], asked["place"]
    gc.freeze()  # what is there already, no fork has to look through: looking would make copies of it
    talk, hold = (Line(socket.socket(fileno=descriptor)) for descriptor in descriptors)
    keeper = os.fork()
    if keeper:
        talk.close()
        hold.close()
        return keeper
    try:
        os.setsid()
        adopt_orphans()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        let_go()
        me = os.getpid()
        runner = os.fork()
        if runner == 0:
            hold.close()
            die_with_parent(me)
            os.setsid()
            if "folder" in place:
                os.chdir(place["folder"])
            if "data" in place:
                os.environ["PATHWAY_DATA"] = place["data"]
            confine(limits["memory_mb"], limits["processes"], base)
            Runner(shell, collector, talk, base, limits).serve()
        talk.close()
        keep(runner, hold, limits["processes"])
    except BaseException:
        os._exit(LOST)
    os._exit(0)


def keep(runner: int, hold: Line, allowed: int) -> None:
    """Watch over a `runner` until it ends or the engine lets go of `hold`; leave nothing behind, then say how it ended."""
    watch = os.pidfd_open(runner)
    myself = os.pidfd_open(os.getpid())
    hold.send({"keeper": os.getpid()}, (watch, myself))
    branches: set[int] = set()  # their keepers: they count for themselves
    poll = select.poll()
    poll.register(hold, select.POLLIN)
    poll.register(watch, select.POLLIN)
    said = None
    while said is None:
        ready = dict(poll.poll(TICK_MS))
        if hold.fileno() in ready:
            try:
                branches.add(hold.receive()[0]["branch"])
                hold.send({"noted": True})
            except EOFError:
                break
        # What still runs is counted before what has ended is forgotten: the runner's own end says how.
        ended = reap()
        if runner in ended:
            lost = os.waitstatus_to_exitcode(ended[runner]) == LOST
            said = "cut its line to the engine" if lost else how_it_ended(ended[runner])
        elif len(descendants(without=branches)) > allowed + 2:  # a branch that begins is two, before it is noted
            said = "started more processes than it may"
    with contextlib.suppress(OSError):
        os.killpg(runner, signal.SIGKILL)
    wait = select.poll()
    wait.register(watch, select.POLLIN)
    wait.poll(TICK_MS)  # mostly it was alone, and then nobody has to be looked for
    clear = kill_descendants()
    with contextlib.suppress(OSError):
        hold.send({"ended": said or "was let go", "clear": clear}, until=time.monotonic() + 1)


def warm_up():
    """Import and use once what notebooks use; the shell and its collector, as new."""
    import importlib

    from course.engine.shell import make_shell, refuse_input

    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    shell, collector = make_shell()
    with shell.builtin_trap:  # pandas asks get_ipython() how wide tables may be
        for name in (*IMPORTS, *LATE):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    for cell in (WARM_UP, "1 / 0"):
        shell.run_cell(cell, store_history=False)
    errors = [output for output in collector.outputs if output["output_type"] == "error"]
    if [error["ename"] for error in errors] != ["ZeroDivisionError"]:
        raise RuntimeError(f"the first figure could not be drawn: {errors}")
    import course.checks

    # Notebooks import it themselves, and it then registers with their shell; what it imports is there.
    del sys.modules["course.checks"], course.checks
    shell.reset()
    shell.events.trigger("post_execute")
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        if hasattr(sys, name):
            delattr(sys, name)
    shell._last_traceback = None
    builtins.input = getpass.getpass = refuse_input
    # As in a kernel: the notebook's own folder comes behind Python's own modules, before installed ones.
    libraries = (at for at, folder in enumerate(sys.path) if "site-packages" in folder or "dist-packages" in folder)
    sys.path.insert(next(libraries, len(sys.path)), "")
    return shell, collector


def main() -> None:
    require_linux()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    line.socket.set_inheritable(False)
    adopt_orphans()
    sys.argv[:] = ["ipykernel_launcher.py"]
    shell, collector = warm_up()
    base = memory_now()
    gc.collect()
    use_large_pages()
    line.send({"ready": os.getpid()})
    keepers: set[int] = set()
    while True:
        message, descriptors = wait_for(line, keepers)
        keepers.add(fork_off(shell, collector, base, message, descriptors, line.close))
