"""The optimizer's jobs as `GET /collections/{name}/optimizations` shows them, from their status in Redis.

The reference names jobs and segments by UUIDs: ours are made from our own names, which stand beside them. Reason, rate
and ETA are additions of ours.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from shared.errors import BadFormat, BadInput
from shared.schema.collections import CollectionRecord
from shared.schema.jobs import JobStatus
from shared.schema.queries import DescribeReply, SegmentSummary

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


def describe_jobs(
    record: CollectionRecord, shards: list[DescribeReply | None], jobs: list[JobStatus], wanted: Wanted
) -> dict[str, Any]:
    """Return the result of the call. `jobs` come oldest first; completed ones are shown newest first."""
    segments = {
        (number, segment.segment_id): segment
        for number, shard in enumerate(shards)
        if shard is not None
        for segment in shard.segments
    }
    show = _Shower(UUID(record.uuid), segments)
    running = [job for job in jobs if job.state == "running"]
    queued = [job for job in jobs if job.state == "queued"]
    finished = [job for job in reversed(jobs) if job.state in ("done", "failed")]
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
        return {"uuid": uuid, "points_count": self.points(shard, name), "name": name, "shard": shard}

    def job(self, job: JobStatus) -> dict[str, Any]:
        return {
            "uuid": str(uuid5(self._collection, f"job/{job.job_id}")),
            "optimizer": job.kind,
            "status": {"queued": "optimizing", "running": "optimizing", "done": "done"}.get(
                job.state, {"error": job.error}
            ),
            "segments": [self.segment(job.shard, name) for name in job.inputs],
            "progress": _progress(job),
            "job": job.job_id,
            "reason": job.reason,
            "output": job.output,
            "recall": job.recall,
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
