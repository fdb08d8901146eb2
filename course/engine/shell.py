"""IPython's shell as it is in a kernel, with its outputs collected as notebook outputs; no sockets, no threads."""

import contextlib
import io
import os
import re
import sys
import tempfile
import threading

from ipykernel.compiler import XCachingCompiler
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.error import StdinNotImplementedError
from jupyter_client.session import Session
from traitlets.config import Config

# As nbclient has it: what a carriage return has overwritten on its line.
OVERWRITTEN = re.compile(r".*\r(?=[^\n])")


class Stopped(BaseException):
    """A cell is stopped, having put out more than it may. No Exception: its own `except Exception` must not catch it."""


class Collector(Session):
    """Takes the messages that a kernel would send to the notebook, and keeps them as the outputs of the cell that runs."""

    def start(self, limit: int, too_much) -> None:
        """Begin a cell whose outputs may be `limit` bytes long; `too_much()` is called when they are longer."""
        self.outputs: list[dict] = []
        self.room, self.too_much = limit, too_much
        self._clear_first = False
        self._shown: dict[str, list[dict]] = {}  # display_id -> outputs of this cell
        self._guard = threading.RLock()

    def msg(self, msg_type, content=None, parent=None, header=None, metadata=None):
        return {"msg_type": msg_type, "content": content or {}, "header": {}, "parent_header": {}, "metadata": {}}

    def send(self, stream, msg_or_type, content=None, parent=None, ident=None, **ignored):
        if isinstance(msg_or_type, dict):
            kind, content = msg_or_type["msg_type"], msg_or_type["content"]
        else:
            kind = msg_or_type
        with self._guard:
            self._take(kind, content)

    def write(self, name: str, text: str) -> None:
        """Add `text` to the stream `name`, stdout or stderr."""
        if text:
            with self._guard:
                self._spend(len(text))
                self._make_room()
                last = self.outputs[-1] if self.outputs else None
                if last and last["output_type"] == "stream" and last["name"] == name:
                    last["text"].append(text)
                else:
                    self.outputs.append({"output_type": "stream", "name": name, "text": [text]})

    def _take(self, kind: str, content: dict) -> None:
        if kind == "clear_output":
            self._clear_first = bool(content.get("wait"))
            if not self._clear_first:
                self._clear()
        elif kind == "update_display_data":
            self._spend(_size(content["data"]))
            for output in self._shown.get(content.get("transient", {}).get("display_id"), []):
                output["data"], output["metadata"] = content["data"], content["metadata"]
        elif kind in ("display_data", "execute_result"):
            self._spend(_size(content["data"]))
            self._make_room()
            output = {"output_type": kind, "data": content["data"], "metadata": content["metadata"] or {}}
            if kind == "execute_result":
                output["execution_count"] = content["execution_count"]
            self.outputs.append(output)
            name = content.get("transient", {}).get("display_id")
            if name:
                self._shown.setdefault(name, []).append(output)
        elif kind == "error":
            self._spend(_size(content))
            self._make_room()
            error = {key: content[key] for key in ("ename", "evalue", "traceback")}
            self.outputs.append({"output_type": "error", **error})

    def _make_room(self) -> None:
        if self._clear_first:
            self._clear()
            self._clear_first = False

    def _clear(self) -> None:
        self.outputs.clear()
        self._shown.clear()

    def _spend(self, size: int) -> None:
        self.room -= size
        if self.room < 0:
            self.too_much()

    def finished(self) -> list[dict]:
        """The outputs of the cell as nbclient leaves them: each stream in one piece, stdout before stderr."""
        with self._guard:
            kept: list[dict] = []
            streams: dict[str, dict] = {}
            for output in self.outputs:
                if output["output_type"] != "stream":
                    kept.append(output)
                elif output["name"] in streams:
                    streams[output["name"]]["text"] += output["text"]
                else:
                    streams[output["name"]] = {**output, "text": [*output["text"]]}
                    kept.append(streams[output["name"]])
            for stream in streams.values():
                stream["text"] = OVERWRITTEN.sub("", "".join(stream["text"]))
            for at in range(len(kept) - 1):
                if [kept[at].get("name"), kept[at + 1].get("name")] == ["stderr", "stdout"]:
                    kept[at : at + 2] = [kept[at + 1], kept[at]]
            return kept


def _size(content: dict) -> int:
    return sum(len(value) if isinstance(value, str) else len(str(value)) for value in content.values())


class Stream(io.TextIOBase):
    """sys.stdout or sys.stderr of a cell. Like a kernel's, it cannot be closed."""

    encoding, errors = "UTF-8", "strict"

    def __init__(self, collector: Collector, name: str, descriptor: int):
        self._collector, self.name, self._descriptor = collector, f"<{name}>", descriptor
        self._stream = name

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        self._collector.write(self._stream, text)
        return len(text)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        pass


class Spill:
    """What is written to the descriptors 1 and 2 themselves (by C code, by child processes): files in memory."""

    def __init__(self):
        self._files = {}
        for name, descriptor in (("stdout", 1), ("stderr", 2)):
            memory = _file_of_no_name(name)
            os.dup2(memory, descriptor, inheritable=True)
            self._files[name] = [memory, descriptor, 0]

    def close(self) -> None:
        for memory, _, _ in self._files.values():
            with contextlib.suppress(OSError):
                os.close(memory)

    def drain(self, collector: Collector) -> None:
        """Hand on what was written since the last time, and stand ready again, even if a cell has closed the descriptors."""
        for name, file in self._files.items():
            with contextlib.suppress(OSError):
                memory, descriptor, done = file
                length = os.fstat(memory).st_size
                text = os.pread(memory, min(length - done, collector.room + 1), done) if length > done else b""
                file[2] = length
                os.dup2(memory, descriptor, inheritable=True)
                collector.write(name, text.decode("utf-8", "replace"))


def _file_of_no_name(name: str) -> int:
    """The descriptor of a file that is in no folder: in memory, or where that is denied, on the disk for passing things."""
    try:
        return os.memfd_create(f"pathway-{name}", os.MFD_CLOEXEC)
    except PermissionError:
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())


class Shell(ZMQInteractiveShell):
    """A kernel's shell without the kernel."""

    exit_asked = False

    def ask_exit(self):
        self.exit_asked = True

    def enable_gui(self, gui=None):
        """`%matplotlib inline` asks for no event loop; there is none for other kinds either."""


def make_shell() -> tuple[Shell, Collector]:
    """The shell of this process, as `get_ipython()` gives it, and what collects its outputs."""
    config = Config()
    config.HistoryManager.enabled = False  # a database and a thread
    shell = Shell.instance(config=config)
    shell.compile = XCachingCompiler()
    collector = Collector()
    collector.start(1 << 20, lambda: None)
    shell.displayhook.session = shell.display_pub.session = collector
    shell.displayhook.pub_socket = shell.display_pub.pub_socket = None
    sys.stdout, sys.stderr = Stream(collector, "stdout", 1), Stream(collector, "stderr", 2)
    return shell, collector


def refuse_input(*ignored, **also_ignored):
    """What `input()` and `getpass()` do where nobody can answer: nbclient's kernel says the same."""
    raise StdinNotImplementedError("raw_input was called, but this frontend does not support input requests.")
