"""What the optimizer meets in production, small: a worker that only keeps the list of segments, and a builder.

`ShardStandIn` reads the log as a worker does and publishes a manifest for each entry; segments are names and sizes.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from services.optimizer.builder import BuildFailed, OnProgress
from services.optimizer.messages import BuildOrder, Built, Progress
from shared.log.position import ShardKey
from shared.log.wal import AppendCall, Wal
from shared.schema.collections import CollectionConfig
from shared.schema.operations import Delete, Operation, Seal, Swap, decode_operation, encode_operation
from shared.store.manifest import ChunkRef, Manifest, ManifestStore, SegmentEntry

MB = 1000 * 1024
FENCE = 1


def entry(name: str, size: int, state: str = "sealed") -> SegmentEntry:
    return SegmentEntry(name, state, rows=10, live=10, largest_slot_bytes=size)


class ShardStandIn:
    """Takes log entries, gives manifests."""

    def __init__(self, data_dir: Path, wal: Wal, key: ShardKey, config: CollectionConfig | None = None) -> None:
        self.directory = data_dir / "collections" / key.collection / str(key.shard)
        self.key = key
        self._wal = wal
        self._store = ManifestStore(self.directory)
        self.fence = FENCE
        self.manifest = Manifest(
            cluster_id="c",
            collection=key.collection,
            name="name",
            shard=key.shard,
            fence=FENCE,
            generation=0,
            checkpoint=0,
            config_generation=1,
            config=(config or CollectionConfig()).model_dump_json(),
            segments=[],
            appendables=1,
        )

    async def open(self, *segments: SegmentEntry) -> None:
        """Open the log and publish the first manifest."""
        await self._wal.open_shard(self.key, 1, FENCE)
        self.publish(segments=list(segments))

    def publish(self, **changes: object) -> None:
        """Publish the next manifest with changes."""
        self.manifest = msgspec.structs.replace(
            self.manifest, generation=self.manifest.generation + 1, fence=self.fence, **changes
        )
        self._store.publish(self.manifest)

    async def write(self, entries: int = 1) -> None:
        """Append operations of a client."""
        call = AppendCall([encode_operation(Delete([1]))] * entries, 1, 0, "p", await self._next_sequence())
        await self._wal.append(self.key, call)

    async def take_over(self) -> None:
        """Come back as another leader."""
        self.fence += 1
        await self._wal.open_shard(self.key, 1, self.fence)

    async def apply(self) -> list[Operation]:
        """Apply what the log holds beyond the checkpoint; publish when there was something. Gives the operations."""
        found = (await self._wal.read({self.key: self.manifest.checkpoint}, 100, 0)).get(self.key, [])
        operations = []
        for position, raw in found:
            operation = decode_operation(raw)
            operations.append(operation)
            self.publish(checkpoint=position, **self._changes(operation))
        return operations

    def _changes(self, operation: Operation) -> dict[str, object]:
        segments = {segment.segment_id: segment for segment in self.manifest.segments}
        match operation:
            case Seal(name) if name in segments:
                segments[name] = msgspec.structs.replace(segments[name], state="sealed")
                segments["a9"] = entry("a9", 0, "appendable")
            case Swap(_, inputs, output, generation):
                current = all(name in segments for name in inputs) and generation == self.manifest.config_generation
                if current and (self.directory / "segments" / output).is_dir():
                    size = sum(segments.pop(name).largest_slot_bytes for name in inputs)
                    header = ChunkRef(f"segments/{output}/header.json", 2, 0)
                    segments[output] = msgspec.structs.replace(entry(output, size, "indexed"), header=header)
        return {"segments": list(segments.values())}

    async def _next_sequence(self) -> int:
        return (await self._wal.head(self.key)).head + 1


class BuilderStandIn:
    """Takes orders, gives directories with one file. `before_answer` runs in the middle of a build."""

    def __init__(self) -> None:
        self.orders: list[BuildOrder] = []
        self.running = 0
        self.running_most = 0
        self.before_answer: Callable[[BuildOrder], Awaitable[None]] | None = None
        self.failure: BuildFailed | None = None

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def build(self, order: BuildOrder, on_progress: OnProgress) -> Built:
        self.orders.append(order)
        self.running += 1
        self.running_most = max(self.running_most, self.running)
        try:
            await on_progress(Progress("graph", 5, 10))
            Path(order.output).mkdir()
            (Path(order.output) / "header.json").write_text("{}")
            if self.before_answer is not None:
                await self.before_answer(order)
            if self.failure is not None:
                raise self.failure
            return Built(rows=10, size_bytes=100, recall=0.97, attempts=1, seconds=0.5)
        finally:
            self.running -= 1
