"""Notebooks that do not end, or end what runs them."""

from course.grading.hostile.case import BEFORE_STOP, Hostile, answers_with, meddles

STOPPED = {"stopped": True, "least": BEFORE_STOP}

CASES: tuple[Hostile, ...] = (
    meddles(
        "never-ends",
        "A loop without end, as anybody can write by mistake.",
        "while True:\n    pass\n",
        flagged=False,
        **STOPPED,
    ),
    meddles(
        "ignores-interrupts",
        "A loop without end that takes every interrupt for a reason to go on.",
        """
import time
while True:
    try:
        time.sleep(1)
    except BaseException:
        pass
""",
        **STOPPED,
    ),
    meddles(
        "blocks-signals",
        "Has all signals ignored or blocked, then loops without end.",
        """
import signal
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
while True:
    pass
""",
        **STOPPED,
    ),
    meddles(
        "never-ends-in-c",
        "A loop without end in C, where Python does not look for signals.",
        "import itertools\nmax(itertools.repeat(1))\n",
        flagged=False,
        **STOPPED,
    ),
    meddles(
        "puts-off-the-alarm",
        "Takes every alarm and timer of Python out of force, then loops without end.",
        """
import faulthandler, signal, sys, threading
signal.alarm(0)
for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
    signal.setitimer(timer, 0)
faulthandler.cancel_dump_traceback_later()
sys.settrace(None)
while True:
    pass
""",
        **STOPPED,
    ),
    meddles(
        "ends-the-process", "Ends the process with os._exit, as if all had gone well.", "import os\nos._exit(0)\n", **STOPPED
    ),
    meddles("crashes", "Reads memory that is not there.", "import ctypes\nctypes.string_at(0)\n", **STOPPED),
    meddles("kills-itself", "Sends itself SIGKILL.", "import os\nos.kill(os.getpid(), 9)\n", **STOPPED),
    meddles(
        "sets-an-alarm",
        "Has itself killed by an alarm while a later cell runs.",
        "import signal, time\nsignal.setitimer(signal.ITIMER_REAL, 0.05)\ntime.sleep(0.01)\n",
        stopped=None,
        least=BEFORE_STOP,
    ),
    meddles(
        "exits",
        "Calls sys.exit in a cell of its own, and quit in the next.",
        "import sys\nsys.exit(0)\n",
        stopped=None,
        least=BEFORE_STOP,
    ),
    answers_with(
        "exits-in-the-check",
        "Answers with sys.exit: the check ends before it has looked.",
        {
            "in-all-three": "import sys\ndef in_all_three(circles, overlaps, in_none, staff):\n    sys.exit(0)",
            "most-alike": "def most_alike(teams):\n    raise SystemExit",
            "fill-posts": "def fill_posts(skills, appointed, posts, level):\n    exit()",
        },
        flagged=True,
        stopped=None,
    ),
    answers_with(
        "interrupts-the-check",
        "Answers with errors that no `except Exception` takes.",
        {
            "in-all-three": "def in_all_three(circles, overlaps, in_none, staff):\n    raise KeyboardInterrupt",
            "most-alike": "def most_alike(teams):\n    raise GeneratorExit",
            "fill-posts": """
                class Calm(BaseException):
                    def _render_traceback_(self):
                        return []
                def fill_posts(skills, appointed, posts, level):
                    raise Calm
            """,
        },
        stopped=None,
    ),
    answers_with(
        "ends-the-process-in-the-check",
        "Answers with os._exit(0).",
        {"in-all-three": "import os\ndef in_all_three(circles, overlaps, in_none, staff):\n    os._exit(0)"},
        stopped=True,
    ),
    answers_with(
        "never-ends-in-the-check",
        "An answer that loops without end when the check calls it.",
        {"in-all-three": "def in_all_three(circles, overlaps, in_none, staff):\n    while True:\n        pass"},
        stopped=True,
    ),
    meddles(
        "leaves-work-for-the-end",
        "Registers what is to run when the process ends: a loop, an exit code, a flood.",
        """
import atexit, threading, time, weakref
def forever():
    while True:
        time.sleep(1)
atexit.register(forever)
threading.Thread(target=forever).start()
class Last:
    def __del__(self):
        forever()
last = Last()
weakref.finalize(last, forever)
""",
        stopped=None,
    ),
    meddles(
        "hangs-when-shown",
        "Shows an object that takes for ever to say what it is.",
        """
class Slow:
    def __repr__(self):
        while True:
            pass
Slow()
""",
        flagged=False,
        **STOPPED,
    ),
)
