"""Looks at every shard's newest manifest again and again, and starts a job where a policy wants one."""

import asyncio
from collections.abc import Callable

import structlog

from services.optimizer.backoff import Backoff, Retry
from services.optimizer.job import DELETED, End, Job, JobFailed, JobParts, choose
from services.optimizer.policies.plan import Plan
from shared.coordination.catalog import CatalogView
from shared.coordination.leases import Lease
from shared.errors import Corrupt, ShoalError
from shared.log.position import ShardKey
from shared.store.manifest import Manifest

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

    @property
    def busy(self) -> frozenset[ShardKey]:
        """The shards that have a job here."""
        return frozenset(self._jobs)

    def shards(self) -> set[ShardKey]:
        """Return every shard of the catalog."""
        records = self._catalog().by_uuid.values()
        return {ShardKey(record.uuid, shard) for record in records for shard in range(record.config.shard_number)}

    def sweep(self) -> None:
        """Look at all shards once: end the jobs of deleted collections, start those that are wanted."""
        keys = self.shards()
        for key in self._jobs.keys() - keys:
            if not self._jobs[key].cancelling():
                self._jobs[key].cancel(DELETED)
        self._parts.manifests.forget(keys)
        self._backoff.forget(keys)
        for key in sorted(keys - self._jobs.keys()):
            if len(self._jobs) >= JOBS_MAX:
                return
            wanted = self._wanted(key)
            if wanted is not None:
                task = asyncio.create_task(self._run_job(key, *wanted), name=f"job {key}")
                self._jobs[key] = task
                task.add_done_callback(lambda _task, key=key: self._jobs.pop(key, None))  # type: ignore[misc]

    async def stop(self) -> None:
        """Abandon all jobs; what they built is collected later, what they waited for is planned anew."""
        jobs = list(self._jobs.values())
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)

    def _wanted(self, key: ShardKey) -> tuple[Plan, Manifest] | None:
        try:
            manifest = self._parts.manifests.newest(key)
        except (Corrupt, OSError) as error:
            if key not in self._damaged:
                self._damaged.add(key)
                log.error("manifest cannot be read", shard=str(key), error=str(error))
            return None
        plan = None if manifest is None else choose(manifest, self._parts.limits)
        if manifest is None or plan is None:
            return None
        may_try = self._backoff.may_try(key, _subject(plan, manifest), self._parts.clock.now())
        return (plan, manifest) if may_try else None

    async def _run_job(self, key: ShardKey, plan: Plan, manifest: Manifest) -> None:
        try:
            end = await Job(key, self._parts, self._lease_of(key)).run(plan)
        except (ShoalError, OSError) as error:
            retry = error.retry if isinstance(error, JobFailed) else Retry.ALWAYS
            self._backoff.failed(key, _subject(plan, manifest), retry, self._parts.clock.now())
            log.warning("job failed", shard=str(key), reason=plan.reason, error=str(error), tried_again=retry.value)
            return
        if end is not End.TAKEN:
            self._backoff.succeeded(key)


def _subject(plan: Plan, manifest: Manifest) -> tuple[object, ...]:
    return (*plan.inputs, manifest.config_generation)
