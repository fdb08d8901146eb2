"""Checks as marking runs them: by the engine, in a fork, on the trainee's state but out of the trainee's reach."""

import pytest

from course.checks import NOT_YET
from course.engine import Engine, Limits
from tests.conftest import ROOT

AUTHORS = """
import math
import pandas as pd
from math import isclose
from course.checks import expect
"""
CHECK = """# Exercise 1: run this cell to check your answer
found = answer()
expect(found != 3, "The secret is not three.", right="an answer")
expect(isclose(found, 4), f"The secret is not {found}.")
expect.done("All right.")
"""
RIGHT = "def answer():\n    return 4"
LIMITS = Limits(seconds=2, seconds_in_all=20, memory_mb=400, output_kb=100, processes=8)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with Engine(tmp_path_factory.mktemp("notebooks"), ROOT / "data") as engine:
        yield engine


@pytest.fixture
def session(engine):
    with engine.session(LIMITS) as session:
        session.run([AUTHORS], of_author=True)
        yield session


def checked(session, answer: str, check: str = CHECK):
    (result,) = session.run([answer])
    return session.check(check, result.error and result.error.name)


def message(result) -> str:
    (error,) = [output for output in result.outputs if output["output_type"] == "error"]
    return " ".join("\n".join(error["traceback"]).partition(NOT_YET)[2].split())


def test_a_right_answer_passes_and_reads_what_is_right(session):
    result = checked(session, RIGHT)
    assert result.error is None and result.odd == ()
    assert result.outputs == [{"output_type": "stream", "name": "stdout", "text": "Right: an answer\nAll right.\n"}]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("def answer():\n    return 3", "The secret is not three."),
        ("def answer():\n    return 5", "The secret is not 5."),
        ("def answer():\n    return 1 / 0", "stops with an error in the line `return 1 / 0`. ZeroDivisionError"),
        ("def answer():\n    return pd.Series([1, 2])", "Your answer gives a Series here, where one value is wanted."),
        ("raise NotImplementedError", "Not answered yet."),
        ("answer = 1 / 0", "The cell with your answer ended in an error"),
        ("other = 1", "There is no answer yet."),
    ],
)
def test_a_wrong_answer_reads_the_message_and_no_line_of_the_check(session, answer, words):
    result = checked(session, answer)
    assert result.odd == ()
    assert words in message(result)
    assert "expect(" not in str(result.outputs)


def test_what_a_check_does_is_not_seen_by_the_trainee(session):
    checked(session, RIGHT, "answer = found = 5")
    (result,) = session.run(["answer(), 'found' in globals()"])
    assert result.outputs[0]["data"]["text/plain"] == "(4, False)"


def test_the_value_of_a_checks_last_line_is_partial_credit(session):
    result = checked(session, RIGHT, "answer() / 2")
    assert [output["data"] for output in result.outputs] == [{"text/plain": "2.0"}]


def test_a_check_without_an_end_is_stopped_alone(session):
    result = checked(
        session,
        "def answer():\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass",
    )
    assert result.stopped == "stopped after 2 s" and result.error.name == "Stopped"
    assert checked(session, RIGHT).error is None


SWINDLES = {
    "replaced math.isclose": "math.isclose = isclose = lambda *_: True\ndef answer(): return 9",
    "replaced builtins.isinstance": """
import builtins
old = isinstance
builtins.isinstance = lambda *a: old(*a)
"""
    + RIGHT,
    "replaced builtins.print": "import builtins\nbuiltins.print = lambda *_, **__: None\n" + RIGHT,
    "replaced pandas._testing.assert_series_equal": "pd._testing.assert_series_equal = lambda *_: None\n" + RIGHT,
    "replaced pandas.Series.equals": "pd.Series.equals = lambda *_: True\n" + RIGHT,
    "replaced course.checks.Expect.__call__": """
import course.checks
course.checks.Expect.__call__ = lambda *_, **__: None
def answer(): return 9""",
    "replaced course.chart_checks": "import sys, types\nsys.modules['course.chart_checks'] = types.ModuleType('x')\n"
    + RIGHT,
    "replaced how modules are imported": "import sys\nsys.meta_path.clear()\n" + RIGHT,
    "gave expect another meaning": "expect = lambda *_, **__: None\nexpect.done = print\ndef answer(): return 9",
    "gave isclose another meaning": "def isclose(*_): return True\ndef answer(): return 9",
    "agrees with everything": """
class All:
    def __eq__(self, _): return True
    def __ne__(self, _): return True
    def __float__(self): return 4.0
def answer(): return All()""",
    "(Four) that agrees with everything": """
class Four(int):
    def __eq__(self, _): return True
    __hash__ = int.__hash__
def answer(): return Four(4)""",
    "reached for sys._getframe": """
import inspect
def answer():
    try: inspect.stack()
    except Exception: pass
    return 4""",
    "reached for tb_frame": """
def answer():
    try: 1 / 0
    except ZeroDivisionError as error:
        return error.__traceback__.tb_frame.f_back.f_locals['nonce']""",
    "reached for gi_frame": "def answer():\n    return (x for x in []).gi_frame.f_back",
    "reached for gc.get_objects": "import gc\ndef answer():\n    return gc.get_objects()",
    "left a thread running": """
import threading, time
threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
"""
    + RIGHT,
    "sent a result of its own making": """
import json, os, struct
def answer():
    body = json.dumps({"nonce": "0", "outputs": [], "odd": []}).encode()
    for descriptor in range(3, 50):
        try: os.write(descriptor, struct.pack(">I", len(body)) + body)
        except OSError: pass
    os._exit(0)
""",
}


@pytest.mark.parametrize("odd", SWINDLES)
def test_a_swindle_is_found_and_said_in_words(session, odd):
    result = checked(session, SWINDLES[odd])
    assert any(odd in words for words in result.odd), result


@pytest.mark.parametrize("odd", [odd for odd, source in SWINDLES.items() if "return 9" in source])
def test_what_was_replaced_is_put_right_so_that_the_wrong_answer_stays_wrong(session, odd):
    assert message(checked(session, SWINDLES[odd])) == "The secret is not 9."


WITHOUT_EFFECT = {
    "an input transformer": "get_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])",
    "an event hook": "get_ipython().events.register('pre_run_cell', lambda info: 1 / 0)",
    "an exception handler": "get_ipython().set_custom_exc((Exception,), lambda *_: None)",
    "no traceback shown": "get_ipython().showtraceback = lambda *_, **__: None",
    "another standard output": """
import sys
class Nothing:
    def write(self, _): pass
    def flush(self): pass
sys.stdout = sys.stderr = Nothing()""",
    "a trace": "import sys\nsys.settrace(lambda *_: None)",
    "an exit": "import sys\ndef leave(): sys.exit(0)",
}


@pytest.mark.parametrize("what", WITHOUT_EFFECT)
def test_what_was_done_to_the_notebooks_shell_has_no_say_in_a_check(session, what):
    wrong = checked(session, f"{WITHOUT_EFFECT[what]}\ndef answer(): return 9")
    assert message(wrong) == "The secret is not 9."


@pytest.mark.parametrize("ending", ["os._exit(0)", "sys.exit(0)", "raise SystemExit", "raise KeyboardInterrupt"])
def test_an_answer_that_ends_the_program_earns_nothing(session, ending):
    result = checked(session, f"import os, sys\ndef answer():\n    {ending}")
    assert result.error is not None
    assert checked(session, RIGHT).error is None


HONEST = {
    "a class with a comparison of its own": """
from dataclasses import dataclass
@dataclass(order=True)
class Area:
    name: str

def answer():
    return 4 if Area('a') == Area('a') and Area('a') < Area('b') else 5""",
    "names of Python's own": "list, sum, max, id = [1], 2, 3, 4\ndef answer(): return id",
    "everything of a module": "from math import *\ndef answer(): return sqrt(16)",
    "a thread that has ended": """
import threading
thread = threading.Thread(target=print)
thread.start()
thread.join()
"""
    + RIGHT,
    "settings of libraries": """
import warnings, numpy as np
warnings.filterwarnings('ignore')
np.seterr(all='ignore')
pd.options.display.max_rows = 5
"""
    + RIGHT,
    "a named tuple": """
from collections import namedtuple
def answer():
    return namedtuple('Pair', 'a b')(1, 4).b""",
    "a figure left open": "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\n" + RIGHT,
    "a library's warning": "import warnings\ndef answer():\n    warnings.warn('soon otherwise')\n    return 4",
    "logging": "import logging\ndef answer():\n    logging.getLogger().warning('look')\n    return 4",
    "a new method of a table": "pd.DataFrame.shortest = lambda self: self.min()\n" + RIGHT,
    "libraries of many kinds": "import sklearn.linear_model, geopandas, scipy.stats, matplotlib.animation\n" + RIGHT,
}


@pytest.mark.parametrize("what", HONEST)
def test_honest_code_is_not_found_odd(session, what):
    result = checked(session, HONEST[what])
    assert result.odd == () and result.error is None, result
