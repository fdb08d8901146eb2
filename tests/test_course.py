"""The course as it is committed: what is made is what the text makes, and nothing stands in it that must not."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False)


def tracked() -> list[Path]:
    """The files of the project: those that git tracks."""
    listed = run("git", "ls-files", "-z").stdout.split("\0")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def test_data_solutions_and_notebooks_are_what_the_text_makes():
    checked = run(sys.executable, "-m", "course.cli", "build", "--check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_tests_of_one_group_run_in_one_process(tmp_path):
    """They count on it: what a file's tests share is made once, and busy loops do not run beside a browser."""
    mark = "import pytest\npytestmark = pytest.mark.xdist_group('one')\n"
    for name in ("test_a.py", "test_b.py"):
        (tmp_path / name).write_text(f"{mark}@pytest.mark.parametrize('n', range(4))\ndef test(n): pass\n")
    options = ["-p", "no:cacheprovider", "-v", "-n", "2", "--dist", "loadgroup", "--no-loadscope-reorder"]
    done = run(sys.executable, "-m", "pytest", *options, "--rootdir", tmp_path, tmp_path)
    workers = re.findall(r"^\[(gw\d)\].*PASSED", done.stdout, re.MULTILINE)
    assert len(workers) == 8 and len(set(workers)) == 1, done.stdout


@pytest.mark.parametrize("tool", [("ruff", "check"), ("ruff", "format", "--check"), ("codespell",)], ids=" ".join)
def test_code_and_text_are_in_order(tool):
    checked = run(sys.executable, "-m", *map(str, ("codespell_lib" if tool[0] == "codespell" else tool[0], *tool[1:])), ".")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_no_host_of_a_registry_and_no_path_of_a_machine_is_in_the_repository():
    hosts = r"(py" + r"pi|python" + r"hosted|npm" + r"js|deb\.deb" + r"ian)\.(org|com)"
    people = "ann|ben|mel"  # of the hub's example
    machine = r"(^|[^a-z.\w])/(wo" + r"rk|ro" + r"ot|ho" + rf"me/(?!({people})/)[a-z])\w*/"
    found = [
        f"{path.relative_to(ROOT)}: {hit[0]}"
        for path in tracked()
        if path.suffix != ".png"
        for hit in [
            re.search(
                f"{hosts}|{machine}",
                re.sub(r"base64,[A-Za-z0-9+/=]+", "", path.read_text(encoding="utf-8", errors="replace")),
                re.MULTILINE,
            )
        ]
        if hit
    ]
    assert found == []


def test_the_locks_name_no_host_and_hash_every_package():
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / lock).read_text()
        assert "://" not in text
        packages = re.findall(r"^[a-z0-9][\w.-]*==.*", text, re.MULTILINE)
        assert packages and all(line.endswith("\\") for line in packages), f"a package in {lock} has no hash"


def test_every_direct_dependency_is_in_its_lock_and_has_a_reason():
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    for wanted, lock in (
        (project["dependencies"], "requirements.lock"),
        (project["dependencies"] + project["optional-dependencies"]["tools"], "requirements-dev.lock"),
    ):
        locked = (ROOT / lock).read_text()
        for requirement in wanted:
            name = re.match(r"[\w-]+", requirement)[0]
            assert re.search(rf"^{name}==", locked, re.MULTILINE), f"{name} is not in {lock}"
            assert re.search(rf'"{re.escape(requirement)}",\s+# \w', text), f"{name} has no reason in pyproject.toml"


def test_the_text_of_every_unit_survives_jupyterlab_byte_for_byte():
    """The rule that holds units to this is broken in tests/builder; here it is held against the course's own."""
    from course.builder.source import as_jupytext_writes, is_notebook

    sources = [path for path in (ROOT / "course" / "units").glob("*/*.md") if is_notebook(path.read_text(encoding="utf-8"))]
    assert sources
    for path in sources:
        text = path.read_text(encoding="utf-8")
        assert as_jupytext_writes(path, text) == text, path
