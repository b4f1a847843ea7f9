"""Shoal's engine in process: what a worker calls, without the service around it.

Modes: `graph` and `scan` go through `shared.query.search`, as a worker's searches do; `undeclared` does so on segments
that know of no payload index; `bare` is the slot's index alone, ids included, which is what hnswlib's call does.
"""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from benchmarks.contestants.base import OVERSAMPLING, Ask, Floats, Payloads, Quantization, serve
from benchmarks.contestants.wheres import Indexes, Where
from shared.query.count import count_segments
from shared.query.facet import facet_segments
from shared.query.filters import words_of
from shared.query.scroll import scroll_segments
from shared.query.search import search_segments
from shared.schema.collections import UNNAMED, CollectionConfig, Distance
from shared.schema.filters import Filter, MatchAny, Range
from shared.schema.payload_index import FieldType, PayloadIndex
from shared.schema.queries import (
    Count,
    Facet,
    PayloadSelector,
    QuantizationParams,
    Scroll,
    Search,
    SearchParams,
    VectorSelector,
)
from shared.schema.row_order import row_order_of
from shared.segment.appendable import AppendableSegment
from shared.segment.batches import SlotBatch
from shared.segment.builder import BuildSpec, SegmentBuilder
from shared.segment.id_map import IdBatch
from shared.segment.index.base import SlotIndex, SlotSearch
from shared.segment.index.graph_build import warm_builder
from shared.segment.kernels.warmup import warmup
from shared.segment.layout import Layout, SlotLayout, plans_of
from shared.segment.patches import PayloadPatch
from shared.segment.placement import CACHED, placement_of
from shared.segment.rows import RowBatch
from shared.segment.sealed import SealedSegment
from shared.settings import Settings

BATCH = 256
SEED = 20_261_123


class Shoal:
    """Segments as a shard has them: sealed at the default size, then one with a graph."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "shoal"
        self._segments: Sequence[AppendableSegment | SealedSegment] = []
        self._undeclared: Sequence[SealedSegment] = []
        self._layout: Layout = {}
        self._version = 10**6
        self.quantization: Quantization | None = None
        self.indexes: Indexes = {}
        self.payload_m: int | None = None

    def warm(self) -> None:
        """Load the kernels."""
        warmup()

    def load(self, vectors: Floats, payloads: Payloads) -> float:
        """Append in batches; seal at the size that a worker seals at. The builder is warm, as the optimizer's is."""
        warm_builder()
        began = time.perf_counter()
        dim = vectors.shape[1]
        self._layout = {UNNAMED: SlotLayout(dim, Distance.COSINE)}
        rows_max = min(Settings().appendable_rows, Settings().appendable_bytes // (dim * 4))
        segments: list[AppendableSegment | SealedSegment] = []
        for first in range(0, len(vectors), rows_max):
            appendable = AppendableSegment(f"a{len(segments):08d}", self._layout, SEED)
            for start in range(first, min(first + rows_max, len(vectors)), BATCH):
                stop = min(start + BATCH, first + rows_max, len(vectors))
                appendable.append(_batch(vectors, payloads, start, stop))
            segments.append(appendable.seal() if first + rows_max < len(vectors) else appendable)
        self._segments = segments
        return time.perf_counter() - began

    def index(self) -> None:
        """Build one segment out of all, as the optimizer does."""
        shutil.rmtree(self._directory, ignore_errors=True)
        config = self._config
        order = row_order_of(config)
        spec = BuildSpec("b" + "0" * 16, self._layout, plans_of(config), SEED, generation=1, row_order=order)
        builder = SegmentBuilder(spec)
        for segment in self._segments:
            builder.add(segment.seal() if isinstance(segment, AppendableSegment) else segment)
        builder.build(self._directory)
        self.reopen()

    def reopen(self) -> None:
        """Map the files."""
        placement = placement_of(self._config) if self.quantization else CACHED
        self._segments = [SealedSegment.open(self._directory, placement=placement)]
        if self.indexes:
            self._undeclared = [SealedSegment.open(self._directory, placement=placement)]
        for segment in self._segments:
            _declare(segment, self._config.payload_indexes)

    @property
    def _config(self) -> CollectionConfig:
        """As a collection would have it; only the quantization and the places matter."""
        dim = self._layout[UNNAMED].dim if self._layout else 1
        vectors = {"size": dim, "distance": Distance.COSINE, "on_disk": True if self.quantization else None}
        config: dict[str, Any] = {"vectors": {UNNAMED: vectors}, "quantization_config": self.quantization}
        if self.payload_m is not None:
            config["hnsw_config"] = {"m": 0, "payload_m": self.payload_m}
        config["payload_indexes"] = {
            key: {"type": "keyword", "is_tenant": True} if kind == "tenant" else {"type": kind}
            for key, kind in self.indexes.items()
        }
        return CollectionConfig.model_validate(config)

    def ask(self, query: Floats, limit: int, ef: int, mode: str, where: Where | None = None) -> Ask:
        """See the module."""
        segments = self._undeclared if mode == "undeclared" else self._segments
        if mode == "bare":
            slot = segments[0].slot(UNNAMED)
            assert isinstance(slot, SlotIndex)
            options = SlotSearch(limit=limit, ef=ef)
            return lambda: segments[0].ids(slot.search(query, options)[0])  # type: ignore[return-value]
        threshold = self._config.hnsw_config.full_scan_threshold
        search = Search(
            UNNAMED, query.tobytes(), limit, _filter(where), params=_params(ef, mode), full_scan_kb=threshold
        )
        return lambda: search_segments(segments, search).ids  # type: ignore[return-value]

    def count(self, where: Where) -> Callable[[], int]:
        """Count exactly."""
        count = Count(_filter(where))
        return lambda: count_segments(self._segments, count)

    def facet(self, key: str, where: Where | None) -> Callable[[], int]:
        """Count all values; gives the sum."""
        facet = Facet(key, 1000, _filter(where), index_type=FieldType(self.indexes[key]))
        return lambda: sum(count for _, count in facet_segments(self._segments, facet))

    def scroll(self, where: Where, limit: int) -> Callable[[], int]:
        """Read a first page with payloads."""
        scroll = Scroll(None, limit, _filter(where), PayloadSelector(enabled=True), VectorSelector())
        return lambda: len(scroll_segments(self._segments, scroll))

    def set_payload(self, where: Where, payload: dict[str, Any]) -> Callable[[], object]:
        """Merge a payload into those of matching points, as applying an operation does."""
        text, wanted = orjson.dumps(payload), _filter(where)

        def deed() -> None:
            self._version += 1
            for segment in self._segments:
                words, _ = words_of(segment, wanted)
                segment.patch_payload(words, PayloadPatch.setting(text), self._version)

        return deed

    def column_bytes(self) -> dict[str, int]:
        """Return the bytes of the columns of each declared index, built alone."""
        found: dict[str, int] = {}
        for key, index in self._config.payload_indexes.items():
            segment = SealedSegment.open(self._directory)
            _declare(segment, {key: index})
            found[f"{index.type} {key}"] = segment.columns.nbytes
        return found


def _declare(segment: AppendableSegment | SealedSegment, indexes: Mapping[str, PayloadIndex]) -> None:
    segment.declare(indexes)
    for key, kind in segment.columns.unbuilt():
        segment.columns.build(key, kind)


def _filter(where: Where | None) -> Filter | None:
    if where is None:
        return None
    if where.value is not None:
        return Filter(must=[MatchAny(where.key, [where.value])])
    return Filter(must=[Range(where.key, gte=where.low, lt=where.high)])


def _params(ef: int, mode: str) -> SearchParams:
    codes = QuantizationParams(oversampling=OVERSAMPLING if mode == "oversampled" else 1.0)
    return SearchParams(hnsw_ef=ef or None, quantization=codes)


def _batch(vectors: Floats, payloads: Payloads, first: int, last: int) -> RowBatch:
    return RowBatch(
        IdBatch.from_ids(list(range(first, last))),
        np.full(last - first, first + 1, np.uint64),
        {UNNAMED: SlotBatch(np.asarray(vectors[first:last]), None)},
        [orjson.dumps(payloads[row]) if payloads else b"" for row in range(first, last)],
    )


if __name__ == "__main__":
    serve(Shoal)
