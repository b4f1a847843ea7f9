"""Old clients get the shape of their time and new ones today's, by the name that they send or by the setting."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from services.api.app import ApiService
from services.api.eras import Era, collection_info, era_of, update_result
from shared.log.connection import connect
from shared.log.wal import Wal
from shared.settings import Settings
from tests.unit.api.api_under_test import Api
from tests.unit.api.memory_shards import MemoryShards

OLD = {"User-Agent": "python-httpx/0.27.0"}
NEW = {"User-Agent": "python-client/1.20.0 python/3.11.7"}

INFO_OF_1_7 = {
    "status",
    "optimizer_status",
    "vectors_count",
    "indexed_vectors_count",
    "points_count",
    "segments_count",
    "config",
    "payload_schema",
}


@pytest.mark.parametrize(
    ("user_agent", "era"),
    [
        ("python-httpx/0.27.0", Era.V1_7),
        ("qdrant-js", Era.V1_7),
        ("python-client/1.7.3 python/3.8", Era.V1_7),
        ("qdrant-js/1.7.0", Era.V1_7),
        ("python-client/0.11.0", Era.V1_7),
        ("python-client/1.8.0", Era.CURRENT),
        ("qdrant-client/1.13.3 python/3.11.7", Era.CURRENT),
        ("python-client/1.20.0 python/3.11.7", Era.CURRENT),
        ("python-client/2.0", Era.CURRENT),
        ("qdrant-js/1.18.0", Era.CURRENT),
        ("qdrant-jsx", Era.CURRENT),
        ("curl/8.5.0", Era.CURRENT),
        ("Mozilla/5.0", Era.CURRENT),
        ("", Era.CURRENT),
        ("python-client/" + "9" * 5000 + ".0", Era.CURRENT),
    ],
)
def test_the_client_names_its_era(user_agent: str, era: Era) -> None:
    assert era_of(user_agent, "auto") is era


def test_the_setting_fixes_the_era_of_all_clients() -> None:
    assert era_of(OLD["User-Agent"], "current") is Era.CURRENT
    assert era_of(NEW["User-Agent"], "1.7") is Era.V1_7


def test_a_write_that_logged_nothing_still_has_an_id_for_old_clients() -> None:
    assert update_result(Era.V1_7, {"status": "completed"}) == {"operation_id": 0, "status": "completed"}
    assert update_result(Era.CURRENT, {"status": "completed"}) == {"status": "completed"}


def test_a_wait_that_timed_out_is_an_acknowledgement_to_old_clients() -> None:
    result = {"operation_id": 7, "status": "wait_timeout"}

    assert update_result(Era.V1_7, result) == {"operation_id": 7, "status": "acknowledged"}
    assert update_result(Era.CURRENT, result) == result


def info(**changes: Any) -> dict[str, Any]:
    """What a handler gives of a collection that uses all that 1.7 does not know."""
    return {
        "status": "grey",
        "optimizer_status": "ok",
        "warnings": [{"message": "w"}],
        "vectors_count": 5,
        "indexed_vectors_count": 0,
        "points_count": 3,
        "segments_count": 1,
        "update_queue": {"length": 0},
        "config": {
            "params": {
                "vectors": {
                    "size": {
                        "size": 4,
                        "distance": "Dot",
                        "datatype": "float16",
                        "multivector_config": {"comparator": "max_sim"},
                        "hnsw_config": {"m": 4, "inline_storage": True},
                        "quantization_config": {"turbo": {"bits": "bits4"}},
                    }
                },
                "sparse_vectors": {"s": {"modifier": "idf"}, "t": {"index": {"on_disk": True, "datatype": "uint8"}}},
                "shard_number": 1,
                "replication_factor": 1,
                "write_consistency_factor": 1,
                "read_fan_out_delay_ms": 3,
                "on_disk_payload": True,
            },
            "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10, "memory": "cold"},
            "optimizer_config": {
                "deleted_threshold": 0.2,
                "max_optimization_threads": None,
                "prevent_unoptimized": False,
            },
            "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0, "wal_retain_closed": 1},
            "quantization_config": {"binary": {"always_ram": True, "encoding": "two_bits"}},
            "strict_mode_config": {"enabled": False},
            "metadata": {"a": 1},
        },
        "payload_schema": {
            "city": {"data_type": "keyword", "params": {"type": "keyword", "is_tenant": True}, "points": 2},
            "when": {"data_type": "datetime", "points": 2},
            "key": {"data_type": "uuid", "points": 1},
            "text": {
                "data_type": "text",
                "params": {"type": "text", "tokenizer": "word", "stemmer": None},
                "points": 1,
            },
        },
        **changes,
    }


def test_info_for_an_old_client_holds_nothing_that_it_does_not_know() -> None:
    shown = collection_info(Era.V1_7, info())

    assert shown.keys() == INFO_OF_1_7
    assert (shown["status"], shown["vectors_count"]) == ("yellow", 5)
    assert shown["config"] == {
        "params": {
            "vectors": {"size": {"size": 4, "distance": "Dot", "hnsw_config": {"m": 4}, "quantization_config": None}},
            "sparse_vectors": {"s": {}, "t": {"index": {"on_disk": True}}},
            "shard_number": 1,
            "replication_factor": 1,
            "write_consistency_factor": 1,
            "on_disk_payload": True,
        },
        "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10},
        "optimizer_config": {"deleted_threshold": 0.2, "max_optimization_threads": 1},
        "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
        "quantization_config": {"binary": {"always_ram": True}},
    }
    assert shown["payload_schema"] == {
        "city": {"data_type": "keyword", "points": 2},
        "key": {"data_type": "keyword", "points": 1},
        "text": {"data_type": "text", "params": {"type": "text", "tokenizer": "word"}, "points": 1},
    }


def test_info_for_a_new_client_is_all_but_the_dropped_count() -> None:
    given = info()

    shown = collection_info(Era.CURRENT, given)

    assert shown == {name: value for name, value in given.items() if name != "vectors_count"}


async def test_both_eras_are_served_side_by_side(planes: Api) -> None:
    await planes.ok("PUT", "/collections/planes/points?wait=true", {"points": [{"id": 9, "vector": [1, 1]}]})

    old = await planes.ok("GET", "/collections/planes", headers=OLD)
    new = await planes.ok("GET", "/collections/planes", headers=NEW)

    assert old.keys() == INFO_OF_1_7
    assert old["config"]["optimizer_config"]["max_optimization_threads"] == 1
    assert "vectors_count" not in new
    assert new["update_queue"] == {"length": 0}
    assert new["config"]["optimizer_config"]["max_optimization_threads"] is None


async def test_positions_travel_in_headers_that_strict_clients_do_not_parse(planes: Api) -> None:
    body = {"points": [{"id": 9, "vector": [1, 1]}]}

    result = await planes.ok("PUT", "/collections/planes/points?wait=true", body, headers=OLD)

    assert result.keys() == {"operation_id", "status"}
    assert planes.headers["X-Shoal-Position"]


@pytest.fixture
async def pinned() -> AsyncIterator[Api]:
    """An api that gives every client the old shape."""
    redis = connect(f"memory://{uuid.uuid4().hex}")
    shards = MemoryShards(Wal(redis))
    service = ApiService(Settings(host="127.0.0.1", port=0, compat="1.7"), redis, shards)
    await service.start()
    async with aiohttp.ClientSession() as session:
        yield Api(service, session, shards, redis)
    await service.stop()
    await redis.aclose()


async def test_a_server_may_give_all_clients_one_era(pinned: Api) -> None:
    await pinned.ok("PUT", "/collections/c", {"vectors": {"size": 2, "distance": "Dot"}})

    shown = await pinned.ok("GET", "/collections/c", headers=NEW)

    assert shown.keys() == INFO_OF_1_7
