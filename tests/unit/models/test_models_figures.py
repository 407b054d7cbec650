"""What the figures of each image model are drawn from: the network's own numbers, of the rows that the rule chooses."""

from pathlib import Path

import numpy as np
import pytest
import torch
from image_models import CASES, GAUSSIAN, MASKING, SQUARE, TOP_K, Case, autoencoder, denoising, sparse, vae

from encdec.datasets.images import ImageSplit
from encdec.figures.picture import Picture, write_pictures
from encdec.losses.kl import gaussian_kl
from encdec.metrics.scores import Scores
from encdec.models.cnn.evaluation import classify
from encdec.models.cnn.figures import worst_mistakes
from encdec.models.denoising_autoencoder.figures import corrupted
from encdec.models.sparse_autoencoder.figures import atoms
from encdec.models.vae.figures import kl_by_unit
from encdec.nn.corruption import corrupt
from encdec.params.data import Evaluation

SETTINGS = Evaluation(
    batch_size=5,
    bootstrap_resamples=3,
    confidence=0.95,
    top_k=2,
    calibration_bins=5,
    importance_samples=2,
)
NAMES = {
    "cnn": {"confusion", "reliability", "worst_mistakes"},
    "autoencoder": {"reconstructions", "worst_reconstructions", "latent"},
    "sparse_autoencoder": {"dictionary", "activity", "reconstructions", "worst_reconstructions"},
    "denoising_autoencoder": {"denoised", "worst_denoised", "latent"},
    "vae": {"samples", "interpolations", "walk", "unit_kl", "latent", "reconstructions", "worst_reconstructions"},
}


def split_of(case: Case, *, size: int = 12) -> ImageSplit:
    generator = np.random.default_rng(0)
    shape = (size, case.card.channels, case.card.height, case.card.width)
    images = generator.integers(0, case.card.pixel_max + 1, size=shape).astype(np.uint8)
    return ImageSplit(Path("nowhere"), card=case.card, images=images, labels=np.arange(size, dtype=np.int64) % 4)


def pictures_of(case: Case, split: ImageSplit) -> list[Picture]:
    """Scored and drawn as the evaluate stage does, without a baseline."""
    network = case.build()
    scores = score(case, network, split)
    match case.name:
        case "cnn":
            from encdec.models.cnn.figures import figures as cnn

            return cnn(split, scores, SETTINGS)
        case "autoencoder":
            from encdec.models.autoencoder.figures import figures as plain

            return plain(network, split, scores, SETTINGS, rival=None)
        case "sparse_autoencoder":
            from encdec.models.sparse_autoencoder.figures import figures as sparsely

            return sparsely(network, split, scores, SETTINGS, rival=None)
        case "denoising_autoencoder":
            from encdec.models.denoising_autoencoder.figures import figures as noisy

            return noisy(network, case.spec, split, scores, SETTINGS, rival=None, seed=7)
        case _:
            from encdec.models.vae.figures import figures as variational

            return variational(network, split, scores, SETTINGS, rival=None, seed=7)


def score(case: Case, network: torch.nn.Module, split: ImageSplit) -> Scores:
    from importlib import import_module

    module = import_module(f"encdec.models.{case.name}.evaluation")
    return module.score(network, case.spec, split, SETTINGS, seed=7)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_every_option_of_every_model_has_its_figures(case: Case) -> None:
    pictures = pictures_of(case, split_of(case))
    assert {picture.words.name for picture in pictures} == NAMES[case.name]
    for picture in pictures:
        assert picture.words.caption.endswith(".")
        assert picture.words.alt
        assert 100 < picture.width <= 1100


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(
    "label", ["cnn-plain-max", "autoencoder-mlp", "sparse-top_k-0", "denoising-gaussian", "vae-gaussian-mlp"]
)
def test_a_split_of_few_images_is_drawn_too(label: str, size: int, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.label == label)
    pictures = pictures_of(case, split_of(case, size=size))
    write_pictures(pictures, tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".png", ".json"}


def test_the_worst_mistakes_are_wrong_and_the_surest_come_first() -> None:
    columns = {
        "correct": np.array([True, False, False, True, False]),
        "confidence": np.array([0.99, 0.4, 0.9, 0.95, 0.6]),
    }
    assert worst_mistakes(columns).tolist() == [2, 4, 1]
    assert worst_mistakes({"correct": np.ones(3, bool), "confidence": np.ones(3)}).tolist() == []


def test_a_classifier_without_a_mistake_has_no_figure_of_mistakes() -> None:
    case = next(case for case in CASES if case.name == "cnn")
    split = split_of(case)
    answers = classify(case.build(), split, batch_size=5)["prediction"]
    right = ImageSplit(split.folder, card=split.card, images=split.images, labels=answers.astype(np.int64))
    assert "worst_mistakes" not in {picture.words.name for picture in pictures_of(case, right)}


def test_an_atom_is_a_column_of_the_decoder() -> None:
    network = Case("sparse", "sparse_autoencoder", sparse(TOP_K), SQUARE).build()
    units = np.array([5, 0, 90])
    weight = network.decoder.from_code.weight  # (D, Z)
    found = atoms(network, units).flatten(1)
    torch.testing.assert_close(found, weight[:, torch.from_numpy(units)].T, rtol=1e-4, atol=1e-6)


def test_the_kl_of_the_units_adds_up_to_that_of_the_code() -> None:
    generator = torch.Generator().manual_seed(0)
    mu, log_var = torch.randn(2, 40, 6, generator=generator)
    by_unit = kl_by_unit(mu, log_var)
    assert by_unit.shape == (6,)
    assert by_unit.sum() == pytest.approx(float(gaussian_kl(mu, log_var)), rel=1e-5)
    # mu = 1, log_var = 0: (1 + 1 - 1 - 0) / 2 = 0.5 nats
    np.testing.assert_allclose(kl_by_unit(torch.ones(3, 1), torch.zeros(3, 1)), [0.5])


@pytest.mark.parametrize("corruption", [GAUSSIAN, MASKING], ids=lambda each: each.kind)
def test_the_noise_that_is_shown_is_the_one_that_was_measured(corruption: object) -> None:
    case = Case("denoising", "denoising_autoencoder", denoising(corruption), SQUARE)
    split, network = split_of(case), case.build().eval()
    rows = (np.array([11, 0, 6]), np.array([4]))
    with torch.inference_mode():
        shown, code = corrupted(network, split, corruption, batch_size=5, seed=7, rows=rows)
        generator = torch.Generator().manual_seed(7)
        noisy = torch.cat([corrupt(images, corruption, generator=generator) for images, _ in split.batches(5)])
        for wanted, found in zip(rows, shown, strict=True):
            assert torch.equal(found, noisy[torch.from_numpy(wanted)])
        torch.testing.assert_close(code, network.encode(noisy))
    before = score(case, network, split).columns["mse_before"]
    clean = split.batch(rows[0]).images
    np.testing.assert_allclose((shown[0] - clean).square().mean(dim=(1, 2, 3)), before[rows[0]], rtol=1e-5)


def test_a_bernoulli_is_shown_the_binary_pixels_that_it_is_asked_for() -> None:
    from encdec.figures.picture import rendered
    from encdec.figures.style import LIGHT

    grey, binary = (Case("vae", "vae", vae(kind), SQUARE) for kind in ("gaussian", "bernoulli"))
    split = split_of(binary)
    thresholded = np.where(split.images > split.card.pixel_max / 2, split.card.pixel_max, 0).astype(np.uint8)
    same = ImageSplit(split.folder, card=split.card, images=thresholded, labels=split.labels)
    one, other = ([p for p in pictures_of(binary, each) if p.words.name == "reconstructions"] for each in (split, same))
    assert rendered(one[0], LIGHT) == rendered(other[0], LIGHT)
    plain, changed = (
        [p for p in pictures_of(grey, each) if p.words.name == "reconstructions"] for each in (split, same)
    )
    assert rendered(plain[0], LIGHT) != rendered(changed[0], LIGHT)


def test_the_worst_reconstructions_have_the_largest_errors() -> None:
    from encdec.models.autoencoder.figures import figures

    case = Case("autoencoder", "autoencoder", autoencoder(CASES[-1].spec.network), SQUARE)
    split, network = split_of(case), case.build()
    scores = score(case, network, split)
    worst = next(p for p in figures(network, split, scores, SETTINGS, rival=None) if p.words.group == "mistakes")
    ranked = np.sort(scores.columns["mse"].astype(float))[::-1][:10]
    assert f"errors {ranked[0]:.4f} to {ranked[9]:.4f}" in worst.words.alt
