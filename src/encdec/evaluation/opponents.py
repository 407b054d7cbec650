"""Which baseline a model is measured against, and by which metrics."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from encdec.datasets.pairs import PairSplit
from encdec.evaluation.baseline_files import (
    BERNOULLI_FILE,
    LOGISTIC_FILE,
    NOISE_FILE,
    PCA_FILE,
    PPCA_FILE,
    TEXTS_FILE,
    WIENER_FILE,
)
from encdec.evaluation.comparison import Opponent
from encdec.metrics.scores import Columns, Scores
from encdec.models.autoencoder.spec import AutoencoderSpec
from encdec.models.cnn.spec import CnnSpec
from encdec.models.denoising_autoencoder.spec import DenoisingAutoencoderSpec
from encdec.models.sparse_autoencoder.spec import SparseAutoencoderSpec
from encdec.models.vae.spec import VaeSpec
from encdec.outs import OFF_FILE
from encdec.params.corruption import Corruption
from encdec.params.root import ModelSpec

NEAREST, COPY = "nearest neighbour", "copy of the source"


def image_opponents(spec: ModelSpec, scores: Scores, folder: Path) -> tuple[Opponent, ...]:
    """The baselines of a model of images, from what the baselines stage wrote.

    Raises:
        ValueError: a file is missing, or the noise of a filter is not that of the model.
    """
    match spec:
        case CnnSpec():
            names = tuple(metric.name for metric in scores.metrics)
            return (Opponent("logistic regression", read_columns(folder / LOGISTIC_FILE), names),)
        case AutoencoderSpec():
            return (principal_components(folder, spec.network.latent_dim),)
        case SparseAutoencoderSpec():
            return (principal_components(folder, round(float(scores.columns["active_units"].mean()))),)
        case DenoisingAutoencoderSpec():
            columns = read_columns(folder / WIENER_FILE)
            check_noise(spec.corruption, scores.columns, columns, folder=folder)
            return (Opponent("Wiener filter", columns, ("mse", "psnr")),)
        case VaeSpec(likelihood="gaussian"):
            return (
                likelihood(folder / PPCA_FILE, "probabilistic PCA", spec.network.latent_dim),
                principal_components(folder, spec.network.latent_dim),
            )
        case VaeSpec():
            # its pixels are binary, so its squared error cannot be compared with that of grey ones
            return (Opponent("independent pixels", tight_bound(read_array(folder / BERNOULLI_FILE)), BOUND),)
        case _:
            raise ValueError(f"{folder}: no baseline for a {type(spec).__name__}, which does not read images")


BOUND = ("negative_elbo", "nll")
"""What a likelihood is compared by: where the posterior is exact, the bound is the likelihood itself."""


def tight_bound(nll: NDArray[np.float64]) -> Columns:
    """Columns of a model whose evidence lower bound is its log-likelihood (arXiv:1911.02469)."""
    return {"elbo": -nll, "nll": nll}


def likelihood(path: Path, name: str, components: int) -> Opponent:
    nll, count = leading(path, components)
    return Opponent(f"{name}, {counted(count)}", tight_bound(nll), BOUND)


def principal_components(folder: Path, components: int) -> Opponent:
    errors, count = leading(folder / PCA_FILE, components)
    return Opponent(f"PCA, {counted(count)}", {"mse": errors}, ("mse", "psnr"))


def leading(path: Path, components: int) -> tuple[NDArray[np.float64], int]:
    """The column (N,) of a table (N, M) for so many components, or for as many as there are, and at least one."""
    table = read_array(path)
    count = min(max(components, 1), table.shape[1])
    return np.array(table[:, count - 1]), count


def counted(components: int) -> str:
    return f"{components} component{'' if components == 1 else 's'}"


def check_noise(corruption: Corruption, model: Columns, baseline: Columns, *, folder: Path) -> None:
    """Both must have been given the same noisy images."""
    fitted = read_noise(folder)["corruption"]
    if fitted != corruption.model_dump(mode="json"):
        raise ValueError(
            f"{folder}: the filter was fitted to the corruption {fitted}, the model to "
            f"{corruption.model_dump(mode='json')}: a corruption cannot be searched; run the baselines stage"
        )
    ours, theirs = model["mse_before"], baseline["mse_before"]
    if ours.shape != theirs.shape or not np.allclose(ours.astype(np.float64), theirs.astype(np.float64), rtol=1e-4):
        raise ValueError(f"{folder}: the noise on test is not that of the model's evaluation; run the baselines stage")


def read_texts(folder: Path, split: PairSplit) -> pd.DataFrame:
    """For each distinct source of the split, in order, what the baselines answer.

    Raises:
        ValueError: the file is missing, or its sources are not those of the split.
    """
    path = present(folder / TEXTS_FILE)
    texts = pd.read_parquet(path)
    if texts["source"].tolist() != split.rows["source"].drop_duplicates().tolist():
        raise ValueError(f"{path}: its sources are not those of {split.folder}; run the baselines stage")
    return texts


def pair_opponents(scores: Scores, columns: Mapping[str, Columns]) -> Sequence[Opponent]:
    """The nearest neighbour, by every metric that needs no probability."""
    names = tuple(metric.name for metric in scores.metrics if metric.name != "nll")
    return (Opponent(NEAREST, columns[NEAREST], names),)


def read_noise(folder: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(present(folder / NOISE_FILE).read_bytes())
    return found


def read_columns(path: Path) -> Columns:
    table = pd.read_parquet(present(path))
    return {str(name): table[name].to_numpy() for name in table.columns}


def read_array(path: Path) -> NDArray[np.float64]:
    table: NDArray[np.float64] = np.load(present(path), mmap_mode="r", allow_pickle=False)
    return table


def present(path: Path) -> Path:
    if (path.parent / OFF_FILE).exists():
        raise ValueError(f"{path.parent}: this kind of data is switched off in params.yaml; run the baselines stage")
    if not path.is_file():
        raise ValueError(f"{path}: no such file; run the baselines stage")
    return path
