"""Rows whose payloads changed alike: bit words and one patch in the place of an entry for each row.

The layers of a segment are disjoint: a row is in one of them or in none. A further patch splits the layers that it
meets, and what it meets gets both patches as one. So an operation that comes again and again over the same rows leaves
one layer, and reading a payload applies one patch.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shared.segment import bits
from shared.segment.bits import Rows, Words
from shared.segment.patches import PayloadPatch


@dataclass(frozen=True, slots=True)
class PatchedRows:
    """One layer.

    words     the rows; may be shorter than those of the segment, and then later rows are not in it
    version   of the last operation that changed these payloads
    count     how many rows
    """

    words: Words
    patch: PayloadPatch
    version: int
    count: int

    def has(self, row: int) -> bool:
        """Return whether a row is in it."""
        return row >> 6 < len(self.words) and bits.passes(self.words, row)

    def among(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return which of the rows are in it."""
        within = rows >> 6 < len(self.words)
        if within.all():
            return bits.test(self.words, rows)
        found = np.zeros(len(rows), np.bool_)
        found[within] = bits.test(self.words, rows[within])
        return found

    def without(self, rows: Rows) -> "PatchedRows":
        """Return the layer without some rows; itself when none of them is in it."""
        gone = rows[self.among(rows)]
        if not len(gone):
            return self
        words = self.words.copy()
        bits.clear_rows(words, gone)
        return replace(self, words=words, count=bits.count(words))

    def within(self, words: Words) -> "PatchedRows":
        """Return the rows that are among others too."""
        kept = self.words & fitted(words, len(self.words))
        return replace(self, words=kept, count=bits.count(kept))


Layers = tuple[PatchedRows, ...]


def layer_of(words: Words, patch: PayloadPatch, version: int) -> PatchedRows:
    """Return a layer of these rows."""
    return PatchedRows(words, patch, version, bits.count(words))


def patched(layers: Iterable[PatchedRows], words: Words, patch: PayloadPatch, version: int) -> Layers:
    """Return disjoint layers after one more patch over the rows in `words`. Words that were handed out stay."""
    kept: list[PatchedRows] = []
    changed: dict[PayloadPatch, Words] = {}
    rest = words
    for layer in layers:
        own = fitted(layer.words, len(words))
        met = own & words
        if not met.any():
            kept.append(layer)
            continue
        rest = rest & ~own
        stays = own & ~words
        if stays.any():
            kept.append(layer_of(stays, layer.patch, layer.version))
        both = layer.patch.then(patch)
        changed[both] = changed[both] | met if both in changed else met
    if rest.any():
        changed[patch] = changed[patch] | rest if patch in changed else rest
    return (*kept, *(layer_of(rows, one, version) for one, rows in changed.items()))


def without_rows(layers: Layers, rows: Rows) -> Layers:
    """Return the layers without some rows, those without any row left out."""
    return tuple(layer for layer in (one.without(rows) for one in layers) if layer.count)


def united(layers: Sequence[PatchedRows], count: int) -> Layers:
    """Return disjoint layers over `count` rows, those of one patch and version as one."""
    size = bits.word_count(count)
    words: dict[tuple[PayloadPatch, int], Words] = {}
    for layer in layers:
        name, own = (layer.patch, layer.version), fitted(layer.words, size)
        words[name] = words[name] | own if name in words else own
    return tuple(layer_of(rows, patch, version) for (patch, version), rows in words.items() if rows.any())


def fitted(words: Words, size: int) -> Words:
    """Return words of another length: zeros at the end, or cut off."""
    if len(words) == size:
        return words
    fit = np.zeros(size, np.uint64)
    kept = min(size, len(words))
    fit[:kept] = words[:kept]
    return fit
