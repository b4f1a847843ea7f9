"""Payload changes beside a segment: row → (version, payload), the latest change of a row only.

Kept in the order of change, so that what changed after a position is found without looking at the rest.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from shared.segment.bits import Rows


class OverlayChange(NamedTuple):
    """The payload that a row has had since `version`. `payload` is JSON object text, b"" when empty."""

    row: int
    version: int
    payload: bytes


class Overlay:
    """The payload changes of one segment. Changed by one loop; iterate over copies that `changed_after` returns."""

    def __init__(self) -> None:
        self._changes: dict[int, OverlayChange] = {}
        self.revision = 0
        """Grows with each change: tells caches that something moved."""
        self.nbytes = 0
        """Bytes of the payloads that count now."""

    def __len__(self) -> int:
        return len(self._changes)

    def __contains__(self, row: int) -> bool:
        return row in self._changes

    def get(self, row: int) -> OverlayChange | None:
        """Return the change of a row, None when it has none."""
        return self._changes.get(row)

    def set(self, row: int, version: int, payload: bytes) -> None:
        """Put the latest payload of a row. Versions never fall."""
        self._forget(row)
        self._changes[row] = OverlayChange(row, version, payload)
        self.nbytes += len(payload)
        self.revision += 1

    def drop(self, rows: list[int]) -> None:
        """Forget the changes of rows that were tombstoned."""
        for row in rows:
            if self._forget(row):
                self.revision += 1

    def _forget(self, row: int) -> bool:
        change = self._changes.pop(row, None)
        self.nbytes -= len(change.payload) if change is not None else 0
        return change is not None

    def rows(self) -> Rows:
        """Return the rows that have a change, int64, in the order of change."""
        return np.fromiter(self._changes, dtype=np.int64, count=len(self._changes))

    def changed_after(self, position: int) -> list[OverlayChange]:
        """Return the changes with a version above `position`, oldest first. Cost: as many as are returned."""
        found = list(self._newer(position))
        found.reverse()
        return found

    def _newer(self, position: int) -> Iterator[OverlayChange]:
        for change in reversed(self._changes.values()):
            if change.version <= position:
                return
            yield change
