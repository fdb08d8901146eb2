"""Formulas as MathML, which browsers show by themselves: a page needs no script for it, and nothing from elsewhere."""

import html
import re
from xml.etree import ElementTree

from latex2mathml.converter import convert_to_element

LONGEST = 2000  # letters and signs of a formula that somebody typed
# What MathML may say on how a formula looks; TeX has commands for links, styles and classes as well.
ATTRIBUTES = frozenset(
    re.findall(
        r"\w+",
        "xmlns display displaystyle scriptlevel mathvariant stretchy symmetric fence form accent accentunder movablelimits "
        "largeop linethickness minsize maxsize width height depth lspace rspace columnalign columnspacing rowspacing",
    )
)


def as_mathml(tex: str, is_block: bool = False) -> str:
    """A formula in TeX as MathML, on a line of its own if it `is_block`; its source where it is not understood."""
    if len(tex) <= LONGEST:
        try:
            return _mathml(tex, "block" if is_block else "inline")
        except Exception:  # whatever a formula that is none can raise
            pass
    return f"<code>{html.escape(tex)}</code>"


def _mathml(tex: str, display: str) -> str:
    # aligned is what split is, in any place; the converter knows split alone.
    formula = convert_to_element(tex.replace("{aligned}", "{split}"), display=display)
    for element in formula.iter():
        element.text = html.unescape(element.text or "")  # the converter's text has HTML's entities, and Python's escapes it
        if element.text == "&":
            raise ValueError("columns where there are none")
        for name in element.attrib.keys() - ATTRIBUTES:
            del element.attrib[name]
    return ElementTree.tostring(formula, encoding="unicode", short_empty_elements=False)
