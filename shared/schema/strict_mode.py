"""Strict mode: what a collection refuses, off unless `enabled` (features.md section 7)."""

from typing import Annotated

from pydantic import Field

from shared.schema.model import Model, Sparing

AtLeastOne = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]


class MaxVectors(Model):
    """Rows that one multivector may have."""

    max_vectors: AtLeastOne | None = None


class MaxLength(Model):
    """Pairs that one sparse vector may have."""

    max_length: AtLeastOne | None = None


class StrictModeConfig(Sparing):
    """Limits; None is no limit. Rates are operations a minute and shard."""

    enabled: bool | None = None
    max_query_limit: AtLeastOne | None = None
    max_timeout: AtLeastOne | None = None
    unindexed_filtering_retrieve: bool | None = None
    unindexed_filtering_update: bool | None = None
    search_max_hnsw_ef: Whole | None = None
    search_allow_exact: bool | None = None
    search_max_oversampling: Annotated[float, Field(ge=0)] | None = None
    upsert_max_batchsize: Whole | None = None
    search_max_batchsize: Whole | None = None
    max_collection_vector_size_bytes: Whole | None = None
    max_collection_payload_size_bytes: Whole | None = None
    max_points_count: AtLeastOne | None = None
    read_rate_limit: AtLeastOne | None = None
    write_rate_limit: AtLeastOne | None = None
    filter_max_conditions: Whole | None = None
    condition_max_size: Whole | None = None
    multivector_config: dict[str, MaxVectors] | None = None
    sparse_config: dict[str, MaxLength] | None = None
    max_payload_index_count: Whole | None = None
    max_resident_memory_percent: Annotated[int, Field(ge=1, le=100)] | None = None
