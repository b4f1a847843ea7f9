"""Segments that are searched one after the other, each told what the others reached, find what exact search finds."""

import numpy as np

from shared.query.search import search_hits
from shared.schema.collections import Distance
from shared.schema.operations import SlotRows, Upsert
from shared.schema.queries import Search, SearchParams
from shared.segment.appendable import AppendableSegment
from shared.segment.layout import SlotLayout
from shared.segment.rows import row_batch

ROWS, DIM, SEGMENTS = 2000, 96, 4


def test_floor_of_earlier_segments_loses_no_hits():
    layout = {"": SlotLayout(DIM, Distance.EUCLID)}
    draw = np.random.default_rng(3)
    centres = draw.standard_normal((50, DIM)).astype(np.float32) * 2
    segments = []
    for number in range(SEGMENTS):
        segment = AppendableSegment(f"a{number:08d}", layout, 1)
        rows = centres[draw.integers(0, 50, ROWS)] + draw.standard_normal((ROWS, DIM)).astype(np.float32)
        ids = list(range(number * ROWS, (number + 1) * ROWS))
        segment.append(row_batch(Upsert(ids, {"": SlotRows(DIM, rows.tobytes())}, [b""] * ROWS), number + 1, layout))
        segments.append(segment)
    queries = [centres[place] + draw.standard_normal(DIM).astype(np.float32) for place in range(50)]

    found = [search_hits(segments, Search("", query.tobytes(), 10)) for query in queries]

    exact = [
        search_hits(segments, Search("", query.tobytes(), 10, params=SearchParams(exact=True))) for query in queries
    ]
    shared = sum(len({a.id for a in one} & {b.id for b in other}) for one, other in zip(found, exact, strict=True))
    assert shared / (10 * len(queries)) >= 0.99
