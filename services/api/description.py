"""What a collection looks like from outside: its config with defaults, its counts, and a status with its reason.

grey    some shard does not answer: no live worker serves it
red     a segment is quarantined, or a shard's last finished job failed
yellow  a shard begins with another's points, a job is queued or running, some segment holds enough to want an index,
        or a shard has not met the newest config
green   nothing to do
"""

from typing import Any, NamedTuple

from services.api.described_config import config_warnings, describe_config
from services.api.init_from import beginnings, describe_init_from
from shared.schema.collections import CollectionRecord
from shared.schema.jobs import JobStatus, wants_index
from shared.schema.queries import DescribeReply


class Facts(NamedTuple):
    """What is known of a collection right now.

    shards  figures by shard; None where it does not answer
    heads   the last position in each shard's log; None when the log does not answer
    jobs    of the optimizer, oldest first
    """

    shards: list[DescribeReply | None]
    heads: list[int] | None
    jobs: list[JobStatus]


def describe(record: CollectionRecord, facts: Facts) -> dict[str, Any]:
    """Return the result of `GET /collections/{name}`: what either era shows of it (eras.py)."""
    known = [shard for shard in facts.shards if shard is not None]
    segments = [segment for shard in known for segment in shard.segments]
    status, reasons = _status(record, facts)
    shown: dict[str, Any] = {
        "status": status,
        "optimizer_status": {"error": reasons[0]} if status == "red" else "ok",
        "vectors_count": sum(segment.vectors for segment in segments),
        "indexed_vectors_count": sum(segment.indexed_vectors for segment in segments),
        "points_count": sum(shard.points for shard in known),
        "segments_count": len(segments),
        "config": describe_config(record.config),
        "payload_schema": {},
        "update_queue": {"length": _queue_length(facts)},
    }
    init_from = describe_init_from(record, facts.shards)
    if init_from is not None:
        shown["init_from"] = init_from
    warnings = [*reasons, *config_warnings(record.config)]
    if warnings:
        shown["warnings"] = [{"message": warning} for warning in warnings]
    return shown


def _status(record: CollectionRecord, facts: Facts) -> tuple[str, list[str]]:
    broken = _broken(facts)
    if broken:
        return "red", broken
    silent = [number for number, shard in enumerate(facts.shards) if shard is None]
    if silent:
        return "grey", [f"no live worker serves shard {number}" for number in silent]
    known = [shard for shard in facts.shards if shard is not None]
    begins = beginnings(facts.shards)
    if begins:
        return "yellow", begins
    is_busy = (
        any(job.state in ("queued", "running") for job in _newest_jobs(facts.jobs))
        or any(shard.config_generation < record.generation for shard in known)
        or any(wants_index(segment, record.config) for shard in known for segment in shard.segments)
    )
    return ("yellow" if is_busy else "green"), []


def _newest_jobs(jobs: list[JobStatus]) -> list[JobStatus]:
    """Return the newest job of each shard: there is one at a time, so what an older one says is past."""
    return list({job.shard: job for job in jobs}.values())


def _broken(facts: Facts) -> list[str]:
    reasons = []
    for number, shard in enumerate(facts.shards):
        if shard is None:
            continue
        reasons += [f"shard {number} is quarantined: {shard.reason}"] if shard.reason else []
        reasons += [
            f"segment {segment.segment_id} of shard {number} is quarantined: {segment.reason}"
            for segment in shard.segments
            if segment.state == "quarantined"
        ]
    finished = _newest_jobs([job for job in facts.jobs if job.state in ("done", "failed")])
    reasons += [f"{job.kind} job failed: {job.error}" for job in finished if job.state == "failed"]
    return reasons


def _queue_length(facts: Facts) -> int:
    if facts.heads is None:
        return 0
    return sum(
        max(head - shard.applied, 0) for head, shard in zip(facts.heads, facts.shards, strict=True) if shard is not None
    )
