"""Collection config: the pydantic models behind create, update and info, with the reference's defaults and limits.

Source: features.md sections 2, 3 and 5. A field that this build does not honour is not here: it is refused by name.
"""

from typing import Annotated, Any

from pydantic import Field

from shared.schema.model import Model as _Model
from shared.schema.model import Sparing
from shared.schema.payload_index import PayloadIndex
from shared.schema.quantization import QuantizationConfig
from shared.schema.slots import Datatype, Distance, Memory, Modifier, MultivectorConfig
from shared.schema.strict_mode import StrictModeConfig

__all__ = [
    "UNNAMED",
    "CollectionConfig",
    "CollectionRecord",
    "Distance",
    "HnswConfig",
    "HnswDiff",
    "InitFrom",
    "OptimizersConfig",
    "PayloadParams",
    "SealConfig",
    "SparseIndexParams",
    "SparseVectorParams",
    "VectorParams",
    "WalConfig",
]

UNNAMED = ""
"""The slot of the unnamed vector."""


class HnswConfig(_Model):
    """The graph. `m` 0 means no graph; `payload_m` edges within groups of an indexed payload field; sizes in kB."""

    m: Annotated[int, Field(ge=0)] = 16
    ef_construct: Annotated[int, Field(ge=4)] = 100
    full_scan_threshold: Annotated[int, Field(ge=10)] = 10_000
    max_indexing_threads: Annotated[int, Field(ge=0)] = 0
    on_disk: bool = False
    payload_m: Annotated[int, Field(ge=0)] | None = None
    memory: Memory | None = None

    @property
    def is_on_disk(self) -> bool:
        """True where the graph is mapped and not kept in memory; `memory` is the newer word and wins."""
        return self.memory is Memory.COLD if self.memory is not None else self.on_disk

    def changed_by(self, diff: "HnswDiff | None") -> "HnswConfig":
        """Return the config with what a slot sets of its own."""
        return self if diff is None else self.model_copy(update=diff.given())


class HnswDiff(Sparing):
    """What one slot, or a PATCH, sets of the graph's config; None leaves it as it is."""

    m: Annotated[int, Field(ge=0)] | None = None
    ef_construct: Annotated[int, Field(ge=4)] | None = None
    full_scan_threshold: Annotated[int, Field(ge=10)] | None = None
    max_indexing_threads: Annotated[int, Field(ge=0)] | None = None
    on_disk: bool | None = None
    payload_m: Annotated[int, Field(ge=0)] | None = None
    memory: Memory | None = None

    def given(self) -> dict[str, Any]:
        """Return what is set."""
        return {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}


class VectorParams(Sparing):
    """One slot of dense vectors or of multivectors. What nobody set is None and absent from answers."""

    size: Annotated[int, Field(ge=1, le=65536)]
    distance: Distance
    datatype: Datatype | None = None
    multivector_config: MultivectorConfig | None = None
    hnsw_config: HnswDiff | None = None
    quantization_config: QuantizationConfig | None = None
    on_disk: bool | None = None
    memory: Memory | None = None
    born: Annotated[int, Field(ge=0)] = 0
    """The generation at which the slot was added to a live collection; 0 for those it was created with.

    Ours alone, shown to nobody: a slot that is removed and added again, even just alike, is another slot.
    """

    @property
    def is_on_disk(self) -> bool:
        """True where raw vectors are mapped and not kept in memory; `memory` is the newer word and wins."""
        return self.memory is Memory.COLD if self.memory is not None else bool(self.on_disk)


class SparseIndexParams(Sparing):
    """The inverted index of a sparse slot."""

    full_scan_threshold: Annotated[int, Field(ge=0)] | None = None
    on_disk: bool | None = None
    memory: Memory | None = None
    datatype: Datatype | None = None


class SparseVectorParams(Sparing):
    """One slot of sparse vectors: always compared by dot product."""

    index: SparseIndexParams | None = None
    modifier: Modifier | None = None
    born: Annotated[int, Field(ge=0)] = 0
    """As in `VectorParams`."""


class PayloadParams(Sparing):
    """Where payloads are kept."""

    memory: Memory | None = None


class OptimizersConfig(_Model):
    """The optimizer's policies. Sizes in kB of raw vectors, times in seconds."""

    deleted_threshold: Annotated[float, Field(ge=0, le=1)] = 0.2
    vacuum_min_vector_number: Annotated[int, Field(ge=100)] = 1000
    default_segment_number: Annotated[int, Field(ge=0)] = 0
    max_segment_size: Annotated[int, Field(ge=1)] | None = None
    memmap_threshold: Annotated[int, Field(ge=0)] | None = None
    indexing_threshold: Annotated[int, Field(ge=0)] = 10_000
    flush_interval_sec: Annotated[int, Field(ge=0)] = 5
    max_optimization_threads: Annotated[int, Field(ge=0)] | None = None


class WalConfig(_Model):
    """The log's bound: how much of it may wait for a checkpoint, and how much stays although one covers it."""

    wal_capacity_mb: Annotated[int, Field(ge=1)] = 32
    wal_segments_ahead: Annotated[int, Field(ge=0)] = 0
    wal_retain_closed: Annotated[int, Field(ge=1)] = 1

    @property
    def waiting_bytes_max(self) -> int:
        """How much log may wait for a checkpoint: over it writes wait."""
        return self.wal_capacity_mb * 2**20 * (1 + self.wal_segments_ahead)

    @property
    def kept_bytes_max(self) -> int:
        """How much log stays although a checkpoint covers it."""
        return self.wal_capacity_mb * 2**20 * (self.wal_retain_closed - 1)

    @property
    def log_bytes_max(self) -> int:
        """How long a shard's log may become."""
        return self.waiting_bytes_max + self.kept_bytes_max


class SealConfig(_Model):
    """When the appendable segment is sealed. In the config, and so in the log, because every replica must do alike.

    Ours alone: stamped by the api that creates the collection, shown to nobody.
    """

    vector_bytes: Annotated[int, Field(ge=1)] = 32 * 2**20
    rows: Annotated[int, Field(ge=1)] = 65_536


class CollectionConfig(_Model):
    """All that a collection's shards need to know.

    vectors          dense and multivector slots by name; the unnamed vector is the slot ""
    sparse_vectors   sparse slots by name; names are distinct over both
    payload_indexes  by payload path: shown as `payload_schema`, never within the config
    """

    vectors: dict[str, VectorParams] = Field(default_factory=dict)
    sparse_vectors: dict[str, SparseVectorParams] = Field(default_factory=dict)
    shard_number: Annotated[int, Field(ge=1, le=1024)] = 1
    replication_factor: Annotated[int, Field(ge=1)] = 1
    write_consistency_factor: Annotated[int, Field(ge=1)] = 1
    read_fan_out_factor: Annotated[int, Field(ge=0)] | None = None
    read_fan_out_delay_ms: Annotated[int, Field(ge=0)] | None = None
    on_disk_payload: bool = True
    payload: PayloadParams | None = None
    hnsw_config: HnswConfig = HnswConfig()
    optimizers_config: OptimizersConfig = OptimizersConfig()
    wal_config: WalConfig = WalConfig()
    quantization_config: QuantizationConfig | None = None
    strict_mode_config: StrictModeConfig | None = None
    metadata: dict[str, Any] | None = None
    payload_indexes: dict[str, PayloadIndex] = Field(default_factory=dict)
    seal: SealConfig = SealConfig()

    def hnsw_of(self, slot: str) -> HnswConfig:
        """Return the graph config in force for a dense or multivector slot."""
        return self.hnsw_config.changed_by(self.vectors[slot].hnsw_config)

    def quantization_of(self, slot: str) -> QuantizationConfig | None:
        """Return the quantization in force for a dense or multivector slot."""
        return self.vectors[slot].quantization_config or self.quantization_config

    @property
    def newest_birth(self) -> int:
        """The generation at which the newest slot was added; 0 when all are as old as the collection."""
        dense = [params.born for params in self.vectors.values()]
        sparse = [params.born for params in self.sparse_vectors.values()]
        return max(dense + sparse, default=0)

    @property
    def is_payload_on_disk(self) -> bool:
        """True where payloads are read from disk when needed; `payload.memory` is the newer word and wins."""
        if self.payload is not None and self.payload.memory is not None:
            return self.payload.memory is Memory.COLD
        return self.on_disk_payload

    def has_slot(self, name: str) -> bool:
        """True for a dense, multivector or sparse slot of this name."""
        return name in self.vectors or name in self.sparse_vectors


class InitFrom(_Model):
    """Where a collection's first points come from: a consistent cut of another collection.

    name       the source's name when the collection was created
    shards     how many shards the source has
    positions  the position of each of them at which it was cut; empty until it is
    """

    collection: str
    """The source's UUID."""
    name: str
    shards: Annotated[int, Field(ge=1)] = 1
    positions: tuple[int, ...] = ()


class CollectionRecord(_Model):
    """A collection in the catalog. The name is a pointer; everything else is keyed by the UUID."""

    uuid: str
    name: str
    generation: int = 1
    """Grows by one with each config change."""
    config: CollectionConfig
    init_from: InitFrom | None = None
