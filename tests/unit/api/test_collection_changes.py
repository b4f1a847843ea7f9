"""Create, PATCH, rename and vector names over HTTP: what is given is what is shown, and everything else stays."""

from typing import Any

import pytest

from shared.coordination.catalog import AliasChange, Catalog
from tests.unit.api.api_under_test import Api

V = {"size": 4, "distance": "Dot"}


async def config_of(api: Api, name: str) -> dict[str, Any]:
    config: dict[str, Any] = (await api.ok("GET", f"/collections/{name}"))["config"]
    return config


async def created(api: Api, body: dict[str, Any]) -> dict[str, Any]:
    assert await api.ok("PUT", "/collections/c", body) is True
    return await config_of(api, "c")


async def generation_of(api: Api, name: str) -> int:
    record = (await Catalog(api.redis).load()).resolve(name)
    assert record is not None
    return record.generation


SHOWN_AS_GIVEN: list[dict[str, Any]] = [
    {"vectors": {**V, "datatype": "float16", "on_disk": True}},
    {"vectors": {**V, "memory": "cold", "multivector_config": {"comparator": "max_sim"}}},
    {"vectors": {"a": V, "b": {**V, "size": 7, "datatype": "uint8"}}},
    {"vectors": {"a": {**V, "hnsw_config": {"m": 0, "payload_m": 8, "on_disk": True}}}},
    {"vectors": {"a": {**V, "quantization_config": {"product": {"compression": "x32", "always_ram": True}}}}},
    {"vectors": {}},
    {"vectors": {}, "sparse_vectors": {"s": {}}},
    {"vectors": {"a": V}, "sparse_vectors": {"s": {"modifier": "idf", "index": {"full_scan_threshold": 9}}}},
    {"vectors": {}, "sparse_vectors": {"s": {"index": {"on_disk": True, "memory": "pinned", "datatype": "float16"}}}},
    {"vectors": V, "shard_number": 3, "on_disk_payload": False},
    {"vectors": V, "payload": {"memory": "cached"}},
]


@pytest.mark.parametrize("body", SHOWN_AS_GIVEN)
async def test_params_are_shown_as_they_were_given_and_nothing_else_is(api: Api, body: dict[str, Any]) -> None:
    always = {"shard_number": 1, "replication_factor": 1, "write_consistency_factor": 1, "on_disk_payload": True}

    params = (await created(api, body))["params"]

    assert params == {**always, **body}


@pytest.mark.parametrize(
    "quantization",
    [
        {"scalar": {"type": "int8"}},
        {"scalar": {"type": "int8", "quantile": 0.8, "always_ram": False}},
        {"product": {"compression": "x64", "memory": "pinned"}},
        {"binary": {}},
        {"binary": {"encoding": "two_bits", "query_encoding": "scalar8bits", "memory": "cold"}},
    ],
)
async def test_quantization_is_shown_as_it_was_given(api: Api, quantization: dict[str, Any]) -> None:
    config = await created(api, {"vectors": V, "quantization_config": quantization})

    assert config["quantization_config"] == quantization


async def test_collection_of_the_guide_takes_every_kind_of_option_together(api: Api) -> None:
    body = {
        "vectors": {"image": V, "text": {**V, "size": 8, "distance": "Cosine"}},
        "hnsw_config": {"m": 8, "full_scan_threshold": 20, "max_indexing_threads": 2, "memory": "cold"},
        "wal_config": {"wal_capacity_mb": 1, "wal_segments_ahead": 2},
        "optimizers_config": {"memmap_threshold_kb": 7, "max_segment_size_kb": 8, "max_optimization_threads": "auto"},
        "strict_mode_config": {"enabled": True, "max_query_limit": 5, "sparse_config": {"s": {"max_length": 3}}},
        "metadata": {"owner": {"name": "Ada"}, "n": 2**80},
    }

    config = await created(api, body)

    assert config["hnsw_config"] == {
        "m": 8,
        "ef_construct": 100,
        "full_scan_threshold": 20,
        "max_indexing_threads": 2,
        "on_disk": False,
        "memory": "cold",
    }
    assert config["wal_config"] == {"wal_capacity_mb": 1, "wal_segments_ahead": 2, "wal_retain_closed": 1}
    optimizer = config["optimizer_config"]
    assert (optimizer["memmap_threshold"], optimizer["max_segment_size"]) == (7, 8)
    assert optimizer["max_optimization_threads"] is None
    assert config["strict_mode_config"] == body["strict_mode_config"]
    assert config["metadata"] == {"owner": {"name": "Ada"}, "n": float(2**80)}


async def test_keys_that_the_reference_does_not_know_are_ignored_on_create(api: Api) -> None:
    config = await created(api, {"vectors": V, "colour": "green"})

    assert "colour" not in config


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"replication_factor": 2}, "replication_factor is 2, but each shard has one replica"),
        ({"write_consistency_factor": 3}, "write_consistency_factor is 3, but a write is applied by one replica"),
        ({"hnsw_config": {"payload_m": 8}}, "payload_m waits for an indexed keyword"),
        (
            {"vectors": {"pages": {**V, "multivector_config": {"comparator": "max_sim"}, "hnsw_config": {"m": 8}}}},
            "multivectors of 'pages' are searched exactly for now",
        ),
    ],
)
async def test_what_waits_for_other_parts_is_stored_and_warned_of(api: Api, option: dict[str, Any], told: str) -> None:
    await api.ok("PUT", "/collections/c", {"vectors": V, **option})
    header = api.headers["X-Shoal-Warning"]
    info = await api.ok("GET", "/collections/c")

    assert info["warnings"] == [{"message": header}]
    assert header.startswith(told)


async def test_a_patch_that_asks_for_replicas_is_warned_of_and_one_that_does_not_is_not(planes: Api) -> None:
    planes.shards.config_generation = 9
    await planes.ok("PATCH", "/collections/planes", {"params": {"read_fan_out_factor": 1}})
    warned = planes.headers.get("X-Shoal-Warning", "")
    await planes.ok("PATCH", "/collections/planes", {"params": {"read_fan_out_factor": 0}})

    assert warned.startswith("read_fan_out_factor and read_fan_out_delay_ms wait for replicas")
    assert "X-Shoal-Warning" not in planes.headers
    assert "warnings" not in await planes.ok("GET", "/collections/planes")


async def test_patch_of_the_guide_changes_a_vector_and_the_collection(api: Api) -> None:
    await created(api, {"vectors": {"my_vector": {**V, "hnsw_config": {"payload_m": 3}}, "other": V}})
    product = {"product": {"compression": "x32", "always_ram": True}}
    scalar = {"scalar": {"type": "int8", "quantile": 0.8, "always_ram": False}}

    await api.ok(
        "PATCH",
        "/collections/c",
        {
            "vectors": {
                "my_vector": {
                    "hnsw_config": {"m": 32, "ef_construct": 123},
                    "quantization_config": product,
                    "on_disk": True,
                }
            },
            "hnsw_config": {"ef_construct": 123},
            "quantization_config": scalar,
        },
    )

    config = await config_of(api, "c")
    assert config["params"]["vectors"] == {
        "my_vector": {
            **V,
            "hnsw_config": {"m": 32, "ef_construct": 123, "payload_m": 3},
            "quantization_config": product,
            "on_disk": True,
        },
        "other": V,
    }
    assert (config["hnsw_config"]["m"], config["hnsw_config"]["ef_construct"]) == (16, 123)
    assert config["quantization_config"] == scalar


async def test_empty_name_is_the_unnamed_vector(planes: Api) -> None:
    await planes.ok("PATCH", "/collections/planes", {"vectors": {"": {"on_disk": True}}})

    assert (await config_of(planes, "planes"))["params"]["vectors"] == {"size": 2, "distance": "Dot", "on_disk": True}


async def test_disabled_removes_quantization_of_the_collection_and_of_a_vector(api: Api) -> None:
    scalar = {"scalar": {"type": "int8"}}
    await created(api, {"vectors": {"a": {**V, "quantization_config": scalar}}, "quantization_config": scalar})

    await api.ok("PATCH", "/collections/c", {"quantization_config": "Disabled"})
    await api.ok("PATCH", "/collections/c", {"vectors": {"a": {"quantization_config": "Disabled"}}})

    config = await config_of(api, "c")
    assert config["quantization_config"] is None
    assert config["params"]["vectors"] == {"a": V}


async def test_empty_graph_config_of_a_vector_gives_it_the_collection_s(api: Api) -> None:
    await created(api, {"vectors": {"a": {**V, "hnsw_config": {"m": 4}}}})

    await api.ok("PATCH", "/collections/c", {"vectors": {"a": {"hnsw_config": {"m": None}}}})
    kept = await config_of(api, "c")
    await api.ok("PATCH", "/collections/c", {"vectors": {"a": {"hnsw_config": {}}}})

    assert kept["params"]["vectors"] == {"a": {**V, "hnsw_config": {"m": 4}}}
    assert (await config_of(api, "c"))["params"]["vectors"] == {"a": V}


async def test_of_two_words_for_placement_the_one_given_last_counts(api: Api) -> None:
    await created(api, {"vectors": {"a": {**V, "memory": "cold"}}, "payload": {"memory": "cached"}})

    await api.ok("PATCH", "/collections/c", {"vectors": {"a": {"on_disk": False}}})
    await api.ok("PATCH", "/collections/c", {"params": {"on_disk_payload": True}})

    record = (await Catalog(api.redis).load()).resolve("c")
    assert record is not None
    assert not record.config.vectors["a"].is_on_disk
    assert record.config.is_payload_on_disk


async def test_patch_of_sparse_vectors_params_and_strict_mode_merges(api: Api) -> None:
    await created(
        api,
        {
            "sparse_vectors": {"s": {"index": {"full_scan_threshold": 9, "datatype": "float16"}}},
            "strict_mode_config": {"enabled": True, "max_timeout": 9},
        },
    )

    await api.ok(
        "PATCH",
        "/collections/c",
        {
            "sparse_vectors": {"s": {"modifier": "idf", "index": {"on_disk": True}}},
            "params": {"read_fan_out_factor": 2, "read_fan_out_delay_ms": 5, "write_consistency_factor": 2},
            "strict_mode_config": {"enabled": False},
        },
    )

    config = await config_of(api, "c")
    index = {"full_scan_threshold": 9, "datatype": "float16", "on_disk": True}
    assert config["params"]["sparse_vectors"] == {"s": {"modifier": "idf", "index": index}}
    assert config["params"]["read_fan_out_factor"] == 2
    assert config["params"]["read_fan_out_delay_ms"] == 5
    assert config["strict_mode_config"] == {"enabled": False, "max_timeout": 9}


async def test_datatype_of_a_sparse_vector_stays(api: Api) -> None:
    await created(api, {"sparse_vectors": {"s": {}}})

    refused = await api.error("PATCH", "/collections/c", {"sparse_vectors": {"s": {"index": {"datatype": "uint8"}}}})

    assert refused[0] == 400
    assert "the datatype of sparse vector `s` cannot be changed" in refused[1]


async def test_metadata_merges_key_by_key_and_null_deletes_a_key(api: Api) -> None:
    await created(api, {"vectors": {}, "metadata": {"a": 1, "b": {"c": 2}}})

    await api.ok("PATCH", "/collections/c", {"metadata": {"a": None, "b": {"d": 3}, "e": [None]}})

    assert (await config_of(api, "c"))["metadata"] == {"b": {"d": 3}, "e": [None]}


async def test_null_leaves_everything_as_it_is_and_starts_no_new_generation(api: Api) -> None:
    body = {
        "vectors": {"a": {**V, "quantization_config": {"scalar": {"type": "int8", "quantile": 0.7}}, "memory": "cold"}},
        "sparse_vectors": {"s": {"index": {"on_disk": True}}},
        "strict_mode_config": {"multivector_config": {"a": {"max_vectors": 2}}},
    }
    before = await created(api, body)
    slot = {"hnsw_config": None, "quantization_config": None, "on_disk": None, "memory": None}

    await api.ok(
        "PATCH",
        "/collections/c",
        {
            "vectors": {"a": slot},
            "sparse_vectors": {"s": {"index": {"on_disk": None}, "modifier": None}},
            "hnsw_config": {"m": None, "on_disk": None},
            "optimizers_config": None,
            "params": {"on_disk_payload": None, "payload": None},
            "quantization_config": None,
            "strict_mode_config": {"enabled": None, "multivector_config": {"a": {"max_vectors": 2}}},
            "metadata": None,
            "rename": None,
        },
    )

    assert await config_of(api, "c") == before
    assert await generation_of(api, "c") == 1


async def test_auto_threads_reset_the_number_of_threads(planes: Api) -> None:
    await planes.ok("PATCH", "/collections/planes", {"optimizers_config": {"max_optimization_threads": 0}})
    off = (await config_of(planes, "planes"))["optimizer_config"]["max_optimization_threads"]
    await planes.ok("PATCH", "/collections/planes", {"optimizers_config": {"max_optimization_threads": "auto"}})

    assert off == 0
    assert (await config_of(planes, "planes"))["optimizer_config"]["max_optimization_threads"] is None


async def test_rename_moves_the_name_and_leaves_points_and_aliases(planes: Api) -> None:
    await Catalog(planes.redis).change_aliases([AliasChange("create", "sky", "planes")])

    assert await planes.ok("PATCH", "/collections/planes", {"rename": "jets"}) is True

    gone = (404, "Not found: Collection `planes` doesn't exist!")
    assert await planes.error("POST", "/collections/planes/points/count", {}) == gone
    assert await planes.ok("POST", "/collections/jets/points/count", {}) == {"count": 3}
    assert await planes.ok("POST", "/collections/sky/points/count", {}) == {"count": 3}
    assert await planes.ok("GET", "/collections") == {"collections": [{"name": "jets"}]}


async def test_rename_through_an_alias_renames_its_collection(planes: Api) -> None:
    await Catalog(planes.redis).change_aliases([AliasChange("create", "sky", "planes")])

    await planes.ok("PATCH", "/collections/sky", {"rename": "jets"})

    assert await planes.ok("GET", "/collections") == {"collections": [{"name": "jets"}]}
    assert await planes.ok("POST", "/collections/sky/points/count", {}) == {"count": 3}


async def test_rename_to_a_taken_name_is_refused(planes: Api) -> None:
    await planes.ok("PUT", "/collections/jets", {})
    await Catalog(planes.redis).change_aliases([AliasChange("create", "sky", "jets")])

    taken = await planes.error("PATCH", "/collections/planes", {"rename": "jets"})
    alias = await planes.error("PATCH", "/collections/planes", {"rename": "sky"})

    assert taken == (409, "Wrong input: Collection `jets` already exists!")
    assert (alias[0], "Alias with the same name already exists" in alias[1]) == (400, True)
    assert await planes.ok("PATCH", "/collections/planes", {"rename": "planes"}) is True


async def test_freed_name_can_be_given_to_another_collection(planes: Api) -> None:
    await planes.ok("PATCH", "/collections/planes", {"rename": "jets"})

    await planes.ok("PUT", "/collections/planes", {"vectors": V})

    assert await planes.ok("POST", "/collections/planes/points/count", {}) == {"count": 0}
    assert await planes.ok("POST", "/collections/jets/points/count", {}) == {"count": 3}
