"""From rows to hits: versions, payloads and vectors of the points that an answer holds."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from shared.query.selectors import selected_payload
from shared.query.view import Ranking, View
from shared.schema.queries import Hit, PayloadSelector, VectorSelector
from shared.segment import bits
from shared.segment.base import Segment
from shared.segment.bits import Rows

Vectors = dict[str, bytes]


def fetch_hits(view: View, ranking: Ranking, with_payload: PayloadSelector, with_vector: VectorSelector) -> list[Hit]:
    """Return the ranked points as hits, in their order. Raises BadFormat for a bad payload path.

    A slot that a point does not carry is not among its vectors.
    """
    cut = selected_payload(with_payload) if with_payload.enabled else None
    hits: list[Hit | None] = [None] * len(ranking.ids)
    for place, at, rows in _by_segment(view, ranking):
        segment = view[place].segment
        versions = segment.versions(rows)
        payloads = _payloads(segment, rows, cut) if with_payload.enabled else [None] * len(at)
        vectors = _vectors(segment, rows, with_vector.names) if with_vector.enabled else [None] * len(at)
        for one, version, payload, vector in zip(at, versions, payloads, vectors, strict=True):
            hits[one] = Hit(ranking.ids[one], version, ranking.scores[one], payload, vector)
    return hits  # type: ignore[return-value]  # every place is filled


def _by_segment(view: View, ranking: Ranking) -> Iterator[tuple[int, Sequence[int], Rows]]:
    """Give each segment's place, which of the points lie in it, and their rows."""
    rows = np.array(ranking.rows, np.int64)
    if len(view) == 1:
        yield 0, range(len(rows)), rows
        return
    found: dict[int, list[int]] = {}
    for one, place in enumerate(ranking.places):
        found.setdefault(place, []).append(one)
    for place, at in found.items():
        yield place, at, rows[at]


def _payloads(segment: Segment, rows: Rows, cut: Callable[[bytes], bytes] | None) -> list[bytes]:
    whole = segment.payloads(rows)
    return whole if cut is None else [cut(payload) for payload in whole]


def _vectors(segment: Segment, rows: Rows, names: list[str] | None) -> list[Vectors]:
    """Return the wire bytes of each row by slot (see `Hit`)."""
    found: list[Vectors] = [{} for _ in range(len(rows))]
    for name in segment.layout if names is None else names:
        slot = segment.slot(name)
        if slot is None:
            continue
        present = segment.present_words(name)
        carries = np.arange(len(rows)) if present is None else np.flatnonzero(bits.test(present, rows))
        for one, packed in zip(carries.tolist(), slot.packed(rows[carries]), strict=True):
            found[one][name] = packed
    return found
