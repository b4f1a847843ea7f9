"""Defaults of new collections: shipped file, file of one's own, environment, request, each over the one before."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.api.defaults import SHIPPED, load_defaults
from services.api.validate.collections import Defaults, WireCreate, parse_create
from services.launcher.run import run_api, run_serve
from shared.errors import BadRequest
from shared.schema.collections import CollectionConfig, HnswConfig, OptimizersConfig, WalConfig
from shared.schema.strict_mode import StrictModeConfig
from shared.settings import Settings, child_environment


def written(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    return Settings(config=str(file))


def shipped() -> dict[str, Any]:
    options: dict[str, Any] = yaml.safe_load(SHIPPED.read_text())["collection"]
    return options


def test_the_shipped_file_is_what_the_models_say() -> None:
    options = shipped()

    assert load_defaults(Settings()) == Defaults()
    for name, model in [
        ("hnsw_config", HnswConfig()),
        ("optimizers_config", OptimizersConfig()),
        ("wal_config", WalConfig()),
    ]:
        assert options[name] == model.model_dump(mode="json"), name
    assert set(options["strict_mode_config"]) == set(StrictModeConfig.model_fields)
    plain = ("shard_number", "replication_factor", "write_consistency_factor", "on_disk_payload")
    assert {name: options[name] for name in plain} == CollectionConfig().model_dump(include=set(plain))


def test_the_shipped_file_names_every_option_of_a_create_body() -> None:
    refused = {"sharding_method", "id_tracker"}
    not_defaults = {"sparse_vectors", "optimizer_config", "quantization", "metadata", "init_from"} | refused

    assert set(shipped()) == set(WireCreate.__struct_fields__) - not_defaults


def test_every_option_of_the_shipped_file_is_explained_on_its_line() -> None:
    option = re.compile(r"^ {2,}\w+:")

    lines = [line for line in SHIPPED.read_text().splitlines() if option.match(line)]
    bare = [line for line in lines if " # " not in line and not line.rstrip().endswith((":", "payload:", "vectors:"))]

    assert len(lines) > 45
    assert bare == []


def test_a_file_of_one_s_own_changes_what_it_names(tmp_path: Path) -> None:
    settings = written(
        tmp_path,
        "collection:\n"
        "  shard_number: 2\n"
        "  vectors: {on_disk: true}\n"
        "  hnsw_config: {m: 8, ef_construct: null}\n"
        "  quantization_config: {binary: {encoding: two_bits}}\n"
        "  strict_mode_config: {enabled: true, max_timeout: 5}\n",
    )

    config = parse_create(b'{"vectors": {"size": 4, "distance": "Dot"}}', load_defaults(settings))

    assert (config.shard_number, config.hnsw_config.m, config.hnsw_config.ef_construct) == (2, 8, 100)
    assert config.vectors[""].is_on_disk
    assert config.quantization_config is not None
    assert config.quantization_config.binary is not None
    assert config.strict_mode_config == StrictModeConfig(enabled=True, max_timeout=5)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = written(tmp_path, "collection:\n  hnsw_config: {m: 8, ef_construct: 50}\n")
    monkeypatch.setenv("SHOAL_COLLECTION__HNSW_CONFIG__M", "32")
    monkeypatch.setenv("SHOAL_COLLECTION__OPTIMIZERS_CONFIG__MAX_OPTIMIZATION_THREADS", "auto")
    monkeypatch.setenv("SHOAL_COLLECTION__ON_DISK_PAYLOAD", "false")
    monkeypatch.setenv("SHOAL_COLLECTION__QUANTIZATION_CONFIG", "{scalar: {type: int8}}")

    config = load_defaults(Settings(config=settings.config)).config

    assert (config.hnsw_config.m, config.hnsw_config.ef_construct) == (32, 50)
    assert config.optimizers_config.max_optimization_threads is None
    assert not config.on_disk_payload
    assert config.quantization_config is not None


def test_children_of_the_launcher_see_the_same_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_COLLECTION__HNSW_CONFIG__M", "32")
    environment = child_environment(Settings(), {})
    monkeypatch.delenv("SHOAL_COLLECTION__HNSW_CONFIG__M")
    monkeypatch.setenv("SHOAL_COLLECTION", environment["SHOAL_COLLECTION"])

    assert load_defaults(Settings()).config.hnsw_config.m == 32


def test_a_request_wins_over_both(tmp_path: Path) -> None:
    settings = written(
        tmp_path,
        "collection:\n"
        "  vectors: {on_disk: true}\n"
        "  hnsw_config: {m: 8, memory: cold}\n"
        "  quantization_config: {binary: {}}\n",
    )
    body = (
        b'{"vectors": {"a": {"size": 4, "distance": "Dot", "memory": "cached"}},'
        b' "hnsw_config": {"m": 5, "on_disk": false}, "quantization_config": {"scalar": {"type": "int8"}}}'
    )

    config = parse_create(body, load_defaults(settings))

    assert (config.hnsw_config.m, config.hnsw_config.is_on_disk) == (5, False)
    assert (config.vectors["a"].on_disk, config.vectors["a"].is_on_disk) == (None, False)
    assert config.quantization_config is not None
    assert config.quantization_config.binary is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "collection: {hnsw_config: {mm: 8}}",
            "unknown option `collection.hnsw_config.mm`, expected one of ef_construct",
        ),
        ("colection: {}", "unknown option `colection`, expected one of collection"),
        ("collection: {hnsw_config: 8}", "collection.hnsw_config: expected options by name, got 8"),
        ("collection: {hnsw_config: {m: many}}", "collection: Expected `int | null`, got `str` - at `$.hnsw_config.m`"),
        ("collection: {shard_number: 0}", "shard_number: value 0 invalid, must be from 1 to 1024"),
        (
            "collection: {quantization_config: {binary: {bits: 1}}}",
            "quantization_config.binary: Object contains unknown field",
        ),
        ("collection: {vectors: {on_disk: 3}}", "vectors: Expected `bool | null`, got `int`"),
        ("collection: [", "not YAML"),
        ("[]", "the file: expected options by name, got []"),
    ],
)
def test_a_slip_in_the_file_is_told_by_name(tmp_path: Path, text: str, told: str) -> None:
    settings = written(tmp_path, text)

    with pytest.raises(BadRequest, match=re.escape(told)) as refused:
        load_defaults(settings)

    assert settings.config in str(refused.value)


@pytest.mark.parametrize("run", [run_serve, run_api])
def test_a_slip_in_the_file_ends_the_command_before_anything_has_started(
    tmp_path: Path, run: Callable[[Settings], int]
) -> None:
    settings = written(tmp_path, "collection: {colour: red}").model_copy(update={"data_dir": tmp_path / "data"})

    with pytest.raises(BadRequest, match=r"unknown option `collection\.colour`"):
        run(settings)

    assert not (tmp_path / "data").exists()


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.yaml"):
        load_defaults(Settings(config=str(tmp_path / "none.yaml")))


def test_a_slip_in_the_environment_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_COLLECTION__HNSW__M", "3")

    with pytest.raises(BadRequest, match=r"unknown option `collection\.hnsw`"):
        load_defaults(Settings())
