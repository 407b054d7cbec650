"""Builds a model by its name. Only the model that is asked for is imported."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from torch import nn

from encdec.cards import Card, ImageCard, PairCard
from encdec.models.autoencoder.spec import AutoencoderSpec
from encdec.models.cnn.spec import CnnSpec
from encdec.models.denoising_autoencoder.spec import DenoisingAutoencoderSpec
from encdec.models.seq2seq.spec import Seq2SeqSpec
from encdec.models.sparse_autoencoder.spec import SparseAutoencoderSpec
from encdec.models.vae.spec import VaeSpec
from encdec.params.root import ModelName, ModelSpec

if TYPE_CHECKING:  # a stage that does not train never loads Lightning
    from pytorch_lightning.utilities.types import OptimizerLRScheduler

    from encdec.models.objective import Objective

Wanted = TypeVar("Wanted")


def build_network(name: ModelName, spec: ModelSpec, card: Card) -> nn.Module:
    """The network, with new weights from torch's global generator.

    Raises:
        ValueError: the spec is another model's, or the card another kind of data's.
    """
    match name:
        case "cnn":
            from encdec.models.cnn.network import Cnn

            return Cnn(fitting(name, spec, CnnSpec), fitting(name, card, ImageCard))
        case "autoencoder":
            from encdec.models.autoencoder.network import Autoencoder

            return Autoencoder(fitting(name, spec, AutoencoderSpec), fitting(name, card, ImageCard))
        case "sparse_autoencoder":
            from encdec.models.sparse_autoencoder.network import SparseAutoencoder

            return SparseAutoencoder(fitting(name, spec, SparseAutoencoderSpec), fitting(name, card, ImageCard))
        case "denoising_autoencoder":
            from encdec.models.denoising_autoencoder.network import DenoisingAutoencoder

            return DenoisingAutoencoder(fitting(name, spec, DenoisingAutoencoderSpec), fitting(name, card, ImageCard))
        case "vae":
            from encdec.models.vae.network import VariationalAutoencoder

            return VariationalAutoencoder(fitting(name, spec, VaeSpec), fitting(name, card, ImageCard))
        case "seq2seq":
            from encdec.models.seq2seq.network import Seq2Seq

            return Seq2Seq(fitting(name, spec, Seq2SeqSpec), fitting(name, card, PairCard))


def build_objective(
    name: ModelName, network: nn.Module, spec: ModelSpec, configure: "Callable[[nn.Module], OptimizerLRScheduler]"
) -> "Objective[Any, Any]":
    """The objective that trains the network; `configure` makes its optimiser and schedule.

    Raises:
        ValueError: the network or the spec is another model's.
    """
    match name:
        case "cnn":
            from encdec.models.cnn.network import Cnn
            from encdec.models.cnn.objective import CnnObjective

            return CnnObjective(fitting(name, network, Cnn), fitting(name, spec, CnnSpec), configure)
        case "autoencoder":
            from encdec.models.autoencoder.network import Autoencoder
            from encdec.models.autoencoder.objective import AutoencoderObjective

            autoencoder = fitting(name, network, Autoencoder)
            return AutoencoderObjective(autoencoder, fitting(name, spec, AutoencoderSpec), configure)
        case "sparse_autoencoder":
            from encdec.models.sparse_autoencoder.network import SparseAutoencoder
            from encdec.models.sparse_autoencoder.objective import SparseAutoencoderObjective

            sparse = fitting(name, network, SparseAutoencoder)
            return SparseAutoencoderObjective(sparse, fitting(name, spec, SparseAutoencoderSpec), configure)
        case "denoising_autoencoder":
            from encdec.models.denoising_autoencoder.network import DenoisingAutoencoder
            from encdec.models.denoising_autoencoder.objective import DenoisingAutoencoderObjective

            denoising = fitting(name, network, DenoisingAutoencoder)
            return DenoisingAutoencoderObjective(denoising, fitting(name, spec, DenoisingAutoencoderSpec), configure)
        case "vae":
            from encdec.models.vae.network import VariationalAutoencoder
            from encdec.models.vae.objective import VaeObjective

            vae = fitting(name, network, VariationalAutoencoder)
            return VaeObjective(vae, fitting(name, spec, VaeSpec), configure)
        case "seq2seq":
            from encdec.models.seq2seq.network import Seq2Seq
            from encdec.models.seq2seq.objective import Seq2SeqObjective

            return Seq2SeqObjective(fitting(name, network, Seq2Seq), fitting(name, spec, Seq2SeqSpec), configure)


def fitting(name: ModelName, value: object, wanted: type[Wanted]) -> Wanted:
    """The value, known to be of the class that the model needs."""
    if not isinstance(value, wanted):
        raise ValueError(f"model {name} needs a {wanted.__name__}, was given a {type(value).__name__}")
    return value
