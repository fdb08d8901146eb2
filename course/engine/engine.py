"""The engine's outer side: starts the warm process, asks for sessions and branches, and holds them to their limits."""

import contextlib
import os
import secrets
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from course.engine.cage import ENDS
from course.engine.check import prepared
from course.engine.linux import require_linux
from course.engine.wire import SMALL, BadMessage, Line, TimeUp, is_list_of_text, well_formed
from course.scratch import Scratch

# What may come of an engine's beginning, in bytes.
LARGE = 1 << 26
# How long a cell that has been interrupted may take to end by itself, in seconds.
GRACE = 1.0
# How long the engine's own processes may take to answer, and to clear up, in seconds.
ANSWER, CLEAR = 30.0, 5.0
# One thread is what a fork keeps; and no word about debuggers.
CALM = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
# Of what is imported nothing is garbage, and to look for some takes a fifth of the time.
START = "import gc; gc.disable(); from course.engine.warm import main; main()"
STOPPED = "Stopped"


class EngineError(Exception):
    """The engine itself could not do what was asked: it did not start, or a session is over."""


@dataclass(frozen=True)
class Limits:
    """What the cells of a session, or of a branch, may use.

    `seconds` for a cell, `seconds_in_all` for all cells (wall time); `memory_mb` for each process, beyond what the libraries
    take; `output_kb` for the outputs of a cell; `processes` that may run at a time, itself included.
    """

    seconds: float = 30.0
    seconds_in_all: float = 600.0
    memory_mb: int = 1000
    output_kb: int = 10_000
    processes: int = 16


class Error(NamedTuple):
    """An error that ended a cell."""

    name: str
    message: str


@dataclass
class CellResult:
    """What came of one cell: its outputs (nbformat's dictionaries), the first error in them, and the wall time in seconds.

    `stopped` says in plain words which limit the cell met, or how it ended its process; None for a cell that came to its own
    end. A cell that was stopped, or not run because an earlier one ended the process, has an output of type error and the
    name "Stopped": it is never taken for one that passed.
    """

    outputs: list[dict]
    execution_count: int | None = None
    seconds: float = 0.0
    stopped: str | None = None

    @property
    def error(self) -> Error | None:
        for output in self.outputs:
            if output["output_type"] == "error":
                return Error(output["ename"], output["evalue"])
        return None


@dataclass
class CheckResult(CellResult):
    """What came of a check that the engine ran itself; `odd` says in words what an honest answer does not do."""

    odd: tuple[str, ...] = ()


@dataclass(frozen=True)
class Beginning:
    """What all sessions of an engine begin with: modules that are imported by then, and cells that have been run.

    The cells are the author's: they run outside the limits, once, and what comes of them is in every session.
    """

    imports: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()


class NotABeginning(EngineError):
    """The cells of a Beginning leave something that a fork does not have: files, threads."""


class Session:
    """A process that runs cells; `branch()` gives another one that goes on from the same state. Close it, or use `with`.

    A branch ends at the latest with the session that it came from.
    """

    def __init__(
        self, origin: Line, limits: Limits, above: "Session | None", begun: int = 0, place: dict[str, str] | None = None
    ):
        self.limits = limits
        self.ended: str | None = None  # why no further cell can be run
        self._left = limits.seconds_in_all
        self._number = begun  # of the last cell that was run
        self._pids: list[int] = []
        self._closed = False
        self._talk, talk = Line.pair()
        self._hold, hold = Line.pair()
        try:
            until = time.monotonic() + ANSWER
            origin.send({"branch": asdict(limits), "place": place or {}}, (talk.fileno(), hold.fileno()), until)
            talk.close()
            hold.close()
            message, self._pids = self._hold.receive(SMALL, until, descriptors=2)
            if len(self._pids) != 2 or not isinstance(message.get("keeper"), int):
                raise BadMessage("no process")
            if above is not None:  # its keeper must not count what this one does
                above._hold.send({"branch": message["keeper"]}, (), until)
                if "noted" not in above._hold.receive(SMALL, until)[0]:
                    raise BadMessage("the session has ended")
        except (OSError, EOFError, BadMessage, TimeUp) as error:
            self._drop()
            raise EngineError(f"No process could be branched off ({type(error).__name__}: {error}).") from error
        finally:
            talk.close()
            hold.close()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def run(self, cells: Iterable[str], of_author: bool = False) -> list[CellResult]:
        """Run `cells` (their source), one result for each. An error ends its cell alone; breaking a limit may end all.

        Empty cells are left out, as nbclient does. `of_author`: what these cells take from libraries is, for `check`, what
        their names mean.
        """
        return [self._run(source, of_author) for source in cells]

    def check(self, source: str, answer_error: str | None = None) -> CheckResult:
        """Run a check cell as marking does: by the engine itself, in a fork, on the session's state as it is now.

        `answer_error` is the name of the error in which the answer's cell ended. What the check does is not seen here. A
        check that breaks a limit is stopped alone.
        """
        if self._closed:
            raise EngineError("This session is closed.")
        if why := self._why_not():
            return CheckResult(**vars(_stopped([], None, 0.0, why)))
        start = time.monotonic()
        until, words = self._time_for_one(start)
        try:
            outputs, odd, stopped = self._ask_check({"check": prepared(source), "answer_error": answer_error}, until, words)
        except (EOFError, OSError, BadMessage, TimeUp):
            self._end()
            outputs, odd, stopped = [], (), self.ended
        took = time.monotonic() - start
        self._left -= took
        result = _stopped(outputs, None, took, stopped) if stopped else CellResult(outputs, None, took)
        return CheckResult(**vars(result), odd=odd)

    def _ask_check(self, asked: dict, until: float, words: str) -> tuple[list[dict], tuple[str, ...], str | None]:
        """Have a check run until the time `until`: its outputs, what is odd, and in words what stopped it."""
        line, other = Line.pair()
        watch = None
        try:
            self._talk.send({"check": True}, (other.fileno(),), until)
            other.close()
            _, watches = self._talk.receive(SMALL, time.monotonic() + CLEAR, descriptors=1)
            if not watches:
                raise BadMessage("no process for the check")
            watch = watches[0]
            nonce = secrets.token_hex(16)
            try:
                line.send({**asked, "nonce": nonce}, (), until)
                message, _ = line.receive(6 * 1024 * self.limits.output_kb + SMALL, until)
            except TimeUp:
                return [], (), words
            except (EOFError, OSError):
                return [], (), "ended its process"
            except BadMessage:
                message = {}
            outputs, odd = message.get("outputs"), message.get("odd")
            if message.get("nonce") != nonce or not well_formed(outputs) or not is_list_of_text(odd):
                return [], ("sent a result of its own making",), "sent something that is no result"
            return outputs, tuple(odd), None
        finally:
            line.close()
            other.close()
            if watch is not None:
                with contextlib.suppress(OSError):
                    signal.pidfd_send_signal(watch, signal.SIGKILL)
                # While it is still there, Linux makes a copy of each page that the session's next cell writes to.
                select.select([watch], [], [], CLEAR)
                os.close(watch)

    def branch(self, limits: Limits | None = None) -> "Session":
        """Another session with the state of this one as it is now; what it does is not seen here.

        `limits` are those of this session unless others are given; memory cannot be raised.
        """
        if self.ended or self._closed:
            raise EngineError(f"This session is over: it {self.ended or 'was closed'}.")
        return Session(self._talk, limits or self.limits, self, self._number)

    def close(self) -> None:
        """End the session, its branches and all that they started; wait until nothing of them is left."""
        if not self._closed:
            self._end("was closed")
            self._drop()

    def _why_not(self) -> str | None:
        """Why no further cell can be run, in words; None where one can."""
        if self.ended:
            return f"not run: an earlier cell {self.ended}"
        if self._left <= 0:
            return f"not run: the time was up, {self.limits.seconds_in_all:g} s in all"
        return None

    def _time_for_one(self, start: float) -> tuple[float, str]:
        """Until when a cell that begins at `start` may run, and what to say when it does not end by then."""
        if self._left <= self.limits.seconds:
            return start + self._left, f"stopped after {self.limits.seconds_in_all:g} s in all"
        return start + self.limits.seconds, f"stopped after {self.limits.seconds:g} s"

    def _run(self, source: str, of_author: bool) -> CellResult:
        if not source.strip():
            return CellResult([])
        if self._closed:
            raise EngineError("This session is closed.")
        if why := self._why_not():
            return _stopped([], None, 0.0, why)
        self._number += 1
        start = time.monotonic()
        until, words = self._time_for_one(start)
        asked = {"source": source, "number": self._number, "id": f"cell-{self._number}", "of_author": of_author}
        outputs, count, stopped = self._ask(asked, until, words)
        took = time.monotonic() - start
        self._left -= took
        result = CellResult(outputs, count, took)
        if stopped is None and result.error and result.error.name in ("MemoryError", "_ArrayMemoryError"):
            stopped = f"used more than {self.limits.memory_mb} MB"
        return _stopped(outputs, count, took, stopped) if stopped else result

    def _ask(self, asked: dict, until: float, words: str) -> tuple[list[dict], int | None, str | None]:
        """Have a cell run until the time `until`: its outputs, its execution count and, in words, what stopped it."""
        limit = 6 * 1024 * self.limits.output_kb + SMALL
        stopped = None
        try:
            # The cell's own line has no time to lose: what does not read what it is sent is not one of ours any more.
            self._talk.send(asked, (), until)
            if not self._is_ready(until):
                stopped = words
                with contextlib.suppress(OSError):
                    signal.pidfd_send_signal(self._pids[0], signal.SIGINT)
                until = time.monotonic() + GRACE
                if not self._is_ready(until):
                    raise TimeUp
            # It has begun to answer; a large figure takes a moment.
            message, _ = self._talk.receive(limit, max(until, time.monotonic() + GRACE))
        except TimeUp:
            self._end(stopped or words)
            return [], None, self.ended
        except BadMessage:
            self._end("sent something that is no result")
            return [], None, self.ended
        except (EOFError, OSError):
            self._end(stopped)
            return [], None, self.ended
        said, ended = message.get("stopped"), message.get("ended")
        outputs, count = message.get("outputs"), message.get("execution_count")
        fits = message.get("number") == self._number or isinstance(ended, str)
        if not (fits and well_formed(outputs) and isinstance(count, int) and all(_is_words(one) for one in (said, ended))):
            self._end("sent something that is no result")
            return [], None, self.ended
        if ended is not None:
            self._end(ended[:200])
        return outputs, count, stopped or ended or (said and said[:200])

    def _is_ready(self, until: float) -> bool:
        """Wait for an answer, at most until the time `until`. Raises EOFError when the process ends without one."""
        poll = select.poll()
        poll.register(self._talk, select.POLLIN)
        poll.register(self._pids[0], select.POLLIN)
        poll.register(self._hold, select.POLLIN)
        ready = dict(poll.poll(max(0.0, until - time.monotonic()) * 1000))
        if not ready:
            return False
        if ready.get(self._talk.fileno(), 0) & select.POLLIN:
            return True
        raise EOFError

    def _end(self, reason: str | None = None) -> None:
        """Kill the process and wait until its keeper has cleared up; `reason` is why, None for its own doing."""
        if self.ended:
            return
        said = None
        with contextlib.suppress(OSError, EOFError, BadMessage, TimeUp):
            if reason is None:
                # It may have ended by itself: hear how. Its line may also be cut while it runs on.
                said = self._hold_says(0.5)
        if said is None:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._pids[0], signal.SIGKILL)
            with contextlib.suppress(OSError, EOFError, BadMessage, TimeUp):
                said = self._hold_says(CLEAR)
                reason = reason or "cut its line to the engine"
        if said is None:  # its keeper is gone or stuck: what is left falls to the keeper above it
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._pids[1], signal.SIGKILL)
        self.ended = reason or said or "ended the process"
        if self.ended == "started more processes than it may":
            self.ended = f"started more than {self.limits.processes} processes"

    def _hold_says(self, seconds: float) -> str:
        message, _ = self._hold.receive(SMALL, time.monotonic() + seconds)
        return str(message["ended"])

    def _drop(self) -> None:
        self._closed = True
        for descriptor in self._pids:
            os.close(descriptor)
        self._pids = []
        self._talk.close()
        self._hold.close()


class Sandbox(Protocol):
    """What the engine can be started in."""

    def command(self, program: list[str], environment: Mapping[str, str]) -> list[str]:
        """What to start in place of `program`, which has these environment variables alone."""


class Engine:
    """A warm process that has imported what notebooks import; sessions are forks of it. Linux only (OSError elsewhere).

    `folder` is where the notebooks run, `data` the course's data; a session may have others. Sessions may be asked for, and
    used, in threads of their own, a session in one thread. Outputs are those of a kernel under nbclient, with two
    differences: nothing is streamed, and an update of a display shown by an earlier cell is left out. What is run has the
    rights of the user who runs it: limits hold carelessness and accidents. Code that means harm belongs in a `sandbox`:
    there sessions are had one at a time, none finds a trace of the last one, and limits hold for all that a session starts
    together. A session's `folder` and `data` are then the sandbox's own.

    `begun` is what came of the cells of `beginning`. Raises EngineError where the engine does not start, NotABeginning where
    sessions cannot begin like that.
    """

    def __init__(self, folder: Path, data: Path, sandbox: Sandbox | None = None, beginning: Beginning | None = None):
        require_linux()
        self._scratch = Scratch("engine")
        self._line, line = Line.pair()
        self._one_at_a_time = threading.Lock()
        log = Path(self._scratch.name) / "warm.log"
        environment = {
            "PATHWAY_DATA": str(Path(data).resolve()),
            "IPYTHONDIR": str(Path(self._scratch.name) / "ipython"),  # nobody's own start-up files
            **CALM,
        }
        program = [sys.executable, "-P", "-c", START, str(line.fileno())]
        try:
            with log.open("wb") as words:
                self._process = subprocess.Popen(
                    sandbox.command(program, CALM) if sandbox else program,
                    cwd=folder,
                    env={**os.environ, **environment},
                    pass_fds=[line.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=words,
                    stderr=words,
                    start_new_session=True,
                )
        except OSError as error:
            self._line.close()
            self._scratch.cleanup()
            raise EngineError(f"The engine cannot run in {folder}: {error}.") from error
        finally:
            line.close()
        try:
            until = time.monotonic() + 2 * ANSWER
            self._line.send(asdict(beginning or Beginning()), (), until)
            message, _ = self._line.receive(LARGE, until)
            self.begun = tuple(CellResult(**result) for result in message["begun"])
        except (OSError, EOFError, BadMessage, TimeUp) as error:
            said = log.read_text(encoding="utf-8", errors="replace").strip()
            self.close()
            raise EngineError(f"The engine did not start. {said[-2000:]}") from error
        if message["cannot"]:
            self.close()
            raise NotABeginning(f"The cells with which sessions were to begin {message['cannot']}.")

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def session(self, limits: Limits | None = None, folder: Path | None = None, data: Path | None = None) -> Session:
        """A new session, in which nothing has been run; `folder` and `data` are the engine's unless others are given."""
        place = {"folder": folder, "data": data}
        with self._one_at_a_time:
            return Session(
                self._line, limits or Limits(), None, len(self.begun), {k: str(v.resolve()) for k, v in place.items() if v}
            )

    def how_it_ended(self, seconds: float = 0) -> str | None:
        """How the engine has come to its end by itself, in words; None where it still runs after so many seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return ENDS.get(self._process.wait(seconds), "ended the engine")
        return None

    def close(self) -> None:
        """End the engine, every session and all that they started."""
        self._line.close()
        try:
            self._process.wait(ANSWER)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._scratch.cleanup()


def _is_words(said) -> bool:
    return said is None or isinstance(said, str)


def _stopped(outputs: list[dict], count: int | None, seconds: float, words: str) -> CellResult:
    """The result of a cell that did not come to its own end: whatever else it put out, there is an error among it."""
    error = {"output_type": "error", "ename": STOPPED, "evalue": words, "traceback": [f"{STOPPED}: {words}"]}
    outputs = [*outputs, error] if not any(output["output_type"] == "error" for output in outputs) else outputs
    return CellResult(outputs, count, seconds, words)
