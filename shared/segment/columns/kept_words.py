"""The words of conditions that come again and again over one sealed segment, least recently used ones going first.

Bounded by the number of conditions, so by 8 bytes a row.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from shared.schema.filters import FieldCondition, MatchAny, MatchExcept
from shared.segment import bits
from shared.segment.bits import Words

CONDITIONS_MAX = 64

VALUES_MAX = 64
"""Conditions on more values are not kept: naming them costs too much."""

_name = msgspec.msgpack.Encoder().encode


class _Kept:
    """Words, as they were after so many edits, and how many rows they have once somebody asked."""

    __slots__ = ("_count", "edits", "words")

    def __init__(self, edits: int, words: Words) -> None:
        self.edits = edits
        self.words = words
        self._count: int | None = None

    @property
    def count(self) -> int:
        if self._count is None:
            self._count = bits.count(self.words)
        return self._count


class KeptWords:
    """Words by condition, as they were after so many edits of the segment's payloads. Safe to use from threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, bytes], _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def words(self, kind: str, condition: FieldCondition, edits: int, evaluate: Callable[[], Words]) -> Words:
        """Return the kept words of a condition under a kind of column, or evaluate it and keep what it gives."""
        if _is_long(condition):
            return evaluate()
        name = (kind, _name(condition))
        with self._lock:
            kept = self._kept.get(name)
            if kept is not None and kept.edits == edits:
                self._kept.move_to_end(name)
                return kept.words
        words = evaluate()
        with self._lock:
            self._kept[name] = _Kept(edits, words)
            self._kept.move_to_end(name)
            if len(self._kept) > CONDITIONS_MAX:
                self._kept.popitem(last=False)
        return words

    def count(self, kind: str, condition: FieldCondition, edits: int) -> int | None:
        """Return how many rows the kept words of a condition have, None where none are kept."""
        if _is_long(condition):
            return None
        kept = self._kept.get((kind, _name(condition)))
        return None if kept is None or kept.edits != edits else kept.count


def _is_long(condition: FieldCondition) -> bool:
    return isinstance(condition, MatchAny | MatchExcept) and len(condition.values) > VALUES_MAX
