"""Every model from its folder to its figures, and the baselines beside them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from evaluation_data import NOISE, SEED, Prepared, store_model

from encdec.datasets.images import ImageSplit
from encdec.evaluation.components import COMPONENTS_FILE, read_components, write_components
from encdec.evaluation.evaluate import evaluate_model
from encdec.evaluation.pictures import draw_model, filtered, linear
from encdec.evaluation.principal_components import fit_components
from encdec.figures.picture import Picture, write_pictures
from encdec.params.root import MODEL_NAMES, ModelName, ModelSpec, Params


def drawn(folder: Path, name: ModelName, spec: ModelSpec, *, prepared: Prepared, params: Params) -> list[Picture]:
    images = spec.kind == "images"
    store_model(folder, name, spec, prepared)
    history = {"epoch": [0.0, 1.0], spec.monitor: [2.0, 1.0], "train/loss": [3.0, 1.5]}
    pd.DataFrame(history).to_csv(folder / "history.csv", index=False)
    split = (prepared.images if images else prepared.pairs) / "test"
    baselines = prepared.image_baselines if images else prepared.pair_baselines
    given = {"split": split, "baselines": baselines, "settings": params.evaluation, "seed": SEED}
    return list(draw_model(folder, scores=evaluate_model(folder, **given).scores, **given))


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_every_model_writes_its_figures_in_both_themes_and_the_same_bytes_twice(
    name: ModelName, prepared: Prepared, params: Params, tmp_path: Path
) -> None:
    written = []
    for place in ("one", "two"):
        out = tmp_path / place
        out.mkdir()
        spec = params.models.named(name)
        write_pictures(drawn(tmp_path / f"{place}-model", name, spec, prepared=prepared, params=params), out)
        written.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert written[0] == written[1]
    listed = json.loads(written[0]["figures.json"])
    assert listed[0]["name"] == "learning_curves"
    assert set(written[0]) == {"figures.json"} | {
        f"{each['name']}.{theme}.png" for each in listed for theme in ("light", "dark")
    }
    assert sum(len(content) for content in written[0].values()) < 500_000


def test_the_linear_rival_makes_the_errors_that_the_baseline_was_measured_with(prepared: Prepared) -> None:
    test = ImageSplit.open(prepared.images / "test")
    images = test.batch(np.arange(len(test))).images.numpy()
    errors = np.load(prepared.image_baselines / "pca_errors.npy")
    for components in (1, 5, 12):
        rival = linear(prepared.image_baselines, components)
        assert rival is not None
        found = np.square(rival.rebuild(images) - images).mean(axis=(1, 2, 3))
        np.testing.assert_allclose(found, errors[:, components - 1], rtol=1e-4)  # directions are stored as float32


def test_the_wiener_rival_is_the_filter_that_was_measured(prepared: Prepared, params: Params) -> None:
    import torch

    from encdec.nn.corruption import corrupt

    rival, test = filtered(prepared.image_baselines, NOISE), ImageSplit.open(prepared.images / "test")
    assert rival is not None
    generator, found = torch.Generator().manual_seed(SEED), []
    for images, _ in test.batches(params.evaluation.batch_size):
        restored = rival.rebuild(corrupt(images, NOISE, generator=generator).numpy())
        found.append(np.square(restored - images.numpy()).mean(axis=(1, 2, 3)))
    measured = pd.read_parquet(prepared.image_baselines / "wiener.parquet")["mse"]
    np.testing.assert_allclose(np.concatenate(found), measured, rtol=1e-4)


def test_where_components_are_too_many_to_store_there_is_no_rival(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from encdec.evaluation import components as stored

    monkeypatch.setattr(stored, "MAX_VALUES", 3 * 16)
    fitted = fit_components(np.random.default_rng(0).normal(size=(40, 16)), pixel_max=16, seed=0)
    write_components(tmp_path, fitted)
    found, count = read_components(tmp_path / COMPONENTS_FILE)
    assert (found.directions.shape, count) == ((3, 16), 16)
    assert linear(tmp_path, 3) is not None
    assert linear(tmp_path, 4) is None
    assert filtered(tmp_path, NOISE) is None


def test_a_model_without_attention_has_no_heat_map(prepared: Prepared, params: Params, tmp_path: Path) -> None:
    names = {}
    for attention in ("none", "additive"):
        spec = params.models.seq2seq
        network = spec.network.model_copy(update={"attention": attention})
        given = spec.model_copy(update={"network": network})
        pictures = drawn(tmp_path / attention, "seq2seq", given, prepared=prepared, params=params)
        names[attention] = [each.words.name for each in pictures if each.words.name.startswith("attention")]
    assert names["none"] == []
    assert names["additive"][0] == "attention_latin"


def test_a_model_without_its_history_is_refused(prepared: Prepared, params: Params, tmp_path: Path) -> None:
    folder = store_model(tmp_path / "cnn", "cnn", params.models.cnn, prepared)
    given = {
        "split": prepared.images / "test",
        "baselines": prepared.image_baselines,
        "settings": params.evaluation,
        "seed": SEED,
    }
    scores = evaluate_model(folder, **given).scores
    with pytest.raises(ValueError, match=r"history\.csv: no such file; run the train stage"):
        draw_model(folder, scores=scores, **given)
