"""What a trainee's code reaches for that no answer needs, found by reading it."""

import ast
import re
from collections.abc import Iterator

# Name, attribute, module or text in code -> what it is, for the mentor.
SUSPECT = {
    "get_ipython": "the notebook's own machinery",
    "_getframe": "frames, which lead to the checks",
    "currentframe": "frames, which lead to the checks",
    "f_back": "frames, which lead to the checks",
    "f_locals": "frames, which lead to the checks",
    "f_globals": "frames, which lead to the checks",
    "tb_frame": "frames, which lead to the checks",
    "gi_frame": "frames, which lead to the checks",
    "cr_frame": "frames, which lead to the checks",
    "settrace": "a look at every line that runs",
    "setprofile": "a look at every call",
    "addaudithook": "a look at all that Python does",
    "get_objects": "everything in memory",
    "get_referrers": "everything in memory",
    "get_referents": "everything in memory",
    "ctypes": "memory itself",
    "meta_path": "how modules are imported",
    "_exit": "the end of the program",
    "SystemExit": "the end of the program",
    "course.engine": "the program that marks",
    "course.grading": "the program that marks",
    "course.proof": "the program that marks",
}
CALLS = ("exit", "quit")  # suspect where they are called
# Lines that are IPython's and no Python: magics, commands of a shell, questions.
NO_PYTHON = re.compile(r"(?m)^(\s*)(?:[%!?].*|.*\?)$")


def reaches(source: str) -> list[str]:
    """What the code in `source` reaches for: "name (what that is)", each once, in order; empty for honest code."""
    try:
        tree = ast.parse(NO_PYTHON.sub(r"\1pass", source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []  # it does not run either
    found = dict.fromkeys(_suspects(tree))
    return [f"`{name}` ({SUSPECT.get(name, 'the end of the program')})" for name in found]


def _suspects(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            module = getattr(node, "module", None)
            yield from (name for name in SUSPECT if any(_is_in(name, one) for one in [*names, module or ""]))
        elif isinstance(node, ast.Name):
            yield from [node.id] if node.id in SUSPECT else []
        elif isinstance(node, ast.Attribute):
            yield from [node.attr] if node.attr in SUSPECT else []
            yield from ["sys.exit"] if node.attr == "exit" and getattr(node.value, "id", None) == "sys" else []
        elif isinstance(node, ast.Call) and getattr(node.func, "id", None) in CALLS:
            yield node.func.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # A name in a text is looked up with getattr, or run with exec.
            yield from (name for name in SUSPECT if re.search(rf"\b{re.escape(name)}\b", node.value))


def _is_in(suspect: str, module: str) -> bool:
    return module == suspect or module.startswith(f"{suspect}.")
