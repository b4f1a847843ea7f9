"""What the shards of a worker share, and what they ask and tell the one that hosts them."""

from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from services.worker.source import Source
from shared.actor.supervisor import Supervisor
from shared.clock import Clock
from shared.log.position import ShardKey
from shared.log.rewrite import Rewrites
from shared.log.wal import Wal

if TYPE_CHECKING:
    from redis.asyncio import Redis


class Common(NamedTuple):
    """What all shards of a worker share. `channel` is where the log tells of appends to resting shards.

    disk      threads that write and read files
    columns   the thread that builds columns: one at a time, so that searches notice little of it
    """

    redis: "Redis"
    wal: Wal
    source: Source
    supervisor: Supervisor
    disk: Executor
    columns: Executor
    clock: Clock
    collections: Path
    cluster_id: str
    channel: str
    rewrites: Rewrites


class Host(NamedTuple):
    """What a shard asks and tells.

    aliases     of a collection
    on_lost     the shard cannot go on as it is
    on_wanted   a dormant shard is to be opened
    """

    aliases: Callable[[str], tuple[str, ...]]
    on_lost: Callable[[ShardKey], None]
    on_wanted: Callable[[ShardKey], None]
