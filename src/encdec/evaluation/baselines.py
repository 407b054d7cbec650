"""What simple methods reach on the same test rows, measured once per kind of data: fitted on train, chosen on val."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from encdec.datasets.folder import spans
from encdec.datasets.images import ImageSplit
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
from encdec.evaluation.components import write_components
from encdec.evaluation.independent_pixels import independent_nll
from encdec.evaluation.logistic_regression import Rows, classify, label_columns
from encdec.evaluation.nearest_neighbour import nearest_rows
from encdec.evaluation.principal_components import (
    PrincipalComponents,
    fit_components,
    probabilistic_nll,
    reconstruction_errors,
)
from encdec.evaluation.wiener import fit_wiener, restore
from encdec.metrics.scores import Columns
from encdec.nn.corruption import corrupt
from encdec.outs import write_json
from encdec.params.corruption import Corruption

SUMMARY_FILE = "baselines.json"
MAX_VALUES = 2**21
"""Pixels of test rows that are measured at once: 16 MiB."""
Measure = Callable[[NDArray[np.float64]], NDArray[np.float64]]
ON = 0.5
"""A pixel above this is on, as the Bernoulli VAE has it."""


def write_image_baselines(
    out: Path,
    *,
    train: ImageSplit,
    val: ImageSplit,
    test: ImageSplit,
    seed: int,
    threads: int,
) -> None:
    """Logistic regression, principal components and independent pixels, into an existing folder."""
    with threadpool_limits(threads):
        strength = write_logistic_regression(out, train=train, val=val, test=test)
        known = flat(train, np.float64)
        components = fit_components(known, pixel_max=train.card.pixel_max, seed=seed)
        known_on = known > ON
        del known
        write_components(out, components)
        write_by_rows(out / PCA_FILE, test, partial(reconstruction_errors, components))
        write_by_rows(out / PPCA_FILE, test, partial(probabilistic_nll, components))
        write_by_rows(out / BERNOULLI_FILE, test, lambda asked: independent_nll(known_on, asked > ON))
    summary = {
        "rows": {"train": len(train), "val": len(val), "test": len(test)},
        "logistic_regression": strength,
        "principal_components": {"components": len(components.variances), "inputs": train.card.inputs},
    }
    write_json(out / SUMMARY_FILE, summary)


def write_noise_baselines(
    out: Path,
    *,
    train: ImageSplit,
    test: ImageSplit,
    corruption: Corruption,
    batch_size: int,
    seed: int,
    threads: int,
) -> None:
    """The Wiener filter, apart from the others: only it depends on the corruption, a parameter of one model.

    `batch_size` and `seed` decide the noise on test, which is that of the denoising autoencoder's evaluation.
    """
    with threadpool_limits(threads):
        components = fit_components(flat(train, np.float64), pixel_max=train.card.pixel_max, seed=seed)
        write_components(out, components)
        columns = wiener_columns(components, test, corruption=corruption, batch_size=batch_size, seed=seed)
    write_columns(out / WIENER_FILE, columns)
    summary = {"corruption": corruption.model_dump(), "batch_size": batch_size, "seed": seed}
    write_json(out / NOISE_FILE, summary)


def write_logistic_regression(out: Path, *, train: ImageSplit, val: ImageSplit, test: ImageSplit) -> dict[str, Any]:
    """The columns of test, and how the strength of the penalty was chosen."""
    known, held = (Rows(flat(split, np.float32), np.asarray(split.labels)) for split in (train, val))
    fitted = classify(known, held, flat(test, np.float32), num_classes=len(train.card.classes))
    write_columns(out / LOGISTIC_FILE, label_columns(fitted.log_probs, np.asarray(test.labels)))
    return {"C": fitted.strength, "val_nll": {f"{strength:g}": nll for strength, nll in fitted.val_nll.items()}}


def wiener_columns(
    components: PrincipalComponents, test: ImageSplit, *, corruption: Corruption, batch_size: int, seed: int
) -> Columns:
    """Mean squared error of each test image (N,), before and after the filter."""
    wiener = fit_wiener(components, corruption)
    generator = torch.Generator().manual_seed(seed)
    before, after = [], []
    for images, _ in test.batches(batch_size, label="baselines noise"):
        noisy = corrupt(images, corruption, generator=generator)
        clean = images.flatten(1).double().numpy()
        given = noisy.flatten(1).double().numpy()
        before.append(np.square(given - clean).mean(axis=1))
        after.append(np.square(restore(wiener, given) - clean).mean(axis=1))
    return {"mse_before": np.concatenate(before), "mse": np.concatenate(after)}


def write_pair_baselines(out: Path, *, train: PairSplit, test: PairSplit, threads: int) -> None:
    """For each distinct test source, in order: the target of its nearest train source, and the source itself."""
    known, asked = train.rows, test.rows["source"].drop_duplicates()
    with threadpool_limits(threads):
        nearest = nearest_rows(known["source"].tolist(), asked.tolist())
    texts = pd.DataFrame(
        {
            "source": asked.to_numpy(),
            "neighbour": known["source"].to_numpy()[nearest],
            "nearest_neighbour": known["target"].to_numpy()[nearest],
            "copy": asked.to_numpy(),
        }
    )
    texts.to_parquet(out / TEXTS_FILE, index=False)
    write_json(out / SUMMARY_FILE, {"rows": {"train": len(known), "test": len(test)}, "distinct_sources": len(texts)})


def write_columns(path: Path, columns: Columns) -> None:
    pd.DataFrame(columns).to_parquet(path, index=False)


def write_by_rows(path: Path, split: ImageSplit, measure: Measure) -> None:
    """What `measure` makes of the split's rows (N, D), an array (N,) or (N, M), with a part of them in memory."""
    parts = spans(len(split), max(1, MAX_VALUES // split.card.inputs))
    first = measure(flat(split, np.float64, parts[0]))
    shape = (len(split), *first.shape[1:])
    with path.open("wb") as file:  # not a mapped file: on a full disk that ends the process
        header = {"descr": np.lib.format.dtype_to_descr(first.dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(np.ascontiguousarray(first).data)
        for part in parts[1:]:
            file.write(np.ascontiguousarray(measure(flat(split, np.float64, part))).data)


def flat(split: ImageSplit, dtype: type[np.floating[Any]], part: tuple[int, int] | None = None) -> NDArray[Any]:
    """The images, or those from the first row of a part to its end, as rows (N, D) with the card's `pixel_max` at 1."""
    images = split.images if part is None else split.images[slice(*part)]
    stored: NDArray[Any] = np.asarray(images).reshape(len(images), -1).astype(dtype)
    stored /= split.card.pixel_max
    return stored
