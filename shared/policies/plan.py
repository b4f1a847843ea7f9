"""What the planner decides: plans, and the limits that bound them. Pure data and arithmetic."""

from typing import NamedTuple

import msgspec

from shared.schema.collections import CollectionConfig

SEGMENT_KB_PER_THREAD = 256_000
"""Default of `max_segment_size` per indexing thread, the reference's figure."""
SEGMENTS_MIN, SEGMENTS_MAX = 2, 8
"""Bounds of what `default_segment_number` 0 stands for."""


class Limits(msgspec.Struct, frozen=True):
    """What an optimizer may spend, and what a config's zeros stand for there.

    indexing_threads   of one build, at least 1
    cpus               of its machine
    """

    indexing_threads: int
    cpus: int = 1


class Plan(NamedTuple):
    """One job: replace `inputs` by one segment.

    kind         what it is for first of all: rebuild, index, vacuum or merge
    inputs       segments in the order of their making; never empty
    reason       why, in words
    input_bytes  bytes of the inputs' live vectors
    graphs       slots of the output that get a graph
    seal_first   the appendable among the inputs, which has to be sealed before the build; empty for none
    """

    kind: str
    inputs: list[str]
    reason: str
    input_bytes: int
    graphs: list[str]
    seal_first: str = ""


def build_threads(config: CollectionConfig, limits: Limits) -> int:
    """Return the threads of a build: what the collection asks for, at most what the optimizer has.

    A slot's own `max_indexing_threads` counts for the whole job; of several the largest.
    """
    asked = max((config.hnsw_of(slot).max_indexing_threads for slot in config.vectors), default=0)
    asked = asked or config.hnsw_config.max_indexing_threads or config.optimizers_config.max_optimization_threads or 0
    return max(1, min(asked or limits.indexing_threads, limits.indexing_threads))


def segment_bytes_max(config: CollectionConfig, limits: Limits) -> int:
    """Return the most bytes of vectors that one output may hold."""
    asked_kb = config.optimizers_config.max_segment_size
    return (asked_kb or SEGMENT_KB_PER_THREAD * build_threads(config, limits)) * 1024


def segments_max(config: CollectionConfig, limits: Limits) -> int:
    """Return how many sealed segments may stay beside each other: `default_segment_number`, 0 is half the CPUs."""
    asked = config.optimizers_config.default_segment_number
    return asked or min(max(limits.cpus // 2, SEGMENTS_MIN), SEGMENTS_MAX)


def size_text(size: int) -> str:
    """Return bytes as a person says them: `640 kB`, `31 MB`."""
    if size < 1024 * 1000:
        return f"{size / 1024:.0f} kB"
    return f"{size / (1024 * 1000):.0f} MB"
