"""Fitted components on the disk, so that figures can show what a linear method makes of an image."""

from pathlib import Path

import numpy as np

from encdec.evaluation.principal_components import PrincipalComponents

COMPONENTS_FILE = "components.npz"
MAX_VALUES = 2**20
"""Values of the directions that are stored: 4 MiB. Of large images fewer components are, the leading ones."""


def write_components(folder: Path, components: PrincipalComponents) -> None:
    """The same bytes for the same components; directions as float32."""
    count, inputs = components.directions.shape
    kept = min(count, max(1, MAX_VALUES // inputs))
    np.savez(
        folder / COMPONENTS_FILE,
        mean=components.mean,
        directions=components.directions[:kept].astype(np.float32),
        variances=components.variances[:kept],
        total_variance=np.float64(components.total_variance),
        least_variance=np.float64(components.least_variance),
        count=np.int64(count),
    )


def read_components(path: Path) -> tuple[PrincipalComponents, int]:
    """What is stored, and how many components were fitted."""
    with np.load(path, allow_pickle=False) as stored:
        found = PrincipalComponents(
            mean=stored["mean"],
            directions=stored["directions"].astype(np.float64),
            variances=stored["variances"],
            total_variance=float(stored["total_variance"]),
            least_variance=float(stored["least_variance"]),
        )
        return found, int(stored["count"])
