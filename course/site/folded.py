"""Code that is folded away: what unfolds it is called by the words on it, for everybody.

myst-nb gives all of them one name of its own for a screen reader, whatever the words on them are.
"""

from html import escape

from docutils.nodes import Element
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxTranslator


def setup(app: Sphinx) -> None:
    app.add_node(HideCodeCellNode, override=True, html=(_open, _close))


def _open(translator: SphinxTranslator, node: Element) -> None:
    translator.body.append(f'<details class="folded"><summary>{escape(node["prompt_show"])}</summary>\n')


def _close(translator: SphinxTranslator, node: Element) -> None:
    translator.body.append("</details>\n")
