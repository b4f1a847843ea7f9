"""Addresses as arrays, and prefetching."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

I64 = ir.IntType(64)
I32 = ir.IntType(32)
I8 = ir.IntType(8)


def _pointer_to(kind: Any) -> Any:
    @intrinsic
    def pointer(typing_context: Any, address: Any) -> Any:
        signature = types.CPointer(kind)(types.int64)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return signature, generate

    return pointer


int64_at = _pointer_to(types.int64)
uint64_at = _pointer_to(types.uint64)
int32_at = _pointer_to(types.int32)
float32_at = _pointer_to(types.float32)
float64_at = _pointer_to(types.float64)
uint16_at = _pointer_to(types.uint16)
int8_at = _pointer_to(types.int8)
uint8_at = _pointer_to(types.uint8)
uint32_at = _pointer_to(types.uint32)
"""Give the pointer behind an address, for numba.carray(pointer, shape)."""


@intrinsic
def load_word(typing_context: Any, address: Any) -> Any:
    """Return the uint64 at an address that need not be a multiple of 8."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = builder.load(builder.inttoptr(arguments[0], I64.as_pointer()))
        value.align = 1
        return value

    return types.uint64(types.int64), generate


@intrinsic
def load_word_alone(typing_context: Any, address: Any) -> Any:
    """Return the same, and keep the compiler from loading the words of several turns of a loop as one vector.

    Where each byte of a word is an index, vectors have to be taken apart again: rows of product codes took 1.5 times as
    long that way.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = builder.load(builder.inttoptr(arguments[0], I64.as_pointer()))
        value.align = 1
        return builder.asm(ir.FunctionType(I64, [I64]), "", "=r,0", [value], side_effect=False)

    return types.uint64(types.int64), generate


@intrinsic
def prefetch(typing_context: Any, address: Any) -> Any:
    """Ask for the cache line of an address, into the second level and beyond.

    Into the first level as well, walks take 1.6 times as long (measured on a Zen 4): its few fill buffers are then all
    taken by prefetches, and the loads that wait for one are those of the row being estimated.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], I8.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [I8.as_pointer(), I32, I32, I32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [pointer, I32(0), I32(2), I32(1)])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def half_float(typing_context: Any, address: Any) -> Any:
    """Return the float16 at an address as float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = builder.load(builder.inttoptr(arguments[0], ir.HalfType().as_pointer()))
        return builder.fpext(value, ir.FloatType())

    return types.float32(types.int64), generate


@intrinsic
def float_bits(typing_context: Any, value: Any) -> Any:
    """Return the bits of a float32 as int32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], I32)

    return types.int32(types.float32), generate


@intrinsic
def bits_float(typing_context: Any, value: Any) -> Any:
    """Return the float32 with the bits of an int32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


def load_vector(builder: Any, base: Any, offset: Any, kind: Any) -> Any:
    """Return the unaligned vector at base + offset (bytes, both i64)."""
    value = builder.load(builder.inttoptr(builder.add(base, offset), kind.as_pointer()))
    value.align = 1
    return value


def splat(builder: Any, scalar: Any, lanes: int) -> Any:
    """Return a vector with one scalar in all lanes."""
    kind = ir.VectorType(scalar.type, lanes)
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, scalar, I32(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(I32, lanes), [0] * lanes))
