"""Vectors as a body gives them, in every shape of the reference, and the rules that need no collection.

A dense vector is a list of numbers, a multivector a list of such lists, a sparse one `{indices, values}`.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from services.api.validate.unsupported import refuse
from shared.errors import BadFormat, Invalid

FLATTENED_MAX = 1_048_576
"""A multivector has fewer elements than this over all its rows."""

INDEX_MAX = 2**32 - 1


class WireSparse(msgspec.Struct):
    """Pairs of index and value, in any order, no index twice."""

    indices: list[Annotated[int, msgspec.Meta(ge=0, le=INDEX_MAX)]]
    values: list[float]


WireList = list[float | list[float]]
"""Dense or multivector: told apart by what is in it."""

Given = Sequence[Any] | WireSparse
"""A vector that was checked: a list of floats, a list of lists of floats, or pairs."""


def is_multi(given: Given) -> bool:
    """Return whether a checked vector is a multivector."""
    return not isinstance(given, WireSparse) and isinstance(given[0], list)


def check_given(given: Given, path: str) -> None:
    """Refuse what no slot takes. `path` names the vector in a 422. Raises Invalid, BadFormat."""
    if isinstance(given, WireSparse):
        _check_sparse(given, path)
    elif not given:
        raise Invalid(f"{path}: dense vector must not be empty")
    elif isinstance(given[0], list):
        _check_multi(given, path)
    elif list in set(map(type, given)):
        raise BadFormat(f"{path}: a vector holds both numbers and lists")


def _check_sparse(given: WireSparse, path: str) -> None:
    if len(given.indices) != len(given.values):
        raise Invalid(f"{path}.values: Validation error: must be the same length as indices [{{}}]")
    if len(set(given.indices)) != len(given.indices):
        raise Invalid(f"{path}.indices: Validation error: must be unique [{{}}]")


def _check_multi(rows: Sequence[Any], path: str) -> None:
    if not all(isinstance(row, list) for row in rows):
        raise BadFormat(f"{path}: a vector holds both numbers and lists")
    if not all(rows):
        raise Invalid(f"{path}.data: all vectors must be non-empty")
    dim = len(rows[0])
    other = next((len(row) for row in rows if len(row) != dim), dim)
    if other != dim:
        raise Invalid(f"{path}.data: all vectors must have the same dimension, found vector with dimension {other}")
    if dim * len(rows) >= FLATTENED_MAX:
        size = dim * len(rows)
        raise Invalid(f"{path}.data: a multivector must have fewer than {FLATTENED_MAX} elements, found {size}")


def refuse_inference(value: Any, path: str) -> None:
    """Refuse by name a text, image or object to be embedded."""
    if isinstance(value, dict) and "model" in value:
        for key in ("text", "image", "object"):
            if key in value:
                refuse(f"inference of `{key}` (`{path}`)")
