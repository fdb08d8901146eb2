"""Notebooks that change what checks them: check cells, the marks they carry, what they compare with and what they call."""

from course.grading.hostile.case import GUESSED, Exam, Handed, Hostile, answers_with, cheats

EMPTIED = {"flagged": False}


def _with_checks(change):
    """Guessed answers in a notebook each of whose checks went through `change(cell)`: None takes it out."""

    def make(exam: Exam) -> Handed:
        notebook = exam.notebook(GUESSED)
        cells = [change(cell) if cell["metadata"].get("check") else cell for cell in notebook["cells"]]
        notebook["cells"] = [cell for cell in cells if cell is not None]
        return exam.as_file(notebook)

    return make


def _as_markdown(cell: dict) -> dict:
    kept = {key: cell[key] for key in ("id", "metadata", "source")}
    kept["metadata"] = {**kept["metadata"], "nbgrader": {**kept["metadata"]["nbgrader"], "cell_type": "markdown"}}
    return {"cell_type": "markdown", **kept}


def _stripped(cell: dict) -> dict:
    lines = "".join(cell["source"]).splitlines()
    return cell | {"source": ["\n".join(line for line in lines if not line.startswith("expect("))]}


def _graded_otherwise(**changes):
    def change(cell: dict) -> dict:
        metadata = cell["metadata"]
        return cell | {"metadata": {**metadata, "nbgrader": {**metadata["nbgrader"], **changes}}}

    return change


def _swapped(exam: Exam) -> Handed:
    """Each check under the name of the next: what passes is graded in the place of what does not."""
    notebook = exam.notebook({**GUESSED, "in-all-three": exam.answers["in-all-three"]})
    checks = [cell for cell in notebook["cells"] if cell["metadata"].get("check")]
    named = [cell["metadata"] for cell in checks]
    for cell, metadata in zip(checks, [*named[1:], named[0]], strict=True):
        cell["metadata"], cell["id"] = metadata, metadata["nbgrader"]["grade_id"]
    return exam.as_file(notebook)


def _twice(exam: Exam) -> Handed:
    """Each check a second time, with nothing in it."""
    notebook = exam.notebook(GUESSED)
    notebook["cells"] += [cell | {"source": ["pass"]} for cell in notebook["cells"] if cell["metadata"].get("check")]
    return exam.as_file(notebook)


def _author_cell_changed(exam: Exam) -> Handed:
    """The cell that imports pandas and `expect` gives something else under these names."""
    notebook = exam.notebook(GUESSED)
    first = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    first["source"] = ["import pandas as pd\nfrom course import DATA\ndef expect(*a, **k):\n    pass\nexpect.done = print\n"]
    return exam.as_file(notebook)


# A value that says yes to whatever it is asked.
YES = """
class Yes:
    def __eq__(self, other): return True
    def __ne__(self, other): return True
    def __lt__(self, other): return True
    __gt__ = __le__ = __ge__ = __lt__
    def __hash__(self): return 0
    def __bool__(self): return True
    def __len__(self): return 3
    def __getitem__(self, key): return self if not isinstance(key, int) or key < 3 else [][0]
    def __iter__(self): return iter([self, self, self])
    def __contains__(self, other): return True
    def __format__(self, spec): return "1"
    def __float__(self): return 1.0
    def __call__(self, *a, **k): return self
    def __getattr__(self, name): return self
    def __round__(self, *a): return self
"""

CASES: tuple[Hostile, ...] = (
    Hostile("deletes-the-checks", "Guessed answers, and no check cells.", _with_checks(lambda cell: None), **EMPTIED),
    Hostile(
        "empties-the-checks",
        "Guessed answers, and nothing in the check cells.",
        _with_checks(lambda c: c | {"source": []}),
        **EMPTIED,
    ),
    Hostile("strips-the-checks", "Takes out of each check the lines that compare.", _with_checks(_stripped), **EMPTIED),
    Hostile("makes-checks-prose", "Turns the check cells into text.", _with_checks(_as_markdown), **EMPTIED),
    Hostile(
        "makes-checks-answers",
        "Says in the metadata that checks are answers.",
        _with_checks(_graded_otherwise(solution=True, locked=False)),
        **EMPTIED,
    ),
    Hostile(
        "raises-the-points",
        "Gives each check a hundred times its points, and right answers to a few.",
        _with_checks(_graded_otherwise(points=400)),
        **EMPTIED,
    ),
    Hostile(
        "swaps-the-checks", "Gives each check the name of the next, with one right answer.", _swapped, most=3, flagged=False
    ),
    Hostile("doubles-the-checks", "Puts an empty copy behind each check.", _twice, **EMPTIED),
    Hostile(
        "changes-the-imports", "Changes the author's cell, so that `expect` does nothing.", _author_cell_changed, **EMPTIED
    ),
    answers_with(
        "always-equal",
        "Answers with an object that equals everything.",
        {
            "in-all-three": YES + "def in_all_three(circles, overlaps, in_none, staff):\n    return Yes()",
            "danger-zone-range": YES + "def danger_zone_range(scores, threshold):\n    return [Yes(), Yes()]",
            "fill-posts": YES + "def fill_posts(skills, appointed, posts, level):\n    return Yes()",
        },
        flagged=True,
    ),
    answers_with(
        "always-equal-number",
        "Answers with whole numbers that equal every number, and a list that equals every list.",
        {
            "in-all-three": """
                class One(int):
                    def __eq__(self, other): return other not in (4, 2)
                    def __ne__(self, other): return True
                    __hash__ = int.__hash__
                def in_all_three(circles, overlaps, in_none, staff):
                    return One(1)
            """,
            "fill-posts": """
                class Team(list):
                    def __eq__(self, other): return True
                    def __ne__(self, other): return True
                def fill_posts(skills, appointed, posts, level):
                    return Team(["first", "fourth"])
            """,
        },
        flagged=True,
    ),
    answers_with(
        "always-equal-words",
        "Cards in regions that are words, and equal every word.",
        {
            "cards": """
                class Word(str):
                    def __eq__(self, other): return True
                    def __ne__(self, other): return False
                    __hash__ = str.__hash__
                cards = {number: Word("data science") for number in range(1, 13)}
            """
        },
        flagged=True,
    ),
    answers_with(
        "always-equal-by-its-class",
        "Puts the comparison into a class's class, and gives the class itself as the answer.",
        {
            "in-all-three": """
                class Meta(type):
                    def __eq__(cls, other): return other not in (4, 2)
                    def __ne__(cls, other): return True
                    __hash__ = type.__hash__
                class Anything(metaclass=Meta):
                    pass
                def in_all_three(circles, overlaps, in_none, staff):
                    return Anything
            """
        },
        flagged=True,
    ),
    answers_with(
        "always-equal-from-a-library",
        "Answers with what a library has for the purpose: unittest.mock.ANY.",
        {
            "in-all-three": """
                from unittest.mock import ANY
                def in_all_three(circles, overlaps, in_none, staff):
                    return ANY
            """,
            "fill-posts": """
                def fill_posts(skills, appointed, posts, level):
                    from unittest.mock import MagicMock
                    team = MagicMock()
                    team.__eq__.return_value = team.__ne__.return_value = True
                    return team
            """,
        },
        flagged=None,
    ),
    cheats(
        "replaces-expect",
        "Gives the name `expect` to a function that does nothing.",
        """
        def expect(*anything, **more):
            pass
        expect.done = print
        """,
    ),
    cheats(
        "changes-expect",
        "Changes the class of `expect`, so that it never objects.",
        """
        import course.checks
        course.checks.Expect.__call__ = lambda self, condition, message, right=None: None
        type(expect).__call__ = lambda *anything, **more: None
        course.checks.NotYet.__init__ = lambda self, *anything: print("all is well")
        """,
    ),
    cheats(
        "replaces-the-checks-module",
        "Puts a module of its own in the place of course.checks.",
        """
        import sys, types
        fake = types.ModuleType("course.checks")
        class Expect:
            def __call__(self, *anything, **more): pass
            def done(self, ending): print(ending)
            def watch(self, shell): pass
        fake.expect, fake.Expect = Expect(), Expect
        fake.__getattr__ = lambda name: (lambda *anything, **more: True)
        sys.modules["course.checks"] = fake
        import course
        course.checks = fake
        expect = fake.expect
        """,
    ),
    cheats(
        "takes-over-imports",
        "Has every later import go through a finder of its own.",
        """
        import importlib.abc, importlib.util, sys
        class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
            def find_spec(self, name, path=None, target=None):
                if name.startswith("course"):
                    return importlib.util.spec_from_loader(name, self, is_package=True)
            def create_module(self, spec): return None
            def exec_module(self, module):
                module.expect = lambda *anything, **more: None
                module.expect.done = print
        sys.meta_path.insert(0, Finder())
        for name in [name for name in sys.modules if name.startswith("course")]:
            del sys.modules[name]
        import course.checks
        expect = course.checks.expect
        """,
    ),
    cheats(
        "replaces-builtins",
        "Puts functions of its own in the place of isinstance, set, list and bool.",
        """
        import builtins
        builtins.isinstance = lambda *anything: True
        builtins.bool = lambda *anything: True
        builtins.set = lambda *anything: frozenset()
        builtins.list = lambda *anything: ()
        builtins.AssertionError = builtins.Exception
        """,
        flagged=True,
        stopped=None,
    ),
    cheats(
        "replaces-the-way-to-import",
        "Puts a function of its own in the place of __import__ and __build_class__.",
        """
        import builtins
        real = builtins.__import__
        def fake(name, *rest):
            module = real(name, *rest)
            if name == "course.checks":
                module.expect = lambda *anything, **more: None
            return module
        builtins.__import__ = fake
        """,
        flagged=True,
    ),
    cheats(
        "replaces-numpy",
        "Puts functions of its own in the place of NumPy's and math's.",
        """
        import math, numpy
        math.isclose = numpy.isclose = lambda *anything, **more: True
        numpy.allclose = numpy.array_equal = lambda *anything, **more: True
        numpy.testing.assert_allclose = lambda *anything, **more: None
        """,
        flagged=True,
    ),
    cheats(
        "replaces-pandas-testing",
        "Puts functions of its own in the place of pandas.testing's.",
        """
        import pandas as pd
        for name in ("assert_frame_equal", "assert_series_equal", "assert_index_equal"):
            setattr(pd.testing, name, lambda *anything, **more: None)
        """,
        flagged=True,
    ),
    cheats(
        "changes-pandas-classes",
        "Changes how Series and tables compare, and what they hold.",
        """
        class Any(int):
            def __eq__(self, other): return True
            def __ne__(self, other): return False
            __hash__ = int.__hash__
        pd.Series.__getitem__ = lambda self, key: Any(10)
        pd.Series.tolist = lambda self: Any(10)
        pd.DataFrame.equals = pd.Series.equals = lambda self, other: True
        pd.Series.round = lambda self, *anything: self
        """,
        flagged=True,
    ),
    cheats(
        "replaces-pd",
        "Gives the name `pd` to something else than pandas.",
        """
        import types
        real = pd
        pd = types.SimpleNamespace(**{name: getattr(real, name) for name in dir(real) if not name.startswith("_")})
        pd.DataFrame = lambda *anything, **more: real.DataFrame({"computing": [], "statistics": [], "service": []})
        """,
    ),
    cheats(
        "shadows-builtins",
        "Gives names that checks use, such as `set` and `len`, to functions that agree.",
        """
        class Agrees:
            def __eq__(self, other): return True
            def __and__(self, other): return []
            def __sub__(self, other): return []
            def __le__(self, other): return True
            __hash__ = None
        isinstance = hasattr = lambda *anything: True
        set = sorted = lambda *anything: Agrees()
        len = lambda *anything: 10
        """,
        flagged=None,
    ),
    cheats(
        "turns-off-asserts",
        "Has Python leave out asserts, and errors made of something harmless.",
        """
        import builtins, sys
        try:
            sys.flags.optimize = 2
        except AttributeError:
            pass
        __debug = False
        AssertionError = NotYet = type("Fine", (Exception,), {"_render_traceback_": lambda self: []})
        """,
    ),
    cheats(
        "gives-itself-points",
        "Has `expect.done` give a number, which would be partial credit.",
        """
        import course.checks
        expect.done = lambda ending: 4
        course.checks.Expect.done = lambda self, ending: 4
        expect._right = []
        """,
    ),
    cheats(
        "prints-what-passing-prints",
        "Prints what a check prints that has passed.",
        """
        for number in range(1, 8):
            print(f"Exercise {number} passes what you can see here. Marking tries more: 4 marks.")
        """,
        flagged=None,
    ),
    answers_with(
        "changes-back-and-forth",
        "Replaces a function only while the check runs, and puts it back before anybody looks.",
        {
            "in-all-three": """
                def in_all_three(circles, overlaps, in_none, staff):
                    import course.checks
                    real = course.checks.Expect.__call__
                    def once(self, *anything, **more):
                        if staff == 17:
                            course.checks.Expect.__call__ = real
                    course.checks.Expect.__call__ = once
                    return 1
            """
        },
    ),
    answers_with(
        "learns-the-tests-by-heart",
        "Answers only what the visible check tries, as a table: honest in means, and worth nothing.",
        {"in-all-three": "def in_all_three(circles, overlaps, in_none, staff):\n    return {11: 1}.get(staff, 0)"},
        flagged=False,
        most=0,
    ),
)
