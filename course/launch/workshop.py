"""Workshops: a page of the handbook, read as a route through notebooks and printed as a plan by the clock.

The page's front matter holds what a program needs: title, minutes, and the stops in their order, each with its notebook,
its heading there and its minutes. The text has one section for each stop, under the stop's name: what to do, to ask and to
say. Nothing stands in both.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import nbformat
import yaml

from course.builder.outputs import SMALL, numbers_in

HANDBOOK = Path("course/site/handbook")
FRONT = re.compile(r"---\n(.*?)\n---\n+# ([^\n]+)\n(.*)", re.DOTALL)
SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
BESIDE_TEXT = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)", re.DOTALL)
OTHER_PAGE = re.compile(r"\[([^\]]+)\]\([\w./-]+\.md\)")
STYLE = """
:root { color-scheme: light; }
body { font: 12pt/1.45 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 1.8rem; border-top: 1px solid #6b6b6b; padding-top: .6rem; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: top; }
td:first-child { white-space: nowrap; }
a { color: #12436d; overflow-wrap: anywhere; } code { font-size: .95em; } pre { overflow-x: auto; }
@media print {
  body { font-size: 10.5pt; margin: 0; max-width: none; }
  h2 { break-after: avoid; } p, tr { break-inside: avoid; }
}
"""


class WorkshopError(Exception):
    """A workshop's page cannot be used; the text says in one line which, why and what to do."""


@dataclass(frozen=True)
class Stop:
    """One stop of a route: where it is, how many minutes it takes from minute `begins` on, and the page's text about it."""

    name: str
    notebook: str  # path in the trainee tree
    heading: str  # its heading in that notebook, and the last one where it goes on
    to: str
    begins: int
    minutes: int
    notes: str

    @property
    def ends(self) -> int:
        return self.begins + self.minutes


@dataclass(frozen=True)
class Route:
    """A workshop: its stops, and the page's text before and behind them."""

    file: Path
    title: str
    minutes: int
    facts: tuple[float, ...]  # numbers that its stops name and the notebooks do not show
    before: str
    stops: tuple[Stop, ...]
    behind: str

    @property
    def notebooks(self) -> list[str]:
        """Paths of its notebooks, in the order in which they are opened."""
        return list(dict.fromkeys(stop.notebook for stop in self.stops))


def routes(root: Path) -> dict[str, Route]:
    """All workshops of the course in `root`, by what follows "workshop-" in the names of their files."""
    files = sorted((root / HANDBOOK).glob("workshop-*.md"))
    return {file.stem.removeprefix("workshop-"): read_route(file) for file in files}


def read_route(file: Path) -> Route:
    """The workshop in a page of the handbook. Raises WorkshopError where front matter and text do not make one."""
    found = FRONT.fullmatch(file.read_text(encoding="utf-8"))
    if not found:
        raise WorkshopError(f"{file.name}: a workshop begins with front matter between two lines of ---, then its title.")
    front, title, text = found.groups()
    before, *parts = SECTION.split(text)
    names, texts = parts[::2], [part.strip() for part in parts[1::2]]
    try:
        front = yaml.safe_load(front)
        stops = _stops(front["stops"], dict(zip(names, texts, strict=True)))
        route_title, minutes, facts = front["title"], front["minutes"], tuple(map(float, front.get("facts") or ()))
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        needed = "title, minutes and stops, and each stop its stop, notebook, heading and minutes"
        raise WorkshopError(f"{file.name}: its front matter needs {needed}: {str(error).splitlines()[0]}.") from None
    if title != route_title:
        raise WorkshopError(f'{file.name}: the front matter calls it "{route_title}", the text "{title}".')
    if sum(stop.minutes for stop in stops) != minutes:
        raise WorkshopError(f"{file.name}: its stops take {stops[-1].ends} minutes, and it says {minutes}.")
    wanted = [stop.name for stop in stops]
    first = names.index(wanted[0]) if wanted[0] in names else 0
    behind = first + len(wanted)
    if names[first:behind] != wanted:
        raise WorkshopError(f'{file.name}: its stops need a section each, in their order: "{", ".join(wanted)}".')
    return Route(
        file=file,
        title=title,
        minutes=minutes,
        facts=facts,
        before="\n\n".join([before.strip(), *_sections(names[:first], texts[:first])]),
        stops=stops,
        behind="\n\n".join(_sections(names[behind:], texts[behind:])),
    )


def _stops(told: Sequence[dict], notes: Mapping[str, str]) -> tuple[Stop, ...]:
    """The stops of front matter, with the text that there is about each."""
    made, begins = [], 0
    for stop in told:
        made.append(
            Stop(
                name=stop["stop"],
                notebook=f"notebooks/{stop['notebook']}.ipynb",
                heading=stop["heading"],
                to=stop.get("to", stop["heading"]),
                begins=begins,
                minutes=int(stop["minutes"]),
                notes=notes.get(stop["stop"], ""),
            )
        )
        begins = made[-1].ends
    if not made:
        raise ValueError("there are no stops")
    return tuple(made)


def _sections(names: Sequence[str], texts: Sequence[str]) -> Iterator[str]:
    for name, text in zip(names, texts, strict=True):
        yield f"## {name}\n\n{text}"


# ------------------------------------------------------------------------------------------------ against the notebooks


def problems(route: Route, root: Path) -> list[str]:
    """A line for each thing in a route that the notebooks of the checkout in `root` do not bear out.

    A stop's notebook and headings have to be there, and show every number above 12 that its notes name.
    """
    found = []
    for stop in route.stops:
        place = f'{route.file.name}, "{stop.name}"'
        if not (root / stop.notebook).is_file():
            found.append(f"{place}: there is no {stop.notebook}.")
            continue
        answered = root / "solutions" / Path(stop.notebook).relative_to("notebooks")
        try:
            trainees, shown = (section(path, stop.heading, stop.to) for path in (root / stop.notebook, answered))
        except WorkshopError as error:
            found.append(f"{place}: {error}")
            continue
        numbers = {*numbers_in(trainees), *numbers_in(shown), *route.facts}
        for number in dict.fromkeys(numbers_in(BESIDE_TEXT.sub("", stop.notes))):
            if number > SMALL and not {number, round(number / 100, 6)} & numbers:
                found.append(f'{place}: it names {number:.12g}, which {stop.notebook} does not show under "{stop.heading}".')
    return found


def section(path: Path, heading: str, to: str) -> str:
    """All that a notebook has from one heading to the end of the section under another: text, code and outputs.

    Raises WorkshopError for a heading that it has not.
    """
    blocks = [(0, "", "")]  # level of a heading, the heading, and what is under it
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            above, *parts = HEADING.split(cell.source)
            blocks[-1] = (*blocks[-1][:2], blocks[-1][2] + above)
            for marks, name, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
                blocks.append((len(marks), name, text))
        else:
            shown = "\n".join([cell.source.replace("_", ""), *map(_text, cell.get("outputs", []))])
            blocks[-1] = (*blocks[-1][:2], f"{blocks[-1][2]}\n{shown}\n")
    names = [name for _, name, _ in blocks]
    for name in (heading, to):
        if name not in names:
            raise WorkshopError(f'{path.name} has no heading "{name}".')
    first, last = names.index(heading), names.index(to)
    end = next((at for at in range(last + 1, len(blocks)) if blocks[at][0] <= blocks[last][0]), len(blocks))
    return "\n".join(text for _, _, text in blocks[first:end])


def _text(output: dict) -> str:
    shown = [output.get("text", ""), *output.get("data", {}).values()]
    return re.sub(r"base64,[A-Za-z0-9+/=]+|<[^>]*style=[^>]*>", "", "\n".join(map(str, shown)))


# ------------------------------------------------------------------------------------------------ printed


def clock(text: str) -> datetime:
    """The time of day in a text such as 10:00. Raises ValueError for another."""
    return datetime.strptime(text, "%H:%M")


def when(stop: Stop, start: datetime | None) -> str:
    """From when to when a stop is: by the clock where it is known when the workshop starts, else in minutes."""
    if start is None:
        return f"Minutes {stop.begins} to {stop.ends}"
    return " to ".join(f"{start + timedelta(minutes=minute):%H:%M}" for minute in (stop.begins, stop.ends))


def as_page(route: Route) -> str:
    """The page with the minutes of each stop in its heading: what the web site shows."""
    return _with_stops(route, None, "")


def as_plan(route: Route, start: datetime | None, links: Sequence[tuple[str, str]]) -> str:
    """Everything that who leads it needs on paper: the links (what for, address), the times, and what to do and say."""
    table = ["| when | stop | notebook | heading |", "|---|---|---|---|"]
    for stop in route.stops:
        table.append(f"| {when(stop, start)} | {stop.name} | {Path(stop.notebook).stem} | {stop.heading} |")
    on_top = "\n\n".join([*(f"{what}: <{address}>" for what, address in links), "\n".join(table)])
    return OTHER_PAGE.sub(r"\1", _with_stops(route, start, on_top))  # on paper nothing leads to other pages


def _with_stops(route: Route, start: datetime | None, on_top: str) -> str:
    parts = [f"# {route.title}", on_top, route.before]
    for stop in route.stops:
        where = f'*{Path(stop.notebook).stem}, at "{stop.heading}"*'
        parts.append(f"## {when(stop, start)}: {stop.name}\n\n{where}\n\n{stop.notes}")
    return "\n\n".join(filter(None, [*parts, route.behind])) + "\n"


def as_html(route: Route, plan: str) -> str:
    """A plan as a page that prints well and needs no other file."""
    from markdown_it import MarkdownIt

    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{route.title}</title>'
    body = MarkdownIt("commonmark").enable("table").render(plan)
    page = f"<head>{head}<style>{STYLE}</style></head>\n<body><main>\n{body}</main></body>"
    return f'<!DOCTYPE html>\n<html lang="en-GB">\n{page}\n</html>\n'
