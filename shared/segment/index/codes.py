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

from typing import NamedTuple

from shared.segment.elements import Stored, widened
from shared.segment.index.bit_codes import BitCodes, has_bit_codes
from shared.segment.index.byte_codes import ByteCodes
from shared.segment.index.rotation import Rotation
from shared.segment.index.row_codes import Arrays, RowCodes
from shared.segment.layout import SlotLayout, SlotPlan

__all__ = ["BitCodes", "ByteCodes", "Codes", "Rotation", "RowCodes", "build_codes", "code_arrays", "codes_from"]


class Codes(NamedTuple):
    """The codes of one slot.

    rows     a code for each row, for walking the graph and for scanning matching rows; the appendable has none
    groups   1-bit codes of sixteen rows at a time; none for few dims, Manhattan, or beside a quantization
    """

    rows: RowCodes | None = None
    groups: BitCodes | None = None

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
    groups = BitCodes.build(rows, layout.distance, seed) if has_bit_codes(layout.dim, layout.distance) else None
    return Codes(ByteCodes.build(rows, layout.distance), groups)


def code_arrays(codes: Codes) -> Arrays:
    """Return the arrays to store, each named `<kind>.<name>`."""
    parts = {"bits": codes.groups, **({} if codes.rows is None else {codes.rows.name: codes.rows})}
    return {
        f"{kind}.{name}": array
        for kind, part in parts.items()
        if part is not None
        for name, array in part.arrays().items()
    }


def codes_from(arrays: Arrays, layout: SlotLayout, is_cold: bool = False) -> Codes:
    """Return the codes over stored arrays, named as `code_arrays` named them; others among them are ignored.

    is_cold   codes of a quantization stay where they are, in the file's map; else rows that a walk reads are copied
    """
    groups, rows = _of("bits", arrays), _of("bytes", arrays)
    return Codes(
        ByteCodes.from_arrays(rows, layout.distance) if rows else None,
        BitCodes.from_arrays(groups, layout.dim, layout.distance) if groups else None,
    )


def _of(kind: str, arrays: Arrays) -> Arrays:
    prefix = f"{kind}."
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
