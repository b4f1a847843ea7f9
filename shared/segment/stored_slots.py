"""One slot of a sealed segment as named arrays, and back. Slot number k, n rows:

k.present        uint64 words, only where some row lacks the slot
k.vectors        dense: (n, dim);  multivector: (total, dim); float32, float16 or uint8
k.offsets        multivector, sparse: int64 (n + 1,): row r has the elements [offsets[r], offsets[r + 1])
k.indices        sparse: uint32 (pairs,)          k.values   sparse: float32 (pairs,)
k.<codes>.*      the arrays of the slot's codes   k.graph.*  and of its graph, as they name them
k.groups.*       blocks of rows and their graphs, where one field groups the rows
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.schema.slots import Datatype, Distance, SlotKind
from shared.segment import bits
from shared.segment.elements import dtype_of
from shared.segment.format import Arrays, SlotEntry
from shared.segment.index import codes
from shared.segment.index.base import SlotIndex
from shared.segment.index.graph import Graph
from shared.segment.index.groups import Groups
from shared.segment.index.kinds import AnyIndex
from shared.segment.index.multi import MultiIndex
from shared.segment.index.sparse import SparseIndex
from shared.segment.layout import SlotLayout
from shared.segment.parts import SealedSlot, rows_of_index
from shared.segment.placement import SlotPlacement


def slot_entry(name: str, layout: SlotLayout) -> SlotEntry:
    """Return the header's line for a slot."""
    return SlotEntry(name, layout.dim, layout.distance.value, layout.kind.value, layout.datatype.value, layout.born)


def layout_of_entry(entry: SlotEntry) -> SlotLayout:
    """Return the layout that a header's line tells. Raises ValueError for words that this build does not know."""
    kind, datatype = SlotKind(entry.kind), Datatype(entry.datatype)
    return SlotLayout(entry.dim, Distance(entry.distance), kind, datatype, entry.born)


def code_arrays(number: int, index: SlotIndex) -> Arrays:
    """Return the arrays of a slot's codes and graphs to store."""
    arrays = {f"{number}.{name}": array for name, array in codes.code_arrays(index.codes).items()}
    for kind, part in (("graph", index.graph), ("groups", index.groups)):
        if part is not None:
            arrays.update({f"{number}.{kind}.{name}": array for name, array in part.arrays().items()})
    return arrays


def slot_arrays(number: int, slot: SealedSlot) -> Arrays:
    """Return all arrays of a slot to store."""
    arrays: Arrays = {f"{number}.{name}": array for name, array in rows_of_index(slot.index).arrays().items()}
    if isinstance(slot.index, SlotIndex):
        arrays.update(code_arrays(number, slot.index))
    if slot.present is not None:
        arrays[f"{number}.present"] = slot.present
    return arrays


def cold_slot_arrays(number: int, placement: SlotPlacement, sizes: dict[str, int]) -> set[str]:
    """Return the names of slot `number`'s arrays that a placement keeps on disk. `sizes` are bytes by name."""
    rows = [f"{number}.{name}" for name in ("vectors", "indices", "values")]
    raw = sum(sizes.get(name, 0) for name in rows)
    names = set(rows) if placement.keeps_vectors_cold(raw) else set()
    if placement.keeps_codes_cold(raw):
        names |= {f"{number}.{kind}.rows" for kind in codes.QUANTIZATIONS}
    if placement.is_graph_cold:
        linked = [f"{number}.{kind}.{name}" for kind in ("graph", "groups") for name in ("offsets", "neighbors")]
        names |= {name for name in linked if name in sizes}
    return names


def slot_of_arrays(number: int, layout: SlotLayout, arrays: Arrays, placement: SlotPlacement) -> SealedSlot:
    """Return slot `number` over the arrays of a segment. Raises KeyError, ValueError for missing or misshapen ones."""
    own = _part(f"{number}.", arrays)
    if placement.is_index_pinned:
        own = _pinned(own)
    if layout.kind is SlotKind.DENSE:
        return SealedSlot(_dense(layout, own, placement), own.get("present"))
    makers: dict[SlotKind, Callable[[SlotLayout, Arrays], AnyIndex]] = {
        SlotKind.MULTI: _multi,
        SlotKind.SPARSE: _sparse,
    }
    return SealedSlot(makers[layout.kind](layout, own), own.get("present"))


def check_lengths(number: int, rows: int, layout: SlotLayout, arrays: Arrays) -> dict[str, tuple[int, int]]:
    """Return for each array of a slot the length found and the one expected of a segment of so many rows."""
    own = _part(f"{number}.", arrays)
    if layout.kind is SlotKind.DENSE:
        lengths = {"vectors": (len(own["vectors"]), rows)}
    else:
        total = int(own["offsets"][-1]) if len(own["offsets"]) else 0
        elements = ("vectors",) if layout.kind is SlotKind.MULTI else ("indices", "values")
        lengths = {"offsets": (len(own["offsets"]), rows + 1), **{name: (len(own[name]), total) for name in elements}}
    if "present" in own:
        lengths["present"] = (len(own["present"]), bits.word_count(rows))
    return {f"{number}.{name}": pair for name, pair in lengths.items()}


def _pinned(own: Arrays) -> Arrays:
    """Return a slot's arrays with those of its graph, or the pairs of sparse vectors, in memory of their own."""
    return {
        name: np.array(array) if name.startswith(("graph.", "groups.")) or name in ("indices", "values") else array
        for name, array in own.items()
    }


def _dense(layout: SlotLayout, own: Arrays, placement: SlotPlacement) -> SlotIndex:
    vectors, graph, groups = _vectors(layout, own), _part("graph.", own), _part("groups.", own)
    return SlotIndex(
        layout,
        vectors,
        len(vectors),
        codes=codes.codes_from(own, layout, placement.keeps_codes_cold(vectors.nbytes), placement.query_encoding),
        graph=Graph.from_arrays(graph) if graph else None,
        groups=_groups(groups, len(vectors)) if groups else None,
    )


def _groups(own: Arrays, rows: int) -> Groups:
    groups = Groups.from_arrays(own)
    if groups.starts.ndim != 1 or not len(groups.starts) or groups.count != rows:
        raise ValueError(f"groups of a slot: expected blocks of {rows} rows")
    return groups


def _multi(layout: SlotLayout, own: Arrays) -> MultiIndex:
    vectors = _vectors(layout, own)
    return MultiIndex(layout, vectors, _offsets(own, len(vectors)), len(own["offsets"]) - 1)


def _vectors(layout: SlotLayout, own: Arrays) -> NDArray[Any]:
    vectors, dtype = own["vectors"], dtype_of(layout)
    if vectors.ndim != 2 or vectors.shape[1] != layout.dim or vectors.dtype != dtype:
        found = f"{vectors.dtype} {vectors.shape}"
        raise ValueError(f"vectors of a slot: expected {dtype} (n, {layout.dim}), found {found}")
    return vectors


def _sparse(layout: SlotLayout, own: Arrays) -> SparseIndex:
    indices, values = own["indices"], own["values"]
    if indices.dtype != np.uint32 or values.dtype != np.float32 or len(indices) != len(values):
        found = f"{len(indices)} {indices.dtype}, {len(values)} {values.dtype}"
        raise ValueError(f"pairs of a slot: expected as many uint32 as float32, found {found}")
    return SparseIndex(layout, indices, values, _offsets(own, len(indices)), len(own["offsets"]) - 1, final=True)


def _offsets(own: Arrays, elements: int) -> NDArray[np.int64]:
    """Return the offsets of a ragged slot: kernels trust them, so they must ascend from 0 to the last element."""
    offsets = own["offsets"]
    if offsets.dtype != np.int64 or offsets.ndim != 1 or not len(offsets):
        raise ValueError(f"offsets of a slot: expected int64 (n + 1,), found {offsets.dtype} {offsets.shape}")
    if offsets[0] != 0 or offsets[-1] != elements or (offsets[1:] < offsets[:-1]).any():
        raise ValueError(f"offsets of a slot: expected to ascend from 0 to {elements}")
    return offsets


def _part(prefix: str, arrays: Arrays) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
