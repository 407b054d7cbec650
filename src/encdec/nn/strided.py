"""Strided convolutions and their mirror, the transposed ones. Axes: F features, else as in batches.py."""

from torch import Tensor, nn

from encdec.nn.activations import build_activation
from encdec.nn.layout import at_least_float32
from encdec.nn.shape import Shape
from encdec.params.networks import Activation


def halved_sizes(height: int, width: int, *, times: int) -> list[tuple[int, int]]:
    """Height and width before each convolution and after the last: stride 2 halves and rounds up."""
    sizes = [(height, width)]
    for _ in range(times):
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return sizes


def check_odd(kernel_size: int) -> None:
    if kernel_size % 2 == 0:
        raise ValueError(f"kernel_size {kernel_size} must be odd, so that an image keeps or halves its size")


class StridedEncoder(nn.Module):
    """A convolution of stride 2 for each entry of `channels`, then flattened: (B, C, H, W) -> (B, F)."""

    def __init__(
        self, shape: Shape, *, channels: tuple[int, ...], kernel_size: int, activation: Activation, batch_norm: bool
    ) -> None:
        super().__init__()
        check_odd(kernel_size)
        layers: list[nn.Module] = []
        for in_channels, out_channels in zip((shape[0], *channels), channels, strict=False):
            padding, bias = kernel_size // 2, not batch_norm  # batch norm has a bias of its own
            layers.append(nn.Conv2d(in_channels, out_channels, kernel_size, stride=2, padding=padding, bias=bias))
            if batch_norm:
                layers.append(nn.BatchNorm2d(out_channels))
            layers.append(build_activation(activation))
        self.layers = nn.Sequential(*layers)
        height, width = halved_sizes(*shape[1:], times=len(channels))[-1]
        self.output_dim = channels[-1] * height * width

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.layers(images)
        return features.flatten(1)


class StridedDecoder(nn.Module):
    """Undoes each step of `StridedEncoder`, odd sizes too: z (B, Z) -> recon_logits (B, C, H, W), before sigmoid.

    A transposed convolution of stride 2, padding k // 2 and odd kernel k makes 2h - 1 rows of h; one row of output
    padding makes it 2h where the encoder halved an even size.
    """

    def __init__(
        self,
        shape: Shape,
        *,
        code_dim: int,
        channels: tuple[int, ...],
        kernel_size: int,
        activation: Activation,
        batch_norm: bool,
    ) -> None:
        super().__init__()
        check_odd(kernel_size)
        sizes = halved_sizes(*shape[1:], times=len(channels))
        height, width = sizes[-1]
        self.from_code = nn.Sequential(
            nn.Linear(code_dim, channels[-1] * height * width),
            build_activation(activation),
            nn.Unflatten(1, (channels[-1], height, width)),
        )
        layers: list[nn.Module] = []
        steps = zip(reversed(channels), (*reversed(channels[:-1]), shape[0]), reversed(sizes[:-1]), strict=True)
        for step, (in_channels, out_channels, (height, width)) in enumerate(steps, start=1):
            last = step == len(channels)
            layers.append(
                nn.ConvTranspose2d(
                    in_channels,
                    out_channels,
                    kernel_size,
                    stride=2,
                    padding=kernel_size // 2,
                    output_padding=(1 - height % 2, 1 - width % 2),
                    bias=last or not batch_norm,
                )
            )
            if batch_norm and not last:
                layers.append(nn.BatchNorm2d(out_channels))
            if not last:
                layers.append(build_activation(activation))
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        return at_least_float32(self.layers(self.from_code(z)))
