"""Segments of several tenants for tests, built as the optimizer builds them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from shared.schema.collections import UNNAMED, CollectionConfig
from shared.schema.row_order import row_order_of
from shared.segment import bits
from shared.segment.appendable import AppendableSegment
from shared.segment.builder import BuildSpec, SegmentBuilder
from shared.segment.index.base import SlotIndex, SlotSearch
from shared.segment.layout import layout_of, plans_of
from shared.segment.rows import row_batch
from shared.segment.sealed import SealedSegment
from tests.kinds import written
from tests.unit.segment.index.slots import clustered
from tests.unit.segment.segment_builders import SEED

DIM = 64
TENANT = {"user": {"type": "keyword", "is_tenant": True}}
GROUPED = {"m": 0, "payload_m": 8, "ef_construct": 40, "full_scan_threshold": 16}
"""Blocks over 64 rows of 64 dims get a graph."""


def config(hnsw: Mapping[str, Any] = GROUPED, indexes: Mapping[str, Any] = TENANT, **slot: Any) -> CollectionConfig:
    """Return the config of a collection with one slot."""
    vectors = {UNNAMED: {"size": DIM, "distance": "Cosine", **slot}}
    return CollectionConfig.model_validate({"vectors": vectors, "hnsw_config": hnsw, "payload_indexes": indexes})


def segment_of(payloads: list[dict[str, Any]], wanted: CollectionConfig, seed: int = 3) -> SealedSegment:
    """Return a segment as it is sealed: a point for each payload, with the ids 0, 1, …"""
    rows = clustered(seed, len(payloads), DIM)
    batch = [{"id": place, "vector": rows[place].tolist(), "payload": one} for place, one in enumerate(payloads)]
    segment = AppendableSegment("a00000000", layout_of(wanted), SEED)
    for first in range(0, len(batch), 500):
        segment.append(row_batch(written(wanted, batch[first : first + 500]), 1, segment.layout))
    return segment.seal()


def built(directory: Path, wanted: CollectionConfig, *inputs: SealedSegment) -> SealedSegment:
    """Build one segment out of others and open it."""
    order = row_order_of(wanted)
    spec = BuildSpec("b0", layout_of(wanted), plans_of(wanted), SEED, generation=1, threads=1, row_order=order)
    builder = SegmentBuilder(spec)
    for segment in inputs:
        builder.add(segment)
    builder.build(directory)
    return SealedSegment.open(directory)


def users(*sizes: int) -> list[dict[str, Any]]:
    """Return payloads of users `u0`, `u1`, … with so many points each, in turn as they come in."""
    names = np.repeat(np.arange(len(sizes)), sizes)
    np.random.default_rng(5).shuffle(names)
    return [{"user": f"u{name}", "n": place} for place, name in enumerate(names.tolist())]


def values_of(segment: SealedSegment, key: str) -> list[Any]:
    """Return the value of each row's payload at a key, in the order of the rows."""
    return [orjson.loads(segment.payload(row)).get(key) for row in range(segment.count)]


def asked_for(segment: SealedSegment, user: str, limit: int = 10, **more: Any) -> SlotSearch:
    """Return a search of one user's rows."""
    passes = np.array([value == user for value in values_of(segment, "user")])
    return SlotSearch(limit, bits.from_bool(passes), int(passes.sum()), **more)


def slot_of(segment: SealedSegment) -> SlotIndex:
    """Return the unnamed slot."""
    slot = segment.slot(UNNAMED)
    assert isinstance(slot, SlotIndex)
    return slot
