"""Encoders from images to features and decoders from a code to images, each the mirror of the other.

Axes: B batch, C channels, H height, W width, F features, Z latent units.
"""

import math

from torch import Tensor, nn

from encdec.nn.activations import build_activation
from encdec.nn.heads import hidden_layers
from encdec.nn.strided import StridedDecoder, StridedEncoder
from encdec.params.networks import Activation, Coder, ConvolutionalCoder, MlpCoder

Shape = tuple[int, int, int]
"""Channels, height, width."""


class MlpEncoder(nn.Module):
    """Flatten, then a layer and an activation for each of `hidden_dims`: (B, C, H, W) -> (B, F)."""

    def __init__(self, shape: Shape, *, hidden_dims: tuple[int, ...], activation: Activation) -> None:
        super().__init__()
        dims = (math.prod(shape), *hidden_dims)
        self.hidden = hidden_layers(dims, activation=activation, dropout_prob=0.0)
        self.output_dim = dims[-1]

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.hidden(images.flatten(1))
        return features


class MlpDecoder(nn.Module):
    """The mirrored layers, then one to the pixels: z (B, Z) -> recon_logits (B, C, H, W), before sigmoid."""

    def __init__(self, shape: Shape, *, code_dim: int, hidden_dims: tuple[int, ...], activation: Activation) -> None:
        super().__init__()
        dims = (code_dim, *reversed(hidden_dims))
        self.shape = shape
        self.hidden = hidden_layers(dims, activation=activation, dropout_prob=0.0)
        self.to_pixels = nn.Linear(dims[-1], math.prod(shape))

    def forward(self, z: Tensor) -> Tensor:
        pixels: Tensor = self.to_pixels(self.hidden(z))
        return pixels.unflatten(1, self.shape)


Encoder = MlpEncoder | StridedEncoder
Decoder = MlpDecoder | StridedDecoder


def build_encoder(coder: Coder, shape: Shape) -> Encoder:
    """(B, C, H, W) -> (B, output_dim)."""
    match coder:
        case MlpCoder():
            return MlpEncoder(shape, hidden_dims=coder.hidden_dims, activation=coder.activation)
        case ConvolutionalCoder():
            return StridedEncoder(
                shape,
                channels=coder.channels,
                kernel_size=coder.kernel_size,
                batch_norm=coder.batch_norm,
                activation=lambda: build_activation(coder.activation),
            )


def build_decoder(coder: Coder, shape: Shape) -> Decoder:
    """(B, latent_dim) -> (B, C, H, W)."""
    match coder:
        case MlpCoder():
            return MlpDecoder(
                shape, code_dim=coder.latent_dim, hidden_dims=coder.hidden_dims, activation=coder.activation
            )
        case ConvolutionalCoder():
            return StridedDecoder(
                shape,
                code_dim=coder.latent_dim,
                channels=coder.channels,
                kernel_size=coder.kernel_size,
                batch_norm=coder.batch_norm,
                activation=lambda: build_activation(coder.activation),
            )
