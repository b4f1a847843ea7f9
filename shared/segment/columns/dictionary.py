"""The distinct texts of a column, numbered in the order in which they came.

While it grows it is a Python dict. `freeze` turns it into arrays, so that a sealed segment holds no Python object per
text: all UTF-8 bytes in one piece, their offsets, and the texts' xxh3 hashes in sorted order beside their numbers. A
look-up finds the hash and compares the bytes, so equal hashes do no harm.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_intdigest

OBJECT_BYTES = 120
"""What one entry of the growing dict costs beside its text, about."""


class _Numbers(dict[str, int]):
    """Gives a new text the next number."""

    text_bytes = 0

    def __missing__(self, text: str) -> int:
        number = self[text] = len(self)
        self.text_bytes += len(text)
        return number


class Dictionary:
    """Texts to numbers and back."""

    def __init__(self) -> None:
        self._numbers: _Numbers | None = _Numbers()
        self._blob = b""
        self._offsets = np.zeros(1, np.int64)
        self._hashes = np.empty(0, np.uint64)
        self._order = np.empty(0, np.int32)

    def __len__(self) -> int:
        return len(self._order) if self._numbers is None else len(self._numbers)

    def add(self, texts: Iterable[str]) -> list[int]:
        """Return the numbers of the texts, new ones included. Only before `freeze`."""
        assert self._numbers is not None, "a frozen dictionary takes no texts"
        return list(map(self._numbers.__getitem__, texts))

    def number_of(self, text: str) -> int:
        """Return the text's number, or -1."""
        if self._numbers is not None:
            return self._numbers.get(text, -1)
        raw = _encoded(text)
        digest = np.uint64(xxh3_64_intdigest(raw))
        place = int(np.searchsorted(self._hashes, digest))
        while place < len(self._hashes) and self._hashes[place] == digest:
            number = int(self._order[place])
            if self._blob[self._offsets[number] : self._offsets[number + 1]] == raw:
                return number
            place += 1
        return -1

    def numbers_of(self, texts: Iterable[str]) -> list[int]:
        """Return the numbers of those texts that the dictionary holds."""
        return [number for number in map(self.number_of, texts) if number >= 0]

    def texts(self, numbers: npt.NDArray[np.int32]) -> list[str]:
        """Return the texts behind numbers."""
        if self._numbers is not None:
            every = list(self._numbers)
            return [every[number] for number in numbers.tolist()]
        return [
            self._blob[self._offsets[number] : self._offsets[number + 1]].decode("utf-8", "surrogatepass")
            for number in numbers.tolist()
        ]

    def freeze(self) -> None:
        """Turn into arrays; takes no more texts."""
        if self._numbers is None:
            return
        raw = [_encoded(text) for text in self._numbers]
        hashes = np.fromiter(map(xxh3_64_intdigest, raw), np.uint64, len(raw))
        self._order = np.argsort(hashes, kind="stable").astype(np.int32)
        self._hashes = hashes[self._order]
        self._offsets = np.zeros(len(raw) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, raw), np.int64, len(raw)), out=self._offsets[1:])
        self._blob = b"".join(raw)
        self._numbers = None

    @property
    def nbytes(self) -> int:
        if self._numbers is not None:
            return self._numbers.text_bytes + OBJECT_BYTES * len(self._numbers)
        return len(self._blob) + int(self._offsets.nbytes + self._hashes.nbytes + self._order.nbytes)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
