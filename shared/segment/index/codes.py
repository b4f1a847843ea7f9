"""Compact forms of vectors that find candidates: int8 rows, 1-bit blocks, and the rotation behind the latter."""

from shared.segment.index.bit_codes import BitCodes
from shared.segment.index.byte_codes import ByteCodes
from shared.segment.index.rotation import Rotation

__all__ = ["BitCodes", "ByteCodes", "Rotation"]
