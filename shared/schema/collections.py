"""Collection config: the pydantic models behind create, update and info, with the reference's defaults and limits.

Source: features.md sections 2, 3 and 5. A field that this build does not honour is not here: it is refused by name.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

UNNAMED = ""
"""The slot of the unnamed vector."""


class Distance(StrEnum):
    """How vectors are compared."""

    COSINE = "Cosine"
    DOT = "Dot"
    EUCLID = "Euclid"
    MANHATTAN = "Manhattan"

    @property
    def is_similarity(self) -> bool:
        """True where the wire's score is higher for nearer vectors."""
        return self in (Distance.COSINE, Distance.DOT)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class VectorParams(_Model):
    """One slot of dense float32 vectors."""

    size: Annotated[int, Field(ge=1, le=65536)]
    distance: Distance


class HnswConfig(_Model):
    """The graph. `m` 0 means no graph; sizes in kB."""

    m: Annotated[int, Field(ge=0)] = 16
    ef_construct: Annotated[int, Field(ge=4)] = 100
    full_scan_threshold: Annotated[int, Field(ge=10)] = 10_000
    max_indexing_threads: Annotated[int, Field(ge=0)] = 0


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
    """The log's bound: how much of it may wait for a checkpoint."""

    wal_capacity_mb: Annotated[int, Field(ge=1)] = 32
    wal_segments_ahead: Annotated[int, Field(ge=0)] = 0
    wal_retain_closed: Annotated[int, Field(ge=1)] = 1


class SealConfig(_Model):
    """When the appendable segment is sealed. In the config, and so in the log, because every replica must do alike.

    Ours alone: stamped by the api that creates the collection, shown to nobody.
    """

    vector_bytes: Annotated[int, Field(ge=1)] = 32 * 2**20
    rows: Annotated[int, Field(ge=1)] = 65_536


class CollectionConfig(_Model):
    """All that a collection's shards need to know. `vectors` by slot; the unnamed vector is the slot ""."""

    vectors: dict[str, VectorParams] = {}
    shard_number: Annotated[int, Field(ge=1, le=1024)] = 1
    replication_factor: Annotated[int, Field(ge=1)] = 1
    write_consistency_factor: Annotated[int, Field(ge=1)] = 1
    on_disk_payload: bool = True
    hnsw_config: HnswConfig = HnswConfig()
    optimizers_config: OptimizersConfig = OptimizersConfig()
    wal_config: WalConfig = WalConfig()
    seal: SealConfig = SealConfig()


class CollectionRecord(_Model):
    """A collection in the catalog. The name is a pointer; everything else is keyed by the UUID."""

    uuid: str
    name: str
    generation: int = 1
    """Grows by one with each config change."""
    config: CollectionConfig
