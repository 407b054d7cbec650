"""Small image models with every option that params.yaml offers, for the tests of this folder."""

from typing import NamedTuple, get_args

import torch
from torch import Tensor, nn

from encdec.batches import ImageBatch
from encdec.cards import ImageCard
from encdec.models.autoencoder.spec import AutoencoderSpec
from encdec.models.build import build_network, build_objective
from encdec.models.cnn.spec import CnnNetwork, CnnSpec
from encdec.models.denoising_autoencoder.spec import DenoisingAutoencoderSpec
from encdec.models.sparse_autoencoder.spec import (
    KlSparsity,
    L1Sparsity,
    SparseAutoencoderSpec,
    SparseNetwork,
    TopKSparsity,
)
from encdec.models.vae.spec import VaeSpec
from encdec.params.corruption import GaussianNoise, Masking, SaltAndPepper
from encdec.params.networks import Activation, Coder, ConvolutionalCoder, MlpCoder
from encdec.params.root import ModelName, ModelSpec
from encdec.params.training import Training, TuningBudget

SQUARE = ImageCard(
    kind="images", source="digits", channels=1, height=8, width=8, pixel_max=16, classes=("a", "b", "c", "d")
)
WIDE = SQUARE.model_copy(update={"channels": 3, "height": 7, "width": 10})
TRAINING = Training(
    batch_size=8,
    precision="float32",
    optimizer="adam",
    learning_rate=0.01,
    weight_decay=0.0,
    schedule="constant",
    gradient_clip=1.0,
    max_epochs=1,
    max_steps=1,
    patience=1,
)
TUNING = TuningBudget(trials=1, max_epochs=1, max_steps=1)
REST = {"enabled": True, "training": TRAINING, "tuning": TUNING}
MLP = MlpCoder(architecture="mlp", hidden_dims=(24, 16), latent_dim=6, activation="gelu")
SHALLOW = MlpCoder(architecture="mlp", hidden_dims=(), latent_dim=6, activation="relu")
CONVOLUTIONAL = ConvolutionalCoder(
    architecture="convolutional", channels=(6, 8), kernel_size=3, latent_dim=6, activation="relu", batch_norm=False
)
NORMALISED = CONVOLUTIONAL.model_copy(update={"batch_norm": True, "activation": "silu", "kernel_size": 5})
PLAIN = CnnNetwork(
    block="plain",
    channels=(4, 8),
    kernel_size=3,
    activation="relu",
    batch_norm=True,
    pooling="max",
    hidden_dims=(16,),
    dropout_prob=0.0,
)
L1 = L1Sparsity(kind="l1", weight=0.001)
KL = KlSparsity(kind="kl", weight=0.001, target_activation=0.1)
TOP_K = TopKSparsity(kind="top_k", k=8)
GAUSSIAN = GaussianNoise(kind="gaussian", noise_std=0.3)
MASKING = Masking(kind="masking", mask_prob=0.3)
SALT_AND_PEPPER = SaltAndPepper(kind="salt_and_pepper", flip_prob=0.2)


class Case(NamedTuple):
    """A model to test: `label` names its options."""

    label: str
    name: ModelName
    spec: ModelSpec
    card: ImageCard

    def build(self, *, seed: int = 0) -> nn.Module:
        torch.manual_seed(seed)
        return build_network(self.name, self.spec, self.card)


def cnn(network: CnnNetwork = PLAIN, *, label_smoothing: float = 0.0) -> CnnSpec:
    return CnnSpec(network=network, label_smoothing=label_smoothing, **REST)


def autoencoder(network: Coder, *, reconstruction: str = "mse") -> AutoencoderSpec:
    return AutoencoderSpec(network=network, reconstruction=reconstruction, **REST)


def sparse(sparsity: object, *, hidden_dims: tuple[int, ...] = ()) -> SparseAutoencoderSpec:
    network = SparseNetwork(hidden_dims=hidden_dims, expansion=1.5, activation="gelu")
    return SparseAutoencoderSpec(network=network, sparsity=sparsity, reconstruction="mse", **REST)


def denoising(corruption: object, network: Coder = MLP, *, reconstruction: str = "mse") -> DenoisingAutoencoderSpec:
    return DenoisingAutoencoderSpec(network=network, corruption=corruption, reconstruction=reconstruction, **REST)


def vae(likelihood: str, network: Coder = MLP, *, beta: float = 1.0, beta_warmup_steps: int = 0) -> VaeSpec:
    return VaeSpec(network=network, likelihood=likelihood, beta=beta, beta_warmup_steps=beta_warmup_steps, **REST)


def cnn_cases() -> list[Case]:
    networks = {
        f"cnn-{block}-{pooling}": PLAIN.model_copy(update={"block": block, "pooling": pooling})
        for block in ("plain", "vgg", "residual", "inception")
        for pooling in ("max", "average")
    }
    networks |= {
        f"cnn-{activation}": PLAIN.model_copy(update={"activation": activation})
        for activation in get_args(Activation)
        if activation != PLAIN.activation
    }
    networks["cnn-no-batch-norm"] = PLAIN.model_copy(update={"batch_norm": False, "kernel_size": 5})
    networks["cnn-no-hidden"] = PLAIN.model_copy(update={"hidden_dims": ()})
    cases = [Case(label, "cnn", cnn(network), SQUARE) for label, network in networks.items()]
    return [*cases, Case("cnn-wide-colour", "cnn", cnn(), WIDE)]


def autoencoder_cases() -> list[Case]:
    networks: dict[str, Coder] = {"mlp": MLP, "shallow": SHALLOW, "conv": CONVOLUTIONAL, "conv-norm": NORMALISED}
    cases = [Case(f"autoencoder-{label}", "autoencoder", autoencoder(net), SQUARE) for label, net in networks.items()]
    cases += [
        Case("autoencoder-bce", "autoencoder", autoencoder(MLP, reconstruction="bce"), SQUARE),
        Case("autoencoder-wide-colour", "autoencoder", autoencoder(CONVOLUTIONAL), WIDE),
        Case("autoencoder-mlp-wide-colour", "autoencoder", autoencoder(MLP), WIDE),
    ]
    cases += [
        Case(
            f"sparse-{sparsity.kind}-{len(hidden)}", "sparse_autoencoder", sparse(sparsity, hidden_dims=hidden), SQUARE
        )
        for sparsity in (L1, KL, TOP_K)
        for hidden in ((), (32,))
    ]
    cases += [
        Case(f"denoising-{corruption.kind}", "denoising_autoencoder", denoising(corruption), SQUARE)
        for corruption in (GAUSSIAN, MASKING, SALT_AND_PEPPER)
    ]
    conv = denoising(GAUSSIAN, CONVOLUTIONAL, reconstruction="bce")
    return [*cases, Case("denoising-conv-bce", "denoising_autoencoder", conv, SQUARE)]


def vae_cases() -> list[Case]:
    return [
        Case(f"vae-{likelihood}-{network.architecture}", "vae", vae(likelihood, network), SQUARE)
        for likelihood in ("gaussian", "bernoulli")
        for network in (MLP, NORMALISED)
    ]


CASES = (*cnn_cases(), *autoencoder_cases(), *vae_cases())


def batch_of(card: ImageCard, *, size: int = 8, seed: int = 0) -> ImageBatch:
    """Random images, the classes in turn. Half of the pixels are near 0 and half near 1, as on a drawing."""
    generator = torch.Generator().manual_seed(seed)
    shape = (size, card.channels, card.height, card.width)
    ink = torch.rand(shape, generator=generator).round()
    images = (ink * 0.8 + torch.rand(shape, generator=generator) * 0.2).float()
    return ImageBatch(images, torch.arange(size) % len(card.classes))


def outputs(network: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    """Everything that a forward returns. Only the global generator is drawn from, and it is seeded here."""
    torch.manual_seed(1)
    out = network(images)
    return (out,) if isinstance(out, Tensor) else tuple(out)


def fit_one_batch(case: Case, network: nn.Module, batch: ImageBatch, *, steps: int, learning_rate: float) -> None:
    """Plain training of the model's own objective, without a Trainer."""
    objective = build_objective(
        case.name, network, case.spec, lambda net: torch.optim.Adam(net.parameters(), lr=learning_rate)
    )
    optimizer = objective.configure_optimizers()
    network.train()
    for _ in range(steps):
        loss = objective.loss(batch).value
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
