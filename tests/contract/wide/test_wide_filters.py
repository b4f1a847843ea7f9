"""Every condition of the reference over random payloads: a live Shoal against the official client's local mode."""

from random import Random

import pytest
from qdrant_client import models

from tests.contract.conftest import Clients
from tests.contract.wide import data
from tests.contract.wide.conftest import declare, fill

QUESTIONS = 30


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("indexed", [False, True], ids=["undeclared", "declared"])
def test_random_filters_keep_the_same_points(pair: Clients, seed: int, indexed: bool) -> None:
    fill(pair, seed)
    if indexed:
        declare(pair.shoal)
    source = Random(1000 + seed)
    filters = [models.Filter(must=[data.condition(source)]) for _ in range(QUESTIONS)]
    filters += [data.kept(source) for _ in range(QUESTIONS)]

    for wanted in filters:
        expected = [record.id for record in pair.local.scroll("c", wanted, limit=200, with_payload=False)[0]]
        found = [record.id for record in pair.shoal.scroll("c", wanted, limit=200, with_payload=False)[0]]
        assert found == expected, wanted.model_dump_json(exclude_unset=True)
        assert pair.shoal.count("c", wanted).count == len(expected), wanted.model_dump_json(exclude_unset=True)
