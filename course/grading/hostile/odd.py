"""Honest notebooks that do odd things: none is flagged, and each keeps all its marks."""

from course.grading.hostile.case import ALL, START, Exam, Handed, Hostile, code

HONEST = {"flagged": False, "stopped": False, "least": ALL, "most": ALL}


def _own(name: str, what: str, source: str, where: str = START) -> Hostile:
    """Right answers, and a cell of the trainee's own."""
    return Hostile(name, what, lambda exam: exam.hand_in(own=[(where, code(source))]), **HONEST)


def _answered(name: str, what: str, answers: dict[str, str]) -> Hostile:
    """Right answers, some of them in another way."""
    others = {task: code(answer) for task, answer in answers.items()}
    return Hostile(name, what, lambda exam: exam.hand_in({**exam.answers, **others}), **HONEST)


def _explored(exam: Exam) -> Handed:
    """The author's cells with a line added, as people do who want to see more."""
    notebook = exam.notebook()
    first = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    first["source"] = [*first["source"], "\nprint(survey.shape)\nsurvey.head()"]
    return exam.as_file(notebook)


CASES: tuple[Hostile, ...] = (
    _own(
        "has-classes-of-its-own",
        "Classes that compare as they should.",
        """
        from dataclasses import dataclass
        @dataclass(frozen=True, order=True)
        class Person:
            name: str
            skills: frozenset = frozenset()
        class Money:
            def __init__(self, pence):
                self.pence = pence
            def __eq__(self, other):
                return isinstance(other, Money) and self.pence == other.pence
            def __hash__(self):
                return hash(self.pence)
        assert Person("a") == Person("a") and Money(1) == Money(1) and Money(1) != 1
        """,
    ),
    _own(
        "uses-magics",
        "IPython's magics.",
        """
        %matplotlib inline
        %timeit -n 1 -r 1 sum(range(10))
        %time total = sum(range(10))
        %config InlineBackend.figure_format = "retina"
        %who
        """,
    ),
    _own("uses-a-cell-magic", "A magic for a whole cell.", "%%time\ntotal = sum(range(10))\n"),
    _own("asks-for-help", "The question mark that shows what something is.", "pd.DataFrame.merge?\n"),
    _own("calls-the-system", "An exclamation mark before a command.", "!echo hello\n"),
    _own(
        "sets-options",
        "Options of pandas, NumPy, Matplotlib and for warnings.",
        """
        import warnings
        import numpy as np
        import matplotlib.pyplot as plt
        warnings.filterwarnings("ignore")
        np.seterr(all="ignore")
        np.set_printoptions(precision=2, suppress=True)
        np.random.seed(1)
        pd.set_option("display.max_rows", 500)
        pd.options.display.float_format = "{:.1f}".format
        plt.rcParams["figure.figsize"] = (4, 3)
        plt.style.use("ggplot")
        """,
    ),
    _own(
        "makes-warnings-errors",
        "Has Python treat warnings as errors, and lets NumPy raise.",
        """
        import warnings
        import numpy as np
        warnings.simplefilter("error", DeprecationWarning)
        np.seterr(invalid="raise")
        """,
    ),
    _own(
        "imports-everything",
        "Every name of two modules: some are those of builtins.",
        """
        from math import *
        from statistics import *
        """,
    ),
    _own(
        "shadows-names",
        "Names of builtins, which its own answers do not use and checks do, for things of its own.",
        """
        set = {1}
        str = "text"
        dict = {"a": 1}
        range = 3
        enumerate = hasattr = None
        isinstance = True
        """,
    ),
    _own(
        "uses-the-checks-names",
        "The names that checks use, for things of its own.",
        """
        found, five, key, right, regions, others = 1, 2, 3, 4, 5, 6
        columns = blank = more = edge = high = low = own = people = teams = None
        """,
    ),
    _own(
        "starts-threads-that-end",
        "Threads and a pool that have ended when the cell has.",
        """
        import threading
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(4) as pool:
            squares = [*pool.map(lambda number: number**2, range(20))]
        thread = threading.Thread(target=sorted, args=(squares,))
        thread.start()
        thread.join()
        """,
    ),
    _own(
        "starts-processes-that-end",
        "A program that has ended when the cell has.",
        """
        import subprocess
        subprocess.run(["true"], check=True)
        """,
    ),
    _own(
        "leaves-plots-open",
        "Figures that nobody closes.",
        """
        import matplotlib.pyplot as plt
        for number in range(3):
            fig, ax = plt.subplots()
            ax.plot([1, 2, number])
        """,
    ),
    _own(
        "prints-much",
        "Five hundred lines, and a table.",
        """
        for number in range(500):
            print(number, number**2)
        survey.describe()
        """,
    ),
    _own(
        "warns",
        "Warnings, and text on the error stream.",
        """
        import sys, warnings
        warnings.warn("this will change", FutureWarning)
        print("careful", file=sys.stderr)
        """,
    ),
    _own("fails-once", "A cell that ends in an error, left where it is.", "survey['no such column']\n", where="cards"),
    _own(
        "keeps-files",
        "Files written and read again.",
        """
        from pathlib import Path
        survey.head().to_csv("head.csv", index=False)
        assert len(pd.read_csv("head.csv")) == 5
        Path("notes").mkdir(exist_ok=True)
        Path("notes/one.txt").write_text("a note")
        import tempfile
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "x").write_text("x")
        """,
    ),
    _own(
        "tries-checks-of-its-own",
        "Uses `expect` for itself, and asserts.",
        """
        expect(len(survey) > 10, "Where is the survey?", right="there is a survey")
        assert survey.shape[0] > 10
        """,
    ),
    _own(
        "measures-time",
        "Clocks, a deeper recursion, more digits, another locale.",
        """
        import decimal, locale, sys, time
        began = time.perf_counter()
        sys.setrecursionlimit(5000)
        decimal.getcontext().prec = 50
        locale.setlocale(locale.LC_ALL, "C")
        time.sleep(0.01)
        print(round(time.perf_counter() - began, 1) >= 0)
        """,
    ),
    _own(
        "tells-how-it-went",
        "Errors caught and told with their traceback.",
        """
        import traceback, logging
        logging.basicConfig(level=logging.INFO)
        try:
            1 / 0
        except ZeroDivisionError as error:
            traceback.print_exc()
            logging.info("that was %s", error)
        """,
    ),
    _own(
        "works-in-the-background",
        "An event loop and what waits in it.",
        """
        import asyncio
        async def later():
            await asyncio.sleep(0.01)
            return 1
        assert await later() == 1
        """,
    ),
    _answered(
        "answers-with-lambdas",
        "Short forms: lambdas, partials, a cache, an object that can be called.",
        {
            "radii": "radii = lambda people, largest: largest * (people / people.max()) ** 0.5",
            "in-all-three": """
            from functools import partial
            def count(offset, circles, overlaps, in_none, staff):
                return staff - in_none - sum(circles) + sum(overlaps) + offset
            in_all_three = partial(count, 0)
        """,
            "most-alike": """
            from itertools import combinations
            class MostAlike:
                def __call__(self, teams):
                    def index(pair):
                        one, other = teams[pair[0]], teams[pair[1]]
                        return len(one & other) / len(one | other)
                    best = max(combinations(teams, 2), key=index)
                    return *best, index(best)
            most_alike = MostAlike()
        """,
        },
    ),
    _answered(
        "answers-in-numpy",
        "NumPy's numbers where Python's were expected.",
        {
            "in-all-three": """
            import numpy as np
            def in_all_three(circles, overlaps, in_none, staff):
                return np.int64(staff - in_none) - np.sum(circles) + np.array(overlaps).sum()
        """,
        },
    ),
    _answered(
        "answers-noisily",
        "Functions that print and warn as they work.",
        {
            "in-all-three": """
            import sys, warnings
            def in_all_three(circles, overlaps, in_none, staff):
                print("circles", circles, "overlaps", overlaps)
                print("careful", file=sys.stderr)
                warnings.warn("is that so?")
                return staff - in_none - sum(circles) + sum(overlaps)
        """,
        },
    ),
    _answered(
        "answers-twice",
        "A function written, tried, and written again in the same cell.",
        {
            "in-all-three": """
            def in_all_three(circles, overlaps, in_none, staff):
                return sum(circles) - sum(overlaps)
            print(in_all_three([1, 2, 3], [1, 1, 1], 0, 4))
            def in_all_three(circles, overlaps, in_none, staff):
                return staff - in_none - sum(circles) + sum(overlaps)
            in_all_three([6, 4, 4], [3, 2, 2], 3, 11)
        """,
        },
    ),
    Hostile("looks-at-more-of-the-data", "The author's first cell, with lines added to see more.", _explored, **HONEST),
)
