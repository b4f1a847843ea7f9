"""Looks at the open shards every few seconds: what they did since the last look, and so which rest and which close."""

from collections.abc import Iterable

from services.worker.hosted import Hosted
from services.worker.idling import Activity, IdleChoice, Idler, IdleRule, choose_idle
from services.worker.state import ShardState
from shared.log.position import ShardKey
from shared.segment.checkpoint import AnySegment


class Idleness:
    """One per worker."""

    def __init__(self, rule: IdleRule) -> None:
        self._rule = rule
        self.bytes_open = 0
        """What the open shards took at the last look."""
        self._activities: dict[ShardKey, Activity] = {}
        self._bytes: dict[ShardKey, int] = {}

    @property
    def room(self) -> int:
        """Bytes that further shards may take."""
        return max(0, self._rule.bytes_max - self.bytes_open)

    def look(self, shards: Iterable[Hosted], now: float) -> IdleChoice:
        """Note what the open shards did; return which begin to rest and which are closed."""
        idlers = [self._idler(hosted, hosted.shard.state, now) for hosted in shards if hosted.shard.state is not None]
        keys = {one.key for one in idlers}
        for key in self._activities.keys() - keys:
            del self._activities[key], self._bytes[key]
        self.bytes_open = sum(one.bytes for one in idlers)
        return choose_idle(idlers, self._rule)

    def _idler(self, hosted: Hosted, state: ShardState, now: float) -> Idler:
        key, shard = hosted.key, hosted.shard
        activity = self._activities.setdefault(key, Activity(now))
        was_read, shard.was_read = shard.was_read, False
        if activity.look(now, state.applied, was_read):
            self._bytes[key] = sum(_bytes_of(segment) for segment in state.segments())
        return Idler(
            key=key,
            quiet_s=now - activity.applied_at,
            unused_s=now - activity.used_at,
            is_settled=hosted.is_settled,
            is_resting=hosted.is_resting,
            bytes=self._bytes[key],
        )


def _bytes_of(segment: AnySegment) -> int:
    """Return about what a segment keeps in memory, mapped rows included: they are read, and so cached."""
    return segment.figures().vector_bytes
