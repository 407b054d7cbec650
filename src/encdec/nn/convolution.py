"""Convolutional encoder of a classifier: blocks of convolution, batch norm and activation, and pooling between them."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from encdec.nn.activations import build_activation
from encdec.nn.shape import Shape
from encdec.nn.strided import check_odd
from encdec.params.networks import Activation

Block = Literal["plain", "vgg", "residual", "inception"]
Pooling = Literal["max", "average"]
NUM_BRANCHES = 4


class ConvolutionStyle(NamedTuple):
    """What all convolutions of a network have in common."""

    kernel_size: int
    activation: Activation
    batch_norm: bool

    def linear(self, in_channels: int, out_channels: int, *, kernel_size: int) -> list[nn.Module]:
        """Convolution and batch norm: (B, in, H, W) -> (B, out, H, W)."""
        check_odd(kernel_size)
        # batch norm has a bias of its own
        padding, bias = kernel_size // 2, not self.batch_norm
        convolution = nn.Conv2d(in_channels, out_channels, kernel_size, padding=padding, bias=bias)
        return [convolution, nn.BatchNorm2d(out_channels)] if self.batch_norm else [convolution]

    def unit(self, in_channels: int, out_channels: int, *, kernel_size: int) -> nn.Sequential:
        """Convolution, batch norm, activation."""
        linear = self.linear(in_channels, out_channels, kernel_size=kernel_size)
        return nn.Sequential(*linear, build_activation(self.activation))


class ResidualBlock(nn.Module):
    """activation(F(x) + x), F two convolutions; x is projected where the channels differ (arXiv:1512.03385)."""

    def __init__(self, in_channels: int, out_channels: int, *, style: ConvolutionStyle) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            style.unit(in_channels, out_channels, kernel_size=style.kernel_size),
            *style.linear(out_channels, out_channels, kernel_size=style.kernel_size),
        )
        same = in_channels == out_channels
        self.shortcut = nn.Sequential(*([] if same else style.linear(in_channels, out_channels, kernel_size=1)))
        self.activation = build_activation(style.activation)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.activation(self.residual(x) + self.shortcut(x))
        return out


class InceptionBlock(nn.Module):
    """Kernels of several sizes side by side, and a pooled branch (arXiv:1409.4842, with one convolution a branch).

    The sizes are 1, kernel_size and kernel_size + 2: 1x1, 3x3 and 5x5 for a kernel_size of 3. The four branches share
    the output channels evenly; the first ones take what is left.

    Raises:
        ValueError: fewer output channels than branches.
    """

    def __init__(self, in_channels: int, out_channels: int, *, style: ConvolutionStyle) -> None:
        super().__init__()
        if out_channels < NUM_BRANCHES:
            raise ValueError(f"channels {out_channels} is too few for an inception block: at least {NUM_BRANCHES}")
        share, left = divmod(out_channels, NUM_BRANCHES)
        sizes = [share + (branch < left) for branch in range(NUM_BRANCHES)]
        kernels = (1, style.kernel_size, style.kernel_size + 2)
        branches = [
            style.unit(in_channels, size, kernel_size=kernel) for size, kernel in zip(sizes[:-1], kernels, strict=True)
        ]
        pooled = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), style.unit(in_channels, sizes[-1], kernel_size=1))
        self.branches = nn.ModuleList([*branches, pooled])

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


def build_block(block: Block, in_channels: int, out_channels: int, *, style: ConvolutionStyle) -> nn.Module:
    """(B, in, H, W) -> (B, out, H, W)."""
    match block:
        case "plain":
            return style.unit(in_channels, out_channels, kernel_size=style.kernel_size)
        case "vgg":  # arXiv:1409.1556: two small kernels see what one large kernel sees, with a non-linearity more
            return nn.Sequential(
                style.unit(in_channels, out_channels, kernel_size=style.kernel_size),
                style.unit(out_channels, out_channels, kernel_size=style.kernel_size),
            )
        case "residual":
            return ResidualBlock(in_channels, out_channels, style=style)
        case "inception":
            return InceptionBlock(in_channels, out_channels, style=style)


def build_pooling(pooling: Pooling) -> nn.Module:
    """Halves height and width, rounded down."""
    match pooling:
        case "max":
            return nn.MaxPool2d(2)
        case "average":
            return nn.AvgPool2d(2)


class ConvolutionalEncoder(nn.Module):
    """A block and a pooling for each entry of `channels`, then flattened: (B, C, H, W) -> (B, output_dim).

    Raises:
        ValueError: the poolings leave nothing of the image.
    """

    def __init__(
        self,
        shape: Shape,
        *,
        block: Block,
        channels: tuple[int, ...],
        pooling: Pooling,
        style: ConvolutionStyle,
    ) -> None:
        super().__init__()
        in_channels, height, width = shape
        height, width = height >> len(channels), width >> len(channels)
        if not height * width:
            raise ValueError(f"channels {channels} halve an image of {shape[1]}x{shape[2]} to nothing: name fewer")
        pairs = zip((in_channels, *channels[:-1]), channels, strict=True)
        self.stages = nn.Sequential(
            *(nn.Sequential(build_block(block, *pair, style=style), build_pooling(pooling)) for pair in pairs)
        )
        self.output_dim = channels[-1] * height * width

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.stages(images)  # (B, C, H, W) -> (B, last channel, H / 2**stages, W / 2**stages)
        return features.flatten(1)
