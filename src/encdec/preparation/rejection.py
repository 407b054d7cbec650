"""Rows that cannot be used: each is listed with its reason, and no split may be left empty."""

from collections.abc import Mapping

import pandas as pd

from encdec.params.data import SPLITS

MOST_REASONS = 3
COLUMNS = ["sample", "split", "reason", "detail"]


def rejected_rows(manifest: pd.DataFrame, reasons: pd.DataFrame) -> pd.DataFrame:
    """Sample, split, reason and detail of each row whose reason is not empty, in the order of the manifest.

    Args:
        reasons: a row for each of the manifest: `reason`, a short category, and `detail`; "" where there is none.
    """
    return pd.concat([manifest[["sample", "split"]], reasons], axis=1)[reasons["reason"] != ""].reset_index(drop=True)


def all_rejected(at_ingest: pd.DataFrame, in_preparation: pd.DataFrame) -> pd.DataFrame:
    """What the source left out, which came into no split, then what preparation leaves out."""
    return pd.concat([at_ingest.assign(split=""), in_preparation])[COLUMNS]


def accepted_by_split(manifest: pd.DataFrame, reasons: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """The rows of each split that have no reason against them, in the order of the manifest.

    Raises:
        ValueError: a split without a row.
    """
    splits = {split: manifest[(manifest["split"] == split) & (reasons["reason"] == "")] for split in SPLITS}
    for split, rows in splits.items():
        if rows.empty:
            why = reasons.loc[manifest["split"] == split, "reason"].value_counts()
            counts = f"{int(why.sum())} in the manifest, {int(why.sum())} rejected"
            told = "".join(f", {count} {reason}" for reason, count in why.head(MOST_REASONS).items())
            remedy = "mend what is rejected, or raise its limit in params.yaml" if len(why) else "or a greater share"
            found = f"{split} has no row to prepare ({counts}{told.replace(',', ':', 1)})"
            raise ValueError(f"manifest.parquet: {found}; give it more data, {remedy}")
    return splits
