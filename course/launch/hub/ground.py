"""What the hub stands on: accounts, closed and open folders. It is made by root once, and looked at before each start."""

import grp
import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from course.launch.hub import software
from course.launch.hub.settings import Cohort, HubError, HubSettings

ROOT = software.ROOT
EXCHANGE_MODE = 0o1777  # everybody hands in, and nobody can rename or remove what is another's
CLOSED_MODE = 0o750
STATE_MODE = 0o700
SYSTEMD = Path("/run/systemd/system")  # is there where systemd runs the machine


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `problem` says what is wrong and what to do; None where all is well.

    `stops` is whether the hub must not start so.
    """

    what: str
    problem: str | None = None
    stops: bool = True


def groups_of(account: str) -> set[str]:
    """The groups of the machine that an account is in. Raises HubError for an account that there is not."""
    try:
        entry = pwd.getpwnam(account)
    except KeyError:
        raise HubError(f'There is no account "{account}" on this machine: `useradd` makes one.') from None
    names = set()
    for number in os.getgrouplist(account, entry.pw_gid):
        try:
            names.add(grp.getgrgid(number).gr_name)
        except KeyError:
            continue  # a group without a name
    return names


def lay(settings: HubSettings) -> list[str]:
    """Make what root has to make; returns a line for each thing that was changed. Raises HubError."""
    must_be_root()
    done = []
    try:
        mentors = grp.getgrnam(settings.mentors).gr_gid
    except KeyError:
        raise HubError(f"There is no group {settings.mentors}: `groupadd {settings.mentors}` makes it.") from None
    for folder, mode in ((settings.exchange, EXCHANGE_MODE), (settings.state, STATE_MODE)):
        if not folder.exists():
            folder.mkdir(parents=True)
            done.append(f"{folder}: made")
        done += _set(folder, mode, 0)
    return done + _set(ROOT, CLOSED_MODE, mentors)


def _set(folder: Path, mode: int, group: int) -> list[str]:
    found = folder.stat()
    if (stat.S_IMODE(found.st_mode), found.st_gid) == (mode, group):
        return []
    os.chown(folder, -1, group)
    folder.chmod(mode)
    return [f"{folder}: mode {mode:o}, group {grp.getgrgid(group).gr_name}"]


def must_be_root() -> None:
    if os.geteuid() != 0:
        raise HubError("The hub starts servers as other people, which only root may: type it behind sudo.")


def look(settings: HubSettings) -> list[Finding]:
    """Look at all that the hub stands on, as root. The order is that in which to mend it. Raises HubError."""
    must_be_root()
    found = [
        Finding("settings", _is_open_to_change(settings.source)),
        Finding("accounts", _accounts(settings)),
    ]
    if found[-1].problem:
        return found  # all others are about what these accounts may do
    found += [
        Finding("answers are closed to trainees", _answers(settings)),
        Finding("software is current", _software(settings)),
        Finding("trainees can run it", _runs(settings)),
        Finding("exchange", _exchange(settings)),
        Finding("state of the hub", _state(settings)),
        _limits(settings),
        Finding("sandbox for grading", _sandbox(settings), stops=False),
        Finding("git, for links that bring the course", None if shutil.which("git") else NO_GIT, stops=False),
    ]
    return found + [_look_at(cohort, settings) for cohort in settings.cohorts]


TRY_SANDBOX = """
import sys
from course.grading.sandbox import SandboxError, require_sandbox
try:
    require_sandbox()
except SandboxError as error:
    sys.exit(str(error))
"""
NO_GIT = "git is not installed, and nbgitpuller needs it: `apt-get install git`."


def _is_open_to_change(file: Path) -> str | None:
    found = file.stat()
    if found.st_uid != 0 or found.st_mode & 0o022:
        return f"{file} can be changed by others than root, and says what root starts: chown it to root and chmod it 644."
    return None


def _accounts(settings: HubSettings) -> str | None:
    wanted = [settings.account, *settings.admins, *(cohort.mentor for cohort in settings.cohorts)]
    try:
        for account in wanted:
            groups_of(account)
        for group in sorted(settings.groups):
            grp.getgrnam(group)
    except HubError as error:
        return str(error)
    except KeyError:
        return f"There is no group {group} on this machine: `groupadd {group}` makes it."
    if settings.groups & groups_of(settings.account):
        return f"{settings.account} is in a group of people: the proxy runs as it, and needs to be in none."
    for cohort in settings.cohorts:
        if settings.mentors not in groups_of(cohort.mentor):
            return f"{cohort.mentor} mentors {cohort.name}: `usermod -aG {settings.mentors} {cohort.mentor}`."
        both = [one for one in _members(cohort.trainees) if settings.mentors in groups_of(one)]
        if both:
            return f"{both[0]} is a trainee of {cohort.name} and a mentor: a trainee must not be in {settings.mentors}."
    return None


def _members(group: str) -> list[str]:
    """Accounts of a group, also those that have it as their first."""
    entry = grp.getgrnam(group)
    first = [one.pw_name for one in pwd.getpwall() if one.pw_gid == entry.gr_gid]
    return sorted({*first, *(name for name in entry.gr_mem if _exists(name))})


def _exists(account: str) -> bool:
    try:
        pwd.getpwnam(account)
    except KeyError:
        return False
    return True


def _may(account: str, test: str, place: Path) -> bool:
    """Whether an account may do what a flag of test(1) says: tried as that account, so that folders above count too."""
    return _run_as(account, ["/usr/bin/test", test, str(place)]) is None


def _run_as(account: str, command: list[str]) -> str | None:
    """Run a command as an account; gives None when it succeeds, else the last line of what it says."""
    entry = pwd.getpwnam(account)
    who = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": os.getgrouplist(account, entry.pw_gid)}
    how = {"cwd": "/", "env": {"HOME": "/", "PATH": os.defpath}, "stdin": subprocess.DEVNULL, "capture_output": True}
    try:
        done = subprocess.run(command, text=True, check=False, **how, **who)
    except OSError as error:
        return error.strerror
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["it failed"])[-1]


def _answers(settings: HubSettings) -> str | None:
    open_to_all = [name for name in ("solutions", "course/units", ".git") if _may(settings.account, "-r", ROOT / name)]
    if open_to_all:
        return f"everybody can read {ROOT / open_to_all[0]}: `pathway hub prepare` closes the checkout."
    shut_out = [cohort.mentor for cohort in settings.cohorts if not _may(cohort.mentor, "-r", ROOT / "solutions")]
    if shut_out:
        return f"{shut_out[0]}, a mentor, cannot read {ROOT}: open the folders above it to pass through (chmod 755)."
    return None


def _software(settings: HubSettings) -> str | None:
    if software.is_current(settings.software):
        return None
    return f"{settings.software} is not what this checkout makes: `pathway hub prepare`, when nobody is working."


def _runs(settings: HubSettings) -> str | None:
    command = [str(software.python(settings.software)), "-c", "import course, jupyterhub"]
    failed = _run_as(settings.account, command)
    return failed and (
        f"{command[0]} cannot be run by everybody ({failed}): its Python, {Path(sys.executable).resolve()}, and "
        f"{settings.software} must lie where all can read."
    )


def _exchange(settings: HubSettings) -> str | None:
    place = settings.exchange
    if not place.is_dir() or stat.S_IMODE(place.stat().st_mode) != EXCHANGE_MODE or place.stat().st_uid != 0:
        return f"{place} is not a folder of root's with mode {EXCHANGE_MODE:o}: `pathway hub prepare` makes it."
    if not _may(settings.account, "-w", place):
        return f"{place} cannot be reached by everybody: open the folders above it to pass through (chmod 755)."
    return None


def _state(settings: HubSettings) -> str | None:
    place = settings.state
    if not place.is_dir() or stat.S_IMODE(place.stat().st_mode) != STATE_MODE or place.stat().st_uid != 0:
        return f"{place} is not a folder of root's that only root can read: `pathway hub prepare` makes it."
    return None


def _limits(settings: HubSettings) -> Finding:
    if settings.isolation == "process":
        nothing = 'isolation = "process" limits nothing: one notebook can take the memory of all.'
        return Finding("limits", nothing, stops=False)
    if not SYSTEMD.is_dir():
        return Finding("limits", 'systemd does not run this machine, and cannot limit servers: set isolation = "process".')
    return Finding("limits")


def _sandbox(settings: HubSettings) -> str | None:
    """Tried as a mentor: on some systems root may make namespaces, and others may not."""
    for cohort in settings.cohorts:
        if failed := _run_as(cohort.mentor, [str(ROOT / ".venv" / "bin" / "python"), "-c", TRY_SANDBOX]):
            return failed
    return None


def _look_at(cohort: Cohort, settings: HubSettings) -> Finding:
    what = f"cohort {cohort.name}"
    if cohort.data and not _may(settings.account, "-r", cohort.data / "datapackage.json"):
        return Finding(what, f"{cohort.data} holds no data that trainees can read: copy the cohort's data/ there.")
    marker = cohort.folder / "cohort.json"
    if not marker.is_file():
        make = f"pathway cohort new {cohort.folder} --roster FILE --exchange {settings.exchange}"
        return Finding(what, f"not there yet. {cohort.mentor} makes it, in a terminal on the hub: {make}.", stops=False)
    described, found = json.loads(marker.read_text(encoding="utf-8")), cohort.folder.stat()
    if described["exchange"] != str(settings.exchange):
        return Finding(what, f"{marker} has the exchange {described['exchange']}, and the hub {settings.exchange}.")
    if pwd.getpwuid(found.st_uid).pw_name != cohort.mentor or found.st_mode & 0o077:
        return Finding(what, f"{cohort.folder} must be {cohort.mentor}'s own and closed to others (chmod 700).")
    return Finding(what)


def require(settings: HubSettings, say: Callable[[str], None] = lambda line: None) -> None:
    """Raise HubError where the hub must not be started. `say` is given what else was found."""
    found = [one for one in look(settings) if one.problem]
    for one in found:
        if not one.stops:
            say(f"{one.what}: {one.problem}")
    stopping = [f"{one.what}: {one.problem}" for one in found if one.stops]
    if stopping:
        more = f" And {len(stopping) - 1} more: `pathway hub check` lists all." if len(stopping) > 1 else ""
        raise HubError(stopping[0] + more)
