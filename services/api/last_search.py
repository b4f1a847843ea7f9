"""When the last search came, to whichever api process of this machine: what loads go by that pause for searches.

The processes of one launcher share one number, seconds of the monotonic clock, which is one for the whole machine.
"""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager

_BYTES = mmap.PAGESIZE


class LastSearch:
    """Takes times, gives the newest. `descriptor` is the shared memory's; -1 keeps it in this process."""

    def __init__(self, descriptor: int = -1) -> None:
        self._at = memoryview(mmap.mmap(descriptor, _BYTES)).cast("d")

    @property
    def at(self) -> float:
        """Seconds; 0 before the first search."""
        return self._at[0]

    @at.setter
    def at(self, now: float) -> None:
        self._at[0] = now


@contextmanager
def shared_memory() -> Iterator[int]:
    """Gives a descriptor for the processes that are to share, open until the block ends."""
    descriptor = os.memfd_create("shoal-last-search")
    try:
        os.truncate(descriptor, _BYTES)
        yield descriptor
    finally:
        os.close(descriptor)
