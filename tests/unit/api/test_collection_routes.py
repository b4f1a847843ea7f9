"""Collection routes over HTTP, and what happens when parts of the system are away."""

import re

from shared.coordination.catalog import Catalog
from shared.coordination.status import publish_job
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.schema.collections import CollectionConfig, CollectionRecord
from shared.schema.jobs import JobStatus
from shared.schema.queries import SegmentSummary
from shared.schema.segments import SlotBuild, SlotFigures
from tests.unit.api.api_under_test import Api

P = "/collections/planes/points"


def job(record: CollectionRecord, state: str, **given: object) -> JobStatus:
    return JobStatus(f"job-{state}", record.uuid, 0, "index", "too many rows", ["b1"], state, **given)  # type: ignore[arg-type]


async def record_of(api: Api, name: str) -> CollectionRecord:
    record = (await Catalog(api.redis).load()).resolve(name)
    assert record is not None
    return record


async def test_info_shows_the_effective_config_with_defaults(planes: Api) -> None:
    info = await planes.ok("GET", "/collections/planes")

    assert info == {
        "status": "green",
        "optimizer_status": "ok",
        "indexed_vectors_count": 0,
        "points_count": 3,
        "segments_count": 0,
        "payload_schema": {},
        "update_queue": {"length": 0},
        "config": {
            "params": {
                "vectors": {"size": 2, "distance": "Dot"},
                "shard_number": 1,
                "replication_factor": 1,
                "write_consistency_factor": 1,
                "on_disk_payload": True,
            },
            "hnsw_config": {
                "m": 16,
                "ef_construct": 100,
                "full_scan_threshold": 10000,
                "max_indexing_threads": 0,
                "on_disk": False,
            },
            "optimizer_config": {
                "deleted_threshold": 0.2,
                "vacuum_min_vector_number": 1000,
                "default_segment_number": 0,
                "max_segment_size": None,
                "memmap_threshold": None,
                "indexing_threshold": 10000,
                "flush_interval_sec": 5,
                "max_optimization_threads": None,
            },
            "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0, "wal_retain_closed": 1},
            "quantization_config": None,
        },
    }


async def test_collections_are_listed_exist_and_are_deleted(planes: Api) -> None:
    assert await planes.ok("GET", "/collections") == {"collections": [{"name": "planes"}]}
    assert await planes.ok("GET", "/collections/planes/exists") == {"exists": True}

    assert await planes.ok("DELETE", "/collections/planes") is True

    assert await planes.ok("DELETE", "/collections/planes") is False
    assert await planes.ok("GET", "/collections/planes/exists") == {"exists": False}
    assert await planes.error("GET", "/collections/planes") == (404, "Not found: Collection `planes` doesn't exist!")


async def test_deleted_and_created_again_is_a_new_collection(planes: Api) -> None:
    await planes.ok("DELETE", "/collections/planes")

    await planes.ok("PUT", "/collections/planes", {"vectors": {"size": 3, "distance": "Cosine"}})

    assert await planes.ok("POST", f"{P}/count", {}) == {"count": 0}
    answer = await planes.ok("PUT", f"{P}?wait=true", {"points": [{"id": 1, "vector": [1, 2, 3]}]})
    assert answer["operation_id"] == 0


async def test_patch_changes_what_it_names_and_leaves_the_rest(planes: Api) -> None:
    body = {
        "optimizers_config": {"indexing_threshold": 5, "max_segment_size": None},
        "hnsw_config": {"m": 32, "ef_construct": None},
    }

    await planes.ok("PATCH", "/collections/planes", body)

    config = (await planes.ok("GET", "/collections/planes"))["config"]
    assert config["optimizer_config"]["indexing_threshold"] == 5
    assert config["hnsw_config"]["m"] == 32
    assert config["hnsw_config"]["ef_construct"] == 100
    assert (await record_of(planes, "planes")).generation == 2


async def test_patch_that_changes_nothing_starts_no_new_generation(planes: Api) -> None:
    await planes.ok("PATCH", "/collections/planes", {"hnsw_config": {"m": 16}})

    assert (await record_of(planes, "planes")).generation == 1


async def test_old_spellings_of_options_are_taken(api: Api) -> None:
    body = {"vectors": {"size": 2, "distance": "Dot"}, "optimizer_config": {"indexing_threshold_kb": 7}}

    await api.ok("PUT", "/collections/old", body)

    config = (await api.ok("GET", "/collections/old"))["config"]
    assert config["optimizer_config"]["indexing_threshold"] == 7


async def test_info_tells_the_status_and_its_reasons(planes: Api) -> None:
    record = await record_of(planes, "planes")
    wanting = {"": SlotFigures(10, 2**30)}
    planes.shards.segments = [SegmentSummary("b1", "sealed", 10, 10, 10, 2**30, slots=wanting)]

    wanted = await planes.ok("GET", "/collections/planes")
    await publish_job(planes.redis, job(record, "running", started_at=1.0))
    yellow = await planes.ok("GET", "/collections/planes")
    await publish_job(planes.redis, job(record, "failed", started_at=2.0, error="disk full"))
    red = await planes.ok("GET", "/collections/planes")

    assert (wanted["status"], wanted["segments_count"]) == ("yellow", 1)
    assert (yellow["status"], yellow["optimizer_status"]) == ("yellow", "ok")
    assert "too many rows" in yellow["warnings"][0]["message"]
    assert (red["status"], red["optimizer_status"]) == ("red", {"error": "index job failed: disk full"})


async def test_status_is_red_with_the_reason_when_a_shard_is_quarantined(planes: Api) -> None:
    planes.shards.reason = "checksum of b7 does not match"

    info = await planes.ok("GET", "/collections/planes")

    assert info["status"] == "red"
    assert "checksum of b7" in info["optimizer_status"]["error"]


async def test_optimizations_show_jobs_with_reason_and_progress(planes: Api) -> None:
    record = await record_of(planes, "planes")
    planes.shards.segments = [
        SegmentSummary("b1", "sealed", 10, 9, 9, 100),
        SegmentSummary("a2", "indexed", 3, 1, 1, 8, 1, 0.97, built={"": SlotBuild("m=16 ef_construct=100")}),
    ]
    await publish_job(planes.redis, job(record, "running", started_at=1.0, done=5.0, total=10.0, eta_s=2.0))

    shown = await planes.ok("GET", "/collections/planes/optimizations?with=queued,completed,idle_segments")

    assert shown["summary"]["idle_segments"] == 1
    assert shown["idle_segments"][0]["recall"] == 0.97
    assert shown["idle_segments"][0]["deleted"] == 2
    assert shown["idle_segments"][0]["built"] == {"": {"graph": "m=16 ef_construct=100", "codes": ""}}
    assert shown["running"][0]["segments"][0]["points_count"] == 9
    assert shown["running"][0]["reason"] == "too many rows"
    assert shown["running"][0]["progress"]["eta_s"] == 2.0
    assert shown["queued"] == shown["completed"] == []
    unknown = await planes.error("GET", "/collections/planes/optimizations?with=x")
    assert unknown == (400, "Wrong input: Unknown field in 'with' parameter: x")


async def test_without_a_worker_data_calls_get_503_and_info_is_grey(planes: Api) -> None:
    planes.shards.is_down = True

    status, text = await planes.error("POST", f"{P}/count", {})
    info = await planes.ok("GET", "/collections/planes")
    ready, _ = await planes.call("GET", "/readyz")

    assert (status, text) == (503, "Shard temporarily unavailable: the worker is away")
    assert info["status"] == "grey"
    assert ready == 503


async def test_a_read_goes_on_when_its_shard_moves_meanwhile(planes: Api) -> None:
    planes.shards.unavailable_calls = 2

    assert await planes.ok("POST", f"{P}/count", {}) == {"count": 3}


async def test_write_to_a_shard_that_was_never_opened_opens_it(api: Api) -> None:
    config = CollectionConfig.model_validate({"vectors": {"": {"size": 1, "distance": "Dot"}}})
    record = CollectionRecord(uuid="11111111-2222-3333-4444-555555555555", name="half", config=config)
    await Catalog(api.redis).create(record)

    answer = await api.ok("PUT", "/collections/half/points?wait=true", {"points": [{"id": 1, "vector": [1]}]})

    assert answer == {"operation_id": 0, "status": "completed"}


async def test_write_validated_under_an_older_generation_is_validated_again(planes: Api) -> None:
    record = await record_of(planes, "planes")
    await Catalog(planes.redis).update(record.uuid, 1, record.config)
    await Wal(planes.redis).raise_generation(ShardKey(record.uuid, 0), 2)

    answer = await planes.ok("PUT", f"{P}?wait=true", {"points": [{"id": 8, "vector": [1, 1]}]})

    assert answer["status"] == "completed"


async def test_full_log_is_429_with_retry_after(planes: Api) -> None:
    record = await record_of(planes, "planes")
    await Wal(planes.redis).open_shard(ShardKey(record.uuid, 0), 1, capacity_bytes=1)

    status, text = await planes.error("PUT", P, {"points": [{"id": 8, "vector": [1, 1]}]})

    assert (status, text[:24]) == (429, "Rate limiting exceeded: ")
    assert int(planes.headers["Retry-After"]) >= 1


async def test_without_redis_reads_go_on_and_writes_are_503(planes: Api) -> None:
    planes.shards.applies = False
    planes.redis.fake_server.connected = False

    counted = await planes.ok("POST", f"{P}/count", {})
    status, _ = await planes.error("PUT", P, {"points": [{"id": 8, "vector": [1, 1]}]})

    assert counted == {"count": 3}
    assert status == 503


async def test_root_names_a_version_that_clients_accept_and_our_own(api: Api) -> None:
    _, answer = await api.call("GET", "/")

    assert answer["version"] == "1.19.0"
    assert re.fullmatch("[0-9a-f]{40}", answer["commit"])
    assert answer["name"] == "shoal"


async def test_metrics_count_requests_and_show_lag_and_jobs(planes: Api) -> None:
    await publish_job(planes.redis, job(await record_of(planes, "planes"), "running"))
    url = f"http://127.0.0.1:{planes.service.port}/metrics"

    async with planes.session.get(url) as answer:
        text = await answer.text()

    assert 'rest_responses_total{endpoint="/collections/{}/points",method="PUT",status="200"} 1.0' in text
    assert 'shoal_log_lag_operations{collection="planes",shard="0"} 0.0' in text
    assert 'shoal_optimizer_jobs{collection="planes",state="running"} 1.0' in text
    assert 'shoal_searches_total{collection="planes",shard="0"} 3.0' in text


async def test_info_shows_what_another_api_changed_a_moment_ago(planes: Api) -> None:
    record = await record_of(planes, "planes")
    changed = record.config.model_copy(update={"metadata": {"owner": "other"}})

    for _ in range(20):
        record = await record_of(planes, "planes")
        await Catalog(planes.redis).update(record.uuid, record.generation, changed)
        info = await planes.ok("GET", "/collections/planes")

        assert info["config"]["metadata"] == {"owner": "other"}
        assert info["status"] == "yellow"


async def test_plans_that_no_optimizer_has_taken_up_are_queued(planes: Api) -> None:
    wanting = {"": SlotFigures(10, 2**30)}
    planes.shards.segments = [SegmentSummary("a1", "sealed", 10, 10, 10, 2**30, slots=wanting)]

    shown = await planes.ok("GET", "/collections/planes/optimizations?with=queued")

    assert shown["summary"]["queued_optimizations"] == 1
    assert shown["summary"]["idle_segments"] == 0
    assert (shown["queued"][0]["optimizer"], shown["queued"][0]["segments"][0]["name"]) == ("index", "a1")
    assert "without a graph" in shown["queued"][0]["reason"]
