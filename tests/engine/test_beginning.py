"""What all sessions of an engine begin with: cells of the author's, run once, and modules that are there by then."""

import itertools
import re
import threading

import pytest

from course.engine import Beginning, Engine, NotABeginning
from tests.conftest import ROOT

CELLS = ("import secrets\nimport numpy as np\ntoken = secrets.token_hex(8)\ntoken", "print('ready')\nnp.sqrt(4)")


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with Engine(tmp_path_factory.mktemp("begun"), ROOT / "data", beginning=Beginning(("shapely",), CELLS)) as made:
        yield made


def texts(result) -> list[str]:
    return [output["text"] if "text" in output else output["data"]["text/plain"] for output in result.outputs]


def test_the_cells_are_run_once_and_what_came_of_them_is_known(engine):
    first, second = engine.begun
    assert [first.execution_count, second.execution_count] == [1, 2]
    assert texts(second)[0] == "ready\n"
    for _ in range(2):
        with engine.session() as session:
            (again,) = session.run(["token"])
            assert texts(again) == texts(first)


def test_a_session_goes_on_where_they_ended(engine):
    with engine.session() as session:
        ok, failed = session.run(["len(In), _2", "1 / 0"])
        assert texts(ok)[0].startswith("(4, ")
        assert [ok.execution_count, failed.execution_count] == [3, 4]
        assert "Cell In[4]" in re.sub(r"\x1b\[[0-9;]*m", "", "".join(failed.outputs[0]["traceback"]))
        with session.branch() as branch:
            assert branch.run(["token == Out[1]"])[0].execution_count == 5


def test_what_one_session_does_to_them_the_next_does_not_see(engine):
    with engine.session() as session:
        session.run(["token = None", "np.marked = True"])
    with engine.session() as session:
        kept, marked = session.run(["token is None", "hasattr(np, 'marked')"])
        assert texts(kept) == texts(marked) == ["False"]


def test_modules_that_are_asked_for_are_there_already(engine):
    with engine.session() as session:
        (there,) = session.run(["import sys\n'shapely' in sys.modules, 'shapely' in globals()"])
        assert texts(there) == ["(True, False)"]


def test_a_check_knows_the_names_that_the_cells_took_from_libraries(engine):
    with engine.session() as session:
        session.run(["class Other:\n    sqrt = staticmethod(lambda number: 2)\nnp = Other"])
        assert session.check("assert np.sqrt(9) == 3").odd == ("gave np another meaning",)


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("open('kept.txt', 'w').close()", "wrote files"),
        ("import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()", "started threads"),
    ],
)
def test_cells_that_leave_what_a_fork_does_not_have_are_refused(tmp_path, cell, why):
    with pytest.raises(NotABeginning, match=why):
        Engine(tmp_path, ROOT / "data", beginning=Beginning((), (cell,)))


def test_without_cells_it_starts_in_a_folder_in_which_others_are_writing(tmp_path):
    is_over = threading.Event()
    for number in range(3000):  # which take a while to look at
        (tmp_path / f"old-{number}").touch()

    def write() -> None:
        for number in itertools.count():
            (tmp_path / str(number)).touch()
            if is_over.wait(0.001):
                break

    others = threading.Thread(target=write)
    others.start()
    try:
        Engine(tmp_path, ROOT / "data").close()
    finally:
        is_over.set()
        others.join()


def test_a_cell_that_fails_is_a_beginning_too(tmp_path):
    with Engine(tmp_path, ROOT / "data", beginning=Beginning((), ("kept = 1", "1 / 0"))) as engine:
        assert engine.begun[1].error.name == "ZeroDivisionError"
        with engine.session() as session:
            assert texts(session.run(["kept"])[0]) == ["1"]
