"""Encoders from images to features and decoders from a code to images, each the mirror of the other."""

from encdec.nn.mlp import MlpDecoder, MlpEncoder
from encdec.nn.shape import Shape
from encdec.nn.strided import StridedDecoder, StridedEncoder
from encdec.params.networks import Coder, ConvolutionalCoder, MlpCoder


def build_encoder(coder: Coder, shape: Shape) -> MlpEncoder | StridedEncoder:
    """(B, C, H, W) -> (B, output_dim)."""
    match coder:
        case MlpCoder():
            return MlpEncoder(shape, hidden_dims=coder.hidden_dims, activation=coder.activation)
        case ConvolutionalCoder():
            return StridedEncoder(
                shape,
                channels=coder.channels,
                kernel_size=coder.kernel_size,
                activation=coder.activation,
                batch_norm=coder.batch_norm,
            )


def build_decoder(coder: Coder, shape: Shape) -> MlpDecoder | StridedDecoder:
    """(B, latent_dim) -> (B, C, H, W), before sigmoid."""
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
                activation=coder.activation,
                batch_norm=coder.batch_norm,
            )
