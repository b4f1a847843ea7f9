"""Compact forms of vectors that find candidates, and how a slot's plan chooses among them.

Without quantization a built slot has int8 codes of its rows for walking, and 1-bit codes in groups for scanning. A
`quantization_config` puts one kind in the place of both:

    kind                bytes a row                       stored as
    built-in            dim + dim / 8 + 12                <slot>.bytes.*  <slot>.bits.*
    scalar              dim                               <slot>.scalar.*
    product             4 dim / compression               <slot>.product.*
    binary              (1, 1.5 or 2) · dim / 8 + 12      <slot>.binary.*

Row codes (all but the groups) share one Protocol, `RowCodes`.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeVar

from shared.schema.quantization import BinaryQueryEncoding, Product, QuantizationConfig, Scalar
from shared.schema.slots import Distance
from shared.segment.elements import Stored, widened
from shared.segment.index.binary_codes import QUERY_BITS, BinaryCodes
from shared.segment.index.bit_codes import BitCodes, has_bit_codes
from shared.segment.index.byte_codes import ByteCodes, ScalarCodes
from shared.segment.index.product_codes import ProductCodes
from shared.segment.index.rotation import Rotation
from shared.segment.index.row_codes import Arrays, Floats, RowCodes
from shared.segment.layout import SlotLayout, SlotPlan

QUANTIZATIONS = (ScalarCodes.name, ProductCodes.name, BinaryCodes.name)
"""Names of the kinds that a `quantization_config` chooses among."""

ENCODED_AT_ONCE = 4096
"""Rows that one thread encodes without a pause; a multiple of what kernels take together."""

_C = TypeVar("_C", ByteCodes, ProductCodes, BinaryCodes)

__all__ = ["BitCodes", "ByteCodes", "Codes", "Rotation", "RowCodes", "build_codes", "code_arrays", "codes_from"]


class Codes(NamedTuple):
    """The codes of one slot.

    rows     a code for each row, for walking the graph and for scanning matching rows; the appendable has none
    groups   1-bit codes of sixteen rows at a time; none for few dims, Manhattan, or beside a quantization
    """

    rows: RowCodes | None = None
    groups: BitCodes | None = None

    @property
    def is_quantization(self) -> bool:
        """True for the codes of a `quantization_config`."""
        return self.rows is not None and self.rows.name != ByteCodes.name

    @property
    def nbytes(self) -> int:
        """Return the bytes held."""
        return sum(part.nbytes for part in self if part is not None)


def build_codes(layout: SlotLayout, plan: SlotPlan, vectors: Stored, seed: int, threads: int = 1) -> Codes:
    """Return the codes that a plan asks for.

    vectors   (n, dim) as the slot stores them, or float32 as they are compared
    seed      of the collection's code rotations
    """
    rows = widened(layout, vectors)
    if plan.quantization is not None:
        return Codes(_quantized(rows, layout.distance, plan.quantization, seed, threads))
    groups = BitCodes.build(rows, layout.distance, seed) if has_bit_codes(layout.dim, layout.distance) else None
    codes = ByteCodes.prepare(rows, layout.distance)
    return Codes(_encoded(codes, rows, layout.distance, threads), groups)


def _quantized(rows: Floats, distance: Distance, config: QuantizationConfig, seed: int, threads: int) -> RowCodes:
    """Return the codes of a quantization."""
    kind = config.kind
    if isinstance(kind, Scalar):
        return _encoded(ScalarCodes.of(rows, distance, kind.quantile), rows, distance, threads)
    if isinstance(kind, Product):
        return _encoded(ProductCodes.of(rows, kind.compression.factor, seed, distance), rows, distance, threads)
    return _encoded(BinaryCodes.of(rows, kind.encoding, seed), rows, distance, threads)


def _encoded(codes: _C, rows: Floats, distance: Distance, threads: int) -> _C:
    """Encode all rows in threads, and return the codes."""
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        starts = range(0, len(rows), ENCODED_AT_ONCE)
        encode = partial(codes.encode, rows, distance)
        list(pool.map(encode, starts, (min(len(rows), first + ENCODED_AT_ONCE) for first in starts)))
    return codes


def code_arrays(codes: Codes) -> Arrays:
    """Return the arrays to store, each named `<kind>.<name>`."""
    parts = {"bits": codes.groups, **({} if codes.rows is None else {codes.rows.name: codes.rows})}
    return {
        f"{kind}.{name}": array
        for kind, part in parts.items()
        if part is not None
        for name, array in part.arrays().items()
    }


def codes_from(
    arrays: Arrays,
    layout: SlotLayout,
    is_cold: bool = False,
    query_encoding: BinaryQueryEncoding = BinaryQueryEncoding.DEFAULT,
) -> Codes:
    """Return the codes over stored arrays, named as `code_arrays` named them; others among them are ignored.

    is_cold   codes of a quantization stay where they are, in the file's map; else rows that a walk reads are copied.
              The built-in ones always are: they are what stays in memory of a slot whose vectors are on disk
    """
    groups = _of("bits", arrays)
    rows: RowCodes | None = None
    for kind in (ByteCodes, ScalarCodes, ProductCodes, BinaryCodes):
        if found := _of(kind.name, arrays):
            rows = kind.from_arrays(found, layout.distance, is_cold and kind is not ByteCodes)
    if isinstance(rows, BinaryCodes):
        rows.query_bits = QUERY_BITS[query_encoding]
    return Codes(rows, BitCodes.from_arrays(groups, layout.dim, layout.distance) if groups else None)


def _of(kind: str, arrays: Arrays) -> Arrays:
    prefix = f"{kind}."
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
