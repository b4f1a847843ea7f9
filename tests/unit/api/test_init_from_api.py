"""What an api does for a collection that begins with another's points, and what it shows of it."""

from services.api.init_from import beginnings, describe_init_from
from shared.coordination.catalog import Catalog
from shared.coordination.cut_record import note_cut
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.schema.collections import CollectionRecord, InitFrom
from shared.schema.queries import DescribeReply
from tests.builders import config
from tests.unit.api.api_under_test import Api

COPY = {"vectors": {"size": 2, "distance": "Dot"}, "init_from": {"collection": "planes"}}


def reply(beginning: str = "", **counters: float) -> DescribeReply:
    return DescribeReply(0, 0, 0, [], 1, counters, beginning=beginning)


def record(*positions: int) -> CollectionRecord:
    init_from = InitFrom(collection="u", name="planes", positions=positions)
    return CollectionRecord(uuid="v", name="copy", config=config(shard_number=2), init_from=init_from)


async def test_a_collection_whose_cut_is_awaited_says_so(planes: Api) -> None:
    await planes.ok("PUT", "/collections/copy?timeout=1", COPY)

    info = await planes.ok("GET", "/collections/copy")

    assert info["init_from"] == {
        "collection": "planes",
        "positions": None,
        "status": "cutting",
        "points_done": 0,
        "points_total": 0,
    }
    assert info["status"] == "yellow"
    assert info["warnings"] == [{"message": "the cut of `planes` is awaited, whose points the collection begins with"}]
    assert "init_from" not in await planes.ok("GET", "/collections/planes")


async def test_a_source_is_not_deleted_while_it_is_about_to_be_cut(planes: Api) -> None:
    await planes.ok("PUT", "/collections/copy?timeout=1", COPY)

    status, error = await planes.error("DELETE", "/collections/planes?timeout=1")
    await planes.ok("DELETE", "/collections/copy?timeout=1")
    is_deleted = await planes.ok("DELETE", "/collections/planes?timeout=1")

    assert status == 503
    assert error.endswith("`copy` is about to begin with its points; delete that one first, or try again")
    assert is_deleted is True


async def test_the_positions_of_the_cut_stay_shown_whatever_is_changed_later(planes: Api) -> None:
    await planes.ok("PUT", "/collections/copy?timeout=1", COPY)
    catalog = Catalog(planes.redis)
    [uuid] = [one.uuid for one in (await catalog.load()).by_uuid.values() if one.name == "copy"]

    await note_cut(planes.redis, uuid, [3])
    await note_cut(planes.redis, uuid, [9])
    await planes.ok("PATCH", "/collections/copy", {"hnsw_config": {"m": 8}})
    await planes.ok("PATCH", "/collections/copy", {"rename": "other"})
    info = await planes.ok("GET", "/collections/other")

    assert (info["init_from"]["positions"], info["init_from"]["status"]) == ([3], "done")


async def test_a_write_before_the_points_are_there_is_told_how_far_they_are(planes: Api) -> None:
    copy = CollectionRecord(
        uuid="v", name="copy", config=config(dim=2), init_from=InitFrom(collection="u", name="planes")
    )
    await Catalog(planes.redis).create(copy)
    await Wal(planes.redis).open_shard(ShardKey("v", 0), 1, known=1)
    planes.shards.beginning = "1 of about 9 points of `planes` are taken over"

    status, error = await planes.error("PUT", "/collections/copy/points", {"points": [{"id": 1, "vector": [1, 0]}]})

    assert (status, error) == (503, "Shard temporarily unavailable: 1 of about 9 points of `planes` are taken over")


def test_progress_is_summed_over_the_shards_that_begin() -> None:
    shards = [reply(), reply("1 of 9 points", begun_points=1, begun_points_total=9)]

    shown = describe_init_from(record(7), shards)

    assert shown is not None
    assert (shown["status"], shown["points_done"], shown["points_total"]) == ("running", 1, 9)
    assert beginnings(record(7), shards) == ["shard 1: 1 of 9 points"]


def test_a_shard_that_does_not_answer_leaves_the_stage_open() -> None:
    shown = describe_init_from(record(7), [reply(), None])

    assert shown is not None
    assert shown["status"] == "running"
