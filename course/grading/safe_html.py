"""Graded notebooks as HTML in which nothing of a trainee's can run: on formgrader's pages, and in feedback.

Formgrader's pages belong to the mentor's Jupyter server: a script in one could do there whatever the mentor can, outside any
sandbox. nbconvert can clean outputs; nbgrader's templates show a trainee's Markdown as it is all the same.
"""

import re
import secrets

import bleach
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

from course.grading.formulas import as_mathml

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
    if isinstance(element, Markup):  # by `markdown` below; nbconvert cleans Markdown among outputs once more
        return element
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
def markdown(context: Context, source: str) -> Markup:
    """Markdown as clean HTML, its formulas as MathML; in the place of nbconvert's filter markdown2html."""
    cell = context.get("cell") or {}
    renderer = _Renderer(escape=False, attachments=cell.get("attachments", {}), exclude_anchor_links=True)
    return Markup(renderer.with_formulas(clean(MarkdownWithMath(renderer=renderer).render(source or ""))))


class _Renderer(IPythonRenderer):
    """Keeps formulas aside: what cleans HTML would have to let through MathML of a trainee's making too."""

    def __init__(self, **options):
        super().__init__(**options)
        self._key, self._formulas = secrets.token_hex(16), []

    def with_formulas(self, page: str) -> str:
        """The rendered page with its formulas in their places."""
        place = re.compile(f'<samp class="{self._key}-([0-9]+)"></samp>')
        return place.sub(lambda found: as_mathml(*self._formulas[int(found[1])]), page)

    def inline_math(self, body: str) -> str:
        return self._keep(body, False)

    def block_math(self, body: str) -> str:
        return self._keep(body, True)

    def latex_environment(self, name: str, body: str) -> str:
        return self._keep(rf"\begin{{{name}}}{body}\end{{{name}}}", True)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        as_typed = re.sub(f"<samp class={self._key}-([0-9]+)></samp>", lambda found: self._formulas[int(found[1])][0], text)
        return super().image(as_typed, url, title)

    def _keep(self, tex: str, is_block: bool) -> str:
        self._formulas.append((tex, is_block))
        return f"<samp class={self._key}-{len(self._formulas) - 1}></samp>"


class PlainOutputs(Preprocessor):
    """Leaves of an output what a page can show: formulas as Markdown, and of its metadata a figure's size and alternative.

    nbconvert would leave formulas to MathJax, and writes metadata into a tag without quotes.
    """

    def preprocess_cell(self, cell: NotebookNode, resources: dict, index: int) -> tuple[NotebookNode, dict]:
        for output in cell.get("outputs", ()):
            if "text/latex" in output.get("data", {}):
                output.data.setdefault("text/markdown", output.data.pop("text/latex"))
            if "metadata" in output:
                output.metadata = {
                    kind: {
                        name: value for name, value in of_kind.items() if isinstance(value, FIGURE_METADATA.get(name, ()))
                    }
                    for kind, of_kind in output.metadata.items()
                    if isinstance(of_kind, dict) and kind.startswith("image/")
                }
        return cell, resources
