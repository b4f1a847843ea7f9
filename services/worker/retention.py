"""How much of a log stays although checkpoints cover it: `wal_retain_closed` - 1 capacities at most. Pure.

A replica or a reader of changes that lags a little then still finds what it needs. Nothing of it counts as waiting.
"""

from collections import deque


class Retention:
    """Takes checkpoints of one shard, gives how far its log may be trimmed. What a former process kept is not kept."""

    def __init__(self) -> None:
        self._cuts: deque[tuple[int, int]] = deque()

    def trim_through(self, position: int, log_bytes: int, kept_bytes_max: int) -> int:
        """Note a checkpoint at which the log was `log_bytes` long; return the position that may be trimmed through."""
        self._cuts.append((position, log_bytes))
        while log_bytes - self._cuts[0][1] > kept_bytes_max:
            self._cuts.popleft()
        return self._cuts[0][0]
