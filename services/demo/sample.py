"""A data set on disk: vectors as float16 .npy, payloads as gzipped JSON lines, queries likewise (sample/README.md)."""

import gzip
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

SHIPPED = Path(__file__).parent / "sample"


class Sample(NamedTuple):
    """Points and queries; row i of the vectors belongs to payload i."""

    vectors: npt.NDArray[np.float32]
    payloads: list[dict[str, Any]]
    queries: npt.NDArray[np.float32]
    query_texts: list[str]


def load_sample(folder: Path) -> Sample:
    """Reads a data set; vectors come back with unit length."""
    queries = _lines(folder / "queries.jsonl.gz")
    return Sample(
        vectors=_vectors(folder / "points.f16.npy"),
        payloads=_lines(folder / "points.jsonl.gz"),
        queries=_vectors(folder / "queries.f16.npy"),
        query_texts=[query["text"] for query in queries],
    )


def _vectors(path: Path) -> npt.NDArray[np.float32]:
    """Half precision loses a little of the length, so it is restored."""
    vectors = np.load(path, allow_pickle=False).astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit


def _lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path) as file:
        return [orjson.loads(line) for line in file]
