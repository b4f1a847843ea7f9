"""The slots of an appendable segment: arrays that grow, one kind of slot each, and the index that searches them.

Each has a row for every row of the segment, whether that carries the slot or not.
"""

from abc import ABC, abstractmethod
from functools import partial
from typing import Any

import numpy as np

from shared.schema.slots import SlotKind
from shared.segment import bits
from shared.segment.batches import Batch, MultiBatch, SlotBatch, SparseBatch, absent_batch, raw_bytes
from shared.segment.bits import Words
from shared.segment.elements import dtype_of, widened
from shared.segment.growing import GrowingArray
from shared.segment.index.base import SlotIndex
from shared.segment.index.bit_codes import BitCodes, has_bit_codes
from shared.segment.index.codes import Codes
from shared.segment.index.kinds import AnyIndex
from shared.segment.index.multi import MultiIndex
from shared.segment.index.sparse import SparseIndex
from shared.segment.layout import SlotLayout
from shared.segment.parts import SealedSlot


def growing_slot(layout: SlotLayout, seed: int) -> "GrowingSlot":
    """Return an empty slot of the layout's kind; `seed` of the collection's code rotations."""
    match layout.kind:
        case SlotKind.DENSE:
            return _GrowingDense(layout, seed)
        case SlotKind.MULTI:
            return _GrowingMulti(layout)
        case SlotKind.SPARSE:
            return _GrowingSparse(layout)


class GrowingSlot(ABC):
    """One slot. `index` shows the rows appended so far; rows below its count never change."""

    index: AnyIndex

    def __init__(self, layout: SlotLayout) -> None:
        self.layout = layout
        self._marks: GrowingArray[np.bool_] = GrowingArray(np.bool_)
        self._present_count = 0
        self._words: tuple[int, Words] = (0, bits.empty(0))

    def append(self, batch: Batch | None, count: int) -> None:
        """Add `count` rows; None: rows that all lack the slot."""
        if batch is None:
            batch = absent_batch(self.layout, count)
        assert batch.row_count == count, f"expected {count} rows, got {batch.row_count}"
        self._marks.append(np.ones(count, np.bool_) if batch.present is None else batch.present)
        self._present_count += count if batch.present is None else int(batch.present.sum())
        self._append(batch)

    @property
    def present(self) -> Words | None:
        """Return bit words of the rows that carry the slot, None when all do."""
        if self._present_count == self._marks.count:
            return None
        count, words = self._words
        if count != self._marks.count:
            words = bits.from_bool(self._marks.view())
            self._words = (self._marks.count, words)
        return words

    def sealed(self) -> SealedSlot:
        """Return what a sealed segment holds of this slot: the same arrays, without the room behind them."""
        return SealedSlot(self._sealed(), self.present)

    def bytes_of(self, batch: Batch | None, count: int) -> int:
        """Return by how much `nbytes` will grow with `count` rows."""
        layout = self.layout
        if layout.kind is SlotKind.DENSE:
            return count * layout.dim * dtype_of(layout).itemsize
        return 0 if batch is None else raw_bytes(batch)

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Return the raw bytes of all rows, zeros of absent dense ones included."""

    @abstractmethod
    def cut(self, first: int) -> Batch:
        """Return the rows from `first` on as views that later appends do not change."""

    @abstractmethod
    def _append(self, batch: Any) -> None:
        """Add the rows of a batch of the slot's kind."""

    @abstractmethod
    def _sealed(self) -> AnyIndex:
        """Return the index over the rows of now, which are all there will be."""


class _GrowingDense(GrowingSlot):
    """Vectors and, where the slot has them, 1-bit codes, so that fresh rows are as quick to search as sealed ones."""

    index: SlotIndex

    def __init__(self, layout: SlotLayout, seed: int) -> None:
        super().__init__(layout)
        self._vectors: GrowingArray[Any] = GrowingArray(dtype_of(layout), (layout.dim,))
        self._codes: BitCodes | None = None
        if has_bit_codes(layout.dim, layout.distance):
            self._codes = BitCodes(layout.dim, layout.distance, seed, partial(widened, layout))
        self.index = SlotIndex(layout, self._vectors.whole, 0, codes=Codes(groups=self._codes))

    @property
    def nbytes(self) -> int:
        return self._vectors.nbytes

    def cut(self, first: int) -> Batch:
        return SlotBatch(self._vectors.view(first), self._marks.view(first))

    def _append(self, batch: SlotBatch) -> None:
        first = self._vectors.count
        self._vectors.append(batch.vectors)
        if self._codes is not None:
            self._codes.append(self._vectors.whole[: self._vectors.count], first)
        self.index.replace(self._vectors.whole, self._vectors.count)

    def _sealed(self) -> SlotIndex:
        codes = self._codes if self._codes is not None and self._codes.count > 0 else None
        return SlotIndex(self.layout, self._vectors.view(), self._vectors.count, codes=Codes(groups=codes))


class _GrowingMulti(GrowingSlot):
    """The vectors of all rows end to end, and where each row's begin."""

    index: MultiIndex

    def __init__(self, layout: SlotLayout) -> None:
        super().__init__(layout)
        self._vectors: GrowingArray[Any] = GrowingArray(dtype_of(layout), (layout.dim,))
        self._offsets = _first_offset()
        self.index = MultiIndex(layout, self._vectors.whole, self._offsets.whole, 0)

    @property
    def nbytes(self) -> int:
        return self._vectors.nbytes

    def cut(self, first: int) -> Batch:
        offsets = self._offsets.view(first)
        return MultiBatch(self._vectors.view(int(offsets[0])), offsets - offsets[0], self._marks.view(first))

    def _append(self, batch: MultiBatch) -> None:
        self._offsets.append(batch.offsets[1:] + self._vectors.count)
        self._vectors.append(batch.vectors)
        self.index.replace(self._vectors.whole, self._offsets.whole, self._offsets.count - 1)

    def _sealed(self) -> MultiIndex:
        return MultiIndex(self.layout, self._vectors.view(), self._offsets.view(), self._offsets.count - 1)


class _GrowingSparse(GrowingSlot):
    """The pairs of all rows end to end, and where each row's begin."""

    index: SparseIndex

    def __init__(self, layout: SlotLayout) -> None:
        super().__init__(layout)
        self._indices: GrowingArray[np.uint32] = GrowingArray(np.uint32)
        self._values: GrowingArray[np.float32] = GrowingArray(np.float32)
        self._offsets = _first_offset()
        self.index = SparseIndex(layout, self._indices.whole, self._values.whole, self._offsets.whole, 0)

    @property
    def nbytes(self) -> int:
        return self._indices.nbytes + self._values.nbytes

    def cut(self, first: int) -> Batch:
        offsets = self._offsets.view(first)
        start, present = int(offsets[0]), self._marks.view(first)
        return SparseBatch(self._indices.view(start), self._values.view(start), offsets - start, present)

    def _append(self, batch: SparseBatch) -> None:
        self._offsets.append(batch.offsets[1:] + self._indices.count)
        self._indices.append(batch.indices)
        self._values.append(batch.values)
        self.index.replace(self._indices.whole, self._values.whole, self._offsets.whole, self._offsets.count - 1)

    def _sealed(self) -> SparseIndex:
        indices, values, offsets = self._indices.view(), self._values.view(), self._offsets.view()
        return SparseIndex(self.layout, indices, values, offsets, self._offsets.count - 1, final=True)


def _first_offset() -> GrowingArray[np.int64]:
    offsets: GrowingArray[np.int64] = GrowingArray(np.int64)
    offsets.append(np.zeros(1, np.int64))
    return offsets
