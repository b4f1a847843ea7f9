"""Payload edits of a segment's rows, in the order in which they were made, for the columns over them.

Edits come in without waiting for anything. A filter takes what came in and sees the edits as they are then. Edits that
later ones of the same row supersede are dropped when they outnumber the current ones; a new `age` then tells that the
numbering of edits has begun anew.
"""

import threading
from collections import deque
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.segment.columns.growable import Growable

INCOMING_MAX = 65_536
"""Most edits that wait for the next filter."""

SLACK = 1024
"""Superseded edits fewer than this stay."""


class EditsSeen(NamedTuple):
    """The edits at one moment.

    age     of the numbering;  serial  how many edits there ever were
    rows    int64 (n,), the row of each edit, oldest first
    texts   the payloads; only the first n count, later ones may come
    """

    age: int
    serial: int
    rows: npt.NDArray[np.int64]
    texts: list[bytes]

    def payloads(self, first: int, last: int) -> list[bytes]:
        """Return the payloads of edits [first, last)."""
        return self.texts[first:last]


class Edits:
    """Edits of one segment. One thread adds, any thread sees."""

    def __init__(self) -> None:
        self._incoming: deque[tuple[int, bytes]] = deque()
        self._rows = Growable(np.int64)
        self._texts: list[bytes] = []
        self._keep_max = SLACK
        self._age = 0
        self._serial = 0
        self._lock = threading.Lock()

    def add(self, row: int, payload: bytes) -> None:
        """Note an edit."""
        self._incoming.append((row, payload))
        if len(self._incoming) > INCOMING_MAX:
            self.seen()

    def seen(self) -> EditsSeen:
        """Return all edits until now."""
        with self._lock:
            if self._incoming:
                self._take()
            return EditsSeen(self._age, self._serial, self._rows.view(), self._texts)

    def _take(self) -> None:
        taken = [self._incoming.popleft() for _ in range(len(self._incoming))]
        self._serial += len(taken)
        self._rows.append([row for row, _ in taken])
        self._texts.extend(payload for _, payload in taken)
        if len(self._texts) > self._keep_max:
            latest = dict(zip(self._rows.view().tolist(), self._texts, strict=True))
            self._rows = Growable(np.int64)
            self._rows.append(list(latest))
            self._texts = list(latest.values())
            self._keep_max = 2 * len(latest) + SLACK
            self._age += 1
