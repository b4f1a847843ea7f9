"""Payload edits of a segment's rows, in the order in which they were made, for the columns over them.

An edit is the whole payload of one row, or the layers that are in force from then on (patched_rows.py): rows in a layer
have what its patch puts, at the keys that it touches, instead of what earlier edits and the rows' own payloads say.

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
from shared.segment.patched_rows import Layers

INCOMING_MAX = 4096
"""Most edits that wait for the next filter: taking them over must not hold whoever asks."""

WAITING_LAYERS_MAX = 16
"""Most times that layers wait for the next filter: only the last count, and each keeps words in memory."""

SLACK = 1024
"""Superseded edits fewer than this stay."""


class EditsSeen(NamedTuple):
    """The edits at one moment.

    age     of the numbering;  serial  how many edits there ever were
    rows    int64 (n,), the row of each edit, oldest first
    texts   the payloads; only the first n count, later ones may come
    before  how many edits came before the layers; the others came after them
    layers  disjoint;  layers_age  tells layers of one moment from those of another
    """

    age: int
    serial: int
    rows: npt.NDArray[np.int64]
    texts: list[bytes]
    before: int
    layers: Layers
    layers_age: int

    @property
    def is_empty(self) -> bool:
        """True while no payload was edited."""
        return not len(self.rows) and not self.layers

    def payloads(self, first: int, last: int) -> list[bytes]:
        """Return the payloads of edits [first, last)."""
        return self.texts[first:last]


class Edits:
    """Edits of one segment. One thread adds, any thread sees."""

    def __init__(self) -> None:
        self._incoming: deque[tuple[int, bytes] | _InForce] = deque()
        self._rows = Growable(np.int64)
        self._texts: list[bytes] = []
        self._keep_max = SLACK
        self._age = 0
        self._serial = 0
        self._before = 0
        self._layers: Layers = ()
        self._layers_age = 0
        self._waiting_layers = 0
        self._lock = threading.Lock()
        self.count = 0
        """How many changes there ever were; it rises once a change has come in."""

    def add(self, row: int, payload: bytes) -> None:
        """Note an edit."""
        self._incoming.append((row, payload))
        self.count += 1
        if len(self._incoming) > INCOMING_MAX:
            self.seen()

    def add_layers(self, layers: Layers) -> None:
        """Note the layers that are in force from now on. They hold no row that was edited since the layers before."""
        if not layers and self.is_empty:
            return
        self._incoming.append(_InForce(layers))
        self.count += 1
        self._waiting_layers += 1
        if self._waiting_layers > WAITING_LAYERS_MAX:
            self.seen()

    @property
    def is_empty(self) -> bool:
        """True while no payload was edited: until the last edit that had come in when this was asked."""
        return self.count == 0

    def seen(self) -> EditsSeen:
        """Return all edits until now."""
        with self._lock:
            if self._incoming:
                self._take()
            return EditsSeen(
                self._age, self._serial, self._rows.view(), self._texts, self._before, self._layers, self._layers_age
            )

    def _take(self) -> None:
        self._waiting_layers = 0
        taken = [self._incoming.popleft() for _ in range(len(self._incoming))]
        self._serial += len(taken)
        rows = []
        for edit in taken:
            if isinstance(edit, _InForce):
                self._layers, self._before = edit.layers, len(self._texts)
                self._layers_age += 1
            else:
                rows.append(edit[0])
                self._texts.append(edit[1])
        self._rows.append(rows)
        if len(self._texts) > self._keep_max:
            self._compact()

    def _compact(self) -> None:
        """Keep the last edit of each row, in the order of these."""
        rows = self._rows.view()
        _, places = np.unique(rows[::-1], return_index=True)
        kept = np.sort(len(rows) - 1 - places)
        self._rows = Growable(np.int64)
        self._rows.append(rows[kept])
        self._texts = [self._texts[place] for place in kept.tolist()]
        self._before = int(np.searchsorted(kept, self._before))
        self._keep_max = 2 * len(kept) + SLACK
        self._age += 1


class _InForce(NamedTuple):
    """Layers on their way in."""

    layers: Layers
