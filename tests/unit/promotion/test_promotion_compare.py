"""Candidate and champion on the same rows; and what keeps them from being compared."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from encdec.cards import ImageCard
from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.evaluation.bootstrap import Resampling
from encdec.evaluation.comparison import gain_of
from encdec.metrics.reconstruction import RECONSTRUCTION_METRICS
from encdec.metrics.scores import Scores
from encdec.models.build import build_network, fitting
from encdec.models.seq2seq.network import Seq2Seq
from encdec.models.storage import load_model, save_model
from encdec.params.corruption import GaussianNoise
from encdec.params.loading import Loaded, load_params
from encdec.params.root import ModelName, ModelSpec
from encdec.preparation.pairs import prepare_pairs
from encdec.preparation.vocabulary import Vocabulary
from encdec.promotion.compare import (
    Incomparable,
    Stored,
    as_read_by,
    compare_with,
    measure,
    metric_names,
    opponent_of,
    shared_metrics,
)
from encdec.promotion.gate import check_floors
from encdec.sources.manifest import PairSample, pair_manifest

CARD = ImageCard(kind="images", source="digits", channels=1, height=8, width=8, pixel_max=16, classes=("a", "b"))
IMAGE_MODELS: tuple[ModelName, ...] = ("cnn", "autoencoder", "sparse_autoencoder", "denoising_autoencoder", "vae")
RESAMPLING = Resampling(resamples=200, confidence=0.95, seed=1)


@pytest.fixture(scope="module")
def loaded(root: Path) -> Loaded:
    return load_params(root / "params.yaml")


def stored(folder: Path, name: ModelName, spec: ModelSpec, card: ImageCard = CARD) -> Stored:
    torch.manual_seed(1)
    folder.mkdir()
    save_model(folder, name=name, spec=spec, card=card, network=build_network(name, spec, card))
    return Stored(folder, load_model(folder))


def scores(mse: "np.typing.NDArray[np.float64]") -> Scores:
    return Scores({"mse": mse}, RECONSTRUCTION_METRICS, {})


def test_the_gain_is_paired_so_a_constant_one_is_certain() -> None:
    champion = np.random.default_rng(0).uniform(1, 9, size=50)  # rows of very different difficulty
    found = compare_with(scores(champion - 0.5), scores(champion), RESAMPLING)[0]
    gain = gain_of(found)
    assert found.metric.name == "mse"
    assert gain is not None
    assert gain == pytest.approx((0.5, 0.5, 0.5))  # unpaired, the interval would be more than 1 wide
    assert found.model.high - found.model.low > 1


def test_the_gain_of_a_worse_one_is_below_zero_and_the_same_twice() -> None:
    generator = np.random.default_rng(0)
    champion = generator.uniform(0, 1, size=200)
    candidate = champion + generator.uniform(0.0, 0.4, size=200)  # 0.2 more on average
    first, second = (compare_with(scores(candidate), scores(champion), RESAMPLING)[0] for _ in range(2))
    gain = gain_of(first)
    assert gain is not None
    assert gain.high < 0
    assert gain.value == pytest.approx(-(candidate - champion).mean())
    assert gain == gain_of(second)


def test_other_rows_are_never_compared() -> None:
    with pytest.raises(ValueError, match="must be of the same test split"):
        compare_with(scores(np.ones(5)), scores(np.ones(6)), RESAMPLING)


def test_without_a_champion_there_is_no_gain() -> None:
    assert gain_of(compare_with(scores(np.array([0.1, 0.2])), None, RESAMPLING)[0]) is None


def test_a_champion_of_other_classes_is_incomparable(tmp_path: Path, loaded: Loaded) -> None:
    spec = loaded.params.models.cnn
    ours = stored(tmp_path / "ours", "cnn", spec)
    theirs = stored(tmp_path / "theirs", "cnn", spec, CARD.model_copy(update={"classes": ("a", "b", "c")}))
    with pytest.raises(Incomparable, match=r"was trained on digits with the card .*'c'"):
        opponent_of(ours, theirs.folder)
    assert opponent_of(ours, ours.folder).model.name == "cnn"


def test_a_champion_with_another_likelihood_is_incomparable(tmp_path: Path, loaded: Loaded) -> None:
    spec = loaded.params.models.vae
    ours = stored(tmp_path / "ours", "vae", spec)
    theirs = stored(tmp_path / "theirs", "vae", spec.model_copy(update={"likelihood": "bernoulli"}))
    with pytest.raises(Incomparable, match="likelihood is bernoulli: its bound has another scale"):
        opponent_of(ours, theirs.folder)


def test_a_champion_that_removes_other_noise_is_incomparable(tmp_path: Path, loaded: Loaded) -> None:
    spec = loaded.params.models.denoising_autoencoder
    less = spec.model_copy(update={"corruption": GaussianNoise(kind="gaussian", noise_std=0.05)})
    ours, theirs = (
        stored(tmp_path / "ours", "denoising_autoencoder", spec),
        stored(tmp_path / "theirs", "denoising_autoencoder", less),
    )
    with pytest.raises(Incomparable, match=r"the champion removes .*noise_std=0.05.*, the candidate "):
        opponent_of(ours, theirs.folder)
    assert opponent_of(ours, ours.folder).model.name == "denoising_autoencoder"


def test_the_names_of_the_metrics_are_known_from_a_single_row(tmp_path: Path, loaded: Loaded) -> None:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 16, size=(6, 1, 8, 8)).astype(np.uint8)
    test = ImageSplit(tmp_path, card=CARD, images=pixels, labels=np.array([0, 1] * 3))
    settings = loaded.params.evaluation
    for name in IMAGE_MODELS:
        each = stored(tmp_path / name, name, loaded.params.models.named(name))
        names = metric_names(each.model, test, settings=settings, seed=1)
        assert names == [metric.name for metric in measure(each, test, settings=settings, seed=1).metrics]
        check_floors(loaded.params.gate(name).floors, names)
        with pytest.raises(ValueError, match="floors name acuracy, but it has"):
            check_floors({"acuracy": 0.9}, names)


@pytest.fixture
def pairs(tmp_path: Path, loaded: Loaded) -> PairSplit:
    """Twelve texts and what they are backwards, all of them in the test split as well."""
    texts = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "noon", "net"]
    outs = {split: tmp_path / "prepared" / split for split in ("train", "val", "test")}
    samples = [PairSample(f"{split} {text}", text, "", text, text[::-1], split) for split in outs for text in texts]
    for out in outs.values():
        out.mkdir(parents=True)
    (outs["train"] / "vocabulary").mkdir()
    prepare_pairs(pair_manifest(samples, shares={}), loaded.params.pairs.sources.dates, "dates", outs)
    return PairSplit.open(outs["test"])


def renumbered(ours: Stored, folder: Path) -> Stored:
    """The same model with its source characters in another order: other ids, and the same answers."""
    model = load_model(ours.folder)
    network = fitting(model.name, model.network, Seq2Seq)
    vocabulary = Vocabulary.load(ours.folder / "vocabulary" / "source.json")
    order = np.random.default_rng(3).permutation(len(vocabulary.learned))
    with torch.no_grad():
        learned = network.source_embedding.weight[4:].clone()
        network.source_embedding.weight[4:] = learned[torch.from_numpy(order)]
    train = folder / "train" / "vocabulary"
    train.mkdir(parents=True)
    Vocabulary(vocabulary.tokens, [vocabulary.learned[place] for place in order]).save(train / "source.json")
    shutil.copy(ours.folder / "vocabulary" / "target.json", train / "target.json")
    saved = folder / "model"
    saved.mkdir()
    save_model(saved, name=model.name, spec=model.spec, card=model.card, network=network, vocabulary=train.parent)
    return Stored(saved, load_model(saved))


def test_a_champion_with_another_vocabulary_reads_the_same_texts(
    tmp_path: Path, loaded: Loaded, pairs: PairSplit
) -> None:
    spec = loaded.params.models.seq2seq
    torch.manual_seed(1)
    network = build_network("seq2seq", spec, pairs.card)
    folder = tmp_path / "ours"
    folder.mkdir()
    save_model(
        folder, name="seq2seq", spec=spec, card=pairs.card, network=network, vocabulary=pairs.folder.parent / "train"
    )
    ours = Stored(folder, load_model(folder))
    theirs = opponent_of(ours, renumbered(ours, tmp_path / "theirs").folder)
    as_theirs = as_read_by(theirs, pairs)
    assert isinstance(as_theirs, PairSplit)
    assert (as_theirs.source.ids != pairs.source.ids).any()
    settings = loaded.params.evaluation
    mine, other = (
        measure(each, split, settings=settings, seed=1) for each, split in ((ours, pairs), (theirs, as_theirs))
    )
    assert (mine.columns["edits"] == other.columns["edits"]).all()
    np.testing.assert_allclose(mine.columns["nll"], other.columns["nll"], rtol=1e-5)
    wrong = measure(theirs, pairs, settings=settings, seed=1)  # the ids of another vocabulary: other texts
    assert not np.allclose(wrong.columns["nll"], mine.columns["nll"], rtol=1e-3)
    names = shared_metrics(mine, ours, theirs)
    assert "exact_match" in names
    assert "nll" not in names
    assert "nll" in shared_metrics(mine, ours, ours)
    found = {each.metric.name: each for each in compare_with(mine, other, RESAMPLING, names=names)}
    assert gain_of(found["token_error_rate"]) == pytest.approx((0, 0, 0))
    assert gain_of(found["nll"]) is None


def test_a_champion_of_other_tokens_is_incomparable(tmp_path: Path, loaded: Loaded, pairs: PairSplit) -> None:
    spec = loaded.params.models.seq2seq
    vocabulary, found = pairs.folder.parent / "train", []
    for name, tokens in (("ours", "characters"), ("theirs", "words")):
        card = pairs.card.model_copy(update={"target_tokens": tokens})
        (tmp_path / name).mkdir()
        network = build_network("seq2seq", spec, card)
        save_model(tmp_path / name, name="seq2seq", spec=spec, card=card, network=network, vocabulary=vocabulary)
        found.append(Stored(tmp_path / name, load_model(tmp_path / name)))
    with pytest.raises(Incomparable, match="was trained on dates with the card"):
        opponent_of(found[0], found[1].folder)
