"""Strict mode without unindexed filters: which declared index serves which condition, and what the refusal says."""

import pytest

from services.api.strict.filters import check_filter, conditions_of
from shared.errors import BadRequest
from shared.schema.collections import CollectionConfig
from shared.schema.filters import (
    Condition,
    DatetimeRange,
    Filter,
    GeoPolygon,
    GeoRadius,
    HasId,
    HasVector,
    IsEmpty,
    IsNull,
    MatchAny,
    MatchExcept,
    MatchPhrase,
    MatchPrefix,
    MatchText,
    Nested,
    Range,
    Slice,
    ValuesCount,
)
from shared.schema.payload_index import FieldType, PayloadIndex
from shared.schema.strict_mode import StrictModeConfig

UUID = "550e8400-e29b-41d4-a716-446655440000"
ANY = "[keyword, integer, float, bool, geo, datetime, uuid, text]"
RING = [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.0, 0.0)]
FORBIDDEN = StrictModeConfig(enabled=True, unindexed_filtering_retrieve=False, unindexed_filtering_update=True)


def declared(**indexes: PayloadIndex) -> CollectionConfig:
    config = CollectionConfig.model_validate({"vectors": {"": {"size": 1, "distance": "Dot"}}})
    return config.model_copy(
        update={"payload_indexes": {key.replace("__", "[]."): one for key, one in indexes.items()}}
    )


def index(type_: FieldType, **more: bool) -> PayloadIndex:
    return PayloadIndex(type=type_, **more)


NEEDS: list[tuple[Condition, FieldType, str]] = [
    (MatchAny("k", ["x"]), FieldType.KEYWORD, "[keyword]"),
    (MatchAny("k", [UUID]), FieldType.UUID, "[keyword, uuid]"),
    (MatchExcept("k", [1]), FieldType.INTEGER, "[integer]"),
    (MatchAny("k", [True]), FieldType.BOOL, "[bool]"),
    (MatchText("k", "x"), FieldType.TEXT, "[text]"),
    (MatchPhrase("k", "x"), FieldType.TEXT, "[text]"),
    (MatchPrefix("k", "x"), FieldType.KEYWORD, "[keyword]"),
    (Range("k", gt=1.0), FieldType.FLOAT, "[float, integer]"),
    (Range("k", gt=1.0), FieldType.INTEGER, "[float, integer]"),
    (DatetimeRange("k", gt=1), FieldType.DATETIME, "[datetime]"),
    (GeoRadius("k", (0, 0), 1), FieldType.GEO, "[geo]"),
    (IsEmpty("k"), FieldType.GEO, ANY),
    (IsNull("k"), FieldType.TEXT, ANY),
    (ValuesCount("k", gt=1), FieldType.BOOL, ANY),
]


@pytest.mark.parametrize(("condition", "type_", "types"), NEEDS, ids=str)
def test_condition_needs_an_index_of_its_type(condition: Condition, type_: FieldType, types: str) -> None:
    kept = Filter(min_should=[condition], min_count=1)

    check_filter(kept, declared(k=index(type_)), FORBIDDEN)

    for config in (declared(), declared(other=index(type_))):
        with pytest.raises(BadRequest) as refused:
            check_filter(kept, config, FORBIDDEN)
        assert str(refused.value) == (
            f'Index required but not found for "k" of one of the following types: {types}. '
            "Help: Create an index for this key or use a different filter."
        )


@pytest.mark.parametrize(
    ("condition", "one"),
    [
        (MatchAny("k", ["x"]), index(FieldType.TEXT)),
        (MatchAny("k", [1]), index(FieldType.INTEGER, lookup=False)),
        (Range("k", gt=1.0), index(FieldType.INTEGER, range=False)),
        (Range("k", gt=1.0), index(FieldType.KEYWORD)),
    ],
    ids=str,
)
def test_index_of_another_type_or_without_the_part_does_not_serve(condition: Condition, one: PayloadIndex) -> None:
    with pytest.raises(BadRequest, match='Index required but not found for "k"'):
        check_filter(Filter([condition]), declared(k=one), FORBIDDEN)


def test_conditions_on_elements_need_the_index_at_the_whole_path() -> None:
    kept = Filter([Nested("a", Filter(must_not=[Nested('"b"[]', Filter([MatchAny("c", [1])]))]))])
    config = declared(a__b__c=index(FieldType.INTEGER))

    check_filter(kept, config, FORBIDDEN)

    with pytest.raises(BadRequest, match=r'not found for "a\[\].b\[\].c" of'):
        check_filter(kept, declared(c=index(FieldType.INTEGER)), FORBIDDEN)


def test_quoted_key_is_the_key_that_the_index_names() -> None:
    check_filter(Filter([MatchAny('"k"', ["x"])]), declared(k=index(FieldType.KEYWORD)), FORBIDDEN)


def test_ids_vectors_and_slices_need_no_index_and_writes_have_a_switch_of_their_own() -> None:
    check_filter(Filter([HasId([1]), HasVector("v"), Slice(2, 1)]), declared(), FORBIDDEN)
    check_filter(Filter([MatchAny("k", [1])]), declared(), FORBIDDEN, is_update=True)

    limits = StrictModeConfig(enabled=True, unindexed_filtering_update=False)
    with pytest.raises(BadRequest):
        check_filter(Filter([MatchAny("k", [1])]), declared(), limits, is_update=True)


def test_conditions_within_nested_and_min_should_count() -> None:
    kept = Filter(min_should=[Nested("a", Filter([IsEmpty("b"), IsNull("b")])), HasId([1])], min_count=1)

    assert len(conditions_of(kept)) == 3


def test_points_of_a_polygon_count_as_its_size() -> None:
    limits = StrictModeConfig(enabled=True, condition_max_size=7)

    check_filter(Filter([GeoPolygon("k", RING)]), declared(), limits)

    with pytest.raises(BadRequest, match=r"Condition size limit reached \(8 > 7\)"):
        check_filter(Filter([GeoPolygon("k", RING, [RING])]), declared(), limits)
