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
from shared.policies.plan import Limits
from shared.schema.collections import CollectionConfig
from shared.schema.operations import Config, Delete, Operation, Seal, Swap, decode_operation, encode_operation
from shared.schema.segments import SlotBuild, SlotFigures, builds_of
from shared.store.manifest import ChunkRef, Manifest, ManifestStore, SegmentEntry

MB = 1000 * 1024
FENCE = 1
LIMITS = Limits(indexing_threads=2, cpus=4)
CONFIG = CollectionConfig.model_validate({"vectors": {"": {"size": 4, "distance": "Dot"}}})


def entry(name: str, size: int, state: str = "sealed", *, live: int = 10, dead: int = 0) -> SegmentEntry:
    """Return a segment of `size` bytes of vectors; an indexed one was built as the default config asks."""
    slots = {"": SlotFigures(live, size)} if live else {}
    built = {"": SlotBuild("m=16 ef_construct=100")} if state == "indexed" else {}
    return SegmentEntry(name, state, rows=live + dead, live=live, slots=slots, built=built)


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
            config=(config or CONFIG).model_dump_json(),
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

    async def configure(self, **changes: object) -> None:
        """Change the config, as a PATCH does."""
        config = CollectionConfig.model_validate_json(self.manifest.config).model_dump(mode="json")
        text = CollectionConfig.model_validate({**config, **changes}).model_dump_json().encode()
        generation = self.manifest.config_generation + 1
        await self._wal.append_internal(self.key, encode_operation(Config(generation, text)), self.fence)

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
            case Config(generation, config):
                return {"config_generation": generation, "config": config.decode()}
            case Swap(_, inputs, output, generation):
                current = all(name in segments for name in inputs) and generation == self.manifest.config_generation
                if current and not output:
                    for name in inputs:
                        del segments[name]
                elif current and (self.directory / "segments" / output).is_dir():
                    gone = [segments.pop(name) for name in inputs]
                    segments[output] = self._output(output, gone)
        return {"segments": list(segments.values())}

    def _output(self, name: str, inputs: list[SegmentEntry]) -> SegmentEntry:
        figures = [one.slots[""] for one in inputs if one.slots]
        made = entry(name, sum(one.bytes for one in figures), "indexed", live=sum(one.vectors for one in figures))
        config = CollectionConfig.model_validate_json(self.manifest.config)
        header = ChunkRef(f"segments/{name}/header.json", 2, 0)
        return msgspec.structs.replace(made, header=header, built=builds_of(config))

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
