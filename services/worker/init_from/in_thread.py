"""Work in a thread that is never left running behind its caller's back."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

T = TypeVar("T")


async def in_thread(executor: Executor, work: Callable[[], T]) -> T:
    """Run and await work. A caller that is cancelled gets its cancellation once the work has ended.

    So whoever cancels may remove the files that the work was writing.
    """
    future = asyncio.get_running_loop().run_in_executor(executor, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise
