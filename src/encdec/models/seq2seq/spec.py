"""The parameters of the recurrent encoder and decoder."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from encdec.params.section import DropProbability, NonNegativeFloat, Probability, Section, Size
from encdec.params.training import Training, TuningBudget


class Seq2SeqNetwork(Section):
    cell: Literal["rnn", "lstm", "gru"]
    bidirectional: bool
    attention: Literal["none", "additive", "dot"]
    embedding_dim: Size
    hidden_dim: Size
    num_layers: Size
    dropout_prob: DropProbability


class Decoding(Section):
    """`beam_size` 1 is greedy. `length_penalty`: scores are divided by length to this power."""

    beam_size: Annotated[int, Field(ge=1, le=64)]
    length_penalty: NonNegativeFloat


class Seq2SeqSpec(Section):
    kind: ClassVar[Literal["images", "pairs"]] = "pairs"
    monitor: ClassVar[str] = "val/nll"

    enabled: bool
    network: Seq2SeqNetwork
    label_smoothing: DropProbability
    teacher_forcing_prob: Probability
    decoding: Decoding
    training: Training
    tuning: TuningBudget
