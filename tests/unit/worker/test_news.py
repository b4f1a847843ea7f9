"""Of a catalog change only those shards are told that it has something new for."""

import pytest

from services.worker.news import TELL_ALL_S, News, changed_collections
from shared.coordination.view import CatalogView
from shared.log.position import ShardKey
from shared.schema.collections import CollectionConfig, CollectionRecord

A, B = (CollectionRecord(uuid=name, name=name, config=CollectionConfig()) for name in "ab")
HOSTED = [ShardKey("a", 0), ShardKey("b", 0), ShardKey("b", 1)]
VIEW = CatalogView(1, {"a": A, "b": B}, {"a": "a", "b": "b"}, {"x": "a"})


@pytest.fixture
def news() -> News:
    """What has told everything of VIEW at second 0."""
    news = News()
    assert news.of(VIEW, HOSTED, 0.0) == HOSTED
    return news


def test_a_newer_record_is_news_for_the_shards_of_its_collection(news: News) -> None:
    newer = CatalogView(2, {**VIEW.by_uuid, "b": B.model_copy(update={"generation": 2})}, VIEW.names, VIEW.aliases)

    told = news.of(newer, HOSTED, 1.0)

    assert told == [ShardKey("b", 0), ShardKey("b", 1)]
    assert news.of(newer, HOSTED, 1.0) == []


def test_a_moved_alias_is_news_for_both_collections_and_a_new_one_for_its_own() -> None:
    def with_aliases(aliases: dict[str, str]) -> CatalogView:
        return CatalogView(2, VIEW.by_uuid, VIEW.names, aliases)

    assert changed_collections(VIEW, with_aliases({"x": "b"})) == {"a", "b"}
    assert changed_collections(VIEW, with_aliases({"x": "a", "y": "b"})) == {"b"}
    assert changed_collections(VIEW, with_aliases({})) == {"a"}
    assert changed_collections(VIEW, with_aliases(dict(VIEW.aliases))) == set()


def test_a_collection_that_comes_or_goes_is_a_change() -> None:
    without = CatalogView(2, {"a": A}, {"a": "a"}, VIEW.aliases)

    assert changed_collections(VIEW, without) == {"b"}
    assert changed_collections(without, VIEW) == {"b"}


def test_a_shard_that_something_was_done_to_is_told_again_once(news: News) -> None:
    news.touched(ShardKey("b", 1))

    assert news.of(VIEW, HOSTED, 1.0) == [ShardKey("b", 1)]
    assert news.of(VIEW, HOSTED, 1.0) == []


def test_now_and_then_every_shard_is_told(news: News) -> None:
    assert news.of(VIEW, HOSTED, TELL_ALL_S - 0.1) == []
    assert news.of(VIEW, HOSTED, TELL_ALL_S) == HOSTED
