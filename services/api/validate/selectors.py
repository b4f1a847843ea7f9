"""`with_payload` and `with_vector` in all their forms."""

import msgspec

from services.api.validate.paths import check_path
from shared.errors import BadFormat, BadInput
from shared.schema.collections import CollectionConfig
from shared.schema.queries import PayloadSelector, VectorSelector


class WirePaths(msgspec.Struct):
    include: list[str] | None = None
    exclude: list[str] | None = None


WirePayloadSelector = bool | list[str] | WirePaths | None
WireVectorSelector = bool | list[str] | None

ALL_PAYLOAD, NO_PAYLOAD = PayloadSelector(True), PayloadSelector()
ALL_VECTORS, NO_VECTORS = VectorSelector(True), VectorSelector()


def parse_payload_selector(wire: WirePayloadSelector, default: PayloadSelector) -> PayloadSelector:
    """Return which part of the payload is wished for. Raises BadFormat for a path that is none."""
    if wire is None:
        return default
    if isinstance(wire, bool):
        return ALL_PAYLOAD if wire else NO_PAYLOAD
    if isinstance(wire, list):
        return PayloadSelector(True, include=_paths(wire))
    if (wire.include is None) == (wire.exclude is None):
        raise BadFormat("`with_payload` as an object needs either `include` or `exclude`")
    if wire.include is not None:
        return PayloadSelector(True, include=_paths(wire.include))
    return PayloadSelector(True, exclude=_paths(wire.exclude or []))


def parse_vector_selector(wire: WireVectorSelector, default: VectorSelector = NO_VECTORS) -> VectorSelector:
    """Return which slots are wished for."""
    if wire is None:
        return default
    if isinstance(wire, bool):
        return ALL_VECTORS if wire else NO_VECTORS
    return VectorSelector(True, wire)


def check_vector_names(selector: VectorSelector, config: CollectionConfig) -> None:
    """Raise BadInput for a name that the collection does not have."""
    for name in selector.names or ():
        if not config.has_slot(name):
            raise BadInput(f"Not existing vector name error: {name}")


def _paths(paths: list[str]) -> list[str]:
    return [check_path(path) for path in paths]
