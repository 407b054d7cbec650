"""The parameters of the variational autoencoder."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from encdec.params.networks import Coder
from encdec.params.section import NonNegativeFloat, Section
from encdec.params.training import Training, TuningBudget


class VaeSpec(Section):
    kind: ClassVar[Literal["images", "pairs"]] = "images"
    monitor: ClassVar[str] = "val/negative_elbo"

    enabled: bool
    network: Coder
    likelihood: Literal["gaussian", "bernoulli"]
    beta: NonNegativeFloat
    beta_warmup_steps: Annotated[int, Field(ge=0)]
    training: Training
    tuning: TuningBudget
