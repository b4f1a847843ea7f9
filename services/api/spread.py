"""Lets a config change reach everybody who validates by it, before the call that made it is answered.

The generation is raised on every shard, so that nothing validated under the older config is logged behind the change;
then the other apis are waited for. Each shard's leader brings the config into its log by itself.
"""

import contextlib

from services.api.directory import Directory
from services.api.presence import Presence
from services.api.shards import together
from shared.errors import ShardUnavailable
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.schema.collections import CollectionRecord

SPREAD_WAIT_S = 10.0
"""How long a change waits for the other apis when it gives no timeout."""


class Spread:
    """Takes records whose config was just changed."""

    def __init__(self, directory: Directory, wal: Wal, presence: Presence) -> None:
        self._directory = directory
        self._wal = wal
        self._presence = presence

    async def everywhere(self, record: CollectionRecord, timeout_s: float | None) -> CollectionRecord:
        """Raise the generation of all shards, wait for the other apis, bounded; return the record."""
        shards = range(record.config.shard_number)
        await together([self._raise(ShardKey(record.uuid, shard), record.generation) for shard in shards])
        revision = self._directory.view.revision
        await self._presence.applied_everywhere(revision, SPREAD_WAIT_S if timeout_s is None else timeout_s)
        return record

    async def _raise(self, key: ShardKey, generation: int) -> None:
        """Refuse what was validated under an older generation; a shard never opened opens under the newest anyway."""
        with contextlib.suppress(ShardUnavailable):
            await self._wal.raise_generation(key, generation)
