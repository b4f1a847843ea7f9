"""What the health checks of containers ask."""

import asyncio
import http.server
import threading

import pytest

from services.health import is_well
from shared.coordination.nodes import NodeInfo, NodeLease
from shared.log.connection import connect
from shared.settings import Settings


def hold_lease(url: str, name: str) -> None:
    async def register() -> None:
        redis = connect(url)
        await NodeLease(redis, ttl_s=60).register(NodeInfo(f"{name}:1", name, "worker", "", 1, "c"))
        await redis.aclose()

    asyncio.run(register())


def test_a_worker_with_a_lease_is_well(redis_url):
    hold_lease(redis_url, "box")

    assert is_well("worker", Settings(redis_url=redis_url, node_name="box"))


@pytest.mark.parametrize(("role", "name"), [("worker", "other"), ("worker", "bo"), ("optimizer", "box")])
def test_the_lease_of_another_node_or_role_does_not_count(redis_url, role, name):
    hold_lease(redis_url, "box")

    assert not is_well(role, Settings(redis_url=redis_url, node_name=name))


def test_a_worker_whose_redis_is_gone_is_not_well(tmp_path):
    assert not is_well("worker", Settings(redis_url=f"unix://{tmp_path}/none.sock"))


def test_an_api_is_well_when_it_answers_and_not_when_nobody_listens():
    with http.server.HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        port = server.server_address[1]
        answered = is_well("api", Settings(port=port))
        thread.join()
    silent = is_well("api", Settings(port=port))

    assert (answered, silent) == (True, False)


class Answering(http.server.BaseHTTPRequestHandler):
    """Says yes."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stays quiet."""
