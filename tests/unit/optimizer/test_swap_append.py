"""The swap entry, lost answers and changed configs: one effect, no output removed that may be named."""

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis

from services.optimizer.manifests import Manifests
from services.optimizer.messages import Built
from services.optimizer.rebuilder import Output, Rebuilder, Superseded
from shared.clock import SystemClock
from shared.errors import LogUnavailable, OutcomeUnknown
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.policies.plan import Plan
from shared.schema.operations import Swap
from tests.unit.optimizer.shard_stand_in import LIMITS, MB, BuilderStandIn, ShardStandIn, entry

KEY = ShardKey("5f0c0c5e-0000-4000-8000-000000000001", 0)


class HastyClock(SystemClock):
    """Does not wait."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(0)


class FlakyWal(Wal):
    """Loses answers: `script` says what happens to each append; a `kept` entry is in the log."""

    def __init__(self, redis: Redis, script: list[str]) -> None:
        super().__init__(redis)
        self._script = script

    async def append_internal(self, key: ShardKey, entry: bytes, fence: int) -> int:
        match self._script.pop(0) if self._script else "works":
            case "away":
                raise LogUnavailable("redis is away")
            case "lost":
                raise OutcomeUnknown("no answer")
            case "kept":
                await super().append_internal(key, entry, fence)
                raise OutcomeUnknown("no answer")
        return await super().append_internal(key, entry, fence)


class Place:
    """A shard with a complete output beside it, and a worker that applies."""

    def __init__(self, redis: Redis, data_dir: Path, script: list[str]) -> None:
        self.shard = ShardStandIn(data_dir, Wal(redis), KEY)
        self.manifests = Manifests(data_dir, SystemClock(), LIMITS)
        self.rebuilder = Rebuilder(BuilderStandIn(), FlakyWal(redis, script), self.manifests, HastyClock(), 0.95)
        self.path = self.shard.directory / "segments" / "b1"
        self.applied: list[object] = []

    async def open(self) -> Output:
        """Open the shard and return an output that was built of it."""
        await self.shard.open(entry("a1", 31 * MB))
        self.path.mkdir(parents=True)
        view = self.manifests.view(KEY)
        assert view is not None
        return Output("b1", Built(1, 1, 1.0, 1, 0.1), Plan("index", ["a1"], "why", 31 * MB, [""]), view)

    async def swap(self, output: Output) -> None:
        """Swap while the worker applies what is in the log."""
        working = asyncio.create_task(self._work())
        try:
            async with asyncio.timeout(20):
                await self.rebuilder.swap(KEY, output)
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            self.applied += await self.shard.apply()
            await asyncio.sleep(0.01)

    def names(self) -> list[str]:
        return [segment.segment_id for segment in self.shard.manifest.segments]


@pytest.mark.parametrize("script", [["away", "works"], ["lost", "works"], ["kept", "works"]])
async def test_swap_takes_effect_once_after_lost_answers(any_redis: Redis, tmp_path: Path, script: list[str]) -> None:
    place = Place(any_redis, tmp_path, script)
    output = await place.open()

    await place.swap(output)

    assert place.names() == ["b1"]


async def test_output_is_removed_when_redis_stays_away(any_redis: Redis, tmp_path: Path) -> None:
    place = Place(any_redis, tmp_path, ["away"] * 20)
    output = await place.open()

    with pytest.raises(LogUnavailable):
        await place.swap(output)

    assert not place.path.exists()


async def test_output_stays_when_its_swap_may_be_in_the_log(any_redis: Redis, tmp_path: Path) -> None:
    place = Place(any_redis, tmp_path, ["lost", *["away"] * 20])
    output = await place.open()

    with pytest.raises(LogUnavailable):
        await place.swap(output)

    assert place.path.exists()


async def test_swap_is_not_appended_when_an_input_is_gone(any_redis: Redis, tmp_path: Path) -> None:
    place = Place(any_redis, tmp_path, [])
    output = await place.open()
    place.shard.publish(segments=[entry("a2", MB)])

    with pytest.raises(Superseded, match="a1"):
        await place.swap(output)

    assert place.applied == []
    assert not place.path.exists()


async def test_swap_after_a_change_that_no_build_depends_on_names_the_new_config(
    any_redis: Redis, tmp_path: Path
) -> None:
    place = Place(any_redis, tmp_path, [])
    output = await place.open()
    await place.shard.configure(metadata={"owner": "me"})
    await place.shard.apply()

    await place.swap(output)

    assert place.applied == [Swap(base=0, inputs=["a1"], output="b1", generation=2)]
    assert place.names() == ["b1"]


async def test_swap_that_a_harmless_change_overtook_is_appended_again(any_redis: Redis, tmp_path: Path) -> None:
    place = Place(any_redis, tmp_path, [])
    output = await place.open()
    await place.shard.configure(metadata={"owner": "me"})

    await place.swap(output)

    swaps = [operation.generation for operation in place.applied if isinstance(operation, Swap)]
    assert swaps[-1] == 2
    assert place.names() == ["b1"]


async def test_output_of_an_older_graph_config_is_discarded(any_redis: Redis, tmp_path: Path) -> None:
    place = Place(any_redis, tmp_path, [])
    output = await place.open()
    await place.shard.configure(hnsw_config={"m": 32})
    await place.shard.apply()

    with pytest.raises(Superseded, match="config changed"):
        await place.swap(output)

    assert place.names() == ["a1"]
    assert not place.path.exists()


async def test_output_that_nobody_wants_any_more_is_discarded(any_redis: Redis, tmp_path: Path) -> None:
    place = Place(any_redis, tmp_path, [])
    output = await place.open()
    await place.shard.configure(optimizers_config={"indexing_threshold": 0})
    await place.shard.apply()

    with pytest.raises(Superseded, match="no longer wanted"):
        await place.swap(output)

    assert not place.path.exists()
