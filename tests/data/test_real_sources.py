"""The downloadable sources, whole, from a mirror: ENCDEC_MIRROR, or shared/data beside the project.

Without a mirror these tests do not run, and say so.
"""

import gzip
import json
import os
import struct
from collections import Counter, defaultdict
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from encdec.params.data import TolerantCheck
from encdec.params.loading import load_params
from encdec.params.root import Params
from encdec.sources.ingest import ingest_images, ingest_pairs
from encdec.sources.reading import iter_images
from encdec.validation.validate import validate_pairs


@pytest.fixture(scope="module")
def mirror(root: Path) -> Path:
    folder = Path(os.environ.get("ENCDEC_MIRROR") or root.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"THE REAL DATA WERE NOT TESTED: {folder} is no folder; set ENCDEC_MIRROR to a mirror's folder")
    return folder


@pytest.fixture(scope="module")
def params(root: Path) -> Params:
    return load_params(root / "params.yaml").params


@pytest.fixture(autouse=True)
def use_mirror(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENCDEC_MIRROR", str(mirror))


def test_mnist_is_whole_and_its_own_test_split_is_kept(params, mirror, tmp_path):
    images = params.images.model_copy(update={"source": "mnist"})
    ingest_images(images, user_dir=tmp_path, out=tmp_path)
    rows = pd.read_parquet(tmp_path / "manifest.parquet")
    source = json.loads((tmp_path / "source.json").read_text())
    assert Counter(rows.split)["test"] == 10_000
    assert len(rows) == 70_000

    # Labels by another way: the packed files of the mirror, a header of 8 bytes, a byte per label.
    labels = {}
    for part in ("train", "t10k"):
        content = gzip.decompress((mirror / "mnist" / f"{part}-labels-idx1-ubyte.gz").read_bytes())
        (count,) = struct.unpack_from(">I", content, 4)
        labels[part] = list(content[8:])
        assert len(labels[part]) == count
        assert source["files"][f"{part}-labels-idx1-ubyte"] == sha256(content).hexdigest()
    assert [int(label) for label in rows.label] == labels["train"] + labels["t10k"]
    assert Counter(rows[rows.split == "test"].label) == Counter(str(label) for label in labels["t10k"])

    # Pixels by another way: image 0 of each part begins after a header of 16 bytes.
    pixels = list(iter_images(tmp_path, images))
    for part, index in (("train", 0), ("t10k", 60_000)):
        content = gzip.decompress((mirror / "mnist" / f"{part}-images-idx3-ubyte.gz").read_bytes())
        assert pixels[index].tobytes() == content[16 : 16 + 784]
        assert sum(content[-784:]) / 784 == rows.pixel_mean[index + len(labels[part]) - 1]
    assert np.mean([image.mean() for image in pixels[:60_000]]) / 255 == pytest.approx(0.1307, abs=5e-5)  # well known

    # No image in two splits, and val is a tenth of what is not test: five standard deviations are 0.006.
    assert rows.groupby("content_hash").split.nunique().max() == 1
    val_fraction = params.images.sources.mnist.val_fraction
    assert (rows[rows.split != "test"].split == "val").mean() == pytest.approx(val_fraction, abs=0.006)
    assert source["split"] == pytest.approx({"train": 0.9 * 6 / 7, "val": 0.1 * 6 / 7, "test": 1 / 7})


@pytest.mark.parametrize("stress", [True, False])
def test_cmudict_is_whole_and_a_word_stays_in_one_split(params, mirror, tmp_path, stress):
    section = params.pairs.sources.cmudict.model_copy(update={"stress": stress})
    sources = params.pairs.sources.model_copy(update={"cmudict": section})
    pairs = params.pairs.model_copy(update={"source": "cmudict", "sources": sources})
    ingest_pairs(pairs, user_dir=tmp_path, out=tmp_path)
    rows = pd.read_parquet(tmp_path / "manifest.parquet")

    # By another way: cut each line at the first blank, drop what follows " #" and the number in brackets.
    spoken: dict[str, set[str]] = defaultdict(set)
    lines = (mirror / "cmudict" / "cmudict.dict").read_text().splitlines()
    assert len(lines) == 135_166
    for line in lines:
        word, _, phonemes = line.partition(" #")[0].strip().partition(" ")
        kept = phonemes if stress else "".join(letter for letter in phonemes if letter not in "012")
        spoken[word.split("(")[0]].add(kept)
    assert len(rows) == sum(len(found) for found in spoken.values())
    ingested: dict[str, set[str]] = defaultdict(set)
    for row in rows.itertuples():
        ingested[row.source].add(row.target)
    assert ingested == spoken

    assert rows.groupby("source").split.nunique().max() == 1
    assert len(set(" ".join(rows.target).split())) == (69 if stress else 39)  # 24 consonants, 15 vowels, 3 stresses
    for split, share in section.split.shares().items():
        assert (rows.split == split).mean() == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize(("source", "target"), [("en", "de"), ("de", "en")])
def test_multi30k_is_whole_in_its_own_splits_and_passes_its_checks(params, mirror, tmp_path, source, target):
    section = params.pairs.sources.multi30k.model_copy(update={"source_language": source, "target_language": target})
    sources = params.pairs.sources.model_copy(update={"multi30k": section})
    pairs = params.pairs.model_copy(update={"source": "multi30k", "sources": sources})
    ingest_pairs(pairs, user_dir=tmp_path, out=tmp_path)
    rows = pd.read_parquet(tmp_path / "manifest.parquet")
    about = json.loads((tmp_path / "source.json").read_text())
    assert Counter(rows.split) == {"train": 29_000, "val": 1_014, "test": 1_000}
    assert len(about["files"]) == 6

    # By another way: the lines of the packed files, which have no blanks but spaces, tabs and line feeds at their ends.
    for column, language in (("source", source), ("target", target)):
        for split, stem in (("train", "train"), ("val", "val"), ("test", "test_2016_flickr")):
            content = gzip.decompress((mirror / "multi30k" / f"{stem}.{language}.gz").read_bytes())
            assert about["files"][f"{stem}.{language}"] == sha256(content).hexdigest()
            texts = [line.decode().strip(" \t") for line in content.split(b"\n")[:-1]]
            assert rows[rows.split == split][column].tolist() == texts

    # The known faults of the source, and no other: a caption of train in val, repeated captions in train.
    shared = rows.groupby("source").split.nunique() > 1
    assert shared.sum() == 1
    assert set(rows[rows.source == shared.idxmax()].split) == {"train", "val"}
    assert rows[rows.split == "train"].source.duplicated().sum() == {"en": 9, "de": 25}[source]
    found = validate_pairs(rows, section.validation, about, max_characters=section.max_characters)
    assert found.errors == []
    assert found.warnings == []
    strict = section.validation.model_copy(update={"leakage": TolerantCheck(severity="error", tolerance=0.0)})
    found = validate_pairs(rows, strict, about, max_characters=section.max_characters)
    assert [(finding.check, finding.failed_count) for finding in found.errors] == [("leakage", 2)]
