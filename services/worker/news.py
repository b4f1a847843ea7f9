"""Which shards a newer view of the catalog has something new for, so that not all are told of each change. Pure."""

from collections.abc import Iterable

from shared.coordination.view import CatalogView
from shared.log.position import ShardKey

TELL_ALL_S = 10.0
"""So often every shard is told anyway."""


class News:
    """Compares each view with the one before: records and aliases that did not change are the same objects there."""

    def __init__(self) -> None:
        self._told = CatalogView()
        self._told_all_at = float("-inf")
        self._touched: set[ShardKey] = set()

    def touched(self, key: ShardKey) -> None:
        """Something was done to a shard: tell it again next time, it may be another or not have got through."""
        self._touched.add(key)

    def of(self, view: CatalogView, hosted: Iterable[ShardKey], now: float) -> list[ShardKey]:
        """Return those of the hosted shards that are to be told about a view, which counts as told then."""
        touched, self._touched = self._touched, set()
        told, self._told = self._told, view
        if now - self._told_all_at >= TELL_ALL_S:
            self._told_all_at = now
            return list(hosted)
        changed = changed_collections(told, view)
        if not changed and not touched:
            return []
        return [key for key in hosted if key in touched or key.collection in changed]


def changed_collections(before: CatalogView, after: CatalogView) -> set[str]:
    """Return the collections whose record or aliases are others than before."""
    changed: set[str] = set()
    if before.by_uuid is not after.by_uuid:
        known = before.by_uuid
        changed = {uuid for uuid, record in after.by_uuid.items() if known.get(uuid) is not record}
        changed |= known.keys() - after.by_uuid.keys()
    if before.aliases is not after.aliases:
        changed |= {uuid for _, uuid in before.aliases.items() ^ after.aliases.items()}
    return changed
