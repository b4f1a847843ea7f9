"""The distinct texts of a final column: all UTF-8 bytes in one piece, in the texts' order, and their offsets.

No Python object per text. Numbers have the order of the texts' bytes, so texts that begin alike are neighbours.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt

from shared.segment.columns.field_arrays import memory_of
from shared.segment.kernels.columns import BEYOND, EQUAL, FROM, find_text, sort_texts
from shared.segment.kernels.table import address

Numbers = npt.NDArray[np.int32]


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
    def of(cls, texts: Sequence[str]) -> tuple[Self, Numbers]:
        """Return distinct texts sorted, and for each place of `texts` its number."""
        raw = [text.encode("utf-8", "surrogatepass") for text in texts]
        lengths = np.fromiter(map(len, raw), np.int64, len(raw))
        order = _order_of(np.frombuffer(b"".join(raw), np.uint8), _ends(lengths))
        blob = np.frombuffer(b"".join(map(raw.__getitem__, order.tolist())), np.uint8)
        numbers = np.empty(len(raw), np.int32)
        numbers[order] = np.arange(len(raw), dtype=np.int32)
        return cls(blob, _ends(lengths[order])), numbers

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
        starts, ends = self.offsets[numbers].tolist(), self.offsets[numbers + 1].tolist()
        found = map(bytes, map(self._bytes.__getitem__, map(slice, starts, ends)))
        return [text.decode("utf-8", "surrogatepass") for text in found]

    @property
    def nbytes(self) -> int:
        return memory_of(self.blob, self.offsets)

    def _find(self, text: str, wanted: int) -> int:
        raw = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
        return find_text(self._blob_at, self._offsets_at, len(self), address(raw), len(raw), wanted)


def _ends(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _order_of(blob: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> Numbers:
    order, spare = np.empty(len(offsets) - 1, np.int32), np.empty(len(offsets) - 1, np.int32)
    sort_texts(address(blob), address(offsets), len(order), address(order), address(spare))
    return order
