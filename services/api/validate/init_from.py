"""`init_from` of a create body, and whether the new collection can hold what the other one holds.

Sizes and distances must be the same and every vector of the source needs its place; all other settings may differ.
Source: the guide, "Create collection from another collection".
"""

import msgspec

from services.api.validate.body import decode
from services.api.validate.unsupported import refuse
from shared.errors import BadFormat, BadInput
from shared.schema.collections import UNNAMED, CollectionConfig
from shared.schema.slots import Datatype, Distance, SlotKind
from shared.segment.layout import SlotLayout, layout_of


class WireInitFrom(msgspec.Struct, forbid_unknown_fields=True):
    collection: str


class WireBody(msgspec.Struct):
    init_from: WireInitFrom | None = None


_decoder = msgspec.json.Decoder(WireBody)


def parse_init_from(body: bytes) -> str | None:
    """Return the name of the collection to begin with, None when the body names none. Raises BadFormat."""
    if b"init_from" not in body:
        return None
    wire = decode(_decoder, body).init_from
    if wire is not None and not wire.collection:
        raise BadFormat("init_from.collection: a collection's name is expected, got an empty text")
    return wire.collection if wire is not None else None


def check_matches(name: str, source: CollectionConfig, target: CollectionConfig) -> None:
    """Raise BadInput unless the new collection can hold all vectors of the source `name`."""
    layout = layout_of(target)
    for slot, held in layout_of(source).items():
        wanted = layout.get(slot)
        problem = "it is missing here" if wanted is None else _difference(held, wanted)
        if problem:
            which = f"vector '{slot}'" if slot != UNNAMED else "the unnamed vector"
            raise BadInput(f"Vectors configuration is not compatible with collection `{name}`: {which}: {problem}")
        if wanted is not None and _loses_length(held, wanted):
            refuse(f"`init_from` that makes uint8 of vectors `{slot}` that Cosine has brought to unit length")


def _difference(held: SlotLayout, wanted: SlotLayout) -> str:
    """Return in which way a slot is another one; empty when it is not."""
    if held.kind is not wanted.kind:
        return f"expected a {_KINDS[held.kind]} vector, got a {_KINDS[wanted.kind]} one"
    if held.kind is SlotKind.SPARSE:
        return ""
    if held.dim != wanted.dim:
        return f"expected size {held.dim}, got {wanted.dim}"
    if held.distance is not wanted.distance:
        return f"expected distance {held.distance.value}, got {wanted.distance.value}"
    return ""


def _loses_length(held: SlotLayout, wanted: SlotLayout) -> bool:
    is_narrowed = wanted.datatype is Datatype.UINT8 and held.datatype is not Datatype.UINT8
    return is_narrowed and wanted.distance is Distance.COSINE and wanted.kind is not SlotKind.SPARSE


_KINDS = {SlotKind.DENSE: "dense", SlotKind.MULTI: "multi", SlotKind.SPARSE: "sparse"}
