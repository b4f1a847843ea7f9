"""Random sequences of every write: the official client against Shoal and against its local mode, and what each holds.

Points lie in one shard or in several; segments are sealed and built meanwhile. Ids that do not exist are left to
`test_missing_points_are_refused_and_the_others_changed`: the two engines tell them apart by other errors.
"""

import random
from typing import Any
from uuid import UUID

import pytest
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse

from tests.contract.answers import assert_same, plain
from tests.contract.conftest import Clients

IDS = [*range(30), *(str(UUID(int=number)) for number in range(10))]
STEPS = 40
CHECK_EVERY = 5
KEYS = ["a", "b", "c", "deep", "deep.er", "list[]", "list[0].x", "list[].x", '"odd key"', "new.path[].z"]


def create(client: Any, shards: int) -> None:
    """Create a collection of two dense vectors and a sparse one."""
    sparse = {"thin": models.SparseVectorParams()}
    dense = {name: models.VectorParams(size=3, distance=models.Distance.DOT) for name in ("one", "two")}
    client.create_collection("c", vectors_config=dense, sparse_vectors_config=sparse, shard_number=shards)


class Writes:
    """Random writes; each is told to both engines."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def next(self) -> Any:
        """Return a function that does one random write with a client."""
        return self.random.choice(
            [
                self.upsert,
                self.upsert,
                self.upsert_some,
                self.columnar,
                self.delete,
                self.set_payload,
                self.set_payload,
                self.overwrite,
                self.delete_payload,
                self.clear,
                self.update_vectors,
                self.update_vectors,
                self.delete_vectors,
                self.batch,
            ]
        )()

    def upsert(self) -> Any:
        given = [self.point(each) for each in self.random.sample(IDS, self.random.randint(1, 12))]
        return lambda client: client.upsert("c", given, wait=True)

    def upsert_some(self) -> Any:
        given = [self.point(each) for each in self.random.sample(IDS, self.random.randint(1, 12))]
        mode, wanted = self.random.choice(list(models.UpdateMode)), self.random.choice([None, self.filter()])
        return lambda client: client.upsert("c", given, wait=True, update_mode=mode, update_filter=wanted)

    def columnar(self) -> Any:
        ids = self.random.sample(IDS, 5)
        vectors = {name: [self.dense() for _ in ids] for name in ("one", "two")}
        given = models.Batch(ids=ids, vectors=vectors, payloads=[self.payload() for _ in ids])
        return lambda client: client.upsert("c", given, wait=True)

    def delete(self) -> Any:
        if self.random.random() < 0.3:
            wanted = models.Filter(must=[self.filter(), models.HasIdCondition(has_id=self.random.sample(IDS, 15))])
            return lambda client: client.delete("c", models.FilterSelector(filter=wanted), wait=True)
        ids = self.random.sample(IDS, 3)
        return lambda client: client.delete("c", ids, wait=True)

    def set_payload(self) -> Any:
        key = self.random.choice([None, None, *KEYS])
        changes, chosen = self.payload() | {"b": None}, self.chosen()
        return lambda client: client.set_payload("c", changes, chosen(client), key=key, wait=True)

    def overwrite(self) -> Any:
        changes, chosen = self.payload() | {"b": None}, self.chosen()
        return lambda client: client.overwrite_payload("c", changes, chosen(client), wait=True)

    def delete_payload(self) -> Any:
        keys, chosen = self.random.sample(KEYS, 2), self.chosen()
        return lambda client: client.delete_payload("c", keys, chosen(client), wait=True)

    def clear(self) -> Any:
        chosen = self.chosen(most=3)
        return lambda client: client.clear_payload("c", chosen(client), wait=True)

    def update_vectors(self) -> Any:
        ids, wanted = self.random.sample(IDS, 8), self.random.choice([None, self.filter()])
        vectors = {each: self.vectors() for each in ids}

        def write(client: Any) -> Any:
            given = [models.PointVectors(id=each, vector=vectors[each]) for each in existing(client, ids)]
            return client.update_vectors("c", given, wait=True, update_filter=wanted) if given else None

        return write

    def delete_vectors(self) -> Any:
        names, chosen = self.random.sample(["one", "two", "thin"], 2), self.chosen()
        return lambda client: client.delete_vectors("c", names, chosen(client), wait=True)

    def batch(self) -> Any:
        ids = self.random.sample(IDS, 3)
        points, payload = [self.point(each) for each in ids], self.payload()
        vectors = [models.PointVectors(id=ids[0], vector={"one": self.dense()})]
        operations = [
            models.UpsertOperation(upsert=models.PointsList(points=points)),
            models.SetPayloadOperation(set_payload=models.SetPayload(payload=payload, points=ids, key="deep")),
            models.UpdateVectorsOperation(update_vectors=models.UpdateVectors(points=vectors)),
            models.OverwritePayloadOperation(overwrite_payload=models.SetPayload(payload=payload, points=ids[1:2])),
            models.DeletePayloadOperation(delete_payload=models.DeletePayload(keys=["a"], points=ids[:1])),
            models.DeleteVectorsOperation(delete_vectors=models.DeleteVectors(points=ids[2:], vector=["two"])),
            models.ClearPayloadOperation(clear_payload=models.PointIdsList(points=ids[2:])),
        ]
        return lambda client: client.batch_update_points("c", operations, wait=True)

    def chosen(self, most: int = 10) -> Any:
        """Return what gives ids that exist, or a filter."""
        if self.random.random() < 0.4:
            wanted = models.Filter(
                must=[self.filter(), models.HasIdCondition(has_id=self.random.sample(IDS, 2 * most))]
            )
            return lambda client: wanted
        ids = self.random.sample(IDS, most)
        return lambda client: existing(client, ids) or models.Filter(must=[models.HasIdCondition(has_id=[])])

    def filter(self) -> models.Filter:
        conditions = [
            models.FieldCondition(key="a", match=models.MatchValue(value=self.random.randint(0, 2))),
            models.FieldCondition(key="a", range=models.Range(gte=1)),
            models.FieldCondition(key="deep.er", match=models.MatchAny(any=["x", "y"])),
            models.IsEmptyCondition(is_empty=models.PayloadField(key="c")),
            models.HasVectorCondition(has_vector="two"),
            models.FieldCondition(key="list[].x", match=models.MatchValue(value=1)),
        ]
        return models.Filter(should=self.random.sample(conditions, 2), must_not=[self.random.choice(conditions)])

    def point(self, point_id: int | str) -> models.PointStruct:
        return models.PointStruct(id=point_id, vector=self.vectors(), payload=self.payload())

    def vectors(self) -> dict[str, Any]:
        indices = self.random.sample(range(20), 3)
        every: dict[str, Any] = {
            "one": self.dense(),
            "two": self.dense(),
            "thin": models.SparseVector(indices=sorted(indices), values=[1.0, 0.5, 0.25]),
        }
        return {name: every[name] for name in self.random.sample(sorted(every), self.random.randint(1, 3))}

    def dense(self) -> list[float]:
        return [float(self.random.randint(-4, 4)) for _ in range(3)]

    def payload(self) -> dict[str, Any]:
        every: dict[str, Any] = {
            "a": self.random.choice([0, 1, 2, [1, 2], "1", 1.5]),
            "b": self.random.choice(["über", "", [], None]),
            "c": self.random.choice([None, [], {}, "c"]),
            "deep": self.random.choice([{"er": "x"}, {"er": ["x", "y"], "n": 1}, 3]),
            "list": self.random.choice([[{"x": 1}, {"x": 2}], [], [1, {"x": 1}], {"x": 1}]),
            "odd key": self.random.choice([{"a": 1}, None]),
        }
        return {key: every[key] for key in self.random.sample(sorted(every), self.random.randint(1, 6))}


def existing(client: Any, ids: list[int | str]) -> list[int | str]:
    """Return those of some ids that exist, in their order."""
    found = {record.id for record in client.retrieve("c", ids, with_payload=False)}
    return [each for each in ids if each in found]


def held(client: Any) -> Any:
    """Return all points as plain values."""
    return plain(client.scroll("c", limit=1000, with_vectors=True)[0])


@pytest.mark.parametrize(("seed", "shards"), [(1, 1), (2, 3), (3, 1)])
def test_any_sequence_of_writes_leaves_the_same_points(clients: Clients, seed: int, shards: int) -> None:
    for client in clients:
        create(client, shards)
    writes = Writes(seed)

    for step in range(STEPS):
        write = writes.next()
        for client in clients:
            write(client)
        if step % CHECK_EVERY == 0 or step == STEPS - 1:
            assert_same(held(clients.shoal), held(clients.local), f"seed {seed}, step {step}")

    assert len(held(clients.local)) > 10


def test_missing_points_are_refused_and_the_others_changed(clients: Clients) -> None:
    create(clients.shoal, 1)
    given = [
        models.PointStruct(id=each, vector={"one": [1, 2, 3], "two": [1, 2, 3]}, payload={"a": 1}) for each in (1, 2)
    ]
    clients.shoal.upsert("c", given, wait=True)
    vectors = [models.PointVectors(id=each, vector={"one": [0, 0, 1]}) for each in (1, 9, 2)]
    writes: list[Any] = [
        lambda client: client.update_vectors("c", vectors, wait=True),
        lambda client: client.delete_vectors("c", ["two"], [1, 9, 2], wait=True),
        lambda client: client.set_payload("c", {"b": 1}, [1, 9, 2], wait=True),
        lambda client: client.delete_payload("c", ["a"], [1, 9, 2], wait=True),
    ]

    for write in writes:
        with pytest.raises(UnexpectedResponse, match="No point with id 9 found") as refused:
            write(clients.shoal)
        assert refused.value.status_code == 404

    expected = [{"id": each, "payload": {"b": 1}, "vector": {"one": [0.0, 0.0, 1.0]}} for each in (1, 2)]
    assert held(clients.shoal) == expected
