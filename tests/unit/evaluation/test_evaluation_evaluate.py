"""Every model from its folder to its files; the models are not trained, so that nothing has to wait."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from evaluation_data import SEED, Prepared, store_model

from encdec.evaluation.evaluate import Evaluated, evaluate_model, write_evaluation
from encdec.params.corruption import Masking
from encdec.params.root import MODEL_NAMES, ModelName, ModelSpec, Params
from encdec.report.results import read_results


def evaluated(
    folder: Path, name: ModelName, spec: ModelSpec, *, prepared: Prepared, params: Params, seed: int = SEED
) -> Evaluated:
    kind = spec.kind
    return evaluate_model(
        store_model(folder, name, spec, prepared),
        split=(prepared.images if kind == "images" else prepared.pairs) / "test",
        baselines=prepared.image_baselines if kind == "images" else prepared.pair_baselines,
        settings=params.evaluation,
        seed=seed,
    )


def written(found: Evaluated, folder: Path) -> Path:
    (folder / "details").mkdir(parents=True)
    write_evaluation(
        found, metrics=folder / "metrics.json", baseline=folder / "baseline.json", details=folder / "details"
    )
    return folder


OPPONENTS = {
    "cnn": dict.fromkeys(("accuracy", "top3_accuracy", "nll", "ece"), "logistic regression"),
    "autoencoder": dict.fromkeys(("mse", "psnr"), "PCA, 12 components"),
    "sparse_autoencoder": dict.fromkeys(("mse", "psnr"), "PCA, 12 components"),
    "denoising_autoencoder": dict.fromkeys(("mse", "psnr"), "Wiener filter"),
    "vae": {
        "negative_elbo": "probabilistic PCA, 12 components",
        "nll": "probabilistic PCA, 12 components",
        "mse": "PCA, 12 components",
        "psnr": "PCA, 12 components",
    },
    "seq2seq": dict.fromkeys(("exact_match", "token_error_rate"), "nearest neighbour"),
}


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_model_is_measured_beside_its_baseline(
    name: ModelName, prepared: Prepared, params: Params, tmp_path: Path
) -> None:
    spec = params.models.named(name)
    folder = written(evaluated(tmp_path / "model", name, spec, prepared=prepared, params=params), tmp_path / "out")
    metrics, baseline = (json.loads((folder / file).read_text()) for file in ("metrics.json", "baseline.json"))
    found = json.loads((folder / "details" / "evaluation.json").read_text())
    protocol = json.loads((folder / "details" / "protocol.json").read_text())
    assert metrics == {metric: entry["value"] for metric, entry in found.items()}
    assert baseline == {metric: entry["baseline"]["value"] for metric, entry in found.items() if entry["baseline"]}
    assert {metric: entry["baseline"]["name"] for metric, entry in found.items() if entry["baseline"]} == OPPONENTS[
        name
    ]
    assert sorted(protocol["metrics"]) == sorted(metrics)
    assert (protocol["split"], protocol["seed"], protocol["resamples"]) == ("test", 7, 40)
    samples = pd.read_parquet(folder / "details" / "samples.parquet")
    assert len(samples) == protocol["rows"] == (15 if spec.kind == "images" else 3)
    first = "test/0"
    assert samples["sample"][0] == first


def test_baseline_numbers_are_those_of_its_files(prepared: Prepared, params: Params, tmp_path: Path) -> None:
    vae = evaluated(tmp_path / "vae", "vae", params.models.vae, prepared=prepared, params=params)
    found = {comparison.metric.name: comparison for comparison in vae.comparisons}
    nll = np.load(prepared.image_baselines / "ppca_nll.npy")[:, 11]
    assert found["nll"].baseline is not None
    assert found["nll"].baseline.value == pytest.approx(nll.mean())
    assert found["negative_elbo"].baseline == found["nll"].baseline
    errors = np.load(prepared.image_baselines / "pca_errors.npy")[:, 11]
    assert found["mse"].baseline is not None
    assert found["mse"].baseline.value == pytest.approx(errors.mean())
    assert found["kl"].baseline is None
    assert found["mse"].difference is not None
    assert found["mse"].difference.value == pytest.approx(found["mse"].model.value - errors.mean())


def test_bernoulli_likelihood_meets_independent_pixels_alone(
    prepared: Prepared, params: Params, tmp_path: Path
) -> None:
    spec = params.models.vae.model_copy(update={"likelihood": "bernoulli"})
    vae = evaluated(tmp_path / "vae", "vae", spec, prepared=prepared, params=params)
    names = {found.metric.name: found.opponent for found in vae.comparisons if found.opponent}
    assert names == {"negative_elbo": "independent pixels", "nll": "independent pixels"}


def test_nearest_neighbour_is_right_about_what_it_knows(prepared: Prepared, params: Params, tmp_path: Path) -> None:
    found = evaluated(tmp_path / "model", "seq2seq", params.models.seq2seq, prepared=prepared, params=params)
    table = found.tables["baselines"].set_index("baseline")
    # "2. June" is answered with 06-02, which is right; 5 May and x are not: one of three
    assert table.loc["nearest neighbour", "exact_match"] == pytest.approx(1 / 3)
    assert table.loc["copy of the source", "exact_match"] == 0.0


def test_other_noise_than_the_model_saw_is_refused(prepared: Prepared, params: Params, tmp_path: Path) -> None:
    spec = params.models.denoising_autoencoder
    other = spec.model_copy(update={"corruption": Masking(kind="masking", mask_prob=0.5)})
    with pytest.raises(
        ValueError, match=r"the filter was fitted to the corruption .*gaussian.* the model to .*masking"
    ):
        evaluated(tmp_path / "a", "denoising_autoencoder", other, prepared=prepared, params=params)
    with pytest.raises(ValueError, match="the noise on test is not that of the model's evaluation"):
        evaluated(tmp_path / "b", "denoising_autoencoder", spec, prepared=prepared, params=params, seed=SEED + 1)


def test_model_of_other_data_is_refused(prepared: Prepared, params: Params, tmp_path: Path) -> None:
    folder = store_model(tmp_path / "model", "cnn", params.models.cnn, prepared)
    spec = json.loads((folder / "spec.json").read_text())
    spec["card"]["classes"] = ["a", "b", "c"]
    (folder / "spec.json").write_text(json.dumps(spec))
    with pytest.raises(ValueError, match=r"trained on digits with the card .* but .*test has the card"):
        evaluate_model(
            folder,
            split=prepared.images / "test",
            baselines=prepared.image_baselines,
            settings=params.evaluation,
            seed=SEED,
        )


def test_missing_baseline_is_named(prepared: Prepared, params: Params, tmp_path: Path) -> None:
    folder = store_model(tmp_path / "model", "autoencoder", params.models.autoencoder, prepared)
    with pytest.raises(ValueError, match=r"nowhere.pca_errors\.npy: no such file; run the baselines stage"):
        evaluate_model(
            folder,
            split=prepared.images / "test",
            baselines=tmp_path / "nowhere",
            settings=params.evaluation,
            seed=SEED,
        )


def test_same_model_gives_the_same_bytes(prepared: Prepared, params: Params, tmp_path: Path) -> None:
    for name in ("vae", "seq2seq"):
        spec = params.models.named(name)
        once, again = (
            written(
                evaluated(tmp_path / f"{name}{turn}", name, spec, prepared=prepared, params=params),
                tmp_path / f"{name}{turn}out",
            )
            for turn in (0, 1)
        )
        files = sorted(path.relative_to(once) for path in once.rglob("*.*"))
        assert files == sorted(path.relative_to(again) for path in again.rglob("*.*"))
        for file in files:
            assert (once / file).read_bytes() == (again / file).read_bytes(), file


def test_report_reads_what_was_written(prepared: Prepared, params: Params, tmp_path: Path) -> None:
    for name in MODEL_NAMES:
        spec = params.models.named(name)
        written(evaluated(tmp_path / "models" / name, name, spec, prepared=prepared, params=params), tmp_path / name)
    results = read_results(params, tmp_path)
    assert [result.model for result in results] == list(MODEL_NAMES)
    headlines = [result.headline.metric for result in results]
    assert headlines == ["accuracy", "mse", "mse", "mse", "negative_elbo", "exact_match"]
    assert all(row.meaning for result in results for row in result.rows)


def test_evaluating_one_model_loads_neither_lightning_nor_another_model() -> None:
    code = (
        "import sys, encdec.evaluation.evaluate, encdec.models.vae.evaluation; "
        "print([name for name in sys.modules if 'lightning' in name or 'mlflow' in name or 'cnn.network' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
