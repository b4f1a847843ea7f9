"""One data directory belongs to one Redis: both carry the cluster's id, and a mismatch refuses to start.

{shoal}:cluster           the id, in Redis
<data_dir>/cluster.json   {"cluster_id": id}, written once by exclusive create
"""

import asyncio
import json
import os
import uuid
from pathlib import Path

from redis.asyncio import Redis

from shared.coordination.keys import CLUSTER
from shared.errors import WrongCluster
from shared.log.exchange import ask, exchange

FILE = "cluster.json"


async def ensure_cluster(redis: Redis, data_dir: Path | None) -> str:
    """Return the cluster's id; give a fresh side the other's. Raises WrongCluster, which says what to do.

    A data directory without collections has nothing to lose, so an empty Redis gets its id.
    """
    on_disk = await asyncio.to_thread(_read, data_dir) if data_dir else None
    in_redis = await _id_in_redis(redis)
    if on_disk and in_redis is None and data_dir:
        if await asyncio.to_thread(_holds_collections, data_dir):
            raise WrongCluster(
                f"{data_dir} belongs to cluster {on_disk}, and this Redis is empty: either the URL names another Redis "
                "than before, or Redis lost its files. Check the URL first; if Redis did lose its files, run "
                "`shoal check --adopt` to register the collections on disk again"
            )
        in_redis = await _claim_redis(redis, on_disk)
    if in_redis is None:
        in_redis = await _claim_redis(redis, uuid.uuid4().hex)
    if data_dir and on_disk is None:
        on_disk = await asyncio.to_thread(_create, data_dir, in_redis)
    if on_disk and on_disk != in_redis:
        raise WrongCluster(
            f"{data_dir} belongs to cluster {on_disk}, and this Redis to cluster {in_redis}: they hold different data. "
            "Start with the Redis or the data directory that belong together, or with an empty data directory; "
            "`shoal check --adopt` brings the collections on disk to an empty Redis"
        )
    return in_redis


async def adopt_cluster(redis: Redis, data_dir: Path) -> str:
    """Give an empty Redis the id of the data directory (`shoal check --adopt`).

    Raises WrongCluster when Redis has another one, or the directory has none.
    """
    on_disk = await asyncio.to_thread(_read, data_dir)
    if on_disk is None:
        raise WrongCluster(f"{data_dir} has no {FILE}: it is not a data directory of Shoal, or a fresh one; just start")
    in_redis = await _claim_redis(redis, on_disk)
    if in_redis != on_disk:
        raise WrongCluster(
            f"{data_dir} belongs to cluster {on_disk}, and this Redis to cluster {in_redis}: adopt into an empty Redis"
        )
    return on_disk


async def _id_in_redis(redis: Redis) -> str | None:
    found = await ask(redis, "GET", CLUSTER)
    return found.decode() if found else None


async def _claim_redis(redis: Redis, cluster_id: str) -> str:
    """Set the id unless there is one, and return the one in force."""
    await exchange(redis, "SET", CLUSTER, cluster_id, "NX")
    return await _id_in_redis(redis) or cluster_id


def _holds_collections(data_dir: Path) -> bool:
    collections = data_dir / "collections"
    return collections.is_dir() and any(collections.iterdir())


def _read(data_dir: Path) -> str | None:
    try:
        text = (data_dir / FILE).read_bytes()
    except FileNotFoundError:
        return None
    try:
        return str(json.loads(text)["cluster_id"])
    except (ValueError, KeyError, TypeError) as error:
        raise WrongCluster(f"{data_dir / FILE} cannot be read ({error}): restore it from a backup") from error


def _create(data_dir: Path, cluster_id: str) -> str:
    """Write the file unless another process has just done so, and return the id that it holds."""
    data_dir.mkdir(parents=True, exist_ok=True)
    temporary = data_dir / f".{FILE}.{uuid.uuid4().hex}"
    with temporary.open("xb") as file:
        file.write(json.dumps({"cluster_id": cluster_id}).encode())
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, data_dir / FILE)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    directory = os.open(data_dir, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return _read(data_dir) or cluster_id
