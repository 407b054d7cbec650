"""What trained models do, on real digits: behaviour that a number alone does not show."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from encdec.outs import write_json
from encdec.params.loading import Loaded, load_params
from encdec.params.root import ModelName, ModelSpec
from encdec.preparation.images import prepare_images
from encdec.sources.ingest import ingest_images
from encdec.sources.reading import iter_images
from encdec.training.fitting import Data, fit, open_data, use_threads


class Trained(NamedTuple):
    network: nn.Module
    spec: ModelSpec
    data: Data
    test: Tensor
    labels: Tensor


@pytest.fixture(scope="module")
def loaded(root: Path) -> Loaded:
    return load_params(root / "params.yaml")


@pytest.fixture(scope="module")
def digits(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real source through the real rooms."""
    folder = tmp_path_factory.mktemp("digits")
    raw, outs = folder / "raw", {split: folder / split for split in ("train", "val", "test")}
    for path in (raw, *outs.values()):
        path.mkdir()
    ingest_images(loaded.params.images, user_dir=folder, out=raw)
    source = pd.read_json(raw / "source.json", typ="series").to_dict()
    manifest = pd.read_parquet(raw / "manifest.parquet")
    images = iter_images(raw, loaded.params.images)
    prepare_images(images, manifest, card_shape=loaded.params.images.shape, source=source, outs=outs)
    write_json(folder / "rows.json", len(manifest))
    return folder


VALUES = {
    "cnn": {"network.dropout_prob": 0.1, "training.learning_rate": 4e-3},
    "autoencoder": {"training.learning_rate": 4e-3, "training.weight_decay": 1e-5},
    "denoising_autoencoder": {"training.learning_rate": 4e-3, "training.weight_decay": 1e-5},
    "vae": {"training.learning_rate": 4e-3, "training.weight_decay": 1e-5},
}


def train(name: ModelName, loaded: Loaded, digits: Path, *, epochs: int) -> Trained:
    from encdec.datasets.images import ImageSplit

    use_threads(1)
    spec = loaded.resolve(name, VALUES[name])
    data = open_data("images", train=digits / "train", val=digits / "val")
    fitted = fit(
        name, spec, data=data, seed=1, max_epochs=epochs, max_steps=5000, checkpoints=None, accelerator="cpu",
        on_epoch=lambda epoch, metrics: None, label="test",
    )  # fmt: skip
    split = ImageSplit.open(digits / "test")
    batch = split.batch(np.arange(len(split)))
    return Trained(fitted.network, spec, data, batch.images, batch.labels)


@pytest.fixture(scope="module")
def cnn(loaded: Loaded, digits: Path) -> Trained:
    return train("cnn", loaded, digits, epochs=10)


@pytest.fixture(scope="module")
def autoencoder(loaded: Loaded, digits: Path) -> Trained:
    return train("autoencoder", loaded, digits, epochs=40)


def accuracy(model: Trained, images: Tensor) -> float:
    with torch.inference_mode():
        return float((model.network(images).argmax(1) == model.labels).float().mean())


def test_the_classifier_is_right_on_new_digits(cnn: Trained) -> None:
    # scikit-learn's own example reaches 0.97 with a support vector machine on half of the data
    assert accuracy(cnn, cnn.test) > 0.96


def test_a_brighter_or_darker_picture_is_the_same_digit(cnn: Trained) -> None:
    assert accuracy(cnn, cnn.test * 0.8) > 0.9
    assert accuracy(cnn, (cnn.test * 1.2).clamp(max=1)) > 0.9


def test_a_little_noise_hurts_less_than_much(cnn: Trained) -> None:
    noise = torch.randn(cnn.test.shape, generator=torch.Generator().manual_seed(0))
    little, much = accuracy(cnn, cnn.test + 0.1 * noise), accuracy(cnn, cnn.test + 1.0 * noise)
    assert little > 0.9
    assert much < little - 0.2


def test_shuffled_pixels_are_not_recognised(cnn: Trained) -> None:
    order = torch.randperm(64, generator=torch.Generator().manual_seed(0))
    shuffled = cnn.test.flatten(1)[:, order].reshape(cnn.test.shape)
    assert accuracy(cnn, shuffled) < 0.4


def errors(model: Trained, images: Tensor) -> Tensor:
    with torch.inference_mode():
        rebuilt = model.network(images).recon_logits.sigmoid()
    return (rebuilt - images).square().flatten(1).mean(1)  # (B,)


def test_what_is_no_digit_is_rebuilt_worse(autoencoder: Trained) -> None:
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(64, generator=generator)
    shuffled = autoencoder.test.flatten(1)[:, order].reshape(autoencoder.test.shape)
    real, strange = errors(autoencoder, autoencoder.test), errors(autoencoder, shuffled)
    # area under the curve: the chance that a strange picture has the larger error
    assert float((strange[:, None] > real[None]).float().mean()) > 0.99


def test_the_code_keeps_the_class(autoencoder: Trained) -> None:
    """Nearest neighbours in the 12 numbers of the code have the same label nearly always: far above chance, 0.1."""
    with torch.inference_mode():
        z = autoencoder.network(autoencoder.test).z
    distances = torch.cdist(z, z).fill_diagonal_(float("inf"))
    nearest = autoencoder.labels[distances.argmin(1)]
    assert float((nearest == autoencoder.labels).float().mean()) > 0.85


def test_denoising_brings_a_picture_nearer_to_the_clean_one(loaded: Loaded, digits: Path) -> None:
    model = train("denoising_autoencoder", loaded, digits, epochs=40)
    noisy = model.test + 0.3 * torch.randn(model.test.shape, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        restored = model.network(noisy).recon_logits.sigmoid()
    before = (noisy - model.test).square().mean()  # 0.3 ** 2 = 0.09
    assert float((restored - model.test).square().mean()) < 0.4 * float(before)


def test_samples_of_the_vae_look_more_like_digits_than_its_untrained_self_draws(loaded: Loaded, digits: Path) -> None:
    model = train("vae", loaded, digits, epochs=60)
    train_images = model.data.train.batch(np.arange(len(model.data.train))).images.flatten(1)
    z = torch.randn(200, 12, generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        drawn = model.network.decoder(z).sigmoid().flatten(1)
    blind = train_images.mean(0).expand(200, -1)  # what a decoder that ignores z draws

    def nearest(images: Tensor) -> float:
        return float(torch.cdist(images, train_images).min(1).values.mean())

    assert nearest(drawn) < 0.9 * nearest(blind)
    assert float(drawn.std(0).mean()) > 0.5 * float(train_images.std(0).mean()), "and they differ from each other"
