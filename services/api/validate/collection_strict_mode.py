"""Strict mode of create and PATCH bodies. Limits are those of features.md section 7."""

from typing import Any

import msgspec

from services.api.validate.collection_settings import check_whole
from services.api.validate.rules import Rules
from shared.schema.strict_mode import MaxLength, MaxVectors, StrictModeConfig

_FROM_ONE = ("max_query_limit", "max_timeout", "max_points_count", "read_rate_limit", "write_rate_limit")


class WireMaxVectors(msgspec.Struct):
    max_vectors: int | None = None


class WireMaxLength(msgspec.Struct):
    max_length: int | None = None


class WireStrictMode(msgspec.Struct):
    enabled: bool | None = None
    max_query_limit: int | None = None
    max_timeout: int | None = None
    unindexed_filtering_retrieve: bool | None = None
    unindexed_filtering_update: bool | None = None
    search_max_hnsw_ef: int | None = None
    search_allow_exact: bool | None = None
    search_max_oversampling: float | None = None
    upsert_max_batchsize: int | None = None
    search_max_batchsize: int | None = None
    max_collection_vector_size_bytes: int | None = None
    max_collection_payload_size_bytes: int | None = None
    max_points_count: int | None = None
    read_rate_limit: int | None = None
    write_rate_limit: int | None = None
    filter_max_conditions: int | None = None
    condition_max_size: int | None = None
    multivector_config: dict[str, WireMaxVectors] | None = None
    sparse_config: dict[str, WireMaxLength] | None = None
    max_payload_index_count: int | None = None
    max_resident_memory_percent: int | None = None


class StrictStrictMode(WireStrictMode, forbid_unknown_fields=True):
    """As WireStrictMode, for a PATCH."""


def given_strict_mode(wire: WireStrictMode | None, rules: Rules) -> dict[str, Any] | None:
    """Return what is set, None where strict mode is not spoken of."""
    if wire is None:
        return None
    path = "strict_mode_config"
    check_whole(wire, *wire.__struct_fields__)
    for name in _FROM_ONE:
        rules.at_least(f"{path}.{name}", getattr(wire, name), 1)
    rules.at_least(f"{path}.search_max_oversampling", wire.search_max_oversampling, 0.0)
    rules.within(f"{path}.max_resident_memory_percent", wire.max_resident_memory_percent, 1, 100)
    given = {name: getattr(wire, name) for name in wire.__struct_fields__ if getattr(wire, name) is not None}
    if wire.multivector_config is not None:
        for name, rows in wire.multivector_config.items():
            rules.at_least(f"{path}.multivector_config.{name}.max_vectors", rows.max_vectors, 1)
        given["multivector_config"] = {
            name: MaxVectors.model_construct(max_vectors=rows.max_vectors)
            for name, rows in wire.multivector_config.items()
        }
    if wire.sparse_config is not None:
        for name, pairs in wire.sparse_config.items():
            rules.at_least(f"{path}.sparse_config.{name}.max_length", pairs.max_length, 1)
        given["sparse_config"] = {
            name: MaxLength.model_construct(max_length=pairs.max_length) for name, pairs in wire.sparse_config.items()
        }
    return given


def changed_strict_mode(config: StrictModeConfig | None, given: dict[str, Any] | None) -> StrictModeConfig | None:
    """Return strict mode with what is given; the rest stays as it is."""
    return config if given is None else (config or StrictModeConfig()).model_copy(update=given)
