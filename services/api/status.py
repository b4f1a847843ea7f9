"""A collection's status with its reasons, from what is known of it right now. Pure.

red     a segment is quarantined, a shard's last job failed and its work is still wanted, or a column of a payload
        index could not be built and is to be tried again
grey    some shard has no live worker, or work is wanted and optimization is switched off (max_optimization_threads 0)
yellow  anything is queued or running: operations that a shard has not applied, a config that it has not met, the
        points that it begins with, columns of payload indexes that are not built, a job; or the planner wants a job
        that no optimizer has taken up yet
green   nothing is left to do

What the planner wants is asked of the same pure function that the optimizer plans with, over what the shards hold now
and the config of the catalog: so a change turns the status yellow at once, before any optimizer has seen it, and
nothing but the end of the work turns it green.
"""

from collections.abc import Iterator
from typing import NamedTuple

from services.api.init_from import beginnings
from shared.policies.choose import is_off, wanted
from shared.policies.plan import Limits, Plan
from shared.schema.collections import CollectionRecord
from shared.schema.jobs import JobStatus
from shared.schema.queries import DescribeReply


class Facts(NamedTuple):
    """What is known of a collection right now.

    shards      figures by shard; None where it does not answer
    heads       the last position in each shard's log; None when the log does not answer
    jobs        of the optimizer, oldest first
    optimizer   limits of a live optimizer; None when none lives
    """

    shards: list[DescribeReply | None]
    heads: list[int] | None
    jobs: list[JobStatus]
    optimizer: Limits | None
    limits: Limits
    """Of the optimizer, or what they were when one lived last."""

    def lag(self, shard: int) -> int:
        """Return how many operations in a shard's log it has not applied, as far as is known."""
        described = self.shards[shard]
        return 0 if self.heads is None or described is None else max(self.heads[shard] - described.applied, 0)


class Status(NamedTuple):
    """What is shown; reasons are empty for green."""

    colour: str
    reasons: list[str]


def status_of(record: CollectionRecord, facts: Facts) -> Status:
    """Return a collection's status."""
    plans = wanted_plans(record, facts)
    broken = [*_quarantined(facts), *_failed(facts, plans), *_columns_failed(facts)]
    if broken:
        return Status("red", broken)
    silent = [number for number, shard in enumerate(facts.shards) if shard is None]
    if silent:
        return Status("grey", [f"no live worker serves shard {number}" for number in silent])
    pending = [*_unapplied(record, facts), *beginnings(record, facts.shards), *_unbuilt(facts)]
    running = [job for job in newest_jobs(facts.jobs) if job.is_unfinished]
    pending += [_job_text(job) for job in running]
    reported = {job.shard for job in running}
    pending += [
        f"shard {shard} wants {plan.kind}: {plan.reason}"
        for shard, found in plans.items()
        for plan in found[:1]
        if shard not in reported and not is_off(record.config)
    ]
    if pending:
        return Status("yellow", [*pending, *_no_optimizer(facts, plans, bool(running))])
    if is_off(record.config) and any(plans.values()):
        return Status("grey", [_switched_off(shard, found[0]) for shard, found in plans.items() if found])
    return Status("green", [])


def wanted_plans(record: CollectionRecord, facts: Facts) -> dict[int, list[Plan]]:
    """Return what the planner wants of each shard that answers, even where optimization is switched off."""
    return {
        number: wanted(shard.segments, record.config, facts.limits)
        for number, shard in enumerate(facts.shards)
        if shard is not None
    }


def newest_jobs(jobs: list[JobStatus]) -> list[JobStatus]:
    """Return the newest job of each shard: there is one at a time, so what an older one says is past."""
    return list({job.shard: job for job in jobs}.values())


def _quarantined(facts: Facts) -> Iterator[str]:
    for number, shard in enumerate(facts.shards):
        if shard is None:
            continue
        if shard.reason:
            yield f"shard {number} is quarantined: {shard.reason}"
        for segment in shard.segments:
            if segment.state == "quarantined":
                yield f"segment {segment.segment_id} of shard {number} is quarantined: {segment.reason}"


def _failed(facts: Facts, plans: dict[int, list[Plan]]) -> Iterator[str]:
    """A failure is past once its work is not wanted any more, or was done by a later job."""
    for job in newest_jobs([job for job in facts.jobs if job.state in ("done", "failed")]):
        inputs = set(job.inputs)
        is_wanted = job.shard not in plans or any(inputs.intersection(plan.inputs) for plan in plans[job.shard])
        if job.state == "failed" and is_wanted:
            yield f"{job.kind} job failed: {job.error}"


def _columns_failed(facts: Facts) -> Iterator[str]:
    for number, shard in enumerate(facts.shards):
        for path, reason in shard.column_failures.items() if shard is not None else ():
            yield f"shard {number} could not build the payload index `{path}` and tries again: {reason}"


def _unapplied(record: CollectionRecord, facts: Facts) -> Iterator[str]:
    for number, shard in enumerate(facts.shards):
        if facts.lag(number):
            yield f"{facts.lag(number)} operations are logged and not applied yet by shard {number}"
        if shard is not None and shard.config_generation < record.generation:
            yield f"shard {number} has not met the newest config yet"


def _unbuilt(facts: Facts) -> Iterator[str]:
    for number, shard in enumerate(facts.shards):
        if shard is not None and shard.unbuilt_columns:
            paths = ", ".join(f"`{path}`" for path in shard.unbuilt_paths)
            yield f"shard {number} builds {shard.unbuilt_columns} columns of the payload indexes {paths}"


def _job_text(job: JobStatus) -> str:
    share = f" {100 * job.done / job.total:.0f} %" if job.total else ""
    stage = f", {job.stage}{share}" if job.stage else ""
    return f"{job.kind} of shard {job.shard} is {job.state}{stage}: {job.reason}"


def _no_optimizer(facts: Facts, plans: dict[int, list[Plan]], has_jobs: bool) -> list[str]:
    is_needed = facts.optimizer is None and (has_jobs or any(plans.values()))
    return ["no optimizer is running: start one"] if is_needed else []


def _switched_off(shard: int, plan: Plan) -> str:
    return f"optimization is switched off (max_optimization_threads 0); shard {shard} wants {plan.kind}: {plan.reason}"
