"""Small prepared data of both kinds, and specs that train in a second."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits

from encdec.outs import write_json
from encdec.params.loading import Loaded, load_params
from encdec.params.root import MODEL_NAMES, ModelName, ModelSpec
from encdec.params.search import Choices
from encdec.training.fitting import Data, open_data

torch.set_num_threads(1)


def write_images(folder: Path, rows: slice) -> None:
    folder.mkdir(parents=True)
    digits = load_digits()
    np.save(folder / "images.npy", digits.images[rows, None].astype(np.uint8))
    np.save(folder / "labels.npy", digits.target[rows].astype(np.int64))
    card = {"kind": "images", "source": "digits", "channels": 1, "height": 8, "width": 8, "pixel_max": 16}
    write_json(folder / "card.json", {**card, "classes": [str(digit) for digit in range(10)]})


def write_pairs(folder: Path, seed: int) -> None:
    """A reversal: sources of 3 to 6 of eight letters, targets the same backwards."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    sources = [rng.integers(4, 12, size=rng.integers(3, 7)) for _ in range(96)]
    for side, rows in (("source", sources), ("target", [row[::-1] for row in sources])):
        np.save(folder / f"{side}_ids.npy", np.concatenate(rows).astype(np.int32))
        np.save(folder / f"{side}_offsets.npy", np.cumsum([0, *map(len, rows)]).astype(np.int64))
    texts = ["".join(chr(93 + token) for token in row) for row in sources]
    frame = {"sample": texts, "group": texts, "slice": "", "source": texts, "target": [text[::-1] for text in texts]}
    pd.DataFrame(frame).to_parquet(folder / "rows.parquet")
    sizes = {"source_vocab_size": 12, "target_vocab_size": 12, "max_source_length": 6, "max_target_length": 7}
    write_json(folder / "card.json", {"kind": "pairs", "source": "table", "target_tokens": "characters", **sizes})


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    write_images(folder / "images/train", slice(0, 96))
    write_images(folder / "images/val", slice(96, 160))
    write_pairs(folder / "pairs/train", seed=1)
    write_pairs(folder / "pairs/val", seed=2)
    return folder


@pytest.fixture(scope="session")
def loaded(root: Path) -> Loaded:
    return load_params(root / "params.yaml")


@pytest.fixture(params=MODEL_NAMES)
def model(request: pytest.FixtureRequest) -> ModelName:
    name: ModelName = request.param
    return name


@pytest.fixture
def spec(model: ModelName, loaded: Loaded) -> ModelSpec:
    """The default spec at its last choices, which have dropout above 0, and a batch of 32."""
    space = loaded.space(model)
    values = {key: search.choices[-1] if isinstance(search, Choices) else search.high for key, search in space.items()}
    full = loaded.resolve(model, values)
    return full.model_copy(update={"training": full.training.model_copy(update={"batch_size": 32, "patience": 99})})


@pytest.fixture
def data(spec: ModelSpec, prepared: Path) -> Data:
    return open_data(spec.kind, train=prepared / spec.kind / "train", val=prepared / spec.kind / "val")
