"""One plan carried out: build apart, make durable, order by the log, wait for the switch.

1. order   the builder writes `building/<job>/<output>` from the inputs as one manifest names them, and measures recall
2. rename  to `segments/<output>`, durable; nothing names it yet
3. append  Swap(base = that manifest's checkpoint, inputs, output, config generation of now), under the shard's fence
4. settle  the manifest that covers the entry names the output: done; or does not: the log had moved. Then 3 again if
           the inputs are there and the config has not changed in anything that a build depends on, else discarded
A crash before 3 leaves directories that the collector removes. A crash after 3 leaves nothing to do.
Inputs in which no row lives need no builder: their swap names no output.
"""

import asyncio
import secrets
import shutil
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from services.optimizer.builder import Builder, BuildFailed
from services.optimizer.manifests import Manifests, ShardView, state_of
from services.optimizer.messages import BuildOrder, Built
from services.optimizer.outdated import outdated
from services.optimizer.report import JobReport
from shared.clock import Clock
from shared.errors import LogUnavailable, OutcomeUnknown, ShoalError, StaleFence
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.policies.plan import Plan
from shared.schema.operations import Swap, encode_operation
from shared.store.atomic import crash_point, publish_directory
from shared.store.collect import BUILDING, SEGMENTS
from shared.store.manifest import Manifest

log = structlog.get_logger(__name__)
APPEND_TRIES = 8
APPEND_WAIT_S = 0.5
SETTLE_POLL_S = 5.0
SWAP_TRIES = 4
"""How often an entry that the shard ignored, because a config that builds alike came before it, is appended anew."""


class Superseded(ShoalError):
    """The shard moved on: the inputs are no longer what the plan was made of. Plan anew."""


class Output(NamedTuple):
    """A complete segment in `segments/`, and what it was built from. Without an id: no row was left to keep."""

    segment_id: str
    built: Built
    plan: Plan
    view: ShardView


class Rebuilder:
    """Takes plans, gives segments that are swapped in."""

    def __init__(self, builder: Builder, wal: Wal, manifests: Manifests, clock: Clock, recall_target: float) -> None:
        self._builder = builder
        self._wal = wal
        self._manifests = manifests
        self._clock = clock
        self._recall_target = recall_target

    async def build(self, key: ShardKey, plan: Plan, view: ShardView, threads: int, report: JobReport) -> Output:
        """Do steps 1 and 2. Raises BuildFailed, Superseded (inputs vanished). Leaves nothing behind when it fails."""
        manifest = view.manifest
        if not any(entry.live for entry in manifest.segments if entry.segment_id in plan.inputs):
            return Output("", Built(rows=0, size_bytes=0, recall=None, attempts=0, seconds=0.0), plan, view)
        job_id = report.status.job_id
        output_id = f"b{secrets.token_hex(8)}"
        directory = self._manifests.directory(key)
        workspace = directory / BUILDING / job_id
        order = BuildOrder(
            job_id=job_id,
            directory=str(directory),
            output=str(workspace / output_id),
            output_id=output_id,
            manifest=msgspec.json.encode(manifest),
            inputs=plan.inputs,
            graphs=plan.graphs,
            threads=threads,
            recall_target=self._recall_target,
        )
        try:
            await asyncio.to_thread(_make_workspace, workspace)
            built = await self._builder.build(order, report.progress)
            await asyncio.to_thread(_publish, Path(order.output), directory / SEGMENTS / output_id)
        except BuildFailed as error:
            if error.kind == "FileNotFoundError" and self._manifests.newest(key) != manifest:
                raise Superseded(str(error)) from error
            raise
        finally:
            await remove(workspace)
        crash_point("after_output_rename")
        return Output(output_id, built, plan, view)

    async def swap(self, key: ShardKey, output: Output) -> None:
        """Do steps 3 and 4. Raises Superseded, ShardClosed, StaleFence, LogUnavailable."""
        for _ in range(SWAP_TRIES):
            position = await self._order(key, output)
            if position is None or await self._settled(key, output, position):
                return
        raise Superseded(f"the shard ignored the swap in {SWAP_TRIES} attempts")

    async def _order(self, key: ShardKey, output: Output) -> int | None:
        """Append the entry and return its position; None when one whose answer was lost has taken effect already.

        An output whose entry is surely not in the log is removed; one whose entry may be is left to the collector. An
        entry that is appended twice after a lost answer is harmless: the second finds its inputs gone.
        """
        maybe_appended = False
        for attempt in range(1, APPEND_TRIES + 1):
            try:
                swap = self._current_swap(key, output)
                fence = (await self._wal.head(key)).fence
                return await self._append(key, swap, fence)
            except OutcomeUnknown:
                maybe_appended = True
            except (StaleFence, LogUnavailable) as error:
                log.info("swap not appended yet", shard=str(key), attempt=attempt, reason=str(error))
            except ShoalError:
                if maybe_appended and self._is_switched(key, output):
                    return None
                if not maybe_appended:
                    await self._discard(key, output)
                raise
            await self._clock.sleep(APPEND_WAIT_S * attempt)
        if not maybe_appended:
            await self._discard(key, output)
        raise LogUnavailable(f"the swap entry could not be appended in {APPEND_TRIES} attempts")

    async def _append(self, key: ShardKey, swap: Swap, fence: int) -> int:
        crash_point("before_swap_append")
        position = await self._wal.append_internal(key, encode_operation(swap), fence)
        crash_point("after_swap_append")
        return position

    async def _settled(self, key: ShardKey, output: Output, position: int) -> bool:
        """Wait until the entry is switched, or known to be ignored; tell which."""

        def decided(manifest: Manifest) -> bool:
            inputs = set(output.plan.inputs)
            pending = any(inputs.intersection(swap.inputs) for swap in manifest.pending)
            return _is_in(manifest, output) or (manifest.checkpoint >= position and not pending)

        while (manifest := await self._manifests.wait_for(key, decided, SETTLE_POLL_S)) is None:
            log.debug("waiting for the switch", shard=str(key), output=output.segment_id, position=position)
        return _is_in(manifest, output)

    def _is_switched(self, key: ShardKey, output: Output) -> bool:
        newest = self._manifests.newest(key)
        return newest is not None and _is_in(newest, output)

    def _current_swap(self, key: ShardKey, output: Output) -> Swap:
        """Return the entry under the config of now. Raises Superseded when the output is not worth it any more."""
        view = self._manifests.view(key)
        if view is None:
            raise Superseded("the shard has no manifest any more")
        reason = outdated(output.view, view, output.plan)
        if reason:
            raise Superseded(reason)
        base = output.view.manifest.checkpoint
        return Swap(base, output.plan.inputs, output.segment_id, view.manifest.config_generation)

    async def _discard(self, key: ShardKey, output: Output) -> None:
        if output.segment_id:
            await remove(self._manifests.directory(key) / SEGMENTS / output.segment_id)


def _is_in(manifest: Manifest, output: Output) -> bool:
    """Return whether a manifest has the output in the place of its inputs."""
    if output.segment_id:
        return state_of(manifest, output.segment_id) != "gone"
    return all(state_of(manifest, name) == "gone" for name in output.plan.inputs)


async def remove(directory: Path) -> None:
    """Remove a directory if it is there."""
    await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)


def _make_workspace(workspace: Path) -> None:
    workspace.parent.mkdir(exist_ok=True)  # not parents: a deleted collection's directory must not come back
    workspace.mkdir()


def _publish(temporary: Path, final: Path) -> None:
    final.parent.mkdir(exist_ok=True)
    publish_directory(temporary, final)
