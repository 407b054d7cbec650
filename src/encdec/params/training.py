"""How a model is trained and tuned: the sections `training` and `tuning` that every model has."""

from typing import Literal

from encdec.params.section import NonNegativeFloat, PositiveFloat, PositiveInt, Section

Precision = Literal["auto", "bfloat16", "float32"]


class Training(Section):
    batch_size: PositiveInt
    precision: Precision
    optimizer: Literal["adam", "adamw", "sgd"]
    learning_rate: PositiveFloat
    weight_decay: NonNegativeFloat
    schedule: Literal["constant", "cosine", "one_cycle"]
    gradient_clip: PositiveFloat
    max_epochs: PositiveInt
    max_steps: PositiveInt
    patience: PositiveInt


class TuningBudget(Section):
    """What one trial may use; `max_epochs` and `max_steps` replace those of `training`."""

    trials: PositiveInt
    max_epochs: PositiveInt
    max_steps: PositiveInt
