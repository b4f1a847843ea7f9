"""The columns that a process keeps in memory: least recently used ones go first when their bytes pass the budget.

A column that was dropped is built again from payload texts when a filter next names its path. Those of declared indexes
are pinned: never dropped, and counted beside the budget.
"""

import threading
from collections import OrderedDict, deque
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
        self._owned: dict[int, set[ColumnName]] = {}
        self._dropped: deque[int] = deque()
        self._lock = threading.Lock()

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
        size = column.nbytes
        with self._lock:
            gone = [*self._purged(), self._forget(key), *self._keep(key, (column, size), is_pinned)]
        del gone

    def pin(self, owner: int, is_pinned: Callable[[ColumnName], bool]) -> None:
        """Pin those columns of one column set, and no others of it."""
        gone: list[_Sized | None] = []
        with self._lock:
            for name in list(self._owned.get(owner, ())):
                key = (owner, name)
                if is_pinned(name) is (key in self._pinned):
                    continue
                sized = self._forget(key)
                if sized is not None:
                    gone += self._keep(key, sized, is_pinned(name))
        del gone

    def forget(self, key: CacheKey) -> None:
        """Forget one column."""
        with self._lock:
            gone = self._forget(key)
        del gone

    def drop(self, owner: int) -> None:
        """Forget all columns of one column set: at once, or when whoever uses the cache is done.

        The collector of unused objects may call it at any moment, in a thread that uses the cache just then.
        """
        self._dropped.append(owner)
        if self._lock.acquire(blocking=False):
            try:
                gone = self._purged()
            finally:
                self._lock.release()
            del gone

    def names_of(self, owner: int) -> list[ColumnName]:
        """Return the names of one column set's columns."""
        with self._lock:
            return list(self._owned.get(owner, ()))

    def bytes_of(self, owner: int) -> int:
        """Return the bytes of one column set's columns, as they were measured last."""
        with self._lock:
            keys = [(owner, name) for name in self._owned.get(owner, ())]
            return sum((self._pinned.get(key) or self._columns[key])[1] for key in keys)

    # with the lock held; what is forgotten is given back, to be freed once the lock is not held

    def _keep(self, key: CacheKey, sized: _Sized, is_pinned: bool) -> list[_Sized | None]:
        gone: list[_Sized | None] = []
        if is_pinned:
            self._pinned[key] = sized
            self.pinned_bytes += sized[1]
        elif sized[1] <= self.budget_bytes:
            self._columns[key] = sized
            self.used_bytes += sized[1]
        else:
            return gone
        self._owned.setdefault(key[0], set()).add(key[1])
        while self.used_bytes > self.budget_bytes:
            gone.append(self._forget(next(iter(self._columns))))
        return gone

    def _forget(self, key: CacheKey) -> _Sized | None:
        found = self._columns.pop(key, None)
        if found is not None:
            self.used_bytes -= found[1]
        else:
            found = self._pinned.pop(key, None)
            self.pinned_bytes -= found[1] if found is not None else 0
        names = self._owned.get(key[0])
        if names is not None:
            names.discard(key[1])
            if not names:
                del self._owned[key[0]]
        return found

    def _purged(self) -> list[_Sized | None]:
        gone = []
        while self._dropped:
            owner = self._dropped.popleft()
            gone += [self._forget((owner, name)) for name in list(self._owned.get(owner, ()))]
        return gone


PROCESS_CACHE: Final = ColumnCache()
"""The cache of this process, as memory is the process's: segments share one budget. Tests pass their own."""
