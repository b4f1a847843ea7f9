"""Makes slot indexes for tests, and says what they must answer."""

import numpy as np

from shared.schema.collections import Distance, HnswConfig
from shared.segment.distance import normalised
from shared.segment.index.base import SlotIndex, SlotSearch
from shared.segment.index.bit_codes import has_bit_codes
from shared.segment.index.codes import BitCodes, ByteCodes, Codes
from shared.segment.index.graph_build import build_graph
from shared.segment.layout import SlotLayout

SEED = 7


def clustered(seed: int, count: int, dim: int, centres: int = 50) -> np.ndarray:
    """Rows in soft clusters, as embeddings lie."""
    draw = np.random.default_rng(seed)
    middles = draw.standard_normal((centres, dim))
    return (middles[draw.integers(0, centres, count)] + 0.6 * draw.standard_normal((count, dim))).astype(np.float32)


def fit(distance: Distance, vectors: np.ndarray) -> np.ndarray:
    """Rows as they arrive under a distance."""
    return normalised(vectors) if distance is Distance.COSINE else np.ascontiguousarray(vectors, dtype=np.float32)


def plain(distance: Distance, vectors: np.ndarray) -> SlotIndex:
    """No codes, no graph."""
    return SlotIndex(SlotLayout(vectors.shape[1], distance), vectors, len(vectors))


def coded(distance: Distance, vectors: np.ndarray, with_bytes: bool = True) -> SlotIndex:
    """Codes, no graph."""
    dim = vectors.shape[1]
    return SlotIndex(
        SlotLayout(dim, distance),
        vectors,
        len(vectors),
        codes=Codes(
            ByteCodes.build(vectors, distance) if with_bytes else None,
            BitCodes.build(vectors, distance, SEED) if has_bit_codes(dim, distance) else None,
        ),
    )


def indexed(distance: Distance, vectors: np.ndarray, hnsw: HnswConfig | None = None) -> SlotIndex:
    """Codes and graph; rows in the order that the builder chose."""
    built = build_graph(vectors, distance, hnsw or HnswConfig(), threads=2)
    ordered = np.ascontiguousarray(vectors[built.order])
    codes = coded(distance, ordered)
    return SlotIndex(codes.layout, ordered, len(ordered), codes=codes.codes, graph=built.graph)


def recall(index: SlotIndex, queries: np.ndarray, search: SlotSearch) -> float:
    """Share of hits that are as good as the exact ones."""
    found = []
    for query in queries:
        rows, scores = index.search(query, search)
        truth_rows, truth = index.search(query, search._replace(exact=True))
        assert len(rows) == len(truth_rows) == len(set(rows.tolist()))
        found.append(np.mean(scores >= truth[-1]) if len(truth) else 1.0)
    return float(np.mean(found))
