"""Which catalog revision each api has applied, so that a change can be answered once every live api knows it."""

from pathlib import Path

import msgspec
from redis.asyncio import Redis

from shared.coordination.keys import NODE_LEASE, NODES, REVISIONS
from shared.coordination.nodes import NodeInfo
from shared.errors import LogUnavailable
from shared.log.exchange import Script, exchange

_live_revisions = Script(Path(__file__).parent / "scripts" / "live_revisions.lua")


async def publish_revision(redis: Redis, node_id: str, revision: int) -> None:
    """Say that an api has applied a revision. Raises LogUnavailable."""
    await exchange(redis, "HSET", REVISIONS, node_id, revision, lost=LogUnavailable)


async def forget_revision(redis: Redis, node_id: str) -> None:
    """Take a stopping api out. Raises LogUnavailable."""
    await exchange(redis, "HDEL", REVISIONS, node_id, lost=LogUnavailable)


async def lagging_apis(redis: Redis, revision: int) -> list[str]:
    """Return the live apis that have not applied a revision yet; what dead ones left is removed."""
    nodes, texts = await _live_revisions.call(redis, [NODES, NODE_LEASE, REVISIONS], [], lost=LogUnavailable)
    live = {node.node_id for node in (msgspec.json.decode(text, type=NodeInfo) for text in nodes) if node.role == "api"}
    applied = {node.decode(): int(text) for node, text in zip(texts[::2], texts[1::2], strict=True)}
    for node_id in applied.keys() - live:
        await forget_revision(redis, node_id)
    return sorted(node_id for node_id in live if applied.get(node_id, 0) < revision)
