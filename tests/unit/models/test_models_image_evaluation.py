"""What the evaluations write, against one image at a time and formulas written out again here."""

from pathlib import Path

import numpy as np
import pytest
import torch
from image_models import (
    GAUSSIAN,
    KL,
    L1,
    MLP,
    NORMALISED,
    PLAIN,
    SQUARE,
    TOP_K,
    Case,
    autoencoder,
    cnn,
    denoising,
    sparse,
    vae,
)

from encdec.datasets.images import ImageSplit
from encdec.metrics.scores import Scores
from encdec.models.autoencoder.evaluation import score as score_autoencoder
from encdec.models.cnn.evaluation import score as score_cnn
from encdec.models.denoising_autoencoder.evaluation import score as score_denoising
from encdec.models.sparse_autoencoder.evaluation import score as score_sparse
from encdec.models.vae.evaluation import score as score_vae
from encdec.models.vae.network import VariationalAutoencoder
from encdec.nn.corruption import corrupt
from encdec.params.data import Evaluation

SETTINGS = Evaluation(
    batch_size=7, bootstrap_resamples=10, confidence=0.95, top_k=2, calibration_bins=5, importance_samples=3
)
WHOLE = SETTINGS.model_copy(update={"batch_size": 100})
IMAGES = np.random.default_rng(0).integers(0, 17, size=(20, 1, 8, 8), dtype=np.uint8)
SPLIT = ImageSplit(Path("nowhere"), card=SQUARE, images=IMAGES, labels=np.arange(20) % 4)
PIXELS = torch.from_numpy(IMAGES / 16).float()


def values(scores: Scores) -> dict[str, float]:
    return {metric.name: metric.compute(scores.columns) for metric in scores.metrics}


@torch.no_grad()
def test_the_columns_of_a_classifier_are_those_of_its_probabilities() -> None:
    spec = cnn(PLAIN.model_copy(update={"dropout_prob": 0.5}))
    network = Case("", "cnn", spec, SQUARE).build()  # in training mode: score must not drop units
    scores = score_cnn(network, spec, SPLIT, SETTINGS, seed=0)
    assert not network.training
    for row in range(20):
        probs = network(PIXELS[row : row + 1]).softmax(dim=1)[0]
        label = row % 4
        assert scores.columns["label"][row] == label
        assert scores.columns["prediction"][row] == int(probs.argmax())
        assert scores.columns["correct"][row] == (int(probs.argmax()) == label)
        assert scores.columns["rank"][row] == int((probs > probs[label]).sum())
        assert scores.columns["confidence"][row] == pytest.approx(float(probs.max()), rel=1e-4)
        assert scores.columns["nll"][row] == pytest.approx(-float(probs[label].log()), rel=1e-4)
    found = values(scores)
    assert list(found) == ["accuracy", "top2_accuracy", "nll", "ece"]
    assert found["accuracy"] == scores.columns["correct"].mean()
    assert found["top2_accuracy"] == (scores.columns["rank"] <= 1).mean()
    assert found["nll"] == pytest.approx(scores.columns["nll"].mean())
    assert scores.tables["per_class"]["support"].tolist() == [5, 5, 5, 5]
    assert scores.tables["confusion"]["count"].sum() == 20


@pytest.mark.parametrize("network", [MLP, NORMALISED], ids=lambda network: network.architecture)
@torch.no_grad()
def test_the_error_of_an_autoencoder_is_a_mean_over_the_pixels_of_each_image(network: object) -> None:
    spec = autoencoder(network)
    built = Case("", "autoencoder", spec, SQUARE).build()
    scores = score_autoencoder(built, spec, SPLIT, SETTINGS, seed=0)
    expected = [float(((built(image[None]).recon_logits.sigmoid() - image) ** 2).mean()) for image in PIXELS]
    np.testing.assert_allclose(scores.columns["mse"], expected, rtol=1e-4)
    assert values(scores) == pytest.approx(
        {"mse": np.mean(expected), "psnr": np.mean(-10 * np.log10(expected))}, rel=1e-4
    )


@pytest.mark.parametrize("sparsity", [L1, KL, TOP_K], ids=lambda sparsity: sparsity.kind)
@torch.no_grad()
def test_a_sparse_code_is_counted_image_by_image_and_unit_by_unit(sparsity: object) -> None:
    spec = sparse(sparsity)
    network = Case("", "sparse_autoencoder", spec, SQUARE).build()
    scores = score_sparse(network, spec, SPLIT, SETTINGS, seed=0)
    out = network(PIXELS)
    active = (out.z > (0.5 if sparsity.kind == "kl" else 0.0)).numpy()
    assert np.array_equal(scores.columns["active"], active)
    assert scores.columns["active_units"].tolist() == active.sum(axis=1).tolist()
    found = values(scores)
    assert list(found) == ["mse", "psnr", "mean_active_units", "dead_units"]
    assert found["mean_active_units"] == pytest.approx(active.sum() / 20)
    assert found["dead_units"] == sum(not any(active[:, unit]) for unit in range(96))
    units = scores.tables["units"]
    assert units["unit"].tolist() == list(range(96))
    np.testing.assert_allclose(units["active_share"], active.mean(axis=0))
    np.testing.assert_allclose(units["mean_activation"], out.z.mean(dim=0), rtol=1e-4, atol=1e-7)


@torch.no_grad()
def test_a_denoising_autoencoder_is_measured_against_the_clean_image_before_and_after() -> None:
    spec = denoising(GAUSSIAN)
    network = Case("", "denoising_autoencoder", spec, SQUARE).build()
    scores = score_denoising(network, spec, SPLIT, WHOLE, seed=4)
    noisy = corrupt(PIXELS, GAUSSIAN, generator=torch.Generator().manual_seed(4))
    before = ((noisy - PIXELS) ** 2).mean(dim=(1, 2, 3))
    after = ((network(noisy).recon_logits.sigmoid() - PIXELS) ** 2).mean(dim=(1, 2, 3))
    np.testing.assert_allclose(scores.columns["mse_before"], before, rtol=1e-4)
    np.testing.assert_allclose(scores.columns["mse"], after, rtol=1e-4)
    found = values(scores)
    assert list(found) == ["mse", "psnr", "psnr_before"]
    assert found["psnr_before"] == pytest.approx(float((-10 * before.log10()).mean()), rel=1e-4)
    # noise of deviation 0.3: 10 log10(1 / 0.09) = 10.46 dB, and a little more as a mean of logarithms
    assert 10.0 < found["psnr_before"] < 11.5


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_the_two_terms_of_the_elbo_are_those_of_the_drawn_codes(likelihood: str) -> None:
    spec = vae(likelihood)
    network = Case("", "vae", spec, SQUARE).build()
    scores = score_vae(network, spec, SPLIT, WHOLE, seed=4)
    columns = scores.columns
    target = PIXELS if likelihood == "gaussian" else (PIXELS > 0.5).float()
    with torch.no_grad():
        mu, log_var = network.encode(PIXELS)
        generator = torch.Generator().manual_seed(4)
        codes = [mu + (log_var / 2).exp() * torch.randn(mu.shape, generator=generator) for _ in range(3)]
        nll = torch.stack([network.reconstruction_nll(network.decode(z), PIXELS) for z in codes])
        prior = torch.distributions.Normal(0.0, 1.0)
        posterior = torch.distributions.Normal(mu, (log_var / 2).exp())
        kl = torch.distributions.kl_divergence(posterior, prior).sum(dim=1)
        ratio = torch.stack([(prior.log_prob(z) - posterior.log_prob(z)).sum(dim=1) for z in codes])
        mse = ((network.decode(mu).sigmoid() - target) ** 2).mean(dim=(1, 2, 3))
    expected_nll = -(ratio - nll).double().exp().mean(dim=0).log()
    np.testing.assert_allclose(columns["reconstruction_nll"], nll.mean(dim=0), rtol=1e-4)
    np.testing.assert_allclose(columns["kl"], kl, rtol=1e-4)
    np.testing.assert_allclose(columns["elbo"], -(nll.mean(dim=0) + kl), rtol=1e-4)
    np.testing.assert_allclose(columns["nll"], expected_nll, rtol=1e-4)
    np.testing.assert_allclose(columns["mse"], mse, rtol=1e-4)
    found = values(scores)
    assert list(found) == ["negative_elbo", "reconstruction_nll", "kl", "nll", "mse", "psnr"]
    assert found["negative_elbo"] == pytest.approx(found["reconstruction_nll"] + found["kl"])


@torch.no_grad()
def test_where_the_decoder_ignores_the_code_the_likelihood_is_known() -> None:
    spec = vae("bernoulli")
    network = Case("", "vae", spec, SQUARE).build()
    assert isinstance(network, VariationalAutoencoder)
    network.decoder.to_pixels.weight.zero_()
    network.decoder.to_pixels.bias.zero_()
    # every pixel is on with probability 1/2 whatever z is: -log p(x) = 64 log 2, and the ELBO is looser by the KL
    scores = score_vae(network, spec, SPLIT, WHOLE.model_copy(update={"importance_samples": 2000}), seed=0)
    exact, kl = 64 * np.log(2), scores.columns["kl"]
    np.testing.assert_allclose(scores.columns["reconstruction_nll"], exact, rtol=1e-5)
    np.testing.assert_allclose(-scores.columns["elbo"] - exact, kl, rtol=1e-4)
    # The weights p(z) / q(z|x) have mean 1 and, with q = N(mu, v), second moment v / sqrt(2v - 1) exp(mu^2 / (2v - 1))
    # per unit. The logarithm of the mean of 2,000 is within five standard errors of 0.
    mu, log_var = (value.double().numpy() for value in network.encode(PIXELS))
    rest = 2 * np.exp(log_var) - 1
    second_moment = (np.exp(log_var) / np.sqrt(rest) * np.exp(mu**2 / rest)).prod(axis=1)
    standard_error = np.sqrt((second_moment - 1) / 2000)
    assert (np.abs(scores.columns["nll"] - exact) < 5 * standard_error).all()
    assert (5 * standard_error < 0.7 * kl).all()  # close enough to tell it from the ELBO


@torch.no_grad()
def test_samples_of_the_prior_are_decoded_means() -> None:
    network = Case("", "vae", vae("bernoulli"), SQUARE).build()
    samples = network.sample(5, generator=torch.Generator().manual_seed(1))
    z = torch.randn(5, 6, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(samples, 1 / (1 + (-network.decode(z)).exp()))
    assert samples.shape == (5, 1, 8, 8)


@pytest.mark.parametrize(
    ("case", "score"),
    [
        (Case("cnn", "cnn", cnn(), SQUARE), score_cnn),
        (Case("autoencoder", "autoencoder", autoencoder(MLP), SQUARE), score_autoencoder),
        (Case("sparse", "sparse_autoencoder", sparse(L1), SQUARE), score_sparse),
    ],
    ids=["cnn", "autoencoder", "sparse"],
)
def test_scores_without_noise_do_not_depend_on_the_batch_size(case: Case, score: object) -> None:
    network = case.build()
    small = score(network, case.spec, SPLIT, SETTINGS, seed=0)
    whole = score(network, case.spec, SPLIT, WHOLE, seed=1)
    for name, column in small.columns.items():
        np.testing.assert_allclose(column, whole.columns[name], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("case", "score"),
    [
        (Case("denoising", "denoising_autoencoder", denoising(GAUSSIAN), SQUARE), score_denoising),
        (Case("vae", "vae", vae("gaussian"), SQUARE), score_vae),
    ],
    ids=["denoising", "vae"],
)
def test_scores_with_noise_are_decided_by_the_seed_alone(case: Case, score: object) -> None:
    network = case.build()
    torch.manual_seed(0)
    first = score(network, case.spec, SPLIT, SETTINGS, seed=0).columns
    torch.manual_seed(1)
    same = score(network, case.spec, SPLIT, SETTINGS, seed=0).columns
    other = score(network, case.spec, SPLIT, SETTINGS, seed=1).columns
    assert all(np.array_equal(first[name], same[name]) for name in first)
    key = "mse" if case.label == "denoising" else "nll"
    assert not np.array_equal(first[key], other[key])
    # batches of one split are not given the same noise
    twice = ImageSplit(Path("nowhere"), card=SQUARE, images=np.repeat(IMAGES[:1], 14, axis=0), labels=np.zeros(14, int))
    column = score(network, case.spec, twice, SETTINGS, seed=0).columns[key]
    assert not np.array_equal(column[:7], column[7:])
