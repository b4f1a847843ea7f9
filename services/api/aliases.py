"""Aliases: further names of collections, changed together in one step and listed.

A change is one script in Redis, so nobody ever sees half of it. It is answered once every live api has applied it: a
client that goes on through another process meets the new state. A request resolves its name once, so one that began
before the change is answered wholly by the old collection.
"""

from typing import NamedTuple

from services.api.directory import Directory
from services.api.presence import Presence
from shared.coordination.catalog import AliasChange, Catalog, CatalogView

CHANGE_WAIT_S = 10.0
"""How long a change waits for the other apis when it gives no timeout."""


class Alias(NamedTuple):
    """One alias and the name of the collection that it points to."""

    alias: str
    collection: str


class Aliases:
    """Takes alias changes, makes them; lists what there is."""

    def __init__(self, catalog: Catalog, directory: Directory, presence: Presence) -> None:
        self._catalog = catalog
        self._directory = directory
        self._presence = presence

    async def change(self, changes: list[AliasChange], timeout_s: float | None) -> None:
        """Apply changes in order, all or none, and wait, bounded, until every live api knows.

        Raises NotFound, AlreadyExists; LogUnavailable and OutcomeUnknown when Redis does not answer.
        """
        if not changes:
            return
        changed = await self._catalog.change_aliases(changes)
        await self._directory.advance_aliases(changed)
        await self._presence.applied_everywhere(changed.revision, CHANGE_WAIT_S if timeout_s is None else timeout_s)

    async def listed(self) -> list[Alias]:
        """Return all aliases, by name."""
        return _listed(await self._directory.reload())

    async def of(self, name: str) -> list[Alias]:
        """Return the aliases of the collection that a name or alias stands for, by name. Raises NotFound."""
        view = await self._directory.reload()
        record = view.resolve(name) or await self._directory.resolve(name)
        return [each for each in _listed(view) if view.aliases[each.alias] == record.uuid]


def _listed(view: CatalogView) -> list[Alias]:
    known = {alias: view.by_uuid.get(uuid) for alias, uuid in view.aliases.items()}
    return [Alias(alias, record.name) for alias, record in sorted(known.items()) if record is not None]
