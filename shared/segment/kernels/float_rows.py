"""Sums over two float32 rows, in one order of summation: THE definition of every score.

Order: element t goes to lane t % 16 of accumulator (t // 16) % 4, each accumulator by one fused multiply-add per step
in ascending t; missing elements of the last 64 count as zeros; then (a0 + a1) + (a2 + a3), lanes folded 8, 4, 2, 1.
Written as vector instructions, so that no optimiser reorders it: AVX2 and AVX-512 give the same bits.
`shared/segment/distance.py` has the same in numpy. Never use these in a function compiled with fastmath.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from shared.segment.kernels.memory import I32, I64, load_vector, splat

_LANES = 16
_V16 = ir.VectorType(ir.FloatType(), _LANES)
_M16 = ir.VectorType(ir.IntType(1), _LANES)
_ZERO = ir.Constant(_V16, [0.0] * _LANES)


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


def _masked(builder: Any, base: Any, offset: Any, lanes: Any) -> Any:
    pointer = builder.inttoptr(builder.add(base, offset), _V16.as_pointer())
    kind = ir.FunctionType(_V16, [_V16.as_pointer(), _M16, _V16])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.load.v16f32.p0")
    return builder.call(function, [pointer, lanes, _ZERO])


def _fold(builder: Any, vector: Any) -> Any:
    for half in (8, 4, 2, 1):
        undefined = ir.Constant(vector.type, ir.Undefined)
        lanes = ir.VectorType(I32, half)
        low = builder.shuffle_vector(vector, undefined, ir.Constant(lanes, list(range(half))))
        high = builder.shuffle_vector(vector, undefined, ir.Constant(lanes, list(range(half, 2 * half))))
        vector = builder.fadd(low, high)
    return builder.extract_element(vector, I32(0))


def _row_sum(step: Callable[[Any, Any, Any, Any], Any]) -> Any:
    @intrinsic
    def row_sum(typing_context: Any, a: Any, b: Any, dim: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, b, dim = arguments
            totals = [cgutils.alloca_once_value(builder, _ZERO) for _ in range(4)]
            blocks = builder.lshr(dim, I64(6))
            with cgutils.for_range(builder, blocks) as loop:
                base = builder.shl(loop.index, I64(8))
                for j, total in enumerate(totals):
                    offset = builder.add(base, I64(64 * j))
                    rows = load_vector(builder, a, offset, _V16), load_vector(builder, b, offset, _V16)
                    builder.store(step(builder, builder.load(total), *rows), total)
            rest = builder.and_(dim, I64(63))
            with builder.if_then(builder.icmp_unsigned("!=", rest, I64(0))):
                base = builder.shl(blocks, I64(8))
                limit = splat(builder, builder.trunc(rest, I32), _LANES)
                for j, total in enumerate(totals):
                    numbers = ir.Constant(ir.VectorType(I32, _LANES), [16 * j + lane for lane in range(_LANES)])
                    lanes = builder.icmp_signed("<", numbers, limit)
                    offset = builder.add(base, I64(64 * j))
                    rows = _masked(builder, a, offset, lanes), _masked(builder, b, offset, lanes)
                    builder.store(step(builder, builder.load(total), *rows), total)
            first, second, third, fourth = (builder.load(total) for total in totals)
            return _fold(builder, builder.fadd(builder.fadd(first, second), builder.fadd(third, fourth)))

        return types.float32(types.int64, types.int64, types.int64), generate

    return row_sum


dot_sum = _row_sum(_dot_step)
square_sum = _row_sum(_square_step)
absolute_sum = _row_sum(_absolute_step)
"""Give the float32 sum over `dim` elements at two addresses: a·b, (a - b)², |a - b|."""
