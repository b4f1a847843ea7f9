"""Writes one slot of a built segment: its rows in their final order, then codes and graph of a dense slot.

Codes and graphs are made of float32 rows. Where the slot stores another type, they come from a scratch file of the
widened rows, which is removed again.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from shared.schema.slots import SlotKind
from shared.segment.array_file import read_array, write_pieces
from shared.segment.elements import Stored, dtype_of, widened
from shared.segment.format import ArrayEntry, Arrays, write_arrays
from shared.segment.gather import LiveRows
from shared.segment.index.base import SlotIndex
from shared.segment.index.codes import build_codes
from shared.segment.index.workshop import Progress
from shared.segment.layout import SlotLayout, SlotPlan
from shared.segment.ordered_build import SlotGraphs
from shared.segment.stored_slots import code_arrays
from shared.store.atomic import FileSum

Vectors = NDArray[np.float32]

SCRATCH = "scratch"


class SlotBuilder:
    """Takes the live rows of one slot, gives the header's lines of the arrays that it wrote.

    number   of the slot in the header
    """

    def __init__(self, directory: Path, number: int, name: str, layout: SlotLayout, progress: Progress) -> None:
        self._directory = directory
        self._number = number
        self._name = name
        self._layout = layout
        self._progress = progress
        self._entries: list[ArrayEntry] = []

    def write_dense(
        self, live: LiveRows, plan: SlotPlan, seed: int, threads: int, graphs_of: Callable[[Vectors], SlotGraphs]
    ) -> list[ArrayEntry]:
        """Write a dense slot; `graphs_of` gives the graphs over its rows as they lie."""
        rows = told(self._progress, "gather", live.vectors(self._name, self._layout), len(live))
        stored = self._write_pieces("vectors", (len(live), self._layout.dim), dtype_of(self._layout), rows)
        with_scratch = dtype_of(self._layout) != np.float32
        vectors = self._widened(live) if with_scratch else stored
        try:
            graph, groups = graphs_of(vectors)
            self._progress("codes", 0, 1)
            codes = build_codes(self._layout, plan, vectors, seed, threads)
        finally:
            if with_scratch:
                remove_scratch(self._directory)
        index = SlotIndex(self._layout, stored, len(live), codes=codes, graph=graph, groups=groups)
        self._entries += write_arrays(self._directory, code_arrays(self._number, index))
        self._progress("codes", 1, 1)
        return self._with_present(live)

    def write_ragged(self, live: LiveRows) -> list[ArrayEntry]:
        """Write a multivector or sparse slot."""
        offsets = live.offsets(self._name)
        self._write({"offsets": offsets})
        total = int(offsets[-1])
        for column, row_shape, dtype in _columns(self._layout):
            pieces = live.elements(self._name, column, offsets, dtype.itemsize * math.prod(row_shape))
            self._write_pieces(column, (total, *row_shape), dtype, pieces)
        return self._with_present(live)

    def _widened(self, live: LiveRows) -> Vectors:
        return wide_scratch(self._directory, live, self._name, self._layout, self._progress)

    def _with_present(self, live: LiveRows) -> list[ArrayEntry]:
        present = live.present(self._name)
        if present is not None:
            self._write({"present": present})
        return self._entries

    def _write(self, arrays: Arrays) -> None:
        named = {f"{self._number}.{name}": array for name, array in arrays.items()}
        self._entries += write_arrays(self._directory, named)

    def _write_pieces(self, name: str, shape: Sequence[int], dtype: DTypeLike, pieces: Iterable[Stored]) -> Stored:
        """Write an array and return it as a map of the file."""
        entry = write_entry(self._directory, f"{self._number}.{name}", shape, dtype, pieces)
        self._entries.append(entry)
        written = FileSum(entry.size, entry.checksum)
        return read_array(self._directory / f"{entry.name}.npy", written, entry.shape, entry.dtype)


def wide_scratch(directory: Path, live: LiveRows, name: str, layout: SlotLayout, progress: Progress) -> Vectors:
    """Write the rows of a dense slot as float32 into the scratch file and return them as a map of it."""
    pieces = (widened(layout, piece) for piece in told(progress, "gather", live.vectors(name, layout), len(live)))
    entry = write_entry(directory, SCRATCH, (len(live), layout.dim), np.float32, pieces)
    return read_array(directory / f"{SCRATCH}.npy", FileSum(entry.size, entry.checksum), entry.shape, entry.dtype)


def remove_scratch(directory: Path) -> None:
    """Remove the scratch file; who still maps it keeps what it maps."""
    (directory / f"{SCRATCH}.npy").unlink()


def write_entry(
    directory: Path, name: str, shape: Sequence[int], dtype: DTypeLike, pieces: Iterable[NDArray[Any]]
) -> ArrayEntry:
    """Write an array whose rows come in pieces and return the header's line for it."""
    written = write_pieces(directory / f"{name}.npy", tuple(shape), dtype, pieces)
    return ArrayEntry(name, written.size, written.checksum, np.dtype(dtype).str, list(shape))


def told(progress: Progress, stage: str, pieces: Iterable[Stored], total: int) -> Iterator[Stored]:
    """Pass pieces on and tell how far they came."""
    done = 0
    for piece in pieces:
        yield piece
        done += len(piece)
        progress(stage, done, total)


def _columns(layout: SlotLayout) -> list[tuple[str, tuple[int, ...], np.dtype[Any]]]:
    """Return name, shape of a row and type of the arrays behind a ragged slot's offsets."""
    if layout.kind is SlotKind.MULTI:
        return [("vectors", (layout.dim,), dtype_of(layout))]
    return [("indices", (), np.dtype("<u4")), ("values", (), np.dtype("<f4"))]
