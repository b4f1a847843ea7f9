"""Vector steps of binary row codes: how many bits of a row meet each bit plane of a query, weighted by the plane."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from shared.segment.kernels.memory import I32, I64, load_vector, splat

BLOCK = 8
"""Words of 64 bits that are taken at once: query planes come in blocks of so many, with zeros behind the last."""

_W8 = ir.VectorType(I64, BLOCK)
_H8 = ir.VectorType(I32, BLOCK)
_M8 = ir.VectorType(ir.IntType(1), BLOCK)
_HALF = ir.Constant(_W8, [2**32 - 1] * BLOCK)
_SHIFT = ir.Constant(_W8, [32] * BLOCK)


def _ones(builder: Any, words: Any) -> Any:
    kind = ir.FunctionType(_W8, [_W8])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.ctpop.v8i64"), [words])


def _sum(builder: Any, lanes: Any) -> Any:
    kind = ir.FunctionType(I64, [_W8])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.vector.reduce.add.v8i64"), [lanes])


def _present(builder: Any, words: Any, first: Any) -> Any:
    """Return which lanes of the block that begins at word `first` hold words of the row."""
    left = splat(builder, builder.trunc(builder.sub(words, first), I32), BLOCK)
    return builder.icmp_signed("<", ir.Constant(_H8, list(range(BLOCK))), left)


def _masked(builder: Any, base: Any, offset: Any, lanes: Any, vector: Any) -> Any:
    pointer = builder.inttoptr(builder.add(base, offset), vector.as_pointer())
    name = f"llvm.masked.load.v{BLOCK}i{vector.element.width}.p0"
    kind = ir.FunctionType(vector, [vector.as_pointer(), _M8, vector])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, [pointer, lanes, ir.Constant(vector, [0] * BLOCK)])


def _over_planes(builder: Any, planes: Any, place: tuple[Any, Any], step: Callable[[Any, Any], None]) -> None:
    """Call `step(plane, shift)` for each plane of a block; `place` is the block's number and the count of planes."""
    block, count = place
    with cgutils.for_range(builder, count) as loop:
        number = builder.add(builder.mul(block, count), loop.index)
        plane = load_vector(builder, planes, builder.shl(number, I64(6)), _W8)
        step(plane, splat(builder, loop.index, BLOCK))


def _added(builder: Any, total: Any, words: Any, shift: Any) -> None:
    builder.store(builder.add(builder.load(total), builder.shl(_ones(builder, words), shift)), total)


def _blocks(builder: Any, words: Any) -> Any:
    return builder.lshr(builder.add(words, I64(BLOCK - 1)), I64(3))


@intrinsic
def weighted_ones(typing_context: Any, row: Any, words: Any, planes: Any, count: Any) -> Any:
    """Return the sum over `count` planes of 2^j · ones(row & plane j); the row has `words` words at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row, words, planes, count = arguments
        total = cgutils.alloca_once_value(builder, ir.Constant(_W8, [0] * BLOCK))
        with cgutils.for_range(builder, _blocks(builder, words)) as loop:
            lanes = _present(builder, words, builder.shl(loop.index, I64(3)))
            bits = _masked(builder, row, builder.shl(loop.index, I64(6)), lanes, _W8)

            def step(plane: Any, shift: Any) -> None:
                _added(builder, total, builder.and_(bits, plane), shift)

            _over_planes(builder, planes, (loop.index, count), step)
        return _sum(builder, builder.load(total))

    i64 = types.int64
    return i64(i64, i64, i64, i64), generate


@intrinsic
def weighted_pairs(typing_context: Any, row: Any, larger: Any, words: Any, planes: Any, count: Any) -> Any:
    """Return the same of 10 · ones(b & plane) + 14 · ones(b & m & plane) - 7 · ones(m & plane).

    b are the row's words; m has for the low half of each the bits at `larger` (32 a word), for the high half their
    complement.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row, larger, words, planes, count = arguments
        zero = ir.Constant(_W8, [0] * BLOCK)
        signs, both, marks = (cgutils.alloca_once_value(builder, zero) for _ in range(3))
        with cgutils.for_range(builder, _blocks(builder, words)) as loop:
            lanes = _present(builder, words, builder.shl(loop.index, I64(3)))
            bits = _masked(builder, row, builder.shl(loop.index, I64(6)), lanes, _W8)
            half = builder.zext(_masked(builder, larger, builder.shl(loop.index, I64(5)), lanes, _H8), _W8)
            mark = builder.or_(half, builder.shl(builder.xor(half, _HALF), _SHIFT))

            def step(plane: Any, shift: Any) -> None:
                seen = builder.and_(bits, plane)
                marked = builder.and_(mark, plane)
                _added(builder, signs, seen, shift)
                _added(builder, both, builder.and_(seen, marked), shift)
                _added(builder, marks, marked, shift)

            _over_planes(builder, planes, (loop.index, count), step)
        parts = [
            builder.mul(_sum(builder, builder.load(total)), I64(factor))
            for total, factor in ((signs, 10), (both, 14), (marks, -7))
        ]
        return builder.add(builder.add(parts[0], parts[1]), parts[2])

    i64 = types.int64
    return i64(i64, i64, i64, i64, i64), generate
