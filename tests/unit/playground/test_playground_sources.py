"""The page over other data: 28x28 with other shades, colours that are not square, words, and a model without attention.

The networks are not trained: what is asked here is that each tab shows what they say.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from trained_project import TrainedProject

from encdec.cards import CARD_FILE, Card, ImageCard, PairCard
from encdec.models.build import build_network
from encdec.models.storage import save_model
from encdec.params.loading import load_params
from encdec.params.root import MODEL_NAMES, Params
from encdec.playground.answers import pixels_of
from encdec.playground.drawing import from_ink, from_picture
from encdec.playground.known import get_to_know
from encdec.playground.noise_tab import first_picture
from encdec.playground.opening import Opened, open_everything
from encdec.playground.page import build_page
from encdec.playground.picture_tab import tell
from encdec.playground.strokes import draw_ink
from encdec.playground.text_tab import show_attention, some_sources
from encdec.playground.text_tab import tell as tell_text
from encdec.playground.translate import translate
from encdec.preparation.vocabulary import Vocabulary

STROKES = [[(80.0, 60.0), (200.0, 60.0), (120.0, 240.0)]]
CARDS = {
    "mnist": ImageCard(
        kind="images", source="mnist", channels=1, height=28, width=28, pixel_max=255,
        classes=tuple(str(digit) for digit in range(10)),
    ),
    "folder": ImageCard(
        kind="images", source="folder", channels=3, height=12, width=20, pixel_max=255,
        classes=tuple(f"<b>class {number}</b>" for number in range(15)),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def params(root: Path) -> Params:
    return load_params(root / "params.yaml").params


def write_images(folder: Path, card: ImageCard, *, rows: int) -> None:
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    labels = np.arange(rows, dtype=np.int64) % len(card.classes)
    bright = generator.integers(200, 255, size=(rows, card.channels, card.height, card.width), dtype=np.uint8)
    np.save(folder / "images.npy", bright)
    np.save(folder / "labels.npy", labels)
    names = {"sample": [f"{row:05d}" for row in range(rows)], "label": [card.classes[label] for label in labels]}
    pd.DataFrame(names).to_parquet(folder / "rows.parquet")
    (folder / CARD_FILE).write_text(card.model_dump_json(), encoding="utf-8")


def write_models(models: Path, names: Sequence[str], card: Card, params: Params, vocabulary: Path | None) -> None:
    for name in MODEL_NAMES:
        if name not in names:
            continue
        torch.manual_seed(0)
        spec = params.models.named(name)
        (models / name).mkdir(parents=True)
        network = build_network(name, spec, card)
        save_model(models / name, name=name, spec=spec, card=card, network=network, vocabulary=vocabulary)


def opened_images(folder: Path, source: str, params: Params) -> Opened:
    card = CARDS[source]
    for split, rows in (("train", 60), ("val", 30), ("test", 30)):
        write_images(folder / "prepared" / "images" / split, card, rows=rows)
    write_models(folder / "models", [name for name in MODEL_NAMES if name != "seq2seq"], card, params, None)
    return open_everything(folder / "models", folder / "prepared", chosen={})


@pytest.mark.parametrize("source", ["mnist", "folder"])
def test_pictures_of_other_sources_are_shown_and_classified(tmp_path: Path, params: Params, source: str) -> None:
    opened = opened_images(tmp_path, source, params)
    known = get_to_know(opened, seed=1)
    build_page(opened, known, seed=1)
    card = CARDS[source]
    assert not known.bright_ink  # the rims are bright
    assert len(known.examples) == len(card.classes)
    stored = from_ink(draw_ink(STROKES), card, bright_ink=known.bright_ink)
    assert stored.shape == (card.channels, card.height, card.width)
    assert stored.dtype == np.uint8
    told = tell(opened, known, pixels_of(stored, card))
    assert told.classes.count('<th scope="row">') == min(len(card.classes), 12)
    assert told.rebuilt.count("<figure>") == 4
    assert "of 30 validation images" in told.unusual
    assert "nearest training images" in told.place
    assert "<b>" not in told.classes + told.place
    photograph = np.random.default_rng(0).integers(0, 255, size=(90, 61, 4), dtype=np.uint8)
    assert from_picture(photograph, card, bright_ink=known.bright_ink).shape == stored.shape
    first = first_picture(opened, None)
    assert first is not None
    assert first.shape == stored.shape


def words_project(folder: Path, params: Params, *, attention: str) -> TrainedProject:
    vocabulary = Vocabulary.learn(["a man walks his dog", "ein mann geht"], tokens="words", max_size=50)
    train = folder / "train"
    (train / "vocabulary").mkdir(parents=True)
    for side in ("source", "target"):
        vocabulary.save(train / "vocabulary" / f"{side}.json")
    card = PairCard(
        kind="pairs", source="multi30k", source_vocab_size=vocabulary.size, target_vocab_size=vocabulary.size,
        max_source_length=9, max_target_length=9, target_tokens="words",
    )  # fmt: skip
    spec = params.models.seq2seq
    changed = spec.model_copy(update={"network": spec.network.model_copy(update={"attention": attention})})
    models = params.models.model_copy(update={"seq2seq": changed})
    write_models(folder / "models", ["seq2seq"], card, params.model_copy(update={"models": models}), train)
    return TrainedProject(folder / "models", folder / "prepared")


@pytest.mark.parametrize("attention", ["none", "additive", "dot"])
def test_a_model_of_words_answers_with_and_without_attention(tmp_path: Path, params: Params, attention: str) -> None:
    project = words_project(tmp_path, params, attention=attention)
    opened = open_everything(project.models, project.prepared, chosen={})
    build_page(opened, get_to_know(opened, seed=1), seed=1)
    assert opened.card is None
    assert opened.texts is not None
    assert some_sources(opened) == []
    found = translate(opened.texts, "a cat walks", beam_size=3)
    assert found.unknown == ["cat"]
    assert "The model has never seen cat and reads it as an unknown token." in tell_text(found)
    shown = show_attention("a cat walks", found)
    if attention == "none":
        assert "has no attention to show" in shown
    else:
        assert shown.count("<img") == 2
        assert "the source a cat walks" in shown
