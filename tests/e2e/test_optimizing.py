"""The optimizer as users see it, over REST and on disk: one rebuild for a change, honest status, disk given back."""

import threading

import pytest
from serving import Serving, create, nearest, until, upsert, vectors

ROWS = 1200
SMALL = ("--appendable-rows", "256", "--optimizer-quiet-s", "0.2", "--optimizer-interval-s", "0.1")


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """One service for all tests here: each has a collection of its own."""
    serving = Serving(tmp_path_factory.mktemp("optimizing") / "data", *SMALL)
    yield serving
    serving.close()


@pytest.fixture
def client(serving):
    with serving.client() as client:
        yield client


def info(client, name):
    return client.ask("GET", f"/collections/{name}")


def patch(client, name, **change):
    client.ask("PATCH", f"/collections/{name}", change)


def settled(client, name, seconds=90.0):
    """The info, once the collection is green; each colour that was seen on the way must have told its reason."""
    seen = []

    def is_green() -> bool:
        seen.append(info(client, name))
        assert seen[-1]["status"] in ("yellow", "green"), seen[-1]
        assert seen[-1]["status"] == "green" or seen[-1]["warnings"]
        return seen[-1]["status"] == "green"

    until(is_green, seconds)
    return seen[-1]


def completed(client, name, kind=None):
    jobs = client.ask("GET", f"/collections/{name}/optimizations?with=completed,queued")["completed"]
    done = [job for job in jobs if job["status"] == "done" and not job["progress"]["name"].startswith("abandoned")]
    return [job for job in done if kind in (None, job["optimizer"])]


def segment_bytes(serving):
    folders = serving.data_dir.glob("collections/*/*/segments/*/*")
    return sum(path.stat().st_size for path in folders)


def indexed(client, name, rows, **config):
    """A collection with a graph over all rows."""
    optimizers = {"indexing_threshold": 10, **config.pop("optimizers_config", {})}
    create(client, name, optimizers_config=optimizers, **config)
    upsert(client, name, rows)
    return settled(client, name)


def test_a_changed_graph_config_plans_exactly_one_rebuild_and_is_never_green_before_it(client):
    rows = vectors(ROWS)
    before = indexed(client, "rebuilt", rows, optimizers_config={"default_segment_number": 1})

    patch(client, "rebuilt", hnsw_config={"m": 24, "ef_construct": 60})
    at_once = info(client, "rebuilt")
    found = nearest(client, "rebuilt", rows[17])
    after = settled(client, "rebuilt")

    assert before["indexed_vectors_count"] > 0
    assert at_once["status"] == "yellow"
    assert found == 17
    assert after["indexed_vectors_count"] >= before["indexed_vectors_count"]
    (job,) = completed(client, "rebuilt", "rebuild")
    assert "has the graph m=16 ef_construct=100, wanted m=24 ef_construct=60" in job["reason"]
    assert job["recall"] >= 0.95
    assert [nearest(client, "rebuilt", rows[row]) for row in (0, 600, ROWS - 1)] == [0, 600, ROWS - 1]


def test_a_change_that_no_build_depends_on_starts_no_job(client):
    indexed(client, "kept", vectors(ROWS))
    jobs = len(completed(client, "kept"))

    patch(client, "kept", metadata={"owner": "me"}, hnsw_config={"full_scan_threshold": 20})
    settled(client, "kept")

    assert len(completed(client, "kept")) == jobs


def test_a_lowered_indexing_threshold_turns_yellow_and_then_green_with_the_graph(client):
    create(client, "lowered")
    upsert(client, "lowered", vectors(100))
    small = settled(client, "lowered")

    patch(client, "lowered", optimizers_config={"indexing_threshold": 1})
    at_once = info(client, "lowered")
    after = settled(client, "lowered", 20.0)

    assert (small["status"], small["indexed_vectors_count"]) == ("green", 0)
    assert at_once["status"] == "yellow"
    assert after["indexed_vectors_count"] == 100


def test_indexing_is_off_during_a_bulk_load_and_done_after_it(client):
    rows = vectors(ROWS)
    create(client, "loaded", optimizers_config={"indexing_threshold": 0})
    for first in range(0, ROWS, 200):
        upsert(client, "loaded", rows[first : first + 200], first)
    loaded = settled(client, "loaded")

    patch(client, "loaded", optimizers_config={"indexing_threshold": 10})
    after = settled(client, "loaded")

    assert loaded["indexed_vectors_count"] == 0
    assert completed(client, "loaded", "index")
    assert after["indexed_vectors_count"] > 0.9 * ROWS
    assert nearest(client, "loaded", rows[321]) == 321


def test_vacuum_gives_disk_space_back_and_says_how_much(serving, client):
    rows = vectors(ROWS)
    options = {"vacuum_min_vector_number": 100, "deleted_threshold": 0.3, "default_segment_number": 1}
    indexed(client, "littered", rows, optimizers_config=options)
    before = segment_bytes(serving)

    client.ask("POST", "/collections/littered/points/delete?wait=true", {"points": list(range(ROWS // 2))})
    settled(client, "littered")
    until(lambda: segment_bytes(serving) < before)

    job = completed(client, "littered")[0]
    assert "deleted of" in job["reason"]
    assert 0 < job["reclaimed_bytes"] == job["input_bytes"] - job["output_bytes"]
    assert nearest(client, "littered", rows[ROWS - 1]) == ROWS - 1
    assert info(client, "littered")["points_count"] == ROWS // 2


def test_segments_in_which_nothing_lives_are_dropped(client):
    create(client, "emptied")
    upsert(client, "emptied", vectors(512))
    settled(client, "emptied")

    client.ask("POST", "/collections/emptied/points/delete?wait=true", {"points": list(range(512))})

    until(lambda: info(client, "emptied")["segments_count"] == 1)
    assert settled(client, "emptied")["points_count"] == 0


def test_many_small_segments_are_merged_down_to_the_wanted_number(client):
    rows = vectors(ROWS)
    create(client, "merged", optimizers_config={"indexing_threshold": 0, "default_segment_number": 8})
    for first in range(0, ROWS, 300):
        upsert(client, "merged", rows[first : first + 300], first)
    apart = settled(client, "merged")

    patch(client, "merged", optimizers_config={"default_segment_number": 1})
    together = settled(client, "merged")

    assert apart["segments_count"] == 5
    assert together["segments_count"] == 2
    assert together["indexed_vectors_count"] == 0
    assert [job["optimizer"] for job in completed(client, "merged")] == ["merge"]
    assert nearest(client, "merged", rows[77]) == 77


def test_a_change_in_the_middle_of_a_build_ends_with_the_last_config(client):
    rows = vectors(ROWS)
    indexed(client, "changing", rows, optimizers_config={"default_segment_number": 1})

    for m in (20, 24, 28, 32):
        patch(client, "changing", hnsw_config={"m": m})
    assert info(client, "changing")["status"] == "yellow"
    settled(client, "changing")

    last = completed(client, "changing", "rebuild")[0]
    assert "wanted m=32" in last["reason"]
    assert nearest(client, "changing", rows[5]) == 5


def test_switched_off_optimization_is_grey_and_goes_on_when_it_is_switched_on(client):
    create(client, "off", optimizers_config={"indexing_threshold": 10, "max_optimization_threads": 0})
    upsert(client, "off", vectors(ROWS))
    until(lambda: info(client, "off")["status"] == "grey")

    patch(client, "off", optimizers_config={"max_optimization_threads": 1})
    after = settled(client, "off")

    (job,) = completed(client, "off")
    assert after["indexed_vectors_count"] > 0
    assert job["threads"] == 1


def test_searches_stay_right_while_everything_is_rebuilt(serving, client):
    rows = vectors(ROWS)
    indexed(client, "searched", rows)
    wrong, stop = [], threading.Event()

    def search() -> None:
        with serving.client() as mine:
            for row in range(100_000):
                if stop.is_set():
                    return
                if nearest(mine, "searched", rows[row % ROWS]) != row % ROWS:
                    wrong.append(row)

    searching = threading.Thread(target=search)
    searching.start()
    patch(client, "searched", hnsw_config={"m": 8}, quantization_config={"scalar": {"type": "int8"}})
    settled(client, "searched")
    stop.set()
    searching.join(30.0)

    assert wrong == []


def every_kind(number):
    vector = vectors(1, seed=number)[0]
    words = {"indices": [number % 50, 60], "values": [1.0, 0.5]}
    return {
        "id": number,
        "vector": {"dense": vector, "many": [vector, vector], "words": words},
        "payload": {"n": number},
    }


def test_every_kind_of_vector_survives_vacuum_and_merge(client):
    kinds = {"dense": {"size": 16, "distance": "Cosine"}}
    kinds["many"] = {
        "size": 16,
        "distance": "Dot",
        "multivector_config": {"comparator": "max_sim"},
        "datatype": "float16",
    }
    options = {"vacuum_min_vector_number": 100, "default_segment_number": 1, "indexing_threshold": 5}
    body = {"vectors": kinds, "sparse_vectors": {"words": {}}, "optimizers_config": options}
    client.ask("PUT", "/collections/kinds", body)
    for first in range(0, 900, 300):
        points = [every_kind(number) for number in range(first, first + 300)]
        client.ask("PUT", "/collections/kinds/points?wait=true", {"points": points})
    client.ask("POST", "/collections/kinds/points/delete?wait=true", {"points": list(range(0, 900, 2))})

    after = settled(client, "kinds")

    assert (after["points_count"], after["segments_count"], after["indexed_vectors_count"]) == (450, 2, 450)
    kept = every_kind(301)["vector"]
    for name, query in kept.items():
        using = {"query": query, "using": name, "limit": 450, "params": {"exact": True}}
        found = client.ask("POST", "/collections/kinds/points/query", using)["points"]
        assert 301 in [point["id"] for point in found]
        assert all(point["id"] % 2 for point in found)


def test_points_without_vectors_are_vacuumed_too(client):
    client.ask("PUT", "/collections/bare", {"vectors": {}, "optimizers_config": {"vacuum_min_vector_number": 100}})
    points = [{"id": number, "vector": {}, "payload": {"n": number}} for number in range(600)]
    client.ask("PUT", "/collections/bare/points?wait=true", {"points": points})

    client.ask("POST", "/collections/bare/points/delete?wait=true", {"points": list(range(400))})
    after = settled(client, "bare")

    assert after["points_count"] == 200
    assert [job["optimizer"] for job in completed(client, "bare")] == ["vacuum"]
