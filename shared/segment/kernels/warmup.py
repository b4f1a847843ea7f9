"""Compiles every kernel, or loads it from the cache, before the first request needs it."""

import importlib
from collections.abc import Callable

from shared.segment.kernels.registry import KERNELS

SEARCH_MODULES = (
    "scores",
    "codes_scan",
    "signs_scan",
    "walk",
    "sparse_scan",
    "multi_scan",
    "together",
    "columns",
    "phrases",
)
BUILD_MODULES = ("prune", "connect")


def warmup(progress: Callable[[int, int], None] | None = None, build: bool = False) -> None:
    """Compile the search kernels, and those of the builder when asked. Tells `progress` (done, total)."""
    for name in SEARCH_MODULES + (BUILD_MODULES if build else ()):
        importlib.import_module(f"shared.segment.kernels.{name}")
    for done, (dispatcher, signature) in enumerate(KERNELS):
        if progress is not None:
            progress(done, len(KERNELS))
        dispatcher.compile(signature)
    if progress is not None:
        progress(len(KERNELS), len(KERNELS))
