"""The settings of a department's hub: hub.toml, read and held to its form. The template beside this file explains each."""

import os
import re
import tomllib
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

PLACE = Path("/etc/pathway-hub.toml")
VARIABLE = "PATHWAY_HUB"  # names another place
TEMPLATE = Path(__file__).with_name("hub.toml")
LOOPBACK = ("localhost", "127.0.0.1")
ISOLATIONS = ("systemd", "process")
ACCOUNT = re.compile(r"[a-z_][a-z0-9_.-]{0,30}")  # what Debian's useradd takes, and nbgrader as a trainee's id
MEMORY = re.compile(r"[1-9]\d*[MG]")
KINDS = {str: "text", bool: "true or false", int: "a whole number", float: "a number", Path: "a whole path", list: "a list"}


class HubError(Exception):
    """The hub cannot be set up or started so; the text is one sentence that says what, where and what to do."""


@dataclass(frozen=True)
class Cohort:
    """A cohort on the hub. `trainees` is a group of the machine, `mentor` an account of it, `folder` the cohort's.

    `data` is the cohort's own data, where every trainee can read it; None where it has the course's.
    """

    name: str
    trainees: str
    mentor: str
    folder: Path
    data: Path | None = None


@dataclass(frozen=True)
class HubSettings:
    """What hub.toml says; the template says what each is for. Ports are numbers, `listen` is HOST:PORT."""

    address: str
    software: Path
    exchange: Path
    cohorts: tuple[Cohort, ...] = ()
    listen: str = "127.0.0.1:8000"
    certificate: Path | None = None
    key: Path | None = None
    subdomains: bool = False
    state: Path = Path("/var/lib/pathway-hub")
    account: str = "pathway-hub"
    mentors: str = "pathway-mentors"
    admins: tuple[str, ...] = ()
    isolation: str = "systemd"
    memory: str = "2G"
    processors: float = 2.0
    idle_minutes: int = 60
    servers: int = 50
    hub_port: int = 8081
    proxy_port: int = 8001
    source: Path = field(default=PLACE, compare=False)  # the file it was read from

    @property
    def is_encrypted(self) -> bool:
        return self.address.startswith("https://")

    @property
    def groups(self) -> set[str]:
        """The machine's groups whose members may log in."""
        return {self.mentors, *(cohort.trainees for cohort in self.cohorts)}

    def mentored_by(self, account: str) -> Cohort | None:
        return next((cohort for cohort in self.cohorts if cohort.mentor == account), None)

    def attended_by(self, groups: set[str]) -> Cohort | None:
        """The cohort of somebody who is in these groups of the machine."""
        return next((cohort for cohort in self.cohorts if cohort.trainees in groups), None)


def place() -> Path:
    return Path(os.environ.get(VARIABLE) or PLACE)


def read(file: Path) -> HubSettings:
    """The settings in `file`. Raises HubError for what is missing, unknown or of no use."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise HubError(f"{file}: {error.strerror}. Copy {TEMPLATE} there and fill it in, or say where it is.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HubError(f"{file} cannot be read as TOML: {error}.") from None
    if unknown := tables.keys() - {"hub", "cohorts"}:
        raise HubError(f"{file}: nothing reads [{sorted(unknown)[0]}]; there are [hub] and [cohorts.NAME].")
    cohorts = tables.get("cohorts", {})
    if not isinstance(cohorts, dict):
        raise HubError(f"{file}: cohorts are tables, each as [cohorts.NAME].")
    made = tuple(
        Cohort(name, **_values(file, f"[cohorts.{name}]", table, Cohort, {"name"})) for name, table in cohorts.items()
    )
    settings = HubSettings(
        cohorts=made, source=file, **_values(file, "[hub]", tables.get("hub"), HubSettings, {"cohorts", "source"})
    )
    if problem := _problem(settings):
        raise HubError(f"{file}: {problem}")
    return settings


def _values(file: Path, where: str, table: object, kind: type, skipped: set[str]) -> dict[str, object]:
    """The values of one table, by the fields of the dataclass that they are for."""
    if not isinstance(table, dict):
        raise HubError(f"{file} has no table {where}: {TEMPLATE} shows what stands in it.")
    known = {one.name.replace("_", "-"): one for one in fields(kind) if one.name not in skipped}
    for name in table:
        if name not in known:
            raise HubError(f'{file}: {where} has "{name}", which nothing reads; there are {", ".join(known)}.')
    for name, one in known.items():
        if name not in table and one.default is MISSING:
            raise HubError(f'{file}: {where} has no "{name}", and needs one; {TEMPLATE} shows what to write.')
    return {known[name].name: _as(file, where, name, value, known[name].type) for name, value in table.items()}


def _as(file: Path, where: str, name: str, value: object, kind: object) -> object:
    wanted = {Path | None: Path, tuple[str, ...]: list}.get(kind, kind)
    fits = isinstance(value, str if wanted is Path else (int, float) if wanted is float else wanted)
    fits = fits and (wanted is bool or not isinstance(value, bool))
    fits = fits and (wanted is not Path or Path(value).is_absolute())
    fits = fits and (wanted is not list or all(isinstance(one, str) for one in value))
    if not fits:
        raise HubError(f"{file}: {name} = {value!r} in {where} is not {KINDS[wanted]}.")
    return {Path: Path, list: tuple}.get(wanted, lambda same: same)(value)


def _problem(settings: HubSettings) -> str | None:
    """What is wrong with settings of the right kinds; None when nothing is."""
    address, listen = urlsplit(settings.address), urlsplit(f"//{settings.listen}")
    if address.scheme not in ("http", "https") or not address.hostname or address.path.strip("/") or address.query:
        return f'address = "{settings.address}" is no address: write it as https://learn.example.org, with nothing behind.'
    if not settings.is_encrypted and address.hostname not in LOOPBACK:
        return f'address = "{settings.address}" would send passwords in the clear: use https.'
    if listen.hostname is None or _port(listen) is None:
        return f'listen = "{settings.listen}" is no place to listen: write it as 127.0.0.1:8000.'
    if bool(settings.certificate) != bool(settings.key):
        return "certificate and key belong together: give both, or none where a web server stands before the hub."
    if settings.certificate and not settings.is_encrypted:
        return f'address = "{settings.address}" has a certificate: write it with https.'
    if not settings.certificate and listen.hostname not in LOOPBACK:
        return (
            f'listen = "{settings.listen}" is open to other machines without encryption: listen on 127.0.0.1 behind a web '
            "server that has the certificate, or give certificate and key."
        )
    if settings.isolation not in ISOLATIONS:
        return f'isolation = "{settings.isolation}" is not known: there are {" and ".join(ISOLATIONS)}.'
    if not MEMORY.fullmatch(settings.memory):
        return f'memory = "{settings.memory}" is no size: write it as 2G or 1500M.'
    for name, number in (
        ("processors", settings.processors),
        ("idle-minutes", settings.idle_minutes),
        ("servers", settings.servers),
    ):
        if not 0 < number < 10_000:
            return f"{name} = {number} cannot be: give a number above 0."
    ports = [settings.hub_port, settings.proxy_port, _port(listen)]
    if len({*ports}) < 3 or not all(0 < port < 65536 for port in ports):
        return f"hub-port, proxy-port and the port of listen must be three ports, and are {', '.join(map(str, ports))}."
    return _problem_of_names(settings)


def _port(address) -> int | None:
    try:
        return address.port
    except ValueError:
        return None


def _problem_of_names(settings: HubSettings) -> str | None:
    names = [("account", settings.account), ("mentors", settings.mentors)]
    names += [("admins", name) for name in settings.admins]
    for cohort in settings.cohorts:
        names += [(f"trainees of {cohort.name}", cohort.trainees), (f"mentor of {cohort.name}", cohort.mentor)]
        if cohort.folder.name != cohort.name:
            return f"[cohorts.{cohort.name}] has folder {cohort.folder}: table and folder have one name, the course id."
        if cohort.trainees == settings.mentors:
            return f"[cohorts.{cohort.name}] has the mentors' group {cohort.trainees} as trainees: they would read answers."
    for what, name in names:
        if not ACCOUNT.fullmatch(name):
            return f'{what} "{name}" is no name of an account or group.'
    for kind in ("trainees", "mentor"):
        seen = [getattr(cohort, kind) for cohort in settings.cohorts]
        if doubled := [name for name in seen if seen.count(name) > 1]:
            return f'{kind} "{doubled[0]}" stands in two cohorts: each has its own.'
    return None
