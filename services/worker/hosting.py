"""All shards of this worker.

Opens, closes and repairs them in tasks, one per shard at a time, so no shard waits for another, nor a lease for a disk.
A bounded number is opened at a time; one that a request waits for does not stand in that line.
"""

import asyncio
import contextlib
import shutil
from collections.abc import Awaitable, Callable, Coroutine

import structlog

from services.worker.hosted import Hosted
from services.worker.idleness import Idleness
from services.worker.news import News
from services.worker.shard import Shard
from services.worker.sharing import Common, Host
from shared.coordination.placement import forget
from shared.coordination.status import forget_jobs
from shared.coordination.view import CatalogView
from shared.errors import Corrupt, ShardClosed, ShardUnavailable, StaleFence, Unavailable
from shared.log.position import ShardKey
from shared.schema.collections import CollectionRecord
from shared.schema.queries import Reply, ShardRequest

log = structlog.get_logger(__name__)

RETRY_S = 1.0
"""Pause before a shard that could not be opened is tried again."""
REPAIR_S = 30.0
"""How often the files of a quarantined segment are looked at again."""
OPENINGS_MAX = 16
"""Shards that are claimed and opened at a time."""
HEADS_MAX = 256
"""Heads looked at in one round trip."""
SLOW_HEADS_MAX = 64
"""Heads of resting shards looked at in one sweep."""


class Hosting:
    """Takes what should be hosted, gives answers of the shards that are."""

    def __init__(
        self,
        common: Common,
        make_shard: Callable[[ShardKey], Shard],
        aliases: Callable[[str], tuple[str, ...]],
        idleness: Idleness,
    ) -> None:
        self._common = common
        self._idleness = idleness
        self._gate = asyncio.Semaphore(OPENINGS_MAX)
        self._wanted: set[ShardKey] = set()
        self._looked_at: list[ShardKey] = []
        self._make_shard = make_shard
        self._host = Host(aliases, self._trouble, self.want)
        self._hosted: dict[ShardKey, Hosted] = {}
        self._tasks: dict[ShardKey, asyncio.Task[None]] = {}
        self._news = News()
        self._not_before: dict[ShardKey, float] = {}
        self._repair_at: dict[ShardKey, float] = {}
        self.node_id = ""
        self.on_change: Callable[[], None] = lambda: None

    @property
    def keys(self) -> set[ShardKey]:
        """Shards that are hosted, or being opened."""
        return set(self._hosted)

    def hosted(self, key: ShardKey) -> Hosted:
        """Return one of them. Raises KeyError."""
        return self._hosted[key]

    @property
    def leading(self) -> set[ShardKey]:
        """Shards that are led, or about to be."""
        return {key for key, hosted in self._hosted.items() if hosted.fence is not None or key in self._tasks}

    @property
    def shards(self) -> list[Shard]:
        """The shards themselves."""
        return [hosted.shard for hosted in self._hosted.values()]

    def answer(self, request: ShardRequest) -> Reply | Awaitable[Reply]:
        """Answer a request to one of the shards. Raises ShardUnavailable for others."""
        hosted = self._hosted.get(ShardKey(request.collection, request.shard))
        if hosted is None:
            raise ShardUnavailable(f"shard {request.collection}:{request.shard} is not served by this worker")
        return hosted.shard.answer(request)

    def take(self, key: ShardKey, record: CollectionRecord) -> None:
        """Lead and serve a shard; one that is hosted already is claimed again."""
        if key in self._tasks or self._common.clock.now() < self._not_before.get(key, 0.0):
            return
        hosted = self._hosted.get(key)
        if hosted is None:
            hosted = self._hosted[key] = Hosted(self._make_shard(key), record, self._common, self._host)
        self._run(key, self._open(hosted))

    def update(self, view: CatalogView) -> None:
        """Tell shards what is new to them in the catalog; start bringing newer configs into the logs."""
        for key in self._news.of(view, self._hosted, self._common.clock.now()):
            hosted, record = self._hosted[key], view.by_uuid.get(key.collection)
            if record is None:
                continue
            hosted.note(record)
            if hosted.wants_catalog and key not in self._tasks:
                self._run(key, self._guarded(hosted, hosted.follow_catalog()))

    def want(self, key: ShardKey) -> None:
        """Open a dormant shard: somebody asks for it, or its log has something for it."""
        hosted = self._hosted.get(key)
        if hosted is None or hosted.shard.dormant is None:
            return
        if key in self._tasks:
            self._wanted.add(key)
        else:
            self._run(key, self._guarded(hosted, hosted.awake()), is_idle=True)

    def woken(self, key: ShardKey) -> None:
        """The log tells that a resting shard was appended to."""
        hosted = self._hosted.get(key)
        if hosted is not None:
            hosted.wake()

    def look_for_idle(self) -> None:
        """Put shards to rest that are quiet, and close idle ones when the open ones take too much memory."""
        choice = self._idleness.look(self._hosted.values(), self._common.clock.now())
        for key in choice.close:
            if key not in self._tasks:
                self._run(key, self._guarded(self._hosted[key], self._hosted[key].close_idle()), is_idle=True)
        for key in choice.rest:
            if key not in self._tasks:
                self._run(key, self._guarded(self._hosted[key], self._hosted[key].rest()), is_idle=True)

    def let_go(self, key: ShardKey, *, release: bool) -> None:
        """Serve a shard no more; with `release` checkpoint first and let another worker take it at once."""
        hosted = self._hosted.get(key)
        if hosted is not None and key not in self._tasks:
            self._run(key, self._close(hosted, release))

    def discard(self, collection: str) -> None:
        """Close the shards of a deleted collection and remove its files; one that is beginning stops at its step."""
        for key in [key for key in self._hosted if key.collection == collection]:
            if key not in self._tasks:
                self._run(key, self._discard(self._hosted[key]))
            elif self._hosted[key].shard.beginning is not None:
                self._tasks[key].cancel()

    def fenced(self) -> None:
        """The node's lease is lost: lead nothing until it is claimed again."""
        for hosted in self._hosted.values():
            hosted.fence = None

    async def check_heads(self, *, everywhere: bool = False) -> None:
        """Look whether the logs still have what was applied, and know us as the leader. Raises Unavailable.

        Of the shards that rest a part, in turn, or `everywhere` all: after messages from Redis may have been lost.
        """
        leading = {key: hosted for key, hosted in self._hosted.items() if hosted.fence is not None}
        busy = [key for key, hosted in leading.items() if hosted.shard.dormant is None and not hosted.is_resting]
        quiet = leading.keys() - busy
        turn = [key for key in self._looked_at if key in quiet] or sorted(quiet)
        looked_at, self._looked_at = (turn, []) if everywhere else (turn[:SLOW_HEADS_MAX], turn[SLOW_HEADS_MAX:])
        keys = [*busy, *looked_at]
        for first in range(0, len(keys), HEADS_MAX):
            await self._check_heads({key: leading[key] for key in keys[first : first + HEADS_MAX]})

    async def _check_heads(self, leading: dict[ShardKey, Hosted]) -> None:
        heads = await self._common.wal.heads(list(leading))
        for key, hosted in leading.items():
            if key not in self._tasks and not hosted.is_known_to(heads[key]):
                self._run(key, self._guarded(hosted, hosted.lead_again(self.node_id), leads=True))

    def repair(self, *, at_once: bool = False) -> None:
        """Try shards again whose files were damaged or that stopped, every REPAIR_S or at once."""
        now = self._common.clock.now()
        for key, hosted in self._hosted.items():
            is_due = at_once or now >= self._repair_at.setdefault(key, now + REPAIR_S)
            if hosted.shard.reason and key not in self._tasks and is_due:
                self._repair_at[key] = now + REPAIR_S
                self._run(key, self._guarded(hosted, hosted.reload()))

    async def wait_ready(self, timeout_s: float) -> None:
        """Wait until the shards of now serve, or the time is up."""
        waiting = [asyncio.create_task(hosted.shard.ready.wait()) for hosted in self._hosted.values()]
        if waiting:
            _, pending = await asyncio.wait(waiting, timeout=timeout_s)
            for task in pending:
                task.cancel()

    async def stop(self) -> None:
        """Checkpoint and release every shard."""
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await asyncio.gather(*(self._close(hosted, True) for hosted in list(self._hosted.values())))

    def _run(self, key: ShardKey, work: Coroutine[None, None, None], *, is_idle: bool = False) -> None:
        """Do something to a shard; `is_idle` for what changes nothing for the placement or the catalog."""
        task = asyncio.create_task(work, name=f"hosting {key}")
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._done(key, done, is_idle))

    def _done(self, key: ShardKey, task: asyncio.Task[None], is_idle: bool) -> None:
        self._tasks.pop(key, None)
        self._news.touched(key)
        is_wanted = key in self._wanted
        self._wanted.discard(key)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("shard task failed", shard=str(key), error=repr(error), exc_info=error)
        hosted = self._hosted.get(key)
        if hosted is not None and hosted.fault is not None:
            self._trouble(key)
        if is_wanted:
            self.want(key)
        if not is_idle and key not in self._tasks:
            self.on_change()

    async def _open(self, hosted: Hosted) -> None:
        if hosted.shard.state is not None:
            await self._guarded(hosted, hosted.lead_again(self.node_id), leads=True)
            return
        # Shards that begin with another collection's points wait for one another: not in line
        async with self._gate if hosted.record.init_from is None else contextlib.nullcontext():
            await self._guarded(hosted, hosted.open(self.node_id, self._idleness.room), leads=True)
        if hosted.fence is not None and hosted.shard.dormant is None:
            log.info("shard opened", shard=str(hosted.key), fence=hosted.fence, reason=hosted.shard.reason)

    async def _guarded(self, hosted: Hosted, work: Coroutine[None, None, None], leads: bool = False) -> None:
        """Do something to a shard; what fails is said, and tried again later by the next round of claims."""
        key = hosted.key
        try:
            await work
        except (StaleFence, ShardClosed) as error:
            log.info("shard is not ours", shard=str(key), error=str(error))
            await self._close(hosted, release=False)
            self.on_change()
        except (Unavailable, OSError) as error:
            log.warning("shard needs another try", shard=str(key), error=str(error))
            self._not_before[key] = self._common.clock.now() + RETRY_S
            if leads:
                hosted.fence = None
        except Corrupt as error:
            log.error("shard cannot be served", shard=str(key), error=str(error))
            hosted.shard.set_reason(str(error))

    async def _close(self, hosted: Hosted, release: bool) -> None:
        try:
            await hosted.close(self.node_id if release else None)
        except Unavailable as error:
            log.warning("shard not released, its lease will run out", shard=str(hosted.key), error=str(error))
        self._hosted.pop(hosted.key, None)

    async def _discard(self, hosted: Hosted) -> None:
        await hosted.discard()
        self._hosted.pop(hosted.key, None)
        try:
            await self._common.wal.drop(hosted.key)
            await forget(self._common.redis, hosted.key)
            await forget_jobs(self._common.redis, hosted.key.collection, hosted.key.shard)
        except Unavailable as error:
            log.warning("log of a deleted shard is left to expire", shard=str(hosted.key), error=str(error))
        await self.remove_files(hosted.key.collection)
        self._common.rewrites.want()
        log.info("deleted shard removed", shard=str(hosted.key))

    async def remove_files(self, collection: str) -> bool:
        """Remove the directory of a deleted collection; False when somebody still writes there."""
        directory = self._common.collections / collection

        def remove() -> bool:
            shutil.rmtree(directory, ignore_errors=True)
            return not directory.exists()

        return await asyncio.get_running_loop().run_in_executor(self._common.disk, remove)

    def _trouble(self, key: ShardKey) -> None:
        """A shard cannot go on as it is: an entry that does not fit, or a fence that is stale."""
        hosted = self._hosted.get(key)
        if hosted is None or key in self._tasks:
            return
        if hosted.fault is not None:
            self._run(key, self._guarded(hosted, hosted.recover_from_fault()))
        else:
            self._run(key, self._guarded(hosted, hosted.lead_again(self.node_id), leads=True))
