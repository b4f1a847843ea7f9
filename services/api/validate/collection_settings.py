"""Graph, optimizer, log and payload settings of create and PATCH bodies: what is given, under its present name.

The wire structs hold what the reference knows, in its old spellings too. A PATCH uses their strict twins, which refuse
unknown keys. Limits are those of features.md section 5.
"""

from typing import Any, Literal

import msgspec

from services.api.validate.rules import Rules
from services.api.validate.unsupported import refuse_given
from shared.errors import BadFormat
from shared.schema.collections import HnswConfig, OptimizersConfig, WalConfig
from shared.schema.slots import Memory

WHOLE_MAX = 2**63 - 1


class WireHnsw(msgspec.Struct):
    m: int | None = None
    ef_construct: int | None = None
    full_scan_threshold: int | None = None
    full_scan_threshold_kb: int | None = None
    max_indexing_threads: int | None = None
    payload_m: int | None = None
    on_disk: bool | None = None
    memory: Memory | None = None
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


class WirePayload(msgspec.Struct):
    memory: Memory | None = None


class StrictHnsw(WireHnsw, forbid_unknown_fields=True):
    """As WireHnsw, for a PATCH."""


class StrictOptimizers(WireOptimizers, forbid_unknown_fields=True):
    """As WireOptimizers, for a PATCH."""


class StrictPayload(WirePayload, forbid_unknown_fields=True):
    """As WirePayload, for a PATCH."""


def given_hnsw(wire: WireHnsw | None, path: str, rules: Rules) -> dict[str, Any]:
    """Return what is set of a graph's config."""
    if wire is None:
        return {}
    refuse_given(wire, ("inline_storage",), f"{path}.")
    given = _given(wire, {"full_scan_threshold_kb": "full_scan_threshold"}, HnswConfig)
    rules.at_least(f"{path}.ef_construct", given.get("ef_construct"), 4)
    rules.at_least(f"{path}.full_scan_threshold", given.get("full_scan_threshold"), 10)
    return last_word(given, "on_disk", "memory")


def given_optimizers(wire: WireOptimizers | None, rules: Rules) -> dict[str, Any]:
    """Return what is set of the optimizer's config; `auto` threads become None."""
    if wire is None:
        return {}
    path = "optimizers_config"
    refuse_given(wire, ("prevent_unoptimized",), f"{path}.")
    old = {f"{name}_kb": name for name in ("max_segment_size", "memmap_threshold", "indexing_threshold")}
    given = _given(wire, old, OptimizersConfig)
    rules.within(f"{path}.deleted_threshold", given.get("deleted_threshold"), 0.0, 1.0)
    rules.at_least(f"{path}.vacuum_min_vector_number", given.get("vacuum_min_vector_number"), 100)
    rules.at_least(f"{path}.max_segment_size", given.get("max_segment_size"), 1)
    if given.get("max_optimization_threads") == "auto":
        given["max_optimization_threads"] = None
    return given


def given_wal(wire: WireWal | None, rules: Rules) -> dict[str, Any]:
    """Return what is set of the log's config."""
    if wire is None:
        return {}
    given = _given(wire, {}, WalConfig)
    rules.at_least("wal_config.wal_capacity_mb", given.get("wal_capacity_mb"), 1)
    rules.at_least("wal_config.wal_retain_closed", given.get("wal_retain_closed"), 1)
    return given


def given_payload(wire: WirePayload | None, path: str, rules: Rules) -> dict[str, Any]:
    """Return what is set of the payload storage."""
    if wire is None or wire.memory is None:
        return {}
    check_not_pinned(wire.memory, f"{path}.memory", "payload storage", rules)
    return {"memory": wire.memory}


def check_not_pinned(memory: Memory | None, path: str, what: str, rules: Rules) -> None:
    """`pinned` exists for indexes and codes only."""
    if memory is Memory.PINNED:
        rules.broken(path, f"`pinned` memory is not supported for {what}, must be `cold` or `cached`")


def check_whole(wire: msgspec.Struct, *names: str) -> None:
    """Negative numbers do not parse, as the reference's are unsigned, nor those beyond 63 bits."""
    for name in names:
        value = getattr(wire, name)
        if isinstance(value, int) and not 0 <= value <= WHOLE_MAX:
            raise BadFormat(f"{name}: invalid value: integer `{value}`, expected a whole number from 0 to {WHOLE_MAX}")


def last_word(given: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """Unset the newer word for a setting where only the older one is given, which would change nothing otherwise."""
    return {**given, new: None} if old in given and new not in given else given


def _given(wire: msgspec.Struct, aliases: dict[str, str], model: type[Any]) -> dict[str, Any]:
    """Return what is not null, under its present name."""
    names = [name for name in wire.__struct_fields__ if name in model.model_fields or name in aliases]
    check_whole(wire, *names)
    return {aliases.get(name, name): getattr(wire, name) for name in names if getattr(wire, name) is not None}
