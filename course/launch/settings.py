"""Where the course is published and whom to ask: the table `[tool.pathway]` of pyproject.toml, read and held to its form."""

import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
TABLE = "[tool.pathway]"
EXAMPLE = "EXAMPLE"  # stands for the owner of a repository that nobody has published yet
MAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
# What git allows in a branch's name, without what only makes trouble in an address.
BRANCH = re.compile(r"(?!.*(?:\.\.|//|/\.|\.lock(?:/|$)|\.$|/$))[A-Za-z0-9_][A-Za-z0-9_./-]*")


class SettingsError(Exception):
    """A setting that cannot be used; the text is one line that says which, why and where to change it."""


@dataclass(frozen=True)
class CourseSettings:
    """The course's own addresses, none of them with a slash at its end. Empty: there is none yet."""

    repository: str  # https address of the public repository, as `git clone` takes it, without .git
    trainee_branch: str  # its branch that holds the trainee tree
    binder: str  # a BinderHub
    hub: str  # a department's JupyterHub
    site: str  # the web site
    contact: str  # a mail or web address for help and for what is not accessible

    @property
    def is_published(self) -> bool:
        """Whether somebody has set the repository's address: links hold only then."""
        return EXAMPLE not in self.repository


def read_settings(file: Path = ROOT / "pyproject.toml") -> CourseSettings:
    """The settings of the course in `file`. Raises SettingsError for what is missing, unknown or of no use."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("pathway")
    except FileNotFoundError:
        raise SettingsError(f"{file} is not there: run this in a checkout of the course.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} cannot be read: {error}.") from None
    known = {field.name.replace("_", "-"): field.name for field in fields(CourseSettings)}
    for name in known:
        if name not in (table or {}):
            raise SettingsError(f'{file.name}: {TABLE} has no "{name}"; an empty one, {name} = "", says that there is none.')
    for name, value in table.items():
        if name not in known:
            raise SettingsError(f'{file.name}: {TABLE} has "{name}", which nothing reads; there are {", ".join(known)}.')
        problem = _problem(name, value)
        if problem:
            raise SettingsError(f"{file.name}: {name} = {value!r} in {TABLE} {problem}.")
    return CourseSettings(**{known[name]: _tidied(name, value) for name, value in table.items()})


def _problem(name: str, value: object) -> str | None:
    if not isinstance(value, str):
        return "has to be text in quotes"
    if name == "trainee-branch":
        return None if BRANCH.fullmatch(value) else "is no name for a branch of git"
    if name in ("repository", "binder") and not value:
        return "may not be empty"
    if name == "contact" and MAIL.fullmatch(value):
        return None
    if value and not _is_web_address(value):
        return "is no mail or web address" if name == "contact" else "is no web address (https://...)"
    if name == "repository" and len(urlsplit(value).path.strip("/").split("/")) < 2:
        return "is no address of a repository (https://host/owner/name)"
    return None


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.hostname) and not re.search(r"[\s?#]", value)


def _tidied(name: str, value: str) -> str:
    if name == "repository":
        value = value.rstrip("/").removesuffix(".git")
    return value.rstrip("/")
