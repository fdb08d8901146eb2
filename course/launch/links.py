"""Links that open the course: in a Binder, in a department's JupyterHub; and whether a link somebody sends around holds.

Both kinds carry an address within an address. The inner one, JupyterLab's address of the notebook, is encoded as an
address of its own and then once more as a part of the outer one, so that a blank in a name travels as %2520.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from course.launch.settings import EXAMPLE, ROOT, CourseSettings, read_settings

LAB = "lab/tree/"
PULL = "/hub/user-redirect/git-pull"  # where a JupyterHub sends whoever is logged in on to nbgitpuller
# How a BinderHub names where a repository lies; any other host is taken as plain git.
PROVIDERS = {"github.com": "gh", "gitlab.com": "gl"}


class LinkError(Exception):
    """There is no such link; the text is one line that says why and what to do."""


@dataclass(frozen=True)
class Target:
    """What a link asks for: a repository's branch, and a file in it that JupyterLab is to open."""

    repository: str
    branch: str
    file: str | None


def binder_link(settings: CourseSettings, notebook: str | None = None) -> str:
    """The link that opens `notebook` (its path in the trainee tree; none: JupyterLab's first page) in a Binder."""
    parts = urlsplit(settings.repository)
    provider, path = PROVIDERS.get(parts.hostname or ""), parts.path.strip("/")
    if provider == "gh":
        where = quote(path)
    elif provider:
        where = quote(path, safe="")
    else:
        provider, where = "git", quote(settings.repository, safe="")
    link = f"{settings.binder}/v2/{provider}/{where}/{quote(settings.trainee_branch, safe='')}"
    return f"{link}?{urlencode({'urlpath': LAB + quote(notebook) if notebook else 'lab'}, quote_via=quote, safe='')}"


def hub_link(settings: CourseSettings, notebook: str | None = None) -> str:
    """The link by which nbgitpuller lays the trainee tree into a trainee's home on the hub, and opens `notebook` there.

    Raises LinkError where no hub is set.
    """
    if not settings.hub:
        raise LinkError("no hub is set: write its address into pyproject.toml, [tool.pathway], hub.")
    urlpath = LAB + quote("/".join(filter(None, (folder_on_hub(settings), notebook))))
    query = {"repo": settings.repository, "branch": settings.trainee_branch, "urlpath": urlpath}
    return f"{settings.hub}{PULL}?{urlencode(query, quote_via=quote, safe='')}"


def folder_on_hub(settings: CourseSettings) -> str:
    """The folder in a trainee's home into which nbgitpuller lays the tree: the repository's name."""
    return settings.repository.rsplit("/", 1)[-1]


def badge(settings: CourseSettings, notebook: str | None = None) -> str:
    """Markdown of the badge that opens `notebook` in a Binder."""
    what = "the course" if notebook is None else PurePosixPath(notebook).name
    return f"[![Open {what} in a Binder]({settings.binder}/badge_logo.svg)]({binder_link(settings, notebook)})"


def notebooks(root: Path = ROOT) -> list[str]:
    """Paths of all notebooks in the trainee tree, in the order of the units."""
    return sorted(
        path.relative_to(root).as_posix()
        for path in (root / "notebooks").glob("*/*.ipynb")
        if ".ipynb_checkpoints" not in path.parts
    )


def check(link: str, settings: CourseSettings | None = None, root: Path = ROOT) -> list[str]:
    """A line for each thing that keeps `link` from opening a notebook of the course in `root`; none: it holds.

    It is read as a BinderHub, JupyterHub and nbgitpuller read it. Whether their servers answer is not asked.
    """
    settings = settings or read_settings(root / "pyproject.toml")
    try:
        target = read(link)
    except LinkError as error:
        return [str(error)]
    found = []
    if EXAMPLE in target.repository:
        found.append(f'its repository is still "{EXAMPLE}": set repository in pyproject.toml, [tool.pathway].')
    elif target.repository != settings.repository:
        found.append(f"it opens {target.repository}, and the course is at {settings.repository}.")
    if target.branch != settings.trainee_branch:
        found.append(f'it opens the branch "{target.branch}"; trainees get "{settings.trainee_branch}", without answers.')
    if target.file is not None and target.file not in notebooks(root):
        wrongly = " It is encoded once too often." if unquote(target.file) != target.file else ""
        found.append(f"it opens {target.file}, and the trainee tree has no such notebook.{wrongly}")
    return found


def read(link: str) -> Target:
    """What `link` asks for. Raises LinkError for one that neither a BinderHub nor a hub with nbgitpuller understands."""
    try:
        parts = urlsplit(link)
        asked = parse_qs(parts.query, strict_parsing=bool(parts.query), errors="strict")
    except ValueError:
        raise LinkError("it is no web address.") from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise LinkError("it is no web address.")
    twice = next((name for name, values in asked.items() if len(values) > 1), None)
    if twice:
        raise LinkError(f'it says "{twice}" twice.')
    query = {name: values[0] for name, values in asked.items()}
    if "/v2/" in parts.path:
        return _read_binder(parts.path.split("/v2/", 1)[1].split("/"), query)
    if parts.path.endswith(PULL):
        return _read_hub(query)
    raise LinkError(f"it is neither a link of a Binder (.../v2/gh/...) nor one of a hub (...{PULL}?...).")


def _read_binder(steps: list[str], query: Mapping[str, str]) -> Target:
    provider, *where = steps
    if provider == "gh" and len(where) == 3:
        repository = f"https://github.com/{unquote('/'.join(where[:2]))}"
    elif provider == "gl" and len(where) == 2:
        repository = f"https://gitlab.com/{unquote(where[0])}"
    elif provider == "git" and len(where) == 2:
        repository = unquote(where[0])
    else:
        raise LinkError("a Binder wants .../v2/gh/OWNER/NAME/BRANCH (gl/OWNER%2FNAME or git/ADDRESS for other hosts).")
    unknown = sorted(query.keys() - {"urlpath"})
    if unknown:
        raise LinkError(f'it says "{unknown[0]}"; here only urlpath is used, which opens JupyterLab.')
    return Target(repository, unquote(where[-1]), _file(query.get("urlpath", "lab")))


def _read_hub(query: Mapping[str, str]) -> Target:
    missing = [name for name in ("repo", "branch", "urlpath") if name not in query]
    if missing:
        raise LinkError(f'it does not say "{missing[0]}", which nbgitpuller needs to open a notebook of the trainee tree.')
    unknown = sorted(query.keys() - {"repo", "branch", "urlpath"})
    if unknown:
        raise LinkError(f'it says "{unknown[0]}"; here only repo, branch and urlpath are used.')
    repository = query["repo"].rstrip("/")
    folder, file = repository.rsplit("/", 1)[-1], _file(query["urlpath"])
    if file is None or file.split("/")[0] != folder:
        raise LinkError(f"its urlpath has to begin with {LAB}{folder}: nbgitpuller makes a folder of that name.")
    return Target(repository, query["branch"], file.partition("/")[2] or None)


def _file(urlpath: str) -> str | None:
    """The file that JupyterLab opens at an address of its own; None for its first page."""
    if urlpath.strip("/") == "lab":
        return None
    if not urlpath.startswith(LAB):
        raise LinkError(f'its urlpath is "{urlpath}": only {LAB}PATH opens JupyterLab on a file.')
    return unquote(urlpath.removeprefix(LAB))
