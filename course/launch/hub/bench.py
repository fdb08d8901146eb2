"""What a hub costs: memory of a person's server, seconds until it is there, requests it answers. Measured on a real one.

It is the hub's own software and settings of trainees, but that all servers run as whoever measures: what a server costs does
not depend on whose it is.
"""

import asyncio
import json
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from course.launch.hub import software
from course.launch.hub.settings import HubError

LESSON = Path("notebooks/01-what-is-data-science/venn-diagram.ipynb")
SECONDS = 5.0  # of requests
AT_A_TIME = 8  # requests under way
PATIENCE_S = 180
MOST_BYTES = 100_000_000  # of one message: a figure comes in one
CONFIG = """
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.command = {proxy!r}
c.JupyterHub.authenticator_class = "null"
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.concurrent_spawn_limit = 0
c.SimpleLocalProcessSpawner.home_dir_template = "{scratch}/{{username}}"
c.Spawner.cmd = {server!r}
c.Spawner.default_url = "/lab"
c.Spawner.environment = {environment!r}
c.Spawner.start_timeout = c.Spawner.http_timeout = {patience}
c.JupyterHub.services = [{{"name": "bench", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [
    {{"name": "bench", "services": ["bench"], "scopes": ["admin:users", "admin:servers", "access:servers"]}}
]
"""


@dataclass(frozen=True)
class Measured:
    """What was measured, with `servers` people at a time. Memory is in MB, shared pages counted in parts (PSS).

    `first_s` and `each_s` are seconds until a server is there, the very first and the median of those after it, one by one;
    `together_s` until the last `at_once` are there, asked for together. `server_mb` is one without a notebook, `kernel_mb`
    what a lesson adds that was run. `requests_s` is requests a second, of servers through the proxy; `median_ms`, `slow_ms`
    (95 of 100 are quicker) how long one takes.
    """

    servers: int
    at_once: int
    cores: int
    hub_mb: float
    proxy_mb: float
    server_mb: float
    kernel_mb: float
    first_s: float
    each_s: float
    together_s: float
    requests_s: float
    median_ms: float
    slow_ms: float


def measure(root: Path, servers: int, scratch: Path, say: Callable[[str], None]) -> Measured:
    """Start a hub in the folder `scratch` and measure it with the course in `root`. Raises HubError."""
    say("laying the proxy")
    proxy = software.lay_proxy(scratch / "proxy", Path(sysconfig.get_path("purelib")))
    with _hub(scratch, proxy) as (process, address, token):
        try:
            return asyncio.run(_Bench(process, address, token, root, say).measure(servers))
        except HTTPClientError as error:
            raise HubError(f"The hub that is measured answers {error}. Measure fewer servers.") from None


@contextmanager
def _hub(scratch: Path, proxy: list[str]) -> Iterator[tuple[psutil.Process, str, str]]:
    """A hub that runs: its process, its address, and a token that may do all that is measured."""
    port, hub_port, proxy_port = free_ports(3)
    token = secrets.token_hex(32)
    ours = software.HERE / "jupyter"
    settings = [ours / "trainee", ours / "all", software.ROOT / "course" / "launch" / "jupyter"]
    environment = {
        "JUPYTER_CONFIG_PATH": os.pathsep.join(map(str, settings)),
        "PATHWAY_EXCHANGE": str(scratch),
        "PATH": os.environ.get("PATH", os.defpath),
    }
    server = [sys.executable, "-m", "jupyterhub.singleuser", *(["--allow-root"] if os.geteuid() == 0 else [])]
    text = CONFIG.format(
        port=port,
        hub_port=hub_port,
        proxy_port=proxy_port,
        proxy=proxy,
        scratch=scratch,
        server=server,
        environment=environment,
        patience=PATIENCE_S,
        token=token,
    )
    (scratch / "config.py").write_text(text, encoding="utf-8")
    log = scratch / "hub.log"
    with log.open("w") as file:
        command = [sys.executable, "-m", "jupyterhub", f"--config={scratch / 'config.py'}"]
        process = subprocess.Popen(command, cwd=scratch, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        _wait(lambda: _answers(port), process, log)
        yield psutil.Process(process.pid), f"http://127.0.0.1:{port}", token
    finally:
        below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.send_signal(signal.SIGTERM)  # the hub stops its servers, and the proxy
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
        for one in below:
            if one.is_running():
                one.kill()


def free_ports(count: int) -> list[int]:
    """So many ports of this machine on which nothing listens."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def _wait(is_there: Callable[[], bool], process: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while not is_there():
        if process.poll() is not None or time.monotonic() > until:
            raise HubError(f"The hub to be measured does not start: {log.read_text(encoding='utf-8').strip()[-500:]}")
        time.sleep(0.05)


class _Bench:
    """What is asked of a hub that runs."""

    def __init__(self, process: psutil.Process, address: str, token: str, root: Path, say: Callable[[str], None]):
        self.process, self.address, self.root, self.say = process, address, root, say
        self.headers = {"Authorization": f"token {token}"}

    async def measure(self, servers: int) -> Measured:
        names = [f"trainee{number:02}" for number in range(1, servers + 1)]
        await self._until_ready("/hub/api")
        self.say("starting servers one by one")
        few = names[: max(2, min(4, servers // 2))]
        alone = [await self._start(name) for name in few]
        self.say(f"starting {servers - len(few)} servers at once")
        begun = time.monotonic()
        await asyncio.gather(*map(self._start, names[len(few) :]))
        together = time.monotonic() - begun
        found = self._memory()
        self.say("running a lesson on each")
        for name in names:
            await self._run_lesson(name)
        with_lesson = self._memory()
        self.say("asking")
        times, seconds = await self._ask(names)
        return Measured(
            servers=servers,
            at_once=servers - len(few),
            cores=os.cpu_count() or 1,
            hub_mb=found["hub"],
            proxy_mb=found["proxy"],
            server_mb=found["servers"] / servers,
            kernel_mb=(with_lesson["servers"] - found["servers"]) / servers,
            first_s=alone[0],
            each_s=statistics.median(alone[1:]),
            together_s=together,
            requests_s=len(times) / seconds,
            median_ms=1000 * statistics.median(times),
            slow_ms=1000 * sorted(times)[int(0.95 * len(times))],
        )

    async def _until_ready(self, path: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                await self._request(path)
                return
            except (HTTPClientError, OSError):
                await asyncio.sleep(0.1)
        raise HubError(f"The hub to be measured does not answer at {self.address}{path}.")

    async def _request(self, path: str, method: str = "GET", body: str | None = None):
        request = HTTPRequest(self.address + path, method, self.headers, body, request_timeout=PATIENCE_S)
        return await AsyncHTTPClient().fetch(request)

    async def _start(self, name: str) -> float:
        """Seconds until somebody's server answers."""
        await self._request(f"/hub/api/users/{name}", "POST", "")
        begun = time.monotonic()
        await self._request(f"/hub/api/users/{name}/server", "POST", "")
        while not json.loads((await self._request(f"/hub/api/users/{name}")).body)["server"]:
            await asyncio.sleep(0.05)
        await self._request(f"/user/{name}/api/status")
        return time.monotonic() - begun

    async def _run_lesson(self, name: str) -> None:
        """Run all cells of the lesson in a kernel on somebody's server, and let it stay."""
        answer = await self._request(f"/user/{name}/api/kernels", "POST", json.dumps({"path": ""}))
        kernel = json.loads(answer.body)["id"]
        line = f"ws{self.address.removeprefix('http')}/user/{name}/api/kernels/{kernel}/channels"
        channel = await websocket_connect(HTTPRequest(line, headers=self.headers), max_message_size=MOST_BYTES)
        for cell in nbformat.read(self.root / LESSON, as_version=4).cells:
            if cell.cell_type == "code":
                await self._run_cell(channel, cell.source)
        channel.close()

    async def _run_cell(self, channel, source: str) -> None:
        number = secrets.token_hex(8)
        header = {"msg_id": number, "msg_type": "execute_request", "username": "", "session": "bench", "version": "5.4"}
        content = {"code": source, "silent": False, "store_history": False, "allow_stdin": False, "stop_on_error": False}
        asked = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        await channel.write_message(json.dumps(asked))
        while True:
            told = json.loads(await channel.read_message())
            if told["msg_type"] == "execute_reply" and told["parent_header"].get("msg_id") == number:
                return

    async def _ask(self, names: list[str]) -> tuple[list[float], float]:
        """Ask all servers in turn, AT_A_TIME at once; gives the seconds of each request, and of all."""
        times, until, begun = [], time.monotonic() + SECONDS, time.monotonic()

        async def ask(first: int) -> None:
            number = first
            while time.monotonic() < until:
                asked = time.monotonic()
                await self._request(f"/user/{names[number % len(names)]}/api/status")
                times.append(time.monotonic() - asked)
                number += AT_A_TIME

        await asyncio.gather(*map(ask, range(AT_A_TIME)))
        return times, time.monotonic() - begun

    def _memory(self) -> dict[str, float]:
        """MB of the hub, of its proxy, and of all servers with what they started."""
        found = {"hub": _pss(self.process), "proxy": 0.0, "servers": 0.0}
        for child in self.process.children():
            kind = "servers" if "jupyterhub.singleuser" in child.cmdline() else "proxy"
            found[kind] += sum(map(_pss, [child, *child.children(recursive=True)]))
        return found


def _pss(process: psutil.Process) -> float:
    return process.memory_full_info().pss / 1e6
