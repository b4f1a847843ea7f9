"""What every measure is given."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.dataset import Dataset
from benchmarks.remote import Remote

EDGE = "benchmarks.contestants.edge"
HNSW = "benchmarks.contestants.hnsw"
SHOAL = "benchmarks.contestants.shoal"
TITLES = {"edge": "qdrant-edge-py", "hnsw": "hnswlib", "shoal": "Shoal"}


@dataclass(frozen=True, slots=True)
class Bench:
    """Data, places and how thoroughly to measure.

    repeats   how often an interleaved round is repeated; medians are reported
    empty_collections   how many of them the part `many` creates
    paged_points   how many points the part `paging` pages through
    """

    data: Dataset
    work: Path
    own_python: Path
    peers_python: Path
    repeats: int
    efs: tuple[int, ...]
    tell: Callable[[str], None]
    empty_collections: int
    paged_points: int

    def contestant(self, module: str) -> Remote:
        """Start a contestant's process; it ends with the `with` block."""
        python = self.own_python if module == SHOAL else self.peers_python
        return Remote(python, module, self.work, self.data.queries)

    def load(self, remote: Remote, payloads: Path | None = None, *, within_s: float | None = None) -> float:
        """Give a contestant the rows, with other payloads than the data's own if there are; seconds."""
        self.tell(f"{TITLES[remote.name]}: loading {self.data.rows:,} rows")
        files = {"vectors": str(self.data.vectors), "payloads": str(payloads or self.data.payloads)}
        return float(remote.ask("load", within_s=within_s, **files))

    def index(self, remote: Remote, *, within_s: float | None = None) -> float:
        """Have a contestant build its graph; seconds."""
        self.tell(f"{TITLES[remote.name]}: building its graph")
        return float(remote.ask("index", within_s=within_s))
