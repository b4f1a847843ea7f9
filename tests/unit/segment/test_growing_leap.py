"""A growing array leaps once to a large room, so that no later growth copies much while searches wait."""

import numpy as np
import pytest

from shared.segment.growing import LEAP_FROM_BYTES, LEAP_TO_BYTES, GrowingArray

ROW = 256
"""Numbers of a row: 1 kB."""


def grown(kilobytes: int, step: int = 100) -> tuple[GrowingArray[np.float32], list[int]]:
    """An array of so many rows, and how many bytes each growth has copied."""
    array: GrowingArray[np.float32] = GrowingArray(np.float32, (ROW,))
    copied = []
    for first in range(0, kilobytes, step):
        before, held = array.whole, array.nbytes
        array.append(np.full((step, ROW), first, np.float32))
        if array.whole is not before:
            copied.append(held)
    return array, copied


def test_no_growth_below_the_large_room_copies_more_than_a_megabyte() -> None:
    kilobytes = LEAP_TO_BYTES // 1024 // 2

    array, copied = grown(kilobytes)

    assert max(copied) <= LEAP_FROM_BYTES
    assert array.view()[::100, 0].tolist() == list(range(0, array.count, 100))


def test_small_arrays_get_no_large_room() -> None:
    array, _ = grown(400)

    assert array.whole.nbytes < LEAP_FROM_BYTES


@pytest.mark.parametrize("rows", [LEAP_TO_BYTES // 4 // ROW + 1, LEAP_TO_BYTES // 2 // ROW])
def test_an_array_may_outgrow_the_large_room(rows: int) -> None:
    array: GrowingArray[np.float32] = GrowingArray(np.float32, (ROW,))

    array.append(np.ones((rows, ROW), np.float32))
    array.append(np.full((rows, ROW), 2, np.float32))

    assert (array.view()[0, 0], array.view()[-1, 0], array.count) == (1, 2, 2 * rows)
