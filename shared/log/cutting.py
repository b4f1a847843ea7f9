"""A consistent cut over the logs of several shards, for whoever copies what they hold.

Positions that are read at one moment make the cut causal: whoever had an answer to one write before sending another
finds either both in the cut, or only the first, or neither.
"""

from pathlib import Path

from redis.asyncio import Redis

from shared.errors import LogUnavailable, ShardUnavailable
from shared.log.exchange import Script
from shared.log.keys import meta_key
from shared.log.position import ShardKey

_cut = Script(Path(__file__).parent / "scripts" / "cut.lua")


async def heads_at_once(redis: Redis, known: dict[ShardKey, int]) -> list[int]:
    """Return the heads of shards at one moment, in the order given.

    known    positions that the caller has seen of each
    Raises   ShardUnavailable for a log that is behind them (its leader will resume it) or not there; LogUnavailable
    """
    heads = []
    answer = await _cut.call(redis, [meta_key(key) for key in known], [], lost=LogUnavailable)
    for (key, position), (state, head, floor) in zip(known.items(), answer, strict=True):
        if state == b"missing" and position > 0:
            raise ShardUnavailable(f"shard {key} is not in the log, and position {position} of it was seen")
        if int(head) < max(position, int(floor)):
            raise ShardUnavailable(f"the log of shard {key} ends at {int(head)}, before a position that was seen")
        heads.append(int(head))
    return heads
