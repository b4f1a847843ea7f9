"""Checkpoints of one segment: freeze on the loop, write in a thread, load at start.

1. `freeze_segment` takes, at one position, references to arrays that later changes leave alone, and copies nothing but
   the lists of what is new. It compares with `entry`, what the last durable manifest says of the segment, and takes
   only the rest.
2. `write_frozen` writes that rest as new chunk files (or the directory of a segment sealed since) and gives the new
   entry. What it wrote counts once a manifest names it; a failed checkpoint leaves unnamed files and nothing else.
3. `load_segment` reads an entry back: same rows in the same order, same tombstones, same payload changes. Its columns
   are opened apart from it (column_chunks.py): what cannot be used of them is built anew.

Chunks of rows and of changes are merged as they come, so that each is larger than all after it together: a segment has
O(log n) of them and a row is rewritten O(log n) times, however often checkpoints come.
"""

import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from shared.errors import ChecksumMismatch, Corrupt
from shared.segment.appendable import AppendableSegment, RowsCut
from shared.segment.bits import Words
from shared.segment.chunk_kinds import (
    load_overlay,
    load_rows,
    load_tombstones,
    write_overlay,
    write_rows,
    write_tombstones,
)
from shared.segment.column_chunks import ColumnSource, columns_rest, write_columns
from shared.segment.format import header_ref
from shared.segment.indexed_points import indexed_points
from shared.segment.layer_chunks import LayersCut, layers_rest, load_layers, write_layers
from shared.segment.layout import Layout
from shared.segment.overlay import Overlay, OverlayChange
from shared.segment.parts import SealedParts
from shared.segment.placement import CACHED, Placement
from shared.segment.sealed import SealedSegment
from shared.segment.stored import open_parts, write_parts
from shared.store.atomic import FileSum, crash_point, publish_directory
from shared.store.collect import SEGMENTS
from shared.store.manifest import ChunkRef, SegmentEntry

AnySegment = AppendableSegment | SealedSegment


@dataclass(frozen=True, slots=True)
class FrozenSegment:
    """One segment at one position: immutable, all that `write_frozen` needs.

    entry        what the new entry says already: figures of now, and the files that stay
    through      position of the cut
    live_words   where tombstones must be written, else None
    changes      payload changes after the overlay chunks that stay
    rows         rows of an appendable after the rows chunks that stay, None where there are none
    parts        of a sealed segment that is not on disk yet
    columns      of declared payload indexes that are built and have no file yet
    layers       of patched rows, to be written in the place of those before
    points       counts the points of declared payload indexes, a while later; None where there are none to count
    """

    entry: SegmentEntry
    through: int
    live_words: Words | None
    changes: list[OverlayChange]
    rows: RowsCut | None = None
    parts: SealedParts | None = None
    columns: tuple[ColumnSource, ...] = ()
    points: Callable[[], dict[str, int]] | None = None
    layers: LayersCut | None = None

    @property
    def is_unchanged(self) -> bool:
        """True where nothing is to be written."""
        parts = (self.live_words, self.rows, self.parts, self.layers)
        return not self.changes and not self.columns and all(part is None for part in parts)


def freeze_segment(
    segment: AnySegment, entry: SegmentEntry | None, *, position: int, generation: int = 0
) -> FrozenSegment:
    """Return the segment as it is at this position. To be called on the loop that applies.

    entry        what the last durable manifest says of this segment, None when it does not name it
    generation   config generation in force: noted for an appendable; a sealed segment knows its own
    """
    known = entry or SegmentEntry(segment.segment_id, segment.state, rows=0, live=0)
    figures = segment.figures()
    overlays, changes = _overlay_rest(segment.overlay, known.overlays)
    kept_layers, layers = layers_rest(segment.overlay, known.layers, segment.live_words)
    stays = msgspec.structs.replace(
        known, state=segment.state, overlays=overlays, layers=kept_layers, reason="", **figures._asdict()
    )
    has_new_dead = figures.rows - figures.live != known.rows - known.live
    live_words = segment.live_words if has_new_dead else None
    if isinstance(segment, AppendableSegment):
        kept, rows = _rows_rest(segment, known.rows_chunks)
        stays = msgspec.structs.replace(stays, rows_chunks=kept, generation=generation)
        return FrozenSegment(
            stays, position, live_words, changes, rows=rows, points=partial(indexed_points, segment), layers=layers
        )
    header = known.header or segment.header
    files, columns = columns_rest(segment, known.columns)
    stays = msgspec.structs.replace(
        stays,
        columns=files,
        unbuilt_columns=len(segment.columns.unbuilt()),
        rows_chunks=[],
        header=header,
        generation=segment.parts.generation,
        recall=segment.parts.recall,
        built=segment.parts.built,
    )
    return FrozenSegment(
        stays,
        position,
        live_words,
        changes,
        parts=None if header else segment.parts,
        columns=tuple(columns),
        points=partial(indexed_points, segment),
        layers=layers,
    )


def write_frozen(shard_directory: Path, frozen: FrozenSegment) -> SegmentEntry:
    """Write what is new, durably, and return the segment's entry for the next manifest. To be called in a thread."""
    entry, segment_id = frozen.entry, frozen.entry.segment_id
    if frozen.rows is not None:
        ref = write_rows(shard_directory, segment_id, frozen.rows)
        entry = msgspec.structs.replace(entry, rows_chunks=[*entry.rows_chunks, ref])
    if frozen.parts is not None:
        entry = msgspec.structs.replace(entry, header=write_sealed(shard_directory, frozen.parts))
    crash_point("between_chunks")
    if frozen.live_words is not None:
        ref = write_tombstones(shard_directory, segment_id, frozen.live_words, entry.rows)
        entry = msgspec.structs.replace(entry, tombstones=ref)
    if frozen.changes:
        ref = write_overlay(shard_directory, segment_id, frozen.changes, frozen.through)
        entry = msgspec.structs.replace(entry, overlays=[*entry.overlays, ref])
    if frozen.layers is not None:
        entry = msgspec.structs.replace(entry, layers=write_layers(shard_directory, segment_id, frozen.layers))
    if frozen.columns:
        columns = write_columns(shard_directory, segment_id, frozen.columns)
        entry = msgspec.structs.replace(entry, columns=[*entry.columns, *columns])
    if frozen.points is not None:
        entry = msgspec.structs.replace(entry, indexed_points=frozen.points())
    return entry


def write_sealed(shard_directory: Path, parts: SealedParts) -> ChunkRef:
    """Write a sealed segment into `segments/`, durably, and return the reference of its header.

    A directory of that name with the very same header is taken as it is, once it proved whole (an earlier attempt, or
    another replica's). One that differs is left alone, as a manifest may name it: the segment goes to `<id>.1`.
    """
    folder = shard_directory / SEGMENTS
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{parts.segment_id}.{secrets.token_hex(4)}.tmp"
    written = write_parts(temporary, parts)
    for attempt in range(ATTEMPTS_MAX):
        final = folder / (f"{parts.segment_id}.{attempt}" if attempt else parts.segment_id)
        expected = header_ref(final, FileSum(written.size, written.checksum))
        if not final.exists():
            publish_directory(temporary, final)
            return expected
        if _holds(final, expected):
            shutil.rmtree(temporary)
            return expected
    raise Corrupt(f"{folder}: {ATTEMPTS_MAX} directories of {parts.segment_id} that differ from what is to be written")


ATTEMPTS_MAX = 100
"""Directories of one segment id that may lie side by side."""


def load_segment(
    shard_directory: Path, entry: SegmentEntry, layout: Layout, seed: int, placement: Placement = CACHED
) -> AnySegment:
    """Return the segment that an entry names, as it was at its checkpoint.

    layout   of the config in the manifest;  seed  of the collection's code rotations
    Raises   ChecksumMismatch, UnknownFormat
    """
    segment: AnySegment
    if entry.header is not None:
        directory = shard_directory / entry.header.name.rpartition("/")[0]
        segment = SealedSegment.open(directory, entry.header, layout, placement)
    else:
        segment = AppendableSegment(entry.segment_id, layout, seed)
        for ref in entry.rows_chunks:
            segment.append(load_rows(shard_directory, ref))
    if entry.tombstones is not None:
        segment.tombstone(load_tombstones(shard_directory, entry.tombstones))
    for ref in entry.overlays:
        load_overlay(shard_directory, ref, segment)
    if entry.layers is not None:
        load_layers(shard_directory, entry.layers, segment)
    if (segment.count, segment.live_count) != (entry.rows, entry.live):
        expected = f"expected {entry.rows} rows, {entry.live} live"
        found = f"found {segment.count} rows, {segment.live_count} live"
        raise ChecksumMismatch(f"{shard_directory}: segment {entry.segment_id}: {expected}, {found}")
    return segment


def _rows_rest(segment: AppendableSegment, chunks: list[ChunkRef]) -> tuple[list[ChunkRef], RowsCut | None]:
    """Return the rows chunks that stay, and the rows to write after them."""
    fresh = segment.count - sum(chunk.rows for chunk in chunks)
    if not fresh:
        return chunks, None
    kept = list(chunks)
    while kept and kept[-1].rows <= fresh:
        fresh += kept.pop().rows
    return kept, segment.cut(segment.count - fresh)


def _overlay_rest(overlay: Overlay, chunks: list[ChunkRef]) -> tuple[list[ChunkRef], list[OverlayChange]]:
    """Return the overlay chunks that stay, and the changes to write after them."""
    changes = overlay.changed_after(chunks[-1].through if chunks else -1)
    if not changes:
        return chunks, []
    kept = list(chunks)
    while kept and kept[-1].rows <= len(changes):
        kept.pop()
        changes = overlay.changed_after(kept[-1].through if kept else -1)
    return kept, changes


def _holds(directory: Path, expected: ChunkRef) -> bool:
    """Return whether a directory holds the expected segment, whole."""
    try:
        open_parts(directory, expected, None)
    except Corrupt:
        return False
    return True
