"""Points and filters at random, always the same for a seed: every condition, and payloads that try each of them.

Values are of the wrong type now and then, missing, null, empty, nested, unicode. Where the official client's local mode
and the original's engine differ (shared/query/README.md lists it), nothing here asks.
"""

from random import Random
from typing import Any
from uuid import UUID

from qdrant_client import models

DIM = 4
WORDS = ("red", "Green", "blau", "über", "naïve", "東京", "", "red fox", "the quick red fox", "Fox runs", "ﬁsh & chips")
DATES: tuple[str, ...] = (
    "2024-02-29",
    "2024-02-29T12:30:00Z",
    "2024-02-29 12:30:00",
    "2024-02-29T14:30:00+02:00",
    "2024-02-29T12:30:00.123456Z",
    "1969-12-31T23:59:59Z",
    "2031-01-01",
)
PLACES = ((13.4, 52.5), (2.35, 48.85), (-74.0, 40.7), (179.9, -17.0), (-179.9, -17.5), (0.0, 0.0))
PATHS = (
    "k",
    "n",
    "f",
    "b",
    "d",
    "u",
    "p",
    "t",
    "arr",
    "arr[].x",
    "arr[0].x",
    "arr[].in.y",
    "deep.one",
    '"odd key"',
    "no",
)


def point_id(place: int) -> int | str:
    """Every fourth id is a UUID."""
    return str(UUID(int=place * 104_729 + 7)) if place % 4 == 0 else place


def uuid_text(place: int) -> str:
    """One of few UUIDs."""
    return str(UUID(int=place % 4 + 1))


def vector(source: Random) -> list[float]:
    return [round(source.uniform(-1, 1), 3) for _ in range(DIM)]


def payload(source: Random) -> dict[str, Any]:
    """A payload; each key is there, of its usual type, in about two of three."""
    makers = {
        "k": lambda: source.choice(WORDS[:7]),
        "n": lambda: source.randint(-3, 6),
        "f": lambda: source.choice([-1.5, 0.25, 1.5, 2.75, 1e12]),
        "b": lambda: source.random() < 0.5,
        "d": lambda: source.choice(DATES),
        "u": lambda: uuid_text(source.randint(0, 9)),
        "p": lambda: _place(source),
        "t": lambda: source.choice(WORDS),
        "arr": lambda: _element(source),
        "odd key": lambda: source.randint(0, 3),
    }
    found = {key: _one_or_many(source, make) for key, make in makers.items() if source.random() < 0.8}
    if source.random() < 0.6:
        found["deep"] = {"one": source.choice([None, 1, "x", [], [1, None], {"two": 2}])}
    return found


def _one_or_many(source: Random, make: Any) -> Any:
    kind = source.random()
    if kind < 0.6:
        return make()
    if kind < 0.85:
        return [make() for _ in range(source.randint(0, 3))]
    return source.choice([None, [], [None], "junk", 3, True, {"x": 1}, [["nested"], {"y": []}], [make(), None]])


def _place(source: Random) -> dict[str, float]:
    lon, lat = source.choice(PLACES)
    return {"lon": lon + round(source.uniform(-0.05, 0.05), 4), "lat": lat + round(source.uniform(-0.05, 0.05), 4)}


def _element(source: Random) -> dict[str, Any]:
    found: dict[str, Any] = {"x": source.randint(0, 3), "s": source.choice(WORDS[:4])}
    if source.random() < 0.5:
        found["in"] = [{"y": source.randint(0, 2)} for _ in range(source.randint(0, 2))]
    return found


def points(source: Random, count: int, first: int = 0) -> list[models.PointStruct]:
    """Return points with ids from `first` on."""
    return [
        models.PointStruct(id=point_id(place), vector=vector(source), payload=payload(source))
        for place in range(first, first + count)
    ]


def condition(source: Random, depth: int = 0) -> Any:
    """Return any condition."""
    makers = [_match, _match, _range, _dates, _geo, _count, _blank, _ids, _text]
    if depth < 2:
        makers += [_nested, _filter]
    return source.choice(makers)(source, depth)


def kept(source: Random, depth: int = 0) -> models.Filter:
    """Return a filter of a few conditions."""

    def some(most: int) -> list[Any]:
        return [condition(source, depth + 1) for _ in range(source.randint(0, most))]

    few = some(3) if source.random() < 0.3 else []
    least = models.MinShould(conditions=few, min_count=source.randint(1, len(few))) if few else None
    return models.Filter(must=some(2), should=some(2), must_not=some(1), min_should=least)


def _field(key: str, **given: Any) -> models.FieldCondition:
    return models.FieldCondition(key=key, **given)


def _match(source: Random, depth: int) -> Any:
    texts = source.sample(WORDS[:7], source.randint(1, 3))
    numbers = source.sample(range(-3, 7), source.randint(1, 4))
    path = source.choice(
        ["k", "n", "b", "u", "arr[].x", "arr[].s", "arr[0].x", "arr[].in[].y", '"odd key"', "deep.one"]
    )
    return source.choice(
        [
            _field("k", match=models.MatchValue(value=texts[0])),
            _field("n", match=models.MatchValue(value=numbers[0])),
            _field("b", match=models.MatchValue(value=source.random() < 0.5)),
            _field("u", match=models.MatchValue(value=uuid_text(source.randint(0, 3)))),
            _field(path, match=models.MatchAny(any=texts)),
            _field(path, match=models.MatchAny(any=numbers)),
            _field(path, match=models.MatchAny(any=[])),
            _field(path, match=models.MatchExcept(**{"except": texts})),
            _field(path, match=models.MatchExcept(**{"except": numbers})),
            _field(path, match=models.MatchValue(value=numbers[0])),
        ]
    )


def _bounds(source: Random, low: float, high: float) -> dict[str, float]:
    names = source.sample(["gt", "gte"], 1) + source.sample(["lt", "lte"], 1)
    chosen = names[: source.randint(1, 2)] if source.random() < 0.5 else names[1:]
    return {name: round(source.uniform(low, high), 1) for name in chosen}


def _range(source: Random, depth: int) -> Any:
    path = source.choice(["n", "f", "arr[].x", "arr[].in[].y", '"odd key"', "deep.one", "k", "no"])
    return _field(path, range=models.Range(**_bounds(source, -3, 6)))


def _dates(source: Random, depth: int) -> Any:
    name = source.choice(["gt", "gte", "lt", "lte"])
    return _field("d", range=models.DatetimeRange(**{name: source.choice(DATES)}))


def _geo(source: Random, depth: int) -> Any:
    lon, lat = source.choice(PLACES)
    center = models.GeoPoint(lon=lon, lat=lat)
    near = [(lon - 0.03, lat - 0.04), (lon + 0.04, lat - 0.02), (lon + 0.02, lat + 0.05), (lon - 0.03, lat - 0.04)]
    ring = [models.GeoPoint(lon=max(-180, min(180, x)), lat=y) for x, y in near]
    box = models.GeoBoundingBox(
        top_left=models.GeoPoint(lon=max(-180, lon - 0.04), lat=lat + 0.03),
        bottom_right=models.GeoPoint(lon=min(180, lon + 0.02), lat=lat - 0.05),
    )
    polygon = models.GeoPolygon(exterior=models.GeoLineString(points=ring), interiors=None)
    return source.choice(
        [
            _field("p", geo_radius=models.GeoRadius(center=center, radius=source.choice([500.0, 3000.0, 8e6]))),
            _field("p", geo_bounding_box=box),
            _field("p", geo_polygon=polygon),
        ]
    )


def _count(source: Random, depth: int) -> Any:
    bounds = {source.choice(["gt", "gte", "lt", "lte"]): source.randint(0, 3)}
    return _field(source.choice(PATHS), values_count=models.ValuesCount(**bounds))


def _blank(source: Random, depth: int) -> Any:
    path = source.choice(PATHS)
    return source.choice(
        [
            models.IsEmptyCondition(is_empty=models.PayloadField(key=path)),
            models.IsNullCondition(is_null=models.PayloadField(key=path)),
        ]
    )


def _ids(source: Random, depth: int) -> Any:
    total = source.randint(1, 5)
    return source.choice(
        [
            models.HasIdCondition(has_id=[point_id(source.randint(0, 200)) for _ in range(20)]),
            models.HasVectorCondition(has_vector=""),
            models.SliceCondition(slice=models.Slice(total=total, index=source.randrange(total))),
        ]
    )


def _text(source: Random, depth: int) -> Any:
    words = source.choice(["red", "fox", "red fox", "quick fox", "FOX", "über", "東京", "chips", "the runs", "r", "n"])
    return source.choice(
        [
            _field("t", match=models.MatchText(text=words)),
            _field("t", match=models.MatchTextAny(text_any=words)),
            _field("t", match=models.MatchPhrase(phrase=words)),
            _field(
                source.choice(["t", "k", "arr[].s"]), match=models.MatchPrefix(prefix=words[: source.randint(1, 3)])
            ),
        ]
    )


def _nested(source: Random, depth: int) -> Any:
    inner = models.Filter(
        must=[
            source.choice(
                [
                    _field("x", range=models.Range(**_bounds(source, 0, 3))),
                    _field("x", match=models.MatchValue(value=source.randint(0, 3))),
                    _field("s", match=models.MatchAny(any=list(WORDS[:2]))),
                    models.IsEmptyCondition(is_empty=models.PayloadField(key="in")),
                    _field("in[].y", match=models.MatchValue(value=1)),
                ]
            )
            for _ in range(source.randint(0, 2))
        ],
        must_not=[_field("s", match=models.MatchValue(value=WORDS[2]))] if source.random() < 0.4 else None,
    )
    return models.NestedCondition(nested=models.Nested(key=source.choice(["arr", "arr[]", "deep"]), filter=inner))


def _filter(source: Random, depth: int) -> Any:
    return kept(source, depth + 1)
