"""Optimizer jobs as the optimizer reports them through Redis and the api shows them."""

import msgspec

UNFINISHED = ("queued", "running")


class JobStatus(msgspec.Struct, frozen=True):
    """One job. Times are seconds since the epoch, for people only; nothing is decided by them.

    input_bytes       on disk, of the segments that go in;  output_bytes  of the one that came out
    reclaimed_bytes   what the job gave back to the disk, once nobody reads the inputs any more
    threads           that the build takes
    attempts          graphs that were built until the recall sufficed
    graphs            slots of the output that get a graph
    """

    job_id: str
    collection: str
    shard: int
    kind: str
    reason: str
    inputs: list[str]
    state: str
    """queued, running, done, failed."""
    stage: str = ""
    done: float = 0.0
    total: float = 0.0
    rate_per_s: float = 0.0
    eta_s: float | None = None
    started_at: float = 0.0
    finished_at: float | None = None
    output: str = ""
    recall: float | None = None
    error: str = ""
    input_bytes: int = 0
    output_bytes: int = 0
    threads: int = 0
    attempts: int = 0
    graphs: list[str] = []
    reclaimed_bytes: int = 0

    @property
    def is_unfinished(self) -> bool:
        """True while it waits or runs."""
        return self.state in UNFINISHED
