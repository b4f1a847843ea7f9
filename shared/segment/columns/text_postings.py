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
from shared.segment.kernels.table import address

GAP = -1

FEW = 16
"""Units so many times fewer than those of another term are looked up among them; more are compared as bit words."""

SPARSE = 8
"""Where an 8th of the units or fewer hold all terms, their texts are looked at; else the places of the rarest term."""

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
        candidates = bits.count(words)
        if len(terms) == 1 or not candidates:
            return words
        rarest = min(range(len(terms)), key=lambda place: len(self._units_of(terms[place])))
        places = _places_of(order, words) if candidates * SPARSE < self._unit_count else None
        firsts = _phrase_places(order.sequence, terms, rarest, places)
        found = bits.empty(self._unit_count)
        mark(order.units[np.searchsorted(order.ends, firsts, side="right")], found)
        return found


def mark(units: Numbers, words: Words) -> None:
    """Set the bits of some units."""
    mark_rows(address(units), 0, len(units), address(words))


def _phrase_places(sequence: Numbers, terms: Sequence[int], rarest: int, places: Places | None) -> Places:
    """Return the places, of some or of all of the sequence, where a phrase begins; `rarest` is a place in `terms`."""
    if places is None:
        firsts = np.flatnonzero(sequence == terms[rarest]) - rarest
    else:
        firsts = places[sequence[places] == terms[rarest]] - rarest
    firsts = firsts[(firsts >= 0) & (firsts + len(terms) <= len(sequence))]
    for place, term in enumerate(terms):
        if place != rarest:
            firsts = firsts[sequence[firsts + place] == term]
    return firsts


def _places_of(order: TextOrder, words: Words) -> Places:
    """Return the places in the sequence of all texts of some units."""
    wanted = bits.to_rows(words).astype(np.int32)
    bounds = np.concatenate([np.zeros(1, np.int64), order.ends])
    firsts = bounds[np.searchsorted(order.units, wanted)]
    lasts = bounds[np.searchsorted(order.units, wanted, side="right")]
    lengths = lasts - firsts
    sums = np.cumsum(lengths)
    return np.repeat(firsts - sums + lengths, lengths) + np.arange(sums[-1])


def _is_within(units: Numbers, wanted: Numbers) -> npt.NDArray[np.bool_]:
    """Return for each wanted unit whether it is among ascending ones, at least one of them."""
    places = np.searchsorted(units, wanted)
    places[places == len(units)] = 0
    found: npt.NDArray[np.bool_] = units[places] == wanted
    return found
