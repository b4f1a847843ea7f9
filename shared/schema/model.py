"""The one base of the pydantic models that describe collections."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Immutable; an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
