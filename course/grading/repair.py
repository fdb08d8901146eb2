"""Puts a submitted notebook right before it runs: the unit's own cells as released, the trainee's answers in place."""

import json
import re
import stat
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course.checks import ANSWER as ANSWERS_FIRST_LINE
from course.checks import CHECK as CHECKS_FIRST_LINE
from course.grading.template import ANSWER, AUTHOR, CHECK, EXTRA, TEXT, WRITTEN, Template

MOST_BYTES, MOST_CELLS = 20_000_000, 2_000
VERSION, MINOR = 4, 5
TYPES = ("code", "markdown", "raw")
ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
NO_CHARACTER = "\N{REPLACEMENT CHARACTER}"
ASIDE = ("checksum", "schema_version", "cell_type")  # nbgrader's own book-keeping: a change of it changes nothing


class Unreadable(Exception):
    """A submitted file that is no notebook of the unit. Its text is a sentence for the mentor."""


@dataclass(frozen=True)
class Repaired:
    """A notebook that can be run, without outputs, valid for nbformat and nbgrader.

    `kinds` has one entry a cell: "text" (not code), "author" (a code cell as released), "answer", "check", "written" or
    "extra" (the trainee's own code). `answered` says of each answer and written cell, by grade_id, whether it differs from
    what was released. `repairs` are sentences for the mentor on what was put right.
    """

    notebook: NotebookNode
    kinds: tuple[str, ...]
    answered: dict[str, bool]
    repairs: tuple[str, ...]


def repair(text: str | bytes, template: Template) -> Repaired:
    """Put a submitted file right, given as it was read from disk.

    Raises Unreadable, and nothing else: for what is not JSON, no notebook, of another format than 4, too large, or has no
    cell of the unit's notebook in it.
    """
    if len(text) > MOST_BYTES:
        raise Unreadable(f"It has {len(text) / 1e6:.0f} MB, and a notebook may have {MOST_BYTES / 1e6:.0f}.")
    repairs = []
    if isinstance(text, bytes):
        text, damaged = _decoded(text)
        if damaged:
            repairs.append("The file has bytes that are no UTF-8 text: they were replaced.")
    try:
        notebook = _parsed(text.removeprefix("\ufeff"))
    except RecursionError as error:
        raise Unreadable("The file is nested too deeply to be a notebook.") from error
    except ValueError as error:
        what = "The file is empty." if not text.strip() else "The file is not JSON, so it is no notebook."
        raise Unreadable(what) from error
    return _repaired(notebook, template, repairs)


def repair_notebook(notebook: NotebookNode, template: Template) -> Repaired:
    """Put a notebook right that has been read already; what is right stays as it is. Raises Unreadable as `repair` does."""
    return _repaired(notebook, template, [])


def read(path: Path) -> bytes:
    """A submitted file's bytes. Raises Unreadable for what is no plain file or too large, FileNotFoundError for none."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise Unreadable("It is no file but a link, a folder or a device.")
    if found.st_size > MOST_BYTES:
        raise Unreadable(f"It has {found.st_size / 1e6:.0f} MB, and a notebook may have {MOST_BYTES / 1e6:.0f}.")
    return path.read_bytes()


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer of more digits than Python takes; no number matters here
        return json.loads(text, parse_int=float)


def _decoded(data: bytes) -> tuple[str, bool]:
    """A file's text, and whether bytes had to be replaced."""
    encoding = json.detect_encoding(data)
    try:
        return data.decode(encoding), False
    except UnicodeDecodeError:
        return data.decode(encoding, "replace"), True


@dataclass(eq=False)
class _Found:
    """A submitted cell. `claim` and `weak` are places in the template that it says it is, by its marks and by its text."""

    type: str
    source: str
    id: str | None
    grader: dict | None
    attachments: dict
    claim: int | None = None
    weak: int | None = None

    @property
    def first_line(self) -> str:
        return self.source.lstrip().split("\n", 1)[0].rstrip()


def _repaired(notebook: object, template: Template, repairs: list[str]) -> Repaired:
    found = _cells(notebook, repairs)
    work = _Repair(template, found, repairs)
    work.claim()
    work.choose()
    kernel = _kernel(notebook)
    if kernel is not None and kernel != _kernel(template.notebook):
        repairs.append("The notebook was set to another kernel: it is set to the unit's own again.")
    return work.result()


def _kernel(notebook: dict) -> object:
    metadata = notebook.get("metadata")
    spec = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    return spec.get("name") if isinstance(spec, dict) else None


def _cells(notebook: object, repairs: list[str]) -> list[_Found]:
    """The cells of what may be a notebook. Raises Unreadable where it is none."""
    if not isinstance(notebook, dict) or "nbformat" not in notebook:
        raise Unreadable("The file is JSON, but no notebook.")
    if notebook["nbformat"] != VERSION:
        version = notebook["nbformat"]
        version = f"{version:g}" if isinstance(version, int | float) else "unknown"
        raise Unreadable(f"The notebook is of format {version}, and only format {VERSION} can be read.")
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise Unreadable("The notebook has no list of cells.")
    if len(cells) > MOST_CELLS:
        raise Unreadable(f"The notebook has {len(cells)} cells, and may have {MOST_CELLS}.")
    found, odd, unclean = [], 0, 0
    for cell in cells:
        if not isinstance(cell, dict):
            odd += 1
            continue
        as_written = _source(cell.get("source"))
        source = _clean(as_written)
        unclean += source != as_written
        metadata = cell.get("metadata")
        grader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        type_, id_ = cell.get("cell_type"), cell.get("id")
        found.append(
            _Found(
                type=type_ if type_ in TYPES else "raw",
                source=source.replace("\r\n", "\n").replace("\r", "\n"),
                id=id_ if isinstance(id_, str) and ID.fullmatch(id_) else None,
                grader=grader if isinstance(grader, dict) else None,
                attachments=_attachments(cell.get("attachments")),
            )
        )
    if odd:
        repairs.append(f"{_count(odd, 'entry', 'entries')} of the notebook {_were(odd)} no cell: left out.")
    if unclean:
        repairs.append(f"{_count(unclean, 'cell')} held characters that no file can hold: they were replaced.")
    return found


def _source(source: object) -> str:
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def _clean(text: str) -> str:
    """The text without what cannot be compiled, written as UTF-8, or kept in a database."""
    text = text.replace("\0", NO_CHARACTER)
    if not text.isascii():
        text = re.sub("[\ud800-\udfff]", NO_CHARACTER, text)
    return text


def _attachments(found: object) -> dict:
    """The pictures of a Markdown cell, file name -> type -> content; what is none is left out."""
    if not isinstance(found, dict):
        return {}
    kept = {}
    for name, bundle in found.items():
        if isinstance(bundle, dict):
            contents = {type_: _clean(_source(content)) for type_, content in bundle.items() if _clean(type_) == type_}
            kept[_clean(name)] = contents
    return kept


@dataclass
class _Repair:
    """One notebook under repair. Places are positions in the template; `chosen` is which submitted cell stands for each."""

    template: Template
    found: list[_Found]
    repairs: list[str]
    chosen: dict[int, _Found] = field(default_factory=dict)

    def __post_init__(self):
        self.cells, self.kinds = self.template.notebook.cells, self.template.kinds
        self.by_grade, self.by_id, self.by_line = {}, {}, {}
        self.by_source = defaultdict(list)
        self.check_lines: dict[str, int] = {}
        self.texts: set[str] = set()  # Markdown as released, which is never the trainee's own
        self.code: dict[str, int] = {}  # sources of stubs and checks, which are never the trainee's own either
        for place, (cell, kind) in enumerate(zip(self.cells, self.kinds, strict=True)):
            self.by_id[cell.id] = place
            name = self.name(place)
            if name is not None:
                self.by_grade[name] = place
            number = self.template.exercises.get(name)
            if kind == ANSWER:
                self.by_line[ANSWERS_FIRST_LINE.format(number=number)] = place
                self.code[cell.source] = place
            elif kind == CHECK:
                self.check_lines[CHECKS_FIRST_LINE.format(number=number)] = place
                self.code[cell.source] = self.code[self.template.visible.get(name, cell.source)] = place
            elif kind in (TEXT, WRITTEN):
                self.texts.add(cell.source)
            if kind in (TEXT, AUTHOR):
                self.by_source[cell.cell_type, cell.source].append(place)

    def name(self, place: int) -> str | None:
        """The grade_id of a place; None for cells that nbgrader does not know."""
        return self.cells[place].metadata.get("nbgrader", {}).get("grade_id")

    def claim(self) -> None:
        """Find out what each submitted cell says it is. Raises Unreadable when none is of this notebook."""
        for cell in self.found:
            grade_id = cell.grader.get("grade_id") if cell.grader else None
            if isinstance(grade_id, str) and grade_id in self.by_grade:
                cell.claim = self.by_grade[grade_id]
            elif cell.id in self.by_id:
                cell.claim = self.by_id[cell.id]
            line = cell.first_line
            if cell.type == "code" and cell.claim is None and (place := self._check_in(cell)) is not None:
                cell.claim = place
            cell.weak = self.by_line.get(line)
        claimed = {cell.claim for cell in self.found}
        free = {what: [place for place in places if place not in claimed] for what, places in self.by_source.items()}
        for cell in self.found:
            if cell.claim is None and cell.weak is None and (places := free.get((cell.type, cell.source))):
                cell.claim = places.pop(0)
        if all(cell.claim is None and cell.weak is None for cell in self.found):
            raise Unreadable(f"No cell of {self.template.name} is in the notebook: it may be that of another unit.")

    def _check_in(self, cell: _Found) -> int | None:
        """The place of the check that a code cell is, by its text alone."""
        place = self.code.get(cell.source)
        if place is not None and self.kinds[place] == CHECK:
            return place
        return self.check_lines.get(cell.first_line)

    def choose(self) -> None:
        """Choose the submitted cell for each place, and say what is put right."""
        claims: dict[int, list[_Found]] = defaultdict(list)
        for cell in self.found:
            if cell.claim is not None:
                claims[cell.claim].append(cell)
        for place, those in claims.items():
            if self.kinds[place] in (ANSWER, WRITTEN):
                self.chosen[place] = ([cell for cell in those if self._is_answered(cell, place)] or those[:1])[-1]
            else:
                good = [cell for cell in those if self._is_as_released(cell, place)] or those
                self.chosen[place] = min(good, key=lambda cell, id=self.cells[place].id: cell.id != id)
        for place, kind in enumerate(self.kinds):
            if kind == ANSWER:
                self._find_by_first_line(place)
        self._take_what_stands_in_place()
        for place in range(len(self.cells)):
            self._tell(place, claims[place])
        self._tell_of_missing()
        self._tell_of_moved()

    def _is_as_released(self, cell: _Found, place: int) -> bool:
        return cell.type == self.cells[place].cell_type and cell.source in (
            self.cells[place].source,
            self.template.visible.get(self.name(place)),
        )

    def _is_answered(self, cell: _Found, place: int) -> bool:
        return cell.source != self.cells[place].source

    def _find_by_first_line(self, place: int) -> None:
        """An answer that its first line names alone counts where no cell that nbgrader or its id names was answered."""
        chosen = self.chosen.get(place)
        if chosen is not None and self._is_answered(chosen, place):
            return
        # What the trainee wrote into one of the author's cells can be an answer; what stands for another place cannot.
        places = {id(cell): at for at, cell in self.chosen.items()}
        free = [
            cell
            for cell in self.found
            if cell.weak == place
            and (cell.type == "code" or chosen is None)
            and ((at := places.get(id(cell))) is None or self._is_kept_beside(cell, at))
        ]
        answered = [cell for cell in free if self._is_answered(cell, place)]
        if answered or (chosen is None and free):
            taken = answered[-1] if answered else free[0]
            if id(taken) in places:
                del self.chosen[places[id(taken)]]
            self.chosen[place] = taken

    def _take_what_stands_in_place(self) -> None:
        """Where an answer's cell is gone and the trainee wrote in a new one in its place, that one is the answer."""
        places = {id(cell): place for place, cell in self.chosen.items()}
        own: dict[tuple[int | None, bool], list[_Found]] = defaultdict(list)
        behind = None
        for cell in self.found:
            if id(cell) in places:
                behind = places[id(cell)]
            elif cell.claim is None and cell.weak is None and cell.source.strip() and not self._is_copy(cell):
                own[behind, cell.type == "code"].append(cell)
        missing: dict[tuple[int | None, bool], list[int]] = defaultdict(list)
        behind = None
        for place, kind in enumerate(self.kinds):
            if place in self.chosen:
                behind = place
            elif kind in (ANSWER, WRITTEN):
                missing[behind, self.cells[place].cell_type == "code"].append(place)
        for gap, gone in missing.items():
            if len(gone) == 1 and own[gap]:
                self.chosen[gone[0]] = own[gap][-1]

    def _is_copy(self, cell: _Found) -> bool:
        """Whether a cell that was not chosen is no work of the trainee's: a check, or what was released, once more."""
        if cell.source in self.texts:
            return True
        if cell.type == "code" and (cell.source in self.code or cell.first_line in self.check_lines):
            return True
        if cell.claim is not None and self.kinds[cell.claim] == CHECK:
            return True
        place = cell.weak if cell.weak is not None else cell.claim
        if place is None or self.kinds[place] not in (ANSWER, WRITTEN):
            return False
        chosen = self.chosen.get(place)
        return chosen is not None and chosen is not cell and chosen.source == cell.source

    # What is said.

    def _what(self, place: int) -> str:
        """How a sentence names a cell of the unit."""
        kind, number = self.kinds[place], self.template.exercises.get(self.name(place))
        if kind in (ANSWER, CHECK, WRITTEN):
            what = {ANSWER: "the cell for the answer", CHECK: "the check", WRITTEN: "the cell for the written answer"}[kind]
            return f"Exercise {number}: {what}" if number is not None else f"{what.capitalize()} `{self.name(place)}`"
        line = self.cells[place].source.strip().split("\n", 1)[0]
        line = line if len(line) <= 50 else f"{line[:47]}..."
        return f"The cell that begins `{line}`" if kind == AUTHOR else f"The text that begins “{line}”"

    def _tell(self, place: int, claims: list[_Found]) -> None:
        """Say what was wrong with the cell at a place, unless it is missing."""
        chosen, kind, what = self.chosen.get(place), self.kinds[place], self._what(place)
        if chosen is None:
            return
        released = self.cells[place]
        if chosen.claim != place:
            how = "the one that begins with its first line" if chosen.weak == place else "the one that stands in its place"
            self.repairs.append(f"{what} was missing: {how} was taken for it.")
        elif chosen.type != released.cell_type:
            self.repairs.append(f"{what} was no longer a {_type(released.cell_type)} cell: it is one again.")
        elif kind == CHECK and not self._is_as_released(chosen, place):
            self.repairs.append(f"{what} was changed: it is as released again.")
        elif kind in (AUTHOR, TEXT) and not self._is_as_released(chosen, place):
            kept = ", and the trainee's version stands before it" if self._is_kept_beside(chosen, place) else ""
            self.repairs.append(f"{what} was changed: it is as released again{kept}.")
        if chosen.claim == place and (wanted := released.metadata.get("nbgrader")):
            given = chosen.grader or {}
            if not given.get("grade_id"):
                self.repairs.append(f"{what} had lost its name in nbgrader: it has it again.")
            elif any(given.get(key) != value for key, value in wanted.items() if key not in ASIDE):
                self.repairs.append(f"{what} had other settings for marking: they are as released again.")
        others = len(claims) - (chosen.claim == place)
        if others and kind in (ANSWER, WRITTEN):
            rest = "any other that says something else stays as a cell of the trainee's own"
            self.repairs.append(f"{what} stood {_times(others + 1)}: the last one answered counts, and {rest}.")
        elif others and kind == CHECK:
            self.repairs.append(f"{what} stood {_times(others + 1)}: {_copies(others)} left out.")
        elif others and kind == TEXT:
            self.repairs.append(f"{what} stood {_times(others + 1)}: it stands once again.")

    def _tell_of_missing(self) -> None:
        texts = 0
        for place, kind in enumerate(self.kinds):
            if place in self.chosen:
                continue
            if kind == TEXT:
                texts += 1
                continue
            empty = ", without an answer" if kind in (ANSWER, WRITTEN) else ""
            self.repairs.append(f"{self._what(place)} was missing: it was put back{empty}.")
        if texts:
            self.repairs.append(f"{_count(texts, 'text')} of the unit {_were(texts)} missing: put back.")

    def _tell_of_moved(self) -> None:
        places = {id(cell): place for place, cell in self.chosen.items()}
        order = [places[id(cell)] for cell in self.found if id(cell) in places]
        for place in sorted(set(order) - set(_longest_rising(order))):
            self.repairs.append(f"{self._what(place)} stood elsewhere: it is back in its place.")

    # What comes out.

    def _is_kept_beside(self, cell: _Found, place: int) -> bool:
        """Whether a changed cell of the author's stays as an extra one: not a check, and not what is there anyway."""
        if self.kinds[place] not in (AUTHOR, TEXT) or not cell.source.strip() or self._is_copy(cell):
            return False
        return (cell.type, cell.source) != (self.cells[place].cell_type, self.cells[place].source)

    def result(self) -> Repaired:
        before: dict[int, list[_Found]] = defaultdict(list)
        behind: dict[int, list[_Found]] = defaultdict(list)
        places = {id(cell): place for place, cell in self.chosen.items()}
        last = -1
        for cell in self.found:
            if id(cell) in places:
                last = places[id(cell)]
                if self._is_kept_beside(cell, last):
                    before[last].append(cell)
            elif not self._is_copy(cell):
                behind[last].append(cell)
        made: list[NotebookNode] = []
        kinds: list[str] = []
        answered: dict[str, bool] = {}
        ids, numbers = set(self.by_id), count(1)

        def add(extra: Iterable[_Found]) -> None:
            for cell in extra:
                made.append(_own_cell(cell, ids, numbers))
                kinds.append(EXTRA if cell.type == "code" else TEXT)

        add(behind[-1])
        for place, (released, kind) in enumerate(zip(self.cells, self.kinds, strict=True)):
            add(before[place])
            cell = nbformat.from_dict(released)
            if kind in (ANSWER, WRITTEN):
                chosen = self.chosen.get(place)
                answered[self.name(place)] = chosen is not None and self._is_answered(chosen, place)
                if chosen is not None:
                    cell.source = chosen.source
                    if chosen.attachments and cell.cell_type != "code":
                        cell.attachments = nbformat.from_dict(chosen.attachments)
            made.append(cell)
            kinds.append(kind)
            add(behind[place])
        template = self.template.notebook
        notebook = NotebookNode(
            cells=made, metadata=nbformat.from_dict(template.metadata), nbformat=VERSION, nbformat_minor=MINOR
        )
        return Repaired(notebook, tuple(kinds), answered, tuple(self.repairs))


def _own_cell(cell: _Found, ids: set[str], numbers: Iterator[int]) -> NotebookNode:
    """A cell of the trainee's own, without marks of nbgrader's; its id is added to `ids`, where it must not be yet."""
    id_ = cell.id
    if id_ is None or id_ in ids:
        id_ = next(name for number in numbers if (name := f"own-{number}") not in ids)
    ids.add(id_)
    made = NotebookNode(cell_type=cell.type, id=id_, metadata=NotebookNode(), source=cell.source)
    if cell.type == "code":
        made.outputs, made.execution_count = [], None
    elif cell.attachments:
        made.attachments = nbformat.from_dict(cell.attachments)
    return made


def _longest_rising(numbers: list[int]) -> Iterator[int]:
    """A longest subsequence of distinct numbers that rises: what need not be moved to put them in order."""
    ends: list[int] = []  # ends[i]: position of the least number that a rising subsequence of i + 1 numbers ends in
    before: list[int | None] = []
    for position, number in enumerate(numbers):
        length = bisect_left(ends, number, key=lambda end: numbers[end])
        before.append(ends[length - 1] if length else None)
        ends[length : length + 1] = [position]
    position = ends[-1] if ends else None
    while position is not None:
        yield numbers[position]
        position = before[position]


def _type(cell_type: str) -> str:
    return "Markdown" if cell_type == "markdown" else cell_type


def _times(number: int) -> str:
    return "twice" if number == 2 else f"{number} times"


def _copies(number: int) -> str:
    return "the copy was" if number == 1 else "the copies were"


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
