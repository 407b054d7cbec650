"""Writes small prepared data of both kinds, the baselines of it, and an untrained model of each name."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from encdec.cards import CARD_FILE, Card, ImageCard, PairCard
from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.evaluation.baselines import write_image_baselines, write_noise_baselines, write_pair_baselines
from encdec.models.build import build_network
from encdec.models.storage import save_model
from encdec.params.corruption import GaussianNoise
from encdec.params.root import ModelName, ModelSpec
from encdec.preparation.vocabulary import Vocabulary

SEED = 7
BATCH_SIZE = 4
NOISE = GaussianNoise(kind="gaussian", noise_std=0.3)  # what params.yaml has
SIDE = 4
TRAIN = [("1 May", "05-01"), ("2 June", "06-02"), ("3 July", "07-03"), ("4 May", "05-04")]
TEST = [("5 May", "05-05"), ("2. June", "06-02"), ("5 May", "05-05."), ("x", "?")]
"""The third repeats the source of the first with another answer: three distinct sources."""


class Prepared(NamedTuple):
    """Folders of prepared data with train, val, test, and of baselines."""

    images: Path
    pairs: Path
    image_baselines: Path
    pair_baselines: Path


def write_images(folder: Path, *, size: int, seed: int) -> None:
    """Three patterns with noise, stored as 0 to 16; label i % 3."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(seed)
    labels = np.arange(size, dtype=np.int64) % 3
    patterns = np.random.default_rng(0).uniform(2, 14, size=(3, 1, SIDE, SIDE))
    images = patterns[labels] + generator.normal(0, 1.5, size=(size, 1, SIDE, SIDE))
    np.save(folder / "images.npy", images.round().clip(0, 16).astype(np.uint8))
    np.save(folder / "labels.npy", labels)
    rows = {"sample": [f"{folder.name}/{row}" for row in range(size)], "label": [f"c{label}" for label in labels]}
    pd.DataFrame(rows).to_parquet(folder / "rows.parquet")
    card = ImageCard(
        kind="images", source="digits", channels=1, height=SIDE, width=SIDE, pixel_max=16, classes=("c0", "c1", "c2")
    )
    (folder / CARD_FILE).write_text(card.model_dump_json())


def write_pairs(folder: Path, pairs: Sequence[tuple[str, str]], vocabulary: Vocabulary) -> None:
    folder.mkdir(parents=True)
    for place, side in enumerate(("source", "target")):
        ids = [vocabulary.encode(pair[place]) for pair in pairs]
        np.save(folder / f"{side}_ids.npy", np.array([token for row in ids for token in row], dtype=np.int32))
        np.save(folder / f"{side}_offsets.npy", np.cumsum([0, *map(len, ids)], dtype=np.int64))
    sources, targets = zip(*pairs, strict=True)
    rows = {"sample": [f"{folder.name}/{row}" for row in range(len(pairs))], "slice": "en"}
    pd.DataFrame(rows | {"source": sources, "target": targets}).to_parquet(folder / "rows.parquet")
    card = PairCard(
        kind="pairs",
        source="dates",
        source_vocab_size=vocabulary.size,
        target_vocab_size=vocabulary.size,
        max_source_length=8,
        max_target_length=8,
        target_tokens="characters",
    )
    (folder / CARD_FILE).write_text(card.model_dump_json())


def write_prepared(top: Path) -> Prepared:
    vocabulary = Vocabulary.learn([text for pair in TRAIN for text in pair], tokens="characters", max_size=50)
    for seed, (split, size, pairs) in enumerate((("train", 45, TRAIN), ("val", 20, TRAIN), ("test", 15, TEST))):
        write_images(top / "images" / split, size=size, seed=seed)
        write_pairs(top / "pairs" / split, pairs, vocabulary)
    (top / "pairs" / "train" / "vocabulary").mkdir()
    for side in ("source", "target"):
        vocabulary.save(top / "pairs" / "train" / "vocabulary" / f"{side}.json")
    return Prepared(*(top / name for name in ("images", "pairs", "image_baselines", "pair_baselines")))


def write_baselines(prepared: Prepared) -> None:
    for folder in (prepared.image_baselines, prepared.pair_baselines):
        folder.mkdir()
    images = {split: ImageSplit.open(prepared.images / split) for split in ("train", "val", "test")}
    write_image_baselines(prepared.image_baselines, **images, seed=SEED, threads=1)
    train, test = images["train"], images["test"]
    write_noise_baselines(
        prepared.image_baselines, train=train, test=test, corruption=NOISE, batch_size=BATCH_SIZE, seed=SEED, threads=1
    )
    pairs = {split: PairSplit.open(prepared.pairs / split) for split in ("train", "test")}
    write_pair_baselines(prepared.pair_baselines, **pairs, threads=1)


def store_model(folder: Path, name: ModelName, spec: ModelSpec, prepared: Prepared) -> Path:
    """An untrained model of the prepared data."""
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    card: Card = PairSplit.open(prepared.pairs / "test").card
    if spec.kind == "images":
        card = ImageSplit.open(prepared.images / "test").card
    network = build_network(name, spec, card)
    save_model(folder, name=name, spec=spec, card=card, network=network, vocabulary=prepared.pairs / "train")
    return folder
