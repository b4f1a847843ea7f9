"""What a slot of vectors can be: the words of the reference (features.md section 3)."""

from enum import StrEnum
from typing import Literal

from shared.schema.model import Model


class Distance(StrEnum):
    """How vectors are compared."""

    COSINE = "Cosine"
    DOT = "Dot"
    EUCLID = "Euclid"
    MANHATTAN = "Manhattan"

    @property
    def is_similarity(self) -> bool:
        """True where the wire's score is higher for nearer vectors."""
        return self in (Distance.COSINE, Distance.DOT)


class Datatype(StrEnum):
    """How the elements of a slot are stored."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    UINT8 = "uint8"


class Memory(StrEnum):
    """Where data is kept: read from disk when needed, or in memory."""

    COLD = "cold"
    CACHED = "cached"
    PINNED = "pinned"


class Modifier(StrEnum):
    """What is done to the weights of a sparse query."""

    NONE = "none"
    IDF = "idf"


class MultivectorConfig(Model):
    """How two lists of vectors are compared: the sum over the query's rows of the best match."""

    comparator: Literal["max_sim"] = "max_sim"


class SlotKind(StrEnum):
    """What a point carries in a slot: one row, several rows, or pairs of index and value."""

    DENSE = "dense"
    MULTI = "multi"
    SPARSE = "sparse"
