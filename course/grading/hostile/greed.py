"""Notebooks that take more than their share: processes, memory, disk, output."""

from course.grading.hostile.case import ALL, BEFORE_STOP, Hostile, meddles

GREEDY = {"dangerous": True, "stopped": None, "least": BEFORE_STOP}
FLOODED = {"stopped": True, "flagged": False, "least": BEFORE_STOP}

CASES: tuple[Hostile, ...] = (
    meddles(
        "forks-without-end",
        "A fork bomb.",
        """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
""",
        **GREEDY | {"stopped": True},
    ),
    meddles(
        "starts-threads-without-end",
        "Starts threads that sleep, as many as there may be.",
        """
import threading, time
for number in range(20_000):
    try:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    except RuntimeError:
        break
""",
        **GREEDY,
    ),
    meddles(
        "takes-all-memory",
        "Takes memory and writes to it until there is none.",
        """
kept = []
for turn in range(200):
    kept.append(b"x" * (100_000_000 + turn))
""",
        dangerous=True,
        stopped=True,
        flagged=False,
        least=BEFORE_STOP,
    ),
    meddles(
        "takes-memory-in-many-processes",
        "Takes memory in ten processes, in each less than one may have.",
        """
import os, time
for turn in range(10):
    if os.fork() == 0:
        kept = b"x" * 600_000_000
        time.sleep(600)
time.sleep(600)
""",
        **GREEDY | {"stopped": True},
    ),
    meddles(
        "fills-shared-memory",
        "Takes memory that no process owns: shared maps, files in memory, /dev/shm.",
        """
import mmap, os
kept = []
def fill(size):
    shared = mmap.mmap(-1, size)
    for at in range(0, size, 4096):
        shared[at] = 1
    kept.append(shared)
for turn in range(60):
    try:
        file = os.memfd_create(f"kept-{turn}")
        os.write(file, b"x" * 50_000_000)
        with open(f"/dev/shm/{LITTER}-{turn}", "wb") as other:
            other.write(b"x" * 50_000_000)
    except OSError:
        pass
    fill(50_000_000)
""",
        **GREEDY,
    ),
    meddles(
        "fills-the-disk",
        "Writes files wherever it may, until there is no room.",
        """
import os
written = 0
for folder in (".", "/tmp", "/dev/shm", os.path.expanduser("~"), "/", "/var/tmp"):
    for turn in range(40):
        try:
            with open(os.path.join(folder, f"{LITTER}-{turn}"), "wb") as file:
                written += file.write(b"x" * 25_000_000)
        except OSError:
            break
print(TAKEN if written > 500_000_000 else "no more room", written)
""",
        **GREEDY,
    ),
    meddles(
        "makes-a-million-files",
        "Takes all file numbers instead of all bytes.",
        """
import os
made = 0
os.makedirs("/tmp/many", exist_ok=True)
try:
    for made in range(300_000):
        open(f"/tmp/many/{made}", "w").close()
except OSError:
    pass
print(made)
""",
        **GREEDY,
    ),
    meddles(
        "floods-with-lines",
        "Prints lines without end.",
        "number = 0\nwhile True:\n    print(number := number + 1)\n",
        **FLOODED,
    ),
    meddles(
        "floods-in-one-line",
        "Prints one line of 60 MB.",
        'print("x" * 60_000_000)\n',
        **FLOODED,
    ),
    meddles(
        "floods-with-displays",
        "Shows pictures and tables without end.",
        """
from IPython.display import HTML, display
while True:
    display(HTML("<b>" + "x" * 100_000 + "</b>"))
""",
        **FLOODED,
    ),
    meddles(
        "floods-past-python",
        "Writes 200 MB to the descriptors themselves.",
        """
import os
for turn in range(200):
    os.write(1 + turn % 2, b"x" * 1_000_000)
""",
        **GREEDY,
    ),
    meddles(
        "floods-with-an-error",
        "Ends in an error whose message is 30 MB long.",
        'raise ValueError("x" * 30_000_000)\n',
        stopped=None,
        flagged=False,
        least=BEFORE_STOP,
    ),
    meddles(
        "floods-from-behind",
        "A thread goes on printing while the later cells run.",
        """
import threading
def flood():
    while True:
        print("flood" * 1000)
threading.Thread(target=flood, daemon=True).start()
""",
        stopped=None,
        least=BEFORE_STOP,
        most=ALL,
    ),
)
