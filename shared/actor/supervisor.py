"""Starts actors, and starts them again when they crash: boundedly often, with a growing pause, then it gives up.

Giving up calls `on_failure` once; the service decides what that means (usually: end the process, the launcher starts a
new one). Restarts are forgiven after a quiet time, so that a rare fault never adds up to a failure.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import structlog

from shared.actor.actor import Actor
from shared.clock import Clock, SystemClock

log = structlog.get_logger(__name__)

OnFailure = Callable[[str, Exception], None]


class RestartPolicy(NamedTuple):
    """How often, after which pauses (doubled from `pause_s` to `pause_max_s`), and when crashes are forgiven."""

    restarts_max: int = 5
    pause_s: float = 0.1
    pause_max_s: float = 5.0
    forgiven_after_s: float = 60.0


class _Watched:
    def __init__(self, actor: Actor[Any], policy: RestartPolicy) -> None:
        self.actor = actor
        self.policy = policy
        self.crashes = 0
        self.last_crash = float("-inf")
        self.restarting: asyncio.Task[None] | None = None


class Supervisor:
    """Takes actors, keeps them running."""

    def __init__(self, on_failure: OnFailure, clock: Clock | None = None) -> None:
        self._on_failure = on_failure
        self._clock = clock or SystemClock()
        self._watched: dict[str, _Watched] = {}
        self.restarts = 0

    def start(self, actor: Actor[Any], policy: RestartPolicy = RestartPolicy()) -> None:  # noqa: B008  # immutable
        """Start an actor and watch it. Names are unique among the watched."""
        assert actor.name not in self._watched, f"{actor.name} is watched already"
        self._watched[actor.name] = _Watched(actor, policy)
        actor.start(self._crashed)

    async def stop(self, actor: Actor[Any], timeout_s: float = 10.0) -> None:
        """Stop one actor and forget it."""
        watched = self._watched.pop(actor.name, None)
        if watched is not None and watched.restarting is not None:
            watched.restarting.cancel()
        await actor.stop(timeout_s)

    async def stop_all(self, timeout_s: float = 10.0) -> None:
        """Stop all actors, the last started first."""
        for watched in reversed(list(self._watched.values())):
            await self.stop(watched.actor, timeout_s)

    def _crashed(self, actor: Actor[Any], error: Exception) -> None:
        watched = self._watched.get(actor.name)
        if watched is None:
            return
        now = self._clock.now()
        if now - watched.last_crash > watched.policy.forgiven_after_s:
            watched.crashes = 0
        watched.crashes += 1
        watched.last_crash = now
        log.error("actor crashed", actor=actor.name, crashes=watched.crashes, error=repr(error), exc_info=error)
        if watched.crashes > watched.policy.restarts_max or actor.mailbox.is_closed:
            self._on_failure(actor.name, error)
            return
        watched.restarting = asyncio.create_task(self._restart(watched))

    async def _restart(self, watched: _Watched) -> None:
        policy = watched.policy
        await self._clock.sleep(min(policy.pause_s * 2 ** (watched.crashes - 1), policy.pause_max_s))
        self.restarts += 1
        watched.actor.start(self._crashed)
