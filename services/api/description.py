"""What a collection looks like from outside: its config with defaults, its counts, its status with the reasons."""

from typing import Any

from services.api.described_config import config_warnings, describe_config
from services.api.described_indexes import describe_indexes
from services.api.init_from import describe_init_from
from services.api.status import Facts, status_of
from shared.schema.collections import CollectionRecord


def describe(record: CollectionRecord, facts: Facts) -> dict[str, Any]:
    """Return the result of `GET /collections/{name}`: what either era shows of it (eras.py)."""
    known = [shard for shard in facts.shards if shard is not None]
    segments = [segment for shard in known for segment in shard.segments]
    status, reasons = status_of(record, facts)
    shown: dict[str, Any] = {
        "status": status,
        "optimizer_status": {"error": reasons[0]} if status == "red" else "ok",
        "vectors_count": sum(segment.vectors for segment in segments),
        "indexed_vectors_count": sum(segment.indexed_vectors for segment in segments),
        "points_count": sum(shard.points for shard in known),
        "segments_count": len(segments),
        "config": describe_config(record.config),
        "payload_schema": describe_indexes(record.config, known),
        "update_queue": {"length": sum(facts.lag(shard) for shard in range(len(facts.shards)))},
    }
    init_from = describe_init_from(record, facts.shards)
    if init_from is not None:
        shown["init_from"] = init_from
    warnings = [*reasons, *config_warnings(record.config)]
    if warnings:
        shown["warnings"] = [{"message": warning} for warning in warnings]
    return shown
