"""A machine for a hub, within this one: accounts of its own, homes of its own, and real permissions between them.

It is a user namespace (for root: none is needed), a mount namespace and a process namespace. In it an ordinary user who runs
the tests is root, and has 65,536 user ids to give to accounts. System programs and libraries are this machine's, read-only;
the checkout lies where it lies, in a folder that its root can open and close; all else is in memory, and gone at the end.
The network is this machine's, so that a browser reaches the hub.
"""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import ROOT

AGENT = Path(__file__).with_name("hub_agent.py")
# What programs read of /etc. Accounts of people are left behind.
ETC = (
    *("alternatives", "bash.bashrc", "debian_version", "default", "fonts", "group", "host.conf", "hosts", "ld.so.cache"),
    *("ld.so.conf", "ld.so.conf.d", "localtime", "login.defs", "mime.types", "pam.conf", "pam.d", "passwd", "profile"),
    *("profile.d", "security", "shells", "skel", "ssl"),
)
FIRST_PERSON, NOBODY = 1000, 65534
SYSTEM = ("/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin")
OWN = ("/home", "/srv", "/run", "/opt", "/root", "/var/log", "/var/lib", "/var/mail")
PATIENCE_S = 120


class Machine:
    """The machine, from its start to `stop`. `open_to_all` are folders of this machine that are seen in it, read-only."""

    def __init__(self, scratch: Path, open_to_all: list[Path]):
        etc = _lay_etc(scratch / "etc")
        command = [*_namespaces(), *_tree(etc, open_to_all), sys.executable, str(AGENT)]
        self._agent = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/"
        )

    def stop(self) -> None:
        self._agent.stdin.close()
        self._agent.wait(timeout=PATIENCE_S)

    def run(
        self,
        account: str,
        *command: str | Path,
        given: str = "",
        environment: Mapping[str, str] = {},
        code: int | None = 0,
    ) -> str:
        """What a command prints that somebody types; fails where it ends with another code (None: any will do)."""
        found, said = self._ask(account, command, given, environment, "")
        assert code is None or found == code, f"{account}: {' '.join(map(str, command))}: {found}\n{said}"
        return said

    def holds(self, account: str, *command: str | Path) -> bool:
        """Whether a command succeeds that somebody types."""
        return self._ask(account, command, "", {}, "")[0] == 0

    def type(self, account: str, line: str, code: int | None = 0, **environment: str) -> str:
        """What a line prints that somebody types in a shell."""
        return self.run(account, "/bin/bash", "-c", line, environment=environment, code=code)

    def start(self, account: str, *command: str | Path, log: str) -> int:
        """Start what goes on until the machine stops; returns its process id. What it says is in the file `log`."""
        return self._ask(account, command, "", {}, log)[0]

    def write(self, place: str | Path, text: str) -> None:
        """Write a file as root does in an editor."""
        self.run("root", "/bin/bash", "-c", 'cat > "$0"', place, given=textwrap.dedent(text))

    def read(self, place: str | Path) -> str:
        return self.run("root", "/bin/cat", place)

    def _ask(self, account: str, command, given: str, environment: Mapping[str, str], log: str) -> tuple[int, str]:
        asked = {"as": account, "command": [str(part) for part in command], "given": given, "log": log}
        asked |= {"environment": dict(environment), "seconds": PATIENCE_S}
        try:
            print(json.dumps(asked), file=self._agent.stdin, flush=True)
            told = json.loads(self._agent.stdout.readline())
        except (BrokenPipeError, ValueError):
            raise AssertionError(f"the machine has ended:\n{self._agent.stderr.read()}") from None
        return told["code"], told["out"]


def _lay_etc(etc: Path) -> Path:
    """A folder /etc with the accounts of the system alone."""
    etc.mkdir()
    for name in ETC:
        source = Path("/etc") / name
        if source.is_dir():
            shutil.copytree(source, etc / name, symlinks=True, ignore=_unreadable)
        elif source.exists():
            shutil.copyfile(source, etc / name)
    for name, column in (("passwd", 2), ("group", 2)):
        lines = (etc / name).read_text().splitlines()
        numbers = {line: int(line.split(":")[column]) for line in lines if line.count(":") >= column}
        kept = [line for line, number in numbers.items() if number < FIRST_PERSON or number == NOBODY]
        if name == "group":
            kept = [":".join([*line.split(":")[:3], ""]) for line in kept]
        (etc / name).write_text("\n".join(kept) + "\n")
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n")
    return etc


def _unreadable(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not os.access(Path(folder) / name, os.R_OK)]


def _namespaces() -> list[str]:
    users = [] if os.geteuid() == 0 else ["--user", "--map-root-user", "--map-auto"]
    return ["unshare", *users, "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


def _tree(etc: Path, open_to_all: list[Path]) -> list[str]:
    """bubblewrap, with the files of the machine. Mount points are made from the outside in, each open to all."""
    arguments = ["bwrap", "--cap-add", "ALL", "--die-with-parent", "--unshare-ipc", "--unshare-uts", "--hostname", "hub"]
    arguments += ["--ro-bind", "/usr", "/usr", "--bind", "/proc", "/proc", "--dev", "/dev"]
    for place in filter(os.path.lexists, SYSTEM):
        is_link = Path(place).is_symlink()
        arguments += ["--symlink", str(Path(place).readlink()), place] if is_link else ["--ro-bind", place, place]
    arguments += ["--bind", str(etc), "/etc", "--perms", "1777", "--tmpfs", "/tmp", "--perms", "0755", "--dir", "/var"]
    for place in OWN:
        arguments += ["--perms", "0755", "--tmpfs", place]
    base = Path(sys.base_prefix).resolve()
    for folder in [*([] if base.is_relative_to("/usr") else [base]), *open_to_all]:
        arguments += [*_way_to(folder), "--ro-bind", str(folder), str(folder)]
    # The checkout's own folder is this machine's, to close and open; what is in it is as it is.
    arguments += [*_way_to(ROOT), "--perms", "0755", "--tmpfs", str(ROOT)]
    for path in sorted(ROOT.iterdir()):
        arguments += ["--ro-bind", str(path), str(path)]
    return [*arguments, "--chmod", "0755", "/", "--"]


def _way_to(folder: Path) -> list[str]:
    above = [place for place in reversed(folder.parents) if place != Path("/")]
    return [part for place in above for part in ("--perms", "0755", "--dir", str(place))]
