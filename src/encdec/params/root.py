"""The whole of params.yaml as one frozen value."""

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field

from encdec.models.autoencoder.spec import AutoencoderSpec
from encdec.models.cnn.spec import CnnSpec
from encdec.models.denoising_autoencoder.spec import DenoisingAutoencoderSpec
from encdec.models.seq2seq.spec import Seq2SeqSpec
from encdec.models.sparse_autoencoder.spec import SparseAutoencoderSpec
from encdec.models.vae.spec import VaeSpec
from encdec.params.data import Evaluation, Images, Pairs, Tracking, TuningRules
from encdec.params.monitoring import Monitoring
from encdec.params.promotion import ModelGate, Promotion
from encdec.params.retraining import Retraining
from encdec.params.search import Scalar, Search
from encdec.params.section import PositiveFloat, PositiveInt, Section

ModelSpec = CnnSpec | AutoencoderSpec | SparseAutoencoderSpec | DenoisingAutoencoderSpec | VaeSpec | Seq2SeqSpec
ModelName = Literal["cnn", "autoencoder", "sparse_autoencoder", "denoising_autoencoder", "vae", "seq2seq"]
MODEL_NAMES: tuple[ModelName, ...] = get_args(ModelName)
Kind = Literal["images", "pairs"]
Accelerator = Literal["cpu", "gpu", "auto"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Models(Section):
    cnn: CnnSpec
    autoencoder: AutoencoderSpec
    sparse_autoencoder: SparseAutoencoderSpec
    denoising_autoencoder: DenoisingAutoencoderSpec
    vae: VaeSpec
    seq2seq: Seq2SeqSpec

    def named(self, name: ModelName) -> ModelSpec:
        match name:
            case "cnn":
                return self.cnn
            case "autoencoder":
                return self.autoencoder
            case "sparse_autoencoder":
                return self.sparse_autoencoder
            case "denoising_autoencoder":
                return self.denoising_autoencoder
            case "vae":
                return self.vae
            case "seq2seq":
                return self.seq2seq


class Params(Section):
    """In `models`, a value that is searched has the first value of its search; `resolve` puts another there."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    accelerator: Accelerator
    threads: PositiveInt
    checkpoint_seconds: PositiveFloat
    images: Images
    pairs: Pairs
    models: Models
    tuning: TuningRules
    evaluation: Evaluation
    tracking: Tracking
    promotion: Promotion
    monitoring: Monitoring
    retraining: Retraining

    def kind_enabled(self, kind: Kind) -> bool:
        return self.images.enabled if kind == "images" else self.pairs.enabled

    def source_name(self, kind: Kind) -> str:
        return self.images.source if kind == "images" else self.pairs.source

    def data(self, kind: Kind) -> Mapping[str, object]:
        """The name and the section of the selected source, for the record."""
        chosen = self.images.selected if kind == "images" else self.pairs.selected
        return {"source": self.source_name(kind), self.source_name(kind): chosen.model_dump(by_alias=True)}

    def gate(self, name: ModelName) -> ModelGate:
        """What a model of that name must show to be promoted."""
        return self.promotion.models.named(name)

    def model_enabled(self, name: ModelName) -> bool:
        """Whether the model and the kind of data that it reads are both switched on."""
        spec = self.models.named(name)
        return spec.enabled and self.kind_enabled(spec.kind)


SPEC_TYPES: Mapping[ModelName, type[ModelSpec]] = {
    "cnn": CnnSpec,
    "autoencoder": AutoencoderSpec,
    "sparse_autoencoder": SparseAutoencoderSpec,
    "denoising_autoencoder": DenoisingAutoencoderSpec,
    "vae": VaeSpec,
    "seq2seq": Seq2SeqSpec,
}
Space = Mapping[str, Search]
Values = Mapping[str, Scalar]
"""Values of a model's searched keys, by dotted path inside the model's section: {"training.learning_rate": 0.001}."""
