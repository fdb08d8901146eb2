"""Notebooks that look at what checks them, to learn the answers or to print the hidden checks."""

from course.grading.hostile.case import Hostile, answers_with, cheats

# Prints what a frame and those above it know, and gives the answer that the check's own names hold.
LOOK = """
def look(frame):
    while frame is not None:
        print(frame.f_code.co_name, [const for const in frame.f_code.co_consts if isinstance(const, (str, tuple))])
        print([str(value) for name, value in frame.f_locals.items() if name == "key" or "expect" in str(value)])
        frame = frame.f_back
"""


def _in_all_three(body: str) -> dict[str, str]:
    """An answer to exercise 2 that does what `body` says, with `look` where it is called."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return {
        "in-all-three": (LOOK if "look(" in body else "") + f"def in_all_three(circles, overlaps, in_none, staff):\n{lines}"
    }


CASES: tuple[Hostile, ...] = (
    answers_with(
        "looks-at-frames",
        "Looks from its function into the frames of what called it, and prints them.",
        _in_all_three("import sys\nlook(sys._getframe(1))\nreturn 1"),
        flagged=True,
    ),
    answers_with(
        "looks-by-inspect",
        "Does the same with the inspect module.",
        _in_all_three("import inspect\nfor one in inspect.stack():\n    look(one.frame)\nreturn 1"),
        flagged=True,
    ),
    answers_with(
        "looks-at-tracebacks",
        "Does the same with the traceback of an error of its own.",
        _in_all_three(
            "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    look(error.__traceback__.tb_frame.f_back)\nreturn 1"
        ),
        flagged=True,
    ),
    answers_with(
        "looks-through-a-generator",
        "Does the same with the frame of a generator that runs.",
        _in_all_three("def walk():\n    yield look(me.gi_frame.f_back)\nme = walk()\nnext(me)\nreturn 1"),
        flagged=True,
    ),
    answers_with(
        "looks-by-another-name",
        "Does the same, and spells every name that would give it away in two halves.",
        _in_all_three(
            "frame = getattr(__import__('sys'), '_get' + 'frame')(0)\n"
            "back = 'f_' + 'back'\n"
            "while frame is not None:\n"
            "    print(getattr(getattr(frame, 'f_' + 'code'), 'co_consts'))\n"
            "    frame = getattr(frame, back)\n"
            "return 1"
        ),
        flagged=None,
    ),
    answers_with(
        "answers-from-the-key",
        "Cards that look up the right answer in the frame of whoever asks for them.",
        {
            "cards": """
                import sys
                class Cards(dict):
                    def __getitem__(self, number):
                        key = sys._getframe(1).f_locals.get("key") or sys._getframe(1).f_globals.get("key")
                        return key[number] if key else "data science"
                cards = Cards.fromkeys(range(1, 13), "data science")
            """
        },
        flagged=True,
    ),
    answers_with(
        "answers-from-globals",
        "Cards that look up the right answer in the notebook's own names while the check runs.",
        {
            "cards": """
                class Cards(dict):
                    def __getitem__(self, number):
                        return globals().get("key", {}).get(number, "data science")
                cards = Cards.fromkeys(range(1, 13), "data science")
            """
        },
    ),
    answers_with(
        "looks-through-all-objects",
        "Goes through all objects that Python knows of, for code and texts of checks.",
        _in_all_three(
            "import gc\n"
            "for thing in gc.get_objects():\n"
            "    for part in (thing if isinstance(thing, (tuple, list)) else [thing]):\n"
            "        code = getattr(part, '__code__', part)\n"
            "        words = str(getattr(code, 'co_consts', part if isinstance(part, str) else ''))\n"
            "        if 'Circles that do' in words or 'END HIDDEN' in words:\n"
            "            print(words[:5000])\n"
            "return 1"
        ),
        flagged=None,
        stopped=None,
    ),
    cheats(
        "reads-the-history",
        "Prints all cells that IPython has kept, and all lines that Python keeps for tracebacks.",
        """
        import builtins, linecache, sys, threading, time
        def read():
            while True:
                shell = sys.modules["IPython"].core.interactiveshell.InteractiveShell._instance
                kept = [*In, *(line for entry in list(linecache.cache.values()) if len(entry) > 2 for line in entry[2])]
                kept += [str(one) for one in getattr(shell, "history_manager", None).input_hist_raw]
                for line in kept:
                    if "expect" in line and line not in seen:
                        seen.add(line)
                        print(line)
                time.sleep(0.01)
        seen = set()
        threading.Thread(target=read, daemon=True).start()
        """,
        stopped=None,
    ),
    answers_with(
        "reads-its-own-memory",
        "Searches the memory of its process for texts of the check that calls it.",
        _in_all_three(
            "import re\n"
            "with open('/proc/self/mem', 'rb', 0) as memory:\n"
            "    for line in open('/proc/self/maps'):\n"
            "        low, high = (int(part, 16) for part in line.split()[0].split('-'))\n"
            "        if 'rw' in line and high - low < 200_000_000:\n"
            "            try:\n"
            "                memory.seek(low)\n"
            "                held = memory.read(high - low)\n"
            "            except (OSError, ValueError, OverflowError):\n"
            "                continue\n"
            "            for found in re.finditer(b'Circles that do' + b' not touch', held):\n"
            "                print(held[found.start() - 400 : found.end() + 400].decode('latin-1'))\n"
            "return 1"
        ),
        flagged=None,
        stopped=None,
    ),
    answers_with(
        "spies-by-comparing",
        "An answer that notes what it is compared with, prints it, and answers so the next time.",
        {
            "in-all-three": """
                class Spy(int):
                    def __eq__(self, other):
                        print("compared with", other)
                        return True
                    def __ne__(self, other):
                        return True
                    __hash__ = int.__hash__
                def in_all_three(circles, overlaps, in_none, staff):
                    print("asked with", circles, overlaps, in_none, staff)
                    return Spy(1)
            """
        },
        flagged=True,
    ),
    answers_with(
        "prints-what-it-is-asked",
        "Prints the inputs that the hidden checks try, so that they come back with the feedback.",
        {
            "in-all-three": """
                def in_all_three(circles, overlaps, in_none, staff):
                    print("asked with", [circles, overlaps, in_none, staff])
                    raise ValueError("asked with", circles, overlaps, in_none, staff) if staff == 10 else None
            """
        },
        flagged=None,
    ),
    answers_with(
        "tells-in-its-error",
        "Raises an error that carries the frames of the check in its message.",
        {
            "in-all-three": """
                class Told(Exception):
                    def __str__(self):
                        frame = self.__traceback__.tb_frame
                        return str([frame.f_code.co_consts, frame.f_code.co_names])
                def in_all_three(circles, overlaps, in_none, staff):
                    raise Told
            """
        },
        flagged=None,
        stopped=None,
    ),
)
