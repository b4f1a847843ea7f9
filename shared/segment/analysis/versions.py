"""What terms depend on beside a declaration: stored columns of other versions are built again."""

import unicodedata
from importlib.metadata import version
from typing import Final

_STEPS = 1
"""Raise it when the steps or the tables of this package change what becomes of a text."""

ANALYSIS_VERSION: Final = (
    _STEPS,
    unicodedata.unidata_version,
    *(version(library) for library in ("regex", "icu4py", "rjieba", "py-rust-stemmers", "pystemmer")),
)
