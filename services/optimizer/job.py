"""One job on one shard, from its lease to its end.

1. lease    on the shard's jobs; another optimizer has it: nothing to do here
2. queued   until the log is quiet and the builder is free; the plan is made anew from each newer manifest
3. seal     the appendable, when it is among the inputs, and wait for the manifest that shows it sealed
4. build, swap, settle: see rebuilder
All of it is cancelled when the lease is lost. What the last manifest said decides; nothing is remembered between jobs.
"""

import asyncio
import secrets
from enum import StrEnum
from typing import NamedTuple

import msgspec
import structlog

from services.optimizer.backoff import Retry
from services.optimizer.builder import BuildFailed
from services.optimizer.holding import LeaseLost, hold
from services.optimizer.manifests import Manifests, config_of, state_of, summaries_of
from services.optimizer.messages import RecallMissed
from services.optimizer.policies import index
from services.optimizer.policies.plan import Limits, Plan, build_threads
from services.optimizer.quiet import QuietRule, QuietWatch
from services.optimizer.rebuilder import Output, Rebuilder, Superseded
from services.optimizer.report import JobReport, Publish
from shared.clock import Clock
from shared.coordination.leases import Lease
from shared.errors import ShardUnavailable, ShoalError, Unavailable
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.schema.jobs import JobStatus
from shared.schema.operations import Seal, encode_operation
from shared.store.manifest import Manifest

log = structlog.get_logger(__name__)
DELETED = "deleted"
"""What a job is cancelled with when its collection was deleted: there is nobody to report to."""
LOOK_S = 0.1
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
    """What all jobs of an optimizer share. `turn` lets one job build at a time."""

    wal: Wal
    manifests: Manifests
    rebuilder: Rebuilder
    publish: Publish
    clock: Clock
    limits: Limits
    quiet: QuietRule
    turn: asyncio.Lock
    renew_s: float
    lease_ttl_s: float


def choose(manifest: Manifest, limits: Limits) -> Plan | None:
    """Return the first plan that the policies make of a manifest."""
    return next(iter(index.choose(summaries_of(manifest), config_of(manifest), limits)), None)


class Job:
    """Takes a shard that wants work, gives its end."""

    def __init__(self, key: ShardKey, parts: JobParts, lease: Lease) -> None:
        self._key = key
        self._parts = parts
        self._lease = lease

    async def run(self, plan: Plan) -> End:
        """Do the whole job. Raises JobFailed, Superseded, Unavailable (LeaseLost is one)."""
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
            state="queued",
        )
        report = JobReport(status, parts.publish, parts.clock)
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
            if error.args != (DELETED,):
                await report.stopped()
            raise
        finally:
            await self._release()

    async def _work(self, plan: Plan, report: JobReport) -> End:
        await report.queued(plan.reason, plan.inputs)
        await self._catch_up()
        await self._wait_for_quiet(report)
        async with self._parts.turn:
            output = await self._build(report)
        if output is None:
            await report.done(stage="nothing left to do")
            return End.NOTHING
        await report.stage("switching", output=output.segment_id)
        await self._swap(output)
        built = output.built
        await report.done(output=output.segment_id, recall=built.recall, rows=built.rows)
        log.info(
            "segment built",
            shard=str(self._key),
            output=output.segment_id,
            rows=built.rows,
            recall=built.recall,
            seconds=round(built.seconds, 2),
        )
        return End.DONE

    async def _catch_up(self) -> None:
        head = (await self._parts.wal.head(self._key)).head
        await self._parts.manifests.wait_for(self._key, lambda manifest: manifest.checkpoint >= head, CATCH_UP_S)

    async def _wait_for_quiet(self, report: JobReport) -> None:
        """Wait until the log is quiet, or there is nothing to wait for any more."""
        parts, watch = self._parts, None
        while (plan := self._plan()) is not None:
            await report.queued(plan.reason, plan.inputs)
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
            await report.stage("sealing", plan.reason, plan.inputs)
            await self._seal(plan.seal_first)
            plan = _sealed_inputs(self._plan())
        manifest = self._parts.manifests.newest(self._key)
        if plan is None or manifest is None:
            return None
        await report.stage("starting", plan.reason, plan.inputs)
        threads = build_threads(config_of(manifest), self._parts.limits)
        return await self._parts.rebuilder.build(self._key, plan, manifest, threads, report)

    async def _seal(self, appendable: str) -> None:
        parts = self._parts
        fence = (await parts.wal.head(self._key)).fence
        await parts.wal.append_internal(self._key, encode_operation(Seal(appendable)), fence)
        sealed = await parts.manifests.wait_for(
            self._key, lambda manifest: state_of(manifest, appendable) != "appendable", SEAL_WAIT_S
        )
        if sealed is None:
            raise ShardUnavailable(f"no worker published the sealing of {appendable} within {SEAL_WAIT_S:.0f} s")

    async def _swap(self, output: Output) -> None:
        """Append the swap while the lease is surely ours, and wait for the switch."""
        rebuilder = self._parts.rebuilder
        if not await self._lease.renew():
            raise LeaseLost("the job's lease was lost before the swap")
        position = await rebuilder.swap(self._key, output)
        await rebuilder.settle(self._key, output, position)

    def _plan(self) -> Plan | None:
        manifest = self._parts.manifests.newest(self._key)
        return None if manifest is None else choose(manifest, self._parts.limits)

    async def _release(self) -> None:
        try:
            await self._lease.release()
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
    return msgspec.structs.replace(plan, inputs=inputs, seal_first="") if inputs else None
