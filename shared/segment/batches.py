"""One slot's vectors for a batch of n rows, in one shape for each kind of slot.

A row that lacks the slot has zeros in a dense batch, and nothing in the others. A row may also carry nothing: an empty
sparse vector. So `present` says which rows carry the slot: bool (n,), None when all do.
No index and no kernel is imported here: the api packs vectors with it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from shared.schema.slots import SlotKind
from shared.segment.elements import Stored, dtype_of
from shared.segment.layout import SlotLayout

Present = NDArray[np.bool_] | None
Offsets = NDArray[np.int64]
Places = NDArray[np.int64]
Arrays = dict[str, NDArray[Any]]


class SlotBatch(NamedTuple):
    """Dense: one row of `vectors` (n, dim), of the slot's own type, for each row."""

    vectors: Stored
    present: Present

    @property
    def row_count(self) -> int:
        """Rows."""
        return len(self.vectors)

    def arrays(self) -> Arrays:
        """Return the arrays to store but for `present`, by name."""
        return {"vectors": self.vectors}

    def taken(self, rows: Places) -> Self:
        """Return some rows, in any order."""
        return self._replace(vectors=self.vectors[rows], present=_taken(self.present, rows))

    @classmethod
    def joined(cls, batches: Sequence[Self]) -> Self:
        """Return the rows of several batches one after another."""
        present = _joined_present([(batch.present, batch.row_count) for batch in batches])
        return cls(np.concatenate([batch.vectors for batch in batches]), present)


class MultiBatch(NamedTuple):
    """Multivectors: row r has `vectors` [offsets[r], offsets[r + 1]).

    vectors   (total, dim) of the slot's own type;  offsets  int64 (n + 1,)
    """

    vectors: Stored
    offsets: Offsets
    present: Present

    @property
    def row_count(self) -> int:
        """Rows."""
        return len(self.offsets) - 1

    def arrays(self) -> Arrays:
        """Return the arrays to store but for `present`, by name."""
        return {"vectors": self.vectors, "offsets": self.offsets}

    def taken(self, rows: Places) -> Self:
        """Return some rows, in any order."""
        offsets, places = ragged(self.offsets, rows)
        return self._replace(vectors=self.vectors[places], offsets=offsets, present=_taken(self.present, rows))

    @classmethod
    def joined(cls, batches: Sequence[Self]) -> Self:
        """Return the rows of several batches one after another."""
        present = _joined_present([(batch.present, batch.row_count) for batch in batches])
        vectors = np.concatenate([batch.vectors for batch in batches])
        return cls(vectors, _joined_offsets([batch.offsets for batch in batches]), present)


class SparseBatch(NamedTuple):
    """Sparse vectors: row r has the pairs [offsets[r], offsets[r + 1]), indices ascending within a row.

    indices   uint32 (pairs,);  values  float32 (pairs,);  offsets  int64 (n + 1,)
    """

    indices: NDArray[np.uint32]
    values: NDArray[np.float32]
    offsets: Offsets
    present: Present

    @property
    def row_count(self) -> int:
        """Rows."""
        return len(self.offsets) - 1

    def arrays(self) -> Arrays:
        """Return the arrays to store but for `present`, by name."""
        return {"indices": self.indices, "values": self.values, "offsets": self.offsets}

    def taken(self, rows: Places) -> Self:
        """Return some rows, in any order."""
        offsets, places = ragged(self.offsets, rows)
        present = _taken(self.present, rows)
        return self._replace(indices=self.indices[places], values=self.values[places], offsets=offsets, present=present)

    @classmethod
    def joined(cls, batches: Sequence[Self]) -> Self:
        """Return the rows of several batches one after another."""
        present = _joined_present([(batch.present, batch.row_count) for batch in batches])
        indices = np.concatenate([batch.indices for batch in batches])
        values = np.concatenate([batch.values for batch in batches])
        return cls(indices, values, _joined_offsets([batch.offsets for batch in batches]), present)


PAIR_BYTES = 8
"""An index and a value of a sparse vector."""

Batch = SlotBatch | MultiBatch | SparseBatch

_CLASSES: dict[SlotKind, type[SlotBatch] | type[MultiBatch] | type[SparseBatch]] = {
    SlotKind.DENSE: SlotBatch,
    SlotKind.MULTI: MultiBatch,
    SlotKind.SPARSE: SparseBatch,
}


def absent_batch(layout: SlotLayout, count: int) -> Batch:
    """Return the batch of rows that all lack the slot."""
    present = np.zeros(count, dtype=np.bool_)
    offsets = np.zeros(count + 1, dtype=np.int64)
    match layout.kind:
        case SlotKind.DENSE:
            return SlotBatch(np.zeros((count, layout.dim), dtype_of(layout)), present)
        case SlotKind.MULTI:
            return MultiBatch(np.empty((0, layout.dim), dtype_of(layout)), offsets, present)
        case SlotKind.SPARSE:
            return SparseBatch(np.empty(0, np.uint32), np.empty(0, np.float32), offsets, present)


def joined_batches(batches: Sequence[Batch]) -> Batch:
    """Return the rows of batches of one slot one after another."""
    joined: Batch = type(batches[0]).joined(batches)  # type: ignore[arg-type]  # all of one kind
    return joined


def batch_of_arrays(kind: SlotKind, arrays: Mapping[str, NDArray[Any]], present: Present) -> Batch:
    """Return the batch over arrays as `arrays()` named them. Raises KeyError for a missing one."""
    made = _CLASSES[kind]
    return made(**{name: arrays[name] for name in made._fields if name != "present"}, present=present)


def carried(batch: Batch) -> int:
    """Return how many rows carry the slot."""
    return batch.row_count if batch.present is None else int(np.count_nonzero(batch.present))


def row_bytes(batch: Batch) -> NDArray[np.int64]:
    """Return the raw bytes of each row, int64 (n,)."""
    if isinstance(batch, SlotBatch):
        return np.full(batch.row_count, batch.vectors[:1].nbytes, np.int64)
    lengths = np.diff(batch.offsets)
    return lengths * (PAIR_BYTES if isinstance(batch, SparseBatch) else batch.vectors[:1].nbytes)


def raw_bytes(batch: Batch) -> int:
    """Return the raw bytes of all rows."""
    return PAIR_BYTES * len(batch.values) if isinstance(batch, SparseBatch) else batch.vectors.nbytes


def offsets_of(lengths: NDArray[Any]) -> Offsets:
    """Return where each of consecutive runs begins, and where the last one ends."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def ragged(offsets: Offsets, rows: Places) -> tuple[Offsets, Places]:
    """Return the offsets of some rows put end to end, and the place of each of their elements before."""
    starts = offsets[rows]
    taken = offsets_of(offsets[rows + 1] - starts)
    shifts = np.repeat(starts - taken[:-1], np.diff(taken))
    return taken, shifts + np.arange(taken[-1])


def _taken(present: Present, rows: Places) -> Present:
    if present is None:
        return None
    some = present[rows]
    return None if some.all() else some


def _joined_present(parts: Sequence[tuple[Present, int]]) -> Present:
    if all(present is None for present, _ in parts):
        return None
    return np.concatenate([np.ones(count, np.bool_) if present is None else present for present, count in parts])


def _joined_offsets(parts: Sequence[Offsets]) -> Offsets:
    return offsets_of(np.concatenate([np.diff(offsets) for offsets in parts]))
