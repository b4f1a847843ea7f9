"""Create and PATCH bodies that are refused: statuses and texts as envelope.md has them, and what is not built by name."""

# ruff: noqa: E501  # one refusal a line reads as a table

from typing import Any

import pytest

from tests.unit.api.api_under_test import Api

FORMAT = "Format error in JSON body: "
RULES = "Validation error in JSON body: ["
UNBUILT = "Bad request: not supported yet by Shoal: "
V = {"size": 4, "distance": "Dot"}

CREATE: list[tuple[Any, int, str]] = [
    ({"vectors": {**V, "memory": "pinned"}}, 422, f"{RULES}vectors.memory: `pinned` memory is not supported for dense vector storage"),
    ({"vectors": {**V, "memory": "warm"}}, 400, f"{FORMAT}vectors: Invalid enum value 'warm'"),
    ({"vectors": {**V, "datatype": "turbo4"}}, 400, f"{UNBUILT}`vectors.datatype`: turbo4"),
    ({"vectors": {**V, "datatype": "float8"}}, 400, f"{FORMAT}vectors.datatype: unknown variant `float8`"),
    ({"vectors": {**V, "multivector_config": {"comparator": "min_sim"}}}, 400, f"{FORMAT}vectors: Invalid enum value 'min_sim'"),
    ({"vectors": {**V, "multivector_config": {}}}, 400, f"{FORMAT}vectors: Object missing required field `comparator`"),
    ({"vectors": {"a": {**V, "hnsw_config": {"ef_construct": 3}}}}, 422, f"{RULES}vectors.a.hnsw_config.ef_construct: value 3 invalid, must be 4 or larger]"),
    ({"vectors": {"a": {**V, "hnsw_config": {"m": -1}}}}, 400, f"{FORMAT}m: invalid value: integer `-1`"),
    ({"vectors": {"a/b": V}}, 422, f'{RULES}vectors: vector name "a/b" cannot contain "/" char]'),
    ({"vectors": {"a" * 201: V}}, 422, f"{RULES}vectors: vector name is 201 bytes long"),
    ({"sparse_vectors": {f"{n}": {} for n in range(1025)}}, 422, f"{RULES}sparse_vectors: 1025 vectors are too many, at most 1024 are taken]"),
    ({"sparse_vectors": {"": {}}}, 400, "Wrong input: Sparse vector name cannot be empty"),
    ({"vectors": {"a": V}, "sparse_vectors": {"a": {}}}, 400, "Wrong input: Dense and sparse vector names must be unique - duplicate found with 'a'"),
    ({"sparse_vectors": {"a": {"modifier": "bm25"}}}, 400, f"{FORMAT}sparse_vectors.a: Invalid enum value 'bm25'"),
    ({"sparse_vectors": {"a": {"index": {"datatype": "turbo4"}}}}, 422, f"{RULES}sparse_vectors.a.index.datatype: sparse vectors do not support `turbo4`]"),
    ({"sparse_vectors": {"a:b": {}}}, 422, f'{RULES}sparse_vectors: vector name "a:b" cannot contain ":" char]'),
    ({"id_tracker": {"memory": "cold"}}, 400, f"{UNBUILT}`id_tracker`"),
    ({"sharding_method": "custom"}, 400, f"{UNBUILT}`sharding_method` other than auto"),
    ({"replication_factor": 0}, 422, f"{RULES}replication_factor: value 0 invalid, must be 1 or larger]"),
    ({"write_consistency_factor": 0}, 422, f"{RULES}write_consistency_factor: value 0 invalid"),
    ({"payload": {"memory": "pinned"}}, 422, f"{RULES}payload.memory: `pinned` memory is not supported for payload storage"),
    ({"hnsw_config": {"full_scan_threshold": 9}}, 422, f"{RULES}hnsw_config.full_scan_threshold: value 9 invalid, must be 10 or larger]"),
    ({"hnsw_config": {"inline_storage": True}}, 400, f"{UNBUILT}`hnsw_config.inline_storage`"),
    ({"optimizers_config": {"prevent_unoptimized": True}}, 400, f"{UNBUILT}`optimizers_config.prevent_unoptimized`"),
    ({"optimizers_config": {"deleted_threshold": 1.5}}, 422, f"{RULES}optimizers_config.deleted_threshold: value 1.5 invalid, must be from 0.0 to 1.0]"),
    ({"optimizers_config": {"vacuum_min_vector_number": 99, "max_segment_size": 0}}, 422, f"{RULES}optimizers_config.vacuum_min_vector_number: value 99 invalid, must be 100 or larger; optimizers_config.max_segment_size: value 0 invalid, must be 1 or larger]"),
    ({"optimizers_config": {"max_optimization_threads": "all"}}, 400, f"{FORMAT}Invalid enum value 'all'"),
    ({"wal_config": {"wal_capacity_mb": 0}}, 422, f"{RULES}wal_config.wal_capacity_mb: value 0 invalid, must be 1 or larger]"),
    ({"wal_config": {"wal_retain_closed": 0}}, 422, f"{RULES}wal_config.wal_retain_closed: value 0 invalid, must be 1 or larger]"),
    ({"quantization_config": {"scalar": {"type": "int4"}}}, 400, f"{FORMAT}quantization_config.scalar: Invalid enum value 'int4'"),
    ({"quantization_config": {"scalar": {"type": "int8", "quantile": 0.4}}}, 422, f"{RULES}quantization_config.scalar.quantile: value 0.4 invalid, must be from 0.5 to 1.0]"),
    ({"quantization_config": {"product": {"compression": "x3"}}}, 400, f"{FORMAT}quantization_config.product: Invalid enum value 'x3'"),
    ({"quantization_config": {"binary": {"encoding": "three_bits"}}}, 400, f"{FORMAT}quantization_config.binary: Invalid enum value"),
    ({"quantization_config": {"turbo": {}}}, 400, f"{UNBUILT}`quantization_config.turbo`"),
    ({"quantization_config": {}}, 400, f"{FORMAT}quantization_config: expected an object with exactly one of scalar, product, binary, got {{}}"),
    ({"quantization_config": {"binary": {}, "product": {"compression": "x4"}}}, 400, f"{FORMAT}quantization_config: expected an object with exactly one"),
    ({"quantization_config": "Disabled"}, 400, f"{FORMAT}quantization_config: expected an object with exactly one"),
    ({"strict_mode_config": {"max_query_limit": 0}}, 422, f"{RULES}strict_mode_config.max_query_limit: value 0 invalid, must be 1 or larger]"),
    ({"strict_mode_config": {"max_resident_memory_percent": 101}}, 422, f"{RULES}strict_mode_config.max_resident_memory_percent: value 101 invalid, must be from 1 to 100]"),
    ({"strict_mode_config": {"multivector_config": {"a": {"max_vectors": 0}}}}, 422, f"{RULES}strict_mode_config.multivector_config.a.max_vectors: value 0 invalid"),
    ({"strict_mode_config": {"sparse_config": {"a": {"max_length": 0}}}}, 422, f"{RULES}strict_mode_config.sparse_config.a.max_length: value 0 invalid"),
    ({"metadata": [1]}, 400, f"{FORMAT}Expected `object | null`, got `array` - at `$.metadata`"),
]  # fmt: skip

PATCH: list[tuple[Any, int, str]] = [
    ({"optimisers_config": {}}, 400, f"{FORMAT}Object contains unknown field `optimisers_config`"),
    ({"optimizers_config": {"indexing_treshold": 1}}, 400, f"{FORMAT}Object contains unknown field `indexing_treshold` - at `$.optimizers_config`"),
    ({"hnsw_config": {"mm": 1}}, 400, f"{FORMAT}Object contains unknown field `mm` - at `$.hnsw_config`"),
    ({"params": {"shard_number": 2}}, 400, f"{FORMAT}Object contains unknown field `shard_number` - at `$.params`"),
    ({"vectors": {"": {"size": 8}}}, 400, f"{FORMAT}vectors.'': Object contains unknown field `size`"),
    ({"vectors": {"": {"hnsw_config": {"mm": 8}}}}, 400, f"{FORMAT}vectors.''.hnsw_config: Object contains unknown field `mm`"),
    ({"vectors": {"on_disk": True}}, 400, f"{FORMAT}vectors.on_disk: Expected `object`, got `bool`"),
    ({"vectors": {"no": {"on_disk": True}}}, 400, "Wrong input: Not existing vector name error: no"),
    ({"vectors": {"": {"memory": "pinned"}}}, 422, f"{RULES}vectors.''.memory: `pinned` memory is not supported"),
    ({"sparse_vectors": {"no": {"modifier": "idf"}}}, 400, "Wrong input: Not existing vector name error: no"),
    ({"sparse_vectors": {"no": {"modfier": "idf"}}}, 400, f"{FORMAT}sparse_vectors.no: Object contains unknown field `modfier`"),
    ({"quantization_config": "disabled"}, 400, f"{FORMAT}quantization_config: unknown variant `disabled`, expected an object or `Disabled`"),
    ({"quantization_config": {"scalar": {"type": "int8", "quantil": 1}}}, 400, f"{FORMAT}quantization_config.scalar: Object contains unknown field `quantil`"),
    ({"quantization_config": {"scalar": {"type": "int8"}, "scaler": {}}}, 400, f"{FORMAT}quantization_config: expected an object with exactly one"),
    ({"vectors": {"": {"quantization_config": {"turbo": {}}}}}, 400, f"{UNBUILT}`vectors.''.quantization_config.turbo`"),
    ({"hnsw_config": {"ef_construct": 1}}, 422, f"{RULES}hnsw_config.ef_construct: value 1 invalid, must be 4 or larger]"),
    ({"hnsw_config": {"inline_storage": True}}, 400, f"{UNBUILT}`hnsw_config.inline_storage`"),
    ({"optimizers_config": {"prevent_unoptimized": True}}, 400, f"{UNBUILT}`optimizers_config.prevent_unoptimized`"),
    ({"params": {"id_tracker": {"memory": "cold"}}}, 400, f"{UNBUILT}`params.id_tracker`"),
    ({"params": {"replication_factor": 0}}, 422, f"{RULES}params.replication_factor: value 0 invalid, must be 1 or larger]"),
    ({"params": {"read_fan_out_factor": -1}}, 400, f"{FORMAT}read_fan_out_factor: invalid value: integer `-1`"),
    ({"params": {"payload": {"memory": "pinned"}}}, 422, f"{RULES}params.payload.memory: `pinned` memory is not supported"),
    ({"strict_mode_config": {"max_querry_limit": 1}}, 400, f"{FORMAT}Object contains unknown field `max_querry_limit` - at `$.strict_mode_config`"),
    ({"rename": "b", "metadata": {"a": 1}}, 400, "Bad request: `rename` stands alone"),
    ({"rename": ""}, 422, f'{RULES}rename: value "" invalid, must be from 1 to 255 characters]'),
    ({"rename": "a/b"}, 422, f'{RULES}rename: collection name cannot contain "/" char]'),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "text"), CREATE)
async def test_create_body_is_refused_and_nothing_is_created(api: Api, body: Any, status: int, text: str) -> None:
    found_status, found_text = await api.error("PUT", "/collections/fresh", body)

    assert (found_status, found_text[: len(text)]) == (status, text)
    assert await api.ok("GET", "/collections/fresh/exists") == {"exists": False}


@pytest.mark.parametrize(("body", "status", "text"), PATCH)
async def test_patch_body_is_refused_and_nothing_is_changed(planes: Api, body: Any, status: int, text: str) -> None:
    before = await planes.ok("GET", "/collections/planes")

    found_status, found_text = await planes.error("PATCH", "/collections/planes", body)

    assert (found_status, found_text[: len(text)]) == (status, text)
    assert await planes.ok("GET", "/collections/planes") == before


async def test_body_of_the_guide_with_a_trailing_comma_is_refused_and_taken_without_it(planes: Api) -> None:
    printed = b'{"vectors": {"": {"on_disk": true}},}'

    refused, answer = await planes.call("PATCH", "/collections/planes", raw=printed)
    taken, _ = await planes.call("PATCH", "/collections/planes", raw=printed.replace(b",}", b"}"))

    assert (refused, answer["status"]["error"][: len(FORMAT)]) == (400, FORMAT)
    assert taken == 200


async def test_metadata_that_readers_could_not_read_is_refused(planes: Api) -> None:
    deep: Any = {}
    for _ in range(200):
        deep = {"a": deep}

    status, text = await planes.error("PATCH", "/collections/planes", {"metadata": deep})

    assert (status, text) == (400, f"{FORMAT}recursion limit exceeded: a payload nests deeper than 128")
