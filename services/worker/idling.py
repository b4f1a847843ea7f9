"""Which shards are read no more, and which are closed. Pure: what the shards do goes in, a choice comes out.

following  in the one XREAD of all active shards
resting    open, and not read: the log tells of the next append (reading.py)
closed     not open: files and manifest only (dormant.py)
A shard that is quiet rests, because an XREAD costs as much as it names shards. One that is open and unused is closed
only when the open ones take more memory than they may, the longest unused first; an empty one in any case, because
opening it again costs nothing and a thousand of them would be worth a collection of rows.
"""

from collections.abc import Iterable
from typing import NamedTuple

from shared.log.position import ShardKey

STEPS_MAX = 64
"""Shards put to rest, and shards closed, in one look: each takes a call to Redis or a look at the disk."""
OPEN_BYTES = 32 * 2**10
"""What an open shard takes beside its rows: actors, maps, the manifest's entries."""


class Idler(NamedTuple):
    """One open shard at one moment.

    quiet_s    since something was applied last
    unused_s   since it was read last, or something applied
    is_settled everything is checkpointed, nothing is to be switched or waited for
    bytes      of memory, about
    """

    key: ShardKey
    quiet_s: float
    unused_s: float
    is_settled: bool
    is_resting: bool
    bytes: int


class Activity:
    """When one shard was last written and read, as seen at looks some seconds apart."""

    def __init__(self, now: float) -> None:
        self._applied = -1
        self.applied_at = self.used_at = now

    def look(self, now: float, applied: int, was_read: bool) -> bool:
        """Note what the shard did since the last look; tell whether something was applied."""
        is_changed = applied != self._applied
        if is_changed:
            self._applied, self.applied_at = applied, now
        if is_changed or was_read:
            self.used_at = now
        return is_changed


class IdleRule(NamedTuple):
    """When shards rest and close; the fields are those of `Settings`, `bytes_max` is what open shards may take."""

    rest_s: float
    close_s: float
    bytes_max: int


class IdleChoice(NamedTuple):
    """What to do now."""

    rest: list[ShardKey]
    close: list[ShardKey]


def choose_idle(shards: Iterable[Idler], rule: IdleRule) -> IdleChoice:
    """Return which shards begin to rest, and which of those that rest are closed so that the others fit."""
    everyone = list(shards)
    rest = [one.key for one in everyone if one.is_settled and not one.is_resting and one.quiet_s >= rule.rest_s]
    excess = sum(one.bytes + OPEN_BYTES for one in everyone) - rule.bytes_max
    close: list[ShardKey] = []
    for one in sorted(everyone, key=lambda one: (one.bytes > 0, -one.unused_s)):
        if len(close) >= STEPS_MAX or (one.bytes and excess <= 0):
            break
        if one.is_resting and one.is_settled and one.unused_s >= rule.close_s:
            close.append(one.key)
            excess -= one.bytes + OPEN_BYTES
    return IdleChoice(rest[:STEPS_MAX], close)
