"""What a person does with the project: mistakes, switching off, their own data, tables in the terminal."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from small_project import Project


@pytest.mark.xdist_group("use")
def test_mistakes_in_the_parameters_stop_everything_and_are_shown_at_once(project: Project) -> None:
    project.edit_params("models", "cnn", "network", "kernel_size", value=31)
    project.edit_params("models", "vae", "latent", value=2)
    project.edit_params("extra", value=1)
    stopped = project.repro(check=False)
    assert stopped.code != 0
    assert stopped.started() == ["check"]
    assert "3 mistakes in params.yaml" in stopped.output
    assert "models.cnn.network.kernel_size: 31 is larger than the 8x8 images" in stopped.output
    assert "models.vae.latent: unknown key" in stopped.output
    assert "extra: unknown key" in stopped.output
    assert "Traceback" not in stopped.output


@pytest.mark.xdist_group("use")
def test_one_key_switches_a_kind_of_data_and_its_models_off(project: Project) -> None:
    project.edit_params("images", "enabled", value=False)
    started = project.repro().started()
    assert not [stage for stage in started if stage.endswith(("@pairs", "@seq2seq"))]
    assert json.loads((project.path / "data/06_evaluation/vae/metrics.json").read_text()) == {}
    assert [path.name for path in (project.path / "data/05_models/vae").iterdir()] == ["off.json"]
    summary = (project.path / "data/07_report/summary.md").read_text()
    assert "seq2seq" in summary
    assert "vae" not in summary


@pytest.mark.xdist_group("use")
def test_one_key_switches_a_model_off(project: Project) -> None:
    project.edit_params("models", "vae", "enabled", value=False)
    assert set(project.repro().started()) == {"check", "tune@vae", "train@vae", "evaluate@vae", "report"}
    assert "vae" not in (project.path / "data/07_report/summary.md").read_text()


def write_own_images(folder: Path) -> None:
    digits = load_digits()
    for index, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        if label < 3 and index < 900:
            name = ("zero", "one", "two")[label]
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray((image * 15.9375).astype(np.uint8)).resize((12, 12)).save(folder / name / f"{index}.png")


@pytest.mark.xdist_group("own")
def test_own_images_and_pairs_go_through_and_a_new_file_is_seen(project: Project) -> None:
    write_own_images(project.path / "data/00_source/images/")
    pairs = [f"{number}\t{' '.join(reversed(str(number)))}" for number in range(1000, 1600)]
    (project.path / "data/00_source/pairs/pairs.tsv").write_text("\n".join(["source\ttarget", *pairs]) + "\n")
    project.edit_params("images", "source", value="folder")
    project.edit_params("pairs", "source", value="table")
    project.repro()
    card = json.loads((project.path / "data/03_prepared/images/test/card.json").read_text())
    assert card["classes"] == ["one", "two", "zero"]
    assert (card["channels"], card["height"], card["width"], card["pixel_max"]) == (1, 28, 28, 255)
    metrics = json.loads((project.path / "data/06_evaluation/cnn/metrics.json").read_text())
    assert metrics["accuracy"] > 0.4  # three classes: chance is a third
    assert "exact_match" in json.loads((project.path / "data/06_evaluation/seq2seq/metrics.json").read_text())

    assert project.repro().started() == []
    Image.fromarray(np.full((12, 12), 90, np.uint8) + np.arange(12, dtype=np.uint8)).save(
        project.path / "data/00_source/images/one/new.png"
    )
    started = project.repro("prepare@images", "prepare@pairs").started()
    assert started == ["ingest@images", "validate@images", "prepare@images"]


@pytest.mark.xdist_group("own")
def test_data_that_fails_validation_stops_the_pipeline_with_rows_and_counts(project: Project) -> None:
    write_own_images(project.path / "data/00_source/images/")
    project.edit_params("images", "source", value="folder")
    project.edit_params("images", "sources", "folder", "classes", value=["one", "two"])
    project.edit_params("evaluation", "top_k", value=1)
    stopped = project.repro("prepare@images", check=False)
    assert stopped.code != 0
    assert stopped.started()[-1] in ("ingest@images", "validate@images")
    assert "zero" in stopped.output
    assert "Traceback" not in stopped.output
    assert not (project.path / "data/02_validation/images").exists()


@pytest.mark.xdist_group("use")
def test_metrics_and_params_are_readable_tables(project: Project) -> None:
    shown = project.run("dvc", "metrics", "show").stdout
    header, *rows = shown.splitlines()
    assert header.split()[0] == "Path"
    assert {"accuracy", "mse", "psnr", "exact_match"} <= set(header.split())
    assert len(rows) == 12, "a model and its baseline, six times"
    assert max(len(line) for line in shown.splitlines()) < 260
    project.edit_params("models", "vae", "beta", value=4.0)
    diff = project.run("dvc", "params", "diff", "--md").stdout
    assert "| params.yaml | models.vae.beta | 1.0 | 4.0 |" in " ".join(diff.split())


@pytest.mark.xdist_group("use")
def test_an_experiment_sets_parameters_from_the_command_line(project: Project) -> None:
    project.run("dvc", "exp", "run", "-S", "models.cnn.training.learning_rate=0.002", "train@cnn")
    spec = json.loads((project.path / "data/05_models/cnn/spec.json").read_text())["spec"]
    assert spec["training"]["learning_rate"] == 0.002
    assert "dropout_prob" in (project.path / "data/04_tuning/cnn/best.json").read_text()
    assert "learning_rate" not in (project.path / "data/04_tuning/cnn/best.json").read_text()
