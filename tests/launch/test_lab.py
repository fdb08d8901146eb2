"""`run.py lab` brings the workspace up to date and serves it; what the page looks like is for the browser's tests."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

COURSE = Path(__file__).resolve().parents[2] / "course"
NOTEBOOK = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
PATIENCE_S = 90


@pytest.fixture
def tree(tmp_path):
    """A whole course in small: its code, two notebooks."""
    tree = tmp_path / "tree"
    shutil.copytree(COURSE, tree / "course", ignore=shutil.ignore_patterns("__pycache__", "units"))
    for name in ("00-start-here/start-here.ipynb", "01-unit/lesson.ipynb"):
        file = tree / "notebooks" / name
        file.parent.mkdir(parents=True)
        file.write_text(NOTEBOOK)
    return tree


class Lab:
    """A running lab: what it says, and where it answers."""

    def __init__(self, tree, *arguments):
        environment = {**os.environ, "PYTHONPATH": str(tree), "HOME": str(tree.parent)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "course.launch.lab", "--no-browser", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tree,
            env=environment,
        )
        self.said = ""
        for line in self.process.stdout:
            self.said += line
            if found := re.search(r"JupyterLab is ready: (http\S+)", line):
                self.address = found.group(1)
                self.token = self.address.partition("token=")[2]
                return
        raise AssertionError(f"the lab ended with {self.process.wait()}:\n{self.said}")

    def ask(self, path, **body):
        request = urllib.request.Request(
            self.address.partition("/lab")[0] + path,
            headers={"Authorization": f"token {self.token}"},
            data=json.dumps(body).encode() if body else None,
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.read().decode()

    def stop(self, how=signal.SIGINT):
        self.process.send_signal(how)
        self.process.wait(timeout=PATIENCE_S)
        self.said += self.process.stdout.read()
        return self.process.returncode


@contextlib.contextmanager
def lab(tree, *arguments):
    running = Lab(tree, *arguments)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()
        running.process.stdout.close()


def a_free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_it_serves_the_workspace_at_the_address_it_prints_and_ctrl_c_ends_it_and_its_kernels(tree):
    with lab(tree, "--port", str(a_free_port())) as running:
        assert "/lab/tree/00-start-here/start-here.ipynb?token=" in running.address
        assert json.loads(running.ask("/api/status"))["kernels"] == 0
        names = [entry["name"] for entry in json.loads(running.ask("/api/contents"))["content"]]
        assert names == ["00-start-here", "01-unit"]
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(running.address.partition("/lab")[0] + "/api/contents", timeout=PATIENCE_S)

        running.ask("/api/kernels", name="python3")
        children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text().split()
        assert children

        assert running.stop() == 0
        assert not any(Path(f"/proc/{child}").exists() for child in children), "its kernels have ended with it"


def test_a_calm_first_run_has_no_news_and_of_nbgrader_only_what_a_trainee_needs(tree):
    with lab(tree, "--port", str(a_free_port())) as running:
        page = running.ask("/lab")
        config = json.loads(re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.DOTALL).group(1))
        assert config["news"] == {"disabled": True}
        disabled = set(config["disabledExtensions"])
        assert {f"@jupyter/nbgrader:{panel}" for panel in ("formgrader", "create-assignment", "course-list")} < disabled
        assert not {f"@jupyter/nbgrader:{panel}" for panel in ("validate-assignment", "assignment-list")} & disabled
        settings = json.loads(running.ask("/lab/api/settings/@jupyterlab/apputils-extension:notification"))
        assert settings["schema"]["properties"]["fetchNews"]["default"] == "false"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            running.ask("/formgrader")


def test_a_port_in_use_is_said_and_the_next_one_taken(tree):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with lab(tree, "--port", str(port)) as running:
            (taken,) = re.findall(rf"Port {port} is in use: taking (\d+)", running.said)
            assert f":{taken}/" in running.address
            assert json.loads(running.ask("/api/status"))


def test_what_follows_two_dashes_goes_to_jupyter_and_a_workspace_can_lie_elsewhere(tree, tmp_path):
    elsewhere = tmp_path / "my work"
    arguments = ["--port", str(a_free_port()), "--workspace", str(elsewhere)]
    with lab(tree, *arguments, "--", "--ServerApp.base_url=/course/") as running:
        assert "/course/lab/tree/" in running.address
        assert running.stop(signal.SIGTERM) == 0
    assert (elsewhere / "01-unit" / "lesson.ipynb").exists()
    assert not (tree / "work").exists()


def test_it_names_a_new_version_that_lies_beside_the_trainees(tree):
    mine = tree / "work" / "01-unit" / "lesson.ipynb"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with lab(tree, "--port", str(a_free_port())) as running:
        assert "(files: 1 new)" in running.said
        assert "01-unit/lesson.ipynb: you have changed it" in running.said
        assert "01-unit/lesson-new-version.ipynb" in running.said


def test_the_terminal_shows_what_a_trainee_needs_and_nothing_else(tree):
    with lab(tree, "--port", str(a_free_port())) as running:
        assert running.stop() == 0
        said = [line for line in running.said.splitlines() if line and not line.startswith("You are root")]
        assert [line.partition(" ")[0] for line in said] == ["Your", "Starting", "JupyterLab", "Ctrl-C", "Stopping"]


@pytest.mark.parametrize("seconds", [0.0, 0.3, 0.8, 1.5])
def test_ctrl_c_while_it_starts_ends_it_without_a_traceback(tree, seconds):
    process = subprocess.Popen(
        [sys.executable, "-m", "course.launch.lab", "--no-browser", "--port", str(a_free_port())],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
    )
    with process:
        while "Starting" not in process.stdout.readline():
            pass
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode in (0, 130)
    assert "Traceback" not in said


BUSY = """
import asyncio, functools, anyio

async def busy():
    await anyio.to_thread.run_sync(functools.partial(print, "busy", flush=True))  # its thread waits until this task is over
    await asyncio.sleep(3600)

def _load_jupyter_server_extension(app):
    app.io_loop.add_callback(busy)
"""


def test_what_is_still_going_on_does_not_keep_it_from_ending(tree):
    (tree / "busy.py").write_text(BUSY)
    with lab(tree, "--port", str(a_free_port()), "--", "--ServerApp.jpserver_extensions={'busy': True}") as running:
        while "busy" not in running.said:
            running.said += running.process.stdout.readline()
        assert running.stop() == 0


def test_a_course_without_notebooks_is_one_clear_line(tree):
    shutil.rmtree(tree / "notebooks")
    done = subprocess.run(
        [sys.executable, "-m", "course.launch.lab"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("lab: there are no notebooks") and done.stderr.count("\n") == 1
