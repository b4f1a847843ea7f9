"""A collection's effective config in the reference's shape, and what of it this build cannot give.

Within slots, quantization and newer fields, what nobody set is absent; what has a default is shown with it.
"""

from typing import Any

from services.api.described_indexes import index_warnings
from shared.schema.collections import UNNAMED, CollectionConfig, SparseVectorParams, VectorParams
from shared.schema.row_order import row_order_of

WARNING = "X-Shoal-Warning"
_OURS = {"born"}
"""Fields of slots that are shown to nobody."""


def describe_config(config: CollectionConfig) -> dict[str, Any]:
    """Return `config` of `GET /collections/{name}`."""
    shown: dict[str, Any] = {
        "params": _params(config),
        "hnsw_config": _given(config.hnsw_config.model_dump(mode="json")),
        "optimizer_config": config.optimizers_config.model_dump(mode="json"),
        "wal_config": config.wal_config.model_dump(mode="json"),
        "quantization_config": None,
    }
    if config.quantization_config is not None:
        shown["quantization_config"] = config.quantization_config.model_dump(mode="json")
    if config.strict_mode_config is not None:
        shown["strict_mode_config"] = config.strict_mode_config.model_dump(mode="json")
    if config.metadata is not None:
        shown["metadata"] = config.metadata
    return shown


def config_warnings(config: CollectionConfig) -> list[str]:
    """Return what a collection asks for and does not get: replicas, groups of payload values, and what needs them."""
    warnings = []
    if config.replication_factor > 1:
        warnings.append(f"replication_factor is {config.replication_factor}, but each shard has one replica for now")
    if config.write_consistency_factor > 1:
        factor = config.write_consistency_factor
        warnings.append(f"write_consistency_factor is {factor}, but a write is applied by one replica for now")
    if config.read_fan_out_factor or config.read_fan_out_delay_ms:
        warnings.append("read_fan_out_factor and read_fan_out_delay_ms wait for replicas: each shard has one for now")
    order = row_order_of(config)
    if any(config.hnsw_of(slot).payload_m for slot in config.vectors) and not (order and order.has_graphs):
        warnings.append("payload_m waits for an indexed keyword, uuid or integer field: there are no groups to link")
    warnings += index_warnings(config)
    warnings += [
        f"multivectors of '{name}' are searched exactly for now: hnsw_config and quantization_config wait"
        for name, params in config.vectors.items()
        if params.multivector_config and (params.hnsw_config or config.quantization_of(name))
    ]
    return warnings


def warning_header(warnings: list[str]) -> dict[str, str] | None:
    """Return a header with what is asked for and not given; None without any. Characters beyond ASCII are escaped."""
    text = "; ".join(warnings)
    return {WARNING: text.encode("unicode_escape").decode("ascii")} if text else None


def _params(config: CollectionConfig) -> dict[str, Any]:
    vectors = {name: _slot(params) for name, params in config.vectors.items()}
    shown: dict[str, Any] = {
        "vectors": vectors[UNNAMED] if list(vectors) == [UNNAMED] else vectors,
        "shard_number": config.shard_number,
        "replication_factor": config.replication_factor,
        "write_consistency_factor": config.write_consistency_factor,
        "on_disk_payload": config.on_disk_payload,
    }
    if config.payload is not None:
        shown["payload"] = config.payload.model_dump(mode="json")
    if config.sparse_vectors:
        shown["sparse_vectors"] = {name: _slot(params) for name, params in config.sparse_vectors.items()}
    fan_out = {
        "read_fan_out_factor": config.read_fan_out_factor,
        "read_fan_out_delay_ms": config.read_fan_out_delay_ms,
    }
    return shown | _given(fan_out)


def _slot(params: VectorParams | SparseVectorParams) -> dict[str, Any]:
    return params.model_dump(mode="json", exclude=_OURS)


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
