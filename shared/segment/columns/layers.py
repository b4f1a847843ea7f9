"""Answers of columns over rows' own payloads, over edits and over what layers put, as one answer.

Layers come between edits: those before `seen.before` are under them, the others over them. What a layer puts is alike
for all of its rows, so a question is put to it once: the patches' payloads are rows of a small column of their own.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.segment import bits
from shared.segment.bits import Rows, Words
from shared.segment.columns.edits import EditsSeen
from shared.segment.kernels.columns import override_bits
from shared.segment.kernels.table import address
from shared.segment.patched_rows import fitted


class Parts(NamedTuple):
    """Disjoint parts of the rows of a segment: by whose values count at one key.

    own      rows whose own payloads count
    edits    int64, numbers of the edits that count: each row's latest, unless a layer is over it
    layered  (number of the layer, its rows that no later edit is over)
    """

    own: Words
    edits: npt.NDArray[np.int64]
    layered: list[tuple[int, Words]]


def touching(seen: EditsSeen, key: str) -> list[int]:
    """Return the numbers of the layers that say what is at a top-level key."""
    return [number for number, layer in enumerate(seen.layers) if layer.patch.touches(key)]


def layer_texts(seen: EditsSeen) -> list[bytes]:
    """Return what the layers put, as payloads: for the column over them."""
    return [layer.patch.payload for layer in seen.layers]


def parts_of(seen: EditsSeen, key: str, count: int) -> Parts:
    """Return whose values count at a top-level key, for `count` rows. Cost: O(count / 64 + edits), or O(count)."""
    rows, numbers = _latest(seen.rows, count)
    over = _words_of(rows[numbers >= seen.before], count)
    layered = []
    covered = bits.empty(count)
    for number in touching(seen, key):
        words = fitted(seen.layers[number].words, len(covered)) & ~over
        layered.append((number, words))
        covered |= words
    own = bits.full(count) & ~covered & ~_words_of(rows, count)
    return Parts(own, numbers[~bits.test(covered, rows)] if layered else numbers, layered)


def overridden(
    own: Words, seen: EditsSeen, edited: Words | None, layered: list[tuple[int, bool]] | None = None
) -> Words:
    """Return the words of a condition: what edits and layers say counts before what rows' own payloads say.

    own      by the rows' own payloads
    edited   by edit, None where there are none
    layered  the layers that touch the key, and whether what they put satisfies the condition
    """
    marks = None if edited is None else bits.to_bool(edited, len(seen.rows))
    words = own
    if marks is not None and seen.before:
        words = _marked(words, seen.rows[: seen.before], marks[: seen.before])
    for number, passes in layered or ():
        rows = fitted(seen.layers[number].words, len(words))
        words = words | rows if passes else words & ~rows
    if marks is not None and seen.before < len(seen.rows):
        words = _marked(words, seen.rows[seen.before :], marks[seen.before :])
    return words


def _marked(words: Words, rows: Rows, marks: npt.NDArray[np.bool_]) -> Words:
    """Return words in which the last mark of a row decides."""
    result, rows, marks = words.copy(), np.ascontiguousarray(rows), np.ascontiguousarray(marks)
    override_bits(address(result), address(rows), len(rows), address(marks))
    return result


def _latest(rows: Rows, count: int) -> tuple[Rows, npt.NDArray[np.int64]]:
    """Return the rows that were edited, ascending, and the number of the last edit of each."""
    if len(rows) * FEW_SHARE > count:
        latest = np.full(count, -1, np.int64)
        latest[rows] = np.arange(len(rows))
        edited: Rows = np.flatnonzero(latest >= 0)
        return edited, latest[edited]
    edited, places = np.unique(rows[::-1], return_index=True)
    return edited, len(rows) - 1 - places


def _words_of(rows: Rows, count: int) -> Words:
    if len(rows) * FEW_SHARE > count:
        return bits.from_rows(rows, count)
    words = bits.empty(count)
    bits.set_rows(words, rows)
    return words


FEW_SHARE = 16
"""Where edits are fewer than one in so many rows, it is quicker to look at each than at all rows."""
