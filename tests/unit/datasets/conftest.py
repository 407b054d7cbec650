"""Prepared folders as the prepare stage writes them, small enough to read."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from encdec.cards import CARD_FILE, ImageCard, PairCard

SOURCES = [[10, 11, 12], [13], [14, 15]]
TARGETS = [[20], [21, 22], []]


def write_images(folder: Path, *, size: int) -> Path:
    """Image i has all pixels i % 17 and label i % 3, in units where 16 means 1.0."""
    folder.mkdir(parents=True)
    values = np.arange(size, dtype=np.uint8) % 17
    np.save(folder / "images.npy", np.broadcast_to(values[:, None, None, None], (size, 1, 2, 3)).copy())
    np.save(folder / "labels.npy", np.arange(size, dtype=np.int64) % 3)
    pd.DataFrame({"sample": [str(i) for i in range(size)], "label": [f"c{i % 3}" for i in range(size)]}).to_parquet(
        folder / "rows.parquet"
    )
    card = ImageCard(
        kind="images", source="digits", channels=1, height=2, width=3, pixel_max=16, classes=("c0", "c1", "c2")
    )
    (folder / CARD_FILE).write_text(card.model_dump_json())
    return folder


def write_pairs(folder: Path, *, sources: list[list[int]], targets: list[list[int]]) -> Path:
    folder.mkdir(parents=True)
    for side, rows in (("source", sources), ("target", targets)):
        np.save(folder / f"{side}_ids.npy", np.array([token for row in rows for token in row], dtype=np.int32))
        np.save(folder / f"{side}_offsets.npy", np.cumsum([0, *map(len, rows)], dtype=np.int64))
    pd.DataFrame({"sample": [str(i) for i in range(len(sources))]}).to_parquet(folder / "rows.parquet")
    card = PairCard(
        kind="pairs",
        source="dates",
        source_vocab_size=100,
        target_vocab_size=100,
        max_source_length=max(map(len, sources)),
        max_target_length=max(map(len, targets)) + 1,
        target_tokens="characters",
    )
    (folder / CARD_FILE).write_text(card.model_dump_json())
    return folder


@pytest.fixture
def images_folder(tmp_path: Path) -> Path:
    return write_images(tmp_path / "images", size=23)


@pytest.fixture
def pairs_folder(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "pairs", sources=SOURCES, targets=TARGETS)


@pytest.fixture
def many_pairs_folder(tmp_path: Path) -> Path:
    """1,000 rows of 1 to 40 source tokens."""
    lengths = np.random.default_rng(0).integers(1, 41, size=1000)
    return write_pairs(
        tmp_path / "many", sources=[[5] * length for length in lengths.tolist()], targets=[[6]] * len(lengths)
    )
