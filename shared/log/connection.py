"""The only place that opens a connection to Redis, with the settings that a log needs."""

from redis.asyncio import Redis


def connect(url: str, *, socket_timeout_s: float = 10.0, connections_max: int = 64) -> Redis:
    """Return a client of a redis://, rediss://, unix:// or memory://<name> URL. It never retries by itself.

    memory://<name> gives a fake server in this process; equal names share one.
    """
    raise NotImplementedError
