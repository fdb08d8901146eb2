"""The report's charts, in the house style: a picture for light and one for dark pages, and a sentence in their place."""

import base64
import io
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps

from course.figures import what_is_missing
from course.grading.report.book import Book, Unit
from course.grading.report.statistics import ExerciseFigures, OutcomeFigures, Share

BLUE, ORANGE, GREY = "#12436D", "#F46A25", "#BFBFBF"
INK, LINE, ON_BLUE = "#1A1A1A", "#CCCCCC", "#FFFFFF"
# What these colours become on a dark page: as far apart, and at least 3 to 1 against it.
DARK = {BLUE: "#6FA8DC", ORANGE: "#F7945F", GREY: "#8A8A8A", INK: "#F0F0F0", LINE: "#555555", ON_BLUE: "#111111"}
WIDTH = 8.2  # inches, at which 14 points read well on a page
LABEL = 40  # letters
LEADING = 14  # points


@dataclass(frozen=True)
class Chart:
    """A chart as two addresses that hold the picture itself (SVG), and its text alternative."""

    light: str
    dark: str
    text: str


def _in_house_style(draw: Callable) -> Callable:
    """Draw, and save, in the Analysis Function's style; what is drawn elsewhere keeps its own."""

    @wraps(draw)
    def drawn(*arguments):
        from matplotlib.style import context

        # Letters stay letters, in the reader's own font; the same figure makes the same file.
        with context(["afcharts.afcharts", {"svg.fonttype": "none", "svg.hashsalt": "pathway"}]):
            return draw(*arguments)

    return drawn


@_in_house_style
def handed_in(book: Book, counts: Sequence[tuple[Unit, int, int, int]]) -> Chart:
    """Bar chart of how many handed in each unit: `counts` are a unit, on time, late, not at all."""
    labels = [unit.label for unit, *_ in counts]
    fig, ax = _axes(len(labels))
    fig.set_figheight(0.7 + 0.5 * len(labels))
    left = [0] * len(labels)
    for place, (name, colour) in enumerate((("on time", BLUE), ("late", ORANGE), ("not handed in", GREY))):
        values = [row[place + 1] for row in counts]
        ax.barh(labels, values, left=left, color=colour, height=0.62, label=name)
        for y, (start, value) in enumerate(zip(left, values, strict=True)):
            if value:
                ax.text(
                    start + value / 2,
                    y,
                    value,
                    ha="center",
                    va="center",
                    size=12,
                    color=ON_BLUE if colour == BLUE else "black",
                )
        left = [start + value for start, value in zip(left, values, strict=True)]
    ax.set_xlim(0, len(book.trainees) or 1)
    ax.set_xlabel("trainees")
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=3,
        handlelength=1,
        borderaxespad=0.2,
        labelcolor=INK,
        fontsize=12,
    )
    fewest = min(counts, key=lambda row: row[1] + row[2])
    text = (
        f"Bar chart of the {len(book.trainees)} trainees by unit: on time, late, not handed in. "
        f"Fewest handed in {fewest[0].label}: {fewest[1] + fewest[2]} of {len(book.trainees)}, {fewest[2]} of them late."
    )
    return _chart(fig, text)


@_in_house_style
def exercises(unit: Unit, figures: Sequence[ExerciseFigures], kind: str) -> Chart | None:
    """Dots for the share that has each exercise right, a line for its interval; None where nobody was judged."""
    shown = [one for one in figures if one.right.whole]
    if not shown:
        return None
    labels = [f"{one.exercise.number}  {one.exercise.title}" for one in shown]
    fig = _shares(labels, [one.right for one in shown], "% right, with 95% interval")
    low, high = (choose(shown, key=lambda one: one.right.share) for choose in (min, max))
    text = (
        f"Dot plot of the share that has each {kind} exercise of {unit.label} right, with 95% intervals: from "
        f"{percent(low.right)} in {low.exercise.label}{'' if low.exercise.label.endswith('?') else ','} "
        f"to {percent(high.right)} in {high.exercise.label.rstrip('?.')}."
    )
    return _chart(fig, text)


@_in_house_style
def outcomes(unit: Unit, figures: Sequence[OutcomeFigures]) -> Chart | None:
    """Dots for the share that has shown each outcome, fewest on top, with intervals; None where nobody was judged."""
    shown = sorted((one for one in figures if one.shown.whole), key=lambda one: one.shown.share)
    if not shown:
        return None
    fig = _shares([one.name for one in shown], [one.shown for one in shown], "% who have shown it, with 95% interval")
    low, high = shown[0], shown[-1]
    text = (
        f"Dot plot of the share that has shown each outcome of {unit.label}, with 95% intervals: fewest, "
        f"{percent(low.shown)}, can “{low.name}”, and most, {percent(high.shown)}, “{high.name}”."
    )
    return _chart(fig, text)


def percent(share: Share) -> str:
    """A share as "67%"; none of nobody."""
    return f"{share.share:.0%}" if share.whole else "none"


def _shares(labels: Sequence[str], shares: Sequence[Share], what: str):
    fig, ax = _axes(len(labels))
    places = range(len(labels))
    for place, share in zip(places, shares, strict=True):
        ax.plot([100 * end for end in share.interval], [place, place], color=BLUE, linewidth=2.4, solid_capstyle="butt")
    ax.plot([100 * share.share for share in shares], places, "o", color=BLUE, markersize=9)
    ax.set_yticks([])
    for place, label in zip(places, labels, strict=True):
        _name(ax, place, label)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.set_xlim(-1, 101)
    ax.set_xticks(range(0, 101, 25))
    ax.grid(True, axis="x")
    ax.set_xlabel(what)
    return fig


def _name(ax, place: int, label: str) -> None:
    """Write a row's name at its left, line by line: in one text, lines would end where letters of another font end."""
    lines = textwrap.wrap(label, LABEL, max_lines=2, placeholder=" …")
    for number, line in enumerate(lines):
        ax.annotate(
            line.replace("$", r"\$"),
            xy=(0, place),
            xycoords=ax.get_yaxis_transform(),
            xytext=(-8, LEADING * ((len(lines) - 1) / 2 - number)),
            textcoords="offset points",
            ha="right",
            va="center",
            size=12,
            color=INK,
        )


def _axes(rows: int):
    """A figure without a window, with room for `rows` rows from the top down."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=(WIDTH, 1.15 + 0.56 * rows))
    ax = fig.subplots()
    ax.grid(False)
    ax.invert_yaxis()
    ax.tick_params(length=0, labelcolor=INK, labelsize=12)
    ax.xaxis.label.set(color=INK, size=12)
    ax.spines["bottom"].set_color(LINE)
    return fig, ax


def _chart(fig, text: str) -> Chart:
    """The figure's two pictures. Raises ValueError where the text alternative lacks something."""
    if missing := what_is_missing(text):
        raise ValueError(f"The text alternative {text!r} lacks {'; '.join(missing)}.")
    picture = io.BytesIO()
    fig.savefig(picture, format="svg", bbox_inches="tight", transparent=True, metadata={"Date": None, "Creator": None})
    light = picture.getvalue().decode("utf-8")
    dark = light
    for colour, other in DARK.items():
        dark = dark.replace(colour.lower(), other.lower())
    return Chart(_address(light), _address(dark), text)


def _address(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode('utf-8')).decode('ascii')}"
