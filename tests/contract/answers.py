"""Answers of the official client as plain values, for comparing those of two engines."""

from typing import Any

import numpy as np
import pytest
from qdrant_client.http.models import Record, ScoredPoint, SparseVector

TOLERANCE = 2e-5


def plain(answer: Any) -> Any:
    """Return lists, dicts and numbers in place of models. Versions are each engine's own, so they are left out."""
    if isinstance(answer, ScoredPoint):
        return {"id": answer.id, "score": answer.score, "payload": answer.payload, "vector": plain(answer.vector)}
    if isinstance(answer, Record):
        return {"id": answer.id, "payload": answer.payload, "vector": plain(answer.vector)}
    if isinstance(answer, SparseVector):
        return {"indices": answer.indices, "values": answer.values}
    if isinstance(answer, dict):
        return {key: plain(value) for key, value in answer.items()}
    if hasattr(answer, "points"):
        return plain(answer.points)
    if isinstance(answer, list | tuple):
        return [plain(each) for each in answer]
    return answer


def assert_same(found: Any, expected: Any, where: str = "answer") -> None:
    """Assert that two plain values are equal, floats up to float32's last digits."""
    if isinstance(expected, dict):
        assert isinstance(found, dict), f"{where}: {found!r} != {expected!r}"
        assert found.keys() == expected.keys(), f"{where}: {sorted(found)} != {sorted(expected)}"
        for key, value in expected.items():
            assert_same(found[key], value, f"{where}.{key}")
    elif isinstance(expected, list):
        assert isinstance(found, list), f"{where}: {found!r} != {expected!r}"
        assert len(found) == len(expected), f"{where}: {len(found)} items, expected {len(expected)}: {found} {expected}"
        for place, value in enumerate(expected):
            assert_same(found[place], value, f"{where}[{place}]")
    elif isinstance(expected, float | np.floating):
        assert found == pytest.approx(float(expected), abs=TOLERANCE, rel=TOLERANCE), where
    else:
        assert found == expected, f"{where}: {found!r} != {expected!r}"
