"""How kernels are declared: with one signature, compiled on first use or by `warmup`, released from the GIL.

A kernel takes one int64 array, its table. Table layouts are named tuples of indices (`AT.rows`), so that a kernel
reads like one with named parameters. Helper functions that kernels call are declared with `device`.
"""

from collections.abc import Callable
from typing import Any

import numba

Kernel = Callable[..., int]

KERNELS: list[tuple[Any, str]] = []
"""Every declared kernel with its signature, for `warmup`."""

TABLE = "int64(int64[::1])"
"""The usual signature: a table in, a status or count out."""


def kernel(signature: str = TABLE) -> Callable[[Callable[..., Any]], Kernel]:
    """Declare a function that Python calls."""

    def declare(function: Callable[..., Any]) -> Kernel:
        dispatcher: Kernel = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
        KERNELS.append((dispatcher, signature))
        return dispatcher

    return declare


def device(function: Callable[..., Any]) -> Any:
    """Declare a function that only kernels call."""
    return numba.njit(nogil=True, error_model="numpy")(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Declare a function that only kernels call, compiled into each of them: constants that it is given fold away."""
    return numba.njit(nogil=True, error_model="numpy", forceinline=True)(function)
