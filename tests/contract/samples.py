"""Points that both engines are given: every kind of payload value that a filter may meet, always the same."""

import random
from typing import Any
from uuid import UUID

from qdrant_client import models

DIM = 6
COUNT = 80
CITIES = ("Berlin", "Bern", "Rom", "Zürich", "naïve 東京")


def point_id(place: int) -> int | str:
    """Every third id is a UUID."""
    return str(UUID(int=place * 7919 + 1)) if place % 3 == 0 else place


def vector(seed: int, dim: int = DIM) -> list[float]:
    """A vector without ties."""
    source = random.Random(seed)
    return [round(source.uniform(-1, 1), 4) for _ in range(dim)]


def payload(place: int) -> dict[str, Any]:
    """A payload; keys come and go with the place."""
    source = random.Random(1000 + place)
    found: dict[str, Any] = {"n": place, "city": CITIES[place % len(CITIES)], "share": place / 8}
    if place % 2:
        found["tags"] = source.sample(["red", "green", "blue", "7"], source.randint(0, 3))
    if place % 4 == 1:
        found["flag"] = place % 8 == 1
    if place % 5 == 0:
        found["nothing"] = None
    if place % 6 < 3:
        found["deep"] = {"list": [{"k": place % 4}, {"k": place % 7, "x y": "z"}], "one": {"two": place}}
    return found


def points(dim: int = DIM, count: int = COUNT) -> list[models.PointStruct]:
    """The points of most tests."""
    return [
        models.PointStruct(id=point_id(place), vector=vector(place, dim), payload=payload(place))
        for place in range(1, count + 1)
    ]


def _field(key: str, **given: Any) -> models.FieldCondition:
    return models.FieldCondition(key=key, **given)


FILTERS: dict[str, models.Filter | None] = {
    "none": None,
    "empty": models.Filter(),
    "value": models.Filter(must=[_field("city", match=models.MatchValue(value="Rom"))]),
    "unicode value": models.Filter(must=[_field("city", match=models.MatchValue(value="naïve 東京"))]),
    "integer value": models.Filter(must=[_field("n", match=models.MatchValue(value=7))]),
    "boolean value": models.Filter(must=[_field("flag", match=models.MatchValue(value=True))]),
    "value in an array": models.Filter(must=[_field("tags", match=models.MatchValue(value="red"))]),
    "any": models.Filter(must=[_field("city", match=models.MatchAny(any=["Bern", "Rom"]))]),
    "any integer": models.Filter(must=[_field("n", match=models.MatchAny(any=[1, 5, 500]))]),
    "except": models.Filter(must=[_field("city", match=models.MatchExcept(**{"except": ["Bern", "Rom"]}))]),
    "range": models.Filter(must=[_field("n", range=models.Range(gt=10, lte=40))]),
    "range of floats": models.Filter(must=[_field("share", range=models.Range(gte=1.5, lt=6))]),
    "path": models.Filter(must=[_field("deep.one.two", range=models.Range(gte=20))]),
    "path through an array": models.Filter(must=[_field("deep.list[].k", match=models.MatchValue(value=3))]),
    "path with an index": models.Filter(must=[_field("deep.list[1].k", match=models.MatchValue(value=3))]),
    "has id": models.Filter(must=[models.HasIdCondition(has_id=[1, point_id(3), 4, 999])]),
    "is empty": models.Filter(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="tags"))]),
    "is empty of null": models.Filter(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="nothing"))]),
    "must not": models.Filter(must_not=[_field("city", match=models.MatchValue(value="Rom"))]),
    "should": models.Filter(
        should=[_field("city", match=models.MatchValue(value="Rom")), _field("n", range=models.Range(lt=5))]
    ),
    "nested": models.Filter(
        must=[
            models.Filter(
                should=[
                    _field("n", range=models.Range(gt=60)),
                    models.Filter(
                        must=[_field("tags", match=models.MatchAny(any=["blue"]))],
                        must_not=[models.HasIdCondition(has_id=[1, 5])],
                    ),
                ]
            )
        ],
        must_not=[_field("city", match=models.MatchValue(value="Berlin"))],
    ),
    "nothing": models.Filter(must=[_field("city", match=models.MatchValue(value="Paris"))]),
}
