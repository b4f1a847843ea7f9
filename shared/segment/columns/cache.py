"""The columns that a process keeps in memory: least recently used ones go first when their bytes pass the budget.

A column that was dropped is built again from payload texts when a filter next names its path.
"""

import threading
from collections import OrderedDict
from typing import Final

from shared.segment.columns.arrays import ColumnArrays

BUDGET_BYTES_DEFAULT = 512 * 2**20

CacheKey = tuple[int, str]
"""The number of a segment's column set, and a name of its choice."""


class ColumnCache:
    """Columns by key under a budget in bytes. Safe to use from several threads."""

    def __init__(self, budget_bytes: int = BUDGET_BYTES_DEFAULT) -> None:
        self.budget_bytes = budget_bytes
        self.used_bytes = 0
        self._columns: OrderedDict[CacheKey, tuple[ColumnArrays, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: CacheKey) -> ColumnArrays | None:
        """Return a column and note its use."""
        with self._lock:
            found = self._columns.get(key)
            if found is None:
                return None
            self._columns.move_to_end(key)
            return found[0]

    def put(self, key: CacheKey, column: ColumnArrays) -> None:
        """Keep a column, or measure it again after it grew. One larger than the whole budget is not kept."""
        with self._lock:
            self._forget(key)
            size = column.nbytes
            if size > self.budget_bytes:
                return
            self._columns[key] = (column, size)
            self.used_bytes += size
            while self.used_bytes > self.budget_bytes:
                self._forget(next(iter(self._columns)))

    def forget(self, key: CacheKey) -> None:
        """Forget one column."""
        with self._lock:
            self._forget(key)

    def drop(self, owner: int) -> None:
        """Forget all columns of one column set."""
        with self._lock:
            for key in [key for key in self._columns if key[0] == owner]:
                self._forget(key)

    def names_of(self, owner: int) -> list[str]:
        """Return the names of one column set's columns."""
        with self._lock:
            return [name for number, name in self._columns if number == owner]

    def _forget(self, key: CacheKey) -> None:
        found = self._columns.pop(key, None)
        if found is not None:
            self.used_bytes -= found[1]


PROCESS_CACHE: Final = ColumnCache()
"""The cache of this process, as memory is the process's: segments share one budget. Tests pass their own."""
