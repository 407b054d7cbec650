"""What a model must show before it may become the champion: the section `promotion` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from encdec.params.section import Name, NonNegativeFloat, PositiveFloat, PositiveInt, Section, Size

Rule = Literal["not_worse", "better"]


class ModelGate(Section):
    """`floors`: for each metric the least value where higher is better, the greatest where lower is.

    `margin`: in units of the model's first metric. `latency_ms`: of one row, 95th percentile. `size_mb`: 10^6 bytes.
    """

    floors: dict[Name, float]
    margin: NonNegativeFloat
    latency_ms: PositiveFloat
    size_mb: PositiveFloat


class ModelGates(Section):
    cnn: ModelGate
    autoencoder: ModelGate
    sparse_autoencoder: ModelGate
    denoising_autoencoder: ModelGate
    vae: ModelGate
    seq2seq: ModelGate

    def named(self, name: str) -> ModelGate:
        """The gate of a model.

        Raises:
            KeyError: there is no model of that name.
        """
        gates = {
            "cnn": self.cnn,
            "autoencoder": self.autoencoder,
            "sparse_autoencoder": self.sparse_autoencoder,
            "denoising_autoencoder": self.denoising_autoencoder,
            "vae": self.vae,
            "seq2seq": self.seq2seq,
        }
        return gates[name]


class Promotion(Section):
    rule: Rule
    resamples: Size
    confidence: Annotated[float, Field(gt=0.0, lt=1.0)]
    min_rows: PositiveInt
    latency_rows: PositiveInt
    behaviour: bool
    models: ModelGates
