"""What a policy decides: a plan, and the limits that bound it. Pure data."""

import msgspec

from shared.schema.collections import CollectionConfig

SEGMENT_KB_PER_THREAD = 256_000
"""Default of `max_segment_size` per indexing thread, the reference's figure."""


class Limits(msgspec.Struct, frozen=True):
    """What this optimizer may spend on one build."""

    indexing_threads: int
    """Threads of one build, at least 1."""


class Plan(msgspec.Struct, frozen=True):
    """One job: replace `inputs` by one segment.

    kind         what the plan is for: index (with merge, when there are several inputs)
    inputs       segments in the order of their making; never empty
    reason       why, in words, for the job's status
    input_bytes  raw vector bytes of the inputs' live rows
    seal_first   the appendable among the inputs, which has to be sealed before the build; empty for none
    """

    kind: str
    inputs: list[str]
    reason: str
    input_bytes: int
    seal_first: str = ""


def build_threads(config: CollectionConfig, limits: Limits) -> int:
    """Return the threads of a build: what the collection asks for, at most what the optimizer has."""
    asked = config.hnsw_config.max_indexing_threads or config.optimizers_config.max_optimization_threads
    return max(1, min(asked or limits.indexing_threads, limits.indexing_threads))


def segment_bytes_max(config: CollectionConfig, limits: Limits) -> int:
    """Return the most raw vector bytes that one output may hold."""
    asked_kb = config.optimizers_config.max_segment_size
    return (asked_kb or SEGMENT_KB_PER_THREAD * build_threads(config, limits)) * 1024


def size_text(size: int) -> str:
    """Return bytes as a person says them: `640 kB`, `31 MB`."""
    if size < 1024 * 1000:
        return f"{size / 1024:.0f} kB"
    return f"{size / (1024 * 1000):.0f} MB"
