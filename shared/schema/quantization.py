"""Quantization of a collection or a slot: which codes searches read in place of the built-in ones (features.md 6)."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from shared.schema.model import Sparing
from shared.schema.slots import Memory


class _Placed(Sparing):
    """Codes and where they live; `memory` is the newer word and wins. What nobody set is absent from answers."""

    always_ram: bool | None = None
    memory: Memory | None = None

    def is_in_memory(self, *, is_on_disk: bool) -> bool:
        """True where the codes are kept in memory. Default: where the raw vectors are."""
        if self.memory is not None:
            return self.memory is not Memory.COLD
        return not is_on_disk if self.always_ram is None else self.always_ram


class Scalar(_Placed):
    """One byte an element. Values outside the middle `quantile` of all values are clipped; None clips nothing."""

    type: Literal["int8"]
    quantile: Annotated[float, Field(ge=0.5, le=1)] | None = None


class Compression(StrEnum):
    """How much smaller product codes are than float32 rows."""

    X4 = "x4"
    X8 = "x8"
    X16 = "x16"
    X32 = "x32"
    X64 = "x64"

    @property
    def factor(self) -> int:
        """The number in the name."""
        return int(self.value[1:])


class Product(_Placed):
    """One byte for `compression` / 4 elements: the nearest of up to 256 centroids."""

    compression: Compression


class BinaryEncoding(StrEnum):
    """Bits an element in stored codes."""

    ONE_BIT = "one_bit"
    TWO_BITS = "two_bits"
    ONE_AND_HALF_BITS = "one_and_half_bits"


class BinaryQueryEncoding(StrEnum):
    """How exactly a query is kept beside binary codes."""

    DEFAULT = "default"
    BINARY = "binary"
    SCALAR4BITS = "scalar4bits"
    SCALAR8BITS = "scalar8bits"


class Binary(_Placed):
    """One, one and a half, or two bits an element."""

    encoding: BinaryEncoding | None = None
    query_encoding: BinaryQueryEncoding | None = None


class QuantizationConfig(Sparing):
    """Exactly one kind."""

    scalar: Scalar | None = None
    product: Product | None = None
    binary: Binary | None = None

    @model_validator(mode="after")
    def _one(self) -> "QuantizationConfig":
        if sum(kind is not None for kind in (self.scalar, self.product, self.binary)) != 1:
            raise ValueError("expected exactly one of scalar, product and binary")
        return self

    @property
    def kind(self) -> Scalar | Product | Binary:
        """The one that is set."""
        kind = self.scalar or self.product or self.binary
        assert kind is not None
        return kind
