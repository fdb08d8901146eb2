"""What the engine asks of Linux: signals tied to a parent's death, orphans that come home, limits, and clearing up."""

import contextlib
import ctypes
import errno
import os
import resource
import signal
import struct
import sys
import time
from collections.abc import Collection
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO = 0x7FFF0000, 0x00050000
PR_SET_CHILD_SUBREAPER = 36
MEGABYTE = 1024 * 1024
MOST_OPEN = 1024  # files, pipes and sockets of a process
LARGE_PAGE = 2 * MEGABYTE
MADV_HUGEPAGE, MADV_COLLAPSE = 14, 25


def require_linux() -> None:
    """Raise OSError, in words, where there is no Linux to run on."""
    if not sys.platform.startswith("linux") or not hasattr(os, "pidfd_open"):
        raise OSError(
            "Running notebooks in branches needs Linux 5.3 or later (fork, pidfd, prctl). "
            f"This is {sys.platform}: use Linux, or WSL on Windows."
        )


def _prctl(option: int, value: int, more=0) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, more, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def adopt_orphans() -> None:
    """Make this process the new parent of every descendant whose own parent ends: nothing gets out of its reach."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """End this process when its parent, the process `parent`, ends."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before it was asked
        os._exit(1)


def be_unreadable(so: bool = True) -> None:
    """Keep other processes of the same user from this one's memory, and from tracing it. Forks inherit it."""
    _prctl(PR_SET_DUMPABLE, 0 if so else 1)


def processes() -> list[int]:
    """The processes that this one can see, without itself."""
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and int(entry) != os.getpid()]  # noqa: PTH208


def threads_here() -> int:
    """How many threads this process has, those of C libraries included."""
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208


def sockets() -> int:
    """How many sockets are open in this network space."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/net/sockstat").read_text().split()[2])
    return 0


def memory_of(process: int, exactly: bool = False) -> int:
    """Memory of its own that a process has, in bytes; what it shares with its forks counts in each of them.

    `exactly` counts what is shared in parts, and memory shared on purpose too: a hundred times slower. 0 for a process that
    has ended or does not let itself be looked at.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        if exactly:
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
            return 1024 * sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(("Pss:", "SwapPss:")))
        fields = Path(f"/proc/{process}/statm").read_text().split()
        return (int(fields[1]) - int(fields[2])) * resource.getpagesize()
    return 0


def _parents() -> dict[int, int]:
    """Process -> its parent, for every process that runs; what has ended and is not yet reaped is left out."""
    parents = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 (called 20 times a second, as is what follows: names are enough)
        if entry.isdigit():
            with contextlib.suppress(OSError, ValueError), open(f"/proc/{entry}/stat", "rb", buffering=0) as file:  # noqa: PTH123
                # The name, in brackets, may hold anything: read behind it.
                state, parent = file.read(1024).rpartition(b")")[2].split(None, 2)[:2]
                if state not in (b"Z", b"X"):
                    parents[int(entry)] = int(parent)
    return parents


def descendants(of: int | None = None, without: Collection[int] = ()) -> list[int]:
    """Every process below the process `of` (default: this one) that still runs; not those in `without`, and below them."""
    children: dict[int, list[int]] = {}
    for process, parent in _parents().items():
        children.setdefault(parent, []).append(process)
    found, look = [], [of or os.getpid()]
    while look:
        below = [process for process in children.get(look.pop(), []) if process not in without]
        found += below
        look += below
    return found


def reap() -> dict[int, int]:
    """Take note of the children that have ended: process -> wait status."""
    ended = {}
    with contextlib.suppress(ChildProcessError):
        while True:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                break
            ended[process] = status
    return ended


def kill_descendants(seconds: float = 10) -> bool:
    """Kill and reap everything below this process, which adopts orphans; True when nothing is left.

    A process may start others while this goes on, so it goes on until the kernel says that there is no child left. Whole
    process groups are killed at once where possible: a group cannot outrun that.
    """
    until, own = time.monotonic() + seconds, os.getpgrp()
    while time.monotonic() < until:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return True
        for process in descendants():
            with contextlib.suppress(OSError):
                group = os.getpgid(process)
                if group != own:
                    os.killpg(group, signal.SIGKILL)
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.002)
    return False


def use_large_pages() -> None:
    """Put this process's own memory together into pages of 2 MB, where Linux can: a fork then has 500 times less to list.

    It makes a fork quicker and changes nothing else; without it (Linux before 6.1, or switched off) forks work as well.
    """
    libc = ctypes.CDLL(None)
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, rights, _, _, inode, *name = line.split(None, 5)
        low, high = (int(address, 16) for address in addresses.split("-"))
        low, high = -(-low // LARGE_PAGE) * LARGE_PAGE, high // LARGE_PAGE * LARGE_PAGE
        if "w" in rights and inode == "0" and (not name or name[0] == "[heap]") and low < high:
            for advice in (MADV_HUGEPAGE, MADV_COLLAPSE):
                libc.madvise(low, high - low, advice)


def memory_now() -> tuple[int, int]:
    """What this process has reserved, in bytes: private data, address space."""
    fields = Path("/proc/self/statm").read_text().split()
    page = resource.getpagesize()
    return int(fields[5]) * page, int(fields[0]) * page


def _cap(kind: int, value: int) -> None:
    """Set a limit that the process cannot raise again, unless it has a lower one already."""
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def confine(memory_mb: int, processes: int, base: tuple[int, int]) -> None:
    """Limit this process for good: memory beyond `base` (what the libraries take), files, processes, no core dumps."""
    data, space = base
    _cap(resource.RLIMIT_DATA, data + memory_mb * MEGABYTE)
    # Address space may be reserved without being used (a thread's arena is 64 MB); shared memory is counted here alone.
    _cap(resource.RLIMIT_AS, space + 2 * memory_mb * MEGABYTE)
    _cap(resource.RLIMIT_FSIZE, memory_mb * MEGABYTE)
    _cap(resource.RLIMIT_CORE, 0)
    _cap(resource.RLIMIT_NOFILE, MOST_OPEN)
    if os.getuid() != 0:  # this limit does not bind root
        # It counts all threads of this user, also those outside: leave room, the keeper counts exactly.
        _cap(resource.RLIMIT_NPROC, _threads_of(os.getuid()) + processes + 200)
    with contextlib.suppress(OSError):  # where memory runs out all the same, this process is the one to go
        Path("/proc/self/oom_score_adj").write_text("1000")


def _threads_of(user: int) -> int:
    total = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if entry.stat().st_uid == user:
                    total += len(os.listdir(entry / "task"))  # noqa: PTH208
    return total


# System calls that no notebook needs, by their numbers on x86_64 and aarch64: memory and messages that no limit counts and
# that outlive a process, keys, other processes' memory, and parts of Linux with a history of holes.
DENIED = {
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "mount": (165, 40),
    "unshare": (272, 97),
    "setns": (308, 268),
}
# linux/audit.h: how Linux names the two machines, and where x86_64 keeps numbers of another kind.
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
OTHER_NUMBERS = 0x40000000


def deny_calls() -> None:
    """Refuse the calls DENIED to this process and all that it starts, for good (seccomp; see linux/filter.h).

    Where privileges may still be gained Linux does not allow it; a sandbox has seen to that. Raises OSError on a machine
    whose numbers are not known.
    """
    if os.uname().machine not in MACHINES:
        raise OSError(f"A sandbox needs one of {', '.join(MACHINES)}; this machine is {os.uname().machine}.")
    column, machine = MACHINES[os.uname().machine]
    numbers = [both[column] for both in DENIED.values()]
    load, equal, at_least, end = 0x20, 0x15, 0x35, 0x06
    steps = [(load, 0, 0, 4), (equal, 1, 0, machine), (end, 0, 0, _refused())]
    steps += [(load, 0, 0, 0), (at_least, len(numbers) + 1, 0, OTHER_NUMBERS)]
    steps += [(equal, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    steps += [(end, 0, 0, SECCOMP_RET_ALLOW), (end, 0, 0, _refused())]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(_Program(len(steps), ctypes.addressof(program))))


class _Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _refused() -> int:
    return SECCOMP_RET_ERRNO | errno.EPERM


def how_it_ended(status: int) -> str:
    """How a process ended, in words, from its wait status."""
    if os.WIFSIGNALED(status):
        return f"ended the process (signal {signal.Signals(os.WTERMSIG(status)).name})"
    return f"ended the process (exit code {os.waitstatus_to_exitcode(status)})"
