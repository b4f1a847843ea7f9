"""The columns that a process keeps in memory: least recently used ones go first when their bytes pass the budget.

A column that was dropped is built again from payload texts when a filter next names its path. Those of declared indexes
are pinned: never dropped, and counted beside the budget.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

from shared.segment.columns.field_arrays import FieldArrays
from shared.segment.columns.paths import Path

BUDGET_BYTES_DEFAULT = 512 * 2**20


class ColumnName(NamedTuple):
    """One column of one column set. `age` is that of the edits that it covers, None for the rows' own payloads."""

    path: Path
    kind: str
    age: int | None = None


CacheKey = tuple[int, ColumnName]
"""The number of a segment's column set, and a column of it."""

_Sized = tuple[FieldArrays, int]


class ColumnCache:
    """Columns by key under a budget in bytes. Safe to use from several threads."""

    def __init__(self, budget_bytes: int = BUDGET_BYTES_DEFAULT) -> None:
        self.budget_bytes = budget_bytes
        self.used_bytes = 0
        """Of columns that may be dropped."""
        self.pinned_bytes = 0
        self._columns: OrderedDict[CacheKey, _Sized] = OrderedDict()
        self._pinned: dict[CacheKey, _Sized] = {}
        self._lock = threading.RLock()
        """Entered again where a column that is dropped holds columns of its own, or a set is collected meanwhile."""

    def get(self, key: CacheKey) -> FieldArrays | None:
        """Return a column and note its use."""
        with self._lock:
            found = self._pinned.get(key)
            if found is None:
                found = self._columns.get(key)
                if found is None:
                    return None
                self._columns.move_to_end(key)
            return found[0]

    def put(self, key: CacheKey, column: FieldArrays, *, is_pinned: bool = False) -> None:
        """Keep a column, or measure it again after it grew. One larger than the whole budget is kept only if pinned."""
        with self._lock:
            self._forget(key)
            self._keep(key, column, is_pinned)

    def pin(self, owner: int, is_pinned: Callable[[ColumnName], bool]) -> None:
        """Pin those columns of one column set, and no others of it."""
        with self._lock:
            for key in self._keys_of(owner):
                column, _ = self._pinned.get(key) or self._columns[key]
                if is_pinned(key[1]) is not (key in self._pinned):
                    self._forget(key)
                    self._keep(key, column, is_pinned(key[1]))

    def forget(self, key: CacheKey) -> None:
        """Forget one column."""
        with self._lock:
            self._forget(key)

    def drop(self, owner: int) -> None:
        """Forget all columns of one column set."""
        with self._lock:
            for key in self._keys_of(owner):
                self._forget(key)

    def names_of(self, owner: int) -> list[ColumnName]:
        """Return the names of one column set's columns."""
        with self._lock:
            return [name for _, name in self._keys_of(owner)]

    def bytes_of(self, owner: int) -> int:
        """Return the bytes of one column set's columns, as they were measured last."""
        with self._lock:
            sized = (self._pinned.get(key) or self._columns[key] for key in self._keys_of(owner))
            return sum(size for _, size in sized)

    def _keep(self, key: CacheKey, column: FieldArrays, is_pinned: bool) -> None:
        size = column.nbytes
        if is_pinned:
            self._pinned[key] = (column, size)
            self.pinned_bytes += size
        elif size <= self.budget_bytes:
            self._columns[key] = (column, size)
            self.used_bytes += size
            while self.used_bytes > self.budget_bytes:
                self._forget(next(iter(self._columns)))

    def _keys_of(self, owner: int) -> list[CacheKey]:
        return [key for kept in (self._pinned, self._columns) for key in kept if key[0] == owner]

    def _forget(self, key: CacheKey) -> None:
        found = self._columns.pop(key, None)
        self.used_bytes -= found[1] if found is not None else 0
        found = self._pinned.pop(key, None)
        self.pinned_bytes -= found[1] if found is not None else 0


PROCESS_CACHE: Final = ColumnCache()
"""The cache of this process, as memory is the process's: segments share one budget. Tests pass their own."""
