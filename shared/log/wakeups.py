"""Who is told of the first append to a shard that nobody reads now (`Wal.rest`).

One channel per process, one message per shard and rest: pub/sub, because it costs Redis no memory and no disk, needs no
key of a shard's hash slot, and is bounded. It may lose messages while the connection is down, so whoever listens looks
at the heads of all resting shards whenever listening begins, and at some of them every few seconds.
"""

from collections.abc import Callable
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.errors import LogUnavailable
from shared.log.keys import shard_of_meta
from shared.log.position import ShardKey


class WakeUps:
    """The channel of one process. `channel` is what shards rest with."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.channel = f"{{shoal}}:wake:{uuid4().hex}"

    async def listen(self, on_start: Callable[[], None], on_wake: Callable[[ShardKey], None]) -> None:
        """Call back once listening has begun, and with each shard that is appended to, until cancelled.

        Raises LogUnavailable when the connection cannot be opened or is lost.
        """
        subscription = self._redis.pubsub()
        try:
            await subscription.subscribe(self.channel)
            while True:
                message = await subscription.get_message(timeout=None)
                match message:
                    case {"type": "subscribe"}:
                        on_start()
                    case {"type": "message", "data": bytes(name)}:
                        on_wake(shard_of_meta(name))
        except (RedisError, OSError) as error:
            raise LogUnavailable(f"nobody tells of appends to resting shards: {error}") from error
        finally:
            await subscription.aclose()  # type: ignore[no-untyped-call]
