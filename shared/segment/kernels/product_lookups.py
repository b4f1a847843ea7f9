"""Vector steps of product codes: the estimates of all 256 centroids of a part, sixteen at a time, as uint16."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from shared.segment.kernels.memory import I64, load_vector, splat

_BLOCKS = 16
_F16 = ir.VectorType(ir.FloatType(), 16)
_I16 = ir.VectorType(ir.IntType(32), 16)
_H16 = ir.VectorType(ir.IntType(16), 16)
_MOST = 65535.0


def _call(builder: Any, name: str, *arguments: Any) -> Any:
    kind = ir.FunctionType(_F16, [_F16] * len(arguments))
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v16f32"), arguments)


def _dot_step(builder: Any, total: Any, value: Any, centroids: Any) -> Any:
    return _call(builder, "fma", value, centroids, total)


def _square_step(builder: Any, total: Any, value: Any, centroids: Any) -> Any:
    difference = builder.fsub(value, centroids)
    return _call(builder, "fma", builder.fneg(difference), difference, total)


def _absolute_step(builder: Any, total: Any, value: Any, centroids: Any) -> Any:
    return builder.fsub(total, _call(builder, "fabs", builder.fsub(value, centroids)))


def _scaled(builder: Any, estimates: Any, low: Any, inverse: Any) -> Any:
    half, zeros, most = (ir.Constant(_F16, [value] * 16) for value in (0.5, 0.0, _MOST))
    steps = _call(builder, "fma", builder.fsub(estimates, low), inverse, half)
    held = _call(builder, "minnum", _call(builder, "maxnum", steps, zeros), most)
    return builder.trunc(builder.fptosi(held, _I16), _H16)


def _lookups(step: Callable[[Any, Any, Any, Any], Any]) -> Any:
    @intrinsic
    def fill(typing_context, values, size, centroids, low, inverse, out):
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            values, size, centroids, low, inverse, out = arguments
            low, inverse = splat(builder, low, 16), splat(builder, inverse, 16)
            total = cgutils.alloca_once_value(builder, ir.Constant(_F16, [0.0] * 16))
            with cgutils.for_range(builder, I64(_BLOCKS)) as block:
                builder.store(ir.Constant(_F16, [0.0] * 16), total)
                column = builder.shl(block.index, I64(6))
                with cgutils.for_range(builder, size) as loop:
                    at = builder.inttoptr(builder.add(values, builder.shl(loop.index, I64(2))), _POINTER)
                    offset = builder.add(builder.shl(loop.index, I64(10)), column)
                    row = load_vector(builder, centroids, offset, _F16)
                    builder.store(step(builder, builder.load(total), splat(builder, builder.load(at), 16), row), total)
                lanes = _scaled(builder, builder.load(total), low, inverse)
                place = builder.add(out, builder.shl(block.index, I64(5)))
                builder.store(lanes, builder.inttoptr(place, _H16.as_pointer())).align = 1
            return context.get_dummy_value()

        i64, f32 = types.int64, types.float32
        return types.void(i64, i64, i64, f32, f32, i64), generate

    return fill


_POINTER = ir.FloatType().as_pointer()

fill_dots = _lookups(_dot_step)
fill_squares = _lookups(_square_step)
fill_absolutes = _lookups(_absolute_step)
"""Write, as steps of 1 / inverse above `low`, <q, c>, -(q - c)² or -|q - c| of a part's `size` query elements."""
