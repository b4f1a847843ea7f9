"""The bases of the pydantic models that describe collections."""

from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer


class Model(BaseModel):
    """Immutable; an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sparing(Model):
    """Leaves what nobody set out of its JSON, as the reference does within slots."""

    @model_serializer(mode="wrap")
    def _spare(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if value is not None}
