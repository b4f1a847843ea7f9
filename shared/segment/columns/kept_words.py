"""The words of conditions that come again and again over one sealed segment, least recently used ones going first.

Bounded by the number of conditions, so by 8 bytes a row.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from shared.schema.filters import FieldCondition, MatchAny, MatchExcept
from shared.segment.bits import Words

CONDITIONS_MAX = 64

VALUES_MAX = 64
"""Conditions on more values are not kept: naming them costs too much."""

_name = msgspec.msgpack.Encoder().encode


class KeptWords:
    """Words by condition, as they were after so many edits of the segment's payloads. Safe to use from threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, bytes], tuple[int, Words]] = OrderedDict()
        self._lock = threading.Lock()

    def words(self, kind: str, condition: FieldCondition, edits: int, evaluate: Callable[[], Words]) -> Words:
        """Return the kept words of a condition under a kind of column, or evaluate it and keep what it gives."""
        if isinstance(condition, MatchAny | MatchExcept) and len(condition.values) > VALUES_MAX:
            return evaluate()
        name = (kind, _name(condition))
        with self._lock:
            kept = self._kept.get(name)
            if kept is not None and kept[0] == edits:
                self._kept.move_to_end(name)
                return kept[1]
        words = evaluate()
        with self._lock:
            self._kept[name] = (edits, words)
            self._kept.move_to_end(name)
            if len(self._kept) > CONDITIONS_MAX:
                self._kept.popitem(last=False)
        return words
