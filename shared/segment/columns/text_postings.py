"""Which units hold terms: all of some, any of some, or a phrase.

A unit is what a condition looks at as one: all texts of a row, or each text by itself. The terms of all texts stand in
one sequence where phrases are asked for, a GAP after each text, so that no phrase goes over an end.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.segment import bits
from shared.segment.bits import Words
from shared.segment.kernels.columns import mark_rows
from shared.segment.kernels.phrases import keep_phrases
from shared.segment.kernels.table import address

GAP = -1

FEW = 16
"""Units so many times fewer than those of another term are looked up among them; more are compared as bit words."""

Numbers = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]


class TextOrder(NamedTuple):
    """The terms of all texts in order.

    sequence  int32: terms, GAP after each text
    ends      int64 (texts,): where each text ends in the sequence, its gap included
    units     int32 (texts,): the unit of each text, ascending
    """

    sequence: Numbers
    ends: Places
    units: Numbers


class TextPostings:
    """Answers of one column: `units_of` gives the units that hold a term, int32 ascending."""

    def __init__(self, unit_count: int, units_of: Callable[[int], Numbers], order: TextOrder | None) -> None:
        self._unit_count = unit_count
        self._units_of = units_of
        self._order = order

    def with_any(self, terms: Sequence[int]) -> Words:
        """Return the units that hold one of some terms."""
        words = bits.empty(self._unit_count)
        for term in set(terms):
            mark(self._units_of(term), words)
        return words

    def with_all(self, terms: Sequence[int]) -> Words:
        """Return the units that hold all of some terms; one at least is given."""
        units, *others = sorted(map(self._units_of, set(terms)), key=len)
        while others and len(units) * FEW < len(others[0]):
            units = units[_is_within(others.pop(0), units)]
        words = bits.empty(self._unit_count)
        mark(units, words)
        for other in others:
            held = bits.empty(self._unit_count)
            mark(other, held)
            words &= held
        return words

    def with_phrase(self, terms: Sequence[int]) -> Words:
        """Return the units with a text that holds terms side by side, in order; one is given at least."""
        order = self._order
        assert order is not None, "a column without phrases is asked for none"
        words = self.with_all(terms)
        if len(terms) > 1:
            phrase = np.asarray(terms, np.int32)
            texts = address(order.sequence), address(order.ends), address(order.units), len(order.units)
            keep_phrases(*texts, address(phrase), len(phrase), address(words), len(words))
        return words


def mark(units: Numbers, words: Words) -> None:
    """Set the bits of some units."""
    mark_rows(address(units), 0, len(units), address(words))


def _is_within(units: Numbers, wanted: Numbers) -> npt.NDArray[np.bool_]:
    """Return for each wanted unit whether it is among ascending ones, at least one of them."""
    places = np.searchsorted(units, wanted)
    places[places == len(units)] = 0
    found: npt.NDArray[np.bool_] = units[places] == wanted
    return found
