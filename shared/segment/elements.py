"""How the elements of a slot are stored and widened: float32, float16, uint8.

Every score and every code is of widened rows, float32. Bytes under Cosine are stored as they came, since rows of unit
length would round to zeros; they are compared as if they had unit length (see kernels/scores.py).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from shared.schema.slots import Datatype, Distance
from shared.segment.distance import normalised
from shared.segment.layout import SlotLayout

Floats = npt.NDArray[np.float32]
Stored = npt.NDArray[Any]
"""Rows of a slot's own type."""

_DTYPES: dict[Datatype, np.dtype[Any]] = {
    Datatype.FLOAT32: np.dtype("<f4"),
    Datatype.FLOAT16: np.dtype("<f2"),
    Datatype.UINT8: np.dtype("u1"),
}


def dtype_of(layout: SlotLayout) -> np.dtype[Any]:
    """Return the type of a slot's stored elements."""
    return _DTYPES[layout.datatype]


def keeps_length(layout: SlotLayout) -> bool:
    """Return whether rows are stored as they came although they are compared at unit length."""
    return layout.datatype is Datatype.UINT8 and layout.distance is Distance.COSINE


def widened(layout: SlotLayout, rows: Stored) -> Floats:
    """Return rows (n, dim) as they are compared: float32, of unit length where the slot stores other lengths.

    What codes and graphs are built of. float32 rows come back as they are, others as a copy.
    """
    wide = np.asarray(rows, dtype=np.float32)
    return normalised(wide) if keeps_length(layout) else wide


def narrowed(layout: SlotLayout, rows: Floats) -> Stored:
    """Return float32 rows as the slot stores them: bytes lose their fraction and are held within 0 to 255.

    Raises   OverflowError for a value beyond float16
    """
    if layout.datatype is Datatype.UINT8:
        return np.clip(rows, 0, 255).astype(np.uint8)
    if layout.datatype is Datatype.FLOAT32:
        return np.asarray(rows, dtype="<f4")
    with np.errstate(over="ignore"):
        halves = np.asarray(rows).astype("<f2")
    if not np.isfinite(halves).all():
        raise OverflowError("a value is beyond float16, which ends at 65504")
    return halves
