"""How many units of a code work."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def mean_active_units(active_units: NDArray[Any]) -> float:
    """Active units of an image, the mean over images: counts (N,) -> a number."""
    return float(np.mean(active_units))


def dead_units(active: NDArray[Any]) -> float:
    """Units that no image activates: (N, Z) -> a number from 0 to Z."""
    return float((~active.any(axis=0)).sum())
