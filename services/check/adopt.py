"""Registers the collections of a data directory in an empty Redis: what `shoal check --adopt` does.

1. Redis takes the directory's cluster id; one that has another id is refused
2. the shards' logs are opened, each knowing its checkpoint: its leader goes on beyond every position known here
3. the catalog gets the collections and their aliases, all or none; from then on workers mount them
Doing it again does no harm.
"""

from typing import TYPE_CHECKING

from services.check.inspect import ShardReport
from shared.coordination.catalog import Catalog
from shared.coordination.cluster import adopt_cluster
from shared.errors import ShoalError
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.schema.collections import CollectionConfig, CollectionRecord
from shared.store.manifest import Manifest

if TYPE_CHECKING:
    from pathlib import Path

    from redis.asyncio import Redis


async def adopt(redis: "Redis", data_dir: "Path", reports: list[ShardReport]) -> list[CollectionRecord]:
    """Registers what the manifests name; gives the collections. Raises ShoalError when a manifest cannot be read."""
    unreadable = [str(report.directory) for report in reports if report.manifest is None and report.problems]
    if unreadable:
        raise ShoalError(f"nothing was adopted, because these manifests cannot be read: {', '.join(unreadable)}")
    await adopt_cluster(redis, data_dir)
    manifests = [report.manifest for report in reports if report.manifest is not None]
    newest = _newest_by_collection(manifests)
    records = [_record(manifest) for manifest in newest.values()]
    wal = Wal(redis)
    for record in records:
        await _open_shards(wal, record, manifests)
    aliases = {alias: manifest.collection for manifest in newest.values() for alias in manifest.aliases}
    await Catalog(redis).adopt(records, aliases)
    return records


def _newest_by_collection(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Of each collection the manifest with the newest config: shards may have published at different moments."""
    newest: dict[str, Manifest] = {}
    for manifest in manifests:
        known = newest.get(manifest.collection)
        if known is None or manifest.config_generation > known.config_generation:
            newest[manifest.collection] = manifest
    return newest


def _record(manifest: Manifest) -> CollectionRecord:
    return CollectionRecord(
        uuid=manifest.collection,
        name=manifest.name,
        generation=manifest.config_generation,
        config=CollectionConfig.model_validate_json(manifest.config),
    )


async def _open_shards(wal: Wal, record: CollectionRecord, manifests: list[Manifest]) -> None:
    """Opens every shard of the collection, those without a manifest included: they were empty at their last word."""
    checkpoints = {manifest.shard: manifest for manifest in manifests if manifest.collection == record.uuid}
    capacity = record.config.wal_config.log_bytes_max
    for number in range(record.config.shard_number):
        manifest = checkpoints.get(number)
        fence, known = (manifest.fence, manifest.checkpoint) if manifest is not None else (0, 0)
        await wal.open_shard(ShardKey(record.uuid, number), record.generation, fence, capacity, known)
