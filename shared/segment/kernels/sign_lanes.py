"""Vector steps of the 1-bit codes: sixteen rows at a time, one per lane."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from shared.segment.kernels.memory import I32, I64, load_vector, splat

_F16 = ir.VectorType(ir.FloatType(), 16)
_W8 = ir.VectorType(I64, 8)
_W16 = ir.VectorType(I64, 16)
_PLANES = 4


def _store(builder: Any, value: Any, base: Any, offset: Any) -> None:
    pointer = builder.inttoptr(builder.add(base, offset), value.type.as_pointer())
    builder.store(value, pointer).align = 1


@intrinsic
def butterfly(typing_context: Any, low: Any, high: Any) -> Any:
    """Replace the lanes at two addresses by their sums and differences."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, y = (load_vector(builder, base, I64(0), _F16) for base in arguments)
        _store(builder, builder.fadd(x, y), arguments[0], I64(0))
        _store(builder, builder.fsub(x, y), arguments[1], I64(0))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def scale_lanes(typing_context: Any, lanes: Any, factor: Any) -> Any:
    """Multiply the lanes at an address by one factor."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        product = builder.fmul(load_vector(builder, arguments[0], I64(0), _F16), splat(builder, arguments[1], 16))
        _store(builder, product, arguments[0], I64(0))
        return context.get_dummy_value()

    return types.void(types.int64, types.float32), generate


@intrinsic
def add_signs(typing_context: Any, lanes: Any, words: Any, place: Any) -> Any:
    """Set bit `place` in the sixteen words at an address where a lane is positive."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values = load_vector(builder, arguments[0], I64(0), _F16)
        positive = builder.fcmp_ordered(">", values, ir.Constant(_F16, [0.0] * 16))
        bits = builder.shl(builder.zext(positive, _W16), splat(builder, arguments[2], 16))
        sofar = load_vector(builder, arguments[1], I64(0), _W16)
        _store(builder, builder.or_(sofar, bits), arguments[1], I64(0))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def add_products(typing_context: Any, lanes: Any, sums: Any, mean: Any) -> Any:
    """Add x², |x| and x·mean of the lanes to the three vectors at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values = load_vector(builder, arguments[0], I64(0), _F16)
        kind = ir.FunctionType(_F16, [_F16])
        absolute = builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.fabs.v16f32"), [values])
        terms = (builder.fmul(values, values), absolute, builder.fmul(values, splat(builder, arguments[2], 16)))
        for place, term in enumerate(terms):
            sofar = load_vector(builder, arguments[1], I64(64 * place), _F16)
            _store(builder, builder.fadd(sofar, term), arguments[1], I64(64 * place))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.float32), generate


def _weighted_ones(builder: Any, block: Any, planes: Any, words: Any) -> list[Any]:
    """Return for two halves of the sixteen rows: sum over planes of 2^j · ones(word & plane j), as i64 lanes."""
    zero = ir.Constant(_W8, [0] * 8)
    totals = [[cgutils.alloca_once_value(builder, zero) for _ in range(_PLANES)] for _ in range(2)]
    kind = ir.FunctionType(_W8, [_W8])
    ones = cgutils.get_or_insert_function(builder.module, kind, "llvm.ctpop.v8i64")
    with cgutils.for_range(builder, words) as loop:
        at_block = builder.shl(loop.index, I64(7))
        at_plane = builder.shl(loop.index, I64(5))
        halves = [load_vector(builder, block, builder.add(at_block, I64(64 * half)), _W8) for half in range(2)]
        for j in range(_PLANES):
            pointer = builder.add(planes, builder.add(at_plane, I64(8 * j)))
            plane = splat(builder, builder.load(builder.inttoptr(pointer, I64.as_pointer())), 8)
            for half in range(2):
                count = builder.call(ones, [builder.and_(halves[half], plane)])
                builder.store(builder.add(builder.load(totals[half][j]), count), totals[half][j])
    results = []
    for half in range(2):
        weighted = [builder.shl(builder.load(totals[half][j]), ir.Constant(_W8, [j] * 8)) for j in range(_PLANES)]
        results.append(builder.add(builder.add(weighted[0], weighted[1]), builder.add(weighted[2], weighted[3])))
    return results


def _estimates(builder: Any, weighted: list[Any], meta: Any, factors: list[Any]) -> Any:
    """Return ((f0 · ones + f1 · weighted + f2) · factor + bias) of sixteen rows."""
    half = ir.VectorType(ir.FloatType(), 8)
    floats = [builder.sitofp(lanes, half) for lanes in weighted]
    sums = builder.shuffle_vector(*floats, ir.Constant(ir.VectorType(I32, 16), list(range(16))))
    factor, bias, ones = (load_vector(builder, meta, I64(64 * place), _F16) for place in range(3))
    f0, f1, f2 = (splat(builder, value, 16) for value in factors)
    inner = builder.fadd(builder.fadd(builder.fmul(f0, ones), builder.fmul(f1, sums)), f2)
    return builder.fadd(builder.fmul(inner, factor), bias)


@intrinsic
def estimate_group(typing_context, block, planes, words, meta, f0, f1, f2, threshold, out):
    """Write the estimates of a group of sixteen rows, return a 16-bit mask of those above the threshold."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block, planes, words, meta, f0, f1, f2, threshold, out = arguments
        values = _estimates(builder, _weighted_ones(builder, block, planes, words), meta, [f0, f1, f2])
        _store(builder, values, out, I64(0))
        above = builder.fcmp_ordered(">", values, splat(builder, threshold, 16))
        return builder.zext(builder.bitcast(above, ir.IntType(16)), I64)

    f32, i64 = types.float32, types.int64
    return types.uint64(i64, i64, i64, i64, f32, f32, f32, f32, i64), generate
