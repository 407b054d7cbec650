"""The columns of a manifest, and the ones derived from them for the checks that compare rows with each other.

Everything is linear in the rows and, but for the texts with unseen characters, done by whole columns.
"""

import re
import sys
from collections.abc import Sequence
from typing import Any
from unicodedata import normalize

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from encdec.params.data import SPLITS

# Control characters but tab and line ends; embeddings, overrides and isolates, with which a text is shown in another
# order than it is read (CVE-2021-42574). The marks U+200E, U+200F and U+061C stand in ordinary Arabic and Hebrew.
CONTROLS = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]")
TEXTS_AT_ONCE = 2**16  # the numbers of their characters take some megabytes
IMAGE_COLUMNS = {
    "sample": "str",
    "content_hash": "str",
    "split": "str",
    "label": "str",
    "height": "int64",
    "width": "int64",
    "channels": "int64",
    "pixel_min": "float64",
    "pixel_max": "float64",
    "pixel_mean": "float64",
    "pixel_std": "float64",
}
PAIR_COLUMNS = {
    "sample": "str",
    "content_hash": "str",
    "group": "str",
    "split": "str",
    "slice": "str",
    "source": "str",
    "target": "str",
    "source_characters": "int64",
    "target_characters": "int64",
}


def structure_frame(manifest: pd.DataFrame) -> pd.DataFrame:
    """What the checks of structure read: types and nulls of all columns, and the names of the splits.

    Every other text is empty here: Great Expectations would take a fingerprint of each.
    """
    frame = manifest.copy(deep=False)
    for name in manifest:
        if manifest[name].dtype == "str" and name != "split":
            frame[name] = manifest[name].where(manifest[name].isna(), "")
    return frame


def image_frame(manifest: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """What the checks of images read: columns of the manifest and derived ones, a row per image.

    `share_of_equal`: the share of the row's class over the share that it would have if all were equal, null where the
    class is not declared; `content_splits`: the number of splits that hold this image; `in_train`, `in_val`,
    `in_test`: 1.0 or 0.0.
    """
    read = ["split", "content_hash", "label", "height", "width", "channels", "pixel_min", "pixel_max"]
    derived: dict[str, Any] = {
        "share_of_equal": manifest["label"].map(shares_of_equal(manifest["label"], classes)),
        "content_splits": splits_with(manifest, "content_hash"),
        **membership(manifest),
    }
    return manifest[read].assign(**derived)


def pair_frame(manifest: pd.DataFrame) -> pd.DataFrame:
    """What the checks of text pairs read: columns of the manifest and derived ones, a row per pair.

    `source_visible`, `target_visible`: characters left when the blanks at both ends are cut; `length_ratio`: the
    longer text over the shorter; `source_unseen`, `target_unseen`: the characters of a row of val or test that no row
    of train has, null in train; `source_controls`, `target_controls`: the names of the control characters and of the
    marks that turn the direction of reading, U+202E or the like; `group_splits`: the number of splits that hold this
    group.
    """
    characters = manifest[["source_characters", "target_characters"]]
    derived: dict[str, Any] = {
        "source_visible": manifest["source"].str.strip().str.len(),
        "target_visible": manifest["target"].str.strip().str.len(),
        "length_ratio": characters.max(axis=1) / characters.min(axis=1).clip(lower=1),
        "source_unseen": unseen_characters(manifest, "source"),
        "target_unseen": unseen_characters(manifest, "target"),
        "source_controls": control_characters(manifest["source"]),
        "target_controls": control_characters(manifest["target"]),
        "group_splits": splits_with(manifest, "group"),
        **membership(manifest),
    }
    read = ["split", "content_hash", "source_characters", "target_characters"]
    return manifest[read].assign(**derived)


def splits_with(manifest: pd.DataFrame, column: str) -> NDArray[np.int64]:
    """(N,) in how many splits the row's value of `column` occurs."""
    codes, values = pd.factorize(manifest[column])
    count = np.zeros(len(values), dtype=np.int64)
    for split in SPLITS:
        count += np.bincount(codes[manifest["split"] == split], minlength=len(values)) > 0
    return count[codes]


def membership(manifest: pd.DataFrame) -> dict[str, "pd.Series[float]"]:
    """(N,) for each split, 1.0 where the row is in it: the mean is the share of the split."""
    return {f"in_{split}": (manifest["split"] == split).astype("float64") for split in SPLITS}


def shares_of_equal(labels: "pd.Series[str]", classes: Sequence[str]) -> "pd.Series[float]":
    """For each class, its share of the labels over 1 / number of classes; 0 for a class without a row."""
    return labels.value_counts().reindex(list(classes), fill_value=0) * len(classes) / len(labels)


def unseen_characters(manifest: pd.DataFrame, column: str) -> "pd.Series[str]":
    """(N,) the characters of the NFC text that no row of train has, each once and in order; null for rows of train."""
    in_train = (manifest["split"] == "train").to_numpy()
    texts = manifest[column].to_numpy(dtype=object)
    alphabet = alphabet_of(texts[in_train])
    unseen = np.full(len(manifest), None, dtype=object)
    held_out = (normalize("NFC", text) for text in texts[~in_train])
    unseen[~in_train] = ["" if alphabet.issuperset(text) else "".join(sorted({*text} - alphabet)) for text in held_out]
    return pd.Series(unseen, index=manifest.index, dtype="str")


def alphabet_of(texts: NDArray[np.object_]) -> set[str]:
    """The characters of the NFC texts; by their numbers, as there are many times more characters than texts."""
    seen = np.zeros(sys.maxunicode + 1, dtype=bool)
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        joined = "".join([normalize("NFC", text) for text in texts[start : start + TEXTS_AT_ONCE]])
        seen[np.frombuffer(joined.encode("utf-32-le"), dtype="<u4")] = True
    return {chr(number) for number in np.flatnonzero(seen)}


def control_characters(texts: "pd.Series[str]") -> "pd.Series[str]":
    """(N,) by their numbers, each once and in order; "" where there is none. By name, as they cannot be shown."""
    bad = texts.str.contains(CONTROLS)
    named = texts[bad].map(lambda text: " ".join(f"U+{ord(one):04X}" for one in sorted({*CONTROLS.findall(text)})))
    return named.reindex(texts.index, fill_value="").astype("str")


def visible(text: str) -> str:
    """The text with control characters and marks that turn the direction of reading as escapes: \\u202e."""
    return CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
