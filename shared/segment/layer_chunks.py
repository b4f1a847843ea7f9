"""The layers of patched rows in a checkpoint: one chunk holds all of a segment, and replaces the chunk before.

layers   words uint64 (k, w): the rows of each layer, those that lived when it was written
         versions uint64 (k,), replaces bool (k,)
         offsets, blob: what each puts, JSON object texts, b"" for none
         key_offsets, key_blob: the keys whose values go, JSON arrays, ascending
         fact `through`: version of the newest patch that they hold
It is written again only after a further patch: rows that changed wholly since are in overlay chunks, with versions that
are not below those of their layers. Entries that a patch folded out of layers are noted at that patch, so they are
written no later than the layers without them.
"""

from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from shared.errors import ChecksumMismatch
from shared.segment.bits import Words, word_count
from shared.segment.chunks import Chunk, read_chunk, write_chunk
from shared.segment.marked import MarkedSegment
from shared.segment.overlay import Overlay
from shared.segment.patched_rows import Layers, PatchedRows, fitted
from shared.segment.patches import PayloadPatch
from shared.segment.payloads import PayloadBlob
from shared.store.manifest import ChunkRef

KIND = "layers"

_encode_keys = msgspec.json.Encoder().encode
_decode_keys = msgspec.json.Decoder(list[str]).decode


class LayersCut(NamedTuple):
    """The layers of a segment at one moment; `through` is the version of the newest patch until then."""

    layers: Layers
    through: int


def layers_rest(
    overlay: Overlay, known: ChunkRef | None, live_words: Words
) -> tuple[ChunkRef | None, LayersCut | None]:
    """Return the chunk that stays, or the layers to write in its place; neither when there are none."""
    written = 0 if known is None else known.through
    if overlay.patched_through == written:
        return known, None
    overlay.settle()
    living = tuple(layer for layer in (one.within(live_words) for one in overlay.layers) if layer.count)
    return None, LayersCut(living, overlay.patched_through) if living else None


def write_layers(shard_directory: Path, segment_id: str, cut: LayersCut) -> ChunkRef:
    """Write all layers of a segment."""
    layers, through = cut
    size = max(len(layer.words) for layer in layers)
    keys = PayloadBlob.from_texts([_encode_keys(sorted(layer.patch.keys)) for layer in layers])
    payloads = PayloadBlob.from_texts([layer.patch.payload for layer in layers])
    arrays: dict[str, NDArray[Any]] = {
        "words": np.stack([fitted(layer.words, size) for layer in layers]),
        "versions": np.array([layer.version for layer in layers], np.uint64),
        "replaces": np.array([layer.patch.replaces for layer in layers], np.bool_),
        "offsets": payloads.offsets,
        "blob": payloads.blob,
        "key_offsets": keys.offsets,
        "key_blob": keys.blob,
    }
    ref = write_chunk(shard_directory, segment_id, Chunk(KIND, {"through": through}, [], arrays))
    return msgspec.structs.replace(ref, rows=sum(layer.count for layer in layers), through=through)


def load_layers(shard_directory: Path, ref: ChunkRef, segment: MarkedSegment) -> None:
    """Put the layers of a chunk on a segment whose entries are set."""
    arrays = read_chunk(shard_directory, ref, KIND).arrays
    words = arrays["words"]
    if words.shape[1] > word_count(segment.count):
        raise ChecksumMismatch(f"{shard_directory / ref.name}: {words.shape[1]} words of rows, of {segment.count} rows")
    payloads = PayloadBlob(arrays["offsets"], arrays["blob"]).texts(0, len(words))
    keys = PayloadBlob(arrays["key_offsets"], arrays["key_blob"]).texts(0, len(words))
    replaces, versions = arrays["replaces"].tolist(), arrays["versions"].tolist()
    layers = (
        PatchedRows(words[place].copy(), _patch(replaces[place], keys[place], payloads[place]), versions[place])
        for place in range(len(words))
    )
    segment.restore_layers(tuple(layers), ref.through)


def _patch(replaces: bool, keys: bytes, payload: bytes) -> PayloadPatch:
    return PayloadPatch.replacing(payload) if replaces else PayloadPatch.stored(_decode_keys(keys), payload)
