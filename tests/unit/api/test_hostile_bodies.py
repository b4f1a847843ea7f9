"""Bodies made at random from the words of the contract: the answer is a refusal or a result, never a 500."""

# ruff: noqa: E501  # values of a kind stand together

import json
import random
from typing import Any

import pytest

from tests.unit.api.api_under_test import Api

P = "/collections/planes/points"
ROUTES = [
    ("PUT", P),
    ("POST", P),
    ("POST", f"{P}/delete"),
    ("POST", f"{P}/payload"),
    ("POST", f"{P}/scroll"),
    ("POST", f"{P}/count"),
    ("POST", f"{P}/search"),
    ("POST", f"{P}/search/batch"),
    ("POST", f"{P}/query"),
    ("POST", f"{P}/query/batch"),
    ("PATCH", "/collections/planes"),
    ("PUT", "/collections/other"),
    ("POST", "/collections/aliases"),
]
KEYS = [
    "actions",
    "create_alias",
    "delete_alias",
    "rename_alias",
    "alias_name",
    "collection_name",
    "old_alias_name",
    "new_alias_name",
    "points",
    "ids",
    "id",
    "vector",
    "vectors",
    "payload",
    "payloads",
    "batch",
    "limit",
    "top",
    "offset",
    "filter",
    "must",
    "should",
    "must_not",
    "min_should",
    "key",
    "match",
    "value",
    "any",
    "except",
    "text",
    "range",
    "gt",
    "gte",
    "lt",
    "lte",
    "has_id",
    "is_empty",
    "is_null",
    "nested",
    "query",
    "using",
    "name",
    "nearest",
    "params",
    "hnsw_ef",
    "exact",
    "indexed_only",
    "quantization",
    "score_threshold",
    "with_payload",
    "with_vector",
    "with_vectors",
    "include",
    "exclude",
    "searches",
    "prefetch",
    "lookup_from",
    "shard_key",
    "order_by",
    "update_mode",
    "update_filter",
    "indices",
    "values",
    "size",
    "distance",
    "shard_number",
    "hnsw_config",
    "optimizers_config",
    "wal_config",
    "m",
    "ef_construct",
    "indexing_threshold",
    "wal_capacity_mb",
    "max_optimization_threads",
    "replication_factor",
    "on_disk",
    "metadata",
    "sparse_vectors",
]  # a list of one word a line is no better
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 7, 2**31, 2**63, 2**64, 10**30, 0.5, -0.0, 1e38, 1e39, 1e300, "", "a", "city", "Dot",
    "Cosine", "a.b[0]", "a[", "auto", "00000000-0000-0000-0000-000000000003", "\u0000", "é" * 50, [], {}, [1, 0], [0.5, 0.25],
    [[1, 0]], ["city"], [1, "a"], [1, 2, 3], [None], {"": [1, 0]}, {"key": "n", "match": {"value": 1}},
    {"key": "n", "range": {"gt": 1e300}}, {"has_id": [1, 2**64 - 1]}, {"name": "", "vector": [1, 0]},
    {"indices": [1], "values": [1]}, {"size": 2, "distance": "Dot"},
]  # fmt: skip


def made_up(source: random.Random, depth: int = 0) -> Any:
    kind = source.random()
    if depth > 3 or kind < 0.35:
        return source.choice(VALUES)
    if kind < 0.55:
        return [made_up(source, depth + 1) for _ in range(source.randint(0, 3))]
    return {source.choice(KEYS): made_up(source, depth + 1) for _ in range(source.randint(0, 4))}


def seeded(source: random.Random, path: str) -> Any:
    """A body that is right but for one key."""
    good: dict[str, Any] = {
        P: {"points": [{"id": 1, "vector": [1, 0], "payload": {}}], "ids": [1]},
        f"{P}/delete": {"points": [1]},
        f"{P}/payload": {"payload": {"a": 1}, "points": [1]},
        f"{P}/search": {"vector": [1, 0], "limit": 1},
        f"{P}/search/batch": {"searches": [{"vector": [1, 0], "limit": 1}]},
        f"{P}/query/batch": {"searches": [{"query": [1, 0]}]},
        "/collections/other": {"vectors": {"size": 2, "distance": "Dot"}},
        "/collections/aliases": {"actions": [{"create_alias": {"alias_name": "a", "collection_name": "planes"}}]},
    }.get(path, {})
    target = good
    while source.random() < 0.5:
        inner = [value for value in target.values() if isinstance(value, dict)]
        inner += [
            value[0] for value in target.values() if isinstance(value, list) and value and isinstance(value[0], dict)
        ]
        if not inner:
            break
        target = source.choice(inner)
    target[source.choice(KEYS)] = made_up(source, 1)
    return good


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_no_body_makes_the_api_fail(planes: Api, method: str, path: str) -> None:
    source = random.Random(f"{method} {path}")

    for place in range(150):
        body = seeded(source, path) if place % 2 else made_up(source)
        raw = json.dumps(body).encode()
        status, answer = await planes.call(method, path, raw=raw)
        assert status in (200, 400, 404, 409, 422), (raw, answer)
        assert answer is not None
        if path.endswith("other") and status == 200:
            await planes.ok("DELETE", path)
