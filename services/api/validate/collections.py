"""Collections: names, create bodies and changes, narrowed to `CollectionConfig`.

Wire structs hold what the reference knows, in its old spellings too; what this build does not do is refused by name.
Limits are those of features.md sections 2, 3 and 5.
"""

from typing import Any, Literal

import msgspec

from services.api.validate.body import convert, decode
from services.api.validate.rules import Rules
from services.api.validate.unsupported import refuse, refuse_given
from shared.errors import BadFormat, Invalid
from shared.schema.collections import (
    UNNAMED,
    CollectionConfig,
    Distance,
    HnswConfig,
    OptimizersConfig,
    VectorParams,
    WalConfig,
)

SIZE_MAX = 65536
SHARDS_MAX = 1024
NAME_MAX = 255
WHOLE_MAX = 2**63 - 1
VECTOR_NAME_BYTES_MAX = 200
_UNSAFE = '<>:"/\\|?*\0\x1f'


class WireHnsw(msgspec.Struct):
    m: int | None = None
    ef_construct: int | None = None
    full_scan_threshold: int | None = None
    full_scan_threshold_kb: int | None = None
    max_indexing_threads: int | None = None
    payload_m: int | None = None
    on_disk: bool | None = None
    memory: str | None = None
    inline_storage: bool | None = None


class WireOptimizers(msgspec.Struct):
    deleted_threshold: float | None = None
    vacuum_min_vector_number: int | None = None
    default_segment_number: int | None = None
    max_segment_size: int | None = None
    max_segment_size_kb: int | None = None
    memmap_threshold: int | None = None
    memmap_threshold_kb: int | None = None
    indexing_threshold: int | None = None
    indexing_threshold_kb: int | None = None
    flush_interval_sec: int | None = None
    max_optimization_threads: int | Literal["auto"] | None = None
    prevent_unoptimized: bool | None = None


class WireWal(msgspec.Struct):
    wal_capacity_mb: int | None = None
    wal_segments_ahead: int | None = None
    wal_retain_closed: int | None = None


class WireVectorParams(msgspec.Struct):
    size: int
    distance: Distance
    datatype: str | None = None
    multivector_config: Any = None
    hnsw_config: Any = None
    quantization_config: Any = None
    on_disk: bool | None = None
    memory: str | None = None


class WireCreate(msgspec.Struct):
    vectors: dict[str, Any] | None = None
    sparse_vectors: Any = None
    shard_number: int | None = None
    sharding_method: str | None = None
    replication_factor: int | None = None
    write_consistency_factor: int | None = None
    on_disk_payload: bool | None = None
    payload: Any = None
    hnsw_config: WireHnsw | None = None
    wal_config: WireWal | None = None
    optimizers_config: WireOptimizers | None = None
    optimizer_config: WireOptimizers | None = None
    quantization_config: Any = None
    quantization: Any = None
    strict_mode_config: Any = None
    metadata: Any = None
    init_from: Any = None


class WireParamsChange(msgspec.Struct):
    replication_factor: int | None = None
    write_consistency_factor: int | None = None
    on_disk_payload: bool | None = None
    read_fan_out_factor: int | None = None
    read_fan_out_delay_ms: int | None = None
    payload: Any = None


class WireChange(msgspec.Struct):
    optimizers_config: WireOptimizers | None = None
    optimizer_config: WireOptimizers | None = None
    hnsw_config: WireHnsw | None = None
    params: WireParamsChange | None = None
    vectors: Any = None
    sparse_vectors: Any = None
    quantization_config: Any = None
    quantization: Any = None
    strict_mode_config: Any = None
    metadata: Any = None


_create_decoder = msgspec.json.Decoder(WireCreate)
_change_decoder = msgspec.json.Decoder(WireChange)
_CREATE_UNBUILT = ("sparse_vectors", "payload", "quantization_config", "quantization", "metadata", "init_from")
_CHANGE_UNBUILT = ("vectors", "sparse_vectors", "quantization_config", "quantization", "metadata")
_VECTOR_UNBUILT = ("multivector_config", "hnsw_config", "quantization_config", "on_disk", "memory")


def check_collection_name(name: str) -> str:
    """Return the name of a collection to be created. Raises Invalid."""
    if not 1 <= len(name) <= NAME_MAX:
        text = f'name: value "{name}" invalid, must be from 1 to {NAME_MAX} characters'
        raise Invalid(text, "path parameters")
    for character in _UNSAFE:
        if character in name:
            raise Invalid(f'name: collection name cannot contain "{character}" char', "path parameters")
    return name


def parse_create(body: bytes) -> CollectionConfig:
    """Return the config of a new collection, defaults filled in."""
    wire = decode(_create_decoder, body)
    refuse_given(wire, _CREATE_UNBUILT)
    _refuse_strict_mode(wire.strict_mode_config)
    if wire.sharding_method not in (None, "auto"):
        refuse("`sharding_method` other than auto")
    rules = Rules()
    _check_whole(wire, "shard_number", "replication_factor", "write_consistency_factor")
    rules.within("shard_number", wire.shard_number, 1, SHARDS_MAX)
    rules.at_least("replication_factor", wire.replication_factor, 1)
    rules.at_least("write_consistency_factor", wire.write_consistency_factor, 1)
    optimizers = wire.optimizers_config or wire.optimizer_config
    changes: dict[str, Any] = {
        "vectors": _vectors(wire.vectors or {}, rules),
        "hnsw_config": HnswConfig().model_copy(update=_hnsw(wire.hnsw_config, rules)),
        "optimizers_config": OptimizersConfig().model_copy(update=_optimizers(optimizers, rules)),
        "wal_config": WalConfig().model_copy(update=_wal(wire.wal_config, rules)),
    }
    rules.check()
    for name in ("shard_number", "replication_factor", "write_consistency_factor", "on_disk_payload"):
        if getattr(wire, name) is not None:
            changes[name] = getattr(wire, name)
    return CollectionConfig(**changes)


class ConfigChange(msgspec.Struct, frozen=True):
    """What a PATCH sets; everything else stays."""

    hnsw: dict[str, Any]
    optimizers: dict[str, Any]
    params: dict[str, Any]

    def applied_to(self, config: CollectionConfig) -> CollectionConfig:
        """Return the config with the change."""
        return config.model_copy(
            update={
                "hnsw_config": config.hnsw_config.model_copy(update=self.hnsw),
                "optimizers_config": config.optimizers_config.model_copy(update=self.optimizers),
                **self.params,
            }
        )


def parse_change(body: bytes) -> ConfigChange:
    """Return what a PATCH sets. `null` means unchanged."""
    wire = decode(_change_decoder, body)
    refuse_given(wire, _CHANGE_UNBUILT)
    _refuse_strict_mode(wire.strict_mode_config)
    rules = Rules()
    params: dict[str, Any] = {}
    if wire.params is not None:
        refuse_given(wire.params, ("read_fan_out_factor", "read_fan_out_delay_ms", "payload"), "params.")
        _check_whole(wire.params, "replication_factor", "write_consistency_factor")
        rules.at_least("params.replication_factor", wire.params.replication_factor, 1)
        rules.at_least("params.write_consistency_factor", wire.params.write_consistency_factor, 1)
        names = ("replication_factor", "write_consistency_factor", "on_disk_payload")
        params = {name: getattr(wire.params, name) for name in names if getattr(wire.params, name) is not None}
    hnsw = _hnsw(wire.hnsw_config, rules)
    optimizers = _optimizers(wire.optimizers_config or wire.optimizer_config, rules)
    rules.check()
    return ConfigChange(hnsw, optimizers, params)


def _hnsw(wire: WireHnsw | None, rules: Rules) -> dict[str, Any]:
    if wire is None:
        return {}
    refuse_given(wire, ("payload_m", "on_disk", "memory", "inline_storage"), "hnsw_config.")
    given = _given(wire, {"full_scan_threshold_kb": "full_scan_threshold"}, HnswConfig)
    rules.at_least("hnsw_config.ef_construct", given.get("ef_construct"), 4)
    rules.at_least("hnsw_config.full_scan_threshold", given.get("full_scan_threshold"), 10)
    return given


def _optimizers(wire: WireOptimizers | None, rules: Rules) -> dict[str, Any]:
    if wire is None:
        return {}
    refuse_given(wire, ("prevent_unoptimized",), "optimizers_config.")
    old = {f"{name}_kb": name for name in ("max_segment_size", "memmap_threshold", "indexing_threshold")}
    given = _given(wire, old, OptimizersConfig)
    rules.within("optimizers_config.deleted_threshold", given.get("deleted_threshold"), 0.0, 1.0)
    rules.at_least("optimizers_config.vacuum_min_vector_number", given.get("vacuum_min_vector_number"), 100)
    rules.at_least("optimizers_config.max_segment_size", given.get("max_segment_size"), 1)
    if given.get("max_optimization_threads") == "auto":
        given["max_optimization_threads"] = None
    return given


def _wal(wire: WireWal | None, rules: Rules) -> dict[str, Any]:
    if wire is None:
        return {}
    given = _given(wire, {}, WalConfig)
    rules.at_least("wal_config.wal_capacity_mb", given.get("wal_capacity_mb"), 1)
    rules.at_least("wal_config.wal_retain_closed", given.get("wal_retain_closed"), 1)
    return given


def _given(wire: msgspec.Struct, aliases: dict[str, str], model: type[Any]) -> dict[str, Any]:
    """Return what is not null, under its present name."""
    names = [name for name in wire.__struct_fields__ if name in model.model_fields or name in aliases]
    _check_whole(wire, *names)
    return {aliases.get(name, name): getattr(wire, name) for name in names if getattr(wire, name) is not None}


def _vectors(given: dict[str, Any], rules: Rules) -> dict[str, VectorParams]:
    """Return the slots of a single VectorParams, or of a map of names to them."""
    if "size" in given and not isinstance(given["size"], dict):
        return {UNNAMED: _vector_params(given, "vectors", rules)}
    slots = {}
    for name, params in given.items():
        if len(name.encode()) > VECTOR_NAME_BYTES_MAX or any(character in name for character in _UNSAFE):
            rules.broken("vectors", f"vector name {name!r} is too long or holds characters that are not allowed")
            continue
        slots[name] = _vector_params(params, f"vectors.{name}", rules)
    return slots


def _vector_params(given: object, path: str, rules: Rules) -> VectorParams:
    wire = convert(given, WireVectorParams, path)
    if wire.size < 1:
        raise BadFormat(f"{path}.size: invalid value: integer `{wire.size}`, expected a whole number from 1")
    refuse_given(wire, _VECTOR_UNBUILT, f"{path}.")
    if wire.datatype not in (None, "float32"):
        refuse(f"`{path}.datatype` other than float32")
    rules.within(f"{path}.size", wire.size, 1, SIZE_MAX)
    return VectorParams.model_construct(size=wire.size, distance=wire.distance)


def _refuse_strict_mode(given: Any) -> None:
    if given is not None and not (isinstance(given, dict) and not given.get("enabled")):
        refuse("`strict_mode_config`")


def _check_whole(wire: msgspec.Struct, *names: str) -> None:
    """Negative numbers do not parse, as the reference's are unsigned, nor those beyond 63 bits."""
    for name in names:
        value = getattr(wire, name)
        if isinstance(value, int) and not 0 <= value <= WHOLE_MAX:
            raise BadFormat(f"{name}: invalid value: integer `{value}`, expected a whole number from 0 to {WHOLE_MAX}")
