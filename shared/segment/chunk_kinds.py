"""Three kinds of chunk: rows of an appendable, tombstones, payload changes. What is in them, and back.

rows         numbers, uuids, is_uuid, versions, offsets, blob; fact `first`: number of the first row; of slot k, whose
             name is names[k]: k.present (bool) where some row lacks it, and
             dense  k.vectors;  multivector  k.vectors, k.offsets;  sparse  k.indices, k.values, k.offsets
tombstones   words: the DEAD rows, as bit words; rows beyond them live; fact `rows`: rows when it was written
overlay      rows, versions, offsets, blob: oldest change first; fact `through`: position that it covers; `noted`, where
             some change is noted at another position than its version
"""

import itertools
from pathlib import Path

import msgspec
import numpy as np

from shared.errors import ChecksumMismatch
from shared.schema.slots import SlotKind
from shared.segment import bits
from shared.segment.appendable import AppendableSegment, RowsCut
from shared.segment.batches import Batch, batch_of_arrays
from shared.segment.bits import Rows, Words
from shared.segment.chunks import Chunk, read_chunk, write_chunk
from shared.segment.format import Arrays
from shared.segment.id_map import IdBatch
from shared.segment.overlay import OverlayChange
from shared.segment.payloads import PayloadBlob
from shared.segment.rows import RowBatch
from shared.segment.sealed import SealedSegment
from shared.store.manifest import ChunkRef


def write_rows(shard_directory: Path, segment_id: str, rows: RowsCut) -> ChunkRef:
    """Write rows of an appendable."""
    arrays: Arrays = {
        "numbers": rows.numbers,
        "uuids": rows.uuids,
        "is_uuid": rows.is_uuid,
        "versions": rows.versions,
        **_blob_arrays(rows.payloads),
    }
    for number, slot in enumerate(rows.slots.values()):
        arrays |= {f"{number}.{name}": array for name, array in slot.arrays().items()}
        if slot.present is not None and not slot.present.all():
            arrays[f"{number}.present"] = slot.present
    chunk = Chunk("rows", {"first": rows.first}, list(rows.slots), arrays)
    return msgspec.structs.replace(write_chunk(shard_directory, segment_id, chunk), rows=rows.count)


def load_rows(shard_directory: Path, ref: ChunkRef) -> RowBatch:
    """Return the rows of a chunk, to be appended."""
    chunk = read_chunk(shard_directory, ref, "rows")
    arrays = chunk.arrays
    slots = {name: _slot_of(number, chunk.arrays) for number, name in enumerate(chunk.names)}
    ids = IdBatch.from_arrays(arrays["numbers"], arrays["uuids"], arrays["is_uuid"])
    return RowBatch(ids, arrays["versions"], slots, _payloads(arrays))


def _slot_of(number: int, arrays: Arrays) -> Batch:
    prefix = f"{number}."
    own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    kind = SlotKind.SPARSE if "indices" in own else SlotKind.MULTI if "offsets" in own else SlotKind.DENSE
    return batch_of_arrays(kind, own, own.get("present"))


def write_tombstones(shard_directory: Path, segment_id: str, live_words: Words, rows: int) -> ChunkRef:
    """Write the dead ones of `rows` rows."""
    dead = bits.full(rows) & ~live_words
    chunk = Chunk("tombstones", {"rows": rows}, [], {"words": dead})
    return msgspec.structs.replace(write_chunk(shard_directory, segment_id, chunk), rows=bits.count(dead))


def load_tombstones(shard_directory: Path, ref: ChunkRef) -> Rows:
    """Return the dead rows."""
    return bits.to_rows(read_chunk(shard_directory, ref, "tombstones").arrays["words"])


def write_overlay(shard_directory: Path, segment_id: str, changes: list[OverlayChange], through: int) -> ChunkRef:
    """Write payload changes, oldest first, that are all there are up to `through` after the chunks before."""
    arrays: Arrays = {
        "rows": np.array([change.row for change in changes], dtype=np.int64),
        "versions": np.array([change.version for change in changes], dtype=np.uint64),
        **_blob_arrays(PayloadBlob.from_texts([change.payload for change in changes])),
    }
    if any(change.noted != change.version for change in changes):
        arrays["noted"] = np.array([change.noted for change in changes], dtype=np.uint64)
    ref = write_chunk(shard_directory, segment_id, Chunk("overlay", {"through": through}, [], arrays))
    return msgspec.structs.replace(ref, rows=len(changes), through=through)


def load_overlay(shard_directory: Path, ref: ChunkRef, segment: AppendableSegment | SealedSegment) -> None:
    """Set the payload changes of a chunk on a segment; those of rows that died since are left out."""
    arrays = read_chunk(shard_directory, ref, "overlay").arrays
    rows = arrays["rows"]
    if len(rows) and int(rows.max()) >= segment.count:
        raise ChecksumMismatch(f"{shard_directory / ref.name}: a change of row {rows.max()} among {segment.count} rows")
    lives = bits.test(segment.live_words, rows).tolist()
    noted = arrays.get("noted", arrays["versions"]).tolist()
    changes = map(OverlayChange, rows.tolist(), arrays["versions"].tolist(), _payloads(arrays), noted)
    segment.restore_changes(itertools.compress(changes, lives))


def _blob_arrays(blob: PayloadBlob) -> Arrays:
    return {"offsets": blob.offsets, "blob": blob.blob}


def _payloads(arrays: Arrays) -> list[bytes]:
    blob = PayloadBlob(arrays["offsets"], arrays["blob"])
    return blob.texts(0, len(blob))
