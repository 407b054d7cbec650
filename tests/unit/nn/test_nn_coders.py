import math

import numpy as np
import pytest
import torch
from scipy.special import erf
from torch import nn

from encdec.nn.activations import build_activation
from encdec.nn.codes import keep_largest, start_tied
from encdec.nn.gaussian import reparameterise
from encdec.nn.heads import ClassifierHead, GaussianHead
from encdec.nn.mlp import MlpDecoder, MlpEncoder
from encdec.nn.strided import StridedDecoder, StridedEncoder
from encdec.params.networks import Activation


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def linears(module: nn.Module) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weight and bias of each linear layer, in order."""
    return [
        (part.weight.detach().numpy(), part.bias.detach().numpy())
        for part in module.modules()
        if isinstance(part, nn.Linear)
    ]


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("relu", lambda x: np.maximum(x, 0)),
        ("leaky_relu", lambda x: np.where(x > 0, x, 0.01 * x)),
        ("gelu", lambda x: x * 0.5 * (1 + erf(x / np.sqrt(2)))),
        ("silu", lambda x: x / (1 + np.exp(-x))),
        ("elu", lambda x: np.where(x > 0, x, np.expm1(x))),
        ("tanh", np.tanh),
    ],
)
def test_each_name_is_the_function_of_that_name(name: Activation, formula: object) -> None:
    x = torch.linspace(-3, 3, 13)
    np.testing.assert_allclose(build_activation(name)(x), formula(x.numpy()), atol=1e-6)


@torch.no_grad()
def test_the_mlp_encoder_and_decoder_are_mirrored_layers() -> None:
    shape, images = (2, 3, 4), random(5, 2, 3, 4)
    encoder = MlpEncoder(shape, hidden_dims=(7, 6), activation="tanh")
    decoder = MlpDecoder(shape, code_dim=4, hidden_dims=(7, 6), activation="tanh")
    assert [weight.shape for weight, _ in linears(encoder)] == [(7, 24), (6, 7)]
    assert [weight.shape for weight, _ in linears(decoder)] == [(6, 4), (7, 6), (24, 7)]
    features = images.numpy().reshape(5, 24)
    for weight, bias in linears(encoder):
        features = np.tanh(features @ weight.T + bias)
    np.testing.assert_allclose(encoder(images), features, atol=1e-5)
    *hidden, (weight, bias) = linears(decoder)
    values = random(5, 4).numpy()
    for hidden_weight, hidden_bias in hidden:
        values = np.tanh(values @ hidden_weight.T + hidden_bias)
    np.testing.assert_allclose(decoder(random(5, 4)), (values @ weight.T + bias).reshape(5, 2, 3, 4), atol=1e-5)


def test_an_encoder_without_hidden_layers_gives_the_pixels() -> None:
    encoder = MlpEncoder((1, 2, 2), hidden_dims=(), activation="relu")
    assert encoder.output_dim == 4
    assert encoder(torch.tensor([[[[1.0, -2.0], [3.0, -4.0]]]])).tolist() == [[1.0, -2.0, 3.0, -4.0]]


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("size", [(28, 28), (8, 8), (7, 7), (5, 12), (9, 4)])
@torch.no_grad()
def test_the_transposed_decoder_is_the_adjoint_of_the_encoder_at_any_size(
    size: tuple[int, int], kernel_size: int
) -> None:
    # A transposed convolution with the encoder's kernels is the adjoint of its linear map:
    # <encoder(x), y> = <x, decoder(y)>. It holds only if each step has the same padding and restores the same size.
    shape, channels = (3, *size), (2, 4)
    encoder = StridedEncoder(
        shape, channels=channels, kernel_size=kernel_size, activation="relu", batch_norm=False
    ).double()
    decoder = StridedDecoder(
        shape, code_dim=1, channels=channels, kernel_size=kernel_size, activation="relu", batch_norm=False
    ).double()
    down = [part for part in encoder.layers if isinstance(part, nn.Conv2d)]
    up = [part for part in decoder.layers if isinstance(part, nn.ConvTranspose2d)]
    for convolution, transposed in zip(down, reversed(up), strict=True):
        transposed.weight.copy_(convolution.weight)
        transposed.bias.zero_()
        convolution.bias.zero_()
    x = random(1, *shape).double()
    code = nn.Sequential(*down)(x)
    y = random(*code.shape).double()
    back = nn.Sequential(*up)(y)
    assert back.shape == x.shape
    torch.testing.assert_close((code * y).sum(), (x * back).sum())
    assert encoder.output_dim == code.numel()


@torch.no_grad()
def test_the_last_layer_of_the_decoder_may_be_negative() -> None:
    decoder = StridedDecoder((1, 4, 4), code_dim=2, channels=(2,), kernel_size=3, activation="relu", batch_norm=True)
    decoder.layers[-1].bias.fill_(-5.0)
    decoder.layers[-1].weight.zero_()
    assert decoder(random(3, 2)).tolist() == torch.full((3, 1, 4, 4), -5.0).tolist()


def test_batch_norm_stands_after_every_strided_step_but_the_last() -> None:
    options = {"channels": (2, 3), "kernel_size": 3, "activation": "gelu", "batch_norm": True}
    encoder, decoder = StridedEncoder((1, 8, 8), **options), StridedDecoder((1, 8, 8), code_dim=4, **options)
    step = ["Conv2d", "BatchNorm2d", "GELU"]
    assert [type(layer).__name__ for layer in encoder.layers] == [*step, *step]
    step = ["ConvTranspose2d", "BatchNorm2d", "GELU"]
    assert [type(layer).__name__ for layer in decoder.layers] == [*step, "ConvTranspose2d"]


@pytest.mark.parametrize("coder", [StridedEncoder, StridedDecoder])
def test_an_even_kernel_is_refused(coder: type[nn.Module]) -> None:
    code = {"code_dim": 2} if coder is StridedDecoder else {}
    with pytest.raises(ValueError, match="kernel_size 2 must be odd"):
        coder((1, 8, 8), channels=(2,), kernel_size=2, activation="relu", batch_norm=False, **code)


@torch.no_grad()
def test_the_classifier_head_is_layers_with_dropout_between() -> None:
    head = ClassifierHead(6, hidden_dims=(5,), num_classes=3, activation="relu", dropout_prob=0.5)
    features = random(4, 6)
    (first, first_bias), (last, last_bias) = linears(head)
    hidden = np.maximum(features.numpy() @ first.T + first_bias, 0)
    np.testing.assert_allclose(head.eval()(features), hidden @ last.T + last_bias, atol=1e-5)
    # in training each hidden unit is 0 or doubled: a row of logits is one of 2**5 sums
    torch.manual_seed(0)
    choices = np.stack(np.meshgrid(*[[0.0, 2.0]] * 5)).reshape(5, -1).T  # (32, 5)
    for row, logits in zip(hidden, head.train()(features).numpy(), strict=True):
        distance = np.abs((choices * row) @ last.T + last_bias - logits).max(axis=1)
        assert distance.min() < 1e-5


@torch.no_grad()
def test_the_gaussian_head_has_a_layer_for_each_parameter() -> None:
    head, features = GaussianHead(6, latent_dim=2), random(4, 6)
    for found, (weight, bias) in zip(head(features), linears(head), strict=True):
        np.testing.assert_allclose(found, features.numpy() @ weight.T + bias, atol=1e-5)


def test_keep_largest_leaves_k_units_where_they_were() -> None:
    code = torch.tensor([[3.0, 1.0, 2.0, 0.0], [0.0, 0.0, 5.0, 0.0]])
    assert keep_largest(code, k=2).tolist() == [[3.0, 0.0, 2.0, 0.0], [0.0, 0.0, 5.0, 0.0]]


def test_keep_largest_passes_gradients_to_the_units_it_keeps() -> None:
    code = torch.tensor([[3.0, 1.0, 2.0, 0.5]], requires_grad=True)
    (keep_largest(code, k=2) * torch.tensor([[10.0, 20.0, 30.0, 40.0]])).sum().backward()
    assert code.grad.tolist() == [[10.0, 0.0, 30.0, 0.0]]


@torch.no_grad()
def test_a_tied_start_draws_each_units_own_direction_of_length_one() -> None:
    to_code, from_code = nn.Linear(5, 12), nn.Linear(12, 5)
    start_tied(to_code, from_code)
    torch.testing.assert_close(to_code.weight.norm(dim=1), torch.ones(12))
    # a unit gives its own direction the score 1, and draws that direction
    torch.testing.assert_close(to_code(to_code.weight).diagonal(), torch.ones(12))
    torch.testing.assert_close(from_code(torch.eye(12)) - from_code.bias, to_code.weight)
    # the two are tied at the start alone
    assert from_code.weight.data_ptr() != to_code.weight.data_ptr()


@pytest.mark.parametrize("hidden_dims", [(), (7, 6)])
def test_from_code_is_the_layer_that_reads_the_code(hidden_dims: tuple[int, ...]) -> None:
    decoder = MlpDecoder((1, 2, 2), code_dim=9, hidden_dims=hidden_dims, activation="relu")
    assert decoder.from_code.in_features == 9
    assert decoder.from_code.out_features == (6 if hidden_dims else 4)


def test_a_sample_has_the_mean_and_the_standard_deviation_asked_for() -> None:
    mu, log_var = torch.full((200_000, 2), 3.0), torch.tensor([0.0, math.log(4.0)]).expand(200_000, 2)
    z = reparameterise(mu, log_var, generator=torch.Generator().manual_seed(0))
    # standard deviations exp(log_var / 2) = 1, 2; standard errors below 2 / sqrt(200,000) = 0.0045
    torch.testing.assert_close(z.mean(0), torch.tensor([3.0, 3.0]), atol=0.02, rtol=0)
    torch.testing.assert_close(z.std(0), torch.tensor([1.0, 2.0]), atol=0.02, rtol=0)


def test_gradients_pass_through_a_sample() -> None:
    mu, log_var = torch.zeros(1, 1, requires_grad=True), torch.full((1, 1), math.log(9.0), requires_grad=True)
    z = reparameterise(mu, log_var, generator=torch.Generator().manual_seed(0))
    z.backward()
    # z = mu + exp(log_var / 2) eps: dz/dmu = 1, dz/dlog_var = exp(log_var / 2) eps / 2 = z / 2 at mu = 0
    torch.testing.assert_close(mu.grad, torch.ones(1, 1))
    torch.testing.assert_close(log_var.grad, z.detach() / 2)
