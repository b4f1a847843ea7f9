"""hnswlib: the plain graph, M 16 and ef_construction 100, inner product over unit rows."""

from pathlib import Path

import hnswlib

from benchmarks.contestants.base import Ask, Floats, Payloads, Quantization, serve
from benchmarks.contestants.wheres import Indexes, Where


class Hnsw:
    """One index in one file. It has no payloads and no search without a graph."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "hnswlib.bin"
        self._vectors: Floats | None = None
        self._index: hnswlib.Index | None = None
        self._dim = 0
        self._ef = 0
        self.quantization: Quantization | None = None
        self.indexes: Indexes = {}
        self.payload_m: int | None = None
        """It has none of these: never set."""

    def warm(self) -> None:
        """Nothing to do: it is compiled."""

    def load(self, vectors: Floats, payloads: Payloads) -> float:
        """Keep the rows for the build: loading and building are one."""
        self._vectors, self._dim = vectors, vectors.shape[1]
        return 0.0

    def index(self) -> None:
        """Build with all processors."""
        assert self._vectors is not None
        self._index = hnswlib.Index(space="ip", dim=self._dim)
        self._index.init_index(max_elements=len(self._vectors), ef_construction=100, M=16)
        self._index.add_items(self._vectors)
        self._index.set_num_threads(1)
        self._index.save_index(str(self._path))

    def reopen(self) -> None:
        """Load from disk."""
        self._index = hnswlib.Index(space="ip", dim=self._dim)
        self._index.load_index(str(self._path))
        self._index.set_num_threads(1)

    def ask(self, query: Floats, limit: int, ef: int, mode: str, where: Where | None = None) -> Ask:
        """Only `graph`. The beam is a property of the index: all searches of one request share it."""
        assert self._index is not None
        if mode == "scan":
            raise NotImplementedError("hnswlib has no search without a graph")
        if ef and ef != self._ef:
            self._index.set_ef(max(ef, limit))
            self._ef = ef
        knn = self._index.knn_query
        return lambda: knn(query, k=limit)[0][0].tolist()


if __name__ == "__main__":
    serve(Hnsw)
