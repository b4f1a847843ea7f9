"""Rows whose payloads changed alike: bit words and one patch in the place of an entry for each row.

The layers of a segment are disjoint: a row is in one of them or in none. A further patch splits the layers that it
meets, and what it meets gets both patches as one. So an operation that comes again and again over the same rows leaves
one layer, and reading a payload applies one patch.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from shared.segment import bits
from shared.segment.bits import Rows, Words
from shared.segment.patches import PayloadPatch


class PatchedRows:
    """One layer; it never changes.

    words     the rows; may be shorter than those of the segment, and then later rows are not in it
    version   of the last operation that changed these payloads
    count     how many rows
    """

    __slots__ = ("_each_word", "count", "patch", "version", "words")

    def __init__(self, words: Words, patch: PayloadPatch, version: int) -> None:
        self.words = words
        self.patch = patch
        self.version = version
        self.count = bits.count(words)
        self._each_word = memoryview(words.data)

    def has(self, row: int) -> bool:
        """Return whether a row is in it."""
        place = row >> 6
        return place < len(self._each_word) and bool(self._each_word[place] >> (row & 63) & 1)

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
        return PatchedRows(words, self.patch, self.version)

    def within(self, words: Words) -> "PatchedRows":
        """Return the rows that are among others too."""
        return PatchedRows(self.words & fitted(words, len(self.words)), self.patch, self.version)


Layers = tuple[PatchedRows, ...]


def patched(layers: Iterable[PatchedRows], words: Words, patch: PayloadPatch, version: int) -> Layers:
    """Return disjoint layers after one more patch over the rows in `words`. Words that were handed out stay.

    An operation may come in parts: the same patch at the same version leaves one layer.
    """
    kept: list[PatchedRows] = []
    changed: dict[PayloadPatch, Words] = {patch: words}
    for layer in layers:
        own = fitted(layer.words, len(words))
        if layer.version == version and layer.patch == patch:
            changed[patch] = changed[patch] | own
            continue
        met = own & words
        if not met.any():
            kept.append(layer)
            continue
        stays = own & ~words
        if stays.any():
            kept.append(PatchedRows(stays, layer.patch, layer.version))
        both = layer.patch.then(patch)
        changed[patch] = changed[patch] & ~met
        changed[both] = changed[both] | met if both in changed else met
    return (*kept, *(PatchedRows(rows, one, version) for one, rows in changed.items() if rows.any()))


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
    return tuple(PatchedRows(rows, patch, version) for (patch, version), rows in words.items() if rows.any())


def fitted(words: Words, size: int) -> Words:
    """Return words of another length: zeros at the end, or cut off."""
    if len(words) == size:
        return words
    fit = np.zeros(size, np.uint64)
    kept = min(size, len(words))
    fit[:kept] = words[:kept]
    return fit
