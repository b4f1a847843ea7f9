"""64 codes compared with a range at once: one bit word of a column's answer."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from shared.segment.kernels.memory import I64, load_vector, splat

LANES = 64


def _range_word(bits: int) -> Any:
    @intrinsic
    def word(typing_context: Any, address: Any, first: Any, span: Any) -> Any:
        """Return the word of codes[0:64] that lie in [first, first + span)."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            code = ir.IntType(bits)
            codes = load_vector(builder, arguments[0], I64(0), ir.VectorType(code, LANES))
            low = splat(builder, builder.trunc(arguments[1], code), LANES)
            size = splat(builder, builder.trunc(arguments[2], code), LANES)
            inside = builder.icmp_unsigned("<", builder.sub(codes, low), size)
            return builder.bitcast(inside, I64)

        return types.uint64(types.int64, types.int64, types.int64), generate

    return word


range_word_8, range_word_16, range_word_32 = _range_word(8), _range_word(16), _range_word(32)


@intrinsic
def trailing_zeros(typing_context: Any, word: Any) -> Any:
    """Return the place of the lowest set bit of a uint64 that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.int64(types.uint64), generate
