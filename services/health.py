"""`shoal health ROLE`: is the service of this machine or container well? For the health checks of containers.

The api is asked over HTTP. A worker and an optimizer renew a lease in Redis while their loops turn; a process that
hangs loses it, so the lease is the better question than whether a process exists.
"""

import asyncio
import socket
import urllib.request

from shared.coordination.nodes import Role, live_nodes
from shared.errors import ShoalError
from shared.log.connection import connect
from shared.settings import Settings

ANSWER_S = 5.0


def is_well(role: Role, settings: Settings) -> bool:
    """True when the service answers, or holds its lease."""
    try:
        return _answers(settings.port) if role == "api" else asyncio.run(_holds_lease(role, settings))
    except (ShoalError, OSError, TimeoutError):
        return False


def _answers(port: int) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=ANSWER_S) as answer:
        return bool(answer.status == 200)


async def _holds_lease(role: Role, settings: Settings) -> bool:
    name = settings.node_name or socket.gethostname()
    redis = connect(settings.redis_url)
    try:
        async with asyncio.timeout(ANSWER_S):
            nodes = await live_nodes(redis, role)
    finally:
        await redis.aclose()
    return any(node.name == name or node.name.startswith(f"{name}-") for node in nodes)
