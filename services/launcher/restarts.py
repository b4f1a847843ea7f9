"""When a child that ended is started again: pure arithmetic."""

import msgspec

FIRST_DELAY_S = 0.1
DELAY_MAX_S = 5.0
SETTLED_S = 30.0
"""A child that lived so long has settled: its next crash counts as the first."""
CRASHES_MAX = 12
"""So many crashes in a row, and the launcher gives up (about 45 seconds of trying)."""


class Restarts(msgspec.Struct, frozen=True):
    """The crashes in a row so far."""

    crashes: int = 0

    def after(self, lived_s: float) -> "Restarts":
        """The state after one more crash of a child that had lived `lived_s`."""
        return Restarts(1 if lived_s >= SETTLED_S else self.crashes + 1)

    @property
    def given_up(self) -> bool:
        """True when there is no point in another try."""
        return self.crashes >= CRASHES_MAX

    @property
    def delay_s(self) -> float:
        """How long to wait before the next try."""
        return min(DELAY_MAX_S, FIRST_DELAY_S * 2.0 ** max(0, self.crashes - 1))
