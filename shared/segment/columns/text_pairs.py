"""Pairs of a unit and a term as they come, so kept that the units of a term are found without a look at all pairs.

Pairs come in the order of their units. Whenever BLOCK_PAIRS have come they are sorted by term into a block of their
own, a few milliseconds each; the rest is scanned. Merging blocks is left to the column that a sealed segment makes.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.segment.columns.growable import Growable
from shared.segment.columns.text_postings import Numbers

BLOCK_PAIRS = 2**16

LOWER_HALF = 0xFFFFFFFF

Keys = npt.NDArray[np.int64]


def keys_of(upper: Numbers, lower: Numbers) -> Keys:
    """Return one number for each pair: sorted, they are in the order of the first, then of the second."""
    return (upper.astype(np.int64) << 32) | lower


def distinct(keys: Keys) -> Keys:
    """Return keys ascending, each once. Sorts the array that it is given."""
    keys.sort()
    fresh = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=fresh[1:])
    return keys[fresh]


class _Block(NamedTuple):
    """Pairs by term: units[starts[i]:starts[i + 1]] hold terms[i], ascending."""

    terms: Numbers
    starts: npt.NDArray[np.int64]
    units: Numbers


class TextPairs:
    """Grows by `add`."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._units, self._terms = Growable(np.int32), Growable(np.int32)

    def add(self, units: Numbers, terms: Numbers) -> None:
        """Add pairs, of units that are in no earlier call; pairs may repeat."""
        keys = distinct(keys_of(units, terms))
        self._units.append(keys >> 32)
        self._terms.append(keys & LOWER_HALF)
        if self._units.count >= BLOCK_PAIRS:
            self._blocks.append(_block_of(self._units.view(), self._terms.view()))
            self._units, self._terms = Growable(np.int32), Growable(np.int32)

    def units_of(self, term: int) -> Numbers:
        """Return the units that hold a term, ascending."""
        parts = [_units_in(block, term) for block in self._blocks]
        parts.append(self._units.view()[self._terms.view() == term])
        return np.concatenate(parts)

    def all_units(self) -> Numbers:
        """Return the units of all pairs, in any order."""
        return np.concatenate([*(block.units for block in self._blocks), self._units.view()])

    def all_terms(self) -> Numbers:
        """Return the terms of all pairs, in the order of `all_units`."""
        named = (np.repeat(block.terms, np.diff(block.starts)) for block in self._blocks)
        return np.concatenate([*named, self._terms.view()])

    @property
    def nbytes(self) -> int:
        return self._units.nbytes + self._terms.nbytes + sum(array.nbytes for block in self._blocks for array in block)


def _block_of(units: Numbers, terms: Numbers) -> _Block:
    keys = keys_of(terms, units)
    keys.sort()
    ordered = (keys >> 32).astype(np.int32)
    firsts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    return _Block(ordered[firsts], np.append(firsts, len(ordered)), (keys & LOWER_HALF).astype(np.int32))


def _units_in(block: _Block, term: int) -> Numbers:
    place = int(np.searchsorted(block.terms, np.int32(term)))
    if place == len(block.terms) or block.terms[place] != term:
        return block.units[:0]
    return block.units[block.starts[place] : block.starts[place + 1]]
