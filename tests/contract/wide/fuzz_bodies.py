"""Requests that are almost right: good bodies of every endpoint, damaged at random in one or more places."""

# ruff: noqa: E501  # values of a kind stand together

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.contract.wide import data

C = "/collections/{}"
P = f"{C}/points"
Route = tuple[str, str]

JUNK: list[Any] = [
    None, True, False, 0, 1, -1, 7, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 0.5, -0.0, 1e38, 1e39, -1e308, "", "a", "n",
    "Cosine", "a.b[0]", "a[", "[]", '"', "..", "\u0000", "\ud7ff\uffff", "é" * 300, "2024-13-01", "2024-02-29T25:00:00Z",
    "00000000-0000-0000-0000-000000000001", "not-a-uuid", [], {}, [[]], [{}], [None], [1, "a", None], [[1.0], [2.0, 3.0]],
    {"": {}}, {"must": []}, {"must": {}}, {"must": [[]]}, {"key": "n"}, {"key": "n", "match": {}}, {"key": "n", "range": {}},
    {"match": {"value": 1}}, {"key": "", "match": {"value": 1}}, {"key": "n", "match": {"value": None}},
    {"key": "n", "match": {"any": [1, "a"]}}, {"key": "n", "match": {"value": 1.5}}, {"key": "n", "range": {"gt": "x"}},
    {"key": "n", "range": {"gt": 1, "lt": "2024-01-01"}}, {"key": "n", "values_count": {"gt": -1}},
    {"key": "p", "geo_radius": {"center": {"lon": 200, "lat": 0}, "radius": 1}}, {"has_id": ["x"]}, {"has_id": 5},
    {"key": "p", "geo_radius": {"center": {"lon": 0, "lat": 0}, "radius": -1}}, {"has_vector": 5}, {"has_vector": "nope"},
    {"key": "p", "geo_polygon": {"exterior": {"points": []}}}, {"slice": {"total": 0, "index": 0}}, {"nested": {}},
    {"slice": {"total": 2, "index": 2}}, {"nested": {"key": "arr", "filter": {"must": [{"has_id": [1]}]}}},
    {"min_should": {"conditions": []}}, {"min_should": {"conditions": [], "min_count": 0}}, {"is_empty": {"key": 5}},
    {"is_null": {"key": "["}}, {"filter": {"filter": {}}}, {"indices": [1, 1], "values": [1]}, {"vector": [1]},
    {"text": "x", "model": "qdrant/bm25"}, {"nearest": None}, {"order_by": "n"}, {"fusion": "rrf"}, {"sample": "random"},
]  # fmt: skip


def _filter(source: Random) -> Any:
    return json.loads(data.kept(source).model_dump_json(exclude_unset=True, exclude_none=True, by_alias=True))


def _chosen(source: Random) -> dict[str, Any]:
    ids = [data.point_id(source.randint(0, 12)) for _ in range(source.randint(0, 3))]
    return source.choice([{"points": ids}, {"filter": _filter(source)}, {"points": ids, "filter": _filter(source)}])


def _point(source: Random) -> dict[str, Any]:
    return {"id": data.point_id(source.randint(0, 12)), "vector": data.vector(source), "payload": data.payload(source)}


def _upsert(source: Random) -> dict[str, Any]:
    points = [_point(source) for _ in range(source.randint(1, 3))]
    if source.random() < 0.5:
        body: dict[str, Any] = {"points": points}
    else:
        columns = {name + "s": [point[name] for point in points] for name in ("id", "vector", "payload")}
        body = {"batch": columns}
    if source.random() < 0.3:
        body["update_filter"] = _filter(source)
    if source.random() < 0.3:
        body["update_mode"] = source.choice(["upsert", "insert_only", "update_only"])
    return body


def _payload(source: Random) -> dict[str, Any]:
    body = {"payload": data.payload(source), **_chosen(source)}
    return body | ({"key": source.choice(["deep", "arr[0]", "k", "a.b.c"])} if source.random() < 0.3 else {})


def _keys(source: Random) -> dict[str, Any]:
    return {"keys": source.sample(data.PATHS, 2), **_chosen(source)}


def _update_vectors(source: Random) -> dict[str, Any]:
    points = [{"id": data.point_id(source.randint(0, 12)), "vector": data.vector(source)}]
    return {"points": points} | ({"update_filter": _filter(source)} if source.random() < 0.3 else {})


def _delete_vectors(source: Random) -> dict[str, Any]:
    return {"vector": [""], **_chosen(source)}


def _batch(source: Random) -> dict[str, Any]:
    makers: dict[str, Callable[[Random], Any]] = {
        "upsert": _upsert,
        "delete": _chosen,
        "set_payload": _payload,
        "overwrite_payload": _payload,
        "delete_payload": _keys,
        "clear_payload": _chosen,
        "update_vectors": _update_vectors,
        "delete_vectors": _delete_vectors,
    }
    names = [source.choice(list(makers)) for _ in range(source.randint(0, 3))]
    return {"operations": [{name: makers[name](source)} for name in names]}


def _read(source: Random) -> dict[str, Any]:
    return {
        "filter": _filter(source),
        "limit": source.randint(1, 5),
        "with_payload": source.choice([True, ["n"], {"include": ["k"]}, {"exclude": ["deep.one"]}]),
        "with_vector": source.choice([True, False, [""]]),
    }


def _scroll(source: Random) -> dict[str, Any]:
    order = {"key": "n", "direction": "desc", "start_from": source.choice([2, 1.5, "2024-01-01"])}
    return _read(source) | source.choice([{"offset": 3}, {"order_by": "n"}, {"order_by": order}])


def _index(source: Random) -> dict[str, Any]:
    text = {"type": "text", "tokenizer": "word", "min_token_len": 2, "lowercase": True, "stopwords": ["english"]}
    text |= {"stemmer": {"type": "snowball", "language": "english"}, "phrase_matching": True}
    schema = source.choice(["keyword", "geo", {"type": "integer", "lookup": True, "range": True}, text])
    return {"field_name": source.choice(["k", "n", "t", "p", "deep.one"]), "field_schema": schema}


def _collection(source: Random) -> dict[str, Any]:
    return {
        "vectors": source.choice([{"size": 4, "distance": "Dot"}, {"a": {"size": 2, "distance": "Cosine"}}]),
        "shard_number": 1,
        "hnsw_config": {"m": 8, "ef_construct": 10},
        "optimizers_config": {"indexing_threshold": 0, "deleted_threshold": 0.5},
        "strict_mode_config": {"enabled": False, "max_query_limit": 5},
    }


def _alias(source: Random) -> dict[str, Any]:
    create = {"create_alias": {"alias_name": "other-name", "collection_name": "planes"}}
    return {"actions": source.choice([[create], [create, {"delete_alias": {"alias_name": "other-name"}}]])}


def _query(source: Random) -> dict[str, Any]:
    vector = data.vector(source)
    return _read(source) | {"query": source.choice([vector, 1, {"nearest": vector}, None]), "params": {"exact": True}}


GOOD: dict[Route, Callable[[Random], Any]] = {
    ("PUT", P): _upsert,
    ("POST", P): lambda source: {"ids": [1, 2, data.point_id(4)], "with_payload": ["n"], "with_vector": True},
    ("POST", f"{P}/delete"): _chosen,
    ("POST", f"{P}/payload"): _payload,
    ("PUT", f"{P}/payload"): _payload,
    ("POST", f"{P}/payload/delete"): _keys,
    ("POST", f"{P}/payload/clear"): _chosen,
    ("PUT", f"{P}/vectors"): _update_vectors,
    ("POST", f"{P}/vectors/delete"): _delete_vectors,
    ("POST", f"{P}/batch"): _batch,
    ("POST", f"{P}/scroll"): _scroll,
    ("POST", f"{P}/count"): lambda source: {"filter": _filter(source), "exact": True},
    ("POST", f"{C}/facet"): lambda source: {"key": "k", "limit": 3, "filter": _filter(source), "exact": True},
    ("POST", f"{P}/query"): _query,
    ("POST", f"{P}/query/batch"): lambda source: {"searches": [_query(source)]},
    ("POST", f"{P}/search"): lambda source: {"vector": data.vector(source), **_read(source)},
    ("POST", f"{P}/search/batch"): lambda source: {"searches": [{"vector": data.vector(source), **_read(source)}]},
    ("PUT", f"{C}/index"): _index,
    ("PUT", C): _collection,
    ("PATCH", C): lambda source: {key: value for key, value in _collection(source).items() if key.endswith("config")},
    ("PUT", f"{C}/vectors/{{}}"): lambda source: {"dense": {"size": 3, "distance": "Dot"}},
    ("POST", "/collections/aliases"): _alias,
}


def body_of(source: Random, route: Route) -> bytes:
    """Return a body for a route: good, or damaged as JSON values or as bytes."""
    good = GOOD[route](source) if route in GOOD else {"any": source.choice(JUNK)}
    for _ in range(source.choice([0, 1, 1, 1, 2, 3])):
        good = _damaged(source, good)
    raw = json.dumps(good).encode()
    return _cut(source, raw) if source.random() < 0.1 else raw


def _damaged(source: Random, body: Any) -> Any:
    """Return a body with one value replaced, removed, doubled or wrapped, anywhere in it."""
    body = copy.deepcopy(body)
    places = list(_places(body))
    if not places:
        return source.choice(JUNK)
    inside, at = source.choice(places)
    kind = source.random()
    if kind < 0.6:
        inside[at] = source.choice(JUNK)
    elif kind < 0.75:
        del inside[at]
    elif kind < 0.85:
        inside[at] = [inside[at], inside[at]]
    elif isinstance(inside, dict):
        inside[source.choice(["unknown", "filter", "key", "vector", "points", "must", "shard_key"])] = inside[at]
    return body


def _places(body: Any) -> Any:
    """Yield every list or object in a body with each place in it."""
    keys = range(len(body)) if isinstance(body, list) else list(body) if isinstance(body, dict) else ()
    for key in keys:
        yield body, key
        yield from _places(body[key])


def _cut(source: Random, raw: bytes) -> bytes:
    place = source.randrange(len(raw) + 1)
    return source.choice(
        [
            b"",
            raw[:place],
            raw + b"}",
            raw[:place] + b"\xff" + raw[place:],
            b"\xef\xbb\xbf" + raw,
            raw.replace(b"1", b"NaN", 1),
            raw.replace(b'"n"', b'"\\ud800"', 1),
            b"[" * 5000,
            b'{"filter":' * 3000 + b"1",
            b'{"filter":{"must":' + b'[{"must":' * 300 + b"[]" + b"}]" * 300 + b"}}",
        ]
    )
