"""Fully connected layers, and the encoder and decoder made of them. Axes: F features, else as in batches.py."""

import itertools
import math

from torch import Tensor, nn

from encdec.nn.activations import build_activation
from encdec.nn.layout import at_least_float32
from encdec.nn.shape import Shape
from encdec.params.networks import Activation


def hidden_layers(dims: tuple[int, ...], *, activation: Activation, dropout_prob: float) -> nn.Sequential:
    """A linear layer, activation and dropout for each step from one entry of `dims` to the next."""
    layers: list[nn.Module] = []
    for in_dim, out_dim in itertools.pairwise(dims):
        layers += [nn.Linear(in_dim, out_dim), build_activation(activation)]
        if dropout_prob > 0:
            layers.append(nn.Dropout(dropout_prob))
    return nn.Sequential(*layers)


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

    @property
    def from_code(self) -> nn.Linear:
        """The layer that reads the code."""
        return next(layer for layer in (*self.hidden, self.to_pixels) if isinstance(layer, nn.Linear))

    def forward(self, z: Tensor) -> Tensor:
        pixels = at_least_float32(self.to_pixels(self.hidden(z)))
        return pixels.view(len(z), *self.shape)
