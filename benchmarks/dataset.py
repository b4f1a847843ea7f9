"""The data: unit float32 rows as .npy files that every contestant maps, payload lines, and the exact answers."""

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

LIMIT = 10


class Dataset(NamedTuple):
    """Points and queries. `truth` int64 (queries, LIMIT), by brute force."""

    name: str
    vectors: Path
    payloads: Path
    queries: Path
    rows: int
    dim: int
    truth: npt.NDArray[np.int64]


def prepare(folder: Path, rows: int, queries: int, work: Path) -> Dataset:
    """Convert the first `rows` points and `queries` queries; 0 takes all."""
    vectors = _unit(folder / "points.f16.npy", rows)
    asked = _unit(folder / "queries.f16.npy", queries)
    np.save(work / "points.npy", vectors)
    np.save(work / "queries.npy", asked)
    with gzip.open(folder / "points.jsonl.gz", "rt") as file:
        lines = [line for line, _ in zip(file, range(len(vectors)), strict=False)]
    (work / "payloads.jsonl").write_text("".join(lines))
    return Dataset(
        name=folder.name,
        vectors=work / "points.npy",
        payloads=work / "payloads.jsonl",
        queries=work / "queries.npy",
        rows=len(vectors),
        dim=vectors.shape[1],
        truth=exact(vectors, asked),
    )


def exact(vectors: npt.NDArray[np.float32], queries: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Return the true best rows of each query."""
    best = []
    for first in range(0, len(queries), 64):
        scores = queries[first : first + 64] @ vectors.T
        top = np.argpartition(-scores, LIMIT - 1, axis=1)[:, :LIMIT]
        best.append(np.take_along_axis(top, np.argsort(-np.take_along_axis(scores, top, 1), axis=1), 1))
    return np.concatenate(best).astype(np.int64)


def recall(found: npt.NDArray[np.int64], truth: npt.NDArray[np.int64]) -> float:
    """Return the share of the true best that was found."""
    hits = sum(len(set(mine.tolist()) & set(best.tolist())) for mine, best in zip(found, truth, strict=False))
    return hits / float(found.size)


def _unit(path: Path, count: int) -> npt.NDArray[np.float32]:
    raw = np.load(path, mmap_mode="r")
    rows = np.asarray(raw[:count] if count else raw, np.float32)
    unit: npt.NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
