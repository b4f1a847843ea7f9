"""The guide's Python examples, as it prints them, spoken by whichever official client this interpreter has.

Runs by itself: `python python_examples.py HOST PORT` takes one JSON line for each example, {"example", "arguments"},
and gives one line back, {"result"} or {"error": {"status", "text"}}. Knows nothing of the project.
"""

import inspect
import json
import sys
from enum import Enum

from qdrant_client import QdrantClient
from qdrant_client.http import models
from qdrant_client.http.exceptions import UnexpectedResponse


def create(client, name):
    return client.create_collection(
        collection_name=name,
        vectors_config=models.VectorParams(size=100, distance=models.Distance.COSINE),
    )


def create_from(client, name, source):
    return client.create_collection(
        collection_name=name,
        vectors_config=models.VectorParams(size=100, distance=models.Distance.COSINE),
        init_from=models.InitFrom(collection=source),
    )


def create_with_two_vectors(client, name):
    return client.create_collection(
        collection_name=name,
        vectors_config={
            "image": models.VectorParams(size=4, distance=models.Distance.DOT),
            "text": models.VectorParams(size=8, distance=models.Distance.COSINE),
        },
    )


def delete(client, name):
    return client.delete_collection(collection_name=name)


def lower_indexing_threshold(client, name):
    return client.update_collection(
        collection_name=name,
        **{_optimizers(client): models.OptimizersConfigDiff(indexing_threshold=10000)},
    )


def update_vector_parameters(client, name):
    return client.update_collection(
        collection_name=name,
        vectors_config={
            "my_vector": models.VectorParamsDiff(
                hnsw_config=models.HnswConfigDiff(
                    m=32,
                    ef_construct=123,
                ),
                quantization_config=models.ProductQuantization(
                    product=models.ProductQuantizationConfig(
                        compression=models.CompressionRatio.X32,
                        always_ram=True,
                    ),
                ),
                on_disk=True,
            ),
        },
        hnsw_config=models.HnswConfigDiff(
            ef_construct=123,
        ),
        quantization_config=models.ScalarQuantization(
            scalar=models.ScalarQuantizationConfig(
                type=models.ScalarType.INT8,
                quantile=0.8,
                always_ram=False,
            ),
        ),
    )


def info(client, name):
    return client.get_collection(collection_name=name)


def create_alias(client):
    return client.update_collection_aliases(
        change_aliases_operations=[
            models.CreateAliasOperation(
                create_alias=models.CreateAlias(
                    collection_name="example_collection", alias_name="production_collection"
                )
            )
        ]
    )


def remove_alias(client):
    return client.update_collection_aliases(
        change_aliases_operations=[
            models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name="production_collection")),
        ]
    )


def switch_collection(client):
    return client.update_collection_aliases(
        change_aliases_operations=[
            models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name="production_collection")),
            models.CreateAliasOperation(
                create_alias=models.CreateAlias(
                    collection_name="example_collection", alias_name="production_collection"
                )
            ),
        ]
    )


def collection_aliases(client, name):
    return client.get_collection_aliases(collection_name=name)


def all_aliases(client):
    return client.get_aliases()


def all_collections(client):
    return client.get_collections()


# beyond the guide: what a client does all day, through models that refuse what they do not know


def upsert(client, name, points):
    return client.upsert(name, [models.PointStruct(**point) for point in points], wait=True)


def upsert_columns(client, name, columns):
    return client.upsert(name, models.Batch(**columns), wait=True)


def search(client, name, vector, limit):
    if hasattr(client, "search"):
        return client.search(name, vector, limit=limit, with_vectors=True)
    return client.query_points(name, vector, limit=limit, with_vectors=True).points


def search_sparse(client, name, vector, limit):
    vector = models.SparseVector(**vector)
    if hasattr(client, "search"):
        named = models.NamedSparseVector(name="words", vector=vector)
        return client.search(name, named, limit=limit, with_vectors=True)
    return client.query_points(name, vector, using="words", limit=limit, with_vectors=True).points


def retrieve(client, name, ids):
    return client.retrieve(name, ids, with_vectors=True)


def scroll(client, name, limit):
    return client.scroll(name, limit=limit)[0]


def count(client, name):
    return client.count(name).count


def set_payload(client, name, payload, ids):
    return client.set_payload(name, payload, points=ids, wait=True)


def delete_points(client, name, ids):
    return client.delete(name, points_selector=models.PointIdsList(points=ids), wait=True)


def delete_nothing(client, name):
    return client.delete(name, points_selector=models.PointIdsList(points=[]), wait=True)


EXAMPLES = [
    create, create_from, create_with_two_vectors, delete, lower_indexing_threshold, update_vector_parameters, info,
    create_alias, remove_alias, switch_collection, collection_aliases, all_aliases, all_collections,
    upsert, upsert_columns, search, search_sparse, retrieve, scroll, count, set_payload, delete_points, delete_nothing,
]  # fmt: skip


def _optimizers(client):
    """The guide's spelling, where the client still has it."""
    known = inspect.signature(client.update_collection).parameters
    return "optimizer_config" if "optimizer_config" in known else "optimizers_config"


def _plain(value):
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, Enum):
        return value.value
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def main():
    host, port = sys.argv[1:]
    client = QdrantClient(host, port=int(port), timeout=30)
    by_name = {example.__name__: example for example in EXAMPLES}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": _plain(by_name[request["example"]](client, *request["arguments"]))}
        except UnexpectedResponse as error:
            answer = {"error": {"status": error.status_code, "text": error.content.decode()}}
        except Exception as error:
            answer = {"error": {"status": None, "text": f"{type(error).__name__}: {error}"}}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
