"""Bodies that add a slot to a live collection: what makes a slot what it is, and nothing else.

Graph, quantization and placement of the new slot are set by a PATCH afterwards.
"""

import msgspec

from services.api.validate.body import convert_strictly, decode_object
from services.api.validate.collection_names import check_vector_name
from services.api.validate.collection_settings import check_whole
from services.api.validate.collection_slots import SIZE_MAX, WireMultivector, parse_datatype
from services.api.validate.rules import Rules
from shared.errors import BadFormat
from shared.schema.collections import Distance, SparseIndexParams, SparseVectorParams, VectorParams
from shared.schema.slots import Modifier, MultivectorConfig

SlotParams = VectorParams | SparseVectorParams


class WireDense(msgspec.Struct, forbid_unknown_fields=True):
    size: int
    distance: Distance
    multivector_config: WireMultivector | None = None
    datatype: str | None = None


class WireSparse(msgspec.Struct, forbid_unknown_fields=True):
    modifier: Modifier | None = None
    datatype: str | None = None


def parse_vector_name(name: str, body: bytes) -> SlotParams:
    """Return the slot that a body asks for under a name. Raises BadFormat, Invalid."""
    given = decode_object(body)
    if len(given) != 1 or not given.keys() <= {"dense", "sparse"}:
        raise BadFormat(f"expected an object with `dense` or `sparse`, got {', '.join(sorted(given)) or '{}'}")
    names = Rules()
    check_vector_name(name, "vector_name", names)
    names.check("path parameters")
    rules = Rules()
    params = _dense(given["dense"], rules) if "dense" in given else _sparse(given["sparse"], rules)
    rules.check()
    return params


def is_same_slot(one: SlotParams, other: SlotParams) -> bool:
    """True where two slots hold and compare vectors alike; how they are built and placed does not count."""
    return _identity(one) == _identity(other)


def _identity(params: SlotParams) -> tuple[object, ...]:
    if isinstance(params, VectorParams):
        return params.size, params.distance, params.datatype or "float32", params.multivector_config
    datatype = params.index.datatype if params.index is not None else None
    return "sparse", params.modifier or Modifier.NONE, datatype or "float32"


def _dense(given: object, rules: Rules) -> VectorParams:
    wire = convert_strictly(given, WireDense, "dense")
    check_whole(wire, "size")
    rules.within("dense.size", wire.size, 1, SIZE_MAX)
    return VectorParams.model_construct(
        size=wire.size,
        distance=wire.distance,
        datatype=parse_datatype(wire.datatype, "dense.datatype"),
        multivector_config=None if wire.multivector_config is None else MultivectorConfig(),
    )


def _sparse(given: object, rules: Rules) -> SparseVectorParams:
    wire = convert_strictly(given, WireSparse, "sparse")
    if wire.datatype == "turbo4":
        rules.broken("sparse.datatype", "sparse vectors do not support `turbo4`")
        return SparseVectorParams()
    datatype = parse_datatype(wire.datatype, "sparse.datatype")
    return SparseVectorParams(
        index=None if datatype is None else SparseIndexParams(datatype=datatype), modifier=wire.modifier
    )
