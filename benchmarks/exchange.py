"""The prepared data as plain files that every competitor can read, whatever its environment."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from encdec.datasets.images import ImageSplit
from encdec.metrics.text import split_tokens
from encdec.models.seq2seq.evaluation import references_by_source
from encdec.params.data import Tokens
from encdec.preparation.vocabulary import Vocabulary

SPACE = "\N{OPEN BOX}"
SAMPLE_SIZE = 1000
"""Sources of val on which the error rate is taken along the training."""


def export_images(prepared: Path, out: Path) -> None:
    """<split>_images.npy (N, C, H, W) float32 in [0, 1] of train and val."""
    out.mkdir(parents=True, exist_ok=True)
    for name in ("train", "val"):
        split = ImageSplit.open(prepared / name)
        np.save(out / f"{name}_images.npy", split.images.astype(np.float32) / split.card.pixel_max)


def export_pairs(prepared: Path, out: Path) -> None:
    """train.source and train.target, a row a line, tokens with spaces between them; the sample; the vocabularies.

    Tokens are what params.yaml says of the source: of CMUdict characters of a spelling, and phonemes.
    """
    out.mkdir(parents=True, exist_ok=True)
    train = pd.read_parquet(prepared / "train" / "rows.parquet")
    vocabularies = prepared / "train" / "vocabulary"
    kinds = {side: Vocabulary.load(vocabularies / f"{side}.json").tokens for side in ("source", "target")}
    sides = {side: [visible_tokens(text, kind) for text in train[side]] for side, kind in kinds.items()}
    for side, rows in sides.items():
        write_lines(out / f"train.{side}", rows)
        counts = Counter(token for row in rows for token in row)
        lines = [f"{token}\t{count}" for token, count in counts.most_common()]
        (out / f"vocabulary.{side}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    val = pd.read_parquet(prepared / "val" / "rows.parquet")
    references = references_by_source(val)
    chosen = np.sort(np.random.default_rng(0).permutation(len(references.targets))[:SAMPLE_SIZE])
    sources = [visible_tokens(val["source"].iloc[references.first_rows[place]], kinds["source"]) for place in chosen]
    targets = [[visible_tokens(text, kinds["target"]) for text in references.targets[place]] for place in chosen]
    sample = {
        "rows": references.first_rows[chosen].tolist(),
        "sources": sources,
        "references": targets,
    }
    (out / "sample.json").write_text(json.dumps(sample), encoding="utf-8")
    write_lines(out / "sample.source", sources)
    write_lines(out / "sample.target", [several[0] for several in targets])


def visible_tokens(text: str, tokens: Tokens) -> list[str]:
    """The tokens of a text; a space that is a token by itself is drawn, since spaces part tokens in the files."""
    return [token.replace(" ", SPACE) for token in split_tokens(text, tokens=tokens)]


def write_lines(path: Path, rows: list[list[str]]) -> None:
    path.write_text("\n".join(" ".join(row) for row in rows) + "\n", encoding="utf-8")
