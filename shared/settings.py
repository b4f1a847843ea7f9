"""Every setting, with its default and unit: the only reader of the environment.

A field `redis_url` is the flag `--redis-url` and the variable `SHOAL_REDIS_URL`. README's table is printed from here.
A flag wins over the variable, the variable over the default.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """All settings of all services; each reads what it needs."""

    model_config = SettingsConfigDict(env_prefix="SHOAL_", env_nested_delimiter="__", frozen=True, extra="ignore")

    # where
    host: str = Field("0.0.0.0", description="address that the api listens on")
    port: int = Field(6333, ge=0, le=65535, description="port that the api listens on")
    data_dir: Path = Field(Path("storage"), description="directory of segments, manifests and the private Redis")
    redis_url: str = Field("", description="redis://, rediss:// or unix:// URL; empty starts a private Redis")
    redis_fsync: Literal["always", "everysec"] = Field(
        "always", description="private Redis: everysec may lose acknowledged writes when Redis is killed"
    )
    config: str = Field(
        "", description="YAML file with defaults of new collections; empty takes the shipped services/config.yaml"
    )
    redis_dir: str = Field(
        "", description="where a worker sees the files of a Redis on another volume: its free space is watched too"
    )
    node_name: str = Field("", description="stable name of this worker node; empty takes the host's name")
    rpc_address: str = Field(
        "", description="unix:/path or tcp:host:port that a worker listens on; empty chooses a Unix socket"
    )

    # how many
    api: int = Field(1, ge=1, le=64, description="api processes that share the port")
    ingest: bool = Field(
        True, description="beside each api process one that takes large writes, so that searches do not wait for them"
    )
    workers: int = Field(1, ge=1, le=64, description="worker processes of `shoal serve`")
    memory: bool = Field(False, description="keep everything in this process's memory, on fakeredis; nothing survives")
    single_process: bool = Field(False, description="api, worker and optimizer in one event loop")

    # clients
    compat: Literal["auto", "current", "1.7"] = Field(
        "auto", description="shape of answers: auto goes by the client's User-Agent, the others give one shape to all"
    )

    # request limits
    body_bytes_max: int = Field(32 * 2**20, ge=1024, description="largest request body")
    ingest_bytes: int = Field(
        128 * 2**10, ge=2**14, description="a write's body of so many bytes or more goes to the ingest process"
    )
    batch_points_max: int = Field(100_000, ge=1, description="most points in one write request")
    limit_max: int = Field(100_000, ge=1, description="largest limit + offset of a read")
    searches_max: int = Field(1_000, ge=1, description="most searches in one batch request")
    filter_conditions_max: int = Field(10_000, ge=1, description="most conditions in one filter, nested ones included")
    filter_depth_max: int = Field(64, ge=1, description="deepest nesting of a filter")
    real_time: bool = Field(
        True,
        description="api and worker have real-time priority where the system lets them, while they are not busy",
    )
    search_pause_ms: float = Field(
        1.0,
        ge=0,
        description="pause after a piece of a large body while searches come, on fewer than 4 processors",
    )
    search_patience_ms: float = Field(
        1.0,
        ge=0,
        description="how long a piece of a large body waits for searches, on fewer than 4 processors",
    )
    read_timeout_s: float = Field(60.0, gt=0, description="default timeout of a read")
    shard_wait_s: float = Field(
        8.0, ge=0, description="how long a request waits for a shard that no worker serves before 503"
    )
    write_shard_wait_s: float = Field(
        30.0, ge=0, description="how long a write with wait=true waits for a shard that no worker serves before 503"
    )
    write_wait_s: float = Field(600.0, gt=0, description="longest wait of a write with wait=true that names no timeout")
    rpc_frame_bytes_max: int = Field(256 * 2**20, ge=2**20, description="largest frame between api and worker")
    rpc_calls_max: int = Field(4096, ge=1, description="most calls in flight from one api to one worker")

    # the log
    append_bytes_max: int = Field(
        16 * 2**20, ge=2**16, description="most bytes in one append call; more wait for the next"
    )
    append_entries_max: int = Field(256, ge=1, description="most operations in one append call")
    append_queue_max: int = Field(4096, ge=1, description="most operations that wait for an append, per shard")
    append_wait_s: float = Field(10.0, ge=0, description="how long a write waits under back-pressure before 429")
    append_retry_s: float = Field(
        3.0, ge=0, description="how long a lost append is asked about before 503 outcome unknown"
    )
    read_entries_max: int = Field(64, ge=1, description="most entries of a shard taken from Redis in one read")
    read_block_ms: int = Field(1000, ge=1, description="how long a read of the log blocks")
    log_bytes_max: int = Field(2 * 2**30, ge=2**20, description="most bytes of all logs together, server-wide")
    log_rewrite_s: float = Field(
        30.0, ge=0, description="least time between two rewrites of Redis' file that deletes ask for; 0 asks for none"
    )
    disk_reserve_mb: int = Field(256, ge=0, description="below this free space on a volume appends get 507")
    ballast_mb: int = Field(
        64, ge=0, description="file removed by an operator to let a full disk start again; 0 for none"
    )

    # workers
    heartbeat_s: float = Field(0.5, gt=0, description="how often a node renews its lease")
    lease_ttl_s: float = Field(3.0, gt=0, description="a node that is silent for so long loses its shards")
    appendable_bytes: int = Field(
        32 * 2**20, ge=2**16, description="raw vector bytes at which new collections seal the appendable segment"
    )
    appendable_rows: int = Field(65_536, ge=64, description="rows at which new collections seal the appendable segment")
    shard_rest_s: float = Field(
        5.0, ge=0, description="a shard that applied nothing for so long is read again when it is appended to"
    )
    shard_close_s: float = Field(
        30.0, ge=0, description="a resting shard that was not used for so long may be closed when memory is short"
    )
    open_memory_mb: int = Field(
        0, ge=0, description="memory for open shards before idle ones are closed; 0 takes half of the machine's"
    )
    outcomes_max: int = Field(65_536, ge=1, description="outcomes of operations kept for callers that wait")
    waiters_max: int = Field(65_536, ge=1, description="most calls that wait for a position, per shard")

    # optimizer
    optimizer_interval_s: float = Field(0.5, gt=0, description="how often the optimizer looks for work")
    optimizer_quiet_s: float = Field(
        1.0, ge=0, description="a build waits until a shard's log has been quiet for so long"
    )
    optimizer_quiet_wait_s: float = Field(60.0, ge=0, description="but no longer than this")
    optimizer_nice: int = Field(
        10, ge=0, le=19, description="CPU niceness of the optimizer and its builder; 19 takes only idle time"
    )
    recall_target: float = Field(
        0.95, ge=0, le=1, description="recall@10 that a built graph must reach before it is swapped in"
    )
    indexing_threads: int = Field(0, ge=0, description="threads of a build; 0 takes all processors")

    # caches and logs
    kernel_cache_dir: Path = Field(Path("~/.cache/shoal"), description="where compiled kernels are kept")
    kernel_level: str = Field("", description="x86-64 level of kernels: v3, v4, v4-vnni or host; empty takes the best")
    log_level: str = Field("info", description="debug, info, warning or error")
    log_json: bool = Field(False, description="log lines as JSON")

    # SHOAL_COLLECTION__HNSW_CONFIG__M=32 and the like: over the configuration file, which names them all
    collection: dict[str, Any] = Field({}, description="defaults of new collections")

    # between the launcher and its children, not for people
    service_name: str = Field("", description="name of this process in log lines")
    ready_fd: int = Field(-1, description="a pipe that takes one byte when the service is ready; -1 for none")
    listen_socket: str = Field("", description="Unix socket that an ingest process listens on, instead of the port")
    ingest_socket: str = Field("", description="Unix socket of the process that takes this one's large writes")
    searches_fd: int = Field(-1, description="memory in which api processes tell when searches came; -1 for none")
    crash_point: str = Field("", description="where this process ends itself, as kill -9 would; for recovery tests")


INTERNAL = frozenset(
    {"collection", "service_name", "ready_fd", "listen_socket", "ingest_socket", "searches_fd", "crash_point"}
)
"""Fields that are no flags and not in the README's table: the launcher's for its children, and options of a file."""

SECTIONS = {
    "host": "Where",
    "api": "How many",
    "compat": "Clients",
    "body_bytes_max": "Request limits",
    "append_bytes_max": "The log",
    "heartbeat_s": "Workers",
    "optimizer_interval_s": "Optimizer",
    "kernel_cache_dir": "Caches and logs",
}
"""The first field of each section above, for the help texts and the README's table."""


def variable_of(field: str) -> str:
    """The environment variable of a field."""
    return f"SHOAL_{field.upper()}"


def child_environment(settings: Settings, extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with every setting spelled out, for a child that must agree with its parent."""
    spelled = {
        variable_of(name): json.dumps(value) if isinstance(value, dict) else str(value)
        for name, value in settings.model_dump().items()
    }
    return {**os.environ, **spelled, **extra}
