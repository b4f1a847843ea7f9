"""The limit of resident memory: a worker tells its share, a write meets it, a deletion does not."""

from typing import cast

import pytest

from services.api.shards import Shards
from services.api.strict.rates import Rates
from services.api.strict.writes import WriteGuard
from services.api.validate.packing import Points
from services.worker.memory import resident_percent, total_bytes
from shared.clock import SystemClock
from shared.errors import BadRequest
from shared.schema.collections import CollectionRecord
from shared.schema.operations import Delete, SetPayload
from shared.schema.queries import DescribeReply
from shared.schema.strict_mode import StrictModeConfig
from tests.builders import config


class OneShard:
    """A shard whose worker has so much of its memory resident."""

    def __init__(self, percent: float) -> None:
        self._percent = percent

    async def describe(self, record: CollectionRecord) -> list[DescribeReply | None]:
        return [DescribeReply(1, 1, 1, [], 1, {"resident_percent": self._percent})]


def limited(percent: int) -> CollectionRecord:
    limits = StrictModeConfig(enabled=True, max_resident_memory_percent=percent)
    return CollectionRecord(uuid="u", name="strict", config=config(strict_mode_config=limits))


async def test_writes_are_refused_at_the_limit_and_deletions_are_not() -> None:
    guard = WriteGuard(Rates(SystemClock()), cast("Shards", OneShard(80.0)))
    points = Points([1], [[1.0]], [b""])

    with pytest.raises(BadRequest, match="Max resident memory limit of 80% reached"):
        await guard.upsert(limited(80), points, None)
    with pytest.raises(BadRequest, match="Max resident memory limit"):
        await guard.change(limited(80), [SetPayload([1], b"{}")], None)

    await guard.upsert(limited(81), points, None)
    await guard.change(limited(80), [Delete([1])], None)


def test_a_process_knows_its_share_of_the_memory() -> None:
    before = resident_percent()

    block = b"x" * (64 * 2**20)
    grown = resident_percent()

    assert 0 < before < grown <= 100
    assert (grown - before) / 100 * total_bytes() > len(block) / 2
