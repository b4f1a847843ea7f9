"""Room that rows are about to take is present before they come."""

import ctypes
import mmap
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.segment.growing import AHEAD_BYTES, LEAP_FROM_BYTES, READY_BYTES, READY_FROM_BYTES, GrowingArray
from shared.segment.prefault import prefault

PAGE = 4096
HUGE = 2**21
"""Pages may be this large: what lies nearer to a page that was touched may be present by that."""
ROW = 256
ROW_BYTES = 4 * ROW
M_MMAP_THRESHOLD = -3


@pytest.fixture(autouse=True)
def _memory_comes_fresh_from_the_kernel() -> Iterator[None]:
    """An array of some megabytes is no memory that an earlier test used and left with malloc, which is present.

    It is mapped where malloc has no free piece of its size; of free pieces the pages are given back.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "malloc_trim") or not library.mallopt(M_MMAP_THRESHOLD, 2**20):
        pytest.skip("another C library")
    library.malloc_trim(0)
    yield
    library.mallopt(M_MMAP_THRESHOLD, 2**25)


def present_pages(array: NDArray[np.generic], first: int, last: int) -> list[bool]:
    """Which pages of these bytes of an array are in memory, by mincore(2)."""
    low, high = ((array.ctypes.data + byte) // PAGE * PAGE for byte in (first, last))
    marks = (ctypes.c_ubyte * ((high - low) // PAGE))()
    assert ctypes.CDLL(None).mincore(ctypes.c_void_p(low), ctypes.c_size_t(high - low), marks) == 0
    return [bool(mark & 1) for mark in marks]


def settle() -> None:
    """Wait for what was asked of the thread: it does one thing after the other."""
    if not prefault(np.empty(2 * PAGE, np.uint8), 0, 2 * PAGE).result():
        pytest.skip("the kernel is older than 5.14")


def test_a_range_is_made_present_and_keeps_what_it_holds() -> None:
    fresh = mmap.mmap(-1, 16 * HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    array = np.frombuffer(fresh, np.uint8)
    array[:10] = 7

    done = prefault(array, 0, 4 * HUGE).result()

    if not done:
        pytest.skip("the kernel is older than 5.14")
    assert all(present_pages(array, PAGE, 4 * HUGE))
    assert not any(present_pages(array, 6 * HUGE, 16 * HUGE))
    assert array[:10].tolist() == [7] * 10


def test_the_room_behind_the_rows_of_a_large_array_is_present_before_they_come() -> None:
    array: GrowingArray[np.float32] = GrowingArray(np.float32, (ROW,))
    for _ in range(40):
        array.append(np.ones((100, ROW), np.float32))
        settle()

        if array.whole.nbytes > 2 * LEAP_FROM_BYTES:
            assert all(present_pages(array.whole, array.nbytes, array.nbytes + AHEAD_BYTES // 2 - PAGE))
    assert array.nbytes > LEAP_FROM_BYTES
    assert not any(present_pages(array.whole, array.nbytes + AHEAD_BYTES + 2 * HUGE, array.whole.nbytes))


def test_the_room_of_a_large_array_is_ready_before_it_is_one() -> None:
    array: GrowingArray[np.float32] = GrowingArray(np.float32, (ROW,))
    array.append(np.ones((READY_FROM_BYTES // ROW_BYTES, ROW), np.float32))
    settle()
    room = array._room

    assert room is not None
    assert all(present_pages(room, PAGE, READY_BYTES - PAGE))
    while array._room is not None:
        array.append(np.ones((100, ROW), np.float32))
    assert array.whole is room
    assert array.view().min() == 1


def test_an_array_that_outgrows_its_room_at_once_keeps_none() -> None:
    array: GrowingArray[np.float32] = GrowingArray(np.float32, (ROW,))
    array.append(np.ones((READY_FROM_BYTES // ROW_BYTES, ROW), np.float32))
    assert array._room is not None

    array.append(np.ones((len(array._room), ROW), np.float32))

    assert array._room is None
    assert array.view().min() == 1


def test_a_small_array_takes_no_more_than_its_rows() -> None:
    array: GrowingArray[np.float32] = GrowingArray(np.float32, (ROW,))

    array.append(np.ones((READY_FROM_BYTES // ROW_BYTES - 1, ROW), np.float32))

    assert array._room is None
    assert array._present == 0


def test_the_room_of_a_large_array_has_no_huge_pages() -> None:
    """One of them is found and cleared in one go, for milliseconds in which nobody has the processor."""
    array: GrowingArray[np.float32] = GrowingArray(np.float32, (ROW,))
    array.append(np.ones((READY_FROM_BYTES // ROW_BYTES, ROW), np.float32))
    settle()
    assert array._room is not None
    start, end = array._room.ctypes.data // PAGE * PAGE, (array._room.ctypes.data + array._room.nbytes) // PAGE * PAGE

    flags = flags_of_memory(start, end)

    if not flags:
        pytest.skip("no /proc/self/smaps")
    assert all("nh" in each for each in flags)


def flags_of_memory(start: int, end: int) -> list[list[str]]:
    """Return the flags (proc(5), VmFlags) of each mapping that has a part between two addresses."""
    found, is_in = [], False
    smaps = Path("/proc/self/smaps")
    for line in smaps.read_text().splitlines() if smaps.exists() else []:
        if bounds := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
            low, high = (int(each, 16) for each in bounds.groups())
            is_in = low < end and high > start
        elif is_in and line.startswith("VmFlags:"):
            found.append(line.split()[1:])
    return found
