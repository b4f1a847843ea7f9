"""One plan carried out: build apart, make durable, order by the log, wait for the switch.

1. order   the builder writes `building/<job>/<output>` from the inputs as one manifest names them, and measures recall
2. rename  to `segments/<output>`, durable; nothing names it yet
3. append  Swap(base = that manifest's checkpoint, inputs, output, its config generation), under the shard's fence
4. settle  the manifest that covers the entry names the output: done; or does not: the log had moved, output discarded
A crash before 3 leaves directories that the collector removes. A crash after 3 leaves nothing to do.
"""

import asyncio
import secrets
import shutil
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from services.optimizer.builder import Builder, BuildFailed
from services.optimizer.manifests import Manifests, state_of
from services.optimizer.messages import BuildOrder, Built
from services.optimizer.policies.plan import Plan
from services.optimizer.report import JobReport
from shared.clock import Clock
from shared.errors import LogUnavailable, OutcomeUnknown, ShoalError, StaleFence
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.schema.operations import Swap, encode_operation
from shared.store.atomic import crash_point, publish_directory
from shared.store.collect import BUILDING, SEGMENTS
from shared.store.manifest import Manifest

log = structlog.get_logger(__name__)
APPEND_TRIES = 8
APPEND_WAIT_S = 0.5
SETTLE_POLL_S = 5.0


class Superseded(ShoalError):
    """The shard moved on: the inputs are no longer what the plan was made of. Plan anew."""


class Output(NamedTuple):
    """A complete segment in `segments/`, and the entry that would swap it in."""

    segment_id: str
    built: Built
    swap: Swap


class Rebuilder:
    """Takes plans, gives segments that are swapped in."""

    def __init__(self, builder: Builder, wal: Wal, manifests: Manifests, clock: Clock, recall_target: float) -> None:
        self._builder = builder
        self._wal = wal
        self._manifests = manifests
        self._clock = clock
        self._recall_target = recall_target

    async def build(self, key: ShardKey, plan: Plan, manifest: Manifest, threads: int, report: JobReport) -> Output:
        """Do steps 1 and 2. Raises BuildFailed, Superseded (inputs vanished). Leaves nothing behind when it fails."""
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
        swap = Swap(manifest.checkpoint, plan.inputs, output_id, manifest.config_generation)
        return Output(output_id, built, swap)

    async def swap(self, key: ShardKey, output: Output) -> int:
        """Do step 3 and return the entry's position. Raises Superseded, ShardClosed, StaleFence, LogUnavailable.

        An output whose entry is surely not in the log is removed; one whose entry may be is left to the collector. An
        entry that is appended twice after a lost answer is harmless: the second finds its inputs gone.
        """
        maybe_appended = False
        for attempt in range(1, APPEND_TRIES + 1):
            try:
                self._check_current(key, output.swap)
                fence = (await self._wal.head(key)).fence
                return await self._append(key, output.swap, fence)
            except OutcomeUnknown:
                maybe_appended = True
            except (StaleFence, LogUnavailable) as error:
                log.info("swap not appended yet", shard=str(key), attempt=attempt, reason=str(error))
            except ShoalError:
                if not maybe_appended:
                    await remove(self._manifests.directory(key) / SEGMENTS / output.segment_id)
                raise
            await self._clock.sleep(APPEND_WAIT_S * attempt)
        if not maybe_appended:
            await remove(self._manifests.directory(key) / SEGMENTS / output.segment_id)
        raise LogUnavailable(f"the swap entry could not be appended in {APPEND_TRIES} attempts")

    async def _append(self, key: ShardKey, swap: Swap, fence: int) -> int:
        crash_point("before_swap_append")
        position = await self._wal.append_internal(key, encode_operation(swap), fence)
        crash_point("after_swap_append")
        return position

    async def settle(self, key: ShardKey, output: Output, position: int) -> None:
        """Do step 4. Raises Superseded when the entry was ignored; the output is the collector's then."""

        def decided(manifest: Manifest) -> bool:
            pending = any(swap.output == output.segment_id for swap in manifest.pending)
            return state_of(manifest, output.segment_id) != "gone" or (manifest.checkpoint >= position and not pending)

        while (manifest := await self._manifests.wait_for(key, decided, SETTLE_POLL_S)) is None:
            log.debug("waiting for the switch", shard=str(key), output=output.segment_id, position=position)
        if state_of(manifest, output.segment_id) == "gone":
            raise Superseded(f"the swap at position {position} was ignored: its inputs or its config are not current")

    def _check_current(self, key: ShardKey, swap: Swap) -> None:
        manifest = self._manifests.newest(key)
        if manifest is None or manifest.config_generation != swap.generation:
            raise Superseded("the collection's config changed during the build")
        missing = [name for name in swap.inputs if state_of(manifest, name) == "gone"]
        if missing:
            raise Superseded(f"inputs {missing} are gone")


async def remove(directory: Path) -> None:
    """Remove a directory if it is there."""
    await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)


def _make_workspace(workspace: Path) -> None:
    workspace.parent.mkdir(exist_ok=True)  # not parents: a deleted collection's directory must not come back
    workspace.mkdir()


def _publish(temporary: Path, final: Path) -> None:
    final.parent.mkdir(exist_ok=True)
    publish_directory(temporary, final)
