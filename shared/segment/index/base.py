"""What a segment holds for one slot: its vectors, their codes, maybe a graph, and one way to search them.

`SlotIndex.search` is the only door. It chooses by estimated cost between four ways to find candidates and gives the
same scores from all of them, because every score that leaves comes from `exact.score_rows`:

1. exact     score every matching row                       few matching rows, `exact`, or no codes
2. bytes     scan matching rows by int8 codes               rather few matching rows, Manhattan, fewer than 64 dims
3. bits      scan all blocks of 1-bit codes                 no graph, or a mask too thin for a walk
4. walk      walk the graph; masked rows steer, never enter the results; ends as 2 or 3 when it finds too little
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.segment.index.codes import BitCodes, ByteCodes
from shared.segment.index.graph import Graph
from shared.segment.layout import SlotLayout

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


class SlotSearch(NamedTuple):
    """How to search one slot.

    limit      1 and up
    words      uint64 row mask, bit r % 64 of word r // 64 set where row r may be a hit; None lets every row pass.
               Rows beyond the words do not pass.
    matching   how many bits of `words` are set; read only beside `words`
    ef         beam of the walk; 0 is the default
    exact      score every matching row
    """

    limit: int
    words: Words | None = None
    matching: int = 0
    ef: int = 0
    exact: bool = False


class SlotIndex:
    """Vectors, codes and graph of one slot. Read by many threads; changed by one loop, through `replace` only.

    layout       dim and distance
    vectors      float32 (capacity, dim), C-contiguous, unit rows under Cosine; may be a read-only map
    count        rows in use, <= capacity
    byte_codes   int8 codes of all rows, or None (the appendable segment has none)
    bit_codes    1-bit codes, or None (Manhattan, fewer than 64 dims); may cover fewer than `count` rows
    graph        or None
    """

    def __init__(
        self,
        layout: SlotLayout,
        vectors: Floats,
        count: int,
        byte_codes: ByteCodes | None = None,
        bit_codes: BitCodes | None = None,
        graph: Graph | None = None,
    ) -> None: ...

    @property
    def code_bytes(self) -> int:
        """Return the bytes of codes and graph, for the memory figures."""
        ...

    def replace(self, vectors: Floats, count: int) -> None:
        """Show rows that were appended: `vectors` may be a larger array with the same first rows.

        The bit codes, when there are any, must have been appended first. Rows below the old count never change.
        """

    def search(self, query: Floats, options: SlotSearch) -> tuple[Rows, Floats]:
        """Return the best matching rows and their scores.

        query     float32 (dim,), unit length under Cosine
        Gives     rows int64 (k,), scores float32 (k,), best first, ties by row, k = min(limit, matching)
        """
        ...
