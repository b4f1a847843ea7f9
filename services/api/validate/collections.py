"""Create bodies, narrowed to `CollectionConfig`. What is not given comes from the defaults of the configuration file.

What this build does not do is refused by name; keys that the reference does not know are ignored, as there.
"""

from typing import Any

import msgspec

from services.api.validate.body import decode
from services.api.validate.collection_metadata import check_metadata
from services.api.validate.collection_names import check_distinct_names
from services.api.validate.collection_quantization import parse_quantization
from services.api.validate.collection_settings import (
    WireHnsw,
    WireOptimizers,
    WirePayload,
    WireWal,
    check_whole,
    given_hnsw,
    given_optimizers,
    given_payload,
    given_wal,
    last_word,
)
from services.api.validate.collection_slots import is_single, parse_sparse_vectors, parse_vectors
from services.api.validate.collection_strict_mode import WireStrictMode, changed_strict_mode, given_strict_mode
from services.api.validate.rules import Rules
from services.api.validate.unsupported import refuse, refuse_given
from shared.schema.collections import CollectionConfig, PayloadParams

SHARDS_MAX = 1024
FACTORS = ("replication_factor", "write_consistency_factor")


class WireCreate(msgspec.Struct):
    vectors: dict[str, Any] | None = None
    sparse_vectors: dict[str, Any] | None = None
    shard_number: int | None = None
    sharding_method: str | None = None
    replication_factor: int | None = None
    write_consistency_factor: int | None = None
    on_disk_payload: bool | None = None
    payload: WirePayload | None = None
    id_tracker: Any = None
    hnsw_config: WireHnsw | None = None
    wal_config: WireWal | None = None
    optimizers_config: WireOptimizers | None = None
    optimizer_config: WireOptimizers | None = None
    quantization_config: Any = None
    quantization: Any = None
    strict_mode_config: WireStrictMode | None = None
    metadata: dict[str, Any] | None = None


class Defaults(msgspec.Struct, frozen=True):
    """What a create body leaves open: a config without slots, and where raw vectors live."""

    config: CollectionConfig = CollectionConfig()
    vectors_on_disk: bool | None = None


_decoder = msgspec.json.Decoder(WireCreate)
_NO_DEFAULTS = Defaults()


def parse_create(body: bytes, defaults: Defaults = _NO_DEFAULTS) -> CollectionConfig:
    """Return the config of a new collection, defaults filled in."""
    wire = decode(_decoder, body)
    return narrow_create(wire, defaults)


def narrow_create(wire: WireCreate, defaults: Defaults) -> CollectionConfig:
    """Return the config that a decoded body asks for. Raises BadFormat, BadInput, Invalid with every broken rule."""
    refuse_given(wire, ("id_tracker",))
    if wire.sharding_method not in (None, "auto"):
        refuse("`sharding_method` other than auto")
    vectors = wire.vectors or {}
    check_distinct_names({} if is_single(vectors) else vectors, wire.sparse_vectors)
    rules = Rules()
    base = defaults.config
    optimizers = wire.optimizers_config or wire.optimizer_config
    quantization = wire.quantization_config if wire.quantization_config is not None else wire.quantization
    changes: dict[str, Any] = {
        **_given_numbers(wire, rules),
        "vectors": parse_vectors(vectors, rules, on_disk=defaults.vectors_on_disk),
        "sparse_vectors": parse_sparse_vectors(wire.sparse_vectors, rules),
        "hnsw_config": base.hnsw_config.model_copy(update=given_hnsw(wire.hnsw_config, "hnsw_config", rules)),
        "optimizers_config": base.optimizers_config.model_copy(update=given_optimizers(optimizers, rules)),
        "wal_config": base.wal_config.model_copy(update=given_wal(wire.wal_config, rules)),
        "quantization_config": parse_quantization(quantization, "quantization_config", rules)
        or base.quantization_config,
        "strict_mode_config": changed_strict_mode(
            base.strict_mode_config, given_strict_mode(wire.strict_mode_config, rules)
        ),
        "metadata": check_metadata(wire.metadata),
        **last_word(_given_placement(wire, rules), "on_disk_payload", "payload"),
    }
    rules.check()
    return base.model_copy(update=changes)


def _given_placement(wire: WireCreate, rules: Rules) -> dict[str, Any]:
    """Return where payloads live, in the old word and the newer one."""
    given: dict[str, Any] = {} if wire.on_disk_payload is None else {"on_disk_payload": wire.on_disk_payload}
    if wire.payload is not None:
        given["payload"] = PayloadParams.model_construct(**given_payload(wire.payload, "payload", rules))
    return given


def _given_numbers(wire: WireCreate, rules: Rules) -> dict[str, Any]:
    """Return the plain settings that are given."""
    check_whole(wire, "shard_number", *FACTORS)
    rules.within("shard_number", wire.shard_number, 1, SHARDS_MAX)
    for name in FACTORS:
        rules.at_least(name, getattr(wire, name), 1)
    names = ("shard_number", *FACTORS)
    return {name: getattr(wire, name) for name in names if getattr(wire, name) is not None}
