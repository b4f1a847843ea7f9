"""Slots of create bodies: single, named, multivector and sparse, narrowed to `VectorParams` and `SparseVectorParams`.

Limits are those of features.md section 3.
"""

from typing import Any, Literal, TypeVar

import msgspec

from services.api.validate.body import convert
from services.api.validate.collection_names import check_vector_name
from services.api.validate.collection_quantization import parse_quantization
from services.api.validate.collection_settings import WireHnsw, check_not_pinned, check_whole, given_hnsw
from services.api.validate.rules import Rules
from services.api.validate.unsupported import refuse
from shared.errors import BadFormat
from shared.schema.collections import (
    UNNAMED,
    Distance,
    HnswDiff,
    SparseIndexParams,
    SparseVectorParams,
    VectorParams,
)
from shared.schema.slots import Datatype, Memory, Modifier, MultivectorConfig

P = TypeVar("P")

SIZE_MAX = 65536
SLOTS_MAX = 1024
"""Most slots of one collection: each shard and each entry of the catalog carries them all."""


class WireMultivector(msgspec.Struct):
    comparator: Literal["max_sim"]


class WireVectorParams(msgspec.Struct):
    size: int
    distance: Distance
    datatype: str | None = None
    multivector_config: WireMultivector | None = None
    hnsw_config: WireHnsw | None = None
    quantization_config: Any = None
    on_disk: bool | None = None
    memory: Memory | None = None


class WireSparseIndex(msgspec.Struct):
    full_scan_threshold: int | None = None
    on_disk: bool | None = None
    memory: Memory | None = None
    datatype: str | None = None


class WireSparseParams(msgspec.Struct):
    index: WireSparseIndex | None = None
    modifier: Modifier | None = None


def parse_vectors(given: dict[str, Any], rules: Rules, *, on_disk: bool | None = None) -> dict[str, VectorParams]:
    """Return the slots of a single VectorParams, or of a map of names to them; `on_disk` is the default."""
    if is_single(given):
        return {UNNAMED: parse_vector(given, "vectors", rules, on_disk=on_disk)}
    check_count(given, "vectors", rules)
    slots = {}
    for name, params in given.items():
        check_vector_name(name, "vectors", rules)
        slots[name] = parse_vector(params, f"vectors.{name}", rules, on_disk=on_disk)
    return slots


def is_single(given: dict[str, Any]) -> bool:
    """True for VectorParams, False for a map of names to them."""
    return any(key in given and not isinstance(given[key], dict) for key in ("size", "distance"))


def check_count(given: dict[str, Any], path: str, rules: Rules) -> None:
    """A collection has a bounded number of slots."""
    if len(given) > SLOTS_MAX:
        rules.broken(path, f"{len(given)} vectors are too many, at most {SLOTS_MAX} are taken")


def parse_vector(given: object, path: str, rules: Rules, *, on_disk: bool | None = None) -> VectorParams:
    """Return one dense or multivector slot. Raises BadFormat; a size over the limit is a broken rule."""
    wire = convert(given, WireVectorParams, path)
    if wire.size < 1:
        raise BadFormat(f"{path}.size: invalid value: integer `{wire.size}`, expected a whole number from 1")
    rules.within(f"{path}.size", wire.size, 1, SIZE_MAX)
    check_not_pinned(wire.memory, f"{path}.memory", "dense vector storage", rules)
    hnsw = given_hnsw(wire.hnsw_config, f"{path}.hnsw_config", rules)
    is_placed = wire.on_disk is not None or wire.memory is not None
    return _constructed(
        VectorParams,
        size=wire.size,
        distance=wire.distance,
        datatype=parse_datatype(wire.datatype, f"{path}.datatype"),
        multivector_config=None if wire.multivector_config is None else MultivectorConfig(),
        hnsw_config=_constructed(HnswDiff, **hnsw) if hnsw else None,
        quantization_config=parse_quantization(wire.quantization_config, f"{path}.quantization_config", rules),
        on_disk=wire.on_disk if is_placed else on_disk,
        memory=wire.memory,
    )


def parse_sparse_vectors(given: dict[str, Any] | None, rules: Rules) -> dict[str, SparseVectorParams]:
    """Return sparse slots by name."""
    check_count(given or {}, "sparse_vectors", rules)
    slots = {}
    for name, params in (given or {}).items():
        check_vector_name(name, "sparse_vectors", rules)
        path = f"sparse_vectors.{name}"
        wire = convert(params, WireSparseParams, path)
        index = parse_sparse_index(wire.index, f"{path}.index", rules)
        slots[name] = SparseVectorParams(index=index, modifier=wire.modifier)
    return slots


def parse_sparse_index(wire: WireSparseIndex | None, path: str, rules: Rules) -> SparseIndexParams | None:
    """Return how a sparse slot's index is kept. Raises BadFormat."""
    if wire is None:
        return None
    check_whole(wire, "full_scan_threshold")
    if wire.datatype == "turbo4":
        rules.broken(f"{path}.datatype", "sparse vectors do not support `turbo4`")
        return None
    return SparseIndexParams(
        full_scan_threshold=wire.full_scan_threshold,
        on_disk=wire.on_disk,
        memory=wire.memory,
        datatype=parse_datatype(wire.datatype, f"{path}.datatype"),
    )


def parse_datatype(text: str | None, path: str) -> Datatype | None:
    """Return how elements are stored. Raises BadFormat; refuses `turbo4` by name."""
    if text is None:
        return None
    if text == "turbo4":
        refuse(f"`{path}`: turbo4")
    if text not in set(Datatype):
        known = ", ".join(f"`{each}`" for each in Datatype)
        raise BadFormat(f"{path}: unknown variant `{text}`, expected one of {known}")
    return Datatype(text)


def _constructed(model: type[P], **fields: Any) -> P:
    """Return a model whose limits `Rules` tells of: they are checked together, after all is read."""
    return model.model_construct(**fields)  # type: ignore[attr-defined,no-any-return]  # pydantic models only
