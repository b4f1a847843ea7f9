"""PATCH bodies, narrowed to a change of a `CollectionConfig`.

`null` means unchanged, but for metadata keys. Unknown keys are refused: a change that is not made must not look made.
Of an old word and its newer twin (`on_disk` and `memory`) the one given last counts.
"""

from typing import Any

import msgspec

from services.api.validate.body import decode_strictly
from services.api.validate.collection_metadata import merged_metadata
from services.api.validate.collection_names import check_collection_name
from services.api.validate.collection_quantization import (
    QuantizationChange,
    parse_quantization_change,
)
from services.api.validate.collection_settings import (
    StrictHnsw,
    StrictOptimizers,
    StrictPayload,
    check_whole,
    given_hnsw,
    given_optimizers,
    given_payload,
    last_word,
)
from services.api.validate.collection_slot_changes import SlotChanges, parse_slot_changes
from services.api.validate.collection_strict_mode import StrictStrictMode, changed_strict_mode, given_strict_mode
from services.api.validate.collections import FACTORS
from services.api.validate.rules import Rules
from services.api.validate.unsupported import refuse_given
from shared.errors import BadRequest
from shared.schema.collections import CollectionConfig, PayloadParams


class WireParamsChange(msgspec.Struct, forbid_unknown_fields=True):
    replication_factor: int | None = None
    write_consistency_factor: int | None = None
    read_fan_out_factor: int | None = None
    read_fan_out_delay_ms: int | None = None
    on_disk_payload: bool | None = None
    payload: StrictPayload | None = None
    id_tracker: Any = None


class WireChange(msgspec.Struct, forbid_unknown_fields=True):
    optimizers_config: StrictOptimizers | None = None
    optimizer_config: StrictOptimizers | None = None
    hnsw_config: StrictHnsw | None = None
    params: WireParamsChange | None = None
    vectors: dict[str, Any] | None = None
    sparse_vectors: dict[str, Any] | None = None
    quantization_config: Any = None
    quantization: Any = None
    strict_mode_config: StrictStrictMode | None = None
    metadata: dict[str, Any] | None = None
    rename: str | None = None


_decoder = msgspec.json.Decoder(WireChange)


class ConfigChange(msgspec.Struct, frozen=True):
    """What a PATCH sets; everything else stays."""

    hnsw: dict[str, Any]
    optimizers: dict[str, Any]
    params: dict[str, Any]
    slots: SlotChanges
    quantization: QuantizationChange | None
    strict_mode: dict[str, Any] | None
    metadata: dict[str, Any] | None

    def applied_to(self, config: CollectionConfig) -> CollectionConfig:
        """Return the config with the change. Raises BadInput for an unknown vector name."""
        update: dict[str, Any] = {
            **self.params,
            "hnsw_config": config.hnsw_config.model_copy(update=self.hnsw),
            "optimizers_config": config.optimizers_config.model_copy(update=self.optimizers),
            "vectors": self.slots.dense_applied_to(config.vectors),
            "sparse_vectors": self.slots.sparse_applied_to(config.sparse_vectors),
            "strict_mode_config": changed_strict_mode(config.strict_mode_config, self.strict_mode),
            "metadata": merged_metadata(config.metadata, self.metadata),
        }
        if self.quantization is not None:
            update["quantization_config"] = self.quantization.config
        return config.model_copy(update=update)


def parse_change(body: bytes) -> ConfigChange | str:
    """Return what a PATCH sets, or the new name of a rename, which stands alone."""
    wire = decode_strictly(_decoder, body)
    if wire.rename is not None:
        if any(getattr(wire, name) is not None for name in wire.__struct_fields__ if name != "rename"):
            raise BadRequest("`rename` stands alone: send other changes in a request of their own")
        return check_collection_name(wire.rename, "rename", "JSON body")
    rules = Rules()
    quantization = wire.quantization_config if wire.quantization_config is not None else wire.quantization
    change = ConfigChange(
        hnsw=given_hnsw(wire.hnsw_config, "hnsw_config", rules),
        optimizers=given_optimizers(wire.optimizers_config or wire.optimizer_config, rules),
        params=_params(wire.params, rules),
        slots=parse_slot_changes(wire.vectors, wire.sparse_vectors, rules),
        quantization=parse_quantization_change(quantization, "quantization_config", rules),
        strict_mode=given_strict_mode(wire.strict_mode_config, rules),
        metadata=wire.metadata,
    )
    rules.check()
    return change


def _params(wire: WireParamsChange | None, rules: Rules) -> dict[str, Any]:
    if wire is None:
        return {}
    refuse_given(wire, ("id_tracker",), "params.")
    names = (*FACTORS, "read_fan_out_factor", "read_fan_out_delay_ms", "on_disk_payload")
    check_whole(wire, *names)
    for name in FACTORS:
        rules.at_least(f"params.{name}", getattr(wire, name), 1)
    given: dict[str, Any] = {name: getattr(wire, name) for name in names if getattr(wire, name) is not None}
    payload = given_payload(wire.payload, "params.payload", rules)
    if payload:
        given["payload"] = PayloadParams.model_construct(**payload)
    return last_word(given, "on_disk_payload", "payload")
