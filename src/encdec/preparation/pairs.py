"""Text pairs as token ids: a folder per split, and the vocabularies that train alone made."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from encdec.cards import CARD_FILE, PairCard
from encdec.outs import write_json
from encdec.params.data import PairSource
from encdec.preparation.rejection import accepted_by_split, rejected_rows
from encdec.preparation.vocabulary import TokenIds, Vocabulary, composed

SIDES = ("source", "target")
COLUMNS = ["sample", "group", "slice", "source", "target"]


class Encoded(NamedTuple):
    source: TokenIds
    target: TokenIds


def prepare_pairs(manifest: pd.DataFrame, section: PairSource, source: str, outs: Mapping[str, Path]) -> pd.DataFrame:
    """Write ids, offsets, rows.parquet and card.json of each split, and the vocabularies into train's folder.

    Args:
        manifest: a row per pair; texts need not be normalised.
        section: the source's tokens and max_characters.
        source: its name, for the card.
        outs: an existing, empty folder for each split.

    Returns:
        sample, split, reason and detail of the rows that are blank or too long, which are left out.

    Raises:
        ValueError: a split without a row, or a vocabulary too small for byte-pair encoding.
    """
    rows = manifest.reset_index(drop=True)
    rows = rows.assign(**{side: pd.Series(composed(rows[side]), dtype="str") for side in SIDES})
    reasons = reasons_against(rows, {"source": section.max_characters.source, "target": section.max_characters.target})
    splits = accepted_by_split(rows, reasons)
    vocabularies = {side: learn(splits["train"], side, section) for side in SIDES}
    encoded = {split: encode(frame, vocabularies) for split, frame in splits.items()}
    card = card_of(encoded["train"], vocabularies, source=source)
    for split, frame in splits.items():
        write_split(frame, encoded[split], card=card, out=outs[split])
    for side, vocabulary in vocabularies.items():
        vocabulary.save(outs["train"] / "vocabulary" / f"{side}.json")
    return rejected_rows(rows, reasons)


def reasons_against(rows: pd.DataFrame, limits: Mapping[str, int]) -> pd.DataFrame:
    """Reason and detail of why a row cannot be used, of both sides where both are bad; empty where it can."""
    empty = pd.Series("", index=rows.index, dtype="str")
    reasons = pd.DataFrame({"reason": empty, "detail": empty})
    for side, limit in limits.items():
        lengths = rows[side].str.len()
        blank, long = rows[side].str.strip() == "", lengths > limit
        counted = side + " has " + lengths.astype("str") + f" characters, more than {limit}"
        told = {
            "reason": empty.mask(long, f"long {side}").mask(blank, f"blank {side}"),
            "detail": empty.mask(long, counted).mask(blank, f"{side} is blank"),
        }
        for column, texts in told.items():
            between = empty.mask((reasons[column] != "") & (texts != ""), "; ")
            reasons[column] = reasons[column] + between + texts
    return reasons


def learn(train: pd.DataFrame, side: str, section: PairSource) -> Vocabulary:
    tokens = section.tokens.source if side == "source" else section.tokens.target
    return Vocabulary.learn(train[side], tokens=tokens, max_size=section.tokens.max_vocab_size)


def encode(rows: pd.DataFrame, vocabularies: Mapping[str, Vocabulary]) -> Encoded:
    return Encoded(*(vocabularies[side].encode_all(rows[side]) for side in SIDES))


def card_of(train: Encoded, vocabularies: Mapping[str, Vocabulary], *, source: str) -> PairCard:
    """EOS, which is not stored, counts as a target token."""
    return PairCard(
        kind="pairs",
        source=source,
        source_vocab_size=vocabularies["source"].size,
        target_vocab_size=vocabularies["target"].size,
        max_source_length=int(train.source.lengths.max()),
        max_target_length=int(train.target.lengths.max()) + 1,
        target_tokens=vocabularies["target"].tokens,
    )


def write_split(rows: pd.DataFrame, encoded: Encoded, *, card: PairCard, out: Path) -> None:
    for side, tokens in zip(SIDES, encoded, strict=True):
        np.save(out / f"{side}_ids.npy", tokens.ids, allow_pickle=False)
        np.save(out / f"{side}_offsets.npy", tokens.offsets, allow_pickle=False)
    rows[COLUMNS].to_parquet(out / "rows.parquet", index=False)
    write_json(out / CARD_FILE, card.model_dump())
