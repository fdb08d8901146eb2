"""Figures that everybody can read: a picture and, in words, what it shows."""

import base64
import html
import io
import re

# A text alternative names the type of the figure with one of these words.
TYPES = (
    "chart",
    "diagram",
    "graph",
    "histogram",
    "map",
    "plot",
    "scatter",
    "timeline",
)


def what_is_missing(text: str) -> list[str]:
    """What `text` lacks to stand in for a figure, in words; an empty list when nothing is missing.

    A text alternative names the type of the figure, says what it shows in at least eight words, gives a figure (a number
    that a reader could quote) and is a sentence. Source: Analysis Function, Data visualisation: charts.
    """
    missing = []
    words = re.findall(r"[a-z]+", text.lower())
    if not any(word.rstrip("s") in TYPES for word in words):
        missing.append(f"the type of figure (one of {', '.join(TYPES)})")
    if not re.search(r"\d", text):
        missing.append("a number that a reader could quote")
    if len(words) < 8:
        missing.append("what it shows, in at least eight words")
    if not text.strip().endswith((".", "?")):
        missing.append("a full stop: write a sentence")
    return missing


def describe(figure, text: str) -> None:
    """Show a Matplotlib `figure` with `text` as its text alternative, for those who do not see it.

    `text` is a sentence or two that give the type of the figure, its trend and a number, such as "Bar chart of visitors
    by waiting time: most wait under 10 minutes, two over 20." The figure is shown where `describe` is called, and closed,
    so that it is not shown twice; `figure` itself can still be looked at and saved.

    Raises ValueError, saying what is missing, when `text` could not stand in for the figure.
    """
    import matplotlib.pyplot as plt
    from IPython.display import display

    missing = what_is_missing(text)
    if missing:
        raise ValueError(f"This text alternative lacks {'; '.join(missing)}.")
    text = " ".join(text.split())
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=96, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    picture = base64.b64encode(png.getvalue()).decode("ascii")
    # An <img> is the one form whose alternative text JupyterLab, nbconvert and Sphinx all show.
    image = f'<img alt="{html.escape(text)}" style="max-width: 100%" src="data:image/png;base64,{picture}">'
    display({"text/html": image, "text/plain": f"Figure: {text}"}, raw=True)
