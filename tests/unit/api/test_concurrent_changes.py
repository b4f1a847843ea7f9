"""Config changes that arrive together: each counts, whichever comes first."""

import asyncio

from tests.unit.api.api_under_test import Api


async def test_of_many_changes_at_once_none_is_lost(planes: Api) -> None:
    changes = [{"metadata": {f"key{n}": n}} for n in range(40)]

    await asyncio.gather(*(planes.ok("PATCH", "/collections/planes", change) for change in changes))

    metadata = (await planes.ok("GET", "/collections/planes"))["config"]["metadata"]
    assert metadata == {f"key{n}": n for n in range(40)}


async def test_slots_added_and_options_changed_at_once_all_count(planes: Api) -> None:
    slots = [planes.ok("PUT", f"/collections/planes/vectors/v{n}", {"sparse": {}}) for n in range(10)]
    options = [planes.ok("PATCH", "/collections/planes", {"hnsw_config": {"m": n}}) for n in range(10)]

    await asyncio.gather(*slots, *options)

    config = (await planes.ok("GET", "/collections/planes"))["config"]
    assert set(config["params"]["sparse_vectors"]) == {f"v{n}" for n in range(10)}
    assert config["hnsw_config"]["m"] in range(10)
