"""Trains pythae's AE or VAE through its own BaseTrainer, with encoders and decoders of the project's shapes."""

import itertools
import time
from typing import Any

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import AE, VAE, AEConfig, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.workers.common import Clock, answer, num_parameters, read_request

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU}
BINARY_THRESHOLD = 0.5


def encoder_layers(network: dict[str, Any], shape: tuple[int, ...]) -> tuple[list[nn.Module], int]:
    """From images to features, and how many features."""
    activation = ACTIVATIONS[network["activation"]]
    layers: list[nn.Module] = []
    if network["architecture"] == "mlp":
        sizes = [int(np.prod(shape)), *network["hidden_dims"]]
        for before, after in itertools.pairwise(sizes):
            layers += [nn.Linear(before, after), activation()]
        return [nn.Flatten(), *layers], sizes[-1]
    kernel, channels = network["kernel_size"], [shape[0], *network["channels"]]
    for before, after in itertools.pairwise(channels):
        layers += [nn.Conv2d(before, after, kernel, stride=2, padding=kernel // 2, bias=False), nn.BatchNorm2d(after)]
        layers.append(activation())
    side = shape[1] // 2 ** len(network["channels"])
    return [*layers, nn.Flatten()], channels[-1] * side * side


def decoder_layers(network: dict[str, Any], shape: tuple[int, ...]) -> list[nn.Module]:
    """From a code to pixels in [0, 1]."""
    activation = ACTIVATIONS[network["activation"]]
    layers: list[nn.Module] = []
    if network["architecture"] == "mlp":
        sizes = [network["latent_dim"], *reversed(network["hidden_dims"])]
        for before, after in itertools.pairwise(sizes):
            layers += [nn.Linear(before, after), activation()]
        return [*layers, nn.Linear(sizes[-1], int(np.prod(shape))), nn.Unflatten(1, shape), nn.Sigmoid()]
    kernel, channels = network["kernel_size"], [*reversed(network["channels"]), shape[0]]
    side = shape[1] // 2 ** len(network["channels"])
    grid = (channels[0], side, side)
    layers = [nn.Linear(network["latent_dim"], int(np.prod(grid))), activation(), nn.Unflatten(1, grid)]
    for number, (before, after) in enumerate(itertools.pairwise(channels), start=2):
        last = number == len(channels)
        options = {"stride": 2, "padding": kernel // 2, "output_padding": 1, "bias": last}
        layers.append(nn.ConvTranspose2d(before, after, kernel, **options))
        layers += [nn.Sigmoid()] if last else [nn.BatchNorm2d(after), activation()]
    return layers


class Encoder(BaseEncoder):  # type: ignore[misc]  # pythae has no types
    def __init__(self, network: dict[str, Any], shape: tuple[int, ...], *, variational: bool) -> None:
        super().__init__()
        layers, features = encoder_layers(network, shape)
        self.layers = nn.Sequential(*layers)
        self.embedding = nn.Linear(features, network["latent_dim"])
        self.log_var = nn.Linear(features, network["latent_dim"]) if variational else None

    def forward(self, x: Tensor) -> ModelOutput:
        features = self.layers(x)
        if self.log_var is None:
            return ModelOutput(embedding=self.embedding(features))
        return ModelOutput(embedding=self.embedding(features), log_covariance=self.log_var(features))


class Decoder(BaseDecoder):  # type: ignore[misc]  # pythae has no types
    def __init__(self, network: dict[str, Any], shape: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*decoder_layers(network, shape))

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.layers(z))


class Timed(BaseTrainer):  # type: ignore[misc]  # pythae has no types
    """The clock runs in the passes over the training data, and in nothing else."""

    clock = Clock()

    def train_step(self, epoch: int) -> Any:
        self.clock.start()
        try:
            return super().train_step(epoch)
        finally:
            self.clock.stop()


@torch.inference_mode()
def quality(model: Any, images: Tensor, *, variational: bool) -> dict[str, float]:
    """The project's metric: per pixel for the autoencoder, nats per image for the VAE."""
    model.eval()
    if not variational:
        recon = model({"data": images}).recon_x
        return {"val/mse": float(F.mse_loss(recon, images))}
    return {"val/negative_elbo": float(model({"data": images}).loss)}


def main() -> None:
    request = read_request()
    network, variational = request["spec"]["network"], request["model"] == "vae"
    train = torch.from_numpy(np.load(f"{request['exchange']}/train_images.npy"))
    val = torch.from_numpy(np.load(f"{request['exchange']}/val_images.npy"))
    train = train[: request["max_steps"] * request["batch_size"]]
    if variational:
        train, val = (train > BINARY_THRESHOLD).float(), (val > BINARY_THRESHOLD).float()
    shape = tuple(train.shape[1:])
    encoder, decoder = Encoder(network, shape, variational=variational), Decoder(network, shape)
    options = {"input_dim": shape, "latent_dim": network["latent_dim"]}
    if variational:
        model = VAE(VAEConfig(reconstruction_loss="bce", **options), encoder, decoder)
    else:
        model = AE(AEConfig(**options), encoder, decoder)
    config = BaseTrainerConfig(
        output_dir=request["work"],
        num_epochs=request["epochs"],
        per_device_train_batch_size=request["batch_size"],
        learning_rate=request["learning_rate"],
        optimizer_cls="Adam",
        seed=request["seed"],
        no_cuda=True,
    )
    trainer = Timed(model=model, train_dataset=BaseDataset(train, torch.zeros(len(train))), training_config=config)
    began = time.perf_counter()
    trainer.train()
    answer(
        samples=len(train) * request["epochs"],
        seconds=trainer.clock.seconds,
        whole_seconds=time.perf_counter() - began,
        parameters=num_parameters(model),
        quality=quality(model, val, variational=variational),
    )


if __name__ == "__main__":
    main()
