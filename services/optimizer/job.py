"""One job on one shard, from its lease to its end.

1. lease    on the shard's jobs; another optimizer has it: nothing to do here
2. queued   until the log is quiet and the builder is free; the plan is made anew from each newer manifest
3. seal     the appendable, when it is among the inputs, and wait for the manifest that shows it sealed
4. build    stopped as soon as the config or the shard moves on in a way that makes it worthless (outdated.py)
5. swap     see rebuilder
All of it is cancelled when the lease is lost. What the last manifest said decides; nothing is remembered between jobs.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import NamedTuple

import structlog

from services.optimizer.backoff import Retry
from services.optimizer.builder import BuildFailed
from services.optimizer.holding import LeaseLost, hold
from services.optimizer.manifests import Manifests, ShardView, disk_bytes, state_of
from services.optimizer.messages import RecallMissed
from services.optimizer.outdated import outdated
from services.optimizer.quiet import QuietRule, QuietWatch
from services.optimizer.rebuilder import Output, Rebuilder, Superseded
from services.optimizer.report import JobReport, Publish
from shared.clock import Clock
from shared.coordination.leases import Lease
from shared.errors import ShardUnavailable, ShoalError, Unavailable
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.policies.plan import Limits, Plan, build_threads
from shared.schema.jobs import JobStatus
from shared.schema.operations import Seal, encode_operation

log = structlog.get_logger(__name__)
DELETED = "deleted"
"""What a job is cancelled with when its collection was deleted: there is nobody to report to."""
LOOK_S = 0.1
WATCH_S = 0.5
"""How often a build looks whether it is still worth finishing."""
SEAL_WAIT_S = 30.0
CATCH_UP_S = 2.0
"""How long a job waits for the manifest to reach the head that the lease was taken at: a dead optimizer may have left a
swap entry there, and building its inputs again would be for nothing."""


class End(StrEnum):
    """How a job ended."""

    DONE = "done"
    NOTHING = "nothing to do"
    TAKEN = "another optimizer has it"


class JobFailed(ShoalError):
    """The build gave nothing."""

    def __init__(self, message: str, retry: Retry) -> None:
        super().__init__(message)
        self.retry = retry


class JobParts(NamedTuple):
    """What all jobs of an optimizer share.

    turn     lets one job build at a time
    forget   removes what Redis knows of the jobs on a shard that was deleted
    """

    wal: Wal
    manifests: Manifests
    rebuilder: Rebuilder
    publish: Publish
    forget: Callable[[ShardKey], Awaitable[None]]
    clock: Clock
    limits: Limits
    quiet: QuietRule
    turn: asyncio.Lock
    renew_s: float
    lease_ttl_s: float


class Job:
    """Takes a shard that wants work, gives its end.

    choose      the plan to carry out of a manifest, None for none
    attempted   the last plan that was looked at, and the manifest that it was made of
    """

    def __init__(
        self, key: ShardKey, parts: JobParts, lease: Lease, choose: Callable[[ShardView], Plan | None]
    ) -> None:
        self._key = key
        self._parts = parts
        self._lease = lease
        self._choose = choose
        self.attempted: tuple[Plan, ShardView] | None = None

    async def run(self, plan: Plan) -> End:
        """Do the whole job. Raises JobFailed, Superseded, Unavailable (LeaseLost is one)."""
        self._plan()
        fence = await self._lease.acquire()
        if fence is None:
            return End.TAKEN
        parts = self._parts
        status = JobStatus(
            job_id=f"{fence:08d}-{secrets.token_hex(4)}",
            collection=self._key.collection,
            shard=self._key.shard,
            kind=plan.kind,
            reason=plan.reason,
            inputs=plan.inputs,
            graphs=plan.graphs,
            state="queued",
        )
        report = JobReport(status, parts.publish, parts.clock)
        is_deleted = False
        try:
            work = self._work(plan, report)
            return await hold(self._lease, work, parts.clock, parts.renew_s, parts.lease_ttl_s)
        except (BuildFailed, OSError) as error:
            await report.failed(str(error))
            raise JobFailed(str(error), _retry(error)) from error
        except (Superseded, Unavailable) as error:
            await report.abandoned(str(error))
            raise
        except asyncio.CancelledError as error:
            is_deleted = error.args == (DELETED,)
            if not is_deleted:
                await report.stopped()
            raise
        finally:
            await self._release(is_deleted)

    async def _work(self, plan: Plan, report: JobReport) -> End:
        await report.queued(plan)
        await self._catch_up()
        await self._wait_for_quiet(report)
        async with self._parts.turn:
            output = await self._build(report)
        if output is None:
            await report.done(stage="nothing left to do")
            return End.NOTHING
        await report.stage("switching", output=output.segment_id)
        if not await self._lease.renew():
            raise LeaseLost("the job's lease was lost before the swap")
        await self._parts.rebuilder.swap(self._key, output)
        await report.built(output.segment_id, output.built)
        log.info(
            "segment built",
            shard=str(self._key),
            kind=output.plan.kind,
            output=output.segment_id,
            rows=output.built.rows,
            recall=output.built.recall,
            seconds=round(output.built.seconds, 2),
        )
        return End.DONE

    async def _catch_up(self) -> None:
        head = (await self._parts.wal.head(self._key)).head
        await self._parts.manifests.wait_for(self._key, lambda manifest: manifest.checkpoint >= head, CATCH_UP_S)

    async def _wait_for_quiet(self, report: JobReport) -> None:
        """Wait until the log is quiet, or there is nothing to wait for any more."""
        parts, watch = self._parts, None
        while (plan := self._plan()) is not None:
            await report.queued(plan)
            head, now = (await parts.wal.head(self._key)).head, parts.clock.now()
            watch = watch or QuietWatch(parts.quiet, head, now)
            watch.observe(head, now)
            if watch.is_quiet(plan.input_bytes, now):
                return
            await parts.clock.sleep(LOOK_S)

    async def _build(self, report: JobReport) -> Output | None:
        """Seal and build what the newest manifest asks for; None when that is nothing."""
        plan = self._plan()
        if plan is not None and plan.seal_first:
            await report.stage("sealing", plan)
            await self._seal(plan.seal_first)
            plan = _sealed_inputs(self._plan())
        view = self._parts.manifests.view(self._key)
        if plan is None or view is None:
            return None
        threads = build_threads(view.config, self._parts.limits)
        input_bytes = await asyncio.to_thread(
            disk_bytes, self._parts.manifests.directory(self._key), view.manifest, plan.inputs
        )
        await report.stage("starting", plan, threads=threads, input_bytes=input_bytes)
        return await self._build_while_wanted(plan, view, threads, report)

    async def _build_while_wanted(self, plan: Plan, view: ShardView, threads: int, report: JobReport) -> Output:
        """Build; raise Superseded, with the builder stopped, as soon as the output would be worthless."""
        building = asyncio.create_task(self._parts.rebuilder.build(self._key, plan, view, threads, report))
        try:
            while not (await asyncio.wait({building}, timeout=WATCH_S))[0]:
                newest = self._parts.manifests.view(self._key)
                reason = outdated(view, newest, plan) if newest is not None else ""
                if reason:
                    raise Superseded(reason)
            return building.result()
        finally:
            building.cancel()
            await asyncio.gather(building, return_exceptions=True)

    async def _seal(self, appendable: str) -> None:
        parts = self._parts
        fence = (await parts.wal.head(self._key)).fence
        await parts.wal.append_internal(self._key, encode_operation(Seal(appendable)), fence)
        sealed = await parts.manifests.wait_for(
            self._key, lambda manifest: state_of(manifest, appendable) != "appendable", SEAL_WAIT_S
        )
        if sealed is None:
            raise ShardUnavailable(f"no worker published the sealing of {appendable} within {SEAL_WAIT_S:.0f} s")

    def _plan(self) -> Plan | None:
        """Return the plan to carry out by the newest manifest."""
        view = self._parts.manifests.view(self._key)
        plan = self._choose(view) if view is not None else None
        if plan is not None and view is not None:
            self.attempted = plan, view
        return plan

    async def _release(self, is_deleted: bool) -> None:
        try:
            await self._lease.release()
            if is_deleted:
                await self._parts.forget(self._key)
        except Unavailable as error:
            log.warning("lease not released, it will expire", shard=str(self._key), error=str(error))


def _retry(error: BuildFailed | OSError) -> Retry:
    """A graph that finds too little would do so again; a disk that is full or away comes back some day."""
    kind = error.kind if isinstance(error, BuildFailed) else "OSError"
    if kind == RecallMissed.__name__:
        return Retry.NEVER
    return Retry.ALWAYS if kind == "OSError" else Retry.BOUNDED


def _sealed_inputs(plan: Plan | None) -> Plan | None:
    """Leave out an appendable that outgrew the threshold while its predecessor was being sealed."""
    if plan is None or not plan.seal_first:
        return plan
    inputs = [name for name in plan.inputs if name != plan.seal_first]
    return plan._replace(inputs=inputs, seal_first="") if inputs else None
