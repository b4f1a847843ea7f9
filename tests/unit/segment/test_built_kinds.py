"""Builds of other kinds of slot than float32 rows: graphs and codes of what the rows mean, beside rows as they are."""

from pathlib import Path

import numpy as np
import pytest

from shared.schema.collections import CollectionConfig, HnswConfig, SparseVectorParams
from shared.schema.slots import Datatype, Distance
from shared.segment.appendable import AppendableSegment
from shared.segment.builder import BuildSpec, SegmentBuilder
from shared.segment.elements import dtype_of
from shared.segment.index.base import SlotIndex, SlotSearch
from shared.segment.index.multi import MultiIndex
from shared.segment.index.recall import measure_recall
from shared.segment.index.sparse import SparseIndex
from shared.segment.layout import SlotPlan, layout_of
from shared.segment.rows import row_batch
from shared.segment.sealed import SealedSegment
from tests.builders import config, vectors
from tests.kinds import WirePoint, slot, written

ROWS, DIM = 700, 24


def sealed(distance: Distance, datatype: Datatype) -> SealedSegment:
    """Return a sealed segment of random rows within what bytes can hold."""
    given = config(vectors={"": slot(DIM, distance, datatype)})
    rows = np.clip(60 * vectors(ROWS, DIM, seed=5) + 100, 0, 255).round(1)
    return segment_of(given, [{"id": one, "vector": row.tolist()} for one, row in enumerate(rows)])


def segment_of(given: CollectionConfig, points: list[WirePoint]) -> SealedSegment:
    """Return a sealed segment of points."""
    segment = AppendableSegment("a1", layout_of(given), 7)
    segment.append(row_batch(written(given, points), 1, segment.layout))
    return segment.seal()


def build(directory: Path, m: int, *inputs: SealedSegment) -> SealedSegment:
    """Build one segment and open it."""
    layout = inputs[0].layout
    spec = BuildSpec("b1", layout, {name: SlotPlan(HnswConfig(m=m)) for name in layout}, 7, generation=1, threads=1)
    builder = SegmentBuilder(spec)
    for segment in inputs:
        builder.add(segment)
    builder.build(directory / "b1")
    return SealedSegment.open(directory / "b1", layout=layout)


@pytest.mark.parametrize("datatype", [Datatype.FLOAT16, Datatype.UINT8])
@pytest.mark.parametrize("distance", [Distance.COSINE, Distance.EUCLID])
def test_codes_and_graph_over_other_datatypes_find_what_a_scan_finds(
    distance: Distance, datatype: Datatype, tmp_path: Path
) -> None:
    segment = sealed(distance, datatype)

    index = build(tmp_path, 8, segment).slot("")

    assert isinstance(index, SlotIndex)
    assert (index.graph is not None, index.vectors.dtype) == (True, dtype_of(index.layout))
    assert measure_recall(index, sample=60) >= 0.9
    assert not (tmp_path / "b1" / "scratch.npy").exists()


def test_a_built_row_scores_as_it_did_before(tmp_path: Path) -> None:
    segment = sealed(Distance.COSINE, Datatype.UINT8)
    before = segment.slot("")
    assert isinstance(before, SlotIndex)
    query = before.vectors[3].astype(np.float32)
    query /= np.linalg.norm(query)

    output = build(tmp_path, 8, segment)

    after = output.slot("")
    assert isinstance(after, SlotIndex)
    old_rows, old_scores = before.search(query, SlotSearch(10, exact=True))
    new_rows, new_scores = after.search(query, SlotSearch(10, exact=True))
    assert output.ids(new_rows) == segment.ids(old_rows)
    assert new_scores.tolist() == old_scores.tolist()
    assert abs(new_scores[0] - 1) < 1e-6


def test_multivectors_and_sparse_vectors_follow_the_order_of_the_graph(tmp_path: Path) -> None:
    dense, many = slot(DIM, Distance.EUCLID), slot(2, Distance.DOT, multi=True)
    given = config(vectors={"": dense, "many": many}, sparse_vectors={"words": SparseVectorParams()})
    rows = vectors(300, DIM, seed=6)
    points = [
        {
            "id": one,
            "vector": {
                "": row.tolist(),
                "many": [[float(one), float(place)] for place in range(1 + one % 3)],
                "words": {"indices": list(range(one % 4)), "values": [float(one)] * (one % 4)},
            },
        }
        for one, row in enumerate(rows)
    ]

    output = build(tmp_path, 8, segment_of(given, points))

    ids = [int(one) for one in output.ids(np.arange(output.count)) if isinstance(one, int)]
    assert ids != list(range(300))
    many, words = output.slot("many"), output.slot("words")
    assert isinstance(many, MultiIndex)
    assert isinstance(words, SparseIndex)
    lengths = np.array(ids)
    assert np.diff(many.offsets).tolist() == (1 + lengths % 3).tolist()
    assert many.vectors[:, 0].tolist() == np.repeat(lengths, 1 + lengths % 3).tolist()
    assert np.diff(words.offsets).tolist() == (lengths % 4).tolist()
    assert words.values.tolist() == np.repeat(lengths, lengths % 4).tolist()


def test_a_slot_whose_plan_wants_no_graph_has_codes_only(tmp_path: Path) -> None:
    index = build(tmp_path, 0, sealed(Distance.COSINE, Datatype.FLOAT16)).slot("")

    assert isinstance(index, SlotIndex)
    assert index.graph is None
    assert index.codes.rows is not None
