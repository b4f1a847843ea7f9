"""Shards, positions and entries of the log, and the check that a reader has missed nothing.

A position is an integer from 1; 0 is "before the first". Intervals are `(after, through]`. Positions of a shard are
dense, but for the leap of a `resume` entry, and never repeat. They stay below 2^53, where Lua's doubles are exact.
"""

from typing import NamedTuple

from shared.schema.operations import Operation, Resume

START = 0
"""The position before the first entry."""

RESUME_STEP = 2**20
"""How far beyond every known position a `resume` entry goes: more than any api process can be ahead of a leader."""


class ShardKey(NamedTuple):
    """A shard: the collection's UUID and the shard's number."""

    collection: str
    shard: int

    def __str__(self) -> str:
        return f"{self.collection}:{self.shard}"


def parse_shard_key(text: str) -> ShardKey:
    """Return the key behind `<uuid>:<shard>`."""
    collection, _, shard = text.rpartition(":")
    return ShardKey(collection, int(shard))


class Entry(NamedTuple):
    """One entry of a shard's log. `operation` is what `schema.operations.decode_operation` reads."""

    position: int
    operation: bytes


class ShardHead(NamedTuple):
    """What the log says of a shard, read at one moment.

    state     "open", "closed" (deleted) or "missing" (never opened, or Redis came back empty)
    head      the last position; 0 for none
    first     the first position that may still be read; head + 1 when everything is trimmed
    waiting   bytes of the log that are not trimmed yet
    capacity  bytes at which appends are refused; the leader checkpoints at half of it
    floor     a position that somebody knew and the log has lost, when it is above the head: a leader must resume
    """

    state: str
    head: int
    generation: int
    fence: int
    waiting: int
    first: int
    capacity: int
    floor: int = 0

    def is_behind(self, applied: int) -> bool:
        """True when the log has lost entries: then its leader, at `applied`, publishes a checkpoint and resumes."""
        return self.head < max(applied, self.floor)


def follows(last: int, position: int, operation: Operation) -> bool:
    """Tell whether a reader that has applied through `last` may apply this entry: False is a gap.

    An entry follows when it is the next position, or a `resume` whose writer had applied exactly as much (`after` equal
    to `last`). A resume with a larger `after` means that Redis lost entries which this reader never saw; one with a
    smaller `after` that this reader applied entries which the leader never saw. Both, like any other leap, are gaps:
    reload the newest manifest. So a leader publishes its checkpoint before it appends a `resume`.
    """
    return position == last + 1 or (isinstance(operation, Resume) and operation.after == last and position > last)
