"""Every option through today's official client: what it sends is taken, and what it reads back is the same."""

from typing import Any

import pytest
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse

DENSE = models.VectorParams(
    size=4,
    distance=models.Distance.COSINE,
    hnsw_config=models.HnswConfigDiff(m=8, ef_construct=64, on_disk=True),
    quantization_config=models.ScalarQuantization(
        scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
    ),
    on_disk=True,
    datatype=models.Datatype.FLOAT16,
)
MULTI = models.VectorParams(
    size=3,
    distance=models.Distance.DOT,
    multivector_config=models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM),
)
SPARSE = models.SparseVectorParams(
    index=models.SparseIndexParams(full_scan_threshold=100, on_disk=False), modifier=models.Modifier.IDF
)
STRICT = models.StrictModeConfig(enabled=True, max_query_limit=1000, search_allow_exact=True)


def test_all_options_come_back_as_they_were_sent(client: Any) -> None:
    quantization = models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))

    client.create_collection(
        "c",
        vectors_config={"dense": DENSE, "multi": MULTI},
        sparse_vectors_config={"sparse": SPARSE},
        shard_number=2,
        on_disk_payload=False,
        hnsw_config=models.HnswConfigDiff(m=12, payload_m=6, full_scan_threshold=50, max_indexing_threads=1),
        optimizers_config=models.OptimizersConfigDiff(
            deleted_threshold=0.5, vacuum_min_vector_number=200, max_segment_size=5000, memmap_threshold=0
        ),
        wal_config=models.WalConfigDiff(wal_capacity_mb=8, wal_segments_ahead=1),
        quantization_config=quantization,
        strict_mode_config=STRICT,
        metadata={"owner": "tests"},
    )

    config = client.get_collection("c").config
    assert config.params.vectors == {"dense": DENSE, "multi": MULTI}
    assert config.params.sparse_vectors == {"sparse": SPARSE}
    assert (config.params.shard_number, config.params.on_disk_payload) == (2, False)
    assert (config.hnsw_config.m, config.hnsw_config.payload_m, config.hnsw_config.full_scan_threshold) == (12, 6, 50)
    assert (config.optimizer_config.deleted_threshold, config.optimizer_config.max_segment_size) == (0.5, 5000)
    assert (config.wal_config.wal_capacity_mb, config.wal_config.wal_segments_ahead) == (8, 1)
    assert config.quantization_config == quantization
    assert config.strict_mode_config.max_query_limit == 1000
    assert config.metadata == {"owner": "tests"}


def test_collection_without_vectors_keeps_payloads(client: Any) -> None:
    client.create_collection("c", vectors_config={})

    client.upsert("c", [models.PointStruct(id=1, vector={}, payload={"a": 1})], wait=True)

    assert client.get_collection("c").config.params.vectors == {}
    assert client.retrieve("c", [1], with_vectors=True)[0].payload == {"a": 1}


def test_everything_that_can_change_changes(client: Any) -> None:
    client.create_collection("c", vectors_config={"dense": MULTI, "other": MULTI}, sparse_vectors_config={"s": SPARSE})
    product = models.ProductQuantization(
        product=models.ProductQuantizationConfig(compression=models.CompressionRatio.X32, always_ram=True)
    )

    client.update_collection(
        "c",
        optimizers_config=models.OptimizersConfigDiff(indexing_threshold=0, max_optimization_threads=2),
        collection_params=models.CollectionParamsDiff(on_disk_payload=False, read_fan_out_factor=1),
        vectors_config={
            "dense": models.VectorParamsDiff(
                hnsw_config=models.HnswConfigDiff(m=32), quantization_config=product, on_disk=True
            )
        },
        hnsw_config=models.HnswConfigDiff(ef_construct=123),
        quantization_config=product,
        sparse_vectors_config={"s": models.SparseVectorParams(modifier=models.Modifier.NONE)},
        strict_mode_config=STRICT,
        metadata={"stage": "two"},
    )
    changed = client.get_collection("c").config
    client.update_collection("c", quantization_config=models.Disabled.DISABLED)

    assert (changed.optimizer_config.indexing_threshold, changed.optimizer_config.max_optimization_threads) == (0, 2)
    assert (changed.params.on_disk_payload, changed.params.read_fan_out_factor) == (False, 1)
    assert changed.params.vectors["other"] == MULTI
    dense = changed.params.vectors["dense"]
    assert (dense.hnsw_config.m, dense.quantization_config, dense.on_disk) == (32, product, True)
    assert (changed.hnsw_config.m, changed.hnsw_config.ef_construct) == (16, 123)
    assert changed.quantization_config == product
    assert changed.params.sparse_vectors["s"].modifier == models.Modifier.NONE
    assert changed.params.sparse_vectors["s"].index == SPARSE.index
    assert changed.strict_mode_config.enabled
    assert changed.metadata == {"stage": "two"}
    assert client.get_collection("c").config.quantization_config is None


def test_vector_names_come_and_go(client: Any) -> None:
    client.create_collection("c", vectors_config={"multi": MULTI})

    client.create_vector_name(
        "c",
        "sparse",
        models.SparseVectorNameConfig(sparse=models.SparseVectorConfig(modifier=models.Modifier.IDF)),
        wait=True,
    )
    client.delete_vector_name("c", "multi", wait=True)

    params = client.get_collection("c").config.params
    assert params.vectors == {}
    assert params.sparse_vectors == {"sparse": models.SparseVectorParams(modifier=models.Modifier.IDF)}


def test_unknown_vector_name_is_refused(client: Any) -> None:
    client.create_collection("c", vectors_config={"multi": MULTI})

    with pytest.raises(UnexpectedResponse, match="Not existing vector name error: no") as refused:
        client.update_collection("c", vectors_config={"no": models.VectorParamsDiff(on_disk=True)})

    assert refused.value.status_code == 400
