"""Payload indexes as an official client of any age declares, reads and drops them. Knows nothing of the project.

Runs by itself: `python index_calls.py HOST PORT NAME`; prints one JSON object: by type what the info showed.
"""

import json
import sys

from qdrant_client import QdrantClient
from qdrant_client.http import models

VALUES = {
    "keyword": "Ulm",
    "integer": 3,
    "float": 1.5,
    "bool": True,
    "geo": {"lon": 13.0, "lat": 52.0},
    "text": "A long text",
    "datetime": "2020-01-01T00:00:00Z",
    "uuid": "550e8400-e29b-41d4-a716-446655440000",
}


def main():
    host, port, name = sys.argv[1:]
    client = QdrantClient(host, port=int(port), timeout=30)
    client.create_collection(name, vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT))
    known = [kind.value for kind in models.PayloadSchemaType]
    payload = {kind: VALUES[kind] for kind in known}
    points = [models.PointStruct(id=n, vector=[1.0, n], payload=payload) for n in range(1, 5)]
    client.upsert(name, points=[*points, models.PointStruct(id=9, vector=[0.0, 1.0], payload={})], wait=True)
    results = [client.create_payload_index(name, kind, models.PayloadSchemaType(kind)) for kind in known]
    text = models.TextIndexParams(type="text", tokenizer="prefix", min_token_len=2, max_token_len=5, lowercase=True)
    results.append(client.create_payload_index(name, "keyword", text))
    shown = {path: json.loads(index.json()) for path, index in client.get_collection(name).payload_schema.items()}
    results += [client.delete_payload_index(name, kind) for kind in known]
    left = list(client.get_collection(name).payload_schema)
    statuses = sorted({result.status.value for result in results})
    sys.stdout.write(json.dumps({"known": known, "shown": shown, "left": left, "statuses": statuses}) + "\n")


if __name__ == "__main__":
    main()
