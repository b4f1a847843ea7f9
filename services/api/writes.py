"""Writes: validate, split by shard, append to each shard's log, and with `wait` until they are applied.

Several changes of one request are validated together and logged by one append for each shard, in their order.
The config that an operation was validated under travels with the append. If the shard's generation is another, the
catalog is read again and the operation is validated and split anew; what is logged already is not appended twice.
Shards are written at once; when one of several refuses, the others keep what they logged, and writing again is safe.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import isawaitable
from typing import NamedTuple

from services.api.directory import Directory
from services.api.init_from import gate_of
from services.api.params import WriteParams
from services.api.positions import ShardPositions
from services.api.shards import Shards, together
from shared.errors import GenerationChanged, HeadBehind, NotFound, ShardClosed, ShardUnavailable, TimedOut
from shared.log.appender import Appender
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.schema.collections import CollectionConfig, CollectionRecord
from shared.schema.operations import Delete, Operation, Upsert, encode_operation
from shared.schema.points import PointId, format_point_id
from shared.schema.queries import AppliedReply, AwaitApplied

VALIDATIONS_MAX = 5
"""How often an operation is validated again because the config moved under it."""

KNOWN_MAX = 100_000
"""Shards that are remembered; more are asked about again."""


Parts = Mapping[int, Sequence[Operation]]
"""Operations by shard, in order. Those of one shard are logged together or not at all."""

Split = Callable[[CollectionConfig], Parts | Awaitable[Parts]]
"""Validates a change against a config and gives its operations, in turns where there are many. Raises Rejected."""

Logged = dict[ShardKey, list[list[int]]]
"""Positions that were taken: for each shard, and each change of the request."""

NEVER_MISSES = (Upsert, Delete)
"""Operations that need no point to exist."""


class Written(NamedTuple):
    """What a change did: its status on the wire and the positions it took; none when there was nothing to log."""

    status: str
    positions: ShardPositions

    @property
    def operation_id(self) -> int | None:
        """The highest position, counted from 0."""
        return max(self.positions.values()) - 1 if self.positions else None


class Admission(NamedTuple):
    """What stands before the log: `check` once the collection is known, `charge` once it is known which shards."""

    check: Callable[[CollectionRecord], Awaitable[None]]
    charge: Callable[[CollectionRecord, Parts], Awaitable[None]]


class WriteWaits(NamedTuple):
    """How long a write with `wait` waits: at most, and for a shard that nobody serves."""

    longest_s: float
    patience_s: float


class Writer:
    """Takes operations, gives their positions."""

    def __init__(self, directory: Directory, appender: Appender, wal: Wal, shards: Shards, waits: WriteWaits) -> None:
        self._directory = directory
        self._appender = appender
        self._wal = wal
        self._shards = shards
        self._waits = waits
        self._known: set[ShardKey] = set()
        """Shards whose applied position the appender was told: a Redis that came back older is noticed then."""
        self._births: dict[ShardKey, int] = {}
        """Shards that have a config with the slots born through that generation."""

    async def write(
        self, name: str, changes: Sequence[Split], params: WriteParams, admission: Admission | None = None
    ) -> list[Written]:
        """Log changes in order and, with `wait`, see them applied. Raises NotFound for points they need and nobody has.

        They are one unit for validation and for the log, and no transaction: what a failing one did stays.
        """
        record, logged, awaited = await self._log(name, changes, admission)
        status = await self._outcome(name, record, awaited, params) if params.wait else "acknowledged"
        return [Written(status, _last_positions(logged, place)) for place in range(len(changes))]

    async def _outcome(
        self, name: str, record: CollectionRecord, awaited: dict[ShardKey, list[int]], params: WriteParams
    ) -> str:
        timeout_s = self._waits.longest_s if params.timeout_s is None else float(params.timeout_s)
        try:
            missing = await self._applied(record, awaited, timeout_s)
        except TimedOut:
            return "wait_timeout"
        except ShardClosed as error:
            raise NotFound(f"Collection `{name}` doesn't exist!") from error
        if missing:
            raise NotFound(f"No point with id {format_point_id(missing[0])} found")
        return "completed"

    async def _log(
        self, name: str, changes: Sequence[Split], admission: Admission | None
    ) -> tuple[CollectionRecord, Logged, dict[ShardKey, list[int]]]:
        """Return the collection, the positions taken, and those whose outcome counts."""
        logged: Logged = {}
        awaited: dict[ShardKey, list[int]] = {}
        record = await self._directory.resolve(name)
        if admission is not None:
            await admission.check(record)
        for _ in range(VALIDATIONS_MAX):
            found = [await _parts(change, record.config) for change in changes]
            whole = {
                shard: part for shard, part in _joined(found).items() if ShardKey(record.uuid, shard) not in logged
            }
            if admission is not None:
                await admission.charge(record, whole)
                admission = None
            moved = await self._append_all(record, whole, Taken(logged, awaited, found))
            if moved is None:
                return record, logged, awaited
            await self._directory.reload()
            newer = await self._directory.resolve(name)
            if isinstance(moved, ShardClosed) and newer.uuid == record.uuid:
                raise moved
            if newer.uuid != record.uuid:
                logged.clear()
                awaited.clear()
            record = newer
        raise GenerationChanged(f"the config of `{name}` changed {VALIDATIONS_MAX} times while the write was validated")

    async def _append_all(
        self, record: CollectionRecord, parts: Parts, taken: "Taken"
    ) -> GenerationChanged | ShardClosed | None:
        """Append each part; note the positions taken; return why validation must be done again, if it must."""
        if len(parts) == 1:
            ((shard, operations),) = parts.items()
            outcomes: list[list[int] | BaseException] = [await self._append_or_error(record, shard, operations)]
        else:
            outcomes = await asyncio.gather(
                *(self._append_or_error(record, shard, operations) for shard, operations in parts.items())
            )
        moved: GenerationChanged | ShardClosed | None = None
        failed: BaseException | None = None
        for shard, outcome in zip(parts, outcomes, strict=True):
            if isinstance(outcome, list):
                taken.note(ShardKey(record.uuid, shard), parts[shard], outcome)
            elif isinstance(outcome, GenerationChanged | ShardClosed):
                moved = outcome
            else:
                failed = outcome
        if failed is not None:
            raise failed
        return moved

    async def _append_or_error(
        self, record: CollectionRecord, shard: int, operations: Sequence[Operation]
    ) -> list[int] | BaseException:
        """Append a shard's operations; return their positions, or what went wrong."""
        key = ShardKey(record.uuid, shard)
        entries = [encode_operation(operation) for operation in operations]
        try:
            if key not in self._known:
                await self._learn(key)
            await self._see_born(key, record.config.newest_birth)
            try:
                return await self._appender.append(key, entries, record.generation)
            except ShardUnavailable:
                await self._open(key)
                return await self._appender.append(key, entries, record.generation)
        except HeadBehind as error:
            return await self._why_behind(record, key, error)
        except Exception as error:  # the caller sorts them and raises
            return error

    async def _why_behind(self, record: CollectionRecord, key: ShardKey, error: HeadBehind) -> Exception:
        """Say of a collection that begins with another's points how far it is: its log takes nothing until then."""
        described = await self._shards.describe_one(key) if record.init_from is not None else None
        return ShardUnavailable(described.beginning) if described is not None and described.beginning else error

    async def _learn(self, key: ShardKey) -> None:
        """Before the first append to a shard: a position that its worker has applied must be in the log."""
        described = await self._shards.describe_one(key)
        if described is not None:
            self._appender.saw(key, described.applied)
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            self._known.add(key)

    async def _see_born(self, key: ShardKey, generation: int) -> None:
        """Before the first append that may carry a slot added later: the config that adds it must be in the log."""
        if generation <= self._births.get(key, 0):
            return
        await self._shards.configured(key, generation)
        if len(self._births) >= KNOWN_MAX:
            self._births.clear()
        self._births[key] = generation

    async def _open(self, key: ShardKey) -> None:
        """Open a shard that the log does not know: its creation was cut short. Raises ShardClosed."""
        record = (await self._directory.reload()).by_uuid.get(key.collection)
        if record is None:
            raise ShardClosed(f"collection of shard {key} was deleted")
        capacity_bytes = record.config.wal_config.log_bytes_max
        await self._wal.open_shard(key, record.generation, capacity_bytes=capacity_bytes, known=gate_of(record))

    async def _applied(
        self, record: CollectionRecord, awaited: dict[ShardKey, list[int]], timeout_s: float
    ) -> list[PointId]:
        """Wait until positions are applied; return the points that they needed and nobody has."""
        asking = self._shards.asking("Update", timeout_s)._replace(patience_s=self._waits.patience_s)
        try:
            replies = await together(
                [
                    self._shards.ask(record, key.shard, AwaitApplied(positions), AppliedReply, asking)
                    for key, positions in awaited.items()
                ]
            )
        except ShardUnavailable as error:
            if not self._shards.has_time(asking):
                raise TimedOut(str(error)) from error
            raise ShardUnavailable(
                f"the write is logged and will be applied, but nobody can tell when: {error}"
            ) from error
        return [point_id for reply in replies for outcome in reply.outcomes for point_id in outcome.missing]


class Taken(NamedTuple):
    """Notes what was appended.

    logged    see `Logged`
    awaited   for each shard the positions whose outcome counts: the last, and those of operations that need points
    found     the operations of each change by shard
    """

    logged: Logged
    awaited: dict[ShardKey, list[int]]
    found: Sequence[Parts]

    def note(self, key: ShardKey, operations: Sequence[Operation], positions: list[int]) -> None:
        """A shard's operations, those of all changes in order, have these positions."""
        rest = iter(positions)
        self.logged[key] = [[next(rest) for _ in parts.get(key.shard, ())] for parts in self.found]
        pairs = zip(operations, positions, strict=True)
        needing = [position for operation, position in pairs if not isinstance(operation, NEVER_MISSES)]
        self.awaited[key] = sorted({*needing, positions[-1]})


async def _parts(change: Split, config: CollectionConfig) -> Parts:
    found = change(config)
    return await found if isawaitable(found) else found


def _joined(found: Sequence[Parts]) -> dict[int, list[Operation]]:
    """Return the operations of all changes by shard, in the order of the changes."""
    whole: dict[int, list[Operation]] = {}
    for parts in found:
        for shard, operations in parts.items():
            if operations:
                whole.setdefault(shard, []).extend(operations)
    return whole


def _last_positions(logged: Logged, place: int) -> ShardPositions:
    """Return the last position of one change in each shard where it has any."""
    return {key: positions[place][-1] for key, positions in logged.items() if positions[place]}
