"""Payload indexes of a running service of several processes: known to every api at once, and after a kill."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

from serving import Serving, create, until, upsert, vectors

from services.demo.rest import RestClient

OPTIONS = ("--api", "2", "--appendable-rows", "256")
ROWS = 600


def ordered(client: RestClient) -> list[int]:
    body = {"limit": 3, "order_by": {"key": "row", "direction": "desc"}}
    return [point["id"] for point in client.ask("POST", "/collections/things/points/scroll", body)["points"]]


def indexes(client: RestClient) -> dict[str, int]:
    info = client.ask("GET", "/collections/things")
    return {path: index["points"] for path, index in info["payload_schema"].items()}


def test_an_index_is_known_to_every_api_at_once_and_survives_a_kill(serve: Callable[..., Serving]) -> None:
    first = serve(*OPTIONS)
    with first.client() as client:
        create(client, "things", shard_number=2)
        upsert(client, "things", vectors(ROWS))
        declared = {"field_name": "row", "field_schema": {"type": "integer", "on_disk": True}}
        client.ask("PUT", "/collections/things/index?wait=true", declared)
    for _ in range(8):
        with first.client() as another:
            assert ordered(another) == [599, 598, 597]
    until(lambda: len(column_files(first)) == 2)

    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()

    second = serve(*OPTIONS)
    with second.client() as client:
        until(lambda: client.ask("GET", "/collections/things")["status"] == "green")
        assert indexes(client) == {"row": ROWS}
        assert ordered(client) == [599, 598, 597]
        client.ask("DELETE", "/collections/things/index/row?wait=true")
        assert indexes(client) == {}
        until(lambda: are_gone_after_a_write(client, second))


def column_files(serving: Serving) -> list[Path]:
    return list(serving.data_dir.glob("collections/*/*/chunks/*.column.*"))


def are_gone_after_a_write(client: RestClient, serving: Serving) -> bool:
    """Older manifests name dropped files for a while: each write brings a newer one."""
    upsert(client, "things", vectors(2), first=ROWS)
    return not column_files(serving)
