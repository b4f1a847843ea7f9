"""Looks at every shard's newest manifest again and again, and starts a job where a policy wants one."""

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from services.optimizer.backoff import Backoff, Retry
from services.optimizer.job import DELETED, End, Job, JobFailed, JobParts
from services.optimizer.manifests import ShardView
from shared.coordination.catalog import CatalogView
from shared.coordination.leases import Lease
from shared.errors import Corrupt, ShoalError
from shared.log.position import ShardKey
from shared.policies.plan import Plan
from shared.schema.segments import builds_of

log = structlog.get_logger(__name__)
JOBS_MAX = 64
"""Most jobs at once, waiting ones included; further shards are looked at again when one ends."""


class Planner:
    """Takes manifests, gives jobs: at most one a shard, each in its own task."""

    def __init__(
        self, parts: JobParts, catalog: Callable[[], CatalogView], lease_of: Callable[[ShardKey], Lease]
    ) -> None:
        self._parts = parts
        self._catalog = catalog
        self._lease_of = lease_of
        self._backoff = Backoff()
        self._jobs: dict[ShardKey, asyncio.Task[None]] = {}
        self._damaged: set[ShardKey] = set()
        self._taken_over: CatalogView | None = None
        self._shards: set[ShardKey] = set()
        self._in_order: list[ShardKey] = []

    @property
    def busy(self) -> frozenset[ShardKey]:
        """The shards that have a job here."""
        return frozenset(self._jobs)

    def shards(self) -> set[ShardKey]:
        """Return every shard of the catalog."""
        self._take_over(self._catalog())
        return self._shards

    def sweep(self) -> None:
        """Look at all shards once: end the jobs of deleted collections, start those that are wanted."""
        self._take_over(self._catalog())
        for key in self._in_order:
            if len(self._jobs) >= JOBS_MAX:
                return
            if key in self._jobs:
                continue
            plan = self._wanted(key)
            if plan is not None:
                task = asyncio.create_task(self._run_job(key, plan), name=f"job {key}")
                self._jobs[key] = task
                task.add_done_callback(lambda _task, key=key: self._jobs.pop(key, None))  # type: ignore[misc]

    async def stop(self) -> None:
        """Abandon all jobs; what they built is collected later, what they waited for is planned anew."""
        jobs = list(self._jobs.values())
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)

    def _take_over(self, view: CatalogView) -> None:
        """Note the shards of a newer catalog, and forget the others."""
        if view is self._taken_over:
            return
        self._taken_over = view
        records = view.by_uuid.values()
        self._shards = {ShardKey(record.uuid, n) for record in records for n in range(record.config.shard_number)}
        self._in_order = sorted(self._shards)
        for key in self._jobs.keys() - self._shards:
            if not self._jobs[key].cancelling():
                self._jobs[key].cancel(DELETED)
        self._parts.manifests.forget(self._shards)
        self._backoff.forget(self._shards)

    def _wanted(self, key: ShardKey) -> Plan | None:
        try:
            view = self._parts.manifests.view(key)
        except (Corrupt, OSError) as error:
            if key not in self._damaged:
                self._damaged.add(key)
                log.error("manifest cannot be read", shard=str(key), error=str(error))
            return None
        return self._choose(key, view) if view is not None else None

    def _choose(self, key: ShardKey, view: ShardView) -> Plan | None:
        """Return the first plan of a manifest that did not fail just now."""
        now = self._parts.clock.now()
        return next((plan for plan in view.plans if self._backoff.may_try(key, _subject(plan, view), now)), None)

    async def _run_job(self, key: ShardKey, plan: Plan) -> None:
        job = Job(key, self._parts, self._lease_of(key), partial(self._choose, key))
        try:
            end = await job.run(plan)
        except (ShoalError, OSError) as error:
            retry = error.retry if isinstance(error, JobFailed) else Retry.ALWAYS
            if job.attempted is not None:
                self._backoff.failed(key, _subject(*job.attempted), retry, self._parts.clock.now())
            log.warning("job failed", shard=str(key), reason=plan.reason, error=str(error), tried_again=retry.value)
            return
        if end is not End.TAKEN and job.attempted is not None:
            self._backoff.succeeded(key, _subject(*job.attempted))


def _subject(plan: Plan, view: ShardView) -> tuple[object, ...]:
    """Return what a job makes of what: another config that builds the same is no reason to try again."""
    return (*plan.inputs, *plan.graphs, repr(builds_of(view.config)))
