"""Good manifests of 40 rows, on which every check passes with no tolerance, and the strictest checks."""

from hashlib import sha256
from typing import Any

import pandas as pd
import pytest

from encdec.params.data import ImageChecks, MaxCharacters, PairChecks

NUM_ROWS = 40
SPLITS = ["train"] * 28 + ["val"] * 6 + ["test"] * 6  # 0.7, 0.15, 0.15


@pytest.fixture
def images() -> pd.DataFrame:
    samples = [f"{row:05d}" for row in range(NUM_ROWS)]
    return pd.DataFrame(
        {
            "sample": samples,
            "content_hash": [sha256(sample.encode()).hexdigest() for sample in samples],
            "split": SPLITS,
            "label": ["a", "b", "c", "d"] * 10,
            "height": 8,
            "width": 8,
            "channels": 1,
            "pixel_min": 0.0,
            "pixel_max": 16.0,
            "pixel_mean": 4.5,
            "pixel_std": 5.0,
        }
    ).astype(dict.fromkeys(("sample", "content_hash", "split", "label"), "str"))


@pytest.fixture
def pairs() -> pd.DataFrame:
    sources = [f"{row // 10} and {row % 10}" for row in range(NUM_ROWS)]
    # the texts of val and test use the characters of train alone: rows 0 to 27 have every digit
    targets = [f"{row % 10}{row // 10}" for row in range(NUM_ROWS)]
    sources = [text.replace("3 ", "2 2 ") for text in sources]
    targets = [text[:-1] + text[-1].replace("3", "22") for text in targets]
    frame = pd.DataFrame(
        {
            "sample": [f"{row:05d}" for row in range(NUM_ROWS)],
            "content_hash": [sha256(f"{s}\0{t}".encode()).hexdigest() for s, t in zip(sources, targets, strict=True)],
            "group": sources,
            "split": SPLITS,
            "slice": "",
            "source": sources,
            "target": targets,
        }
    ).astype("str")
    return frame.assign(source_characters=frame["source"].str.len(), target_characters=frame["target"].str.len())


@pytest.fixture
def image_source() -> dict[str, Any]:
    split = {"train": 0.7, "val": 0.15, "test": 0.15}
    return {"kind": "images", "name": "digits", "classes": ["a", "b", "c", "d"], "pixel_max": 16, "split": split}


@pytest.fixture
def pair_source() -> dict[str, Any]:
    return {"kind": "pairs", "name": "table", "split": {"train": 0.7, "val": 0.15, "test": 0.15}}


@pytest.fixture
def max_characters() -> MaxCharacters:
    return MaxCharacters(source=12, target=6)


STRUCTURE: dict[str, dict[str, Any]] = {
    "schema": {"severity": "error"},
    "types": {"severity": "error"},
    "row_count": {"severity": "error", "min_rows": 40, "max_rows": 40},
}
SHARED: dict[str, dict[str, Any]] = {
    "duplicates": {"severity": "error", "tolerance": 0.0},
    "leakage": {"severity": "error", "tolerance": 0.0},
    "split_proportions": {"severity": "error", "tolerance": 0.0},
}


@pytest.fixture
def image_checks() -> ImageChecks:
    strict = {"severity": "error", "tolerance": 0.0}
    return ImageChecks.model_validate(
        {
            **STRUCTURE,
            "declared_labels": strict,
            "class_balance": {"severity": "error", "min_share": 1.0},
            "image_size": {**strict, "min_side": 8, "max_side": 8},
            "channels": {**strict, "allowed": (1,)},
            "constant_images": strict,
            "pixel_range": strict,
            **SHARED,
        }
    )


@pytest.fixture
def pair_checks() -> PairChecks:
    strict = {"severity": "error", "tolerance": 0.0}
    return PairChecks.model_validate(
        {
            **STRUCTURE,
            "empty_texts": strict,
            "long_texts": strict,
            "unseen_characters": strict,
            "control_characters": strict,
            "length_ratio": {**strict, "max_ratio": 4.0},
            **SHARED,
        }
    )
