"""What a curious trainee finds, typed into a terminal on the hub: `python look.py OWN_NAME OTHER_NAME FOLDER...`.

Standard library and pyzmq. Writes two files into the trainee's home: seen.tar, every file that can be read outside of /usr
and the folders named, and heard.json: what was said on the ports of this machine, and what their web servers let in.
"""

import json
import os
import pwd
import sys
import tarfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import zmq

OWN, OTHER, *LEFT_OUT = sys.argv[1:]
SYSTEM = {"/usr", "/proc", "/sys", "/dev", *LEFT_OUT}
SECONDS = 3.0  # to listen


def readable(home: str):
    """Every file from the root on that this account can read, but for those of the system."""
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if str(Path(folder, name)) not in SYSTEM]
        for name in files:
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink() and os.access(path, os.R_OK) and path.parent != Path(home):
                yield path


def ports() -> list[tuple[int, int]]:
    """Ports on which something listens, with the user id whose it is."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A":
            found.add((int(fields[1].split(":")[1], 16), int(fields[7])))
    return sorted(found)


def overheard(numbers: list[int]) -> dict[int, int]:
    """Port -> messages that a subscriber to all of them is sent, as a kernel publishes what it prints."""
    context, poller, heard = zmq.Context(), zmq.Poller(), {}
    sockets = {}
    for number in numbers:
        socket = context.socket(zmq.SUB)
        socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.linger = 0
        socket.connect(f"tcp://127.0.0.1:{number}")
        sockets[socket] = number
        poller.register(socket, zmq.POLLIN)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        for socket, _ in poller.poll(100):
            socket.recv_multipart()
            heard[sockets[socket]] = heard.get(sockets[socket], 0) + 1
    for socket in sockets:
        socket.close()
    context.term()
    return heard


def asked(number: int) -> int | str:
    """What a web server on a port answers to somebody who wants the other's files; a word where it is none."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{number}/user/{OTHER}/api/contents", timeout=2) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except Exception as error:
        return type(error).__name__


home = pwd.getpwuid(os.getuid()).pw_dir
with tarfile.open(f"{home}/seen.tar.part", "w") as archive:
    for path in readable(home):
        archive.add(path, recursive=False)
other = pwd.getpwnam(OTHER).pw_uid
theirs = [number for number, owner in ports() if owner == other]
heard = {"who": pwd.getpwuid(os.getuid()).pw_name, "ports": len(theirs), "overheard": overheard(theirs)}
heard["asked"] = {number: asked(number) for number in theirs}
Path(home, "heard.json").write_text(json.dumps(heard))
Path(home, "seen.tar.part").rename(f"{home}/seen.tar")
