"""Payload indexes through the official Python clients, old and new: declared, shown through their models, dropped."""

import json
import os
import subprocess
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.contract.guide.clients import PYTHON, Client, require
from tests.contract.guide.speakers import ANSWER_S, HERE, Http


@pytest.mark.parametrize("client", PYTHON, ids=lambda client: client.name)
def test_every_client_declares_reads_and_drops_indexes(client: Client, http: Http, shoal_url: str) -> None:
    require(client)

    told = spoken(client, shoal_url)

    assert told["statuses"] == ["completed"]
    assert told["left"] == []
    shown = told["shown"]
    assert set(shown) == set(told["known"])
    assert {path: index["data_type"] for path, index in shown.items() if path != "keyword"} == {
        kind: kind for kind in told["known"] if kind != "keyword"
    }
    assert {index["points"] for index in shown.values()} == {4}
    parameters = shown["keyword"]["params"]
    expected = {"type": "text", "tokenizer": "prefix", "min_token_len": 2, "max_token_len": 5, "lowercase": True}
    assert {name: parameters[name] for name in expected} == expected


def spoken(client: Client, url: str) -> dict[str, Any]:
    """Run the calls in a client's own process; return what they told."""
    parts = urlsplit(url)
    command = [str(client.python), str(HERE / "index_calls.py"), str(parts.hostname), str(parts.port), "indexed"]
    plain = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    ran = subprocess.run(command, env=plain, timeout=ANSWER_S, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return told
