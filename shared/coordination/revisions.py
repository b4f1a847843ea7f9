"""Which catalog revision each api has applied, so that a change can be answered once every live api knows it."""

from redis.asyncio import Redis

from shared.coordination.keys import REVISIONS
from shared.coordination.nodes import live_nodes
from shared.errors import LogUnavailable
from shared.log.exchange import ask, exchange


async def publish_revision(redis: Redis, node_id: str, revision: int) -> None:
    """Say that an api has applied a revision. Raises LogUnavailable."""
    await exchange(redis, "HSET", REVISIONS, node_id, revision, lost=LogUnavailable)


async def forget_revision(redis: Redis, node_id: str) -> None:
    """Take a stopping api out. Raises LogUnavailable."""
    await exchange(redis, "HDEL", REVISIONS, node_id, lost=LogUnavailable)


async def lagging_apis(redis: Redis, revision: int) -> list[str]:
    """Return the live apis that have not applied a revision yet; what dead ones left is removed."""
    live = {node.node_id for node in await live_nodes(redis, "api")}
    texts = await ask(redis, "HGETALL", REVISIONS)
    applied = {node.decode(): int(text) for node, text in zip(texts[::2], texts[1::2], strict=True)}
    for node_id in applied.keys() - live:
        await forget_revision(redis, node_id)
    return sorted(node_id for node_id in live if applied.get(node_id, 0) < revision)
