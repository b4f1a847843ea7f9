"""The gate before a swap: how much of the exact answer a built index finds, on a bounded sample.

Searches confined to blocks of rows with graphs of their own are measured too, in the largest block and some others.

Three kinds of queries, because each alone can look good over a broken graph: own points (which must find themselves),
own points pushed towards another (as queries from outside fall between rows), and those under a mask of a tenth of
the rows. Hits count by score, so that equal rows may stand for each other.
"""

import numpy as np
import numpy.typing as npt

from shared.schema.collections import Distance
from shared.segment.distance import normalised
from shared.segment.elements import widened
from shared.segment.index.base import SlotIndex, SlotSearch

Floats = npt.NDArray[np.float32]
Words = npt.NDArray[np.uint64]

PUSH = 0.25
"""How far a jittered query lies on the way to another row."""

BLOCKS_MAX = 8
"""So many blocks with graphs are measured, about."""

ROWS_SCANNED_MAX = 20_000_000
"""The sample shrinks so that exact answers score at most so many rows."""


def measure_recall(
    index: SlotIndex,
    sample: int = 200,
    limit: int = 10,
    seed: int = 1,
    live: Words | None = None,
    *,
    ignores_codes: bool = False,
) -> float:
    """Return the least of the recalls over own points, jittered points and masked queries, in [0, 1].

    Over all rows, and within blocks that have graphs.

    live            uint64 words of rows that count; None for all. An own point that does not find itself (or an equal)
                    as its best hit is a whole miss
    ignores_codes   leave the codes of a quantization aside: what is measured is the graph
    """
    rows = _live_rows(index, live)
    if len(rows) == 0:
        return 1.0
    draw = np.random.default_rng(seed)
    everything = SlotSearch(limit, live, len(rows), ignores_codes=ignores_codes)
    found = [_least_recall(index, rows, draw, everything, sample)]
    for number in _blocks(index):
        first, last = index.groups.block(number) if index.groups is not None else (0, 0)
        inside = rows[(rows >= first) & (rows < last)]
        if len(inside):
            confined = everything._replace(words=_words_of(inside, index.count), matching=len(inside))
            found.append(_least_recall(index, inside, draw, confined, max(30, sample // BLOCKS_MAX)))
    return min(found)


def _blocks(index: SlotIndex) -> list[int]:
    """Return some of the blocks that have graphs, the largest among them."""
    if index.groups is None or not len(index.groups.graphed):
        return []
    graphed = index.groups.graphed
    by_size = graphed[np.argsort(-np.diff(index.groups.starts)[graphed], kind="stable")]
    step = -(-len(by_size) // BLOCKS_MAX)
    return [int(number) for number in by_size[::step]]


def _least_recall(
    index: SlotIndex, rows: npt.NDArray[np.int64], draw: np.random.Generator, search: SlotSearch, sample: int
) -> float:
    """Return the least of the three recalls among rows that a search lets pass."""
    size = max(1, min(sample, len(rows), ROWS_SCANNED_MAX // (3 * index.count) + 10))
    chosen = draw.choice(rows, size, replace=len(rows) < size)
    own = widened(index.layout, index.vectors[chosen])
    others = widened(index.layout, index.vectors[draw.choice(rows, size)])
    jittered = ((1 - PUSH) * own + PUSH * others).astype(np.float32)
    if index.layout.distance is Distance.COSINE:
        jittered = normalised(jittered)
    masked = _thin_mask(index, rows, draw, search)
    checks_self = index.layout.distance is not Distance.DOT
    third = max(1, size // 3)
    return min(
        _recall(index, own[:third], search, checks_self),
        _recall(index, jittered[third:] if size > third else jittered, search, False),
        _recall(index, jittered[:third], masked, False),
    )


def _recall(index: SlotIndex, queries: Floats, options: SlotSearch, checks_self: bool) -> float:
    found = 0.0
    for query in queries:
        _, scores = index.search(query, options)
        _, truth = index.search(query, options._replace(exact=True))
        if checks_self and scores[0] < truth[0]:
            continue
        found += float(np.mean(scores[: len(truth)] >= truth[-1]))
    return found / len(queries)


def _live_rows(index: SlotIndex, live: Words | None) -> npt.NDArray[np.int64]:
    if live is None:
        return np.arange(index.count)
    passes = np.unpackbits(np.ascontiguousarray(live).view(np.uint8), bitorder="little")
    return np.flatnonzero(passes[: index.count])


def _thin_mask(
    index: SlotIndex, rows: npt.NDArray[np.int64], draw: np.random.Generator, search: SlotSearch
) -> SlotSearch:
    """Return a search under a mask that lets a tenth of the rows pass."""
    kept = draw.choice(rows, max(1, len(rows) // 10), replace=False)
    return search._replace(words=_words_of(kept, index.count), matching=len(kept))


def _words_of(rows: npt.NDArray[np.int64], count: int) -> Words:
    passes = np.zeros((count + 63) // 64 * 64, dtype=np.bool_)
    passes[rows] = True
    return np.packbits(passes, bitorder="little").view(np.uint64)
