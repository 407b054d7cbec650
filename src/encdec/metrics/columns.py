"""Columns that were made batch by batch."""

from collections.abc import Sequence

import numpy as np

from encdec.metrics.scores import Columns


def joined(parts: Sequence[Columns]) -> Columns:
    """The rows of all batches, in their order.

    Raises:
        ValueError: there is no batch.
    """
    if not parts:
        raise ValueError("the split to evaluate has no rows; give it a larger share in params.yaml")
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
