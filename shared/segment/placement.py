"""Where the arrays of sealed segments are kept: in memory, or in the files' maps, read when needed.

A placement is no part of a build: when a config changes it, segments are opened anew and nothing is rebuilt.

- cached  the default: a file is read through its map when it is verified, so its pages are there; row codes, which
          walks read at random, are copied into memory of their own
- cold    a file is verified through a small buffer, then mapped without reading ahead: what is never looked at takes no
          memory, and what was looked at the kernel may take back
- pinned  graphs and sparse vectors, where `memory` says so: copied into memory of their own, which the kernel does not
          take back. Codes of a quantization are so wherever they are not cold
"""

from typing import NamedTuple

from shared.schema.collections import CollectionConfig
from shared.schema.quantization import Binary, BinaryQueryEncoding
from shared.schema.slots import Memory


class SlotPlacement(NamedTuple):
    """Where one slot's arrays are kept.

    are_vectors_cold   its raw vectors are
    cold_above         they are where they take more bytes than this in one segment (`memmap_threshold`); None: no bound
    are_codes_cold     the codes of its quantization are; None: where the raw vectors are
    is_graph_cold      its graph is
    is_index_pinned    its graph is pinned, or the pairs of a sparse slot
    query_encoding     how queries are encoded beside binary codes: no part of a build either
    """

    are_vectors_cold: bool = False
    cold_above: int | None = None
    are_codes_cold: bool | None = None
    is_graph_cold: bool = False
    is_index_pinned: bool = False
    query_encoding: BinaryQueryEncoding = BinaryQueryEncoding.DEFAULT

    def keeps_vectors_cold(self, nbytes: int) -> bool:
        """Return whether a segment's raw vectors of so many bytes are cold."""
        return self.are_vectors_cold or (self.cold_above is not None and nbytes > self.cold_above)

    def keeps_codes_cold(self, nbytes: int) -> bool:
        """Return whether the codes of a quantization are, beside raw vectors of so many bytes."""
        return self.keeps_vectors_cold(nbytes) if self.are_codes_cold is None else self.are_codes_cold


class Placement(NamedTuple):
    """Where the arrays of a collection's sealed segments are kept; a slot that is missing here is cached."""

    slots: dict[str, SlotPlacement]
    is_payload_cold: bool = False

    def slot(self, name: str) -> SlotPlacement:
        """Return the placement of a slot."""
        return self.slots.get(name, SlotPlacement())


CACHED = Placement({})
"""Everything is cached: for builders, checks and tests."""

SEAL_BYTES_MIN = 2**16
EARLY_SEAL = 4
"""Where vectors are on disk, appendable segments are sealed at this part of their usual bytes: they are in memory."""


def placement_of(config: CollectionConfig) -> Placement:
    """Return where a config wants arrays kept."""
    threshold = config.optimizers_config.memmap_threshold
    cold_above = threshold * 1024 if threshold else None
    slots = {name: _dense(config, name, cold_above) for name in config.vectors}
    for name, params in config.sparse_vectors.items():
        index = params.index
        is_cold = index is not None and (
            index.memory is Memory.COLD if index.memory is not None else bool(index.on_disk)
        )
        is_pinned = index is not None and index.memory is Memory.PINNED
        slots[name] = SlotPlacement(are_vectors_cold=is_cold, is_index_pinned=is_pinned)
    return Placement(slots, config.is_payload_on_disk)


def seal_bytes(config: CollectionConfig) -> int:
    """Return the bytes of vectors at which an appendable segment is sealed. In the log, so the same on all replicas.

    At `max_segment_size` at the latest, but not under SEAL_BYTES_MIN: each segment costs every search a little.
    """
    is_on_disk = any(params.is_on_disk for params in config.vectors.values())
    early = max(1, config.seal.vector_bytes // EARLY_SEAL) if is_on_disk else config.seal.vector_bytes
    largest_kb = config.optimizers_config.max_segment_size
    return early if largest_kb is None else min(early, max(largest_kb * 1024, SEAL_BYTES_MIN))


def _dense(config: CollectionConfig, name: str, cold_above: int | None) -> SlotPlacement:
    are_cold = config.vectors[name].is_on_disk
    quantization = config.quantization_of(name)
    kind = None if quantization is None else quantization.kind
    encoding = kind.query_encoding if isinstance(kind, Binary) else None
    is_said = kind is not None and (kind.memory is not None or kind.always_ram is not None)
    return SlotPlacement(
        are_vectors_cold=are_cold,
        cold_above=cold_above,
        are_codes_cold=not kind.is_in_memory(is_on_disk=are_cold) if kind is not None and is_said else None,
        is_graph_cold=config.hnsw_of(name).is_on_disk,
        is_index_pinned=config.hnsw_of(name).memory is Memory.PINNED,
        query_encoding=encoding or BinaryQueryEncoding.DEFAULT,
    )
