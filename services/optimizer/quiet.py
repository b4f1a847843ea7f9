"""When a shard's log is quiet enough for a build to be worth its work. Pure: told heads and times, asks nobody.

A build during a bulk load would be built again by the next plan, so it waits until the log's head has stood still for
`quiet_s`; small inputs, which are cheap to build twice, wait `SMALL_QUIET_S`. Nothing waits longer than `wait_s`.
"""

import msgspec

SMALL_BYTES = 8 * 2**20
"""Inputs under this are built in well under a second: building them twice costs less than waiting."""
SMALL_QUIET_S = 0.3


class QuietRule(msgspec.Struct, frozen=True):
    """How long the log has to stand still, and how long a build waits for that at most."""

    quiet_s: float
    wait_s: float


class QuietWatch:
    """Follows the head of one log from the moment that a plan was made."""

    def __init__(self, rule: QuietRule, head: int, now: float) -> None:
        self._rule = rule
        self._head = head
        self._still_since = now
        self._waiting_since = now

    def observe(self, head: int, now: float) -> None:
        """Take the log's head as it is now."""
        if head != self._head:
            self._head, self._still_since = head, now

    def is_quiet(self, input_bytes: int, now: float) -> bool:
        """True when a build of that size should begin."""
        needed_s = min(self._rule.quiet_s, SMALL_QUIET_S) if input_bytes < SMALL_BYTES else self._rule.quiet_s
        return now - self._still_since >= needed_s or now - self._waiting_since >= self._rule.wait_s
