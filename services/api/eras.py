"""The two shapes of answers: today's, and that of the clients of the guide's time. The only module that knows both.

The models of the official Python clients 1.6 and 1.7 refuse fields that they do not know, and demand some that today's
reference has dropped: `vectors_count`, `operation_id`, a whole `max_optimization_threads`. Handlers give all that
either era shows; a shape here keeps what the client's era knows.

Which era (setting `compat`, by default `auto`), by User-Agent:

    python-client/1.8… and newer, qdrant-js/1.8… and newer   today's
    python-httpx/…   Python clients before 1.13 name only their HTTP library   1.7
    qdrant-js        clients in JavaScript before 1.13 name no version         1.7
    anything else: browsers, curl, other software            today's
"""

import re
from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from typing import Any


class Era(StrEnum):
    """Which shape an answer has."""

    CURRENT = "current"
    V1_7 = "1.7"


Shape = Callable[[Era, Any], Any]
"""Takes what a handler gave, gives what clients of an era expect."""

Fields = dict[str, Any]

_NAMED = re.compile(r"(?:[a-z]+-client|qdrant-js)/(\d{1,6})\.(\d{1,6})")
_NAMELESS = re.compile(r"python-httpx/|qdrant-js(?![\w/-])")
_FIRST_OF_TODAY = (1, 8)

_STATUSES = {"grey": "yellow"}
"""Statuses that were not known then: work waits for something."""
_UPDATE_STATUSES = {"wait_timeout": "acknowledged"}
"""As above: the write is logged and will be applied."""
_HNSW = ("m", "ef_construct", "full_scan_threshold", "max_indexing_threads", "on_disk", "payload_m")
_OPTIMIZERS = (
    "deleted_threshold",
    "vacuum_min_vector_number",
    "default_segment_number",
    "max_segment_size",
    "memmap_threshold",
    "indexing_threshold",
    "flush_interval_sec",
    "max_optimization_threads",
)
_PARAMS = (
    "shard_number",
    "sharding_method",
    "replication_factor",
    "write_consistency_factor",
    "read_fan_out_factor",
    "on_disk_payload",
)
_VECTOR = ("size", "distance", "on_disk")
_QUANTIZATION = {
    "scalar": ("type", "quantile", "always_ram"),
    "product": ("compression", "always_ram"),
    "binary": ("always_ram",),
}
_SCHEMA_TYPES = {kind: kind for kind in ("keyword", "integer", "float", "geo", "text", "bool")} | {"uuid": "keyword"}
_TEXT_PARAMS = ("type", "tokenizer", "min_token_len", "max_token_len", "lowercase")


def era_of(user_agent: str, compat: str) -> Era:
    """Return the era of a client; `compat` is auto, or the one era that all clients get."""
    return Era(compat) if compat != "auto" else _era_named(user_agent)


@lru_cache(maxsize=256)
def _era_named(user_agent: str) -> Era:
    named = _NAMED.match(user_agent)
    if named is not None:
        return Era.CURRENT if (int(named[1]), int(named[2])) >= _FIRST_OF_TODAY else Era.V1_7
    return Era.V1_7 if _NAMELESS.match(user_agent) else Era.CURRENT


def update_result(era: Era, result: Fields) -> Fields:
    """Return the result of a write to points. An id is demanded then even where nothing was logged."""
    if era is Era.CURRENT:
        return result
    status = result["status"]
    return {"operation_id": result.get("operation_id", 0), "status": _UPDATE_STATUSES.get(status, status)}


def update_results(era: Era, results: list[Fields]) -> list[Fields]:
    """Return the results of several writes to points."""
    return [update_result(era, result) for result in results]


def collection_info(era: Era, info: Fields) -> Fields:
    """Return the description of a collection."""
    if era is Era.CURRENT:
        return {name: value for name, value in info.items() if name != "vectors_count"}
    config = info["config"]
    optimizers = _only(config["optimizer_config"], _OPTIMIZERS)
    if optimizers.get("max_optimization_threads") is None:
        optimizers["max_optimization_threads"] = 1
    counts = ("vectors_count", "indexed_vectors_count", "points_count", "segments_count")
    return {
        "status": _STATUSES.get(info["status"], info["status"]),
        "optimizer_status": info["optimizer_status"],
        **{name: info[name] for name in counts},
        "config": {
            "params": _params(config["params"]),
            "hnsw_config": _only(config["hnsw_config"], _HNSW),
            "optimizer_config": optimizers,
            "wal_config": _only(config["wal_config"], ("wal_capacity_mb", "wal_segments_ahead")),
            "quantization_config": _quantization(config.get("quantization_config")),
        },
        "payload_schema": _payload_schema(info["payload_schema"]),
    }


def _params(params: Fields) -> Fields:
    shown = _only(params, _PARAMS)
    vectors = params.get("vectors") or {}
    is_single = not isinstance(vectors.get("size", {}), dict)
    shown["vectors"] = _vector(vectors) if is_single else {name: _vector(each) for name, each in vectors.items()}
    if params.get("sparse_vectors"):
        shown["sparse_vectors"] = {name: _sparse(each) for name, each in params["sparse_vectors"].items()}
    return shown


def _vector(params: Fields) -> Fields:
    shown = _only(params, _VECTOR)
    if params.get("hnsw_config") is not None:
        shown["hnsw_config"] = _only(params["hnsw_config"], _HNSW)
    if params.get("quantization_config") is not None:
        shown["quantization_config"] = _quantization(params["quantization_config"])
    return shown


def _sparse(params: Fields) -> Fields:
    index = params.get("index")
    return {} if index is None else {"index": _only(index, ("full_scan_threshold", "on_disk"))}


def _quantization(config: Fields | None) -> Fields | None:
    """Return the config of a kind that was known then, else None."""
    for kind, known in _QUANTIZATION.items():
        if config is not None and kind in config:
            return {kind: _only(config[kind], known)}
    return None


def _payload_schema(schema: Fields) -> Fields:
    """Return the indexes of types that were known then; a UUID is a keyword to such a client."""
    shown = {}
    for path, index in schema.items():
        kind = _SCHEMA_TYPES.get(index["data_type"])
        if kind is None:
            continue
        shown[path] = {"data_type": kind, "points": index["points"]}
        if kind == "text" and index.get("params"):
            shown[path]["params"] = _only(index["params"], _TEXT_PARAMS)
    return shown


def _only(given: Fields, names: tuple[str, ...]) -> Fields:
    """Return the fields of these names that are there."""
    return {name: given[name] for name in names if name in given}
