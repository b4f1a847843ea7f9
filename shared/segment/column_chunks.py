"""Columns of declared payload indexes as chunk files beside their sealed segment: what is to be written, and back.

A column file is derived: what is missing, damaged or of another format is built anew from the payloads, and never makes
a segment suspect. A chunk of kind `column` has the fact `format`, as names the path and the kind, and the arrays that
the kind gave.

Where the arrays of a file are kept is the index's `memory`: pinned copies them into memory, cached reads them through
their map, cold maps them without reading ahead.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from shared.errors import ChecksumMismatch, Corrupt, UnknownFormat
from shared.schema.slots import Memory
from shared.segment.chunks import Chunk, read_chunk, write_chunk
from shared.segment.columns.column_set import ColumnSet
from shared.segment.columns.field_arrays import Kind
from shared.segment.sealed import SealedSegment
from shared.store.crash import crash_point
from shared.store.manifest import ColumnRef

FORMAT = 1
"""Of the arrays that columns give: a file of another format is built anew."""


class ColumnSource(NamedTuple):
    """A column that has no file yet."""

    key: str
    kind: Kind
    columns: ColumnSet


class Damaged(NamedTuple):
    """A column file that cannot be used, and why."""

    ref: ColumnRef
    reason: str


def columns_rest(segment: SealedSegment, known: Iterable[ColumnRef]) -> tuple[list[ColumnRef], list[ColumnSource]]:
    """Return the column files that stay, and the columns to write: those that are declared and built."""
    wanted = segment.columns.wanted()
    kept = [ref for ref in known if (ref.key, ref.kind) in wanted]
    stays = {(ref.key, ref.kind) for ref in kept}
    unbuilt = {(key, kind.name) for key, kind in segment.columns.unbuilt()}
    return kept, [
        ColumnSource(key, kind, segment.columns)
        for (key, name), kind in wanted.items()
        if (key, name) not in stays and (key, name) not in unbuilt
    ]


def write_columns(shard_directory: Path, segment_id: str, sources: Iterable[ColumnSource]) -> list[ColumnRef]:
    """Write columns, durably. One that was dropped from memory meanwhile is left out."""
    written = []
    for key, kind, columns in sources:
        arrays = columns.stored(key, kind)
        if arrays is not None:
            chunk = Chunk("column", {"format": FORMAT}, [key, kind.name], dict(arrays))
            written.append(ColumnRef(key, kind.name, write_chunk(shard_directory, segment_id, chunk)))
            crash_point("after_column_written")
    return written


def open_columns(shard_directory: Path, segment: SealedSegment, refs: Iterable[ColumnRef]) -> list[Damaged]:
    """Give a segment the columns of its declared indexes that have files; return the files that cannot be used."""
    wanted = segment.columns.wanted()
    damaged = []
    for ref in refs:
        kind = wanted.get((ref.key, ref.kind))
        if kind is None:
            continue
        try:
            open_column(shard_directory, segment, ref, kind)
        except (Corrupt, OSError) as error:
            damaged.append(Damaged(ref, str(error)))
    return damaged


def open_column(shard_directory: Path, segment: SealedSegment, ref: ColumnRef, kind: Kind) -> None:
    """Give a segment a column from its file, kept where its index wants it, unless that was dropped meanwhile.

    Raises Corrupt, OSError.
    """
    index = segment.columns.declared.get(ref.key)
    if index is None:
        return
    place = index.place
    chunk = read_chunk(shard_directory, ref.file, "column", is_cold=place is Memory.COLD)
    if chunk.facts.get("format") != FORMAT:
        raise UnknownFormat(f"{ref.file.name}: column format {chunk.facts.get('format')}, this build reads {FORMAT}")
    if chunk.names != [ref.key, ref.kind]:
        raise ChecksumMismatch(f"{ref.file.name}: expected column {[ref.key, ref.kind]}, found {chunk.names}")
    arrays = chunk.arrays
    if place is Memory.PINNED:
        arrays = {name: np.array(array) for name, array in arrays.items()}
    segment.columns.restore(ref.key, kind, arrays)
    segment.column_places[ref.key, ref.kind] = place


def share_columns(segment: SealedSegment, twin: SealedSegment) -> None:
    """Give a segment that was opened from another one's files the columns which that one has in memory."""
    twin.columns.share(segment.columns)
    twin.column_places = dict(segment.column_places)


def misplaced_columns(segment: SealedSegment, refs: Iterable[ColumnRef]) -> list[tuple[ColumnRef, Kind]]:
    """Return the files of columns in memory that are kept otherwise than their index wants."""
    wanted = segment.columns.wanted()
    places = {name: place for name, place in segment.column_places.items() if name in wanted}
    segment.column_places = places
    return [
        (ref, kind)
        for ref in refs
        if (kind := wanted.get((ref.key, ref.kind))) is not None
        and places.get((ref.key, ref.kind), Memory.PINNED) is not segment.columns.declared[ref.key].place
    ]
