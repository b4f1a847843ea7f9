"""Writes: validate, split by shard, append to each shard's log, and with `wait` until they are applied.

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
from shared.schema.operations import Operation, encode_operation
from shared.schema.points import PointId, format_point_id
from shared.schema.queries import AppliedReply, AwaitApplied

VALIDATIONS_MAX = 5
"""How often an operation is validated again because the config moved under it."""

KNOWN_MAX = 100_000
"""Shards that are remembered; more are asked about again."""


Parts = Mapping[int, Sequence[Operation]]
"""Operations by shard, in order. Those of one shard are logged together or not at all."""

Split = Callable[[CollectionConfig], Parts | Awaitable[Parts]]
"""Validates a request against a config and gives its operations, in turns where there are many. Raises Rejected."""


class Written(NamedTuple):
    """What a write did: its status on the wire and the positions it took; none when there was nothing to log."""

    status: str
    positions: ShardPositions

    @property
    def operation_id(self) -> int | None:
        """The highest position, counted from 0."""
        return max(self.positions.values()) - 1 if self.positions else None


class Admission(NamedTuple):
    """What stands before the log: `check` once the collection is known, `charge` once it is known which shards."""

    check: Callable[[CollectionRecord], Awaitable[None]]
    charge: Callable[[CollectionRecord, Parts], None]


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

    async def write(self, name: str, split: Split, params: WriteParams, admission: Admission | None = None) -> Written:
        """Log an operation and, with `wait`, see it applied. Raises NotFound for points it needs and nobody has."""
        record, positions = await self._log(name, split, admission)
        if not params.wait:
            return Written("acknowledged", positions)
        timeout_s = self._waits.longest_s if params.timeout_s is None else float(params.timeout_s)
        try:
            missing = await self._applied(record, positions, timeout_s)
        except TimedOut:
            return Written("wait_timeout", positions)
        except ShardClosed as error:
            raise NotFound(f"Collection `{name}` doesn't exist!") from error
        if missing:
            raise NotFound(f"No point with id {format_point_id(missing[0])} found")
        return Written("completed", positions)

    async def _log(
        self, name: str, split: Split, admission: Admission | None
    ) -> tuple[CollectionRecord, ShardPositions]:
        logged: ShardPositions = {}
        record = await self._directory.resolve(name)
        if admission is not None:
            await admission.check(record)
        for _ in range(VALIDATIONS_MAX):
            found = split(record.config)
            found = await found if isawaitable(found) else found
            parts = {shard: operations for shard, operations in found.items() if (record.uuid, shard) not in logged}
            if admission is not None:
                admission.charge(record, parts)
                admission = None
            moved = await self._append_all(record, parts, logged)
            if moved is None:
                return record, logged
            await self._directory.reload()
            newer = await self._directory.resolve(name)
            if isinstance(moved, ShardClosed) and newer.uuid == record.uuid:
                raise moved
            if newer.uuid != record.uuid:
                logged.clear()
            record = newer
        raise GenerationChanged(f"the config of `{name}` changed {VALIDATIONS_MAX} times while the write was validated")

    async def _append_all(
        self, record: CollectionRecord, parts: Parts, logged: ShardPositions
    ) -> GenerationChanged | ShardClosed | None:
        """Append each part; note positions in `logged`; return why validation must be done again, if it must."""
        if len(parts) == 1:
            ((shard, operations),) = parts.items()
            outcomes: list[int | BaseException] = [await self._append_or_error(record, shard, operations)]
        else:
            outcomes = await asyncio.gather(
                *(self._append_or_error(record, shard, operations) for shard, operations in parts.items())
            )
        moved: GenerationChanged | ShardClosed | None = None
        failed: BaseException | None = None
        for shard, outcome in zip(parts, outcomes, strict=True):
            if isinstance(outcome, int):
                logged[record.uuid, shard] = outcome
            elif isinstance(outcome, GenerationChanged | ShardClosed):
                moved = outcome
            else:
                failed = outcome
        if failed is not None:
            raise failed
        return moved

    async def _append_or_error(
        self, record: CollectionRecord, shard: int, operations: Sequence[Operation]
    ) -> int | BaseException:
        """Append a shard's operations; return the last position, or what went wrong."""
        key = ShardKey(record.uuid, shard)
        entries = [encode_operation(operation) for operation in operations]
        try:
            if key not in self._known:
                await self._learn(key)
            await self._see_born(key, record.config.newest_birth)
            try:
                return (await self._appender.append(key, entries, record.generation))[-1]
            except ShardUnavailable:
                await self._open(key)
                return (await self._appender.append(key, entries, record.generation))[-1]
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

    async def _applied(self, record: CollectionRecord, positions: ShardPositions, timeout_s: float) -> list[PointId]:
        """Wait until positions are applied; return the points that they needed and nobody has."""
        asking = self._shards.asking("Update", timeout_s)._replace(patience_s=self._waits.patience_s)
        try:
            replies = await together(
                [
                    self._shards.ask(record, shard, AwaitApplied([position]), AppliedReply, asking)
                    for (_, shard), position in positions.items()
                ]
            )
        except ShardUnavailable as error:
            if not self._shards.has_time(asking):
                raise TimedOut(str(error)) from error
            raise ShardUnavailable(
                f"the write is logged and will be applied, but nobody can tell when: {error}"
            ) from error
        return [point_id for reply in replies for outcome in reply.outcomes for point_id in outcome.missing]
