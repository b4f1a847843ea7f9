"""A job's status in Redis through its life, at most four times a second. Losing a report never fails a job."""

import time
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from services.optimizer.messages import Built, Progress
from shared.clock import Clock
from shared.errors import ShoalError
from shared.policies.plan import Plan
from shared.schema.jobs import JobStatus

log = structlog.get_logger(__name__)
Publish = Callable[[JobStatus], Awaitable[None]]
INTERVAL_S = 0.25


class JobReport:
    """The status of one job; every change is published, progress within a stage at most every `INTERVAL_S`."""

    def __init__(self, status: JobStatus, publish: Publish, clock: Clock) -> None:
        self.status = status
        self._publish = publish
        self._clock = clock
        self._published_at = float("-inf")
        self._stage_began = clock.now()

    async def queued(self, plan: Plan) -> None:
        """Say what is going to be done."""
        changes = _planned(plan)
        is_new = any(getattr(self.status, name) != value for name, value in changes.items())
        if is_new or self._published_at == float("-inf"):
            await self._change(**changes)

    async def stage(self, stage: str, plan: Plan | None = None, **more: object) -> None:
        """Begin a stage of a job that runs."""
        self._stage_began = self._clock.now()
        changes: dict[str, object] = {
            "state": "running",
            "stage": stage,
            "started_at": self.status.started_at or time.time(),
            "done": 0.0,
            "total": 0.0,
            "rate_per_s": 0.0,
            "eta_s": None,
        }
        await self._change(**{**changes, **(_planned(plan) if plan is not None else {}), **more})

    async def progress(self, progress: Progress) -> None:
        """Take the builder's figures."""
        if progress.stage != self.status.stage:
            await self.stage(progress.stage)
        elif self._clock.now() - self._published_at < INTERVAL_S and progress.done < progress.total:
            return
        elapsed = self._clock.now() - self._stage_began
        rate = progress.done / elapsed if elapsed > 0 else 0.0
        eta = (progress.total - progress.done) / rate if rate > 0 else None
        await self._change(done=float(progress.done), total=float(progress.total), rate_per_s=rate, eta_s=eta)

    async def built(self, output: str, built: Built) -> None:
        """Say that the job is over and what it gave."""
        await self.done(
            output=output,
            recall=built.recall,
            attempts=built.attempts,
            done=float(built.rows),
            total=float(built.rows),
            output_bytes=built.size_bytes,
            reclaimed_bytes=max(0, self.status.input_bytes - built.size_bytes),
        )

    async def done(self, stage: str = "", **more: object) -> None:
        """Say that the job is over."""
        ended = {"state": "done", "stage": stage, "eta_s": 0.0, "rate_per_s": 0.0, "finished_at": time.time()}
        await self._change(**{**ended, "started_at": self.status.started_at or time.time(), **more})

    async def failed(self, error: str) -> None:
        """Say that the job is over and why it gave nothing."""
        await self._change(state="failed", error=error, eta_s=None, finished_at=time.time())

    async def abandoned(self, reason: str) -> None:
        """Say that the shard moved on or something was out of reach: no failure, planned anew if still wanted."""
        await self._change(state="done", stage=f"abandoned: {reason}", eta_s=None, finished_at=time.time())

    async def stopped(self) -> None:
        """Say that the work waits for an optimizer again."""
        await self._change(state="queued", stage="waiting for an optimizer", eta_s=None)

    async def _change(self, **changes: object) -> None:
        self.status = msgspec.structs.replace(self.status, **changes)
        self._published_at = self._clock.now()
        try:
            await self._publish(self.status)
        except ShoalError as error:
            log.warning("job status not published", job_id=self.status.job_id, error=str(error))


def _planned(plan: Plan) -> dict[str, object]:
    return {"kind": plan.kind, "reason": plan.reason, "inputs": plan.inputs, "graphs": plan.graphs}
