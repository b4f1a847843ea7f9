"""The guide's "Collection aliases": each example does what the sentence before it says, whoever speaks it."""

import pytest

from tests.contract.guide.speakers import Http, Refused, Speaker

PLANE = {"vectors": {"size": 2, "distance": "Dot"}}


@pytest.fixture
def two(http: Http) -> Http:
    """A server with `example_collection`, which holds point 1, and `old_collection`, which holds point 2."""
    for point_id, name in ((1, "example_collection"), (2, "old_collection")):
        http.ask("PUT", f"/collections/{name}", PLANE)
        http.ask("PUT", f"/collections/{name}/points?wait=true", {"points": [{"id": point_id, "vector": [1, 1]}]})
    return http


def found(http: Http, name: str) -> list[int]:
    hits = http.ask("POST", f"/collections/{name}/points/search", {"vector": [1, 0], "limit": 5})
    return [hit["id"] for hit in hits]


def point_to(http: Http, collection: str) -> None:
    action = {"create_alias": {"alias_name": "production_collection", "collection_name": collection}}
    http.ask("POST", "/collections/aliases", {"actions": [action]})


def test_queries_to_the_collection_can_be_done_identically_using_an_alias(two: Http, speaker: Speaker) -> None:
    assert speaker.run("create_alias") is True

    assert found(two, "production_collection") == found(two, "example_collection") == [1]


def test_a_removed_alias_is_no_name_any_more(two: Http, speaker: Speaker) -> None:
    point_to(two, "example_collection")

    assert speaker.run("remove_alias") is True

    with pytest.raises(Refused) as refused:
        found(two, "production_collection")
    assert refused.value.status == 404
    assert found(two, "example_collection") == [1]


def test_an_alias_is_switched_from_the_old_collection_to_the_new_one(two: Http, speaker: Speaker) -> None:
    point_to(two, "old_collection")
    assert found(two, "production_collection") == [2]

    assert speaker.run("switch_collection") is True

    assert found(two, "production_collection") == [1]


def test_the_aliases_of_one_collection_are_listed(two: Http, speaker: Speaker) -> None:
    point_to(two, "example_collection")

    assert speaker.run("collection_aliases", "example_collection") == {
        "aliases": [{"alias_name": "production_collection", "collection_name": "example_collection"}]
    }
    assert speaker.run("collection_aliases", "old_collection") == {"aliases": []}


def test_all_aliases_are_listed(two: Http, speaker: Speaker) -> None:
    point_to(two, "old_collection")

    assert speaker.run("all_aliases") == {
        "aliases": [{"alias_name": "production_collection", "collection_name": "old_collection"}]
    }


def test_all_collections_are_listed(two: Http, speaker: Speaker) -> None:
    point_to(two, "old_collection")

    assert speaker.run("all_collections") == {
        "collections": [{"name": "example_collection"}, {"name": "old_collection"}]
    }


def test_errors_reach_the_client_as_the_server_words_them(http: Http, speaker: Speaker) -> None:
    with pytest.raises(Refused) as refused:
        speaker.run("create_alias")

    assert refused.value.status == 404
    assert "Not found: Collection `example_collection` doesn't exist!" in refused.value.text
