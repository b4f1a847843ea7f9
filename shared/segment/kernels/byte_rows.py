"""Sums over a uint8 row and an int8 row, whole blocks of 64 bytes: exact integers, so every form agrees.

`byte_dot` has two forms: `vpdpbusd` of AVX-512 VNNI, and plain vector IR for every other machine. A form that the CPU
lacks would end the process, so the choice follows the level that `shared.segment.kernels` found.
"""

from collections.abc import Callable
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from shared.segment.kernels import LEVEL
from shared.segment.kernels.memory import I8, I32, I64, load_vector

_BYTES = ir.VectorType(I8, 64)
_V16 = ir.VectorType(I32, 16)
_V64 = ir.VectorType(I32, 64)
_ZEROS = {lanes: ir.Constant(ir.VectorType(I32, lanes), [0] * lanes) for lanes in (16, 64)}
_FLIP = ir.Constant(_BYTES, [-128] * 64)
_VNNI_OPERAND = _V16 if llvmlite.binding.llvm_version_info[0] < 22 else _BYTES


def _vnni_step(builder: Any, total: Any, a: Any, b: Any) -> Any:
    kind = ir.FunctionType(_V16, [_V16, _VNNI_OPERAND, _VNNI_OPERAND])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512.vpdpbusd.512")
    return builder.call(function, [total, builder.bitcast(a, _VNNI_OPERAND), builder.bitcast(b, _VNNI_OPERAND)])


def _plain_dot_step(builder: Any, total: Any, a: Any, b: Any) -> Any:
    return builder.add(total, builder.mul(builder.zext(a, _V64), builder.sext(b, _V64)))


def _absolute_step(builder: Any, total: Any, a: Any, b: Any) -> Any:
    b = builder.xor(b, _FLIP)
    larger = builder.select(builder.icmp_unsigned(">", a, b), builder.sub(a, b), builder.sub(b, a))
    return builder.add(total, builder.zext(larger, _V64))


def _fold(builder: Any, vector: Any, lanes: int) -> Any:
    kind = ir.FunctionType(I32, [vector.type])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.add.v{lanes}i32")
    return builder.call(function, [vector])


def _byte_sum(step: Callable[[Any, Any, Any, Any], Any], lanes: int) -> Any:
    @intrinsic
    def byte_sum(typing_context: Any, a: Any, b: Any, size: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, b, size = arguments
            even, odd = (cgutils.alloca_once_value(builder, _ZEROS[lanes]) for _ in range(2))

            def add(total: Any, offset: Any) -> None:
                rows = load_vector(builder, a, offset, _BYTES), load_vector(builder, b, offset, _BYTES)
                builder.store(step(builder, builder.load(total), *rows), total)

            pairs = builder.lshr(size, I64(7))
            with cgutils.for_range(builder, pairs) as loop:
                base = builder.shl(loop.index, I64(7))
                add(even, base)
                add(odd, builder.add(base, I64(64)))
            with builder.if_then(builder.trunc(builder.lshr(size, I64(6)), ir.IntType(1))):
                add(even, builder.shl(pairs, I64(7)))
            return _fold(builder, builder.add(builder.load(even), builder.load(odd)), lanes)

        return types.int32(types.int64, types.int64, types.int64), generate

    return byte_sum


byte_dot_vnni = _byte_sum(_vnni_step, 16)
byte_dot_plain = _byte_sum(_plain_dot_step, 64)
byte_dot = byte_dot_vnni if LEVEL.has_vnni else byte_dot_plain
"""Give the int32 sum of a[t]·b[t], a uint8 and b int8, at two addresses, `size` bytes, a multiple of 64."""

byte_absolute = _byte_sum(_absolute_step, 64)
"""Give the int32 sum of |a[t] - (b[t] + 128)|, a uint8 and b int8."""
