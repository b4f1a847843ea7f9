"""Policy "index": when segments deserve a graph, and which of them share it.

Rows without a graph are cheap to search, so few large builds are better than many small ones:
1. Nothing is planned until one segment without a graph, sealed or appendable, outgrows `indexing_threshold`.
2. Then all sealed segments without a graph join that build, and the appendable unless it is tiny: after a bulk load its
   rows would cost every search a scan.
3. Outputs stay under `max_segment_size`: inputs are taken in the order of their making until the next would not fit.
   A group in which nothing wants a graph waits for more rows.
An input over the bound goes alone: it cannot be split.
"""

from collections.abc import Sequence

from services.optimizer.policies.plan import Limits, Plan, segment_bytes_max, size_text
from shared.schema.collections import CollectionConfig
from shared.schema.jobs import wants_index
from shared.schema.queries import SegmentSummary

JOIN_BYTES = 2**20
"""An appendable that holds so much joins a build that takes place anyway."""


def choose(segments: Sequence[SegmentSummary], config: CollectionConfig, limits: Limits) -> list[Plan]:
    """Return the index plans of one shard, disjoint, in the order of their inputs."""
    if config.optimizers_config.max_optimization_threads == 0:
        return []
    candidates = [
        segment
        for segment in sorted(segments, key=lambda segment: segment.segment_id)
        if segment.state == "sealed"
        or (segment.state == "appendable" and segment.largest_slot_bytes >= _join_bytes(config))
    ]
    return [
        _plan(group, config)
        for group in _groups(candidates, segment_bytes_max(config, limits))
        if any(wants_index(segment, config) for segment in group)
    ]


def _join_bytes(config: CollectionConfig) -> int:
    """Return the size from which an appendable takes part: less than JOIN_BYTES under a threshold that is lower yet."""
    return min(JOIN_BYTES, config.optimizers_config.indexing_threshold * 1024 + 1)


def _groups(candidates: list[SegmentSummary], bytes_max: int) -> list[list[SegmentSummary]]:
    """Split the candidates, kept in order, into groups whose largest slot stays under the bound."""
    groups: list[list[SegmentSummary]] = []
    room = 0
    for segment in candidates:
        if not groups or segment.largest_slot_bytes > room:
            groups.append([])
            room = bytes_max
        groups[-1].append(segment)
        room -= segment.largest_slot_bytes
    return groups


def _plan(group: list[SegmentSummary], config: CollectionConfig) -> Plan:
    return Plan(
        kind="index",
        inputs=[segment.segment_id for segment in group],
        reason=_reason([segment for segment in group if wants_index(segment, config)], config),
        input_bytes=sum(segment.largest_slot_bytes for segment in group),
        seal_first=next((segment.segment_id for segment in group if segment.state == "appendable"), ""),
    )


def _reason(wanting: list[SegmentSummary], config: CollectionConfig) -> str:
    held = size_text(sum(segment.largest_slot_bytes for segment in wanting))
    threshold = size_text(config.optimizers_config.indexing_threshold * 1024)
    first = wanting[0].segment_id
    if len(wanting) == 1:
        kind = wanting[0].state if wanting[0].state == "appendable" else "segment"
        return f"{kind} {first} holds {held} without a graph, threshold {threshold}"
    return f"segments {first} and {len(wanting) - 1} more hold {held} without a graph, threshold {threshold} each"
