"""Which texts are UUIDs: 32 hexadecimal digits, or 36 characters with the four hyphens. Many at once."""

import numpy as np
import numpy.typing as npt

from shared.segment.columns.sorted_texts import SortedTexts

_HEX = np.zeros(256, np.bool_)
_HEX[np.frombuffer(b"0123456789abcdefABCDEF", np.uint8)] = True
_HYPHENS = [8, 13, 18, 23]
_DIGITS = [place for place in range(36) if place not in _HYPHENS]

AT_ONCE = 65_536
"""Texts looked at together: bounds the memory."""


def uuid_numbers(texts: SortedTexts) -> npt.NDArray[np.int64]:
    """Return the numbers of the texts that are UUIDs, ascending."""
    lengths = np.diff(texts.offsets)
    plain = _of(texts, np.flatnonzero(lengths == 32), 32, list(range(32)), [])
    hyphened = _of(texts, np.flatnonzero(lengths == 36), 36, _DIGITS, _HYPHENS)
    return np.sort(np.concatenate([plain, hyphened]))


def _of(
    texts: SortedTexts, numbers: npt.NDArray[np.int64], length: int, digits: list[int], hyphens: list[int]
) -> npt.NDArray[np.int64]:
    found = [np.empty(0, np.int64)]
    for first in range(0, len(numbers), AT_ONCE):
        some = numbers[first : first + AT_ONCE]
        letters = texts.blob[texts.offsets[some][:, None] + np.arange(length)]
        is_uuid = _HEX[letters[:, digits]].all(axis=1) & (letters[:, hyphens] == ord("-")).all(axis=1)
        found.append(some[is_uuid])
    return np.concatenate(found)
