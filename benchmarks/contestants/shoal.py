"""Shoal's engine in process: what a worker calls, without the service around it.

Modes: `graph` and `scan` go through `shared.query.search`, as a worker's searches do; `bare` is the slot's index alone,
ids included, which is what hnswlib's call does.
"""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson

from benchmarks.contestants.base import OVERSAMPLING, Ask, Floats, Payloads, Quantization, serve
from shared.query.search import search_segments
from shared.schema.collections import UNNAMED, CollectionConfig, Distance, VectorParams
from shared.schema.quantization import QuantizationConfig
from shared.schema.queries import QuantizationParams, Search, SearchParams
from shared.segment.appendable import AppendableSegment
from shared.segment.batches import SlotBatch
from shared.segment.builder import BuildSpec, SegmentBuilder
from shared.segment.id_map import IdBatch
from shared.segment.index.base import SlotIndex, SlotSearch
from shared.segment.index.graph_build import warm_builder
from shared.segment.kernels.warmup import warmup
from shared.segment.layout import Layout, SlotLayout, plans_of
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
        self._layout: Layout = {}
        self.quantization: Quantization | None = None

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
        spec = BuildSpec("b" + "0" * 16, self._layout, plans_of(self._config), SEED, generation=1)
        builder = SegmentBuilder(spec)
        for segment in self._segments:
            builder.add(segment.seal() if isinstance(segment, AppendableSegment) else segment)
        builder.build(self._directory)
        self.reopen()

    def reopen(self) -> None:
        """Map the files."""
        placement = placement_of(self._config) if self.quantization else CACHED
        self._segments = [SealedSegment.open(self._directory, placement=placement)]

    @property
    def _config(self) -> CollectionConfig:
        """As a collection would have it; only the quantization and the places matter."""
        dim = self._layout[UNNAMED].dim if self._layout else 1
        vectors = VectorParams(size=dim, distance=Distance.COSINE, on_disk=True if self.quantization else None)
        quantization = QuantizationConfig.model_validate(self.quantization) if self.quantization else None
        return CollectionConfig(vectors={UNNAMED: vectors}, quantization_config=quantization)

    def ask(self, query: Floats, limit: int, ef: int, mode: str) -> Ask:
        """See the module."""
        segments = self._segments
        if mode == "bare":
            slot = segments[0].slot(UNNAMED)
            assert isinstance(slot, SlotIndex)
            options = SlotSearch(limit=limit, ef=ef)
            return lambda: segments[0].ids(slot.search(query, options)[0])  # type: ignore[return-value]
        search = Search(UNNAMED, query.tobytes(), limit, params=_params(ef, mode))
        return lambda: search_segments(segments, search).ids  # type: ignore[return-value]


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
