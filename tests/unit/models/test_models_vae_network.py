import torch
from image_models import SQUARE, Case, batch_of, vae

IMAGES = batch_of(SQUARE, size=6).images


def build(likelihood: str) -> torch.nn.Module:
    return Case("", "vae", vae(likelihood), SQUARE).build()


def test_a_bernoulli_model_sees_and_rebuilds_pixels_that_are_on_above_one_half() -> None:
    network = build("bernoulli")
    shades = torch.tensor([0.0, 0.5, 0.51, 1.0]).reshape(1, 1, 2, 2)
    assert network.target(shades).flatten().tolist() == [0.0, 0.0, 1.0, 1.0]
    binary = (IMAGES > 0.5).float()
    for found, expected in zip(network.encode(IMAGES), network.encode(binary), strict=True):
        assert torch.equal(found, expected)
    logits = torch.zeros_like(IMAGES)
    assert torch.equal(network.reconstruction_nll(logits, IMAGES), network.reconstruction_nll(logits, binary))


def test_a_gaussian_model_sees_and_rebuilds_the_shades() -> None:
    network = build("gaussian")
    assert torch.equal(network.target(IMAGES), IMAGES)
    assert not torch.equal(network.encode(IMAGES)[0], network.encode((IMAGES > 0.5).float())[0])


def test_the_scale_of_a_gaussian_model_is_one_learned_number() -> None:
    network, logits = build("gaussian"), torch.zeros_like(IMAGES)
    scale = dict(network.named_parameters())["log_sigma"]
    # It starts at the deviation of a uniform pixel: sigma^2 = 1/12. With r the residuals of an image of D = 64 values,
    # nll = sum r^2 / (2 sigma^2) + D log sigma + ..., so its derivative by log sigma is D - sum r^2 / sigma^2.
    torch.testing.assert_close((2 * scale).exp(), torch.tensor(1 / 12))
    network.reconstruction_nll(logits, IMAGES).sum().backward()
    residuals = ((0.5 - IMAGES) ** 2).sum(dim=(1, 2, 3))
    torch.testing.assert_close(scale.grad, (64 - 12 * residuals).sum())
    assert "log_sigma" not in dict(build("bernoulli").named_parameters())


def test_each_call_draws_another_code_unless_the_generator_is_the_same() -> None:
    network = build("gaussian").eval()
    first, second = network(IMAGES), network(IMAGES)
    assert torch.equal(first.mu, second.mu)
    assert not torch.equal(first.recon_logits, second.recon_logits)
    third, fourth = (network(IMAGES, generator=torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(third.recon_logits, fourth.recon_logits)


def test_the_code_is_decoded_after_noise_of_its_own_deviation_was_added() -> None:
    network = build("gaussian")
    out = network(IMAGES, generator=torch.Generator().manual_seed(1))
    eps = torch.randn(out.mu.shape, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(out.recon_logits, network.decode(out.mu + out.log_var.exp().sqrt() * eps))
