"""The shapes of networks that several models choose from."""

from typing import Annotated, Literal

from pydantic import Field

from encdec.params.section import Section, Size

Activation = Literal["relu", "leaky_relu", "gelu", "silu", "elu", "tanh"]


class MlpCoder(Section):
    """Fully connected layers of `hidden_dims`, mirrored by the decoder."""

    architecture: Literal["mlp"]
    hidden_dims: tuple[Size, ...]
    latent_dim: Size
    activation: Activation


class ConvolutionalCoder(Section):
    """Strided convolutions, one of stride 2 per entry of `channels`, mirrored by transposed ones in the decoder."""

    architecture: Literal["convolutional"]
    channels: Annotated[tuple[Size, ...], Field(min_length=1)]
    kernel_size: Size
    latent_dim: Size
    activation: Activation
    batch_norm: bool


Coder = Annotated[MlpCoder | ConvolutionalCoder, Field(discriminator="architecture")]
