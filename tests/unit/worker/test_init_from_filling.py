"""What a new collection's shard holds after it began with another's cut: pinned files plus the tail of the log."""

from pathlib import Path

import pytest

from services.worker.init_from.carry import CannotTake
from services.worker.init_from.cut_files import Cut, ShardCut, TailWriter, pin_shard, publish_cut, read_cut
from services.worker.init_from.filling import Done, Filling, can_share, fill
from services.worker.persist import Identity, write_checkpoint
from services.worker.recovery import recover
from services.worker.state import Origin, ShardState
from shared.errors import ChecksumMismatch
from shared.log.position import Entry
from shared.schema.collections import CollectionConfig, CollectionRecord, Distance, HnswConfig, SealConfig, VectorParams
from shared.schema.operations import Config, Operation, Seal, encode_operation
from shared.schema.points import shard_of
from shared.schema.slots import Datatype
from shared.segment.checksum import logical_checksum
from shared.store.manifest import ManifestStore
from tests.builders import config, delete, points, set_payload, upsert

SOURCE = "5f0c0c5e-0000-4000-8000-00000000000a"
TARGET = "5f0c0c5e-0000-4000-8000-00000000000b"
BEFORE = [upsert(points(10)), Seal("a00000001"), upsert(points(5, first=100)), delete(1), set_payload([2], {"a": 1})]
AFTER = [upsert(points(3, first=200)), delete(100), set_payload([3, 101], {"b": 2}), upsert(points(1, first=4))]


def identity(uuid: str, shard: int = 0) -> Identity:
    return Identity("cluster", uuid, "name", (), shard, fence=1, generation=1)


def record(uuid: str, of: CollectionConfig) -> CollectionRecord:
    return CollectionRecord(uuid=uuid, name="name", config=of)


class Source:
    """A source of one shard: some operations checkpointed, the others in the tail, then cut."""

    def __init__(self, root: Path, of: CollectionConfig, before: list[Operation], after: list[Operation]) -> None:
        self.config = of
        self.state = ShardState(Origin(SOURCE, 0, 1, of))
        self.init = root / TARGET / "init"
        directory = root / SOURCE / "0"
        for operation in before:
            self.state.apply(self.state.applied + 1, operation)
        if before:
            write_checkpoint(directory, self.state.freeze({}), identity(SOURCE))
        place = root / TARGET / ".init.0.tmp"
        place.mkdir(parents=True)
        checkpoint = pin_shard(directory, place / "0")
        writer = TailWriter(place / "0")
        for operation in after:
            position = self.state.applied + 1
            self.state.apply(position, operation)
            writer.add([Entry(position, encode_operation(operation))])
        shard = ShardCut(checkpoint, self.state.applied, *writer.finish())
        publish_cut(place, Cut(record(SOURCE, of).model_dump_json(), [shard]))


def filled(source: Source, of: CollectionConfig, shard: int = 0) -> tuple[ShardState, list[Done]]:
    """Fill a shard and read it back, as a worker does."""
    cut = read_cut(source.init)
    assert cut is not None
    directory = source.init.parent / str(shard)
    steps = list(fill(Filling(source.init, cut, directory, record(TARGET, of), identity(TARGET, shard))))
    return recover(directory, record(TARGET, of)).state, steps


@pytest.mark.parametrize(("before", "after"), [(BEFORE, AFTER), (BEFORE, []), ([], [*BEFORE, *AFTER]), ([], [])])
def test_a_shared_shard_holds_what_the_source_held_at_the_cut(
    tmp_path: Path, before: list[Operation], after: list[Operation]
) -> None:
    source = Source(tmp_path, config(), before, after)

    state, _ = filled(source, config(hnsw_config=HnswConfig(m=32)))

    assert logical_checksum(state.segments()) == logical_checksum(source.state.segments())
    assert (state.applied, state.config.hnsw_config.m) == (source.state.applied, 32)


def test_sealed_segments_are_the_same_files(tmp_path: Path) -> None:
    source = Source(tmp_path, config(), BEFORE, AFTER)

    filled(source, config())

    ours, theirs = (tmp_path / uuid / "0" / "segments" / "a00000001" for uuid in (TARGET, SOURCE))
    assert sorted(path.name for path in ours.iterdir()) == sorted(path.name for path in theirs.iterdir())
    assert all(path.samefile(theirs / path.name) for path in ours.iterdir())


def test_filling_twice_gives_the_same_and_a_stopped_one_is_no_obstacle(tmp_path: Path) -> None:
    source = Source(tmp_path, config(), BEFORE, AFTER)
    cut = read_cut(source.init)
    assert cut is not None
    filling = Filling(source.init, cut, tmp_path / TARGET / "0", record(TARGET, config()), identity(TARGET))
    next(fill(filling))

    state, _ = filled(source, config())

    assert logical_checksum(state.segments()) == logical_checksum(source.state.segments())


@pytest.mark.parametrize("shards", [2, 3])
def test_points_are_spread_over_another_number_of_shards(tmp_path: Path, shards: int) -> None:
    source = Source(tmp_path, config(), BEFORE, AFTER)
    of = config(shard_number=shards)

    states = [filled(source, of, shard)[0] for shard in range(shards)]

    total = sum(logical_checksum(state.segments()) for state in states) % 2**64
    assert total == logical_checksum(source.state.segments())
    for number, state in enumerate(states):
        ids = [one for segment in state.segments() for one in segment.ids(segment.rows_from(None))]
        assert all(shard_of(point_id, shards) == number for point_id in ids)


def test_a_carried_shard_is_sealed_as_it_grows(tmp_path: Path) -> None:
    source = Source(tmp_path, config(), [upsert(points(10)), upsert(points(10, first=100))], [])
    of = config(shard_number=2, seal=SealConfig(rows=4))

    state, steps = filled(source, of)

    assert [segment.segment_id for segment in state.segments()][:2] == ["a00000001", "a00000002"]
    assert steps[-1] == Done(20, 20)


def test_float16_rows_are_carried_into_their_type(tmp_path: Path) -> None:
    source = Source(tmp_path, config(distance=Distance.DOT), BEFORE, AFTER)
    half = VectorParams(size=4, distance=Distance.DOT, datatype=Datatype.FLOAT16)

    state, _ = filled(source, config(distance=Distance.DOT).model_copy(update={"vectors": {"": half}}))

    assert sum(segment.live_count for segment in state.segments()) == 16
    slot = state.segments()[-1].slot("")
    assert slot is not None
    assert slot.layout.datatype is Datatype.FLOAT16


def test_segments_are_shared_only_where_slots_and_shards_are_the_same() -> None:
    one, two = config(), config(shard_number=2)
    half = one.model_copy(
        update={"vectors": {"": VectorParams(size=4, distance=Distance.COSINE, datatype=Datatype.FLOAT16)}}
    )
    more = one.model_copy(update={"vectors": {**one.vectors, "more": VectorParams(size=2, distance=Distance.DOT)}})

    assert can_share(one, one.model_copy(update={"hnsw_config": HnswConfig(m=0)}))
    assert can_share(one, more)
    assert not can_share(one, two)
    assert not can_share(one, half)
    assert not can_share(more, one)


def test_a_damaged_tail_is_not_taken_for_the_truth(tmp_path: Path) -> None:
    source = Source(tmp_path, config(), BEFORE, AFTER)
    tail = source.init / "0" / "tail"
    damaged = bytearray(tail.read_bytes())
    damaged[-1] ^= 1
    tail.write_bytes(damaged)

    with pytest.raises(ChecksumMismatch, match="tail"):
        filled(source, config())

    assert ManifestStore(tmp_path / TARGET / "0").newest() is None


def test_a_vector_that_the_source_got_meanwhile_is_not_dropped_in_silence(tmp_path: Path) -> None:
    more = config().model_copy(
        update={"vectors": {**config().vectors, "more": VectorParams(size=2, distance=Distance.DOT)}}
    )
    source = Source(tmp_path, config(), BEFORE, [Config(2, more.model_dump_json().encode())])

    with pytest.raises(CannotTake, match="'more' was added or changed"):
        filled(source, config())
