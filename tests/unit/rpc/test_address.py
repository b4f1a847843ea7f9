"""Addresses of workers."""

import asyncio
import socket

import pytest

from shared.errors import BadInput
from shared.rpc.address import listen, split_address


async def test_a_worker_that_listens_everywhere_gives_its_hosts_name_to_others():
    server, address = await listen("tcp:0.0.0.0:0", asyncio.Protocol)

    port = server.sockets[0].getsockname()[1]
    server.close()

    assert address == f"tcp:{socket.gethostname()}:{port}"


@pytest.mark.parametrize(
    ("address", "place"),
    [("unix:/a/b.sock", "/a/b.sock"), ("tcp:host:1", ("host", 1)), ("tcp:[::1]:65", ("::1", 65))],
)
def test_addresses_name_a_path_or_a_host_and_port(address, place):
    assert split_address(address) == place


@pytest.mark.parametrize("address", ["", "unix:", "tcp:host", "tcp:host:port", "http://host:1"])
def test_anything_else_is_refused_with_the_forms_that_are_known(address):
    with pytest.raises(BadInput, match="expected an address like"):
        split_address(address)
