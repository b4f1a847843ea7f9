"""Holding a lease while something is done: renewed in the background, and the work is cancelled when it is lost."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

from shared.clock import Clock
from shared.errors import Unavailable

Result = TypeVar("Result")


class LeaseLost(Unavailable):
    """The lease expired or went to another holder while work was going on."""


class HeldLease(Protocol):
    """What `shared.coordination.leases.Lease` offers here."""

    async def renew(self) -> bool: ...


async def hold(
    lease: HeldLease, work: Coroutine[Any, Any, Result], clock: Clock, renew_s: float, ttl_s: float
) -> Result:
    """Do the work while the lease is ours. Raises LeaseLost after the work has been cancelled."""
    working = asyncio.create_task(work)
    renewing = asyncio.create_task(_renew(lease, clock, renew_s, ttl_s))
    try:
        await asyncio.wait({working, renewing}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise LeaseLost("the job's lease was lost, another optimizer may hold it")
    finally:
        for task in (working, renewing):
            task.cancel()
        await asyncio.gather(working, renewing, return_exceptions=True)


async def _renew(lease: HeldLease, clock: Clock, renew_s: float, ttl_s: float) -> None:
    """Renew until that fails: refused, or Redis out of reach for as long as the lease lives."""
    renewed_at = clock.now()
    while clock.now() - renewed_at < ttl_s:
        await clock.sleep(renew_s)
        asked_at = clock.now()
        try:
            if not await lease.renew():
                return
            renewed_at = asked_at
        except Unavailable:
            continue
