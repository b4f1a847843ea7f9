"""Memory that a running kernel needs: leased from a bounded pool, never shared by two kernels at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.segment.kernels.table import AT, INDEX_PART, SIZE, address

POOLED_MAX = 32
"""Scratches kept for later; more kernels at once get their own, freed afterwards."""

LINE = 64

_PENDING = 4096
_EPOCHS = 255


class Scratch:
    """Buffers that grow to the largest search seen, and the table that points at them."""

    def __init__(self) -> None:
        self.table = np.zeros(SIZE, dtype=np.int64)
        self._arrays: dict[int, npt.NDArray[np.generic]] = {}
        self._epoch = 0
        self.rows: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.scores: npt.NDArray[np.float32] = np.empty(0, dtype=np.float32)
        self.query: npt.NDArray[np.float32] = np.empty(0, dtype=np.float32)
        self._lookups = self._planes = 0
        self._dim = self._limit = self._candidates = self._beam = self._count = 0
        self._hold(AT.pending, np.empty(_PENDING, dtype=np.int32))
        self._hold(AT.pending_keys, np.empty(_PENDING, dtype=np.int64))
        self._hold(AT.estimates, np.empty(64, dtype=np.float32))
        self._hold(AT.query_terms, np.empty(8, dtype=np.float32))

    def _hold(self, field: int, array: npt.NDArray[np.generic]) -> None:
        self._arrays[field] = array
        self.table[field] = address(array)

    def fit_dim(self, dim: int) -> None:
        """Make room for queries of `dim` floats."""
        if dim <= self._dim:
            return
        padded = (dim + 63) // 64 * 64
        self._dim = padded
        self.query = np.zeros(padded, dtype=np.float32)
        self._hold(AT.query, self.query)
        self._hold(AT.query_bytes, np.zeros(padded, dtype=np.int8))
        self._hold(AT.other_bytes, np.zeros(padded, dtype=np.int8))
        self._hold(AT.lanes, np.zeros((padded, 16), dtype=np.float32))
        self._hold(AT.planes, np.zeros((padded // 64, 4), dtype=np.uint64))

    def fit_limit(self, limit: int) -> None:
        """Make room for `limit` hits."""
        if limit <= self._limit:
            return
        self._limit = _rounded(limit)
        self.rows = np.empty(self._limit, dtype=np.int64)
        self.scores = np.empty(self._limit, dtype=np.float32)
        self._hold(AT.out_rows, self.rows)
        self._hold(AT.out_scores, self.scores)
        self._hold(AT.best, np.empty(self._limit, dtype=np.int64))

    def fit_candidates(self, candidates: int) -> None:
        """Make room for `candidates` rows to be scored exactly."""
        if candidates <= self._candidates:
            return
        self._candidates = _rounded(candidates)
        self._hold(AT.heap, np.empty(self._candidates, dtype=np.int64))
        self._hold(AT.exact, np.empty(self._candidates, dtype=np.float32))

    def fit_parts(self, parts: int) -> None:
        """Make room for a query beside product codes of `parts` bytes."""
        if parts > self._lookups:
            self._lookups = parts
            self._hold(AT.lookups, np.empty((parts, 256), dtype=np.uint16))
            self._hold(AT.part_lows, np.empty(parts, dtype=np.float32))

    def fit_planes(self, padded: int, query_bits: int) -> None:
        """Make room for a query beside binary codes of `padded` dims."""
        words = -(-padded // 512) * 8 * query_bits
        if words > self._planes:
            self._planes = words
            self._hold(AT.query_planes, np.zeros(words, dtype=np.uint64))

    def fit_walk(self, beam: int, count: int) -> None:
        """Make room for a beam and for marks on `count` rows."""
        if beam > self._beam:
            self._beam = _rounded(beam)
            self._hold(AT.beam, np.empty(self._beam, dtype=np.int64))
        if count > self._count:
            self._count = count + count // 4
            self._hold(AT.visited, np.zeros(self._count, dtype=np.uint8))
            self._epoch = 0

    def next_epoch(self) -> int:
        """Return a mark in 1..255 that no row carries; marks are cleared when they have all been used."""
        self._epoch += 1
        if self._epoch > _EPOCHS:
            self._arrays[AT.visited][:] = 0
            self._epoch = 1
        return self._epoch


def aligned(shape: tuple[int, ...], kind: type[np.generic]) -> npt.NDArray[Any]:
    """Return an uninitialised array that begins at a cache line: a row of 64 k bytes then takes k lines, not k + 1."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    raw = np.empty(size + LINE, dtype=np.uint8)
    start = -address(raw) % LINE
    return raw[start : start + size].view(kind).reshape(shape)


def _rounded(size: int) -> int:
    return max(64, 1 << (size - 1).bit_length())


class ScratchPool:
    """A bounded stack of scratches. Safe under threads: list operations are atomic."""

    def __init__(self) -> None:
        self._free: list[Scratch] = []

    def take(self) -> Scratch:
        """Return a scratch that nobody else uses until it is given back."""
        try:
            return self._free.pop()
        except IndexError:
            return Scratch()

    def give(self, scratch: Scratch) -> None:
        """Take a scratch back."""
        if len(self._free) < POOLED_MAX:
            self._free.append(scratch)

    @contextmanager
    def lease(self) -> Iterator[Scratch]:
        """Lease a scratch for a block."""
        scratch = self.take()
        try:
            yield scratch
        finally:
            self.give(scratch)


POOL = ScratchPool()
"""The process's pool: scratches fit any index."""

__all__ = ["INDEX_PART", "POOL", "POOLED_MAX", "Scratch", "ScratchPool"]
