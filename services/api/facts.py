"""Gathering what is known of collections right now: figures, heads, jobs, optimizers. What is away raises nothing."""

from services.api.call import Services
from services.api.status import Facts
from shared.errors import Unavailable
from shared.log.position import ShardKey
from shared.schema.collections import CollectionRecord
from shared.schema.jobs import JobStatus
from shared.schema.queries import Describe


async def gather_facts(services: Services, record: CollectionRecord, *, indexed_points: bool = False) -> Facts:
    """Return the facts of one collection; how many points its payload indexes have is counted where asked for."""
    shards = await services.shards.describe(record, Describe(indexed_points))
    jobs = await known_jobs(services, record)
    limits, optimizer = await services.optimizer_limits.look()
    return Facts(shards, await _heads(services, record), jobs, optimizer, limits)


async def known_jobs(services: Services, record: CollectionRecord) -> list[JobStatus]:
    """Return the optimizer's jobs; none when Redis is away."""
    try:
        return await services.jobs(record.uuid)
    except Unavailable:
        return []


async def _heads(services: Services, record: CollectionRecord) -> list[int] | None:
    keys = [ShardKey(record.uuid, shard) for shard in range(record.config.shard_number)]
    try:
        heads = await services.wal.heads(keys)
    except Unavailable:
        return None
    return [heads[key].head for key in keys]
