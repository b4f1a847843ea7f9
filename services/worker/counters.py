"""Monotonic figures of one shard, for `Describe` and metrics."""

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Counters:
    """Counts since this process took the shard. Seconds are of this process's loop or threads."""

    searches: int = 0
    search_seconds: float = 0.0
    searches_together: int = 0
    """Searches that were run in one go with others that waited."""
    reads: int = 0
    read_seconds: float = 0.0
    threaded_reads: int = 0
    operations_applied: int = 0
    points_applied: int = 0
    log_bytes_applied: int = 0
    apply_seconds: float = 0.0
    checkpoints: int = 0
    checkpoint_seconds: float = 0.0
    checkpoint_failures: int = 0
    files_collected: int = 0
    columns_built: int = 0
    """Columns of declared payload indexes that were built, or opened from files in another place."""
    column_seconds: float = 0.0
    column_failures: int = 0
    swaps: int = 0
    swaps_abandoned: int = 0
    reloads: int = 0

    def as_dict(self) -> dict[str, float]:
        """Return the figures by name."""
        return asdict(self)
