"""Random operations on the real engine and on a dict of points: every read gives the same.

Vectors are small integers, so scores are exact in float32 and equal scores are frequent: the order by id is tested too.
"""

import json
import random
import secrets

import numpy as np
import pytest
from msgspec.structs import replace

from services.worker.persist import Identity, write_checkpoint
from services.worker.recovery import recover
from services.worker.state import Origin, ShardState
from shared.query.count import count_segments
from shared.query.retrieve import retrieve_points
from shared.query.scroll import scroll_segments
from shared.query.search import search_hits
from shared.schema.collections import CollectionRecord, Distance, HnswConfig, SealConfig, VectorParams
from shared.schema.operations import (
    ClearPayload,
    Delete,
    DeletePayload,
    DeleteVectors,
    OverwritePayload,
    Seal,
    SetPayload,
    Swap,
    UpdateMode,
    UpdateVectors,
    decode_operation,
    encode_operation,
)
from shared.schema.queries import VectorSelector
from shared.segment.builder import BuildSpec, SegmentBuilder
from shared.segment.checkpoint import load_segment
from shared.segment.checksum import logical_checksum
from shared.segment.index.graph import Graph
from shared.segment.index.graph_build import BuiltGraph
from shared.segment.layout import SlotPlan, layout_of, rotation_seed
from shared.segment.sealed import SealedSegment
from shared.segment.swap import Succession
from shared.store.atomic import publish_directory
from tests import builders
from tests.model.plain_shard import PlainShard

COLLECTION = "7b1c3f0e-8f4e-4d3e-9a51-0d3c6f2b9a10"
STEPS = 120
IDS = [*range(40), *(builders.uuid_id(number) for number in range(30)), 2**64 - 1]
DIMS = {"": 8, "wide": 70}
CONDITIONS = [
    builders.match("colour", "red"),
    builders.match("colour", "red", "blue"),
    builders.match_except("colour", "red"),
    builders.match("flag", True),
    builders.within("size", gte=1, lt=3.5),
    builders.within("sizes", gt=2),
    builders.is_empty("sizes"),
    builders.match("nested.colour", "blue"),
    builders.has_id(3, 5, builders.uuid_id(2), 1000),
]


class Run:
    """One seeded run: the engine, the model, and the choices."""

    def __init__(self, seed, distance, directory):
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.directory = directory
        self.distances = {"": distance, "wide": Distance.DOT}
        slots = {name: VectorParams(size=DIMS[name], distance=self.distances[name]) for name in DIMS}
        self.config = builders.config(vectors=slots, seal=SealConfig(vector_bytes=2**30, rows=48))
        self.state = ShardState(Origin(COLLECTION, 0, 1, self.config))
        self.model = PlainShard()
        self.durable = {}
        self.checkpoints = self.builds = self.swaps = 0
        self.built = None

    def step(self):
        """Do one random thing to both."""
        chosen = self.random.choices(
            [
                self.upsert,
                self.delete,
                self.set_payload,
                self.change_payload,
                self.change_vectors,
                self.seal,
                self.checkpoint,
                self.restore,
                self.build,
                self.swap,
            ],
            [10, 3, 3, 5, 4, 1, 2, 0.5, 1.5, 2],
        )[0]
        chosen()

    def apply(self, operation):
        position = self.state.applied + 1
        outcome = self.state.apply(position, decode_operation(encode_operation(operation)))
        missing = self.model.apply(position, operation)
        assert outcome.missing == missing
        if self.random.random() < 0.1:
            self.state.apply(position, operation)

    def upsert(self):
        ids = self.random.sample(IDS, self.random.randint(1, 20))
        operation = builders.upsert([self.point(point_id) for point_id in ids])
        mode = self.random.choice([UpdateMode.UPSERT, UpdateMode.UPSERT, *UpdateMode])
        self.apply(replace(operation, mode=mode, update_filter=self.filter()))

    def point(self, point_id):
        names = self.random.choice([[""], ["wide"], ["", "wide"], ["", "wide"]])
        return builders.point(point_id, {name: self.vector(name) for name in names}, self.payload())

    def vector(self, name):
        return self.numbers.integers(-2, 3, DIMS[name]).astype(np.float32)

    def payload(self):
        every = {
            "colour": self.random.choice(["red", "blue", "grün", ["red", "blue"], None, 1]),
            "flag": self.random.choice([True, False, 1]),
            "size": self.random.choice([0, 1, 2.5, 3.5, "1"]),
            "sizes": self.random.choice([[], [1, 2], [3, 0.5], None]),
            "nested": self.random.choice([{"colour": "blue"}, {"colour": ["red", "blue"]}, "blue"]),
        }
        return {key: every[key] for key in self.random.sample(sorted(every), self.random.randint(0, 5))}

    def delete(self):
        self.apply(self.chosen(Delete([]), 6))

    def chosen(self, operation, most):
        """Return an operation on some ids, or now and then on the points that a filter keeps."""
        if self.random.random() < 0.3:
            return replace(operation, filter=builders.filter(must=self.random.sample(CONDITIONS, 1)))
        return replace(operation, ids=self.random.sample(IDS, self.random.randint(1, most)))

    def change_payload(self):
        path = self.random.choice(["nested", "sizes[]", "new.deep", "colour[0]"])
        some = json.dumps(self.payload() or {"size": None}).encode()
        operation = self.random.choice(
            [
                SetPayload([], some),
                SetPayload([], some, key=path),
                OverwritePayload([], some),
                DeletePayload([], ["colour", "flag"]),
                DeletePayload([], [path, "size", "nested.colour"]),
                ClearPayload([]),
            ]
        )
        self.apply(self.chosen(operation, 60))

    def change_vectors(self):
        if self.random.random() < 0.4:
            names = self.random.choice([[""], ["wide"], ["", "wide"]])
            self.apply(self.chosen(DeleteVectors([], names), 20))
            return
        ids = self.random.sample(IDS, self.random.randint(1, 20))
        given = builders.upsert([self.point(point_id) for point_id in ids])
        self.apply(UpdateVectors(given.ids, given.slots, self.filter()))

    def set_payload(self):
        ids = self.random.sample(IDS, self.random.randint(1, 8))
        self.apply(builders.set_payload(ids, self.payload() or {"flag": True}))

    def seal(self):
        name = self.random.choice([self.state.appendable_id, "a00000001"])
        self.apply(Seal(name))

    def checkpoint(self):
        self.checkpoints += 1
        frozen = self.state.freeze(self.durable)
        identity = Identity("c", COLLECTION, "name", (), 0, 1, self.checkpoints)
        manifest = write_checkpoint(self.directory, frozen, identity)
        self.durable = {entry.segment_id: entry for entry in manifest.segments}

    def restore(self):
        """Go on from the files, as after a restart with nothing in the log behind the checkpoint."""
        self.checkpoint()
        record = CollectionRecord(uuid=COLLECTION, name="name", config=self.config)
        recovered = recover(self.directory, record)
        assert recovered.reason == ""
        self.state, self.durable = recovered.state, recovered.durable

    def build(self):
        """Build one segment of some sealed ones as they are at a checkpoint; it is swapped in later, or never."""
        self.checkpoint()
        sealed = [entry for entry in self.durable.values() if entry.state != "appendable"]
        if not sealed:
            return
        inputs = self.random.sample(sealed, self.random.randint(1, len(sealed)))
        self.builds += 1
        name, layout, seed = f"b{self.builds:016x}", layout_of(self.config), rotation_seed(COLLECTION)
        spec = BuildSpec(
            name,
            layout,
            {one: SlotPlan(HnswConfig(m=self.random.choice([0, 16]))) for one in layout},
            seed,
            generation=1,
        )
        builder = SegmentBuilder(spec, graph_builder=random_graph)
        for entry in inputs:
            builder.add(load_segment(self.directory, entry, layout, seed))
        builder.build(self.directory / "building" / name)
        publish_directory(self.directory / "building" / name, self.directory / "segments" / name)
        self.built = Swap(self.state.applied, [entry.segment_id for entry in inputs], name, 1)

    def swap(self):
        """Order the swap of what was built; mostly switch now, with changes between preparation and switch."""
        if self.built is not None:
            self.apply(self.built)
            self.built = None
        for swap in list(self.state.pending):
            if self.random.random() < 0.3 or self.state.mounted(swap.inputs) is None:
                continue
            output = SealedSegment.open(self.directory / "segments" / swap.output, None, layout_of(self.config))
            succession = Succession(self.state.mounted(swap.inputs), output)
            succession.prepare()
            for change in self.random.sample([self.delete, self.set_payload], self.random.randint(0, 2)):
                change()
            before = logical_checksum(self.state.segments())
            succession.finish(swap.base)
            self.state.mount_swap(swap, output)
            assert logical_checksum(self.state.segments()) == before
            self.swaps += 1

    def filter(self):
        """Return a random filter, often none."""
        if self.random.random() < 0.3:
            return None
        parts = [self.random.sample(CONDITIONS, self.random.choice([0, 0, 1, 2])) for _ in range(3)]
        inner = builders.filter(*parts)
        return inner if self.random.random() < 0.7 else builders.filter(must_not=[inner])

    def check(self):
        """Compare every kind of read."""
        wanted = self.filter()
        kept = self.model.kept(wanted)
        segments = self.state.segments()
        assert count_segments(segments, builders.count(wanted)) == len(kept)
        assert count_segments(segments, builders.count()) == len(self.model.points)
        limit, offset = self.random.randint(1, 30), self.random.choice([None, *IDS])
        page = scroll_segments(segments, builders.scroll(limit, offset, wanted))
        start = 0 if offset is None else sum(point_id not in not_below(offset) for point_id in kept)
        assert [hit.id for hit in page] == kept[start : start + limit]
        asked = self.random.sample(IDS, 10)
        got = retrieve_points(segments, builders.retrieve(*asked))
        assert [hit.id for hit in got] == [point_id for point_id in asked if point_id in self.model.points]
        for hit in [*page, *got]:
            self.check_content(hit)
        for name in DIMS:
            self.check_search(name, wanted)

    def check_content(self, hit):
        point = self.model.points[hit.id]
        vectors = {name: np.frombuffer(raw, "<f4").tolist() for name, raw in hit.vectors.items()}
        assert hit.version == point.version
        assert json.loads(hit.payload) == point.payload
        assert vectors == {name: vector.tolist() for name, vector in point.vectors.items()}

    def check_search(self, name, wanted):
        query, limit = self.vector(name), self.random.choice([1, 3, 10, 100])
        ranking = self.model.ranking(name, self.distances[name], query, wanted)
        threshold = self.random.choice([None, ranking[len(ranking) // 2][0] if ranking else 0.0])
        above = [hit for hit in ranking if threshold is None or hit[0] > threshold]
        asked = {"slot": name, "filter": wanted, "score_threshold": threshold, "with_vector": VectorSelector()}
        exact = search_hits(self.state.segments(), builders.search(query, limit, exact=True, **asked))
        assert [(hit.score, hit.id) for hit in exact] == above[:limit]
        quick = search_hits(self.state.segments(), builders.search(query, limit, **asked | {"score_threshold": None}))
        true_scores = {point_id: value for value, point_id in ranking}
        assert len({hit.id for hit in quick}) == len(quick) == min(limit, len(ranking))
        assert [hit.score for hit in quick] == [true_scores[hit.id] for hit in quick]


def random_graph(rows, *_, seed=1, **__):
    """Stand in for the graph builder: any graph must do, as a walk that finds too little is completed by a scan."""
    count, numbers = len(rows), np.random.default_rng(seed)
    neighbors = numbers.integers(0, max(count, 1), 4 * count).astype(np.int32)
    graph = Graph(np.arange(count + 1, dtype=np.int64) * 4, neighbors, np.arange(min(count, 1), dtype=np.int32))
    return BuiltGraph(numbers.permutation(count).astype(np.int32), graph)


def not_below(offset):
    """Return the ids that are not below an offset."""
    ordered = sorted([*IDS], key=lambda one: (isinstance(one, bytes), one))
    return set(ordered[ordered.index(offset) :])


@pytest.mark.parametrize("distance", [Distance.DOT, Distance.EUCLID, Distance.MANHATTAN])
@pytest.mark.parametrize("seed", [1, 2, 3, None])
def test_engine_reads_what_a_dict_of_points_reads(seed, distance, tmp_path):
    seed = secrets.randbits(32) if seed is None else seed
    print(f"seed {seed}")  # noqa: T201  # shown by pytest when the test fails
    run = Run(seed, distance, tmp_path)

    for _ in range(STEPS):
        run.step()
        run.check()

    assert run.state.applied > STEPS // 2
    assert seed not in (1, 2, 3) or run.swaps > 0
