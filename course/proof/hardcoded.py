"""The answer of somebody who knows the visible check and nothing else: it works nothing out.

A stand-in of that kind is made from the model answer: while the visible check runs, it writes down what goes in and what
comes out; afterwards it gives back what it has written down, and for anything else the first of it.
"""

import copy
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd


class HardCoded:
    """Takes the place of a `function`: works as it does and remembers, until `stop_thinking` is called."""

    def __init__(self, function):
        functools.update_wrapper(self, function)
        self._function = function
        self._known: list[tuple[tuple, Any]] = []

    def stop_thinking(self) -> None:
        self._function = None

    def __call__(self, *arguments, **named):
        asked = (arguments, named)
        if self._function is None:
            return _copy(next((given for known, given in self._known if same(known, asked)), self._first()))
        asked = _copy(asked)  # before the function can change them
        given = self._function(*arguments, **named)
        self._known.append((asked, _copy(given)))
        return given

    def _first(self):
        return self._known[0][1] if self._known else None


def _copy(value):
    try:
        return copy.deepcopy(value)
    except Exception:  # an open file, a lock, a chart: it is what it is
        return value


def same(one, other) -> bool:
    """Whether two values are of the same kind and hold the same, tables and missing values included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, pd.DataFrame | pd.Series):
        try:
            (pd.testing.assert_frame_equal if isinstance(one, pd.DataFrame) else pd.testing.assert_series_equal)(one, other)
        except AssertionError:
            return False
        return True
    if isinstance(one, pd.Index):
        return one.equals(other)
    if isinstance(one, np.ndarray):
        return one.shape == other.shape and all(map(same, one.ravel().tolist(), other.ravel().tolist()))
    if isinstance(one, Mapping):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) or (one != one and other != other)
