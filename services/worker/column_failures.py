"""Which columns of payload indexes could not be made ready, why, and when each is tried again. Pure.

Waits double from half a second to a minute, for as long as the column is wanted: what kept it from being built, memory
or a disk, may come back at any time.
"""

from typing import NamedTuple

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 60.0


class Subject(NamedTuple):
    """A column of a segment; `kind` by its name."""

    segment_id: str
    path: str
    kind: str


class _Failure(NamedTuple):
    tries: int
    next_at: float
    reason: str


class ColumnFailures:
    """Takes what became of each try, gives what to try when."""

    def __init__(self) -> None:
        self._failures: dict[Subject, _Failure] = {}

    def may_try(self, subject: Subject, now: float) -> bool:
        """True when a column did not fail last time, or its wait is over."""
        failure = self._failures.get(subject)
        return failure is None or now >= failure.next_at

    def failed(self, subject: Subject, reason: str, now: float) -> None:
        """Note a failure."""
        failure = self._failures.get(subject)
        tries = failure.tries + 1 if failure is not None else 1
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(tries - 1, 16))
        self._failures[subject] = _Failure(tries, now + wait_s, reason)

    def succeeded(self, subject: Subject) -> None:
        """Forget the failures of a column."""
        self._failures.pop(subject, None)

    def keep(self, wanted: set[Subject]) -> None:
        """Forget the columns that nobody wants any more."""
        self._failures = {subject: failure for subject, failure in self._failures.items() if subject in wanted}

    @property
    def next_at(self) -> float | None:
        """When the next of them is to be tried again; None when there is none."""
        return min((failure.next_at for failure in self._failures.values()), default=None)

    @property
    def reasons(self) -> dict[str, str]:
        """The reason for each path, one where several columns of it failed."""
        return {subject.path: failure.reason for subject, failure in sorted(self._failures.items())}
