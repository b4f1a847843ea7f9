"""The private Redis, for real."""

import asyncio
import contextlib
import os
import shutil
import signal
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.launcher.app import PrivateRedis
from services.launcher.claim import DirectoryClaim
from services.redis_server import (
    RedisTooOld,
    find_server,
    redis_arguments,
    refuse_older,
)
from shared.log.connection import connect
from shared.settings import Settings


@contextlib.asynccontextmanager
async def running(data_dir: Path) -> AsyncIterator[PrivateRedis]:
    with DirectoryClaim(data_dir) as claim:
        redis = PrivateRedis(Settings(data_dir=data_dir), claim)
        await redis.start(asyncio.Event())
        try:
            yield redis
        finally:
            await redis.stop()


async def test_it_keeps_what_was_written_when_it_is_killed_and_comes_back_by_itself(tmp_path):
    async with running(tmp_path) as redis:
        client = connect(redis.url)
        await client.set("key", "value")
        await client.aclose()

        os.kill(redis.child.pid, signal.SIGKILL)
        async with asyncio.timeout(10):
            while redis.child.starts < 2 or not redis.child.ready.is_set():
                await asyncio.sleep(0.01)

        client = connect(redis.url)
        kept = await client.get("key")
        await client.aclose()

    assert kept == b"value"


async def test_only_its_owner_can_open_its_socket_and_it_listens_on_no_port(tmp_path):
    async with running(tmp_path) as redis:
        mode = Path(redis.url.removeprefix("unix://")).stat().st_mode
        client = connect(redis.url)
        names = ("port", "appendfsync", "save", "maxmemory-policy")
        settings = {name: next(iter((await client.config_get(name)).values())) for name in names}
        await client.aclose()

    assert stat.S_IMODE(mode) == 0o600
    assert settings == {"port": "0", "appendfsync": "always", "save": "", "maxmemory-policy": "noeviction"}


async def test_the_directory_stays_locked_while_redis_lives_without_its_launcher(tmp_path):
    async with running(tmp_path) as redis:
        inherited = [
            (Path("/proc") / str(redis.child.pid) / "fd" / name).readlink()
            for name in os.listdir(f"/proc/{redis.child.pid}/fd")
        ]

    assert (tmp_path / "lock").resolve() in inherited


def test_a_server_before_7_is_refused_on_the_files_of_7(tmp_path):
    (tmp_path / "appendonlydir").mkdir()
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.2.14 sha=0:0'\n")
    old.chmod(0o755)

    with pytest.raises(RedisTooOld, match=r"6\.2\.14"):
        refuse_older(old, tmp_path)


def test_everysec_is_passed_on_when_it_is_asked_for(tmp_path):
    settings = Settings(data_dir=tmp_path, redis_fsync="everysec")

    arguments = redis_arguments(Path("redis-server"), settings, tmp_path / "s")

    assert arguments[arguments.index("--appendfsync") + 1] == "everysec"


def test_a_server_program_is_found_on_this_machine():
    program = find_server()

    assert shutil.which(program) is not None
