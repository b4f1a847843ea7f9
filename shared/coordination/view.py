"""What a reader of the catalog holds."""

import msgspec

from shared.schema.collections import CollectionRecord


class CatalogView(msgspec.Struct, frozen=True):
    """The whole catalog at one revision. Replaced by a newer one, never changed."""

    revision: int = 0
    by_uuid: dict[str, CollectionRecord] = {}
    names: dict[str, str] = {}
    """name -> uuid"""
    aliases: dict[str, str] = {}
    """alias -> uuid"""
    cluster: str = ""
    """The cluster's id as Redis has it; empty while nobody has given it one."""

    def resolve(self, name_or_alias: str) -> CollectionRecord | None:
        """Return the collection of a name or an alias."""
        uuid = self.names.get(name_or_alias) or self.aliases.get(name_or_alias)
        return self.by_uuid.get(uuid) if uuid else None
