"""What must hold for every network of images, with every option of params.yaml."""

import math
from pathlib import Path

import pytest
import torch
from image_models import CASES, Case, batch_of, fit_one_batch, outputs
from torch import nn

from encdec.batches import ImageBatch
from encdec.losses.reconstruction import image_mse
from encdec.models.build import build_objective
from encdec.models.sparse_autoencoder.network import SparseAutoencoder
from encdec.models.storage import load_model, save_model
from encdec.models.vae.network import VariationalAutoencoder
from encdec.nn.layout import channels_last

every_network = pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
LABELS = [
    "cnn-plain-max",
    "autoencoder-mlp",
    "sparse-top_k-0",
    "denoising-masking",
    "vae-gaussian-mlp",
    "vae-bernoulli-mlp",
]
ONE_OF_EACH = [case for case in CASES if case.label in LABELS]
DRAWS = 1000  # codes of each image: the mean ELBO of a batch is then known to a few hundredths of a nat
STEPS, LEARNING_RATE = 60, 0.02


@every_network
def test_output_shapes_follow_the_card(case: Case) -> None:
    batch = batch_of(case.card, size=3)
    out = outputs(case.build(), batch.images)[0]
    assert out.shape == ((3, len(case.card.classes)) if case.name == "cnn" else batch.images.shape)


@every_network
def test_the_same_seed_gives_the_same_output_and_another_seed_another(case: Case) -> None:
    images = batch_of(case.card).images
    first, same, other = (outputs(case.build(seed=seed), images) for seed in (5, 5, 6))
    assert all(torch.equal(a, b) for a, b in zip(first, same, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@every_network
def test_gradients_reach_every_parameter(case: Case) -> None:
    network = case.build()
    objective = build_objective(case.name, network, case.spec, lambda net: torch.optim.Adam(net.parameters()))
    objective.log = lambda *_, **__: None
    objective.loss(batch_of(case.card)).value.backward()
    without = [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert without == []


@every_network
def test_the_other_rows_do_not_change_a_row_in_eval_mode(case: Case) -> None:
    network, batch = case.build(), batch_of(case.card)
    fit_one_batch(case, network, batch, steps=2, learning_rate=LEARNING_RATE)  # batch norm has seen something
    others = batch_of(case.card, seed=9).images
    others[3] = batch.images[3]
    network.eval()
    for found, expected in zip(outputs(network, others), outputs(network, batch.images), strict=True):
        torch.testing.assert_close(found[3], expected[3], rtol=1e-5, atol=1e-6)
        assert (found[2] - expected[2]).abs().max() > 1e-3


@every_network
def test_save_and_load_is_bit_equal(case: Case, tmp_path: Path) -> None:
    network, batch = channels_last(case.build()), batch_of(case.card)  # as training has it
    fit_one_batch(case, network, batch, steps=2, learning_rate=LEARNING_RATE)
    save_model(tmp_path, name=case.name, spec=case.spec, card=case.card, network=network)
    loaded = load_model(tmp_path)
    assert (loaded.name, loaded.spec, loaded.card) == (case.name, case.spec, case.card)
    assert not loaded.network.training
    network.eval()
    for found, expected in zip(outputs(loaded.network, batch.images), outputs(network, batch.images), strict=True):
        assert torch.equal(found, expected)
    again = tmp_path / "again"
    again.mkdir()
    save_model(again, name=case.name, spec=case.spec, card=case.card, network=loaded.network)
    for file in ("model.safetensors", "spec.json"):
        assert (again / file).read_bytes() == (tmp_path / file).read_bytes()


class Blind(nn.Module):
    """In the place of a network's first part: every image looks the same."""

    def __init__(self, seeing: nn.Module) -> None:
        super().__init__()
        self.seeing = seeing

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.seeing(torch.zeros_like(images))


def entropy(p: torch.Tensor) -> torch.Tensor:
    """Of yes with probability p, in nats."""
    return -(torch.xlogy(p, p) + torch.xlogy(1 - p, 1 - p))


def bound(case: Case, batch: ImageBatch) -> float:
    """The least that a model can reach on this batch which does not look at its input.

    cnn: answering with the shares of the classes costs their entropy, log K for K equal classes.
    autoencoders: the best constant image is the mean; its error is the variance of each pixel, averaged.
    vae, gaussian: KL is 0, the best mean is the mean, the best sigma^2 is that variance v: D/2 (log(2 pi v) + 1).
    vae, bernoulli: the entropy of each binary pixel, summed.
    """
    if case.name == "cnn":
        return math.log(len(case.card.classes))
    variance = float(batch.images.var(dim=0, correction=0).mean())
    if case.name != "vae":
        return variance
    if case.spec.likelihood == "gaussian":
        return 0.5 * case.card.inputs * (math.log(2 * math.pi * variance) + 1)
    return float(entropy((batch.images > 0.5).float().mean(dim=0)).sum())


@torch.no_grad()
def reached(network: nn.Module, batch: ImageBatch) -> float:
    """What the network reaches on the batch, by formulas of this test's own where they are short."""
    network.eval()
    torch.manual_seed(0)
    draws = DRAWS if isinstance(network, VariationalAutoencoder) else 1
    images = batch.images.repeat(draws, 1, 1, 1)
    out = network(images)
    if isinstance(out, torch.Tensor):
        return float(-out.log_softmax(dim=1)[range(len(out)), batch.labels].mean())
    if isinstance(network, VariationalAutoencoder):
        kl = 0.5 * (out.mu**2 + out.log_var.exp() - 1 - out.log_var).sum(dim=1)
        return float((network.reconstruction_nll(out.recon_logits, images) + kl).mean())
    return float(image_mse(out.recon_logits, images).mean())


@every_network
def test_one_batch_is_overfitted_below_what_a_blind_model_can_reach(case: Case) -> None:
    network, batch = case.build(), batch_of(case.card)
    fit_one_batch(case, network, batch, steps=STEPS, learning_rate=LEARNING_RATE)
    least = bound(case, batch)
    assert reached(network, batch) < least - 0.1 * abs(least)


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=lambda case: case.label)
def test_a_blind_model_cannot_reach_below_the_bound(case: Case) -> None:
    network, batch = case.build(), batch_of(case.card)
    network.encoder = Blind(network.encoder)
    fit_one_batch(case, network, batch, steps=STEPS, learning_rate=LEARNING_RATE)
    assert reached(network, batch) > bound(case, batch) * (1 - 1e-5)


@pytest.mark.parametrize("case", [case for case in CASES if case.name == "sparse_autoencoder"], ids=lambda c: c.label)
def test_units_of_a_sparse_code_are_what_the_sparsity_says(case: Case) -> None:
    network = case.build()
    assert isinstance(network, SparseAutoencoder)
    out = network(batch_of(case.card).images)
    assert out.z.shape[1] == 96  # 1.5 * 64
    match case.spec.sparsity.kind:
        case "l1":
            assert torch.equal(out.z, out.code_logits.clamp_min(0))
            assert torch.equal(network.active(out.z), out.code_logits > 0)
        case "kl":
            torch.testing.assert_close(out.z, 1 / (1 + (-out.code_logits).exp()))
            assert torch.equal(network.active(out.z), out.code_logits > 0)
        case "top_k":
            for z, scores in zip(out.z, out.code_logits, strict=True):
                largest = set(scores.argsort(descending=True)[:8].tolist())
                kept = {unit for unit in largest if scores[unit] > 0}
                assert set(z.nonzero().flatten().tolist()) == kept
                assert all(z[unit] == scores[unit] for unit in kept)
            assert network.active(out.z).sum(dim=1).max() <= 8


@pytest.mark.parametrize("case", [case for case in CASES if case.name == "sparse_autoencoder"], ids=lambda c: c.label)
def test_a_sparse_autoencoder_starts_with_encoder_and_decoder_tied(case: Case) -> None:
    network = case.build()
    assert torch.equal(network.decoder.from_code.weight, network.to_code.weight.T)
