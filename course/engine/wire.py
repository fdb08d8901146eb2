"""What goes between the engine and its processes: JSON with its length before it, and descriptors; nothing is unpickled."""

import contextlib
import json
import os
import select
import socket
import struct
import time

HEADER = struct.Struct(">I")
SMALL = 64 * 1024


class BadMessage(Exception):
    """The other side sent something that is no message, or is too long."""


class TimeUp(Exception):
    """Nothing came in time."""


class Line:
    """One end of a line to another process."""

    def __init__(self, end: socket.socket):
        self.socket = end

    @classmethod
    def pair(cls) -> tuple["Line", "Line"]:
        """Both ends of a new line."""
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        return cls(one), cls(other)

    def fileno(self) -> int:
        return self.socket.fileno()

    def close(self) -> None:
        self.socket.close()

    def send(self, message: dict, descriptors: tuple[int, ...] = (), until: float | None = None) -> None:
        """Send a `message`, by the time `until` (monotonic). Raises TimeUp, or OSError when nobody is there."""
        body = json.dumps(message, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
        self.send_bytes(body, descriptors, until)

    def send_bytes(self, body: bytes, descriptors: tuple[int, ...] = (), until: float | None = None) -> None:
        rest = memoryview(HEADER.pack(len(body)) + body)
        while rest:
            self._wait(select.POLLOUT, until)
            with contextlib.suppress(BlockingIOError):
                if descriptors:
                    rest = rest[
                        socket.send_fds(self.socket, [rest], descriptors, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL) :
                    ]
                    descriptors = ()
                else:
                    rest = rest[self.socket.send(rest, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL) :]

    def receive(self, limit: int = SMALL, until: float | None = None, descriptors: int = 0) -> tuple[dict, list[int]]:
        """The next message, of at most `limit` bytes, and up to `descriptors` descriptors that came with it.

        Raises EOFError when the other side has closed the line, BadMessage, or TimeUp.
        """
        got: list[int] = []
        try:
            (length,) = HEADER.unpack(self._exactly(HEADER.size, until, descriptors, got))
            if length > limit:
                raise BadMessage(f"a message of {length} bytes, where {limit} are allowed")
            body = self._exactly(length, until, 0, got)
            try:
                message = json.loads(body, parse_constant=_no_constant)
                json.dumps(message, ensure_ascii=False).encode()  # half a surrogate pair could not be saved
            except (ValueError, RecursionError) as error:
                raise BadMessage("a message that is no JSON") from error
            if not isinstance(message, dict):
                raise BadMessage("a message that is no object")
        except BaseException:
            for descriptor in got:
                os.close(descriptor)
            raise
        return message, got

    def _exactly(self, length: int, until: float | None, descriptors: int, got: list[int]) -> bytes:
        parts = bytearray()
        while len(parts) < length:
            self._wait(select.POLLIN, until)
            try:
                if descriptors:
                    part, came, _, _ = socket.recv_fds(self.socket, length - len(parts), descriptors)
                    got += came
                else:  # descriptors that nobody asked for are closed by the kernel
                    part = self.socket.recv(min(length - len(parts), 1 << 20), socket.MSG_DONTWAIT)
            except BlockingIOError:
                continue
            except ConnectionResetError:
                part = b""
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)

    def _wait(self, event: int, until: float | None) -> None:
        poll = select.poll()
        poll.register(self.socket, event)
        left = None if until is None else max(0.0, until - time.monotonic()) * 1000
        if not poll.poll(left):
            raise TimeUp


def _no_constant(name: str):
    raise ValueError(f"{name} is not JSON")


def well_formed(outputs) -> bool:
    """Whether `outputs`, which came from a process that is not trusted, are a list of notebook outputs."""
    return isinstance(outputs, list) and all(isinstance(output, dict) and _is_output(output) for output in outputs)


def _is_output(output: dict) -> bool:
    kind, keys = output.get("output_type"), set(output)
    if kind == "stream":
        return keys == {"output_type", "name", "text"} and output["name"] in ("stdout", "stderr") and _text(output["text"])
    if kind == "error":
        lines = output.get("traceback")
        return (
            keys == {"output_type", "ename", "evalue", "traceback"}
            and _text(output["ename"], output["evalue"])
            and isinstance(lines, list)
            and _text(*lines)
        )
    if kind == "execute_result":
        count = output.pop("execution_count", None)
        fine = isinstance(count, int) and not isinstance(count, bool) and _is_bundle(output)
        output["execution_count"] = count
        return fine
    return kind == "display_data" and _is_bundle(output)


def _is_bundle(output: dict) -> bool:
    data, metadata = output.get("data"), output.get("metadata")
    return (
        set(output) == {"output_type", "data", "metadata"}
        and isinstance(data, dict)
        and isinstance(metadata, dict)
        # As nbformat has it: JSON is kept as it is, everything else is text.
        and all(isinstance(value, str) or _is_json(kind) for kind, value in data.items())
    )


def _is_json(kind: str) -> bool:
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def is_list_of_text(value) -> bool:
    """Whether a value that came from a process that is not trusted is a list of texts."""
    return isinstance(value, list) and _text(*value)


def _text(*values) -> bool:
    return all(isinstance(value, str) for value in values)
