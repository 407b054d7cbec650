"""The base of every section of params.yaml, and the number types that several sections share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
"""A number from 0 to 1, both included."""
DropProbability = Annotated[float, Field(ge=0.0, lt=1.0)]
"""A number from 0 to 1, 1 excluded: at 1 nothing would be left."""
PositiveInt = Annotated[int, Field(ge=1, lt=2**31)]
"""A count that every library can hold."""
Size = Annotated[int, Field(ge=1, le=65_536)]
"""Units of a layer, steps of a resampling and the like: more is a slip of the finger, and no memory holds it."""
PositiveFloat = Annotated[float, Field(gt=0.0)]
NonNegativeFloat = Annotated[float, Field(ge=0.0)]


Name = Annotated[str, Field(min_length=1)]
"""A text that is not empty."""


class Section(BaseModel):
    """Frozen, strict (no text for a number), without defaults; an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
