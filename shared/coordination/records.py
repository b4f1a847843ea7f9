"""The collections' records as they were last read or written here: a text that is met again is not parsed again.

Equal configs are one object: most of a record is config, and of a thousand collections most have the same.
"""

from collections.abc import Iterable
from typing import NamedTuple

from shared.schema.collections import CollectionConfig, CollectionRecord

CONFIGS_MAX = 256
"""Different configs whose objects are shared."""


class Known(NamedTuple):
    """A record as the catalog has it, and what it says."""

    text: bytes
    record: CollectionRecord


class Records:
    """One per catalog client. What it knows is a guess: scripts that write compare the text."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}
        self._configs: dict[str, CollectionConfig] = {}

    def get(self, uuid: str) -> Known | None:
        """Return what is known of a collection."""
        return self._known.get(uuid)

    def parsed(self, uuid: str, text: bytes) -> CollectionRecord:
        """Return what a text of Redis says, the same object as long as it is the same text; note it."""
        known = self._known.get(uuid)
        if known is None or known.text != text:
            record = self._sharing(CollectionRecord.model_validate_json(text))
            known = self._known[uuid] = Known(text, record)
        return known.record

    def note(self, text: bytes, record: CollectionRecord) -> None:
        """Note what was written."""
        self._known[record.uuid] = Known(text, record)

    def forget(self, uuids: Iterable[str]) -> None:
        """Drop what is known of deleted collections."""
        for uuid in uuids:
            self._known.pop(uuid, None)

    def keep(self, uuids: Iterable[str]) -> None:
        """Drop what is known of all others."""
        self.forget(self._known.keys() - set(uuids))

    def _sharing(self, record: CollectionRecord) -> CollectionRecord:
        """Return a record whose config is the object of an equal one, where there is one."""
        if len(self._configs) >= CONFIGS_MAX:
            self._configs.clear()
        config = self._configs.setdefault(record.config.model_dump_json(), record.config)
        return record if config is record.config else record.model_copy(update={"config": config})
