"""The files of the baselines stage, against each method called by itself."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from evaluation_data import BATCH_SIZE, NOISE, SEED, Prepared, write_baselines
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from encdec.datasets.images import ImageSplit
from encdec.evaluation import baselines
from encdec.nn.corruption import corrupt


def pixels(prepared: Prepared, split: str) -> np.ndarray:
    return np.load(prepared.images / split / "images.npy").reshape(-1, 16) / 16


def test_principal_components_are_fitted_on_train_and_measured_on_test(prepared: Prepared) -> None:
    train, test = pixels(prepared, "train"), pixels(prepared, "test")
    errors, nll = (np.load(prepared.image_baselines / name) for name in ("pca_errors.npy", "ppca_nll.npy"))
    assert errors.shape == nll.shape == (15, 16)  # 16 pixels, fewer than train's 45 rows
    pca = PCA(5).fit(train)
    restored = pca.inverse_transform(pca.transform(test))
    np.testing.assert_allclose(errors[:, 4], np.square(restored - test).mean(axis=1), rtol=1e-9)
    np.testing.assert_allclose(nll[:, 4], -pca.score_samples(test), rtol=1e-9)


def test_test_rows_measured_in_parts_are_those_measured_at_once(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = ImageSplit.open(prepared.images / "test")
    rows, parts = pixels(prepared, "test"), []

    def measure(asked: np.ndarray) -> np.ndarray:
        parts.append(len(asked))
        return asked[:, :2] * 3

    monkeypatch.setattr(baselines, "MAX_VALUES", 7 * 16 + 1)
    baselines.write_by_rows(tmp_path / "found.npy", test, measure)
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy"), rows[:, :2] * 3)
    assert parts == [7, 7, 1]


def test_logistic_regression_is_that_of_its_own_strength(prepared: Prepared) -> None:
    summary = json.loads((prepared.image_baselines / "baselines.json").read_text())["logistic_regression"]
    assert summary["C"] == min(
        (float(strength) for strength in summary["val_nll"]), key=lambda c: summary["val_nll"][f"{c:g}"]
    )
    labels = np.load(prepared.images / "train" / "labels.npy")
    regression = LogisticRegression(C=summary["C"], max_iter=2000, tol=1e-8).fit(pixels(prepared, "train"), labels)
    columns = pd.read_parquet(prepared.image_baselines / "logistic_regression.parquet")
    true = np.load(prepared.images / "test" / "labels.npy")
    expected = regression.predict_proba(pixels(prepared, "test"))
    assert columns["label"].tolist() == true.tolist()
    assert columns["prediction"].tolist() == expected.argmax(axis=1).tolist()
    # both stop where the gradient is small: probabilities agree to about 1e-3
    np.testing.assert_allclose(np.exp(-columns["nll"]), expected[np.arange(15), true], atol=5e-3)


def test_independent_pixels_are_binarised_above_one_half(prepared: Prepared) -> None:
    train, test = pixels(prepared, "train") > 0.5, pixels(prepared, "test") > 0.5
    chance = (train.sum(axis=0) + 1) / (45 + 2)
    expected = -np.log(np.where(test, chance, 1 - chance)).sum(axis=1)
    np.testing.assert_allclose(np.load(prepared.image_baselines / "bernoulli_nll.npy"), expected)


def test_noise_is_that_of_one_generator_over_batches_in_order(prepared: Prepared) -> None:
    generator = torch.Generator().manual_seed(SEED)
    expected = []
    for images, _ in ImageSplit.open(prepared.images / "test").batches(BATCH_SIZE):
        noisy = corrupt(images, NOISE, generator=generator)
        expected.append((noisy - images).square().flatten(1).mean(dim=1))
    columns = pd.read_parquet(prepared.image_baselines / "wiener.parquet")
    np.testing.assert_allclose(columns["mse_before"], torch.cat(expected), rtol=1e-5)
    # three patterns with little noise of their own: the filter takes away most of the variance 0.09
    assert columns["mse_before"].mean() > 0.06
    assert columns["mse"].mean() < 0.03


def test_texts_answer_each_distinct_source_once(prepared: Prepared) -> None:
    texts = pd.read_parquet(prepared.pair_baselines / "texts.parquet")
    assert texts["source"].tolist() == texts["copy"].tolist() == ["5 May", "2. June", "x"]
    assert texts["neighbour"].tolist()[1:] == ["2 June", "1 May"]  # x is like none: ties go to the first
    assert texts["nearest_neighbour"].tolist()[1:] == ["06-02", "05-01"]
    assert texts["neighbour"][0] in ("1 May", "4 May")  # they share " May" with 5 May


def test_same_data_gives_the_same_bytes(prepared: Prepared, tmp_path: Path) -> None:
    again = prepared._replace(image_baselines=tmp_path / "images", pair_baselines=tmp_path / "pairs")
    write_baselines(again)
    for first, second in zip(prepared[2:], again[2:], strict=True):
        names = sorted(path.name for path in first.iterdir())
        assert names == sorted(path.name for path in second.iterdir())
        for name in names:
            assert (first / name).read_bytes() == (second / name).read_bytes(), name
