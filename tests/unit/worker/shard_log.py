"""A shard's log and state for tests, without Redis: the state applies operations, and a dict follows."""

import json
import random
from pathlib import Path
from typing import Any

from services.worker.persist import Identity, write_checkpoint
from services.worker.recovery import recover
from services.worker.state import Checkpoint, Origin, ShardState
from shared.query.scroll import scroll_segments
from shared.schema.collections import CollectionConfig, CollectionRecord, HnswConfig
from shared.schema.operations import Config, Delete, Operation, Outcome, Resume, Seal, SetPayload, Swap, Upsert
from shared.schema.points import PointId
from shared.schema.queries import Hit
from shared.segment.builder import BuildSpec, SegmentBuilder
from shared.segment.layout import SlotPlan, layout_of, rotation_seed
from shared.segment.sealed import SealedSegment
from shared.segment.swap import Succession
from shared.store.manifest import PendingSwap, SegmentEntry
from tests.builders import config, delete, point, scroll, set_payload, upsert

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


class Model:
    """What the shard should hold, as a dict."""

    def __init__(self) -> None:
        self.points: dict[PointId, dict[str, Any]] = {}

    def apply(self, operation: Operation) -> None:
        """Follow one operation."""
        match operation:
            case Upsert(ids, _, payloads):
                self.points.update({one: json.loads(text or b"{}") for one, text in zip(ids, payloads, strict=True)})
            case Delete(ids):
                for one in ids:
                    self.points.pop(one, None)
            case SetPayload(ids, payload):
                for one in ids:
                    if one in self.points:
                        self.points[one] = {**self.points[one], **json.loads(payload)}
            case Config() | Seal() | Swap() | Resume():
                pass


def random_operation(source: random.Random, ids: int = 60) -> Operation:
    """Return an operation on some of the points 0 .. ids - 1."""
    chosen = source.sample(range(ids), source.randint(1, 9))
    match source.random():
        case roll if roll < 0.55:
            return upsert([point(one, payload={"a": source.randint(0, 9)}) for one in chosen])
        case roll if roll < 0.75:
            return delete(*chosen)
        case _:
            return set_payload(chosen, {source.choice("abc"): source.randint(0, 9)})
