"""Takes what the log tells of resting shards, gives it to those who host them; listens again when the line was cut."""

from collections.abc import Callable

import structlog

from shared.actor.actor import Actor
from shared.clock import Clock
from shared.errors import LogUnavailable
from shared.log.position import ShardKey
from shared.log.wakeups import WakeUps

log = structlog.get_logger(__name__)

RETRY_S = 0.5


class Wakings(Actor[None]):
    """One per worker. `on_begin` is called whenever listening begins: what was told before may be lost."""

    def __init__(
        self, wakeups: WakeUps, on_begin: Callable[[], None], on_wake: Callable[[ShardKey], None], clock: Clock
    ) -> None:
        super().__init__("wakings", 1)
        self._wakeups = wakeups
        self._on_begin = on_begin
        self._on_wake = on_wake
        self._clock = clock

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._wakeups.listen(self._on_begin, self._on_wake)
            except LogUnavailable as error:
                log.warning("wake-ups are not heard, the slow sweep goes on", error=str(error))
                await self._clock.sleep(RETRY_S)

    async def stop(self, timeout_s: float = 10.0) -> None:
        """Listen no more."""
        self.mailbox.close()
        await self.cancel()
