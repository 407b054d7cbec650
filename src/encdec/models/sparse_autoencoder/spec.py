"""The parameters of the sparse, overcomplete autoencoder."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from encdec.params.networks import Activation
from encdec.params.section import NonNegativeFloat, PositiveInt, Section, Size
from encdec.params.training import Training, TuningBudget


class SparseNetwork(Section):
    """`expansion`: units of the code per input; above 1 the code is overcomplete."""

    hidden_dims: tuple[Size, ...]
    expansion: Annotated[float, Field(gt=1.0)]
    activation: Activation


class L1Sparsity(Section):
    kind: Literal["l1"]
    weight: NonNegativeFloat


class KlSparsity(Section):
    """`target_activation`: the wanted mean activation of each sigmoid unit."""

    kind: Literal["kl"]
    weight: NonNegativeFloat
    target_activation: Annotated[float, Field(gt=0.0, lt=1.0)]


class TopKSparsity(Section):
    """Only the k largest units of each code stay."""

    kind: Literal["top_k"]
    k: PositiveInt


Sparsity = Annotated[L1Sparsity | KlSparsity | TopKSparsity, Field(discriminator="kind")]


class SparseAutoencoderSpec(Section):
    kind: ClassVar[Literal["images", "pairs"]] = "images"
    monitor: ClassVar[str] = "val/mse"

    enabled: bool
    network: SparseNetwork
    sparsity: Sparsity
    reconstruction: Literal["mse", "bce"]
    training: Training
    tuning: TuningBudget

    def code_dim(self, inputs: int) -> int:
        """Units of the code for images of so many values."""
        return round(self.network.expansion * inputs)
