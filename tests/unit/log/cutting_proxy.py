"""A proxy in front of Redis that loses answers: for tests of what happens when a connection dies after a send."""

import asyncio
import contextlib
from pathlib import Path


class CuttingProxy:
    """Forwards a Unix socket to another; `cut_answers` connections are closed instead of handing an answer on."""

    def __init__(self, path: Path, target: Path) -> None:
        self.url = f"unix://{path}"
        self.cut_answers = 0
        self._path = path
        self._target = target
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "CuttingProxy":
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(self._target)
        forward = asyncio.create_task(_copy(reader, far_writer))
        try:
            while answer := await far_reader.read(2**16):
                if self.cut_answers and not answer.startswith((b"+", b"-NOSCRIPT")):
                    self.cut_answers -= 1
                    break
                writer.write(answer)
        finally:
            forward.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await forward
            writer.close()
            far_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(2**16):
        writer.write(chunk)
    writer.close()
