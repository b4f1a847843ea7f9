"""qdrant-edge-py: the original's engine in process, m 16 and ef_construct 100, one segment and one search thread.

One segment and one thread are its best case for one query at a time: tried against its defaults.
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qdrant_edge import (  # type: ignore[import-not-found]  # only in the peers' environment
    BinaryQuantizationConfig,
    CompressionRatio,
    CountRequest,
    Distance,
    EdgeConfig,
    EdgeOptimizersConfig,
    EdgeShard,
    EdgeVectorParams,
    FacetRequest,
    FieldCondition,
    Filter,
    HnswIndexConfig,
    KeywordIndexParams,
    MatchValue,
    PayloadSchemaType,
    Point,
    ProductQuantizationConfig,
    QuantizationSearchParams,
    Query,
    RangeFloat,
    ScalarQuantizationConfig,
    ScalarType,
    ScrollRequest,
    SearchParams,
    SearchRequest,
    UpdateOperation,
)

from benchmarks.contestants.base import OVERSAMPLING, Ask, Floats, Payloads, Quantization, serve
from benchmarks.contestants.wheres import Indexes, Where

BATCH = 256
INDEXING_THRESHOLD_KB = 1000


class Edge:
    """One shard in one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "edge"
        self._shard: EdgeShard | None = None
        self.quantization: Quantization | None = None
        self.indexes: Indexes = {}
        self.payload_m: int | None = None

    def warm(self) -> None:
        """Nothing to do: it is compiled."""

    def load(self, vectors: Floats, payloads: Payloads) -> float:
        """Upsert in batches, then flush. Points are made before the clock starts."""
        shutil.rmtree(self._directory, ignore_errors=True)
        self._shard = EdgeShard.create(str(self._directory), _config(vectors.shape[1], self))
        for key, kind in self.indexes.items():
            self._shard.update(UpdateOperation.create_field_index(key, _index(kind)))
        points = [Point(row, vectors[row].tolist(), payloads[row] if payloads else None) for row in range(len(vectors))]
        began = time.perf_counter()
        for first in range(0, len(vectors), BATCH):
            self._shard.update(UpdateOperation.upsert_points(points[first : first + BATCH]))
        self._shard.flush()
        return time.perf_counter() - began

    def index(self) -> None:
        """Run its optimizers."""
        self._open.optimize()
        self._open.flush()

    def reopen(self) -> None:
        """Load from disk."""
        if self._shard is not None:
            self._shard.close()
        self._shard = EdgeShard.load(str(self._directory))

    def ask(self, query: Floats, limit: int, ef: int, mode: str, where: Where | None = None) -> Ask:
        """`scan` is its exact search."""
        codes = QuantizationSearchParams(rescore=True, oversampling=OVERSAMPLING if mode == "oversampled" else None)
        params = SearchParams(exact=True)
        if mode != "scan":
            params = SearchParams(hnsw_ef=ef or None, quantization=codes if self.quantization else None)
        request = SearchRequest(
            query=Query.Nearest(query.tolist()), limit=limit, params=params, filter=_filter(where) if where else None
        )
        search = self._open.search
        return lambda: [point.id for point in search(request)]

    def count(self, where: Where) -> Callable[[], int]:
        """Count exactly."""
        request, count = CountRequest(exact=True, filter=_filter(where)), self._open.count
        return lambda: int(count(request))

    def facet(self, key: str, where: Where | None) -> Callable[[], int]:
        """Count all values exactly; gives the sum."""
        request = FacetRequest(key, limit=1000, exact=True, filter=_filter(where) if where else None)
        facet = self._open.facet
        return lambda: sum(hit.count for hit in facet(request).hits)

    def scroll(self, where: Where, limit: int) -> Callable[[], int]:
        """Read a first page with payloads."""
        request = ScrollRequest(limit=limit, filter=_filter(where), with_payload=True)
        scroll = self._open.scroll
        return lambda: len(scroll(request)[0])

    def set_payload(self, where: Where, payload: dict[str, Any]) -> Callable[[], object]:
        """Merge a payload into those of matching points."""
        operation = UpdateOperation.set_payload_by_filter(_filter(where), payload)
        return lambda: self._open.update(operation)

    @property
    def _open(self) -> EdgeShard:
        assert self._shard is not None, "load comes first"
        return self._shard


def _filter(where: Where) -> Filter:
    if where.value is not None:
        return Filter(must=[FieldCondition(where.key, match=MatchValue(where.value))])
    return Filter(must=[FieldCondition(where.key, range=RangeFloat(gte=where.low, lt=where.high))])


def _index(kind: str) -> Any:
    if kind == "tenant":
        return KeywordIndexParams(is_tenant=True)
    return {"keyword": PayloadSchemaType.Keyword, "integer": PayloadSchemaType.Integer}[kind]


def _config(dim: int, edge: Edge) -> EdgeConfig:
    quantization, links = edge.quantization, edge.payload_m
    return EdgeConfig(
        vectors=EdgeVectorParams(size=dim, distance=Distance.Cosine, on_disk=True if quantization else None),
        quantization_config=_quantization(quantization) if quantization else None,
        hnsw_config=HnswIndexConfig(0 if links else 16, 100, 10_000, payload_m=links),
        optimizers=EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=INDEXING_THRESHOLD_KB),
        max_search_threads=1,
    )


def _quantization(config: Quantization) -> Any:
    [(kind, given)] = config.items()
    always_ram = given["always_ram"]
    if kind == "scalar":
        return ScalarQuantizationConfig(ScalarType.Int8, quantile=given["quantile"], always_ram=always_ram)
    if kind == "product":
        return ProductQuantizationConfig(getattr(CompressionRatio, given["compression"].upper()), always_ram=always_ram)
    return BinaryQuantizationConfig(always_ram=always_ram)


if __name__ == "__main__":
    serve(Edge)
