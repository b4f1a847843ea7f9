"""The swap entry and lost answers: at least one entry, one effect, no output removed that may be named."""

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
from shared.schema.operations import Swap
from tests.unit.optimizer.shard_stand_in import MB, BuilderStandIn, ShardStandIn, entry

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
    """A shard with a complete output beside it."""

    def __init__(self, redis: Redis, data_dir: Path, script: list[str]) -> None:
        self.shard = ShardStandIn(data_dir, Wal(redis), KEY)
        manifests = Manifests(data_dir, SystemClock())
        self.rebuilder = Rebuilder(BuilderStandIn(), FlakyWal(redis, script), manifests, HastyClock(), 0.95)
        self.output = Output("b1", Built(1, 1, 1.0, 1, 0.1), Swap(0, ["a1"], "b1", 1))
        self.path = self.shard.directory / "segments" / "b1"

    async def open(self) -> None:
        await self.shard.open(entry("a1", 31 * MB))
        self.path.mkdir(parents=True)


@pytest.mark.parametrize("script", [["away", "works"], ["lost", "works"], ["kept", "works"], ["kept", "lost", "away"]])
async def test_swap_takes_effect_once_after_lost_answers(any_redis: Redis, tmp_path: Path, script: list[str]) -> None:
    place = Place(any_redis, tmp_path, script)
    await place.open()

    position = await place.rebuilder.swap(KEY, place.output)
    await place.shard.apply()
    await place.rebuilder.settle(KEY, place.output, position)

    assert [segment.segment_id for segment in place.shard.manifest.segments] == ["b1"]


async def test_output_is_removed_when_redis_stays_away(any_redis: Redis, tmp_path: Path) -> None:
    place = Place(any_redis, tmp_path, ["away"] * 20)
    await place.open()

    with pytest.raises(LogUnavailable):
        await place.rebuilder.swap(KEY, place.output)

    assert not place.path.exists()


async def test_output_stays_when_its_swap_may_be_in_the_log(any_redis: Redis, tmp_path: Path) -> None:
    place = Place(any_redis, tmp_path, ["kept", *["away"] * 20])
    await place.open()

    with pytest.raises(LogUnavailable):
        await place.rebuilder.swap(KEY, place.output)

    assert place.path.exists()


async def test_swap_is_not_appended_when_an_input_is_gone(any_redis: Redis, tmp_path: Path) -> None:
    place = Place(any_redis, tmp_path, [])
    await place.open()
    place.shard.publish(segments=[entry("a2", MB)])

    with pytest.raises(Superseded, match="a1"):
        await place.rebuilder.swap(KEY, place.output)

    assert await place.shard.apply() == []
    assert not place.path.exists()


async def test_ignored_swap_is_noticed(any_redis: Redis, tmp_path: Path) -> None:
    place = Place(any_redis, tmp_path, [])
    await place.open()

    position = await place.rebuilder.swap(KEY, place.output)
    place.shard.publish(config_generation=2)
    await place.shard.apply()

    with pytest.raises(Superseded, match="was ignored"):
        await place.rebuilder.settle(KEY, place.output, position)
