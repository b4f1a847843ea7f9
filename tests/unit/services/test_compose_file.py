"""What docker-compose.yml asks of its containers beyond starting them: the ballast of Redis's volume."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from services.real_time import API, WORKER

COMPOSE = Path(__file__).resolve().parents[3] / "docker-compose.yml"
MB = 2**20
ROOMY = 'echo "Avail"; echo " 5000"'
TIGHT = 'echo "Avail"; echo "  100"'


def redis_command(ballast_mb: str) -> list[str]:
    """Return the command of the Redis service as compose hands it to the container."""
    given = {"SHOAL_BALLAST_MB": ballast_mb}
    command = yaml.safe_load(COMPOSE.read_text())["services"]["redis"]["command"]
    filled = [re.sub(r"(?<!\$)\$\{(\w+):-([^}]*)\}", lambda hit: given.get(hit[1], hit[2]), part) for part in command]
    return [part.replace("$$", "$") for part in filled]


def test_no_container_asks_for_what_an_engine_may_not_give_and_the_limit_that_helps_is_told() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]

    assert not any({"ulimits", "cap_add", "privileged"} & services[name].keys() for name in services)
    assert f"`ulimits: {{rtprio: {max(API, WORKER)}}}`" in COMPOSE.read_text()


def started(volume: Path, df: str = ROOMY, ballast_mb: str = "64") -> str:
    """Start the container's command in a volume, with stand-ins for `df` and the image's entry point; what it execs."""
    programs = volume.parent / "programs"
    programs.mkdir(exist_ok=True)
    volume.mkdir(exist_ok=True)
    for name, script in {"df": df, "docker-entrypoint.sh": 'printf "%s|" "$@"'}.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    done = subprocess.run(
        redis_command(ballast_mb), cwd=volume, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout


def test_redis_starts_with_every_write_on_disk_beside_a_ballast_of_real_blocks(tmp_path: Path) -> None:
    arguments = started(tmp_path / "redis")

    found = (tmp_path / "redis" / "ballast").stat()
    assert arguments.startswith("redis-server|--appendonly|yes|--appendfsync|always|--save||--maxmemory|4gb|")
    assert (found.st_size, found.st_blocks * 512 >= 64 * MB) == (64 * MB, True)


@pytest.mark.parametrize(("df", "ballast_mb"), [(TIGHT, "64"), (ROOMY, "0")])
def test_redis_starts_without_a_ballast_where_there_is_no_room_or_none_is_wanted(
    tmp_path: Path, df: str, ballast_mb: str
) -> None:
    arguments = started(tmp_path / "redis", df, ballast_mb)

    assert arguments.startswith("redis-server|")
    assert not (tmp_path / "redis" / "ballast").exists()


def test_a_ballast_that_is_there_stays_on_a_full_disk_and_goes_when_not_wanted(tmp_path: Path) -> None:
    ballast = tmp_path / "redis" / "ballast"
    started(tmp_path / "redis")

    started(tmp_path / "redis", TIGHT)
    is_kept = ballast.exists()
    started(tmp_path / "redis", TIGHT, ballast_mb="0")

    assert (is_kept, ballast.exists()) == (True, False)
