"""A sealed segment's parts as named arrays, and back: which arrays there are, and that they fit one another.

n rows, a numeric ids and b UUIDs (distinct), slot number k:
  ids.numbers      uint64 (a,)       ids.uuids        S16 (b,)
  ids.rows         int64 (a + b,)    ids.ranks        int32 (n,)
  versions         uint64 (n,)
  payload.offsets  uint64 (n + 1,)   payload.blob     uint8
  k.*              see stored_slots.py
"""

from pathlib import Path

from shared.errors import ChecksumMismatch
from shared.segment.format import (
    Arrays,
    SegmentHeader,
    header_ref,
    read_arrays,
    read_header,
    write_arrays,
    write_header,
)
from shared.segment.id_map import IdMap
from shared.segment.layout import Layout
from shared.segment.parts import SealedParts
from shared.segment.payloads import PayloadBlob
from shared.segment.placement import CACHED, Placement
from shared.segment.stored_slots import (
    check_lengths,
    cold_slot_arrays,
    layout_of_entry,
    slot_arrays,
    slot_entry,
    slot_of_arrays,
)
from shared.store.manifest import ChunkRef


def write_parts(directory: Path, parts: SealedParts) -> ChunkRef:
    """Write a whole segment into a new directory; durable once that is published. Gives the header's reference."""
    directory.mkdir(parents=True)
    arrays: Arrays = {**id_arrays(parts.id_map), "versions": parts.versions}
    arrays.update({"payload.offsets": parts.payloads.offsets, "payload.blob": parts.payloads.blob})
    for number, slot in enumerate(parts.slots.values()):
        arrays.update(slot_arrays(number, slot))
    header = SegmentHeader(
        segment_id=parts.segment_id,
        rows=len(parts.versions),
        generation=parts.generation,
        slots=[slot_entry(name, slot.index.layout) for name, slot in parts.slots.items()],
        arrays=write_arrays(directory, arrays),
        recall=parts.recall,
        built=parts.built,
    )
    return header_ref(directory, write_header(directory, header))


def open_parts(
    directory: Path, expected: ChunkRef | None, layout: Layout | None, placement: Placement = CACHED
) -> tuple[SealedParts, None, ChunkRef]:
    """Return the parts of a segment on disk, no marks, its header's reference. See `SealedSegment.open`."""
    header, written = read_header(directory, expected)
    arrays = read_arrays(directory, header, cold_arrays(header, placement))
    try:
        parts = _parts_of(header, arrays, layout, placement)
    except (KeyError, ValueError) as error:
        raise ChecksumMismatch(f"{directory}: arrays that a segment needs are missing or misshapen: {error}") from error
    _check(directory, header, parts, arrays)
    return parts, None, header_ref(directory, written)


def cold_arrays(header: SegmentHeader, placement: Placement) -> set[str]:
    """Return the names of a segment's arrays that a placement keeps on disk."""
    names = {"payload.blob"} if placement.is_payload_cold else set()
    sizes = {entry.name: entry.size for entry in header.arrays}
    for number, entry in enumerate(header.slots):
        names |= cold_slot_arrays(number, placement.slot(entry.name), sizes)
    return names


def id_arrays(id_map: IdMap) -> Arrays:
    """Return the arrays of an id map to store."""
    return {
        "ids.numbers": id_map.numbers,
        "ids.uuids": id_map.uuids,
        "ids.rows": id_map.rows,
        "ids.ranks": id_map.ranks,
    }


def _parts_of(header: SegmentHeader, arrays: Arrays, layout: Layout | None, placement: Placement) -> SealedParts:
    slots = {}
    for number, entry in enumerate(header.slots):
        slot_layout = written = layout_of_entry(entry)
        if layout is not None:
            if entry.name not in layout or not layout[entry.name].has_rows_of(written):
                continue
            slot_layout = layout[entry.name]
        slots[entry.name] = slot_of_arrays(number, slot_layout, arrays, placement.slot(entry.name))
    return SealedParts(
        segment_id=header.segment_id,
        id_map=IdMap(arrays["ids.numbers"], arrays["ids.uuids"], arrays["ids.rows"], arrays["ids.ranks"]),
        versions=arrays["versions"],
        payloads=PayloadBlob(arrays["payload.offsets"], arrays["payload.blob"]),
        slots=slots,
        generation=header.generation,
        recall=header.recall,
        built=header.built,
    )


def _check(directory: Path, header: SegmentHeader, parts: SealedParts, arrays: Arrays) -> None:
    """Raise ChecksumMismatch unless the arrays are of one segment."""
    n, ids = header.rows, parts.id_map
    lengths = {
        "versions": (len(parts.versions), n),
        "ids.ranks": (len(ids.ranks), n),
        "ids.rows": (len(ids.rows), len(ids.numbers) + len(ids.uuids)),
        "payload.offsets": (len(parts.payloads), n),
        "payload.blob": (len(parts.payloads.blob), int(parts.payloads.offsets[-1])),
    }
    for number, entry in enumerate(header.slots):
        lengths |= check_lengths(number, n, layout_of_entry(entry), arrays)
    for name, (found, expected) in lengths.items():
        if found != expected:
            raise ChecksumMismatch(f"{directory}/{name}: expected length {expected}, found {found}")
