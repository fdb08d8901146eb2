"""Runs check cells as marking does: compiled and run by the engine itself, in a fork, outside the trainee's shell.

What the trainee's code did to the shell (input transformers, event hooks, display formatters, exception handlers) has no say
here. What it did to the libraries is found, by comparing with what they were before it ran, put right and told. Answers
still live in one process with their checks, so that a clever one can cheat; SECURITY.md says what is promised.
"""

import ast
import base64
import builtins
import contextlib
import ctypes
import functools
import gc
import importlib
import io
import itertools
import linecache
import marshal
import math
import operator
import signal
import sys
import types
from collections.abc import Collection, Iterator

# What checks rely on: an answer that replaces a part of one of these is found.
WATCHED = (
    *("builtins", "math", "cmath", "statistics", "operator", "itertools", "functools", "collections", "json", "ast"),
    *("os", "sys", "signal", "socket", "select", "linecache", "traceback", "textwrap", "warnings"),
    *("numpy", "numpy.linalg", "numpy.testing", "pandas", "pandas.testing", "pandas._testing", "pandas.api.types"),
    *("scipy.optimize", "course", "course.data", "course.figures", "course.siting"),
    *("course.chart_checks", "course.chart_checks.artists", "course.chart_checks.colours"),
    *("course.engine.check", "course.engine.linux", "course.engine.shell", "course.engine.warm", "course.engine.wire"),
)
CLASSES = (("pandas", "DataFrame"), ("pandas", "Series"), ("pandas", "Index"))
# What changes while libraries work, and is none of an answer's doing.
RESTLESS = {
    "builtins": {"_", "get_ipython", "display"},
    "course": {"checks"},
    "sys": {
        "last_type",
        "last_value",
        "last_traceback",
        "last_exc",
        "stdout",
        "stderr",
        "path",
        "argv",
        "ps1",
        "ps2",
        "ps3",
    },
    "warnings": {"filters", "showwarning", "_showwarnmsg_impl", "_filters_version"},
    "linecache": {"cache"},
}
FILE = "<ipython-input-check>"
# Events of Python's own auditing for which an answer has no use while it is checked, and the way to a frame from elsewhere.
FORBIDDEN = (
    *("sys._getframe", "sys._current_", "sys.settrace", "sys.setprofile", "sys.addaudithook", "gc.get_", "ctypes."),
    *("os.fork", "os.kill", "os.exec", "os.posix_spawn", "subprocess.", "socket.", "code.__new__", "function.__new__"),
)
FRAMES = ("tb_frame", "gi_frame", "cr_frame", "ag_frame")
COMPARISONS = ("__eq__", "__ne__", "__lt__", "__gt__", "__bool__")
MISSING = object()


class Inspector:
    """Made in the warm process, before anybody's code has run: it knows how things were, and runs checks in a fork.

    `shell` is the notebook's, `collector` takes a check's outputs.
    """

    def __init__(self, shell, collector):
        self._shell, self._collector = shell, collector
        self._checks = importlib.import_module("course.checks")
        del sys.modules["course.checks"]  # notebooks import one of their own, which registers with their shell
        self._by_author: dict[str, object] = {}
        self._modules = {name: sys.modules[name] for name in WATCHED if name in sys.modules}
        self._known = [(name, _Namespace(vars(module), RESTLESS.get(name, ()))) for name, module in self._modules.items()]
        classes = [getattr(sys.modules[module], name) for module, name in CLASSES]
        bases = dict.fromkeys(base for cls in classes for base in cls.__mro__ if base.__module__.split(".")[0] == "pandas")
        self._classes = [(cls, _Namespace(gc.get_referents(vars(cls))[0])) for cls in bases]
        self._finders, self._path_hooks = list(sys.meta_path), list(sys.path_hooks)
        self._builtins = _Namespace(vars(builtins), RESTLESS["builtins"])

    def names(self) -> dict[str, object]:
        """The notebook's namespace as it is now."""
        return dict(self._shell.user_ns)

    def note_names_since(self, before: dict[str, object]) -> None:
        """After a cell of the notebook's author: what it gave names to, of libraries' objects, is known by these names."""
        for name, value in self._shell.user_ns.items():
            if before.get(name, MISSING) is not value and _is_of_a_library(value):
                self._by_author[name] = value

    def run(self, check: dict, answer_error: str | None, threads: int) -> tuple[list[dict], list[str]]:
        """Run a `check`, as `prepared` gives it; call it in a fork that ends behind it.

        Gives back the check's outputs, and what is odd, in words. `answer_error` names the error in which the answer's cell
        ended; `threads` is how many threads of Python there were before the fork, which keeps one.
        """
        source = check["source"]
        # First of all, with nothing that could have been replaced: what Python itself offers.
        replaced = [f"builtins.{name}" for name in self._builtins.put_right()]
        sys.settrace(None)
        sys.setprofile(None)
        gc.callbacks.clear()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.stdout = sys.stderr = io.StringIO()  # what an answer prints here is for nobody: it could be of the check
        replaced += self._put_libraries_right()
        replaced += self._put_checks_right()
        odd = [f"replaced {_listed(replaced)}"] if replaced else []
        odd += ["left a thread running that could have looked on"] if threads > 1 else []
        expect = self._checks.expect = self._checks.Expect()
        expect.done = lambda ending: self._collector.write("stdout", f"{expect.summary(ending)}\n")
        if not self._can_fail(expect, source):
            odd.append("made checks unable to fail")
        seen, watchman = _Seen(), _Watchman()
        try:
            linecache.cache[FILE] = len(source), None, source.splitlines(keepends=True), FILE
            code, last = _loaded(check) if check["code"] else _compiled(source)
            space, other = self._space(check["names"], expect)
            odd += [f"gave {_listed(other)} another meaning"] if other else []
            space[_Seen.NAME] = seen
            expect.begin(_as_error(answer_error))
            sys.addaudithook(watchman.event)
            exec(code, space)
            value = eval(last, space) if last else None
            if type(value).__module__ in ("builtins", "numpy") and value is not None:
                data = {"data": {"text/plain": repr(value)}, "metadata": {}, "execution_count": 0}
                self._collector.send(None, "execute_result", data)
        except BaseException as error:
            watchman.rest()
            self._tell(error, expect)
        watchman.rest()
        return self._collector.finished(), [*odd, *sorted(seen.found), *sorted(watchman.found)]

    def _space(self, names: list[str], expect) -> tuple[dict, list[str]]:
        """The namespace of a check that uses `names`: the trainee's, but for those that its author took from libraries."""
        space, other = dict(self._shell.user_ns), []
        for name in names:
            value = self._by_author.get(name, MISSING)
            if value is MISSING:
                if name in self._builtins.known:  # one who calls a list of numbers `list` has not answered wrongly
                    space.pop(name, None)
            else:
                now = space.get(name, value)
                other += [name] if now is not value and (callable(now) or isinstance(now, types.ModuleType)) else []
                space[name] = self._own(value, expect)
        space["__builtins__"] = self._builtins.known
        return space, other

    def _own(self, value, expect):
        """The same from the engine's own copy of course.checks: the notebook's could have been changed."""
        if type(value).__name__ == "Expect":
            return expect
        if getattr(value, "__module__", None) == "course.checks":
            return getattr(self._checks, value.__name__, value)
        return value

    def _put_libraries_right(self) -> list[str]:
        replaced = []
        for name, module in self._modules.items():
            if sys.modules.get(name) is not module:
                sys.modules[name] = module
                replaced.append(name)
        for name, namespace in self._known:
            replaced += [f"{name}.{one}" for one in namespace.put_right()]
        for cls, namespace in self._classes:
            if not namespace.was_written_to:
                continue
            now, known = vars(cls), namespace.known
            for name in [name for name, value in known.items() if now.get(name, MISSING) is not value and _is_method(name)]:
                setattr(cls, name, known[name])
                replaced.append(f"pandas.{cls.__name__}.{name}")
            for name in [name for name in now if name not in known and _is_method(name)]:
                if any(name in vars(base) for base in cls.__mro__[1:]):  # one that it had from there; a new one is harmless
                    delattr(cls, name)
                    replaced.append(f"pandas.{cls.__name__}.{name}")
        # Libraries add finders of their own, behind those that were there.
        if sys.meta_path[-len(self._finders) :] != self._finders and sys.meta_path[: len(self._finders)] != self._finders:
            replaced.append("how modules are imported")
        sys.meta_path[:], sys.path_hooks[:] = self._finders, self._path_hooks
        return replaced

    def _put_checks_right(self) -> list[str]:
        """The engine's own copy of course.checks in place of the notebook's; what was replaced in that one."""
        theirs = sys.modules.get("course.checks")
        sys.modules["course.checks"] = self._checks
        if theirs is None:
            return []
        here, there = _functions(self._checks), _functions(theirs)
        return [f"course.checks.{name}" for name, code in here.items() if there.get(name) != code]

    def _can_fail(self, expect, source: str) -> bool:
        """Whether planted checks that must fail do: one of each kind that the check is made of."""
        try:
            expect(1 == 2, "planted")
            return False
        except self._checks.NotYet:
            return not any(agrees() for word, agrees in PLANTED.items() if word in source)

    def _tell(self, error: BaseException, expect) -> None:
        """Put what stopped the check among its outputs: the message alone, as the trainee reads it."""
        try:
            said = str(error)
        except Exception:  # an error of the trainee's own making can fail here as well
            said = ""
        name = type(error).__name__
        if isinstance(error, Exception):
            lines = expect.in_words(error, error.__traceback__)
        else:
            lines = [f"{name}: the answer ended the check."]
        self._collector.send(None, "error", {"ename": str(name), "evalue": said, "traceback": lines})


def _numpy_agrees(name: str) -> bool:
    import numpy as np

    return bool(np.all(getattr(np, name)([1], [2])))


def _pandas_agrees() -> bool:
    import pandas as pd

    return pd.Series([1]).equals(pd.Series([2]))


def _testing_agrees() -> bool:
    import pandas as pd

    try:
        pd.testing.assert_series_equal(pd.Series([1]), pd.Series([2]))
    except AssertionError:
        return False
    return True


# A word of a check -> whether what it stands for agrees with what is different.
PLANTED = {
    "isclose": lambda: math.isclose(1, 2) or _numpy_agrees("isclose"),
    "allclose": lambda: _numpy_agrees("allclose"),
    "array_equal": lambda: _numpy_agrees("array_equal"),
    ".equals": _pandas_agrees,
    "assert_": _testing_agrees,
}


class Nonce:
    """Equal to nothing, before and behind nothing: what agrees with it agrees with everything."""


class _Seen:
    """Looks at what a check compares, and gives it back as it is."""

    NAME = "__seen__"

    def __init__(self):
        self.found: set[str] = set()
        self._own_comparisons: dict[type, bool] = {}

    def __call__(self, value):
        self._look_at(value)
        kind = type(value)
        if kind in (list, tuple, set, frozenset, dict):
            for one in itertools.islice(value.values() if kind is dict else value, 200):
                self._look_at(one)
        return value

    def _look_at(self, value) -> None:
        kind = type(value)
        if kind not in self._own_comparisons:
            methods = [getattr(kind, name, None) for name in COMPARISONS]
            self._own_comparisons[kind] = any(
                type(one) is types.FunctionType and _is_a_cells(one.__code__) for one in methods
            )
        if self._own_comparisons[kind] and _agrees_with_everything(value):
            self.found.add(f"gave an object ({kind.__name__}) that agrees with everything")


def _agrees_with_everything(value) -> bool:
    ways = (
        lambda: operator.eq(value, Nonce()),
        lambda: not operator.ne(value, Nonce()),
        lambda: operator.lt(value, Nonce()) and operator.gt(value, Nonce()),
    )
    for way in ways:
        with contextlib.suppress(Exception):
            if way():
                return True
    return False


class _Instrument(ast.NodeTransformer):
    """Shows _Seen what every call gives back, and every name that is compared."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return _shown(node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        node.left, *node.comparators = (
            _shown(one) if isinstance(one, ast.Name) else one for one in [node.left, *node.comparators]
        )
        return node


def _shown(node: ast.expr) -> ast.expr:
    name = ast.copy_location(ast.Name(_Seen.NAME, ast.Load()), node)
    return ast.copy_location(ast.Call(name, [node], []), node)


@functools.lru_cache(maxsize=1000)
def prepared(source: str) -> dict:
    """A check cell as `Inspector.run` takes it, for JSON: compiled here, once for all the submissions that it is to check.

    What is no Python is left for the run to tell.
    """
    try:
        names = sorted({node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)})
        code = [base64.b64encode(marshal.dumps(one)).decode() for one in _compiled(source) if one]
    except (SyntaxError, ValueError, RecursionError):
        names, code = [], []
    return {"source": source, "names": names, "code": code}


def _loaded(check: dict) -> tuple[types.CodeType, types.CodeType | None]:
    code, *last = (marshal.loads(base64.b64decode(one)) for one in check["code"])
    return code, last[0] if last else None


def _compiled(source: str) -> tuple[types.CodeType, types.CodeType | None]:
    """The code of a check, and that of its last expression, whose value may be partial credit."""
    tree = _Instrument().visit(ast.parse(source, FILE))
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = compile(ast.Expression(tree.body.pop().value), FILE, "eval")
    return compile(tree, FILE, "exec"), last


class _Watchman:
    """An audit hook that denies an answer what could lead it to its check, and remembers that it asked."""

    def __init__(self):
        self.found: set[str] = set()
        self._at_rest = False

    def event(self, name: str, arguments: tuple) -> None:
        if self._at_rest or not (name.startswith(FORBIDDEN) or _leads_in(name, arguments)):
            return
        self._at_rest = True
        try:
            asks = any(_is_a_cells(code) for code in itertools.islice(_callers(), 1))
        finally:
            self._at_rest = False
        if asks:
            what = "/proc" if name == "open" else arguments[1] if name == "object.__getattr__" else name
            self.found.add(f"reached for {what} while it was checked")
            raise PermissionError(f"{what} is not for answers while they are checked.")

    def rest(self) -> None:
        """Let everything pass: the check is over. (Python never lets go of a hook.)"""
        self._at_rest = True


def _leads_in(name: str, arguments: tuple) -> bool:
    """Whether an event is a look at a frame, or at a process's memory."""
    if name == "open":
        return str(arguments[0]).startswith(("/proc", "b'/proc"))
    return name == "object.__getattr__" and arguments[1] in FRAMES


def _callers() -> Iterator[types.CodeType]:
    """The code that called, nearest first, without this module's own and those parts of Python that look at frames."""
    frame = sys._getframe()
    while frame:
        name = frame.f_code.co_filename
        if name != __file__ and not name.endswith(("/inspect.py", "/traceback.py")):
            yield frame.f_code
        frame = frame.f_back


def _is_a_cells(code: types.CodeType) -> bool:
    """Whether code comes from a cell, or was made there from a text."""
    name = code.co_filename
    return name != FILE and ("ipykernel_" in name or name.startswith(("<ipython-input", "<string>", "<unknown>")))


def _is_method(name: str) -> bool:
    """Whether an attribute of a class is one that checks use; Python keeps notes of its own among the others."""
    return not name.startswith("_") or name in COMPARISONS


def _is_of_a_library(value) -> bool:
    """Whether a value is a module, or something to be called that a library defines."""
    if isinstance(value, types.ModuleType):
        return True
    return callable(value) and getattr(value, "__module__", None) not in ("__main__", None)


def _functions(checks) -> dict[str, types.CodeType]:
    """The functions of a copy of course.checks, and of its classes, by name."""
    places = {"": checks, "Expect.": getattr(checks, "Expect", None), "NotYet.": getattr(checks, "NotYet", None)}
    found = (
        (f"{at}{name}", value) for at, place in places.items() for name, value in getattr(place, "__dict__", {}).items()
    )
    return {name: value.__code__ for name, value in found if type(value) is types.FunctionType}


class _Namespace:
    """The names of a module, or of a class, as they were; `restless` ones change by themselves."""

    def __init__(self, now: dict, restless: Collection[str] = ()):
        self._now, self.known = now, dict(now)
        self._restless, self._version = restless, _version(now)

    @property
    def was_written_to(self) -> bool:
        """False only where nothing can have changed. To look at each value instead would have Linux copy all their pages."""
        return self._version is None or _version(self._now) != self._version

    def put_right(self) -> list[str]:
        """Give it back what it had; which names had another value. Names that were added stay."""
        if not self.was_written_to:
            return []
        now, known = self._now, self.known
        changed = [
            name for name, value in known.items() if now.get(name, MISSING) is not value and name not in self._restless
        ]
        for name in changed:
            now[name] = known[name]
        return changed


def _version(namespace: dict) -> int | None:
    """The number that Python gives to each state of a dictionary (PEP 509); None for a Python that has none."""
    if sys.version_info[:2] != (3, 11):
        return None
    return ctypes.c_uint64.from_address(id(namespace) + 3 * ctypes.sizeof(ctypes.c_ssize_t)).value


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _as_error(name: str | None) -> Exception | None:
    return None if name is None else NotImplementedError() if name == "NotImplementedError" else Exception(name)
