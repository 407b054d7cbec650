"""When `encdec retrain` trains anew, and how far it goes: the section `retraining` of params.yaml."""

from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from encdec.params.section import NonNegativeFloat, PositiveFloat, PositiveInt, Section

Trigger = Literal["schedule", "new_data", "data", "drift", "code", "parameters"]


class Retraining(Section):
    """`triggers`: what counts as a reason. `min_new_rows`: of a batch. `hours`: of one `dvc repro`."""

    triggers: tuple[Trigger, ...]
    min_new_rows: Annotated[int, Field(ge=0)]
    cooldown_hours: NonNegativeFloat
    per_week: PositiveInt
    hours: PositiveFloat
    remote: bool

    @model_validator(mode="after")
    def check_triggers(self) -> Self:
        twice = sorted(name for name, count in Counter(self.triggers).items() if count > 1)
        if twice:
            raise ValueError(f"triggers names {', '.join(twice)} more than once")
        return self
