"""The three kinds of index that a segment may hold for a slot."""

from shared.segment.index.base import SlotIndex
from shared.segment.index.multi import MultiIndex
from shared.segment.index.sparse import SparseIndex

AnyIndex = SlotIndex | MultiIndex | SparseIndex
