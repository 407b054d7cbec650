"""Which figures a model has: its learning curves, and those of its own folder with the baseline beside them."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from encdec.cards import ImageCard
from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.evaluation.components import COMPONENTS_FILE, read_components
from encdec.evaluation.opponents import counted, present
from encdec.evaluation.principal_components import PrincipalComponents, project
from encdec.evaluation.wiener import fit_wiener, restore
from encdec.figures.learning import learning_curves
from encdec.figures.picture import Picture
from encdec.figures.reconstruction import Rival
from encdec.metrics.scores import Scores
from encdec.models.autoencoder.spec import AutoencoderSpec
from encdec.models.build import fitting
from encdec.models.cnn.spec import CnnSpec
from encdec.models.denoising_autoencoder.spec import DenoisingAutoencoderSpec
from encdec.models.sparse_autoencoder.spec import SparseAutoencoderSpec
from encdec.models.storage import VOCABULARY_FOLDER, TrainedModel, load_model
from encdec.models.vae.spec import VaeSpec
from encdec.params.corruption import Corruption
from encdec.params.data import Evaluation

HISTORY_FILE = "history.csv"


def draw_model(
    folder: Path, *, split: Path, baselines: Path, scores: Scores, settings: Evaluation, seed: int
) -> Sequence[Picture]:
    """The figures of the model stored in `folder`, in the order of display; `scores` are those of the same split.

    Raises:
        ValueError: a file is missing or broken.
    """
    model = load_model(folder)
    curves = learning_curves(read_history(folder), monitor=model.spec.monitor)
    if isinstance(model.card, ImageCard):
        images = ImageSplit.open(split)
        return [curves, *draw_images(model, images, scores, settings, baselines=baselines, seed=seed)]
    pairs, vocabulary = PairSplit.open(split), folder / VOCABULARY_FOLDER
    return [curves, *draw_pairs(model, pairs, scores, settings, vocabulary=vocabulary)]


def read_history(folder: Path) -> pd.DataFrame:
    path = folder / HISTORY_FILE
    if not path.is_file():
        raise ValueError(f"{path}: no such file; run the train stage")
    return pd.read_csv(path)


def draw_images(
    model: TrainedModel, split: ImageSplit, scores: Scores, settings: Evaluation, *, baselines: Path, seed: int
) -> Sequence[Picture]:
    """The model's own figures; only those of the model at hand are imported."""
    name, spec, _, network = model
    match spec:
        case CnnSpec():
            from encdec.models.cnn import figures as cnn

            return cnn.figures(split, scores, settings)
        case AutoencoderSpec():
            from encdec.models.autoencoder import figures as autoencoder
            from encdec.models.autoencoder.network import Autoencoder

            rival = linear(baselines, spec.network.latent_dim)
            return autoencoder.figures(fitting(name, network, Autoencoder), split, scores, settings, rival=rival)
        case SparseAutoencoderSpec():
            from encdec.models.sparse_autoencoder import figures as sparse
            from encdec.models.sparse_autoencoder.network import SparseAutoencoder

            rival = linear(baselines, round(float(scores.columns["active_units"].astype(float).mean())))
            return sparse.figures(fitting(name, network, SparseAutoencoder), split, scores, settings, rival=rival)
        case DenoisingAutoencoderSpec():
            from encdec.models.denoising_autoencoder import figures as denoising
            from encdec.models.denoising_autoencoder.network import DenoisingAutoencoder

            denoiser, rival = fitting(name, network, DenoisingAutoencoder), filtered(baselines, spec.corruption)
            return denoising.figures(denoiser, spec, split, scores, settings, rival=rival, seed=seed)
        case VaeSpec():
            from encdec.models.vae import figures as vae
            from encdec.models.vae.network import VariationalAutoencoder

            # a Bernoulli's pixels are binary: what rebuilds grey ones has no place beside them
            rival = linear(baselines, spec.network.latent_dim) if spec.likelihood == "gaussian" else None
            variational = fitting(name, network, VariationalAutoencoder)
            return vae.figures(variational, split, scores, settings, rival=rival, seed=seed)
        case _:
            raise ValueError(f"model {name} does not read images, but was trained on {split.card.source}")


def draw_pairs(
    model: TrainedModel, split: PairSplit, scores: Scores, settings: Evaluation, *, vocabulary: Path
) -> Sequence[Picture]:
    from encdec.models.seq2seq import figures as seq2seq
    from encdec.models.seq2seq.network import Seq2Seq
    from encdec.models.seq2seq.spec import Seq2SeqSpec
    from encdec.preparation.vocabulary import Vocabulary

    network, spec = fitting(model.name, model.network, Seq2Seq), fitting(model.name, model.spec, Seq2SeqSpec)
    sides = seq2seq.Vocabularies(*(Vocabulary.load(vocabulary / f"{side}.json") for side in ("source", "target")))
    return seq2seq.figures(network, spec, split, scores, settings, vocabularies=sides)


def linear(baselines: Path, components: int) -> Rival | None:
    """PCA with as many components as the code has units, or as there are; None where not so many are stored."""
    fitted, total = read_components(present(baselines / COMPONENTS_FILE))
    count = min(max(components, 1), total)
    if count > len(fitted.variances):
        return None
    return Rival(f"PCA,\n{counted(count)}", partial(rebuilt, fitted, count))


def filtered(baselines: Path, corruption: Corruption) -> Rival | None:
    """The Wiener filter; None where the components that it needs are too many to be stored."""
    fitted, total = read_components(present(baselines / COMPONENTS_FILE))
    if total > len(fitted.variances):
        return None
    wiener = fit_wiener(fitted, corruption)
    return Rival("Wiener filter", lambda images: restore(wiener, rows_of(images)).reshape(images.shape))


def rebuilt(components: PrincipalComponents, count: int, images: NDArray[np.floating]) -> NDArray[np.float64]:
    """Images (N, C, H, W) from their first `count` components."""
    return project(components, rows_of(images), count=count).reshape(images.shape)


def rows_of(images: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(images, dtype=np.float64).reshape(len(images), -1)
