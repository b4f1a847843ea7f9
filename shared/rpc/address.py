"""Addresses of workers: `unix:/path` or `tcp:host:port`."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from shared.errors import BadInput

P = TypeVar("P", bound=asyncio.Protocol)

WILDCARDS = ("0.0.0.0", "::")


def split_address(address: str) -> str | tuple[str, int]:
    """Return the path of a Unix address, or host and port of a TCP one. Raises BadInput."""
    kind, _, rest = address.partition(":")
    if kind == "unix" and rest:
        return rest
    host, _, port = rest.rpartition(":")
    if kind == "tcp" and host and port.isdigit():
        return host.strip("[]"), int(port)
    raise BadInput(f"expected an address like unix:/path or tcp:host:port, got {address!r}")


async def connect(address: str, factory: Callable[[], P]) -> P:
    """Return the protocol of a new connection."""
    loop = asyncio.get_running_loop()
    place = split_address(address)
    if isinstance(place, str):
        return (await loop.create_unix_connection(factory, place))[1]
    return (await loop.create_connection(factory, *place))[1]


async def listen(address: str, factory: Callable[[], asyncio.Protocol]) -> tuple[asyncio.Server, str]:
    """Return a listening server and the address by which others reach it. A socket file left over is replaced.

    A port of 0 is filled in, and a host that means "every address" becomes this host's name, as in a container.
    """
    loop = asyncio.get_running_loop()
    place = split_address(address)
    if isinstance(place, str):
        remove_socket(address)
        return await loop.create_unix_server(factory, place), address
    server = await loop.create_server(factory, *place)
    host = socket.gethostname() if place[0] in WILDCARDS else place[0]
    return server, f"tcp:{host}:{server.sockets[0].getsockname()[1]}"


def remove_socket(address: str) -> None:
    """Remove the file of a Unix address."""
    place = split_address(address)
    if isinstance(place, str):
        Path(place).unlink(missing_ok=True)
