"""A sealed segment's parts as named arrays, and back: which arrays there are, and that they fit one another.

n rows, a numeric ids and b UUIDs (distinct), slot number k:
  ids.numbers      uint64 (a,)       ids.uuids        S16 (b,)
  ids.rows         int64 (a + b,)    ids.ranks        int32 (n,)
  versions         uint64 (n,)
  payload.offsets  uint64 (n + 1,)   payload.blob     uint8
  k.vectors        float32 (n, dim)  k.present        uint64 words, only where some row lacks the slot
  k.bits.*  k.bytes.*  k.graph.*     the arrays of the slot's codes and graph, as they name them
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.errors import ChecksumMismatch
from shared.schema.collections import Distance
from shared.segment import bits
from shared.segment.format import (
    Arrays,
    SegmentHeader,
    SlotEntry,
    header_ref,
    read_arrays,
    read_header,
    write_arrays,
    write_header,
)
from shared.segment.id_map import IdMap
from shared.segment.index import codes
from shared.segment.index.base import SlotIndex
from shared.segment.index.graph import Graph
from shared.segment.layout import Layout, SlotLayout
from shared.segment.parts import SealedParts, SealedSlot
from shared.segment.payloads import PayloadBlob
from shared.store.manifest import ChunkRef


def write_parts(directory: Path, parts: SealedParts) -> ChunkRef:
    """Write a whole segment into a new directory; durable once that is published. Gives the header's reference."""
    directory.mkdir(parents=True)
    arrays: Arrays = {**id_arrays(parts.id_map), "versions": parts.versions}
    arrays.update({"payload.offsets": parts.payloads.offsets, "payload.blob": parts.payloads.blob})
    for number, slot in enumerate(parts.slots.values()):
        arrays.update(_slot_arrays(number, slot))
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


def open_parts(directory: Path, expected: ChunkRef | None, layout: Layout | None) -> tuple[SealedParts, None, ChunkRef]:
    """Return the parts of a segment on disk, no marks, its header's reference. See `SealedSegment.open`."""
    header, written = read_header(directory, expected)
    arrays = read_arrays(directory, header)
    try:
        parts = _parts_of(header, arrays, layout)
    except (KeyError, ValueError) as error:
        raise ChecksumMismatch(f"{directory}: arrays that a segment needs are missing or misshapen: {error}") from error
    _check(directory, header, parts, arrays)
    return parts, None, header_ref(directory, written)


def id_arrays(id_map: IdMap) -> Arrays:
    """Return the arrays of an id map to store."""
    return {
        "ids.numbers": id_map.numbers,
        "ids.uuids": id_map.uuids,
        "ids.rows": id_map.rows,
        "ids.ranks": id_map.ranks,
    }


def code_arrays(number: int, index: SlotIndex) -> Arrays:
    """Return the arrays of a slot's codes and graph to store."""
    arrays = {f"{number}.{name}": array for name, array in codes.code_arrays(index.codes).items()}
    if index.graph is not None:
        arrays.update({f"{number}.graph.{name}": array for name, array in index.graph.arrays().items()})
    return arrays


def slot_entry(name: str, layout: SlotLayout) -> SlotEntry:
    """Return the header's line for a slot."""
    return SlotEntry(name, layout.dim, layout.distance.value)


def _slot_arrays(number: int, slot: SealedSlot) -> Arrays:
    arrays: Arrays = {f"{number}.vectors": slot.index.vectors[: slot.index.count], **code_arrays(number, slot.index)}
    if slot.present is not None:
        arrays[f"{number}.present"] = slot.present
    return arrays


def _parts_of(header: SegmentHeader, arrays: Arrays, layout: Layout | None) -> SealedParts:
    slots = {}
    for number, entry in enumerate(header.slots):
        slot_layout = SlotLayout(entry.dim, Distance(entry.distance))
        if layout is None or layout.get(entry.name) == slot_layout:
            slots[entry.name] = _slot_of(number, slot_layout, arrays)
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


def _slot_of(number: int, layout: SlotLayout, arrays: Arrays) -> SealedSlot:
    vectors: NDArray[np.float32] = arrays[f"{number}.vectors"]
    if vectors.ndim != 2 or vectors.shape[1] != layout.dim:
        raise ValueError(f"vectors of slot {number}: expected (n, {layout.dim}), found {vectors.shape}")
    graph_arrays = _part(f"{number}.graph.", arrays)
    index = SlotIndex(
        layout,
        vectors,
        len(vectors),
        codes=codes.codes_from(_part(f"{number}.", arrays), layout),
        graph=Graph.from_arrays(graph_arrays) if graph_arrays else None,
    )
    return SealedSlot(index, arrays.get(f"{number}.present"))


def _part(prefix: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


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
    for number in range(len(header.slots)):
        lengths[f"{number}.vectors"] = (len(arrays[f"{number}.vectors"]), n)
        if f"{number}.present" in arrays:
            lengths[f"{number}.present"] = (len(arrays[f"{number}.present"]), bits.word_count(n))
    for name, (found, expected) in lengths.items():
        if found != expected:
            raise ChecksumMismatch(f"{directory}/{name}: expected length {expected}, found {found}")
