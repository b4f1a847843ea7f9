"""Texts of refusals, and which limits are in force."""

from typing import NoReturn

import numpy as np

from shared.errors import BadRequest
from shared.schema.collections import CollectionRecord
from shared.schema.strict_mode import StrictModeConfig


def limits_of(record: CollectionRecord) -> StrictModeConfig | None:
    """Return a collection's limits while its strict mode is enabled."""
    limits = record.config.strict_mode_config
    return limits if limits is not None and limits.enabled else None


def refuse(reason: str, advice: str) -> NoReturn:
    """Raise the BadRequest of strict mode."""
    raise BadRequest(f"{reason}. Help: {advice}")


def check_limit(name: str, given: float | None, limit: float | None) -> None:
    """Refuse a number above its limit; None on either side is no limit."""
    if given is not None and limit is not None and given > limit:
        refuse(
            f'Limit exceeded {_number(given)} > {_number(limit)} for "{name}"',
            f'Reduce the "{name}" parameter to or below {_number(limit)}.',
        )


def megabytes(size: int) -> str:
    """Return bytes in MB as float32 in shortest form: `0.5`, `240`."""
    return str(np.float32(size / 2**20)).removesuffix(".0")


def _number(value: float) -> str:
    return str(np.float32(value)) if isinstance(value, float) else str(value)
