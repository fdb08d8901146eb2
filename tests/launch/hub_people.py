"""A hub that runs, and the people on it: what each sees in a browser, and may do on its machine."""

import json
import os
import re
import shutil
import ssl
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from playwright.sync_api import Browser, Page

from course.launch.hub import software
from course.launch.hub.bench import free_ports
from tests.conftest import ROOT
from tests.launch.hub_machine import Machine

PAGE = (ROOT / "course" / "site" / "handbook" / "hub.md").read_text(encoding="utf-8")
PATHWAY = ROOT / ".venv" / "bin" / "pathway"
SETTINGS = "/etc/pathway-hub.toml"
LOG = "/var/log/pathway-hub.log"
CERTIFICATE, KEY = "/etc/pathway-tls/hub.crt", "/etc/pathway-tls/hub.key"
PASSWORDS = {"mel": "a-mentor-s-own", "ann": "elm-road-31", "ben": "harbour-side-212", "pat": "not-on-the-course"}
# Lines of the page that a machine within this one cannot do, or has done.
NOT_HERE = re.compile(r"apt-get |git clone |cd |python3 run.py |passwd |cp .*service|systemctl |journalctl ")
PATIENCE_S = 120  # a busy machine is slow


def make_software(folder: Path) -> Path:
    """The hub's software as `pathway hub prepare` makes it, but that what is compiled comes from the checkout's libraries.

    They are the same files: compiling them anew takes half a minute of two cores.
    """
    software.make(folder, is_compiled=False)
    for compiled in (ROOT / ".venv" / "lib").glob("python3.*/site-packages/**/__pycache__"):
        there = folder / compiled.parent.relative_to(ROOT / ".venv")
        if there.is_dir():
            shutil.copytree(compiled, there / "__pycache__", copy_function=_linked, dirs_exist_ok=True)
    return folder


def _linked(source: str, place: str) -> None:
    try:
        os.link(source, place)
    except OSError:
        if not Path(place).exists():
            shutil.copy2(source, place)


class Hub:
    """The hub that the handbook's page makes: its commands are typed as they stand, on a machine of its own.

    Two trainees, ann and ben, and a mentor, mel; pat has an account of the machine and nothing to do with the course.
    """

    def __init__(self, machine: Machine, software: Path):
        self.machine, self.software = machine, software
        self.port, hub_port, self.proxy_port = free_ports(3)
        self.address = f"https://localhost:{self.port}"
        self._settings = {
            "address": self.address,
            "listen": f"127.0.0.1:{self.port}",
            "certificate": CERTIFICATE,
            "key": KEY,
            "isolation": "process",
            "hub-port": hub_port,
            "proxy-port": self.proxy_port,
        }
        self._pages: dict[str, Page] = {}
        self.said: dict[str, str] = {}  # command of the page -> what it printed

    # ------------------------------------------------------------------------------------ setting it up

    def lay_ground(self) -> None:
        """What is on a machine before the page: an account of somebody else, and a certificate."""
        self.machine.type(
            "root", "[ -e /etc/shadow ] || pwconv; [ -e /etc/gshadow ] || grpconv; useradd -m -s /bin/bash pat"
        )
        certificate, key = certificate_for("localhost")
        self.machine.run("root", "mkdir", Path(KEY).parent)
        self.machine.write(CERTIFICATE, certificate)
        self.machine.write(KEY, key)

    def follow_page(self) -> None:
        """Type the page's commands, in their order; settings are filled in where it says so."""
        for block in re.findall(r"^```shell\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
            for line in block.splitlines():
                if not NOT_HERE.match(line):
                    self.said[line] = self.machine.type("root", self._here(line))
                if line.endswith("/etc/pathway-hub.toml"):
                    self.fill_in()
        for account, password in PASSWORDS.items():
            self.machine.run("root", "chpasswd", given=f"{account}:{password}")

    def _here(self, line: str) -> str:
        there = {"/opt/pathway-hub": self.software, "/opt/pathway": ROOT}
        return re.sub("|".join(there), lambda found: str(there[found[0]]), line)

    def fill_in(self, **changed: object) -> None:
        """Fill the template in as for this machine, with what was changed."""
        text = (ROOT / "course" / "launch" / "hub" / "hub.toml").read_text(encoding="utf-8")
        values = {"software": str(self.software), **self._settings, **changed}
        for name, value in values.items():
            text, count = re.subn(rf"^(# )?{name} = .*$", f"{name} = {json.dumps(value)}", text, count=1, flags=re.MULTILINE)
            assert count, f"the template has no {name}"
        self.machine.write(SETTINGS, text)
        self.machine.type("root", f"chgrp pathway-hub {KEY} && chmod 640 {KEY}")

    def start(self) -> None:
        self.machine.start("root", PATHWAY, "hub", "start", log=LOG)
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if self.ask("/hub/health")[0] == 200:
                return
            time.sleep(0.1)
        raise AssertionError(f"the hub did not start:\n{self.machine.read(LOG)[-3000:]}")

    def ask(self, path: str, token: str = "", method: str = "GET") -> tuple[int, str]:
        """Status and text of what the hub says at a path, without a browser."""
        request = urllib.request.Request(self.address + path, method=method)
        if token:
            request.add_header("Authorization", f"token {token}")
        try:
            with urllib.request.urlopen(request, timeout=10, context=_trusting()) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    # ------------------------------------------------------------------------------------ people

    def log_in(self, browser: Browser, account: str) -> Page:
        """A page of somebody who has typed name and password, wherever the hub then leads."""
        context = browser.new_context(viewport={"width": 1280, "height": 860}, ignore_https_errors=True)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        page.goto(self.address)
        page.get_by_label("Username:").fill(account)
        page.get_by_label("Password:").fill(PASSWORDS[account])
        page.get_by_role("button", name="Sign in").click()
        return page

    def page(self, browser: Browser, account: str) -> Page:
        """The page of somebody in JupyterLab; the first time they log in, which starts their server."""
        if account not in self._pages:
            page = self._pages[account] = self.log_in(browser, account)
            page.wait_for_url("**/user/**/lab**")
            page.locator(".jp-Launcher").first.wait_for()
        return self._pages[account]

    def at_work(self, account: str, line: str, code: int | None = 0) -> str:
        """What a line prints that somebody types with all that their server has set for them."""
        return self.machine.type(account, line, code=code, **self.environment(account))

    def type_and_wait(self, page: Page, account: str, line: str) -> str:
        """Type a line into the terminal of somebody in JupyterLab, and wait; gives what it printed. Fails where it fails."""
        said, done = f"/home/{account}/said", f"/home/{account}/done"
        in_terminal(page, f"({line}) > {said} 2>&1; echo $? > {done}; cat {said}")
        self.wait_for(page, done)
        code = self.machine.read(done).strip()
        self.machine.run("root", "rm", done)
        assert code == "0", f"{line}: {code}\n{self.machine.read(said)}"
        return self.machine.read(said)

    def wait_for(self, page: Page, file: str) -> None:
        """Wait until there is such a file on the machine, with something in it."""
        until = time.monotonic() + PATIENCE_S
        while not self.machine.holds("root", "test", "-s", file):
            assert time.monotonic() < until, f"there is no {file}"
            page.wait_for_timeout(100)

    def environment(self, account: str) -> dict[str, str]:
        """The environment of somebody's server, which runs."""
        (server,) = self.processes(account, "jupyterhub-singleuser")
        return self.environment_of(server)

    def environment_of(self, process: str) -> dict[str, str]:
        said = self.machine.read(f"/proc/{process}/environ")
        return dict(entry.split("=", 1) for entry in said.split("\0") if "=" in entry)

    def processes(self, account: str, words: str) -> list[str]:
        """Ids of the processes of an account whose command has these words."""
        return self.machine.run("root", "pgrep", "-u", account, "-f", words, code=None).split()


def certificate_for(name: str) -> tuple[str, str]:
    """A certificate that nobody signed but itself, and its key, both as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    certificate = certificate.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    certificate = certificate.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.sign(key, SHA256()).public_bytes(Encoding.PEM).decode(), private.decode()


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


# ------------------------------------------------------------------------------------------------ in JupyterLab


def restart(page: Page) -> None:
    """Stop and start one's server, from its control panel."""
    page.goto(f"{page.url.split('/user/')[0]}/hub/home")
    page.get_by_role("button", name="Stop My Server").or_(page.get_by_role("link", name="Stop My Server")).click()
    page.get_by_role("button", name="Start My Server").or_(page.get_by_role("link", name="Start My Server")).click()
    page.wait_for_url("**/user/**/lab**")
    page.get_by_role("menuitem", name="Nbgrader", exact=True).first.wait_for()


def in_terminal(page: Page, line: str) -> None:
    """Type a line into somebody's terminal, which the launcher opens the first time."""
    if not page.locator(".jp-Terminal").count():
        # What a terminal shows is a drawing, so that the page does not say when it is ready: the line to it does.
        with page.expect_websocket(lambda socket: "/terminals/" in socket.url) as opened:
            page.locator(".jp-LauncherCard").filter(has_text="Terminal").click()
        opened.value.wait_for_event("framereceived", lambda frame: "stdout" in str(frame))
    page.locator(".jp-Terminal .xterm-screen").click()
    page.keyboard.insert_text(line)
    page.keyboard.press("Enter")
