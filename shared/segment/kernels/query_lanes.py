"""Vector steps of encoding one query: sixteen of its elements at a time, where rows are encoded sixteen at once.

They do the same float operations in the same order as `sign_lanes.py` does in each of its lanes.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from shared.segment.kernels.memory import I32, I64, load_vector, splat

LANES = 16
"""Elements that the steps of a rotation take."""

WORD = 64
"""Elements whose codes make one word of each bit plane."""

_F16 = ir.VectorType(ir.FloatType(), LANES)
_F64 = ir.VectorType(ir.FloatType(), WORD)
_I8 = ir.IntType(8)
_B64 = ir.VectorType(_I8, WORD)
_W64 = ir.VectorType(I32, WORD)


def _store(builder: Any, value: Any, base: Any) -> None:
    builder.store(value, builder.inttoptr(base, value.type.as_pointer())).align = 1


@intrinsic
def flip_signs(typing_context: Any, values: Any, signs: Any, factor: Any) -> Any:
    """Multiply sixteen values by sixteen signs times one factor."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, signs, factor = arguments
        factors = builder.fmul(load_vector(builder, signs, I64(0), _F16), splat(builder, factor, LANES))
        _store(builder, builder.fmul(load_vector(builder, values, I64(0), _F16), factors), values)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.float32), generate


@intrinsic
def butterflies(typing_context: Any, values: Any) -> Any:
    """Replace sixteen values by their Hadamard transform, not scaled: butterflies of those 1, 2, 4 and 8 apart."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = load_vector(builder, arguments[0], I64(0), _F16)
        for half in (1, 2, 4, 8):
            swap = ir.Constant(ir.VectorType(I32, LANES), [t ^ half for t in range(LANES)])
            other = builder.shuffle_vector(lanes, ir.Constant(_F16, ir.Undefined), swap)
            is_lower = ir.Constant(ir.VectorType(ir.IntType(1), LANES), [int(not t & half) for t in range(LANES)])
            lanes = builder.select(is_lower, builder.fadd(lanes, other), builder.fsub(other, lanes))
        _store(builder, lanes, arguments[0])
        return context.get_dummy_value()

    return types.void(types.int64), generate


def _codes(builder: Any, values: Any, low: Any, inverse: Any, most: Any) -> Any:
    kind = ir.FunctionType(_F64, [_F64, _F64])
    least, greatest = (
        cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v64f32") for name in ("minnum", "maxnum")
    )
    steps = builder.fmul(builder.fsub(values, splat(builder, low, WORD)), splat(builder, inverse, WORD))
    steps = builder.fadd(steps, ir.Constant(_F64, [0.5] * WORD))
    held = builder.call(greatest, [steps, ir.Constant(_F64, [0.0] * WORD)])
    return builder.fptosi(builder.call(least, [held, splat(builder, most, WORD)]), _W64)


@intrinsic
def plane_words(typing_context, values, scale, planes, stride, count):
    """Write one word of each of `count` bit planes, `stride` bytes apart: the codes of 64 values; return their sum.

    scale   low, steps per unit, the greatest code: codes are steps above low, rounded
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, scale, planes, stride, count = arguments
        low, inverse, most = (builder.extract_value(scale, place) for place in range(3))
        codes = _codes(builder, load_vector(builder, values, I64(0), _F64), low, inverse, most)
        narrow = builder.trunc(codes, _B64)
        with cgutils.for_range(builder, count) as loop:
            bit = splat(builder, builder.trunc(builder.shl(I64(1), loop.index), _I8), WORD)
            is_set = builder.icmp_unsigned("!=", builder.and_(narrow, bit), ir.Constant(_B64, [0] * WORD))
            place = builder.add(planes, builder.mul(loop.index, stride))
            _store(builder, builder.bitcast(is_set, I64), place)
        kind = ir.FunctionType(I32, [_W64])
        total = cgutils.get_or_insert_function(builder.module, kind, "llvm.vector.reduce.add.v64i32")
        return builder.sext(builder.call(total, [codes]), I64)

    i64, f32 = types.int64, types.float32
    return i64(i64, types.UniTuple(f32, 3), i64, i64, i64), generate
