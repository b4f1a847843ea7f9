"""Several searches of one slot in one go: those that scan the same rows read them once.

A walk reads what its own query leads it to, so walks go one after another.
"""

from collections.abc import Sequence

import numpy as np

from shared.segment.index.base import SlotIndex
from shared.segment.index.planning import Way, sign_candidates
from shared.segment.index.running import (
    NO_ROWS,
    NO_SCORES,
    Floats,
    Ready,
    Rows,
    SlotSearch,
    found,
    run,
    sure_hits,
)
from shared.segment.index.scratch import POOL
from shared.segment.kernels.table import AT
from shared.segment.kernels.together import scan_raw_together, scan_signs_together

Asked = tuple[bytes, SlotSearch]

SHARED_BYTES_MIN = 16 * 2**20
"""Smaller 1-bit codes stay in the processor's cache from one query to the next: reading them once gains nothing."""


def search_together(
    index: SlotIndex, asked: Sequence[Asked], shared_bytes_min: int = SHARED_BYTES_MIN
) -> list[tuple[Rows, Floats]]:
    """Return what `index.search` gives for each query and its options. Raises BadInput for a query of another size."""
    if len(asked) == 1:
        return [index.search(*asked[0])]
    scratches = [POOL.take() for _ in asked]
    try:
        every = [index.ready(scratch, *each) for scratch, each in zip(scratches, asked, strict=True)]
        hits = _hits(every, shared_bytes_min)
        return [
            (NO_ROWS, NO_SCORES) if ready is None else found(ready, count)
            for ready, count in zip(every, hits, strict=True)
        ]
    finally:
        for scratch in scratches:
            POOL.give(scratch)


def _hits(every: Sequence[Ready | None], shared_bytes_min: int) -> list[int]:
    """Run all searches; return how many rows each found."""
    hits = [0] * len(every)
    groups: dict[tuple[Way, int, int, int], list[int]] = {}
    for place, ready in enumerate(every):
        if ready is None:
            continue
        way, table = _scan_of(ready, shared_bytes_min), ready.scratch.table
        if way is None:
            hits[place] = run(ready)
        else:
            key = (way, int(table[AT.words]), int(table[AT.vectors]), int(table[AT.rows]))
            groups.setdefault(key, []).append(place)
    for (way, *_), places in groups.items():
        together = [ready for place in places if (ready := every[place]) is not None]
        counts = [run(together[0])] if len(together) == 1 else _scanned(way, together)
        for place, count in zip(places, counts, strict=True):
            hits[place] = count
    return hits


def _scan_of(ready: Ready, shared_bytes_min: int) -> Way | None:
    """Return by which scan of all rows a search goes; None for walks and other scans."""
    terrain, options, way = ready.prepared.terrain, ready.prepared.options, ready.prepared.way
    if ready.prepared.listed:
        return None
    if options.exact:
        return Way.EXACT
    if way is Way.SIGNS and (terrain.is_estimated or _candidates(ready) < terrain.matching):
        return Way.SIGNS if terrain.rows * terrain.dim >= 8 * shared_bytes_min else None
    return Way.EXACT if way in (Way.SIGNS, Way.EXACT) else None


def _candidates(ready: Ready) -> int:
    return sign_candidates(ready.prepared.limit, has_floor=ready.floor > -np.inf)


def _scanned(way: Way, together: Sequence[Ready]) -> list[int]:
    """Scan once for all; return how many rows each search found."""
    if way is Way.SIGNS:
        for ready in together:
            ready.scratch.fit_candidates(_candidates(ready))
            ready.scratch.table[AT.candidates] = _candidates(ready)
    tables = np.stack([ready.scratch.table for ready in together])
    (scan_signs_together if way is Way.SIGNS else scan_raw_together)(tables)
    counts = []
    for table, ready in zip(tables, together, strict=True):
        ready.scratch.table[:] = table
        count = int(table[AT.hits])
        counts.append(sure_hits(ready.scratch, ready.prepared.terrain, count) if way is Way.SIGNS else count)
    return counts
