"""What Sphinx makes the site's pages from: laid in a folder of its own, with links that hold there."""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import nbformat
from nbformat import NotebookNode

from course.builder.stamps import files

LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#:]+)(#[^)\s]*)?\)")


@dataclass
class Sources:
    """The site's sources, each under its place in the site's folder: text, or a file of the course as it is.

    `origins` says which file of the course (its path from `root`, with slashes) a source stands for, so that links to that
    file lead to the page. A link to a file of the course that is no page leads to the public repository, of which
    `published` is the address of a file without its path; where that is empty, only the link's words stay.
    """

    root: Path
    published: str = ""
    texts: dict[str, str] = field(default_factory=dict)
    copies: dict[str, Path] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def add(self, place: str, text: str) -> None:
        """A page that is made for the site alone."""
        self.texts[place] = text

    def add_file(self, place: str, origin: str) -> None:
        """A file of the course: a Markdown file becomes a page, anything else lies beside the pages."""
        self.origins[place] = origin
        if origin.endswith(".md"):
            self.texts[place] = (self.root / origin).read_text(encoding="utf-8")
        else:
            self.copies[place] = self.root / origin

    def add_folder(self, place: str, origin: str) -> None:
        """All files of a folder of the course, but those that have a place already."""
        placed = set(self.origins.values())
        for path in sorted(files(self.root / origin)):
            inside = path.relative_to(self.root / origin).as_posix()
            if f"{origin}/{inside}" not in placed:
                self.add_file(f"{place}/{inside}", f"{origin}/{inside}")

    def add_notebook(self, place: str, origin: str, notebook: NotebookNode) -> None:
        """A notebook, with what is made of the one at `origin`."""
        self.origins[place] = origin
        self.texts[place] = nbformat.writes(notebook, version=4)

    def lay(self, folder: Path) -> bool:
        """Write what differs from what is in `folder`, and remove what is no source any more; whether the places changed.

        Files that stay as they are keep their time, by which Sphinx knows that it need not read them again.
        """
        places = {origin: place for place, origin in self.origins.items()}
        contents = {place: self._linked(place, text, places).encode() for place, text in self.texts.items()}
        contents |= {place: path.read_bytes() for place, path in self.copies.items()}
        before = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        for place, content in contents.items():
            path = folder / place
            if not path.exists() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        for place in before - contents.keys():
            (folder / place).unlink()
        return before != contents.keys()

    def _linked(self, place: str, text: str, places: Mapping[str, str]) -> str:
        origin = self.origins.get(place)
        if origin is None:
            return text
        if not place.endswith(".ipynb"):
            return self._with_links(place, origin, text, places)
        notebook = nbformat.reads(text, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = self._with_links(place, origin, cell.source, places)
        return nbformat.writes(notebook, version=4)

    def _with_links(self, place: str, origin: str, text: str, places: Mapping[str, str]) -> str:
        """A page's text with its links to files of the course as they hold in the site."""

        def linked(link: re.Match) -> str:
            image, words, target, anchor = link.groups()
            path = posixpath.normpath(PurePosixPath(origin).parent / target)
            if path in places:
                here = posixpath.relpath(places[path], PurePosixPath(place).parent)
                return f"{image}[{words}]({here}{anchor or ''})"
            if image or not (self.root / path).exists():
                return link[0]  # Sphinx says that it leads nowhere
            return f"[{words}]({self.published}/{path}{anchor or ''})" if self.published else words

        return LINK.sub(linked, text)

    def called(self, place: str) -> str:
        """The file that an author has to mend for what is wrong with a source."""
        return self.origins.get(place, f"course/site/pages/{place}.jinja")
