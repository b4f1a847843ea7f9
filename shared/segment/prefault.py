"""Makes memory present in a thread before it is written to.

The first write to a page stops until the kernel has found and cleared one: 0.2 us a KB on a machine of its own, up to
4 us on a virtual one whose host must find the page too (measured: 64 MB in 12 to 220 ms), and 2 MB at a time where
pages are huge. An applier would stop for that long in the loop that answers searches.
"""

import ctypes
import errno
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any

from numpy.typing import NDArray

_PAGE = 4096
_PIECE_BYTES = 2**17
_PAUSE_S = 0.0002
"""Between two pieces: whoever waits for the processor, or to map memory, does not wait for the whole range."""
_MADV_POPULATE_WRITE = 23
"""Linux 5.14 and newer (madvise(2)); contents stay as they are, so it may run beside writes."""


def prefault(array: NDArray[Any], first: int, last: int) -> "Future[bool]":
    """Make bytes `first` to `last` of a contiguous array present, soon; gives whether the kernel could."""
    return _pool().submit(_populate, array, first, last)


def _populate(array: NDArray[Any], first: int, last: int) -> bool:
    start = array.ctypes.data
    low, high = (start + first) // _PAGE * _PAGE, (start + last) // _PAGE * _PAGE
    for address in range(low, high, _PIECE_BYTES):
        if not _madvise(address, min(_PIECE_BYTES, high - address)):
            return False
        time.sleep(_PAUSE_S)
    return True


def _madvise(address: int, length: int) -> bool:
    """ctypes lets others run meanwhile."""
    libc = _libc()
    if libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(length), _MADV_POPULATE_WRITE) == 0:
        return True
    return ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


@cache
def _pool() -> ThreadPoolExecutor:
    """One thread. Each array has at most one request in it for the room that it is about to reach."""
    return ThreadPoolExecutor(1, "prefault")
