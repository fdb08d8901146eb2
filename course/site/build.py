"""Makes the site: lays its sources from what the course has made, and lets Sphinx make pages of them."""

import io
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat

from course.builder.build import Builder
from course.launch import workshop
from course.launch.settings import CourseSettings
from course.site import lessons, proved
from course.site.buttons import as_markdown, buttons
from course.site.pages import Pages
from course.site.sources import Sources

HERE = Path(__file__).resolve().parent
# The handbook's pages that are for all who open the course, in the order of their menu.
WAYS = (
    "ways-to-open",
    "locked-down-laptop",
    "browser-launch",
    "workshop",
    "workshop-45",
    "workshop-90",
    "hub",
    "growing",
)
CELL = 10_000  # what myst-nb adds to a line for each cell of a notebook
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# What Sphinx says of a source: its place, its line, and what is wrong.
SAID = re.compile(r"^(?P<place>[^:\n]+?)(?::(?P<line>\d+))?: (?:WARNING|ERROR|CRITICAL): (?P<what>.*)$", re.MULTILINE)


class SiteError(Exception):
    """The site cannot be made; each of `lines` says what is wrong, in which file, and what to do."""

    def __init__(self, *lines: str):
        self.lines = lines
        super().__init__("\n".join(lines))


@dataclass(frozen=True)
class Site:
    """A site that was made: its folder, how many pages it has, and the units whose proof is older than their code."""

    folder: Path
    pages: int
    unproved: tuple[str, ...]


def build(
    root: Path,
    into: Path,
    settings: CourseSettings,
    work: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> Site:
    """Make the site of the course in `root` in the folder `into`, which is missing, empty, or holds an older site.

    Hidden files there, such as git's, are left alone. `work` keeps what Sphinx has read (default: .build/site-work of the
    course), so that the next time is quicker. Raises SiteError with every warning of Sphinx, and BuildError where a unit's
    text cannot be read; `into` is then as it was.
    """
    work, progress = work or root / ".build" / "site-work", progress or (lambda what: None)
    if into.exists() and not _is_ours(into):
        raise SiteError(f"{into} is no site and not empty: give another folder, or empty this one.")
    progress("Laying the sources")
    units = Builder(root).units()
    proofs = proved.read(root, units)
    sources = lay(root, settings, Pages(root, units, settings, proofs))
    new_places = sources.lay(work / "source")
    progress("Making pages")
    made = _sphinx(sources, work, settings, afresh=new_places)
    progress("Laying the site")
    pages = _put(made, into)
    return Site(into, pages, tuple(unit.name for unit in units if unit.name not in proofs))


def _is_ours(folder: Path) -> bool:
    """Whether a folder is empty, but for hidden files, or holds what Sphinx has made."""
    if not folder.is_dir() or (folder / ".buildinfo").exists():
        return folder.is_dir()
    return all(path.name.startswith(".") for path in folder.iterdir())


def lay(root: Path, settings: CourseSettings, pages: Pages) -> Sources:
    """All sources of the site."""
    published = f"{settings.repository}/blob/HEAD" if settings.is_published else ""
    sources = Sources(root, published)
    for unit in pages.units:
        for notebook in unit.notebooks:
            path = f"notebooks/{unit.name}/{notebook.name}.ipynb"
            sources.add_notebook(f"units/{unit.name}/{notebook.name}.ipynb", path, _lesson(root, path, settings))
        for beside in sorted((root / "notebooks" / unit.name).glob("*.md")):
            sources.add_file(f"units/{unit.name}/{beside.name}", f"notebooks/{unit.name}/{beside.name}")
    sources.add_file("data/index.md", "data/README.md")
    sources.add_file("data/dictionary.md", "data/DICTIONARY.md")
    sources.add_folder("data", "data")
    sources.add_file("handbook/security.md", "SECURITY.md")
    sources.add_folder("handbook", "course/site/handbook")
    try:
        for route in workshop.routes(root).values():  # the minutes of each stop stand in its heading
            sources.texts[f"handbook/{route.file.name}"] = workshop.as_page(route)
    except workshop.WorkshopError as error:
        raise SiteError(str(error)) from None
    sources.add_folder("pictures", "course/site/pictures")
    for place, text in pages.rendered():
        sources.add(place, text)
    sources.texts["data/index.md"] += menu(["dictionary"])
    sources.texts[f"handbook/{WAYS[0]}.md"] += menu(WAYS[1:])
    sources.texts["handbook/index.md"] += menu(for_mentors(sources))
    return sources


def for_mentors(sources: Sources) -> list[str]:
    """The handbook's other pages as its first page names them, and behind these what it does not name."""
    named = re.findall(r"\]\(([\w-]+)\.md\)", sources.texts["handbook/index.md"])
    there = sorted(Path(place).stem for place in sources.texts if place.startswith("handbook/"))
    return [name for name in dict.fromkeys([*named, *there]) if name in there and name not in ("index", *WAYS)]


def menu(names: Sequence[str]) -> str:
    """What lists pages of the same folder in the menu, as the end of the first of them."""
    return "\n".join(["", "```{toctree}", ":hidden:", "", *names, "```", ""])


def _lesson(root: Path, path: str, settings: CourseSettings) -> nbformat.NotebookNode:
    """The page of a notebook; `path` is its path in the course and in the trainee tree."""
    answered = root / "solutions" / Path(path).relative_to("notebooks")
    try:
        both = [nbformat.read(one, as_version=4) for one in (root / path, answered)]
        return lessons.page(*both, as_markdown(buttons(settings, path)))
    except (FileNotFoundError, lessons.OutOfStep):
        raise SiteError(f"{path} is not what the text makes: run `pathway build` first.") from None


def _sphinx(sources: Sources, work: Path, settings: CourseSettings, afresh: bool) -> Path:
    """Make pages of what is laid in `work`; gives their folder.

    `afresh` reads every page: where another came or went, a link to it in a page that was read before would not know.
    """
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    said, made = io.StringIO(), work / "made"
    shutil.rmtree(made, ignore_errors=True)
    try:
        with patch_docutils(HERE), docutils_namespace():  # what Sphinx adds to docutils goes with it
            app = Sphinx(
                srcdir=work / "source",
                confdir=HERE,
                outdir=made,
                doctreedir=work / "read",
                buildername="html",
                confoverrides={"html_baseurl": settings.site},
                status=None,
                warning=said,
                freshenv=afresh,
            )
            # All pages are written each time, since each shows the titles of others; only what changed is read.
            app.build(force_all=True)
    except SphinxError as error:
        raise SiteError(f"Sphinx stopped: {error}") from error
    problems = _problems(said.getvalue(), sources, work / "source")
    if problems:
        raise SiteError(*problems)
    return made


def _put(made: Path, into: Path) -> int:
    """Lay the pages that were made into the site's folder, and take away those of lessons that are gone; their number."""
    shutil.copytree(made, into, dirs_exist_ok=True)
    pages = {path.relative_to(made) for path in made.rglob("*.html")}
    for path in into.rglob("*.html"):
        inside = path.relative_to(into)
        if inside not in pages and not any(part.startswith(".") for part in inside.parts):
            path.unlink()
    return sum(inside.parts[0] != "_static" for inside in pages)


def _problems(said: str, sources: Sources, folder: Path) -> list[str]:
    """What Sphinx has said, with the files that an author has to mend instead of their copies in `folder`."""
    said = COLOUR.sub("", said)
    found = []
    for line in SAID.finditer(said):
        place, number = Path(line["place"]), int(line["line"] or 0)
        if not place.is_relative_to(folder):
            found.append(line[0])
            continue
        place = place.relative_to(folder).as_posix()
        if place.endswith(".ipynb"):
            where = f", cell {number // CELL}, line {number % CELL}"
        else:
            where = f":{number}" if place in sources.origins else ""  # a line of a page is none of its template
        found.append(f"{sources.called(place)}{where if number else ''}: {line['what']}")
    return found or ([said.strip()] if said.strip() else [])
