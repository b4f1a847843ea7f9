"""Slots, names and config changed on a running service of several processes; a kill and a restart keep every change."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

from serving import DIM, Serving, count, create, nearest, upsert, vectors

from services.demo.rest import RestClient

EXTRA = {"dense": {"size": 2, "distance": "Dot"}}


def reshape(client: RestClient, name: str, new_name: str) -> None:
    """Adds a slot and points in it, removes it, adds it again with one point, changes options, renames."""
    client.ask("PUT", f"/collections/{name}/vectors/extra?wait=true", EXTRA)
    gone = [{"id": 100 + n, "vector": {"extra": [1, n]}} for n in range(5)]
    client.ask("PUT", f"/collections/{name}/points?wait=true", {"points": gone})
    client.ask("DELETE", f"/collections/{name}/vectors/extra?wait=true")
    client.ask("PUT", f"/collections/{name}/vectors/extra", EXTRA)
    client.ask("PUT", f"/collections/{name}/points?wait=true", {"points": [{"id": 200, "vector": {"extra": [3, 4]}}]})
    client.ask("PATCH", f"/collections/{name}", {"metadata": {"stage": 2}, "vectors": {"": {"hnsw_config": {"m": 9}}}})
    client.ask("PATCH", f"/collections/{name}", {"rename": new_name})


def test_changed_slots_names_and_config_survive_a_kill(serve: Callable[..., Serving], tmp_path: Path) -> None:
    config = tmp_path / "defaults.yaml"
    config.write_text("collection: {hnsw_config: {m: 7}, vectors: {on_disk: true}}\n")
    options = ("--api", "2", "--config", str(config))
    rows = vectors(40)
    first = serve(*options)
    with first.client() as client:
        create(client, "old", metadata={"stage": 1})
        upsert(client, "old", rows)
        reshape(client, "old", "new")

    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()

    with serve(*options).client() as client:
        assert [each["name"] for each in client.ask("GET", "/collections")["collections"]] == ["new"]
        shown = client.ask("GET", "/collections/new")["config"]
        slot = {"size": DIM, "distance": "Cosine", "hnsw_config": {"m": 9}, "on_disk": True}
        assert shown["params"]["vectors"] == {"": slot, "extra": EXTRA["dense"]}
        assert (shown["hnsw_config"]["m"], shown["metadata"]) == (7, {"stage": 2})
        assert count(client, "new") == 46
        assert nearest(client, "new", rows[17]) == 17
        query = {"query": [1, 1], "using": "extra", "limit": 10}
        assert [hit["id"] for hit in client.ask("POST", "/collections/new/points/query", query)["points"]] == [200]
