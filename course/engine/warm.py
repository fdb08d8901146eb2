"""The engine's own process: imports what notebooks import, then forks; each fork runs cells and may be forked again.

`Engine` starts it, in a Python of its own, with the descriptor of its line as the one argument, and says over it with what
all sessions begin. For each session or branch there are two processes: the runner, which runs cells, and its keeper above
it, which never does: it counts what the runner starts, adopts what is left behind, and kills all of it when the runner ends
or when the engine lets go. In a cage the warm process is the keeper itself.
"""

import builtins
import contextlib
import gc
import getpass
import importlib
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from IPython.core import async_helpers

from course.engine.cage import WORK, Cage
from course.engine.check import Inspector
from course.engine.linux import (
    adopt_orphans,
    be_unreadable,
    confine,
    deny_calls,
    descendants,
    die_with_parent,
    how_it_ended,
    kill_descendants,
    memory_now,
    memory_of,
    reap,
    require_linux,
    threads_here,
    use_large_pages,
)
from course.engine.shell import Collector, Shell, Spill, Stopped, make_shell, refuse_input
from course.engine.wire import SMALL, Line

# How often a keeper counts the processes below it, in milliseconds.
TICK_MS = 50
# The exit code of a runner that cannot reach the engine any more.
LOST = 70
# The exit code of a check that put out more than it may.
TOO_MUCH = 71
# The longest message of the engine, and what a cell of an author may put out, in bytes.
LARGE = MOST_SHOWN = 1 << 24
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
# What every notebook uses, and what IPython imports late. The rest is imported where a beginning asks for it: each library
# makes every fork dearer.
IMPORTS = ("numpy", "pandas", "matplotlib.pyplot", "matplotlib.container", "afcharts", "course.chart_checks")
LATE = ("IPython.core.completer", "IPython.core.magics", "IPython.lib.pretty", "stack_data", "pygments", "asyncio")


@dataclass(frozen=True)
class Warm:
    """What every fork has: the notebook's shell and what collects its outputs, the inspector, the memory taken so far.

    `base` is what was reserved, in bytes: private data, address space; `resident` what is in use.
    """

    shell: Shell
    collector: Collector
    inspector: Inspector
    base: tuple[int, int]
    resident: int


class Runner:
    """Runs cells, one at a time, as the engine asks for them."""

    def __init__(self, warm: Warm, talk: Line, limits: dict):
        self.warm, self.shell, self.collector = warm, warm.shell, warm.collector
        self.talk, self.limits = talk, limits
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
                self.keepers.add(fork_off(self.warm, message, descriptors, self._let_go))
            elif "check" in message:
                self.keepers.add(self._fork_check(descriptors[0]))
            else:
                self._answer(message)

    def _answer(self, message: dict) -> None:
        self.shell.exit_asked, self.overflowed = False, False
        self.collector.start(self.limits["output_kb"] * 1024, self._too_much)
        names = self.warm.inspector.names() if message["of_author"] else None
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
        if names is not None:
            self.warm.inspector.note_names_since(names)
        self._send(message["number"], "ended the process (exit)" if self.shell.exit_asked else None)

    def _too_much(self) -> None:
        """The cell that runs has put out too much: stop it; one that goes on all the same ends with its process."""
        if self.overflowed or os.getpid() != self.process:
            self.collector.too_much = lambda: None
            if os.getpid() == self.process:
                self._send(None, self._said_too_much())
            os._exit(1)
        self.overflowed = True
        self.collector.room = SMALL  # for the error that says so
        raise Stopped(self._said_too_much())

    def _said_too_much(self) -> str:
        return f"gave more than {self.limits['output_kb']} KB of output"

    def _send(self, number: int | None, ended: str | None) -> None:
        if number is not None:  # the cell has come to its end, and IPython has counted on
            with contextlib.suppress(Stopped):
                self.spill.drain(self.collector)
        stopped = self._said_too_much() if self.overflowed and not ended else None
        outputs = self.collector.finished()
        count = self.shell.execution_count - (number is not None)
        message = {"number": number, "outputs": outputs, "execution_count": count, "stopped": stopped, "ended": ended}
        self.talk.send(message)
        if ended:
            os._exit(0)

    def _fork_check(self, descriptor: int) -> int:
        """Start a fork that runs the one check which comes over the line of that descriptor; its process id."""
        threads = len(sys._current_frames())
        line, me = Line(socket.socket(fileno=descriptor)), os.getpid()
        child = os.fork()
        if child == 0:
            try:
                self._let_go()
                die_with_parent(me)
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, 1)  # what is written there by hand would come out in the next cell
                os.dup2(nowhere, 2)
                asked, _ = line.receive(LARGE)
                self.collector.start(self.limits["output_kb"] * 1024, lambda: os._exit(TOO_MUCH))
                outputs, odd = self.warm.inspector.run(asked["check"], asked["answer_error"], threads)
                line.send({"nonce": asked["nonce"], "outputs": outputs, "odd": odd})
            finally:
                os._exit(0)
        line.close()
        watch = os.pidfd_open(child)
        self.talk.send({"checking": child}, (watch,))
        os.close(watch)
        return child


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
        return line.receive(LARGE, None, descriptors=2)
    except EOFError:
        kill_descendants()
        os._exit(0)


def fork_off(warm: Warm, asked: dict, descriptors: list[int], let_go: Callable) -> int:
    """Start a keeper with a runner below it, both with this process's state; give back the keeper's process id.

    `warm` is what every fork has from the warm process. `asked` is the engine's message: the runner's limits, and its place
    where that is another than this process's. `descriptors` are the lines for the runner and for the keeper, made by the
    engine; neither is kept here. `let_go` is called in the fork, to drop what belongs to this process alone.
    """
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
        runner = fork_runner(warm, asked, talk, hold)
        talk.close()
        keep(runner, hold, asked["branch"]["processes"])
    except BaseException:
        os._exit(LOST)
    os._exit(0)


def keep_in_cage(warm: Warm, asked: dict, descriptors: list[int], line: Line, cage: Cage) -> None:
    """Start a runner as `fork_off` does, and be its keeper until it ends: nobody in a space can harm its first process."""
    gc.freeze()
    talk, hold = (Line(socket.socket(fileno=descriptor)) for descriptor in descriptors)
    cage.begin(asked["branch"], warm.resident)
    runner = fork_runner(warm, asked, talk, hold, line.close, caged=True)
    talk.close()
    keep(runner, hold, asked["branch"]["processes"], cage.watch)
    hold.close()
    cage.clear()


def fork_runner(
    warm: Warm, asked: dict, talk: Line, hold: Line, let_go: Callable = lambda: None, caged: bool = False
) -> int:
    """Start a runner; its process id. `caged` denies it system calls that no notebook needs."""
    limits, place, me = asked["branch"], asked["place"], os.getpid()
    runner = os.fork()
    if runner:
        return runner
    try:
        let_go()
        hold.close()
        die_with_parent(me)
        os.setsid()
        be_unreadable(False)  # as every process is that nobody protects: its own /proc is its own again
        if "folder" in place:
            os.chdir(place["folder"])
        if "data" in place:
            os.environ["PATHWAY_DATA"] = place["data"]
        confine(limits["memory_mb"], limits["processes"], warm.base)
        runs = Runner(warm, talk, limits)
        if caged:
            deny_calls()
        runs.serve()
    finally:
        os._exit(LOST)


def keep(runner: int, hold: Line, allowed: int, watch_over: Callable[[], None] = lambda: None) -> None:
    """Watch over a `runner` until it ends or the engine lets go of `hold`; leave nothing behind, then say how it ended.

    `watch_over` is called many times a second.
    """
    watch = os.pidfd_open(runner)
    myself = os.pidfd_open(os.getpid())
    hold.send({"keeper": os.getpid()}, (watch, myself))
    os.close(myself)
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
        else:
            watch_over()
    with contextlib.suppress(OSError):
        os.killpg(runner, signal.SIGKILL)
    wait = select.poll()
    wait.register(watch, select.POLLIN)
    wait.poll(TICK_MS)  # mostly it was alone, and then nobody has to be looked for
    os.close(watch)
    clear = kill_descendants()
    with contextlib.suppress(OSError):
        hold.send({"ended": said or "was let go", "clear": clear}, until=time.monotonic() + 1)


def warm_up(imports: Iterable[str] = ()) -> tuple[Shell, Collector]:
    """Import and use once what notebooks use, and `imports`; the shell is as new then."""
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    shell, collector = make_shell()
    with shell.builtin_trap:  # pandas asks get_ipython() how wide tables may be
        for name in (*IMPORTS, *LATE, *imports):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    gc.collect()
    gc.freeze()  # the shell's reset below looks for garbage too, and need not look here again
    for cell in (WARM_UP, "1 / 0"):
        shell.run_cell(cell, store_history=False)
    errors = [output for output in collector.outputs if output["output_type"] == "error"]
    if [error["ename"] for error in errors] != ["ZeroDivisionError"]:
        raise RuntimeError(f"the first figure could not be drawn: {errors}")
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


def files_here() -> set[tuple[str, int, int]]:
    """The files of this folder and those below it: path, size, time of the last change."""
    found = ((path, path.stat()) for path in Path().rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {(str(path), about.st_size, about.st_mtime_ns) for path, about in found}


def begin(shell: Shell, collector: Collector, inspector: Inspector, cells: Sequence[str]) -> list[dict]:
    """Run the `cells` with which every fork begins; what came of each."""
    results = []
    for number, source in enumerate(cells, 1):
        names = inspector.names()
        collector.start(MOST_SHOWN, lambda: None)
        start = time.monotonic()
        shell.run_cell(source, store_history=True, cell_id=f"cell-{number}")
        took = time.monotonic() - start
        inspector.note_names_since(names)
        count = shell.execution_count - 1
        results.append({"outputs": collector.finished(), "execution_count": count, "seconds": took})
    return results


def main() -> None:
    require_linux()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    line.socket.set_inheritable(False)
    adopt_orphans()
    cage = Cage() if os.getpid() == 1 else None
    sys.argv[:] = ["ipykernel_launcher.py"]
    asked, _ = line.receive(LARGE)
    shell, collector = warm_up(asked["imports"])
    with shell.builtin_trap:  # as it is while a cell runs
        inspector = Inspector(shell, collector)
    if cage:
        cage.lay()
        os.chdir(WORK)
    cells = asked["cells"]
    before = files_here() if cells else set()  # without cells it may be a folder in which others are at work
    results = begin(shell, collector, inspector, cells)
    wrote = bool(cells) and files_here() != before
    cannot = "wrote files" if wrote else "started threads" if threads_here() > 1 else None
    gc.enable()
    warm = Warm(shell, collector, inspector, memory_now(), memory_of(os.getpid()))
    use_large_pages()
    line.send({"ready": os.getpid(), "begun": results, "cannot": cannot})
    keepers: set[int] = set()
    while True:
        message, descriptors = wait_for(line, keepers)
        if cage:
            keep_in_cage(warm, message, descriptors, line, cage)
        else:
            keepers.add(fork_off(warm, message, descriptors, line.close))
