"""The parameters of the convolutional classifier."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from encdec.params.networks import Activation
from encdec.params.section import DropProbability, Section, Size
from encdec.params.training import Training, TuningBudget


class CnnNetwork(Section):
    block: Literal["plain", "vgg", "residual", "inception"]
    channels: Annotated[tuple[Size, ...], Field(min_length=1)]
    kernel_size: Size
    activation: Activation
    batch_norm: bool
    pooling: Literal["max", "average"]
    hidden_dims: tuple[Size, ...]
    dropout_prob: DropProbability


class CnnSpec(Section):
    kind: ClassVar[Literal["images", "pairs"]] = "images"
    monitor: ClassVar[str] = "val/nll"

    enabled: bool
    network: CnnNetwork
    label_smoothing: DropProbability
    training: Training
    tuning: TuningBudget
