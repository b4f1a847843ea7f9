"""Sums over two rows, in one order of summation: THE definition of every score.

The first row is float32, a query; the second float32, float16 or bytes, widened as they are loaded, which is exact.
Order: element t goes to lane t % 16 of accumulator (t // 16) % 4, each accumulator by one fused multiply-add per step
in ascending t; missing elements of the last 64 count as zeros; then (a0 + a1) + (a2 + a3), lanes folded 8, 4, 2, 1.
Written as vector instructions, so that no optimiser reorders it: AVX2 and AVX-512 give the same bits.
`shared/segment/distance.py` has the same in numpy. Never use these in a function compiled with fastmath.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from shared.segment.kernels.memory import I8, I32, I64, load_vector, splat

_LANES = 16
_V16 = ir.VectorType(ir.FloatType(), _LANES)
_M16 = ir.VectorType(ir.IntType(1), _LANES)
_ZERO = ir.Constant(_V16, [0.0] * _LANES)


class _Element(NamedTuple):
    """How 16 elements of a row are loaded and widened. `shift`: log2 of an element's bytes."""

    vector: Any
    shift: int
    name: str

    def widened(self, builder: Any, loaded: Any) -> Any:
        """Return float32 lanes."""
        if self.name == "v16f32":
            return loaded
        return builder.fpext(loaded, _V16) if self.name == "v16f16" else builder.uitofp(loaded, _V16)

    def whole(self, builder: Any, base: Any, place: Any) -> Any:
        """Return elements [place, place + 16) of the row at `base`."""
        offset = builder.shl(place, I64(self.shift))
        return self.widened(builder, load_vector(builder, base, offset, self.vector))

    def masked(self, builder: Any, base: Any, place: Any, lanes: Any) -> Any:
        """Return the elements in the lanes that are set, zeros in the others."""
        offset = builder.shl(place, I64(self.shift))
        return self.widened(builder, _masked(builder, builder.add(base, offset), lanes, self))


_FLOAT32 = _Element(_V16, 2, "v16f32")
_FLOAT16 = _Element(ir.VectorType(ir.HalfType(), _LANES), 1, "v16f16")
_UINT8 = _Element(ir.VectorType(I8, _LANES), 0, "v16i8")


def _call(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def _dot_step(builder: Any, total: Any, a: Any, b: Any) -> Any:
    return _call(builder, "llvm.fma.v16f32", _V16, [a, b, total])


def _square_step(builder: Any, total: Any, a: Any, b: Any) -> Any:
    difference = builder.fsub(a, b)
    return _call(builder, "llvm.fma.v16f32", _V16, [difference, difference, total])


def _absolute_step(builder: Any, total: Any, a: Any, b: Any) -> Any:
    return builder.fadd(total, _call(builder, "llvm.fabs.v16f32", _V16, [builder.fsub(a, b)]))


def _masked(builder: Any, base: Any, lanes: Any, element: _Element) -> Any:
    vector = element.vector
    pointer = builder.inttoptr(base, vector.as_pointer())
    kind = ir.FunctionType(vector, [vector.as_pointer(), _M16, vector])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.load.{element.name}.p0")
    return builder.call(function, [pointer, lanes, ir.Constant(vector, None)])


def _fold(builder: Any, vector: Any) -> Any:
    for half in (8, 4, 2, 1):
        undefined = ir.Constant(vector.type, ir.Undefined)
        lanes = ir.VectorType(I32, half)
        low = builder.shuffle_vector(vector, undefined, ir.Constant(lanes, list(range(half))))
        high = builder.shuffle_vector(vector, undefined, ir.Constant(lanes, list(range(half, 2 * half))))
        vector = builder.fadd(low, high)
    return builder.extract_element(vector, I32(0))


def _row_sum(step: Callable[[Any, Any, Any, Any], Any], first: _Element, second: _Element) -> Any:
    @intrinsic
    def row_sum(typing_context: Any, a: Any, b: Any, dim: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, b, dim = arguments
            totals = [cgutils.alloca_once_value(builder, _ZERO) for _ in range(4)]
            blocks = builder.lshr(dim, I64(6))
            with cgutils.for_range(builder, blocks) as loop:
                base = builder.shl(loop.index, I64(6))
                for j, total in enumerate(totals):
                    place = builder.add(base, I64(16 * j))
                    rows = first.whole(builder, a, place), second.whole(builder, b, place)
                    builder.store(step(builder, builder.load(total), *rows), total)
            rest = builder.and_(dim, I64(63))
            with builder.if_then(builder.icmp_unsigned("!=", rest, I64(0))):
                base = builder.shl(blocks, I64(6))
                limit = splat(builder, builder.trunc(rest, I32), _LANES)
                for j, total in enumerate(totals):
                    numbers = ir.Constant(ir.VectorType(I32, _LANES), [16 * j + lane for lane in range(_LANES)])
                    lanes = builder.icmp_signed("<", numbers, limit)
                    place = builder.add(base, I64(16 * j))
                    rows = first.masked(builder, a, place, lanes), second.masked(builder, b, place, lanes)
                    builder.store(step(builder, builder.load(total), *rows), total)
            left, right = ((builder.load(totals[j]), builder.load(totals[j + 1])) for j in (0, 2))
            return _fold(builder, builder.fadd(builder.fadd(*left), builder.fadd(*right)))

        return types.float32(types.int64, types.int64, types.int64), generate

    return row_sum


dot_sum = _row_sum(_dot_step, _FLOAT32, _FLOAT32)
square_sum = _row_sum(_square_step, _FLOAT32, _FLOAT32)
absolute_sum = _row_sum(_absolute_step, _FLOAT32, _FLOAT32)
"""Give the float32 sum over `dim` elements at two addresses: a·b, (a - b)², |a - b|."""

half_dot_sum = _row_sum(_dot_step, _FLOAT32, _FLOAT16)
half_square_sum = _row_sum(_square_step, _FLOAT32, _FLOAT16)
half_absolute_sum = _row_sum(_absolute_step, _FLOAT32, _FLOAT16)
"""The same where the second row is float16."""

byte_dot_sum = _row_sum(_dot_step, _FLOAT32, _UINT8)
byte_square_sum = _row_sum(_square_step, _FLOAT32, _UINT8)
byte_absolute_sum = _row_sum(_absolute_step, _FLOAT32, _UINT8)
byte_own_sum = _row_sum(_dot_step, _UINT8, _UINT8)
"""The same where the second row is uint8; and where both are."""
