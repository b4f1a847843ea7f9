"""The distinct texts of a final column: all UTF-8 bytes in one piece, in the texts' order, and their offsets.

No Python object per text. Numbers have the order of the texts' bytes, so texts that begin alike are neighbours.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Self

import numpy as np
import numpy.typing as npt

from shared.segment.columns.field_arrays import memory_of
from shared.segment.kernels.columns import BEYOND, EQUAL, FROM, copy_texts, find_text, sort_texts
from shared.segment.kernels.table import address

Numbers = npt.NDArray[np.int32]

MANY = 1000
"""More texts than so many, where they are most of all, are cut out of one text: no object of bytes for each."""

ENCODED_AT_ONCE = 16_384
"""Texts that are encoded without letting go of the interpreter: about a millisecond."""


class SortedTexts:
    """Distinct texts in the order of their bytes; number n is blob[offsets[n]:offsets[n + 1]].

    blob      uint8, may be mapped from a file;  offsets  int64 (n + 1,)
    """

    def __init__(self, blob: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> None:
        self.blob = blob
        self.offsets = offsets
        self._blob_at, self._offsets_at = address(blob), address(offsets)
        self._bytes = memoryview(blob.data) if len(blob) else memoryview(b"")

    @classmethod
    def of(cls, texts: Iterable[str]) -> tuple[Self, Numbers]:
        """Return distinct texts sorted, and for each of them in the order given its number."""
        given, offsets = _encoded(texts)
        order, spare = np.empty(len(offsets) - 1, np.int32), np.empty(len(offsets) - 1, np.int32)
        sort_texts(address(given), address(offsets), len(order), address(order), address(spare))
        blob, ends = np.empty_like(given), np.empty_like(offsets)
        copy_texts(address(given), address(offsets), address(order), len(order), address(blob), address(ends))
        numbers = np.empty_like(order)
        numbers[order] = np.arange(len(order), dtype=np.int32)
        return cls(blob, ends), numbers

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def number_of(self, text: str) -> int:
        """Return a text's number, or -1."""
        return self._find(text, EQUAL)

    def with_prefix(self, prefix: str) -> range:
        """Return the numbers of the texts that begin with a prefix."""
        return range(self._find(prefix, FROM), self._find(prefix, BEYOND))

    def texts(self, numbers: npt.NDArray[np.integer]) -> list[str]:
        """Return the texts behind numbers."""
        if len(numbers) > MANY and len(numbers) * 4 > len(self):
            whole = self.blob.tobytes()
            if whole.isascii():
                letters, starts, ends = (
                    whole.decode(),
                    self.offsets[numbers].tolist(),
                    self.offsets[numbers + 1].tolist(),
                )
                return list(map(letters.__getitem__, map(slice, starts, ends)))
        starts, ends = self.offsets[numbers].tolist(), self.offsets[numbers + 1].tolist()
        found = map(bytes, map(self._bytes.__getitem__, map(slice, starts, ends)))
        return [text.decode("utf-8", "surrogatepass") for text in found]

    @property
    def nbytes(self) -> int:
        return memory_of(self.blob, self.offsets)

    def _find(self, text: str, wanted: int) -> int:
        raw = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
        return find_text(self._blob_at, self._offsets_at, len(self), address(raw), len(raw), wanted)


def _encoded(texts: Iterable[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return the UTF-8 bytes of texts end to end, and their offsets."""
    pieces, lengths = [np.empty(0, np.uint8)], [np.zeros(1, np.int64)]
    coming = iter(texts)
    while raw := [text.encode("utf-8", "surrogatepass") for text in islice(coming, ENCODED_AT_ONCE)]:
        pieces.append(np.frombuffer(b"".join(raw), np.uint8))
        lengths.append(np.fromiter(map(len, raw), np.int64, len(raw)))
    return np.concatenate(pieces), np.cumsum(np.concatenate(lengths))
