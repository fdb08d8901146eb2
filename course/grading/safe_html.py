"""Graded notebooks as HTML in which nothing of a trainee's can run: on formgrader's pages, and in feedback.

Formgrader's pages belong to the mentor's Jupyter server: a script in one could do there whatever the mentor can, outside any
sandbox. nbconvert can clean outputs; nbgrader's templates show a trainee's Markdown as it is all the same.
"""

import re

import bleach
from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

TAGS = frozenset(
    re.findall(
        r"\w+",
        "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 "
        "hr i img ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr u ul",
    )
)
ATTRIBUTES = {
    "*": {"class", "id", "title", "lang", "dir"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "details": {"open"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
# What these hold is for browsers and no text: pandas begins each table with a style.
NO_TEXT = re.compile(r"<(style|script)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
FIGURE_METADATA = {"width": (int, float), "height": (int, float), "alt": str}


def clean(element: str | bytes) -> str:
    """HTML without what could run; in the place of nbconvert's filter clean_html, which leaves no heading and no picture."""
    text = element.decode() if isinstance(element, bytes) else str(element)
    text = NO_TEXT.sub("", text)
    return bleach.clean(text, tags=TAGS, attributes=_may_have, protocols={"http", "https", "mailto", "data"}, strip=True)


def _may_have(tag: str, name: str, value: str) -> bool:
    if name not in ATTRIBUTES["*"] | ATTRIBUTES.get(tag, set()):
        return False
    if name == "src":  # a picture from elsewhere would tell its owner who reads the page, and when
        return re.match(r"data:image/(png|jpeg|gif);base64,", value) is not None
    return name != "href" or not value.strip().lower().startswith("data:")


@pass_context
def markdown(context: Context, source: str) -> str:
    """Markdown as clean HTML; in the place of nbconvert's filter markdown2html."""
    cell = context.get("cell") or {}
    renderer = IPythonRenderer(escape=False, attachments=cell.get("attachments", {}), exclude_anchor_links=True)
    return clean(MarkdownWithMath(renderer=renderer).render(source or ""))


class PlainMetadata(Preprocessor):
    """Leaves of an output's metadata a figure's size and alternative: nbconvert writes them into a tag without quotes."""

    def preprocess_cell(self, cell: NotebookNode, resources: dict, index: int) -> tuple[NotebookNode, dict]:
        for output in cell.get("outputs", ()):
            if "metadata" in output:
                output.metadata = {
                    kind: {
                        name: value for name, value in of_kind.items() if isinstance(value, FIGURE_METADATA.get(name, ()))
                    }
                    for kind, of_kind in output.metadata.items()
                    if isinstance(of_kind, dict) and kind.startswith("image/")
                }
        return cell, resources
