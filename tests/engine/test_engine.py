"""The engine: the outputs of a kernel without the kernel, branches that keep to themselves, and nothing left behind."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest

from course.builder import execute
from course.engine import Engine, EngineError, Limits
from course.engine.linux import descendants

# In one process with the browser's tests, so that busy loops and floods do not run beside a browser.
pytestmark = pytest.mark.xdist_group("busy")
ROOT = Path(__file__).resolve().parent.parent.parent
DATA = ROOT / "data"
UNIT_00 = ROOT / "solutions" / "00-start-here" / "start-here.ipynb"
QUICK = Limits(seconds=20, seconds_in_all=60, memory_mb=500, output_kb=200, processes=8)

# What a cell may put out, one kind a cell.
KINDS = [
    "import os\nimport sys\nimport pandas as pd\nfrom IPython.display import HTML, clear_output, display\n__name__",
    "print('one')\nprint('a warning', file=sys.stderr)\nprint('two')\n6 * 7",
    "1 + 1;",
    "1 / 0",
    "def ratio(a, b):\n    return a / b\n\n\nratio(1, 0)",
    "for",
    "undefined_name",
    "pd.DataFrame({'a': [1.5, None], 'b': ['x', 'y']})",
    "display(HTML('<b>bold</b>'), 5)\nprint('behind')",
    "handle = display('first', display_id='here')\nhandle.update('second')",
    "print('gone')\nclear_output()\nprint('stays')",
    "print('gone later')\nclear_output(wait=True)\nprint('instead')",
    "print('10 %\\r20 %\\r30 %')",
    "%matplotlib inline\nimport matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 2])\nax.set_title('a');",
    "plt.plot([3, 1])\nplt.show()\nplt.plot([1, 3])",
    "import matplotlib\ndict(matplotlib.rcParams), matplotlib.get_backend(), matplotlib.is_interactive()",
    "pd.describe_option('display', _print_desc=False)",
    "sys.argv[0].endswith('ipykernel_launcher.py'), sys.path, os.environ['MPLBACKEND'], os.environ['TERM']",
    "fig",
    "input('Your name? ')",
    "_i, _, In[2], Out",
    "import os\nos.write(1, b'to the descriptor\\n');",
    "%%capture kept\nprint('kept')",
    "kept.stdout",
    "%no_such_magic",
    "import warnings\nwarnings.warn('careful')",
    "from course.checks import expect\nexpect(True, 'No.', right='a share')\nexpect(False, 'Not a share.')",
    "# Exercise 1: your answer\ndef share():\n    raise NotImplementedError('Exercise 1')",
    "# Exercise 1: run this cell to check your answer\nexpect(share() == 1, 'No.')\nexpect.done('Passes.')",
    "# Exercise 1: run this cell to check your answer\nexpect(True, 'No.', right='it')\nexpect.done('Passes.')",
    "import asyncio\nawait asyncio.sleep(0)\n'awaited'",
    "raise KeyboardInterrupt",
    "import sys\nsys.exit('enough')",
    "",
    "class Own(Exception):\n    def _render_traceback_(self):\n        return ['my own words']\n\n\nraise Own",
    "assert 1 == 2, 'not equal'",
    "raise ValueError('inner') from KeyError('cause')",
    "pd.Series([1]).loc['nothing']",
]


@pytest.fixture(scope="module")
def engine():
    with Engine(UNIT_00.parent, DATA) as engine:
        yield engine


@pytest.fixture
def session(engine):
    with engine.session(QUICK) as session:
        session.run(["import os, signal, subprocess, sys, threading, time", "number = 41"])
        yield session


def in_a_kernel(notebook: str, folder: Path) -> list[list[dict]]:
    """The outputs of the code cells of `notebook` (its JSON), run by nbclient in a kernel of its own."""
    run = execute.run(notebook, folder, DATA, 0, 120)
    return [cell.outputs for cell in nbformat.reads(run.notebook, as_version=4).cells if cell.cell_type == "code"]


def comparable(outputs: list) -> list[str]:
    """Outputs without what differs from run to run: a picture's bytes, addresses, process ids; one text each."""
    # What refuses input() is a kernel's method there and a function here.
    outputs = [{**one, "traceback": []} if one.get("ename") == "StdinNotImplementedError" else one for one in outputs]
    texts = [json.dumps(output, sort_keys=True) for output in outputs]
    for pattern, instead in [
        (r'"image/png": "[^"]{1000,}"', '"image/png": ""'),
        (r"base64,[A-Za-z0-9+/=]+", "base64,"),
        (r"0x[0-9a-f]{6,}", "0x"),
        (r"ipykernel_\d+", "ipykernel_"),
    ]:
        texts = [re.sub(pattern, instead, text) for text in texts]
    return texts


def test_unit_00_gives_the_outputs_that_it_gives_in_a_kernel(engine):
    text = UNIT_00.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    with engine.session() as session:
        results = session.run(sources)
    for source, result, wanted in zip(sources, results, in_a_kernel(text, UNIT_00.parent), strict=True):
        assert comparable(result.outputs) == comparable(wanted), source


def test_every_kind_of_output_is_what_nbclient_gives(engine, monkeypatch):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # where it is set, ipykernel does not watch the descriptors
    cells = [nbformat.v4.new_code_cell(source) for source in KINDS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    wanted = in_a_kernel(nbformat.writes(notebook), UNIT_00.parent)
    with engine.session() as session:
        results = session.run(KINDS)
    for source, result, outputs in zip(KINDS, results, wanted, strict=True):
        assert comparable(result.outputs) == comparable(outputs), source
    for cell, result in zip(cells, results, strict=True):
        cell.outputs = [nbformat.from_dict(output) for output in result.outputs]
    nbformat.validate(notebook)


def test_an_error_ends_its_cell_alone_and_is_named(session):
    results = session.run(["print('before')\nint('x')", "number"])
    assert [result.error and result.error.name for result in results] == ["ValueError", None]
    assert results[0].error.message == "invalid literal for int() with base 10: 'x'"
    assert results[1].outputs[0]["data"]["text/plain"] == "41"
    assert all(result.stopped is None and 0 < result.seconds < 20 for result in results)


def test_a_session_may_have_a_folder_and_data_of_its_own(engine, session, tmp_path):
    (tmp_path / "datapackage.json").write_text("{}", encoding="utf-8")
    (tmp_path / "own.txt").write_text("own", encoding="utf-8")
    where = "os.getcwd(), os.environ['PATHWAY_DATA']"
    with engine.session(folder=tmp_path, data=tmp_path) as other:
        assert value(other, "from course import DATA; (DATA / 'own.txt').read_text() + open('own.txt').read()") == "'ownown'"
        with other.branch() as branch:
            assert value(branch, f"import os; ({where}) == {(str(tmp_path),) * 2}") == "True"
    assert value(session, f"({where}) == {(str(UNIT_00.parent), str(DATA))}") == "True"


def test_sessions_in_threads_of_their_own_do_not_disturb_one_another(engine):
    def count(start: int) -> str:
        with engine.session(QUICK) as session:
            session.run([f"number = {start}"])
            for _ in range(5):
                with session.branch() as branch:
                    branch.run(["number += 1000"])
                session.run(["number += 1"])
            return value(session, "number")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(count, range(0, 80, 10))) == [str(start + 5) for start in range(0, 80, 10)]


def value(session, expression: str) -> str:
    (result,) = session.run([expression])
    return result.outputs[0]["data"]["text/plain"]


def test_a_branch_starts_from_the_state_as_it_is_and_leaves_it_untouched(session):
    session.run(["table = {'a': [1]}"])
    with session.branch() as first, session.branch() as second:
        assert (
            first.run(["number += 1; table['a'].append(2); os.chdir('/'); os.environ['NEW'] = '1'; del sys"])[0].error
            is None
        )
        assert value(first, "number, table") == "(42, {'a': [1, 2]})"
        assert value(second, "number, table, os.environ.get('NEW')") == "(41, {'a': [1]}, None)"
        with first.branch() as third:
            assert value(third, "number * 2") == "84"
        session.run(["number = 7"])
        assert value(first, "number") == "42"
    assert (
        value(session, "number, table, os.getcwd(), sys.version_info > (3,)")
        == f"(7, {{'a': [1]}}, '{UNIT_00.parent}', True)"
    )


def test_sessions_know_nothing_of_one_another(engine, session):
    with engine.session() as other:
        assert other.run(["number"])[0].error.name == "NameError"


LAST_WORDS = [
    ("exit()", "ended the process (exit)"),
    ("quit()", "ended the process (exit)"),
    ("os._exit(3)", "ended the process (exit code 3)"),
    ("os._exit(0)", "ended the process (exit code 0)"),
    ("os.abort()", "ended the process (signal SIGABRT)"),
    ("os.kill(os.getpid(), signal.SIGKILL)", "ended the process (signal SIGKILL)"),
    ("import ctypes\nctypes.string_at(0)", "ended the process (signal SIGSEGV)"),
    ("signal.alarm(1)\ntime.sleep(10)", "ended the process (signal SIGALRM)"),
    (
        "while True:\n    try:\n        print('spam' * 100)\n    except BaseException:\n        pass",
        "gave more than 200 KB of output",
    ),
    ("while True:\n    os.fork()", "started more than 8 processes"),
    ("while True:\n    os.fork()\n    os.setsid() if os.getpgrp() != os.getpid() else 0", "started more than 8 processes"),
    ("children = [subprocess.Popen(['sleep', '60']) for _ in range(20)]\ntime.sleep(5)", "started more than 8 processes"),
    ("os.closerange(3, 1000)", "cut its line to the engine"),
]


@pytest.mark.parametrize(("source", "words"), LAST_WORDS)
def test_what_ends_a_branch_is_said_in_words_and_ends_that_branch_alone(session, source, words):
    with session.branch() as other:
        with session.branch() as branch:
            result, after = branch.run([source, "print('still here')"])
            assert result.stopped == words
            assert result.error.name == "Stopped"
            assert after.stopped == f"not run: an earlier cell {words}"
            assert after.error.name == "Stopped"
            with pytest.raises(EngineError, match=re.escape(words)):
                branch.branch()
        assert value(other, "number") == "41"
    assert value(session, "number") == "41"


TOO_MUCH = [
    "while True:\n    print('spam' * 1000)",
    "print('x' * 10**7)",
    "os.write(1, b'x' * 10**6)",
    "from IPython.display import display\nwhile True:\n    display('x' * 1000)",
]


@pytest.mark.parametrize("source", TOO_MUCH)
def test_a_cell_that_puts_out_too_much_is_stopped_alone(session, source):
    with session.branch() as branch:
        result, after = branch.run([source, "number"])
        assert result.stopped == "gave more than 200 KB of output"
        assert result.error.name == "Stopped"
        assert after.stopped is None and after.outputs[0]["data"]["text/plain"] == "41"


CONTAINED = [
    "sys.exit()",
    "raise SystemExit(4)",
    "raise KeyboardInterrupt",
    "sys.stdout.close()\nsys.stderr.close()",
    "os.close(1)\nos.close(2)",
    "sys.stdout = None",
    "time.time = time.monotonic = time.sleep = lambda *a: 0",
    "signal.signal(signal.SIGALRM, signal.SIG_IGN)\nsignal.alarm(1)",
    "signal.signal(signal.SIGINT, signal.SIG_IGN)",
    "get_ipython().display_pub = None",
    "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    "threading.Thread(target=time.sleep, args=(60,)).start()",
    "child = subprocess.Popen(['sleep', '60'])",
    "child = subprocess.Popen(['sleep', '60'], start_new_session=True)",
    "if os.fork() == 0:\n    time.sleep(60)",
    "os.fork()",
    "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(60)\n    os._exit(0)",
    "bytearray(10**12)",
    "import numpy as np\nnp.ones(10**9)",
    "open('/proc/self/fd/1', 'w').write('words')",
    "import builtins\nbuiltins.print = builtins.open = None",
    "__import__('gc').collect()",
]


@pytest.mark.parametrize("source", CONTAINED)
def test_what_a_branch_does_to_itself_stays_there(engine, session, source):
    before = set(descendants(engine._process.pid))
    with session.branch() as branch:
        branch.run([source])
        assert branch.run(["6 * 7"])[0].stopped is None
    assert value(session, "number") == "41"
    assert session.run(["print('heard')"])[0].outputs[0]["text"] == "heard\n"
    assert gone(set(descendants(engine._process.pid)) - before)


@pytest.mark.parametrize(
    "source",
    ["bytearray(10**9)", "import numpy as np\nnp.ones(10**8)", "kept = []\nwhile True:\n    kept.append('x' * 10**6)"],
)
def test_memory_beyond_the_limit_is_refused_and_said(session, source):
    with session.branch() as branch:
        (result,) = branch.run([source])
        assert result.stopped == "used more than 500 MB"
        assert result.error.name in ("MemoryError", "_ArrayMemoryError")
        # What was kept until then is still kept, so let go of it first.
        assert branch.run(["kept = None", "import numpy as np\nlen(np.ones(10**7))"])[1].error is None


@pytest.mark.parametrize(
    ("source", "alive"),
    [
        ("print('begun')\nwhile True:\n    pass", True),
        ("print('begun')\ntime.sleep(60)", True),
        ("while True:\n    try:\n        time.sleep(60)\n    except BaseException:\n        pass", False),
        ("signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    pass", False),
        ("signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\nwhile True:\n    pass", False),
        ("time.monotonic = time.time = lambda: 0\nsignal.alarm(0)\nwhile True:\n    pass", True),
        ("os.kill(os.getpid(), signal.SIGSTOP)", False),
        ("try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('caught')", True),
        ("'a' * 40 == __import__('re').match('(a+)+b', 'a' * 40)", True),
    ],
)
def test_a_cell_that_takes_too_long_is_interrupted_or_else_killed_from_outside(session, source, alive):
    with session.branch(Limits(seconds=1, output_kb=100)) as branch:
        begin = time.monotonic()
        result, after = branch.run([source, "number"])
        assert time.monotonic() - begin < 5
        assert result.stopped == "stopped after 1 s"
        assert result.error.name == ("Stopped" if not alive or "caught" in source else "KeyboardInterrupt")
        if alive:  # as in nbgrader, which interrupts a cell and goes on
            assert after.outputs[0]["data"]["text/plain"] == "41"
            assert "begun" not in source or result.outputs[0]["text"] == "begun\n"
        else:
            assert after.stopped == "not run: an earlier cell stopped after 1 s"
    assert value(session, "number") == "41"


def test_all_cells_together_have_a_limit_too(session):
    with session.branch(Limits(seconds=5, seconds_in_all=1)) as branch:
        results = branch.run(["time.sleep(0.7)", "time.sleep(0.7)", "1"])
    assert [result.stopped for result in results] == [
        None,
        "stopped after 1 s in all",
        "not run: the time was up, 1 s in all",
    ]
    assert [bool(result.error) for result in results] == [False, True, True]


FORGED = """
import json, socket, struct
def send(body, descriptor):
    os.write(descriptor, struct.pack(">I", len(body)) + body)
for name in os.listdir("/proc/self/fd"):
    try:
        if "socket" in os.readlink(f"/proc/self/fd/{name}"):
            LINE
    except OSError:
        pass
time.sleep(5)
"""


@pytest.mark.parametrize(
    "line",
    [
        "os.write(int(name), b'\\xff' * 100)",
        "send(b'no json', int(name))",
        "send(b'[' * 100000, int(name))",
        "send(b'[]', int(name))",
        "send(b'{}', int(name))",
        'send(json.dumps({"number": 999, "outputs": [], "execution_count": 1, "stopped": None}).encode(), int(name))',
        'send(b\'{"number": 1, "outputs": [{"output_type": "stream"}], "execution_count": 1}\', int(name))',
        'send(b\'{"number": 1, "outputs": [{"output_type": "stream", "name": "stdout", "text": "\\\\ud800"}], '
        '"execution_count": 1, "stopped": null}\', int(name))',
        "send(b'{\"number\": NaN}', int(name))",
    ],
)
def test_what_is_no_result_is_not_taken_for_one(session, line):
    with session.branch() as other, session.branch() as branch:
        (result,) = branch.run([FORGED.replace("LINE", line)])
        assert result.stopped == "sent something that is no result"
        assert value(other, "number") == "41"


def test_a_branch_holds_no_line_but_its_own(session):
    at = "f'/proc/self/fd/{name}'"
    count = f"[os.readlink({at}) for name in os.listdir('/proc/self/fd') if os.path.lexists({at})]"
    with session.branch() as first, session.branch() as second, second.branch() as third:
        lines = [re.findall(r"socket:\[\d+\]", value(one, count)) for one in (session, first, second, third)]
    assert [len(own) for own in lines] == [1, 1, 1, 1]
    assert len({own[0] for own in lines}) == 4


def gone(processes, seconds: float = 5) -> bool:
    """Whether all `processes` are gone within `seconds`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not any(_runs(process) for process in processes):
            return True
        time.sleep(0.02)
    return False


def _runs(process: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    return False


def all_processes_below(process: int) -> int:
    """How many processes stand below `process`, those that have ended and were not reaped included."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    below, count = {process}, -1
    while len(below) > count:
        count = len(below)
        below |= {one for one, parent in parents.items() if parent in below}
    return count - 1


def settled(engine) -> None:
    """Wait for the moment at which one session is all there is: its keeper and its runner."""
    until = time.monotonic() + 5
    while (below := all_processes_below(engine._process.pid)) != 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert below == 2


def test_fifty_branches_leave_no_process_and_no_descriptor_behind(engine, session):
    def descriptors() -> list[int]:
        processes = ("self", engine._process.pid, *descendants(engine._process.pid))
        # A keeper has a file open now and then, while it counts: the least of a few looks.
        looks = [[len(list(Path(f"/proc/{one}/fd").iterdir())) for one in processes] for _ in range(10)]
        return [min(counts) for counts in zip(*looks, strict=True)]

    settled(engine)
    before = descriptors()
    for turn in range(50):
        with session.branch() as branch:
            branch.run(["subprocess.Popen(['sleep', '60'], start_new_session=True); number" if turn % 5 == 0 else "number"])
    settled(engine)
    assert descriptors() == before


def test_a_closed_session_takes_its_branches_with_it(engine):
    before = set(descendants(engine._process.pid))
    session = engine.session()
    branch = session.branch()
    session.close()
    assert gone(set(descendants(engine._process.pid)) - before)
    assert branch.run(["1"])[0].error.name == "Stopped"
    branch.close()
    with pytest.raises(EngineError, match="is over"):
        session.branch()
    with pytest.raises(EngineError, match="closed"):
        session.run(["1"])


DIES = """
import sys, time
from pathlib import Path
from course.engine import Engine
engine = Engine(Path(sys.argv[1]), Path(sys.argv[2]))
session = engine.session()
session.run(["import ctypes, os, subprocess, time"])
branch = session.branch()
branch.run(["child = subprocess.Popen(['sleep', '600'], start_new_session=True)"])
branch.run(["if os.fork() == 0:\\n    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)\\n    os.setsid()\\n    time.sleep(600)"])
print(engine._process.pid, flush=True)
time.sleep(600)
"""


def test_nothing_outlives_the_engine_even_when_it_is_killed():
    with subprocess.Popen([sys.executable, "-c", DIES, UNIT_00.parent, DATA], stdout=subprocess.PIPE, text=True) as process:
        warm = int(process.stdout.readline())
        below = [warm, *descendants(warm)]
        assert len(below) == 7  # the warm process, two keepers with a runner each, what the branch left behind
        process.send_signal(signal.SIGKILL)
        assert gone(below)


def test_code_runs_as_in_a_kernel_that_has_just_started(engine):
    with engine.session() as session:
        assert (
            value(
                session,
                "__name__, [n for n in globals() if not n.startswith('_') and n not in "
                "('In', 'Out', 'exit', 'quit', 'get_ipython', 'open')]",
            )
            == "('__main__', [])"
        )
        assert value(session, "import os; os.environ['PATHWAY_DATA'], os.getcwd()") == f"('{DATA}', '{UNIT_00.parent}')"
        assert value(session, "import threading; threading.active_count()") == "1"
        assert value(session, "get_ipython().history_manager.enabled") == "False"
        seed = os.environ.get("PYTHONHASHSEED")
        assert value(session, "repr(os.environ.get('PYTHONHASHSEED'))") == repr(repr(seed))


def test_elsewhere_than_on_linux_it_says_what_it_needs(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(OSError, match="needs Linux.*win32.*WSL"):
        Engine(UNIT_00.parent, DATA)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(EngineError, match="nowhere"):
        Engine(tmp_path / "nowhere", DATA)
