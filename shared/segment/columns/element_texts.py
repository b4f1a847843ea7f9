"""The elements of nested arrays as JSON texts, cut out of the payload texts as they are there: no number changes.

The decoder is asked for raw texts step by step along the path: what lies beside it is skipped, not made into objects.
"""

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from shared.segment.columns.growable import Growable
from shared.segment.columns.parse import lenient
from shared.segment.columns.paths import EVERY, Path, select

Elements = tuple[list[int], list[bytes]]
"""The row of each element within a batch, ascending, and the texts of the elements."""

_raw_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_raw_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_NOTHING = msgspec.Raw(b"null")


def element_reader(path: Path) -> Callable[[Sequence[bytes]], Elements]:
    """Return a reader of the objects that a path selects in payload texts."""
    first, below = path[0], path[1:]
    fields: Any = msgspec.defstruct(
        "Fields", [("value", msgspec.Raw, _NOTHING)], rename={"value": str(first)}, gc=False
    )
    decode = msgspec.json.Decoder(list[fields]).decode

    def elements(payloads: Sequence[bytes]) -> Elements:
        rows: list[int] = []
        texts: list[bytes] = []
        try:
            decoded = decode(b"[" + b",".join([payload or b"{}" for payload in payloads]) + b"]")
            for row, item in enumerate(decoded):
                found = list(_objects(bytes(item.value), below))
                rows += [row] * len(found)
                texts += found
        except ValueError:
            return _lenient_elements(payloads, path)
        return rows, texts

    return elements


def _objects(text: bytes, path: Path) -> Iterator[bytes]:
    """Yield the texts of the objects that a path selects in a JSON text."""
    if not path:
        if text.startswith(b"{"):
            yield text
        return
    step = path[0]
    if isinstance(step, str):
        if text.startswith(b"{") and (value := _raw_object(text).get(step)) is not None:
            yield from _objects(bytes(value), path[1:])
    elif text.startswith(b"["):
        values = _raw_list(text)
        chosen = map(bytes, values if step is EVERY else values[step : step + 1])
        if len(path) == 1:
            yield from (element for element in chosen if element.startswith(b"{"))
            return
        for element in chosen:
            yield from _objects(element, path[1:])


def _lenient_elements(payloads: Sequence[bytes], path: Path) -> Elements:
    rows: list[int] = []
    texts: list[bytes] = []
    for row, payload in enumerate(payloads):
        for element in select(lenient(payload), path):
            if isinstance(element, dict):
                rows.append(row)
                texts.append(json.dumps(element).encode())
    return rows, texts


class ElementTexts:
    """Texts one after another. Grows by `extend` until `freeze`."""

    def __init__(self) -> None:
        self._blob = Growable(np.uint8)
        self._offsets = Growable(np.int64)
        self._offsets.append([0])

    def __len__(self) -> int:
        return self._offsets.count - 1

    def extend(self, texts: Sequence[bytes]) -> None:
        """Add texts."""
        self._blob.append(np.frombuffer(b"".join(texts), np.uint8))
        ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
        self._offsets.append(ends + self._offsets.view()[-1])

    def freeze(self) -> None:
        """Give spare memory back."""
        self._blob.trim()
        self._offsets.trim()

    def texts(self, first: int, last: int) -> list[bytes]:
        """Return the texts [first, last)."""
        offsets = self._offsets.view()[first : last + 1].tolist()
        whole = self._blob.view()[offsets[0] : offsets[-1]].tobytes()
        return [whole[begin - offsets[0] : end - offsets[0]] for begin, end in itertools.pairwise(offsets)]

    @property
    def nbytes(self) -> int:
        """Memory that they take."""
        return self._blob.nbytes + self._offsets.nbytes
