"""The heap of a service: what keeps its collector and its allocator from holding the loop while requests wait.

What a service has loaded by the time it is ready (modules, kernels, tables) lives as long as the process: a full
collection that looks at all of it takes 30 to 100 ms. What a request makes is freed by its reference counts when the
request ends; but while a large body is in work its lists are young objects, and each collection of the young ones
reads all their elements. So the collector leaves out what is there at the start, and looks for cycles less often.
"""

import ctypes
import gc

YOUNG_MAX = 10_000
"""New objects before the collector looks at them: more than several large bodies in work are; the default is 700."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 2**24
"""Free memory that stays with the process between large bodies."""
MAPPED_BYTES = 2**23
"""A block of at least so much is given back to the kernel as soon as it is free."""


def keep_free_memory() -> None:
    """Have malloc keep what a large body used for the next one.

    By itself glibc gives it back, and each upsert of 1.2 MB takes 440 new pages of the api, which cost 0.3 ms, and
    several where a virtual machine's host must find them too; so does each operation that a worker applies. Does
    nothing with another C library.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(_M_MMAP_THRESHOLD, MAPPED_BYTES)


def settle_heap() -> None:
    """Leave what lives now out of all later collections, and have them come rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MAX)
