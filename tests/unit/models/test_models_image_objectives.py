"""What the objectives train on and report, against formulas written out again here."""

import math

import pytest
import torch
from image_models import (
    GAUSSIAN,
    KL,
    L1,
    MLP,
    SALT_AND_PEPPER,
    SQUARE,
    TOP_K,
    Case,
    autoencoder,
    batch_of,
    cnn,
    denoising,
    sparse,
    vae,
)
from torch import nn
from torch.nn import functional as F

from encdec.models.build import build_objective
from encdec.models.objective import Objective
from encdec.models.vae.objective import warmed_up_beta
from encdec.nn.corruption import corrupt

BATCH = batch_of(SQUARE, size=6)
OBJECTIVES = [
    Case("cnn", "cnn", cnn(), SQUARE),
    Case("autoencoder", "autoencoder", autoencoder(MLP), SQUARE),
    Case("sparse", "sparse_autoencoder", sparse(TOP_K), SQUARE),
    Case("denoising", "denoising_autoencoder", denoising(SALT_AND_PEPPER), SQUARE),
    Case("vae", "vae", vae("bernoulli"), SQUARE),
]
every_objective = pytest.mark.parametrize("case", OBJECTIVES, ids=lambda case: case.label)


def built(case: Case) -> tuple[nn.Module, Objective]:
    """A network and its objective."""
    network = case.build()
    return network, build_objective(case.name, network, case.spec, lambda net: torch.optim.SGD(net.parameters(), 0.125))


def scores(objective: Objective, batch_idx: int) -> dict[str, float]:
    return {name: float(value.detach()) for name, value in objective.scores(BATCH, batch_idx).values.items()}


def largest(scores: torch.Tensor, count: int) -> torch.Tensor:
    """The largest scores of each row that are above 0; the rest is 0."""
    least = scores.sort(dim=1, descending=True).values[:, count - 1 : count]
    return torch.where(scores >= least, scores, 0.0).clamp_min(0)


def test_the_classifier_is_trained_on_smoothed_and_judged_on_plain_cross_entropy() -> None:
    network, objective = built(Case("cnn", "cnn", cnn(label_smoothing=0.2), SQUARE))
    network.eval()
    log_probs = network(BATCH.images).log_softmax(dim=1)
    nll = -log_probs[range(6), BATCH.labels].mean()
    # label smoothing 0.2: the right class counts 0.8, and the mean of all classes 0.2
    expected = 0.8 * nll - 0.2 * log_probs.mean()
    torch.testing.assert_close(objective.loss(BATCH).value, expected)
    judged = scores(objective, 0)
    assert judged["val/nll"] == pytest.approx(float(nll.detach()))
    share = (log_probs.argmax(dim=1) == BATCH.labels).float().mean()
    assert judged["val/accuracy"] == pytest.approx(float(share))


@pytest.mark.parametrize("reconstruction", ["mse", "bce"])
def test_the_autoencoder_is_trained_on_the_named_loss_and_judged_on_mse(reconstruction: str) -> None:
    case = Case("", "autoencoder", autoencoder(MLP, reconstruction=reconstruction), SQUARE)
    network, objective = built(case)
    found, x = network(BATCH.images).recon_logits.sigmoid(), BATCH.images
    mse = ((found - x) ** 2).mean()
    bce = -(x * found.log() + (1 - x) * (1 - found).log()).mean()
    torch.testing.assert_close(objective.loss(BATCH).value, mse if reconstruction == "mse" else bce)
    judged = scores(objective, 0)
    assert judged["val/mse"] == pytest.approx(float(mse.detach()))


def test_the_sparse_autoencoder_pays_for_its_units() -> None:
    for sparsity in (L1, KL, TOP_K):
        weighty = sparsity if sparsity is TOP_K else sparsity.model_copy(update={"weight": 3.0})
        network, objective = built(Case("", "sparse_autoencoder", sparse(weighty), SQUARE))
        out = network(BATCH.images)
        mse = ((out.recon_logits.sigmoid() - BATCH.images) ** 2).mean()
        share = out.z.mean(dim=0)  # of each sigmoid unit
        penalty = {
            "l1": out.z.abs().mean(),
            "kl": (0.1 * (0.1 / share).log() + 0.9 * (0.9 / (1 - share)).log()).mean(),
            # Multi-TopK adds an eighth of the error with 4 * 8 units: 1/24 of it, three times
            "top_k": ((network.decode(largest(out.code_logits, 32)).sigmoid() - BATCH.images) ** 2).mean() / 24,
        }[sparsity.kind]
        torch.testing.assert_close(objective.loss(BATCH).value, mse + 3 * penalty)
        judged = scores(objective, 0)
        assert judged["val/mse"] == pytest.approx(float(mse.detach()))
        active = (out.code_logits > 0).sum(dim=1).float()
        expected = active.clamp_max(8).mean() if sparsity is TOP_K else active.mean()
        assert judged["val/mean_active_units"] == pytest.approx(float(expected.detach()))


def test_the_denoising_autoencoder_sees_noise_and_is_asked_for_the_clean_image() -> None:
    network, objective = built(Case("", "denoising_autoencoder", denoising(GAUSSIAN), SQUARE))
    torch.manual_seed(3)
    loss = objective.loss(BATCH).value
    torch.manual_seed(3)
    noisy = corrupt(BATCH.images, GAUSSIAN, generator=None)
    torch.testing.assert_close(loss, ((network(noisy).recon_logits.sigmoid() - BATCH.images) ** 2).mean())
    judged = scores(objective, 5)
    noisy = corrupt(BATCH.images, GAUSSIAN, generator=torch.Generator().manual_seed(5))
    expected = ((network(noisy).recon_logits.sigmoid() - BATCH.images) ** 2).mean()
    assert judged["val/mse"] == pytest.approx(float(expected.detach()))


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_the_vae_is_trained_with_beta_and_judged_without(likelihood: str) -> None:
    network, objective = built(Case("", "vae", vae(likelihood, beta=4.0), SQUARE))

    def terms() -> tuple[torch.Tensor, torch.Tensor]:
        out = network(BATCH.images, generator=torch.Generator().manual_seed(2))
        p, x = out.recon_logits.sigmoid(), BATCH.images
        if likelihood == "bernoulli":
            x = (x > 0.5).float()
            nll = -(x * p.log() + (1 - x) * (1 - p).log())
        else:
            # sigma starts at that of a uniform pixel, sqrt(1/12): (x - p)^2 / (2 / 12) + log(2 pi / 12) / 2
            nll = 6 * (x - p) ** 2 + 0.5 * math.log(2 * math.pi / 12)
        kl = 0.5 * (out.mu**2 + out.log_var.exp() - 1 - out.log_var)
        return nll.sum(dim=(1, 2, 3)).mean(), kl.sum(dim=1).mean()

    nll, kl = terms()
    judged = scores(objective, 2)
    assert judged["val/reconstruction_nll"] == pytest.approx(float(nll.detach()), rel=1e-5)
    assert judged["val/kl"] == pytest.approx(float(kl.detach()), rel=1e-5)
    assert judged["val/negative_elbo"] == pytest.approx(float((nll + kl).detach()), rel=1e-5)
    objective.terms = lambda images, generator: terms()
    torch.testing.assert_close(objective.loss(BATCH).value, nll + 4 * kl, rtol=1e-5, atol=1e-5)


def test_beta_rises_to_its_value_and_stays_there() -> None:
    assert [warmed_up_beta(2.0, step=step, warmup_steps=4) for step in range(6)] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.0]
    assert warmed_up_beta(2.0, step=0, warmup_steps=0) == 2.0


def test_the_warm_up_follows_the_trainers_steps() -> None:
    network, objective = built(Case("", "vae", vae("bernoulli", beta=4.0, beta_warmup_steps=100), SQUARE))
    del network
    assert objective.global_step == 0
    objective.terms = lambda images, generator: (torch.tensor(10.0), torch.tensor(1.0))
    assert float(objective.loss(BATCH).value) == 10.0


@every_objective
def test_the_monitored_value_is_among_the_scores_and_all_say_how_many_images_they_stand_for(case: Case) -> None:
    _, objective = built(case)
    assert case.spec.monitor in scores(objective, 0)
    assert objective.scores(BATCH, 0).weight == objective.loss(BATCH).weight == 6


@every_objective
def test_validation_repeats_itself_and_draws_nothing_from_the_global_generator(case: Case) -> None:
    _, objective = built(case)
    objective.eval()
    torch.manual_seed(0)
    before = torch.get_rng_state()
    assert scores(objective, 1) == scores(objective, 1)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("case", OBJECTIVES[3:], ids=lambda case: case.label)
def test_training_noise_comes_from_the_global_generator(case: Case) -> None:
    _, objective = built(case)
    losses = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        losses.append(float(objective.loss(BATCH).value.detach()))
    assert losses[0] == losses[1] != losses[2]


@every_objective
def test_the_optimiser_is_the_one_that_configure_makes_for_the_network(case: Case) -> None:
    network, objective = built(case)
    optimizer = objective.configure_optimizers()
    assert optimizer.param_groups[0]["lr"] == 0.125
    assert {id(p) for p in optimizer.param_groups[0]["params"]} == {id(p) for p in network.parameters()}


def test_cross_entropy_falls_when_the_optimiser_follows_the_gradient() -> None:
    network, objective = built(Case("", "cnn", cnn(), SQUARE))
    before = F.cross_entropy(network(BATCH.images), BATCH.labels)
    optimizer = objective.configure_optimizers()
    objective.loss(BATCH).value.backward()
    optimizer.step()
    assert F.cross_entropy(network(BATCH.images), BATCH.labels) < before
