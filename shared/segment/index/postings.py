"""Inverted lists of a sealed segment's sparse vectors: built when first wanted, kept under one budget a process.

Weights are kept in the slot's datatype: float32 gives scores themselves; float16 (6 bytes a pair instead of 8) and
uint8 (5 bytes; each list has its own low and step) give candidates, which the pairs themselves rescore.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count as counter
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from shared.schema.slots import Datatype
from shared.segment.kernels.sparse_scan import PAIRS, PAIRS_SIZE, fill_lists
from shared.segment.kernels.table import FLOAT16, FLOAT32, UINT8, address

Floats = npt.NDArray[np.float32]

BUDGET_BYTES_DEFAULT = 512 * 2**20

PAIRS_AT_ONCE = 200_000
"""Lists of so many pairs are built by the search that wants them first; longer ones in the background."""

_WEIGHT_BYTES = {Datatype.FLOAT32: 4, Datatype.FLOAT16: 2, Datatype.UINT8: 1}
_CODES = 255


class Pairs(NamedTuple):
    """Sparse rows: those of row r are [offsets[r], offsets[r + 1]), ascending by index."""

    indices: npt.NDArray[np.uint32]
    values: Floats
    offsets: npt.NDArray[np.int64]


class Postings(NamedTuple):
    """The pairs of all rows, sorted by index: list t belongs to terms[t] and is [starts[t], starts[t + 1]).

    element      of the weights: FLOAT32, FLOAT16, UINT8
    lows, steps  float32 (terms,): a byte code c means low + step * c
    """

    terms: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int32]
    weights: npt.NDArray[Any]
    lows: Floats
    steps: Floats
    element: int

    @property
    def nbytes(self) -> int:
        """Return the bytes held."""
        return sum(array.nbytes for array in self[:-1])


def postings_bytes(pairs: int, datatype: Datatype) -> int:
    """Return about how many bytes the lists of so many pairs take."""
    return pairs * (4 + _WEIGHT_BYTES[datatype])


def build_postings(pairs: Pairs, rows: int, datatype: Datatype) -> Postings:
    """Return the lists of the first `rows` rows."""
    size = int(pairs.offsets[rows])
    terms, counts = np.unique(pairs.indices[:size], return_counts=True)
    starts = np.zeros(len(terms) + 1, dtype=np.int64)
    np.cumsum(counts, out=starts[1:])
    list_rows, weights = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.float32)
    places = starts[:-1].copy()
    table = np.zeros(PAIRS_SIZE, dtype=np.int64)
    table[PAIRS.indices], table[PAIRS.values] = address(pairs.indices), address(pairs.values)
    table[PAIRS.offsets] = address(pairs.offsets)
    table[PAIRS.terms], table[PAIRS.term_count] = address(terms), len(terms)
    table[PAIRS.next] = address(places)
    table[PAIRS.list_rows], table[PAIRS.list_weights] = address(list_rows), address(weights)
    fill_lists(table, rows)
    return _narrowed(Postings(terms, starts, list_rows, weights, _zeros(terms), _zeros(terms), FLOAT32), datatype)


def _zeros(terms: npt.NDArray[np.uint32]) -> Floats:
    return np.zeros(len(terms), dtype=np.float32)


def _narrowed(lists: Postings, datatype: Datatype) -> Postings:
    if datatype is Datatype.FLOAT32 or len(lists.rows) == 0:
        return lists
    if datatype is Datatype.FLOAT16:
        limits = np.finfo(np.float16)
        halves = np.clip(lists.weights, limits.min, limits.max).astype(np.float16)
        return lists._replace(weights=halves, element=FLOAT16)
    lows = np.minimum.reduceat(lists.weights, lists.starts[:-1])
    steps = ((np.maximum.reduceat(lists.weights, lists.starts[:-1]) - lows) / np.float32(_CODES)).astype(np.float32)
    lengths = np.diff(lists.starts)
    spread = lists.weights - np.repeat(lows, lengths)
    scale = np.divide(1, steps, out=np.zeros_like(steps), where=steps > 0)
    codes = np.clip(np.rint(spread * np.repeat(scale, lengths)), 0, _CODES).astype(np.uint8)
    return lists._replace(weights=codes, lows=lows, steps=steps, element=UINT8)


class PostingsCache:
    """Lists by their index's number under one budget in bytes. Safe under threads.

    What is kept stays until its index is gone. Lists for which there is no room are not built, so that two indexes
    never take turns at building.
    """

    def __init__(self, budget_bytes: int = BUDGET_BYTES_DEFAULT) -> None:
        self.budget_bytes = budget_bytes
        self.used_bytes = 0
        self._kept: dict[int, Postings] = {}
        self._lock = threading.Lock()

    def get(self, number: int) -> Postings | None:
        """Return an index's lists, None when there are none."""
        return self._kept.get(number)

    def has_room(self, nbytes: int) -> bool:
        """Return whether lists of so many bytes would be kept."""
        return self.used_bytes + nbytes <= self.budget_bytes

    def put(self, number: int, lists: Postings) -> bool:
        """Keep lists if there is room; tell whether."""
        with self._lock:
            self._forget(number)
            if not self.has_room(lists.nbytes):
                return False
            self._kept[number] = lists
            self.used_bytes += lists.nbytes
            return True

    def forget(self, number: int) -> None:
        """Forget the lists of an index that is gone."""
        with self._lock:
            self._forget(number)

    def bytes_of(self, number: int) -> int:
        """Return the bytes that an index's lists take now, 0 without any."""
        found = self._kept.get(number)
        return 0 if found is None else found.nbytes

    def _forget(self, number: int) -> None:
        found = self._kept.pop(number, None)
        if found is not None:
            self.used_bytes -= found.nbytes


PROCESS_CACHE: Final = PostingsCache()
"""The cache of this process, as memory is the process's: segments share one budget. Tests pass their own."""

NUMBERS = counter(1)
"""Numbers for indexes, as the cache knows them."""

BUILDS: Final = ThreadPoolExecutor(1, "postings")
"""Builds large lists, one after another."""
