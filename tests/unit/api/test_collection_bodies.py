"""Properties of create and PATCH bodies: what the info shows can be sent again, PATCHes merge as plain dictionaries do,
and a body that is right but for one value is refused or leaves a config that every process can read.
"""

import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.api.described_config import describe_config
from services.api.validate.collection_changes import ConfigChange, parse_change
from services.api.validate.collections import parse_create
from services.api.validate.vector_names import parse_vector_name
from shared.errors import Rejected
from shared.schema.collections import CollectionConfig, CollectionRecord

FULL: dict[str, Any] = {
    "vectors": {
        "dense": {
            "size": 4,
            "distance": "Cosine",
            "datatype": "float16",
            "hnsw_config": {"m": 8, "ef_construct": 50, "full_scan_threshold": 20, "on_disk": True, "memory": "cold"},
            "quantization_config": {"scalar": {"type": "int8", "quantile": 0.9, "always_ram": True}},
            "on_disk": True,
            "memory": "cached",
        },
        "multi": {"size": 2, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}},
    },
    "sparse_vectors": {
        "sparse": {
            "modifier": "idf",
            "index": {"full_scan_threshold": 7, "on_disk": True, "memory": "pinned", "datatype": "uint8"},
        }
    },
    "shard_number": 2,
    "replication_factor": 2,
    "write_consistency_factor": 2,
    "on_disk_payload": False,
    "payload": {"memory": "cold"},
    "hnsw_config": {"m": 0, "payload_m": 4, "max_indexing_threads": 2, "memory": "pinned"},
    "wal_config": {"wal_capacity_mb": 2, "wal_segments_ahead": 3, "wal_retain_closed": 2},
    "optimizers_config": {
        "deleted_threshold": 0.3,
        "vacuum_min_vector_number": 100,
        "default_segment_number": 3,
        "max_segment_size": 9,
        "memmap_threshold": 8,
        "indexing_threshold": 0,
        "flush_interval_sec": 1,
        "max_optimization_threads": "auto",
    },
    "quantization_config": {"binary": {"encoding": "two_bits", "query_encoding": "scalar4bits", "memory": "cold"}},
    "strict_mode_config": {
        "enabled": True,
        "max_query_limit": 1,
        "search_max_oversampling": 1.5,
        "multivector_config": {"multi": {"max_vectors": 3}},
        "sparse_config": {"sparse": {"max_length": 3}},
        "max_resident_memory_percent": 90,
    },
    "metadata": {"a": {"b": [1, None]}},
}
FULL_CHANGE: dict[str, Any] = {
    "vectors": {
        "dense": {
            "hnsw_config": {"m": 9, "on_disk": False},
            "quantization_config": {"product": {"compression": "x8", "always_ram": False}},
            "on_disk": False,
            "memory": "cold",
        }
    },
    "sparse_vectors": {"sparse": {"modifier": "none", "index": {"full_scan_threshold": 3, "on_disk": False}}},
    "params": {
        "replication_factor": 1,
        "read_fan_out_factor": 1,
        "on_disk_payload": True,
        "payload": {"memory": "cached"},
    },
    "hnsw_config": {"m": 5, "payload_m": 6},
    "optimizers_config": {"indexing_threshold": 4, "max_optimization_threads": 0},
    "quantization_config": "Disabled",
    "strict_mode_config": {"max_timeout": 3},
    "metadata": {"a": None, "c": 1},
}
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 3, 65537, 2**31, 2**63, 2**64, 10**30, 0.5, -0.5, 1e308, "", "a", "Dot", "auto",
    "Disabled", "pinned", "turbo4", "\u0000", [], {}, [1], [{}], {"": 1}, {"scalar": {}}, {"a": {"b": {}}},
    {"size": 2, "distance": "Dot"},
]  # fmt: skip
KEYS = ["", "m", "size", "memory", "scalar", "turbo", "a/b", "x" * 300, "\u0000"]


def created(body: dict[str, Any]) -> CollectionConfig:
    return parse_create(json.dumps(body).encode())


def changed(config: CollectionConfig, body: dict[str, Any]) -> CollectionConfig:
    change = parse_change(json.dumps(body).encode())
    assert isinstance(change, ConfigChange)
    return change.applied_to(config)


def as_body(config: CollectionConfig) -> dict[str, Any]:
    """Return what the info shows of a config as a create body."""
    shown = describe_config(config)
    params = shown.pop("params")
    return {**params, **shown}


def mutated(source: random.Random, value: Any) -> Any:
    """Return a body in which one value, or one key, is another."""
    if not isinstance(value, dict) or not value or source.random() < 0.1:
        return source.choice(VALUES)
    key = source.choice(list(value))
    if source.random() < 0.15:
        return {**value, source.choice(KEYS): source.choice(VALUES)}
    return {**value, key: mutated(source, value[key])}


def test_what_the_info_shows_can_be_sent_again() -> None:
    config = created(FULL)

    again = created(as_body(config))

    assert again == config


def test_config_goes_through_the_catalog_and_back() -> None:
    record = CollectionRecord(uuid="u", name="n", config=changed(created(FULL), FULL_CHANGE))

    assert CollectionRecord.model_validate_json(record.model_dump_json()) == record


def test_body_with_one_wrong_value_is_refused_or_leaves_a_config_that_can_be_read() -> None:
    source = random.Random(7)
    taken = 0
    for _ in range(2000):
        body = mutated(source, FULL)
        try:
            config = parse_create(json.dumps(body).encode())
        except Rejected:
            continue
        taken += 1
        assert CollectionConfig.model_validate_json(config.model_dump_json()) == config, body
        assert created(as_body(config)) == config, body

    assert taken > 200


def test_change_with_one_wrong_value_is_refused_or_leaves_a_config_that_can_be_read() -> None:
    source = random.Random(8)
    before, taken = created(FULL), 0
    for _ in range(2000):
        body = mutated(source, FULL_CHANGE)
        try:
            change = parse_change(json.dumps(body).encode())
            config = change.applied_to(before) if isinstance(change, ConfigChange) else before
        except Rejected:
            continue
        taken += 1
        assert CollectionConfig.model_validate_json(config.model_dump_json()) == config, body

    assert taken > 200


def test_vector_name_with_one_wrong_value_is_refused_or_leaves_a_slot_that_can_be_read() -> None:
    source = random.Random(9)
    full = {
        "dense": {"size": 4, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}, "datatype": "uint8"}
    }
    taken = 0
    for _ in range(1000):
        body = mutated(source, source.choice([full, {"sparse": {"modifier": "idf", "datatype": "float16"}}]))
        try:
            params = parse_vector_name("new", json.dumps(body).encode())
        except Rejected:
            continue
        taken += 1
        assert type(params).model_validate_json(params.model_dump_json()) == params

    assert taken > 20


ONE_HNSW = st.fixed_dictionaries(
    {},
    optional={
        "m": st.none() | st.integers(0, 64),
        "ef_construct": st.none() | st.integers(4, 200),
        "payload_m": st.none() | st.integers(0, 8),
    },
)
ONE_CHANGE = st.fixed_dictionaries(
    {},
    optional={
        "hnsw_config": st.none() | ONE_HNSW,
        "optimizers_config": st.none()
        | st.fixed_dictionaries({}, optional={"indexing_threshold": st.none() | st.integers(0, 9)}),
        "vectors": st.none()
        | st.dictionaries(
            st.sampled_from(["dense", "multi"]),
            st.fixed_dictionaries({}, optional={"on_disk": st.none() | st.booleans()}),
        ),
        "metadata": st.none() | st.dictionaries(st.sampled_from("abc"), st.none() | st.integers(0, 3)),
        "strict_mode_config": st.none()
        | st.fixed_dictionaries({}, optional={"max_timeout": st.none() | st.integers(1, 9)}),
    },
)


def merge(into: dict[str, Any], changes: dict[str, Any] | None) -> None:
    """The plain meaning of a PATCH: null leaves a value as it is."""
    for name, value in (changes or {}).items():
        if isinstance(value, dict):
            merge(into.setdefault(name, {}), value)
        elif value is not None:
            into[name] = value


@settings(max_examples=150, deadline=None)
@given(st.lists(ONE_CHANGE, max_size=6))
def test_changes_merge_as_plain_dictionaries_do(changes: list[dict[str, Any]]) -> None:
    slot = {"size": 2, "distance": "Dot"}
    config = created({"vectors": {"dense": slot, "multi": slot}, "metadata": {"a": 0}})
    model = describe_config(config)
    for change in changes:
        config = changed(config, change)

        metadata = change.get("metadata") or {}
        model["metadata"] = {
            key: value for key, value in {**model["metadata"], **metadata}.items() if value is not None
        }
        merge(model["hnsw_config"], change.get("hnsw_config"))
        merge(model["optimizer_config"], change.get("optimizers_config"))
        merge(model["params"]["vectors"], change.get("vectors"))
        if change.get("strict_mode_config") is not None:
            merge(model.setdefault("strict_mode_config", {}), change["strict_mode_config"])

    assert describe_config(config) == model
