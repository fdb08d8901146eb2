"""Colours as people see them: contrast, lightness, what the colour-blind can tell apart; and the colours of an artist."""

from collections.abc import Iterable

import numpy as np
from matplotlib.colors import to_hex, to_rgba

# What people see who lack the red or the green cones: matrices on linear RGB, for severity 1.
# Source: Machado, Oliveira & Fernandes (2009), A physiologically-based model for simulation of color vision deficiency,
# doi:10.1109/TVCG.2009.113.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
# The least distance of two colours in CIE Lab (1976) for a chart's key. One just sees a difference of 2.3 side by side
# (Mahy and others 1994); across a chart it takes several times that. 11 is this course's choice: the Analysis Function's
# first four colours keep it for everybody (11.3 at the least), and pure red and green (10.4) or five of its colours do not.
APART = 11.0
# Linear RGB to CIE XYZ, and its white (D65). Source: IEC 61966-2-1 (sRGB).
TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
WHITE = TO_XYZ.sum(axis=1)


def contrast(colour, background="white") -> float:
    """The contrast of two colours, from 1 (none) to 21 (black on white). Source: WCAG 2.2, contrast ratio.

    Graphics that carry a meaning need 3, text 4.5. Colours as Matplotlib takes them; ValueError for what is none.
    """
    low, high = sorted(float(_linear(each) @ (0.2126, 0.7152, 0.0722)) for each in (colour, background))
    return (high + 0.05) / (low + 0.05)


def can_be_told_apart(colours: Iterable, apart: float = APART) -> bool:
    """Whether each two of `colours` differ enough for normal sight, and as protanopes and deuteranopes see them.

    Red-green blindness as Machado and others (2009) simulate it; the distance in CIE Lab has to be `apart` (see APART for
    the reason of 11; side by side less will do). A colour given twice cannot be told apart from itself. True for one colour
    or none. ValueError for what is no colour.
    """
    rgb = [_linear(colour) for colour in colours]
    for matrix in SIGHT.values():
        seen = [_lab(matrix @ each) for each in rgb]
        if any(np.linalg.norm(a - b) < apart for at, a in enumerate(seen) for b in seen[:at]):
            return False
    return True


def lightness(colour) -> float:
    """How light a colour is, from 0 (black) to 100 (white): L* of CIE Lab. ValueError for what is no colour."""
    return float(_lab(_linear(colour))[0])


def background_of(ax) -> str:
    colour = np.ones(3)
    for layer in (ax.figure.get_facecolor(), ax.get_facecolor()):
        *rgb, alpha = to_rgba(layer)
        colour = alpha * np.array(rgb) + (1 - alpha) * colour
    return to_hex(colour)


def main_colour(fill: str | None, outline: str | None, background: str) -> str | None:
    """The colour by which a mark is known: that of its fill, but of its outline where it is hollow."""
    return outline if outline and fill in (None, background) else fill


def as_seen(ax, colour, alpha=None) -> str | None:
    """A colour as seen on the background, in hex; None where nothing is to be seen."""
    if colour is None or (isinstance(colour, str) and colour.lower() == "none"):
        return None
    *rgb, alpha = to_rgba(colour, alpha if np.isscalar(alpha) else None)
    return to_hex(alpha * np.array(rgb) + (1 - alpha) * np.array(to_rgba(background_of(ax))[:3])) if alpha > 0 else None


def face_colours(ax, drawn, count: int, colours, widths=None) -> list:
    """`count` colours of a collection, which repeats those that it has; None for those with a stroke of no width."""
    if not len(colours):
        return [None] * count
    seen = {tuple(colour): as_seen(ax, tuple(colour)) for colour in colours}
    widths = (
        np.resize(np.atleast_1d(drawn.get_linewidth() if widths is None else widths), count) if widths is not None else None
    )
    repeated = [seen[tuple(colours[at % len(colours)])] for at in range(count)]
    return [colour if widths is None or widths[at] > 0 else None for at, colour in enumerate(repeated)]


def patch_paint(ax, patch) -> tuple:
    """The fill and the outline of a patch, in hex, each None without."""
    fill = as_seen(ax, patch.get_facecolor()) if patch.get_fill() else None
    return fill, as_seen(ax, patch.get_edgecolor()) if patch.get_linewidth() > 0 else None


def _linear(colour) -> np.ndarray:
    """A colour's share of red, green and blue light. Source: IEC 61966-2-1 (sRGB)."""
    rgb = np.array(to_rgba(colour)[:3])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def _lab(light: np.ndarray) -> np.ndarray:
    """CIE Lab (1976) of linear RGB, white D65."""
    xyz = TO_XYZ @ np.clip(light, 0, 1) / WHITE
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])
