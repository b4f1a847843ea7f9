"""Points the table of a search at one block of rows: the same arrays a little further in."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.segment.index.groups import Groups, Region
from shared.segment.kernels.table import AT, address

GROUP = 16
"""Rows that share a group of 1-bit codes."""
_WORD_BYTES, _META_BYTES = 8 * GROUP, 4 * 3 * GROUP


class GroupPlaces(NamedTuple):
    """Where the arrays of a slot's groups are in memory, found once.

    entry_rows   uint8 (entries, stride): copies of the entries' codes
    """

    groups: Groups
    offsets: int
    neighbors: int
    entries: int
    entry_rows: npt.NDArray[np.uint8]
    entry_codes: int

    @classmethod
    def of(cls, groups: Groups, entry_rows: npt.NDArray[np.uint8]) -> "GroupPlaces":
        """Return the places of groups."""
        return cls(
            groups,
            address(groups.offsets),
            address(groups.neighbors),
            address(groups.entries),
            entry_rows,
            address(entry_rows),
        )


def enter(table: npt.NDArray[np.int64], region: Region, row_bytes: int, *, has_signs: bool) -> None:
    """Make the rows of a table those of a region."""
    base = region.base
    table[AT.rows] = region.rows
    table[AT.vectors] += base * row_bytes
    table[AT.byte_rows] += base * table[AT.byte_stride]
    if table[AT.byte_halves]:
        table[AT.byte_halves] += 4 * base
    if has_signs:
        groups = base // GROUP
        table[AT.sign_words] += groups * (int(table[AT.sign_padded]) // 64) * _WORD_BYTES
        table[AT.sign_meta] += groups * _META_BYTES


def enter_graph(table: npt.NDArray[np.int64], region: Region, places: GroupPlaces) -> None:
    """Make the graph of a table that of a region's block."""
    first, last = places.groups.entry_starts[region.number : region.number + 2].tolist()
    table[AT.offsets] = places.offsets + 8 * region.base
    table[AT.neighbors] = places.neighbors
    table[AT.entries] = places.entries + 4 * first
    table[AT.entry_count] = last - first
    table[AT.entry_rows] = places.entry_codes + first * int(table[AT.byte_stride])
