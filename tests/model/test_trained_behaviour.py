"""What trained models do, on real data: behaviour that a number alone does not show.

They train models of their own, a minute of digits; with --model-folder and --prepared-folder they try that one, and
those that do not fit it are skipped (`encdec promote` does so). Numbers that hold for digits or dates alone say so.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor
from trained import Given, Trained, given_images, given_model, given_pairs, trained

from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.models.denoising_autoencoder.spec import DenoisingAutoencoderSpec
from encdec.models.seq2seq.evaluation import predict
from encdec.models.seq2seq.network import Seq2Seq
from encdec.models.seq2seq.spec import Seq2SeqSpec
from encdec.models.storage import VOCABULARY_FOLDER
from encdec.models.vae.spec import VaeSpec
from encdec.nn.corruption import corrupt
from encdec.outs import write_json
from encdec.params.loading import Loaded, load_params
from encdec.params.root import ModelName
from encdec.preparation.images import prepare_images
from encdec.preparation.vocabulary import Vocabulary
from encdec.sources.ingest import ingest_images
from encdec.sources.reading import iter_images
from encdec.training.fitting import fit, open_data, use_threads


@pytest.fixture(scope="module")
def given(request: pytest.FixtureRequest) -> Given | None:
    """The model that the command line names; without one the tests train their own."""
    return given_model(request.config)


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
    use_threads(1)
    spec = loaded.resolve(name, VALUES[name])
    data = open_data("images", train=digits / "train", val=digits / "val")
    fitted = fit(
        name, spec, data=data, seed=1, max_epochs=epochs, max_steps=5000, checkpoints=None, accelerator="cpu",
        on_epoch=lambda epoch, metrics: None, label="test",
    )  # fmt: skip
    train_split, test = (ImageSplit.open(digits / split) for split in ("train", "test"))
    return trained(fitted.network, spec, train=train_split, test=test)


Own = Callable[[ModelName, int], Trained]


@pytest.fixture(scope="module")
def own(loaded: Loaded, request: pytest.FixtureRequest) -> Own:
    """Trains a model of that name for so many epochs; digits are prepared for the first one."""
    return lambda name, epochs: train(name, loaded, request.getfixturevalue("digits"), epochs=epochs)


@pytest.fixture(scope="module")
def cnn(given: Given | None, own: Own) -> Trained:
    return given_images(given, "cnn") if given else own("cnn", 10)


@pytest.fixture(scope="module")
def autoencoder(given: Given | None, own: Own) -> Trained:
    return given_images(given, "autoencoder", "sparse_autoencoder") if given else own("autoencoder", 40)


@pytest.fixture(scope="module")
def denoiser(given: Given | None, own: Own) -> Trained:
    return given_images(given, "denoising_autoencoder") if given else own("denoising_autoencoder", 40)


@pytest.fixture(scope="module")
def vae(given: Given | None, own: Own) -> Trained:
    return given_images(given, "vae") if given else own("vae", 60)


def only_on(source: str, model: Trained) -> None:
    if model.source != source:
        pytest.skip(f"its number is for {source}, not for {model.source}")


def accuracy(model: Trained, images: Tensor) -> float:
    with torch.inference_mode():
        return float((model.network(images).argmax(1) == model.labels).float().mean())


def test_the_classifier_is_right_on_new_digits(cnn: Trained) -> None:
    only_on("digits", cnn)
    # scikit-learn's own example reaches 0.97 with a support vector machine on half of the data
    assert accuracy(cnn, cnn.test) > 0.96


def test_a_brighter_or_darker_picture_is_the_same_class(cnn: Trained) -> None:
    clean = accuracy(cnn, cnn.test)
    assert accuracy(cnn, cnn.test * 0.8) > 0.92 * clean
    assert accuracy(cnn, (cnn.test * 1.2).clamp(max=1)) > 0.92 * clean


def test_a_little_noise_hurts_less_than_much(cnn: Trained) -> None:
    noise = torch.randn(cnn.test.shape, generator=torch.Generator().manual_seed(0))
    little, much = accuracy(cnn, cnn.test + 0.1 * noise), accuracy(cnn, cnn.test + 1.0 * noise)
    assert little > 0.92 * accuracy(cnn, cnn.test)
    assert much < little - 0.2


def test_shuffled_pixels_are_not_recognised(cnn: Trained) -> None:
    assert accuracy(cnn, shuffled(cnn.test)) < 0.45 * accuracy(cnn, cnn.test)


def shuffled(images: Tensor) -> Tensor:
    """The pixels of every image in another order, the same for all."""
    order = torch.randperm(images[0].numel(), generator=torch.Generator().manual_seed(0))
    return images.flatten(1)[:, order].reshape(images.shape)


def errors(model: Trained, images: Tensor) -> Tensor:
    with torch.inference_mode():
        rebuilt = model.network(images).recon_logits.sigmoid()
    return (rebuilt - images).square().flatten(1).mean(1)  # (B,)


def test_what_is_no_digit_is_rebuilt_worse(autoencoder: Trained) -> None:
    real, strange = errors(autoencoder, autoencoder.test), errors(autoencoder, shuffled(autoencoder.test))
    # area under the curve: the chance that a strange picture has the larger error
    assert float((strange[:, None] > real[None]).float().mean()) > 0.99


def test_the_code_keeps_the_class(autoencoder: Trained) -> None:
    """Nearest neighbours in the numbers of the code have the same label nearly always: far above chance, 0.1."""
    only_on("digits", autoencoder)
    with torch.inference_mode():
        z = autoencoder.network(autoencoder.test).z
    distances = torch.cdist(z, z).fill_diagonal_(float("inf"))
    nearest = autoencoder.labels[distances.argmin(1)]
    assert float((nearest == autoencoder.labels).float().mean()) > 0.85


def test_denoising_brings_a_picture_nearer_to_the_clean_one(denoiser: Trained) -> None:
    assert isinstance(denoiser.spec, DenoisingAutoencoderSpec)
    noisy = corrupt(denoiser.test, denoiser.spec.corruption, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        restored = denoiser.network(noisy).recon_logits.sigmoid()
    before = (noisy - denoiser.test).square().mean()  # 0.3 ** 2 = 0.09 for the noise of params.yaml
    assert float((restored - denoiser.test).square().mean()) < 0.4 * float(before)


def test_samples_of_the_vae_look_more_like_digits_than_its_untrained_self_draws(vae: Trained) -> None:
    assert isinstance(vae.spec, VaeSpec)
    z = torch.randn(200, vae.spec.network.latent_dim, generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        drawn = vae.network.decoder(z).sigmoid().flatten(1)
    blind = vae.train.mean(0).expand(200, -1)  # what a decoder that ignores z draws

    def nearest(images: Tensor) -> float:
        return float(torch.cdist(images, vae.train).min(1).values.mean())

    assert nearest(drawn) < 0.9 * nearest(blind)
    assert float(drawn.std(0).mean()) > 0.5 * float(vae.train.std(0).mean()), "and they differ from each other"


@pytest.fixture(scope="module")
def texts(given: Given | None) -> tuple[Given, PairSplit]:
    """Only a given one: what a sequence model answers after a few steps says nothing."""
    if given is None:
        pytest.skip("needs a sequence model that was trained for minutes: --model-folder data/05_models/seq2seq")
    return given, given_pairs(given)


ASKED = 32


def answers(given: Given, split: PairSplit, *, batch_size: int) -> list[str]:
    network, spec = given.model.network, given.model.spec
    assert isinstance(network, Seq2Seq)
    assert isinstance(spec, Seq2SeqSpec)
    vocabulary = Vocabulary.load(given.folder / VOCABULARY_FOLDER / "target.json")
    rows = np.arange(min(ASKED, len(split)))
    return predict(
        network, split, rows, decoding=spec.decoding, vocabulary=vocabulary, batch_size=batch_size
    ).texts  # fmt: skip


def test_an_answer_does_not_depend_on_who_else_is_asked(texts: tuple[Given, PairSplit]) -> None:
    together, alone = (answers(*texts, batch_size=size) for size in (ASKED, 1))
    assert sum(one == other for one, other in zip(together, alone, strict=True)) >= 0.95 * len(alone)


def test_different_sources_get_different_answers(texts: tuple[Given, PairSplit]) -> None:
    expected = texts[1].rows["target"].head(ASKED)
    assert len(set(answers(*texts, batch_size=ASKED))) > 0.8 * expected.nunique()


def test_what_is_answered_to_a_date_is_a_date(texts: tuple[Given, PairSplit]) -> None:
    if texts[1].card.source != "dates":
        pytest.skip(f"is about dates, not {texts[1].card.source}")
    found = answers(*texts, batch_size=ASKED)
    assert pd.to_datetime(pd.Series(found), format="%Y-%m-%d", errors="coerce").notna().mean() > 0.97
