"""The only place that opens a connection to Redis, with the settings that a log needs.

The client never retries by itself: a repeated XADD would append twice. Its pool is bounded and waits.
Deadlines are set per command by `exchange.py`, so that a blocking read and a script can share the pool: every command
has a connection of its own while it runs. redis-py's own socket timeout is off: with it, each send goes through
`asyncio.wait_for`, which costs a task and before Python 3.12 may swallow a cancellation.
"""

from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from shared.log.exchange import ask

if TYPE_CHECKING:
    from fakeredis import FakeServer

MEMORY_SCHEME = "memory://"

_memory_servers: WeakValueDictionary[str, "FakeServer"] = WeakValueDictionary()
"""Servers of this process by name; one lives as long as a client of it does."""


def connect(url: str, *, connections_max: int = 64, wait_s: float = 10.0, connect_s: float = 5.0) -> Redis:
    """Return a client of a redis://, rediss://, unix:// or memory://<name> URL. It never retries by itself.

    url              memory://<name> gives a fake server in this process; equal names share one
    connections_max  most commands at a time, blocking reads included
    wait_s           how long a command waits for one of the connections
    connect_s        how long opening a connection may take
    """
    if url.startswith(MEMORY_SCHEME):
        return _connect_memory(url.removeprefix(MEMORY_SCHEME))
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections_max,
        timeout=wait_s,
        socket_connect_timeout=connect_s,
        socket_timeout=None,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        decode_responses=False,
    )
    return Redis.from_pool(pool)


def _connect_memory(name: str) -> Redis:
    from fakeredis import FakeServer  # here, because most processes never need it
    from fakeredis.aioredis import FakeRedis

    server = _memory_servers.get(name)
    if server is None:
        server = FakeServer()
        _memory_servers[name] = server
    client: Redis = FakeRedis(server=server, retry=Retry(NoBackoff(), 0), protocol=2, socket_timeout=None)
    client.fake_server = server  # type: ignore[attr-defined]  # keeps the server alive as long as its clients
    return client


async def ping(redis: Redis) -> None:
    """Return when Redis answers. Raises LogUnavailable."""
    await ask(redis, "PING")
