"""Root's hands in the machine of hub_machine.py: runs what it is told, as whom it is told. A line of JSON each way.

Standard library alone. When its standard input ends it ends, and the machine with it.
"""

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def how(account: str, more: dict[str, str]) -> dict:
    """What a process of somebody starts with, as after a log-in."""
    entry = pwd.getpwnam(account)
    environment = {"HOME": entry.pw_dir, "USER": account, "PATH": PATH, "LANG": "C.UTF-8", **more}
    who = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": os.getgrouplist(account, entry.pw_gid)}
    home = entry.pw_dir if Path(entry.pw_dir).is_dir() else "/"
    return {"env": environment, "cwd": home, "text": True, "errors": "replace", "umask": 0o022, **who}


def answer(asked: dict) -> dict:
    settings = how(asked["as"], asked["environment"])
    if log := asked["log"]:
        with Path(log).open("w") as file:
            process = subprocess.Popen(
                asked["command"], stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, **settings
            )
        return {"code": process.pid, "out": ""}
    done = subprocess.run(
        asked["command"],
        input=asked["given"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=asked["seconds"],
        check=False,
        **settings,
    )
    return {"code": done.returncode, "out": done.stdout}


os.umask(0o077)  # what it writes itself is root's
for line in sys.stdin:
    try:
        told = answer(json.loads(line))
    except Exception as error:
        told = {"code": -1, "out": f"{type(error).__name__}: {error}"}
    print(json.dumps(told), flush=True)
