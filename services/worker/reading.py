"""How one shard's log is read: followed with all others in one XREAD, or at rest until the log tells of an append.

A rest begins only where everything was read, checked by the log itself in the script that notes whom to wake; so an
append is either read or told. A message that gets lost is made up for by whoever looks at the heads (claims.py).
"""

from services.worker.source import Source
from shared.actor.mailbox import Mailbox
from shared.log.position import Entry, ShardKey
from shared.log.wal import Wal


class Reading:
    """One shard's. Calls come from the loop that owns the shard."""

    def __init__(self, key: ShardKey, wal: Wal, source: Source, channel: str) -> None:
        self._key = key
        self._wal = wal
        self._source = source
        self._channel = channel
        self._batches: Mailbox[list[Entry]] | None = None
        self._rested_at = -1
        self._is_woken = False

    @property
    def is_resting(self) -> bool:
        """True while nothing is read until a wake-up."""
        return self._rested_at >= 0

    @property
    def is_begun(self) -> bool:
        """True from `follow` to `leave`, at rest or not."""
        return self._batches is not None

    def follow(self, position: int, batches: Mailbox[list[Entry]]) -> None:
        """Read entries beyond a position into a mailbox, from now on."""
        self._batches, self._rested_at = batches, -1
        self._source.follow(self._key, position, batches)

    def leave(self) -> None:
        """Read no more."""
        self._batches, self._rested_at = None, -1
        self._source.leave(self._key)

    def wake(self) -> None:
        """There may be something to read."""
        self._is_woken = True
        if self._batches is not None and self.is_resting:
            self.follow(self._rested_at, self._batches)

    async def rest(self, applied: int, fence: int) -> bool:
        """Rest if nothing is beyond `applied`; tell whether. Raises what `Wal.rest` raises, and then reads on."""
        batches = self._batches
        if batches is None or self.is_resting or self._source.position(self._key) != applied:
            return self.is_resting
        self._is_woken = False
        if not await self._wal.rest(self._key, applied, fence, self._channel):
            return False
        if self._is_woken or self._batches is not batches or self._source.position(self._key) != applied:
            return False
        self._source.leave(self._key)
        self._rested_at = applied
        return True
