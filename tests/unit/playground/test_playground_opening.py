"""What is missing is said, with what to do; what is there works all the same."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from trained_project import TrainedProject

from encdec.models.storage import StoredModelError
from encdec.outs import switch_off
from encdec.playground.known import get_to_know
from encdec.playground.opening import Chosen, Opened, open_everything
from encdec.playground.page import build_page, heading
from encdec.playground.picture_tab import example, tell
from encdec.playground.text_tab import some_sources


@pytest.fixture
def copy(trained: TrainedProject, tmp_path: Path) -> TrainedProject:
    """Models that a test may change."""
    return TrainedProject(Path(shutil.copytree(trained.models, tmp_path / "models")), trained.prepared)


def played(project: TrainedProject) -> Opened:
    """Opened, and the whole page built of it."""
    opened = open_everything(project.models, project.prepared, chosen={})
    build_page(opened, get_to_know(opened, seed=1), seed=1)
    return opened


def test_everything_of_a_whole_run_is_opened(opened: Opened) -> None:
    assert set(opened.models) == {"cnn", "autoencoder", "sparse_autoencoder", "denoising_autoencoder", "vae"}
    assert opened.texts is not None
    assert opened.pairs is not None
    assert opened.missing == {}
    assert "Not here" not in heading(opened)


def test_before_anything_is_trained_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no trained model in .*: run `make repro` first"):
        open_everything(tmp_path / "models", tmp_path / "prepared", chosen={})


def test_a_model_that_is_switched_off_leaves_the_others(copy: TrainedProject) -> None:
    for name in ("cnn", "vae", "seq2seq"):
        switch_off(copy.models / name)
    opened = played(copy)
    assert "vae" not in opened.models
    assert opened.texts is None
    assert "this model is switched off in params.yaml; switch it on and train it" in opened.missing["cnn"]
    assert opened.images is not None
    pixels = opened.images.test.batch(np.array([0])).images[0].numpy()
    told = tell(opened, get_to_know(opened, seed=1), pixels)
    assert "No classes" in told.classes
    assert "switched off in params.yaml" in told.classes
    assert "Anomaly score" in told.unusual


@pytest.mark.parametrize("kind", ["images", "pairs"])
def test_a_kind_of_data_that_is_switched_off_leaves_the_other(copy: TrainedProject, tmp_path: Path, kind: str) -> None:
    prepared = Path(shutil.copytree(copy.prepared, tmp_path / "prepared"))
    for split in ("train", "val", "test"):
        switch_off(prepared / kind / split)
    for name in ("cnn", "autoencoder", "sparse_autoencoder", "denoising_autoencoder", "vae"):
        if kind == "images":
            switch_off(copy.models / name)
    if kind == "pairs":
        switch_off(copy.models / "seq2seq")
    opened = played(TrainedProject(copy.models, prepared))
    assert (opened.card is None) == (kind == "images")
    assert (opened.texts is None) == (kind == "pairs")


def test_models_work_without_their_data(copy: TrainedProject, tmp_path: Path) -> None:
    opened = played(TrainedProject(copy.models, tmp_path / "nothing"))
    assert opened.images is None
    assert opened.pairs is None
    assert "run the prepare stage" in opened.missing["images"]
    known = get_to_know(opened, seed=1)
    assert some_sources(opened) == []
    with pytest.raises(ValueError, match="there is no such example"):
        example(opened, known, 0)


def test_a_model_of_other_images_is_not_mixed_with_the_rest(copy: TrainedProject) -> None:
    spec = copy.models / "vae" / "spec.json"
    document = json.loads(spec.read_text())
    document["card"]["source"] = "letters"
    spec.write_text(json.dumps(document))
    opened = played(copy)
    assert "vae" not in opened.models
    assert opened.missing["vae"] == (
        "It was trained on letters (1 x 8 x 8, 10 classes), and this page shows digits (1 x 8 x 8, 10 classes): "
        "run `make repro`."
    )
    chosen = open_everything(copy.models, copy.prepared, chosen={"vae": Chosen(copy.models / "vae", "models:/vae@new")})
    assert set(chosen.models) == {"vae"}  # what was asked for decides
    assert chosen.origins["vae"] == "models:/vae@new"
    assert chosen.images is None
    assert "The prepared images are digits" in chosen.missing["images"]
    assert "models:/vae@new" in heading(chosen)


def test_a_model_that_was_asked_for_must_be_whole(copy: TrainedProject) -> None:
    (copy.models / "vae" / "model.safetensors").unlink()
    with pytest.raises(StoredModelError, match="no such file"):
        open_everything(copy.models, copy.prepared, chosen={"vae": Chosen(copy.models / "vae", "models:/vae/1")})


@pytest.mark.parametrize("number", [-1, 10, "0", None, 1.0])
def test_an_example_that_is_not_shown_is_refused(opened: Opened, number: object) -> None:
    known = get_to_know(opened, seed=1)
    assert len(known.examples) == 10
    with pytest.raises(ValueError, match="there is no such example: choose one that is shown"):
        example(opened, known, number)


def test_examples_are_one_of_each_class_and_one_of_each_language(opened: Opened) -> None:
    known = get_to_know(opened, seed=1)
    assert opened.images is not None
    assert [int(opened.images.test.labels[row]) for row in known.examples] == list(range(10))
    assert opened.pairs is not None
    languages = opened.pairs.rows["slice"].nunique()
    assert len(some_sources(opened)) == languages


def test_names_from_the_data_are_escaped(copy: TrainedProject) -> None:
    from encdec.playground import markup

    evil = '<img src=x onerror="alert(1)">'
    pieces = [
        markup.note(evil),
        markup.problem(evil),
        markup.answer(evil, evil),
        markup.bars([(evil, 0.5)], caption=evil, heads=(evil, evil)),
        markup.table([evil, evil], [[evil, evil]], caption=evil),
    ]
    for piece in pieces:
        assert "<img" not in piece
        assert 'onerror="' not in piece
        assert "&lt;img" in piece
