"""The optimizer's jobs as `GET /collections/{name}/optimizations` shows them, from their status in Redis.

The reference names jobs and segments by UUIDs: ours are made from our own names, which stand beside them. Reason, rate,
ETA, threads, recall and bytes are additions of ours. Queued is also what the planner wants and no optimizer has taken
up yet: the same plans that turn the status yellow.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from services.api.status import Facts, newest_jobs, wanted_plans
from shared.errors import BadFormat, BadInput
from shared.policies.choose import is_off
from shared.schema.collections import CollectionRecord
from shared.schema.jobs import JobStatus
from shared.schema.queries import SegmentSummary

_FIELDS = frozenset(("queued", "completed", "idle_segments"))
COMPLETED_DEFAULT = 16
COMPLETED_MAX = 100


class Wanted:
    """Which lists a request asks for, from its query parameters `with` and `completed_limit`."""

    def __init__(self, given: dict[str, str]) -> None:
        names = [name.strip() for name in given.get("with", "").split(",") if name.strip()]
        for name in names:
            if name not in _FIELDS:
                raise BadInput(f"Unknown field in 'with' parameter: {name}")
        limit = given.get("completed_limit", str(COMPLETED_DEFAULT))
        if not (limit.isascii() and limit.isdigit()):
            raise BadFormat(f"completed_limit: expected a whole number, got {limit!r}", "query parameters")
        self.lists = frozenset(names)
        self.completed_max = min(int(limit), COMPLETED_MAX)


def describe_jobs(record: CollectionRecord, facts: Facts, wanted: Wanted) -> dict[str, Any]:
    """Return the result of the call; completed jobs are shown newest first."""
    segments = {
        (number, segment.segment_id): segment
        for number, shard in enumerate(facts.shards)
        if shard is not None
        for segment in shard.segments
    }
    show = _Shower(UUID(record.uuid), segments)
    unfinished = [job for job in newest_jobs(facts.jobs) if job.is_unfinished]
    running = [job for job in unfinished if job.state == "running"]
    queued = [*(job for job in unfinished if job.state == "queued"), *_not_taken_up(record, facts, unfinished)]
    finished = [job for job in reversed(facts.jobs) if not job.is_unfinished]
    busy = {(job.shard, name) for job in (*running, *queued) for name in job.inputs}
    idle = [key for key in segments if key not in busy]
    queued_segments = {(job.shard, name) for job in queued for name in job.inputs}
    shown: dict[str, Any] = {
        "summary": {
            "queued_optimizations": len(queued),
            "queued_segments": len(queued_segments),
            "queued_points": sum(show.points(*key) for key in queued_segments),
            "idle_segments": len(idle),
        },
        "running": [show.job(job) for job in running],
    }
    if "queued" in wanted.lists:
        shown["queued"] = [show.job(job) for job in queued]
    if "completed" in wanted.lists:
        shown["completed"] = [show.job(job) for job in finished[: wanted.completed_max]]
    if "idle_segments" in wanted.lists:
        shown["idle_segments"] = [show.segment(*key) for key in idle]
    return shown


def _not_taken_up(record: CollectionRecord, facts: Facts, unfinished: list[JobStatus]) -> list[JobStatus]:
    """Return the planner's plans of which no job is known, as jobs without an id."""
    taken = {(job.shard, name) for job in unfinished for name in job.inputs}
    return [
        JobStatus("", record.uuid, shard, plan.kind, plan.reason, plan.inputs, "queued", graphs=plan.graphs)
        for shard, plans in wanted_plans(record, facts).items()
        for plan in plans
        if not is_off(record.config) and not any((shard, name) in taken for name in plan.inputs)
    ]


class _Shower:
    """Shows the jobs and segments of one collection."""

    def __init__(self, collection: UUID, segments: dict[tuple[int, str], SegmentSummary]) -> None:
        self._collection = collection
        self._segments = segments

    def points(self, shard: int, name: str) -> int:
        segment = self._segments.get((shard, name))
        return segment.live if segment is not None else 0

    def segment(self, shard: int, name: str) -> dict[str, Any]:
        uuid = str(uuid5(self._collection, f"{shard}/{name}"))
        shown = {"uuid": uuid, "points_count": self.points(shard, name), "name": name, "shard": shard}
        known = self._segments.get((shard, name))
        return shown if known is None else {**shown, **_inside(known)}

    def job(self, job: JobStatus) -> dict[str, Any]:
        name = job.job_id or f"{job.shard}/{'/'.join(job.inputs)}"
        return {
            "uuid": str(uuid5(self._collection, f"job/{name}")),
            "optimizer": job.kind,
            "status": {"queued": "optimizing", "running": "optimizing", "done": "done"}.get(
                job.state, {"error": job.error}
            ),
            "segments": [self.segment(job.shard, name) for name in job.inputs],
            "progress": _progress(job),
            "job": job.job_id,
            "shard": job.shard,
            "reason": job.reason,
            "output": job.output,
            "recall": job.recall,
            "graphs": job.graphs,
            "attempts": job.attempts,
            "threads": job.threads,
            "input_bytes": job.input_bytes,
            "output_bytes": job.output_bytes,
            "reclaimed_bytes": job.reclaimed_bytes,
        }


def _inside(segment: SegmentSummary) -> dict[str, Any]:
    """Return what a segment is: with the recall that was measured before it went in, and what it was built with."""
    return {
        "state": segment.state,
        "deleted": segment.rows - segment.live,
        "recall": segment.recall,
        "indexed_vectors": segment.indexed_vectors,
        "built": {slot: {"graph": built.graph, "codes": built.codes} for slot, built in segment.built.items()},
    }


def _progress(job: JobStatus) -> dict[str, Any]:
    finished = job.finished_at
    return {
        "name": job.stage or job.kind,
        "started_at": _date(job.started_at) if job.started_at else None,
        "finished_at": _date(finished) if finished is not None else None,
        "duration_sec": finished - job.started_at if finished is not None else None,
        "done": int(job.done),
        "total": int(job.total),
        "rate_per_s": job.rate_per_s,
        "eta_s": job.eta_s,
    }


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
