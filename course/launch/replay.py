"""A Binder without Docker: what repo2docker's image and a BinderHub do with a repository, in a folder of one's own.

As there: the repository lies in the home of a user `jovyan`, the environment comes from binder/requirements.txt, then
binder/postBuild runs once; each start is of a fresh copy, by binder/start, with a BinderHub's options. Other than there: the
packages come out of uv's cache where it has them, compiled code from the environment that this runs in, Python from the
machine, and of what repo2docker installs by itself only what binder/ counts on.
"""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

BROUGHT = "jupyter-offlinenotebook"  # by repo2docker, into every environment
REPOSITORY = "https://github.com/EXAMPLE/data-science-learning-pathway"
PATIENCE_S = 120
ENDS_S = 10


class ReplayError(Exception):
    """A step of the replay failed; the text is what its command said."""


@dataclass(frozen=True)
class Server:
    """A JupyterLab that has been started as a Binder starts one; `up_s` seconds later it answered."""

    process: subprocess.Popen
    address: str  # ends in a slash
    token: str
    home: Path
    log: Path
    up_s: float

    def opens(self, path: str) -> str:
        """The address at which JupyterLab opens a file of the repository."""
        return f"{self.address}lab/tree/{quote(path)}?token={self.token}"

    def ask(self, path: str) -> bytes:
        """What the server answers at a path of it, such as api/contents. Raises urllib.error.HTTPError as it does."""
        request = urllib.request.Request(self.address + path, headers={"Authorization": f"token {self.token}"})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.read()


class Replay:
    """A repository in the folder `repository`, built and started in the empty folder `place` as a Binder would."""

    def __init__(self, repository: Path, place: Path):
        self.home = place / "home" / "jovyan"
        self.environment = place / "environment"
        self._image = place / "image"
        self._log = place / "server.log"
        shutil.copytree(repository, self.home)

    def build(self) -> None:
        """Make the environment, run postBuild and keep the home that it leaves. Raises ReplayError."""
        self.make_environment()
        self.post_build()
        shutil.copytree(self.home, self._image, symlinks=True)

    def make_environment(self) -> None:
        uv = str(Path(sys.executable).parent / "uv")
        python = str(self.environment / "bin" / "python")
        self._run([uv, "venv", "--quiet", "--seed", "--python", sys.executable, str(self.environment)], os.environ)
        sync = [uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", "binder/requirements.txt"]
        self._run(sync, os.environ)
        brought = f"{BROUGHT}=={version(BROUGHT)}"
        self._run([uv, "pip", "install", "--quiet", "--python", python, "--no-deps", brought], os.environ)
        self._take_compiled_code()

    def _take_compiled_code(self) -> None:
        """pip compiles what it installs, which takes half a minute: here the same files are compiled already."""
        here = Path(sysconfig.get_path("purelib"))
        there = next((self.environment / "lib").glob("python*")) / "site-packages"
        for compiled in here.glob("**/__pycache__"):
            place = there / compiled.relative_to(here)
            if place.parent.is_dir() and not place.exists():
                shutil.copytree(compiled, place)

    def post_build(self) -> None:
        """Run binder/postBuild as repo2docker does: from the repository, made a program if it is none."""
        (self.home / "binder" / "postBuild").chmod(0o755)
        self._run(["./binder/postBuild"], self.variables())

    def variables(self) -> dict[str, str]:
        """The environment's variables in the container: none of ours."""
        reference = f"{REPOSITORY.removeprefix('https://github.com/')}/0123456789abcdef"
        return {
            "HOME": str(self.home),
            "REPO_DIR": str(self.home),
            "USER": "jovyan",
            "NB_USER": "jovyan",
            "SHELL": "/bin/bash",
            "PATH": f"{self.environment / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "BINDER_LAUNCH_HOST": "https://mybinder.org/",
            "BINDER_PERSISTENT_REQUEST": f"v2/gh/{reference}",
            "BINDER_REPO_URL": REPOSITORY,
            "BINDER_REF_URL": f"{REPOSITORY}/tree/0123456789abcdef",
        }

    @contextlib.contextmanager
    def start(self, port: int | None = None, options: Sequence[str] = ()) -> Iterator[Server]:
        """A server on a fresh copy of what `build` left, on a port of this machine; it ends with the context.

        `options` are JupyterLab's. Raises ReplayError with the server's log where it does not come up.
        """
        shutil.rmtree(self.home)
        shutil.copytree(self._image, self.home, symlinks=True)
        port = port or _a_free_port()
        token, path = secrets.token_hex(16), f"/user/example-pathway-{secrets.token_hex(4)}/"
        (self.home / "binder" / "start").chmod(0o755)
        command = ["./binder/start", "jupyter-lab", "--ip=127.0.0.1", f"--port={port}", f"--NotebookApp.base_url={path}"]
        command += [f"--NotebookApp.token={token}", "--NotebookApp.trust_xheaders=True", "--no-browser", *options]
        if os.geteuid() == 0:  # a container's user is not
            command.append("--allow-root")
        begun = time.monotonic()
        with self._log.open("wb") as log:
            how = {"cwd": self.home, "env": self.variables(), "stdin": subprocess.DEVNULL}
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, **how)
        try:
            address = f"http://127.0.0.1:{port}{path}"
            self._wait_for(f"{address}api", process)
            yield Server(process, address, token, self.home, self._log, time.monotonic() - begun)
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):  # JupyterLab may wait for its threads for ever
                process.wait(ENDS_S)
            process.kill()
            process.wait()

    def _wait_for(self, address: str, process: subprocess.Popen) -> None:
        for _ in range(PATIENCE_S * 20):
            if process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(address, timeout=PATIENCE_S):
                    return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        raise ReplayError(f"JupyterLab did not start:\n{self._log.read_text(encoding='utf-8', errors='replace')}")

    def _run(self, command: list[str], variables) -> None:
        done = subprocess.run(command, cwd=self.home, env=variables, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ReplayError(f"`{' '.join(command[:4])}` failed:\n{done.stdout}{done.stderr}")


def _a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
