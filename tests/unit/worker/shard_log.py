"""A shard's log and state for tests, without Redis: the state applies operations, and a dict follows."""

import json
import random
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from services.worker.persist import Identity, write_checkpoint
from services.worker.recovery import recover
from services.worker.state import Checkpoint, Origin, ShardState
from shared.query.payload_match import payload_matches
from shared.query.scroll import scroll_segments
from shared.schema.collections import UNNAMED, CollectionConfig, CollectionRecord, HnswConfig
from shared.schema.filters import Condition, Filter
from shared.schema.operations import (
    ClearPayload,
    Config,
    Delete,
    DeletePayload,
    DeleteVectors,
    Operation,
    Outcome,
    OverwritePayload,
    Resume,
    Seal,
    SetPayload,
    Swap,
    UpdateMode,
    UpdateVectors,
    Upsert,
)
from shared.schema.points import PointId
from shared.schema.queries import Hit
from shared.segment.builder import BuildSpec, SegmentBuilder
from shared.segment.layout import SlotPlan, layout_of, rotation_seed
from shared.segment.sealed import SealedSegment
from shared.segment.swap import Succession
from shared.store.manifest import PendingSwap, SegmentEntry
from tests.builders import config, has_id, is_empty, match, point, scroll, upsert, vectors, within
from tests.plain_payloads import changed

Chosen = Delete | SetPayload | OverwritePayload | DeletePayload | ClearPayload | DeleteVectors
"""Operations on points by ids or by a filter."""

COLLECTION = "00000000-0000-0000-0000-00000000c0de"


def new_state(given: CollectionConfig | None = None) -> ShardState:
    """Return the state of an empty shard."""
    return ShardState(Origin(COLLECTION, 0, 1, given or config()))


def apply_all(state: ShardState, *operations: Operation) -> list[Outcome]:
    """Apply operations at the next positions."""
    return [state.apply(state.applied + 1, operation) for operation in operations]


def content(state: ShardState) -> dict[PointId, dict[str, Any]]:
    """Return all live points with their payloads."""
    hits: list[Hit] = scroll_segments(state.segments(), scroll(limit=100_000))
    return {hit.id: json.loads(hit.payload or b"{}") for hit in hits}


class Disk:
    """A shard's directory, with checkpoints written at once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.durable: dict[str, SegmentEntry] = {}
        self._generation = 0

    def checkpoint(self, state: ShardState) -> None:
        """Publish the state as it is."""
        self.write(state.freeze(self.durable))

    def write(self, frozen: Checkpoint) -> None:
        """Publish what was frozen some time ago."""
        self._generation += 1
        identity = Identity("cluster", COLLECTION, "things", (), 0, 1, self._generation)
        manifest = write_checkpoint(self.directory, frozen, identity)
        self.durable = {entry.segment_id: entry for entry in manifest.segments}

    def load(self) -> ShardState:
        """Return the state that a restarted worker begins with."""
        record = CollectionRecord(uuid=COLLECTION, name="things", config=config())
        return recover(self.directory, record).state

    def build(self, state: ShardState, inputs: list[str], output: str) -> Swap:
        """Build one segment of others as they are now; return the swap to append."""
        segments = state.mounted(inputs)
        assert segments is not None
        layout = layout_of(state.config)
        spec = BuildSpec(
            output, layout, {name: SlotPlan(HnswConfig(m=0)) for name in layout}, rotation_seed(COLLECTION), 1
        )
        builder = SegmentBuilder(spec)
        for segment in segments:
            builder.add(segment)
        (self.directory / "segments").mkdir(parents=True, exist_ok=True)
        builder.build(self.directory / "segments" / output)
        return Swap(state.applied, inputs, output, state.config_generation)

    def prepared(self, state: ShardState, swap: PendingSwap) -> Succession:
        """Open a swap's output and map its rows, as a thread does."""
        inputs = state.mounted(swap.inputs)
        assert inputs is not None
        succession = Succession(inputs, SealedSegment.open(self.directory / "segments" / swap.output))
        succession.prepare()
        return succession


def switch(state: ShardState, swap: PendingSwap, succession: Succession) -> None:
    """Finish a swap on the loop."""
    succession.finish(swap.base)
    state.mount_swap(swap, succession.output)


class Replica:
    """A state whose swaps are prepared, switched, checkpointed and reloaded at moments of its own."""

    def __init__(self, source: random.Random, disk: Disk, given: CollectionConfig | None = None) -> None:
        self.source = source
        self.disk = disk
        self.state: ShardState = new_state(given)
        self.switched = 0
        self._prepared: tuple[PendingSwap, Succession] | None = None
        self._frozen: Checkpoint | None = None

    def step(self, restarts: bool) -> None:
        """Do none, some or all of what may happen between two operations."""
        ready = next((swap for swap in self.state.pending if self.state.mounted(swap.inputs)), None)
        if self._prepared is not None and self.source.random() < 0.4:
            switch(self.state, *self._prepared)
            self.switched += 1
            self._prepared = None
        elif self._prepared is None and ready is not None and self.source.random() < 0.4:
            self._prepared = ready, self.disk.prepared(self.state, ready)
        if self._frozen is None and self.source.random() < 0.2:
            self._frozen = self.state.freeze(self.disk.durable)
        elif self._frozen is not None and self.source.random() < 0.3:
            self.disk.write(self._frozen)
            self._frozen = None
        if restarts and self.disk.durable and self.source.random() < 0.05:
            self.state, self._prepared, self._frozen = self.disk.load(), None, None


class Model:
    """What the shard should hold, as a dict."""

    def __init__(self) -> None:
        self.points: dict[PointId, dict[str, Any]] = {}

    def apply(self, operation: Operation) -> None:
        """Follow one operation."""
        match operation:
            case Upsert():
                self._upsert(operation)
            case Delete():
                for one in self._named(operation):
                    self.points.pop(one, None)
            case SetPayload() | OverwritePayload() | DeletePayload() | ClearPayload():
                for one in self._named(operation):
                    if one in self.points:
                        self.points[one] = changed(self.points[one], operation)
            case UpdateVectors() | DeleteVectors() | Config() | Seal() | Swap() | Resume():
                pass

    def _upsert(self, operation: Upsert) -> None:
        known, passing = set(self.points), set(self._kept(operation.update_filter))
        for one, text in zip(operation.ids, operation.payloads, strict=True):
            is_wanted = {
                UpdateMode.UPSERT: one not in known or one in passing,
                UpdateMode.INSERT_ONLY: one not in known,
                UpdateMode.UPDATE_ONLY: one in passing,
            }
            if is_wanted[operation.mode]:
                self.points[one] = json.loads(text or b"{}")

    def _named(self, operation: Chosen) -> list[PointId]:
        return list(operation.ids) if operation.filter is None else self._kept(operation.filter)

    def _kept(self, wanted: Filter | None) -> list[PointId]:
        return [one for one, payload in self.points.items() if payload_matches(wanted, one, payload)]


def random_operation(source: random.Random, ids: int = 60) -> Operation:
    """Return an operation on some of the points 0 .. ids - 1, or on those that a filter keeps."""
    chosen = source.sample(range(ids), source.randint(1, 9))
    written = upsert([point(one, payload={"a": source.randint(0, 9)}) for one in chosen])
    match source.random():
        case roll if roll < 0.4:
            return written
        case roll if roll < 0.5:
            return replace(written, update_filter=_random_filter(source), mode=source.choice(list(UpdateMode)))
        case roll if roll < 0.6:
            moved = upsert([point(one, vectors(1, seed=source.randrange(2**20))[0].tolist()) for one in chosen])
            return UpdateVectors(moved.ids, moved.slots, _random_filter(source) if roll < 0.53 else None)
        case _:
            operation = _random_choice(source)
            is_by_filter = source.random() < 0.3
            return replace(operation, filter=_random_filter(source)) if is_by_filter else replace(operation, ids=chosen)


def _random_choice(source: random.Random) -> Chosen:
    """Return an operation that still lacks its points."""
    some = json.dumps({source.choice("abc"): source.choice([0, 5, 9, None, {"d": [1]}])}).encode()
    path = source.choice(["b", "b.d", "c.d[]", "e.f"])
    choices: list[Chosen] = [
        Delete([]),
        SetPayload([], some),
        SetPayload([], some),
        SetPayload([], some, key=path),
        OverwritePayload([], some),
        DeletePayload([], [source.choice("abc")]),
        DeletePayload([], [path, "a"]),
        ClearPayload([]),
        DeleteVectors([], [UNNAMED]),
    ]
    return source.choice(choices)


def _random_filter(source: random.Random) -> Filter:
    numbers = [source.randint(0, 9) for _ in range(3)]
    conditions: list[Condition] = [match("a", *numbers), within("a", lt=numbers[0]), is_empty("a"), match("b.d", 1)]
    return Filter(must=[source.choice(conditions)], must_not=[has_id(*source.sample(range(60), 20))])
