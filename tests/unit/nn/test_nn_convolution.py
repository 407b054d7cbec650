from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from torch import Tensor, nn

from encdec.nn.convolution import Block, ConvolutionalEncoder, ConvolutionStyle, InceptionBlock, build_block

PLAIN = ConvolutionStyle(kernel_size=3, activation="relu", batch_norm=False)


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def correlated(images: Tensor, convolution: nn.Conv2d) -> np.ndarray:
    """The convolution by scipy: zeros around the image, summed over the input channels."""
    weight, bias = convolution.weight.detach().numpy(), convolution.bias.detach().numpy()
    return np.array(
        [
            [
                sum(correlate2d(plane, kernel, mode="same") for plane, kernel in zip(image, kernels, strict=True)) + b
                for kernels, b in zip(weight, bias, strict=True)
            ]
            for image in images.numpy()
        ]
    )


def convolutions(module: nn.Module) -> list[nn.Conv2d]:
    return [part for part in module.modules() if isinstance(part, nn.Conv2d)]


def relu(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 0)


@torch.no_grad()
def test_a_plain_block_is_a_convolution_and_its_activation() -> None:
    images, block = random(2, 3, 5, 6), build_block("plain", 3, 4, style=PLAIN)
    (convolution,) = convolutions(block)
    np.testing.assert_allclose(block(images), relu(correlated(images, convolution)), atol=1e-5)


@torch.no_grad()
def test_a_vgg_block_is_two_convolutions_each_with_its_activation() -> None:
    images, block = random(2, 3, 5, 6), build_block("vgg", 3, 4, style=PLAIN)
    first, second = convolutions(block)
    hidden = torch.from_numpy(relu(correlated(images, first)))
    np.testing.assert_allclose(block(images), relu(correlated(hidden, second)), atol=1e-5)


@torch.no_grad()
def test_a_residual_block_adds_its_input_before_the_last_activation() -> None:
    images, block = random(2, 4, 5, 6), build_block("residual", 4, 4, style=PLAIN)
    first, second = convolutions(block)
    hidden = torch.from_numpy(relu(correlated(images, first)))
    expected = relu(correlated(hidden, second) + images.numpy())
    np.testing.assert_allclose(block(images), expected, atol=1e-5)


@torch.no_grad()
def test_a_residual_block_projects_its_input_where_the_channels_differ() -> None:
    images, block = random(2, 3, 5, 6), build_block("residual", 3, 4, style=PLAIN)
    first, second, projection = convolutions(block)
    assert projection.kernel_size == (1, 1)
    hidden = torch.from_numpy(relu(correlated(images, first)))
    expected = relu(correlated(hidden, second) + correlated(images, projection))
    np.testing.assert_allclose(block(images), expected, atol=1e-5)


@torch.no_grad()
def test_an_inception_block_lays_four_branches_side_by_side() -> None:
    images, block = random(2, 3, 5, 6), InceptionBlock(3, 10, style=PLAIN)
    one, three, five, pooled = convolutions(block)
    # 10 channels over 4 branches: 2 each, and the first two take the 2 that are left
    assert [branch.out_channels for branch in (one, three, five, pooled)] == [3, 3, 2, 2]
    assert [branch.kernel_size[0] for branch in (one, three, five, pooled)] == [1, 3, 5, 1]
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    largest = torch.from_numpy(windows.max(axis=(4, 5)))
    parts = [correlated(images, branch) for branch in (one, three, five)] + [correlated(largest, pooled)]
    np.testing.assert_allclose(block(images), relu(np.concatenate(parts, axis=1)), atol=1e-5)


@torch.no_grad()
def test_batch_norm_comes_between_convolution_and_activation() -> None:
    block = build_block("plain", 1, 2, style=ConvolutionStyle(kernel_size=1, activation="relu", batch_norm=True))
    images = random(4, 1, 3, 3)
    (convolution,) = convolutions(block)
    assert convolution.bias is None
    scores = images.numpy() * convolution.weight.numpy().reshape(1, 2, 1, 1)
    mean, var = scores.mean(axis=(0, 2, 3), keepdims=True), scores.var(axis=(0, 2, 3), keepdims=True)
    np.testing.assert_allclose(block.train()(images), relu((scores - mean) / np.sqrt(var + 1e-5)), atol=1e-5)


@pytest.mark.parametrize(("pooling", "expected"), [("max", 6.0), ("average", 3.5)])
def test_pooling_halves_and_keeps_the_largest_or_the_mean(pooling: str, expected: float) -> None:
    encoder = ConvolutionalEncoder((1, 3, 3), block="plain", channels=(1,), pooling=pooling, style=PLAIN)
    identity = torch.zeros(1, 1, 3, 3)
    identity[0, 0, 1, 1] = 1.0
    encoder.load_state_dict({"stages.0.0.0.weight": identity, "stages.0.0.0.bias": torch.zeros(1)})
    image = torch.tensor([[1.0, 2.0, 9.0], [5.0, 6.0, 9.0], [9.0, 9.0, 9.0]])[None, None]
    # the 2x2 window of [1 2; 5 6]; the last row and column of an odd image are dropped
    assert encoder(image).tolist() == [[expected]]


@pytest.mark.parametrize("block", ["plain", "vgg", "residual", "inception"])
def test_output_dim_is_what_comes_out_for_odd_and_wide_images(block: Block) -> None:
    encoder = ConvolutionalEncoder((3, 9, 14), block=block, channels=(4, 6), pooling="max", style=PLAIN)
    # 9x14 -> 4x7 -> 2x3, 6 channels
    assert encoder.output_dim == 36
    assert encoder(random(2, 3, 9, 14)).shape == (2, 36)


def test_stages_read_the_channels_of_the_stage_before() -> None:
    encoder = ConvolutionalEncoder((3, 8, 8), block="plain", channels=(4, 6, 5), pooling="max", style=PLAIN)
    expected = list(pairwise((3, 4, 6, 5)))
    assert [(part.in_channels, part.out_channels) for part in convolutions(encoder)] == expected


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="kernel_size 4 must be odd"):
        build_block("plain", 1, 1, style=PLAIN._replace(kernel_size=4))


def test_too_few_channels_for_the_branches_are_refused() -> None:
    with pytest.raises(ValueError, match="channels 3 is too few for an inception block: at least 4"):
        build_block("inception", 1, 3, style=PLAIN)


def test_more_poolings_than_the_image_allows_are_refused() -> None:
    with pytest.raises(ValueError, match=r"channels \(2, 2\) halve an image of 8x3 to nothing"):
        ConvolutionalEncoder((1, 8, 3), block="plain", channels=(2, 2), pooling="max", style=PLAIN)
