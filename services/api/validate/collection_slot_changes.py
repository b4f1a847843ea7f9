"""Slots in PATCH bodies: what is set of dense and sparse ones, by name; `""` is the unnamed vector.

What makes a slot what it is (size, distance, datatype) cannot change: remove the slot and add another.
"""

from typing import Any, NamedTuple

import msgspec

from services.api.validate.body import convert_strictly
from services.api.validate.collection_quantization import QuantizationChange, parse_quantization_change
from services.api.validate.collection_settings import StrictHnsw, check_not_pinned, given_hnsw, last_word
from services.api.validate.collection_slots import WireSparseIndex, parse_sparse_index
from services.api.validate.rules import Rules
from shared.errors import BadInput
from shared.schema.collections import HnswDiff, SparseIndexParams, SparseVectorParams, VectorParams
from shared.schema.slots import Memory, Modifier

_UNNAMED_PATH = "''"
"""How error texts write the name of the unnamed vector."""


class WireVectorChange(msgspec.Struct, forbid_unknown_fields=True):
    hnsw_config: dict[str, Any] | None = None
    quantization_config: Any = None
    on_disk: bool | None = None
    memory: Memory | None = None


class StrictSparseIndex(WireSparseIndex, forbid_unknown_fields=True):
    """As WireSparseIndex, for a PATCH."""


class StrictSparseParams(msgspec.Struct, forbid_unknown_fields=True):
    """As WireSparseParams, for a PATCH."""

    index: StrictSparseIndex | None = None
    modifier: Modifier | None = None


class VectorChange(NamedTuple):
    """What a PATCH sets of a dense or multivector slot.

    hnsw   of its own graph config; None: nothing, empty: its own is dropped and the collection's counts
    plain  `on_disk`, `memory`
    """

    hnsw: dict[str, Any] | None
    quantization: QuantizationChange | None
    plain: dict[str, Any]

    def applied_to(self, params: VectorParams) -> VectorParams:
        """Return the slot with the change."""
        update = dict(self.plain)
        if self.hnsw is not None:
            own = (params.hnsw_config or HnswDiff()).model_copy(update=self.hnsw)
            update["hnsw_config"] = own if self.hnsw and own.given() else None
        if self.quantization is not None:
            update["quantization_config"] = self.quantization.config
        return params.model_copy(update=update)


class SparseChange(NamedTuple):
    """What a PATCH sets of a sparse slot: of its index, and plain fields."""

    of_index: dict[str, Any]
    plain: dict[str, Any]

    def applied_to(self, name: str, params: SparseVectorParams) -> SparseVectorParams:
        """Return the slot with the change. Raises BadInput when it would be another slot."""
        update = dict(self.plain)
        if self.of_index:
            old = params.index or SparseIndexParams()
            index = old.model_copy(update=self.of_index)
            if index.datatype is not old.datatype:
                raise BadInput(f"the datatype of sparse vector `{name}` cannot be changed: add another vector")
            update["index"] = index
        return params.model_copy(update=update)


class SlotChanges(NamedTuple):
    """Changes of slots by name."""

    dense: dict[str, VectorChange]
    sparse: dict[str, SparseChange]

    def dense_applied_to(self, slots: dict[str, VectorParams]) -> dict[str, VectorParams]:
        """Return all dense slots, changed. Raises BadInput for an unknown name."""
        return {**slots, **{name: change.applied_to(_known(slots, name)) for name, change in self.dense.items()}}

    def sparse_applied_to(self, slots: dict[str, SparseVectorParams]) -> dict[str, SparseVectorParams]:
        """Return all sparse slots, changed. Raises BadInput for an unknown name."""
        changed = {name: change.applied_to(name, _known(slots, name)) for name, change in self.sparse.items()}
        return {**slots, **changed}


def parse_slot_changes(dense: dict[str, Any] | None, sparse: dict[str, Any] | None, rules: Rules) -> SlotChanges:
    """Return what a PATCH sets of slots. Raises BadFormat."""
    return SlotChanges(
        {name: _dense(change, f"vectors.{name or _UNNAMED_PATH}", rules) for name, change in (dense or {}).items()},
        {name: _sparse(change, f"sparse_vectors.{name}", rules) for name, change in (sparse or {}).items()},
    )


def _known(slots: dict[str, Any], name: str) -> Any:
    if name not in slots:
        raise BadInput(f"Not existing vector name error: {name}")
    return slots[name]


def _dense(given: object, path: str, rules: Rules) -> VectorChange:
    wire = convert_strictly(given, WireVectorChange, path)
    check_not_pinned(wire.memory, f"{path}.memory", "dense vector storage", rules)
    hnsw = None
    if wire.hnsw_config is not None:
        inner = f"{path}.hnsw_config"
        hnsw = given_hnsw(convert_strictly(wire.hnsw_config, StrictHnsw, inner), inner, rules)
        if wire.hnsw_config and not hnsw:
            hnsw = None  # all null: unchanged
    plain = {name: value for name in ("on_disk", "memory") if (value := getattr(wire, name)) is not None}
    quantization = parse_quantization_change(wire.quantization_config, f"{path}.quantization_config", rules)
    return VectorChange(hnsw, quantization, last_word(plain, "on_disk", "memory"))


def _sparse(given: object, path: str, rules: Rules) -> SparseChange:
    wire = convert_strictly(given, StrictSparseParams, path)
    parsed = parse_sparse_index(wire.index, f"{path}.index", rules)
    of_index = {} if parsed is None else parsed.model_dump()
    plain = {} if wire.modifier is None else {"modifier": wire.modifier}
    return SparseChange(last_word(of_index, "on_disk", "memory"), plain)
