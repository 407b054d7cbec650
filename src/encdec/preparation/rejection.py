"""Rows that cannot be used: each is listed with its reason, and no split may be left empty."""

from collections.abc import Mapping

import pandas as pd

from encdec.params.data import SPLITS


def rejected_rows(manifest: pd.DataFrame, reasons: "pd.Series[str]") -> pd.DataFrame:
    """Sample, split and reason of each row whose reason is not empty, in the order of the manifest."""
    bad = reasons != ""
    return manifest.loc[bad, ["sample", "split"]].assign(reason=reasons[bad]).reset_index(drop=True)


def accepted_by_split(manifest: pd.DataFrame, reasons: "pd.Series[str]") -> Mapping[str, pd.DataFrame]:
    """The rows of each split that have no reason against them, in the order of the manifest.

    Raises:
        ValueError: a split without a row.
    """
    splits = {split: manifest[(manifest["split"] == split) & (reasons == "")] for split in SPLITS}
    for split, rows in splits.items():
        if rows.empty:
            in_manifest = int((manifest["split"] == split).sum())
            found = f"{split} has no row to prepare ({in_manifest} in the manifest, {in_manifest} rejected)"
            raise ValueError(f"manifest.parquet: {found}; give it more data, or a greater share of the split")
    return splits
