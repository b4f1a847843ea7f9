"""Quantization of create and PATCH bodies: exactly one kind, or in a PATCH the word `Disabled`.

Limits are those of features.md section 6.
"""

from typing import Any, Literal, NamedTuple

import msgspec

from services.api.validate.body import convert_strictly
from services.api.validate.rules import Rules
from services.api.validate.unsupported import refuse
from shared.errors import BadFormat
from shared.schema.quantization import (
    Binary,
    BinaryEncoding,
    BinaryQueryEncoding,
    Compression,
    Product,
    QuantizationConfig,
    Scalar,
)
from shared.schema.slots import Memory

DISABLED = "Disabled"
_KINDS = ("scalar", "product", "binary", "turbo")


class WireScalar(msgspec.Struct):
    type: Literal["int8"]
    quantile: float | None = None
    always_ram: bool | None = None
    memory: Memory | None = None


class WireProduct(msgspec.Struct):
    compression: Compression
    always_ram: bool | None = None
    memory: Memory | None = None


class WireBinary(msgspec.Struct):
    always_ram: bool | None = None
    memory: Memory | None = None
    encoding: BinaryEncoding | None = None
    query_encoding: BinaryQueryEncoding | None = None


class StrictScalar(WireScalar, forbid_unknown_fields=True):
    """As WireScalar, for a PATCH."""


class StrictProduct(WireProduct, forbid_unknown_fields=True):
    """As WireProduct, for a PATCH."""


class StrictBinary(WireBinary, forbid_unknown_fields=True):
    """As WireBinary, for a PATCH."""


class QuantizationChange(NamedTuple):
    """What a PATCH sets: another config, or None for none."""

    config: QuantizationConfig | None


def parse_quantization(given: Any, path: str, rules: Rules, *, strict: bool = False) -> QuantizationConfig | None:
    """Return a quantization config, None where none is given. Raises BadFormat."""
    if given is None:
        return None
    kinds = [kind for kind in _KINDS if isinstance(given, dict) and given.get(kind) is not None]
    if len(kinds) != 1 or (strict and len(given) != 1):
        raise BadFormat(f"{path}: expected an object with exactly one of {', '.join(_KINDS[:3])}, got {_told(given)}")
    (kind,) = kinds
    return _PARSERS[kind](given[kind], f"{path}.{kind}", rules, strict)


def parse_quantization_change(given: Any, path: str, rules: Rules) -> QuantizationChange | None:
    """Return what a PATCH sets, None where it leaves quantization alone. Raises BadFormat."""
    if given is None:
        return None
    if given == DISABLED:
        return QuantizationChange(None)
    if isinstance(given, str):
        raise BadFormat(f"{path}: unknown variant `{given}`, expected an object or `{DISABLED}`")
    return QuantizationChange(parse_quantization(given, path, rules, strict=True))


def _scalar(given: Any, path: str, rules: Rules, strict: bool) -> QuantizationConfig:
    wire = convert_strictly(given, StrictScalar if strict else WireScalar, path)
    rules.within(f"{path}.quantile", wire.quantile, 0.5, 1.0)
    scalar = Scalar.model_construct(
        type=wire.type, quantile=wire.quantile, always_ram=wire.always_ram, memory=wire.memory
    )
    return QuantizationConfig.model_construct(scalar=scalar)


def _product(given: Any, path: str, rules: Rules, strict: bool) -> QuantizationConfig:
    wire = convert_strictly(given, StrictProduct if strict else WireProduct, path)
    return QuantizationConfig(
        product=Product(compression=wire.compression, always_ram=wire.always_ram, memory=wire.memory)
    )


def _binary(given: Any, path: str, rules: Rules, strict: bool) -> QuantizationConfig:
    wire = convert_strictly(given, StrictBinary if strict else WireBinary, path)
    binary = Binary(
        encoding=wire.encoding,
        query_encoding=wire.query_encoding,
        always_ram=wire.always_ram,
        memory=wire.memory,
    )
    return QuantizationConfig(binary=binary)


def _turbo(given: Any, path: str, rules: Rules, strict: bool) -> QuantizationConfig:
    refuse(f"`{path}`")


_PARSERS = {"scalar": _scalar, "product": _product, "binary": _binary, "turbo": _turbo}


def _told(given: Any) -> str:
    """Return how an error names what was given: its keys, or what it is."""
    return ", ".join(f"`{key}`" for key in given) or "{}" if isinstance(given, dict) else f"{type(given).__name__}"
