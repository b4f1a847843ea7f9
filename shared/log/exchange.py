"""One command and its answer, and Lua scripts, with failures told apart by what they say of the outcome.

- LogUnavailable   nothing was sent, or Redis answered that it ran nothing (LOADING, BUSY, ...)
- OutcomeUnknown   sent, and no answer came; for a command that only reads this is LogUnavailable too
- StorageFull      Redis has no memory or disk for writes
Any other error of the server is a mistake of ours and is raised as it is. Answers are raw: bytes, int, list, None.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.errors import LogUnavailable, OutcomeUnknown, StorageFull, Unavailable

Argument = bytes | str | int

ANSWER_S = 10.0
"""How long an answer may take, beyond what the command itself waits."""

_LOST = (RedisConnectionError, RedisTimeoutError, TimeoutError, OSError)
_NO_SPACE = ("OOM command not allowed", "MISCONF")
_NOT_RUN = (ReadOnlyError, ClusterDownError, MasterDownError, TryAgainError)
_NOT_RUN_TEXT = ("BUSY", "NOREPLICAS")


async def exchange(
    redis: Redis, *command: Argument, timeout_s: float = ANSWER_S, lost: type[Unavailable] = OutcomeUnknown
) -> Any:
    """Send one command and return its answer; `lost` is raised when it was sent and no answer came."""
    return (await exchange_many(redis, [command], timeout_s=timeout_s, lost=lost))[0]


async def exchange_many(
    redis: Redis,
    commands: list[tuple[Argument, ...]],
    timeout_s: float = ANSWER_S,
    lost: type[Unavailable] = OutcomeUnknown,
) -> list[Any]:
    """Send commands in one write and return their answers."""
    pool = redis.connection_pool
    try:
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]
    except BusyLoadingError as error:
        raise LogUnavailable("redis is loading its data") from error
    except _LOST as error:
        raise LogUnavailable(f"redis cannot be reached: {error}") from error
    try:
        async with asyncio.timeout(timeout_s):
            if len(commands) == 1:
                await connection.send_command(*commands[0])
            else:
                await connection.send_packed_command(connection.pack_commands(commands))
            return [await connection.read_response() for _ in commands]
    except BusyLoadingError as error:
        raise LogUnavailable("redis is loading its data") from error
    except _LOST as error:
        raise lost(f"no answer from redis: {str(error) or type(error).__name__}") from error
    except ResponseError as error:
        if len(commands) > 1:
            await connection.disconnect()  # answers of the commands behind the failed one are still to come
        raise _translated(error) from error
    finally:
        await pool.release(connection)


async def ask(redis: Redis, *command: Argument, timeout_s: float = ANSWER_S) -> Any:
    """Send a command that changes nothing and return its answer; every loss is LogUnavailable."""
    return await exchange(redis, *command, timeout_s=timeout_s, lost=LogUnavailable)


def _translated(error: ResponseError) -> Exception:
    """Return our error for an answer of the server's, or the same error when it is none of those above."""
    text = str(error)
    if isinstance(error, OutOfMemoryError) or any(mark in text for mark in _NO_SPACE):
        return StorageFull(f"redis has no room for writes: {text}")
    if isinstance(error, _NOT_RUN) or text.startswith(_NOT_RUN_TEXT):
        return LogUnavailable(f"redis is not ready: {text}")
    return error


class Script:
    """A Lua script, sent once by content and then called by its hash.

    A server that does not know the hash has run nothing, so sending the text then is safe.
    """

    def __init__(self, source: Path) -> None:
        self._text = source.read_bytes()
        self._sha = hashlib.sha1(self._text, usedforsecurity=False).hexdigest()

    async def call(
        self, redis: Redis, keys: Sequence[str], arguments: Sequence[Argument], lost: type[Unavailable] = OutcomeUnknown
    ) -> Any:
        """Run the script and return its answer."""
        try:
            return await exchange(redis, "EVALSHA", self._sha, len(keys), *keys, *arguments, lost=lost)
        except NoScriptError:
            return await exchange(redis, "EVAL", self._text, len(keys), *keys, *arguments, lost=lost)
