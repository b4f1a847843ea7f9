"""What a process keeps in memory for filters: columns, and words of conditions over sealed segments.

Least recently used ones go first when their bytes pass the budget. A column that was dropped is built again from
payload texts when a filter next names its path.
"""

import threading
from collections import OrderedDict
from typing import Any, Final, Protocol

BUDGET_BYTES_DEFAULT = 512 * 2**20

CacheKey = tuple[int, str]
"""The number of a segment's column set, and a name of its choice."""


class Kept(Protocol):
    """What can be kept: something that knows its size."""

    @property
    def nbytes(self) -> int: ...


class ColumnCache:
    """Things by key under a budget in bytes. Safe to use from several threads."""

    def __init__(self, budget_bytes: int = BUDGET_BYTES_DEFAULT) -> None:
        self.budget_bytes = budget_bytes
        self.used_bytes = 0
        self._kept: OrderedDict[CacheKey, tuple[Kept, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: CacheKey) -> Any:
        """Return what is kept under a key, None when nothing is, and note its use."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def put(self, key: CacheKey, thing: Kept) -> None:
        """Keep a thing, or measure it again after it grew. One larger than the whole budget is not kept."""
        with self._lock:
            self._forget(key)
            size = thing.nbytes
            if size > self.budget_bytes:
                return
            self._kept[key] = (thing, size)
            self.used_bytes += size
            while self.used_bytes > self.budget_bytes:
                self._forget(next(iter(self._kept)))

    def drop(self, owner: int, prefix: str = "") -> None:
        """Forget what one column set has here, all or that whose name has the prefix."""
        with self._lock:
            for key in [key for key in self._kept if key[0] == owner and key[1].startswith(prefix)]:
                self._forget(key)

    def names_of(self, owner: int) -> list[str]:
        """Return the names of what one column set has here."""
        with self._lock:
            return [name for number, name in self._kept if number == owner]

    def _forget(self, key: CacheKey) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self.used_bytes -= found[1]


PROCESS_CACHE: Final = ColumnCache()
"""The cache of this process, as memory is the process's: segments share one budget. Tests pass their own."""
