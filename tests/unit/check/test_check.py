"""What `shoal check` finds and what it registers."""

import json
import uuid

import pytest

from services.check.adopt import adopt
from services.check.inspect import compare_with_log, inspect_directory, inspect_shard
from shared.coordination.catalog import Catalog
from shared.errors import HeadBehind, ShoalError, WrongCluster
from shared.log.connection import connect
from shared.log.position import ShardHead, ShardKey
from shared.log.wal import AppendCall, Wal
from shared.schema.collections import CollectionConfig, Distance, VectorParams
from shared.store.manifest import Manifest, ManifestStore

CLUSTER = "c" * 32
COLLECTION = "11111111-1111-1111-1111-111111111111"
CONFIG = CollectionConfig(vectors={"": VectorParams(size=4, distance=Distance.COSINE)}, shard_number=2)
OPEN = ShardHead("open", head=60, generation=1, fence=1, waiting=0, first=51, capacity=0)


def manifest(shard: int, checkpoint: int = 50) -> Manifest:
    return Manifest(
        cluster_id=CLUSTER,
        collection=COLLECTION,
        name="books",
        shard=shard,
        fence=3,
        generation=7,
        checkpoint=checkpoint,
        config_generation=2,
        config=CONFIG.model_dump_json(),
        segments=[],
        appendables=0,
        aliases=["library"],
    )


@pytest.fixture
def data_dir(tmp_path):
    (tmp_path / "cluster.json").write_text(json.dumps({"cluster_id": CLUSTER}))
    for shard in (0, 1):
        ManifestStore(tmp_path / "collections" / COLLECTION / str(shard)).publish(manifest(shard))
    return tmp_path


@pytest.fixture
async def redis():
    client = connect(f"memory://{uuid.uuid4().hex}")
    yield client
    await client.aclose()


def test_whole_shards_have_no_problems(data_dir):
    reports = list(inspect_directory(data_dir))

    assert [report.key.shard for report in reports] == [0, 1]
    assert [report.problems for report in reports] == [[], []]


def test_a_flipped_byte_in_a_manifest_is_found(data_dir):
    directory = data_dir / "collections" / COLLECTION / "0"
    (path,) = directory.glob("manifest.*")
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)

    report = inspect_shard(directory)

    assert len(report.problems) == 1
    assert "checksum" in report.problems[0]


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (OPEN, None),
        (OPEN._replace(head=40), "Redis came back older"),
        (OPEN._replace(first=55), "entries 51 to 54 are gone"),
        (OPEN._replace(state="missing", head=0, first=1), "--adopt"),
        (OPEN._replace(state="closed", head=0), None),
    ],
)
def test_the_logs_positions_must_reach_the_checkpoint(data_dir, head, said):
    report = inspect_shard(data_dir / "collections" / COLLECTION / "0")

    compare_with_log(report, head)

    assert [said in problem for problem in report.problems] == ([True] if said else [])


async def test_adopting_registers_collections_and_aliases_with_their_config(data_dir, redis):
    reports = list(inspect_directory(data_dir))

    await adopt(redis, data_dir, reports)
    await adopt(redis, data_dir, reports)

    view = await Catalog(redis).load()
    record = view.resolve("library")
    assert record is not None
    assert (record.uuid, record.name, record.generation, record.config) == (COLLECTION, "books", 2, CONFIG)


async def test_an_adopted_shard_takes_no_writes_until_its_leader_went_beyond_the_checkpoint(data_dir, redis):
    await adopt(redis, data_dir, list(inspect_directory(data_dir)))
    wal = Wal(redis)

    with pytest.raises(HeadBehind):
        await wal.append(ShardKey(COLLECTION, 0), AppendCall([b"x"], 2, 0, "producer", 1))


async def test_nothing_is_adopted_while_a_manifest_cannot_be_read(data_dir, redis):
    directory = data_dir / "collections" / COLLECTION / "1"
    (path,) = directory.glob("manifest.*")
    path.chmod(0o644)
    path.write_bytes(b"nonsense")

    with pytest.raises(ShoalError, match="cannot be read"):
        await adopt(redis, data_dir, list(inspect_directory(data_dir)))

    assert (await Catalog(redis).load()).by_uuid == {}


async def test_a_redis_of_another_cluster_is_refused(data_dir, redis):
    await redis.set("{shoal}:cluster", "d" * 32)

    with pytest.raises(WrongCluster):
        await adopt(redis, data_dir, list(inspect_directory(data_dir)))
