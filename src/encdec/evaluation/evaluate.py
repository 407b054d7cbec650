"""Measures a trained model on a split, beside its baseline, and writes what was found."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from encdec.cards import ImageCard
from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.evaluation.bootstrap import Resampling, compute_all
from encdec.evaluation.comparison import Comparison, Opponent, as_json, compare
from encdec.evaluation.opponents import COPY, NEAREST, image_opponents, pair_opponents, read_texts
from encdec.metrics.scores import Columns, Scores
from encdec.models.autoencoder.spec import AutoencoderSpec
from encdec.models.build import fitting
from encdec.models.cnn.spec import CnnSpec
from encdec.models.denoising_autoencoder.spec import DenoisingAutoencoderSpec
from encdec.models.sparse_autoencoder.spec import SparseAutoencoderSpec
from encdec.models.storage import VOCABULARY_FOLDER, TrainedModel, load_model
from encdec.models.vae.spec import VaeSpec
from encdec.outs import table_text, write_json, write_text
from encdec.params.data import Evaluation
from encdec.params.root import ModelName


class Evaluated(NamedTuple):
    """What was measured: `samples` has a row per row of the scores, `split` is the name of the folder."""

    name: ModelName
    split: str
    scores: Scores
    opponents: Sequence[Opponent]
    comparisons: Sequence[Comparison]
    samples: pd.DataFrame
    tables: Mapping[str, pd.DataFrame]
    resampling: Resampling


def evaluate_model(folder: Path, *, split: Path, baselines: Path, settings: Evaluation, seed: int) -> Evaluated:
    """Score the model stored in `folder` on a prepared split, and compare it with its baseline on the same rows.

    `seed` decides the model's draws (noise, codes) and the rows that the bootstrap draws.

    Raises:
        ValueError: a file is missing or broken, or the model was trained on other data than the split has.
    """
    model = load_model(folder)
    resampling = Resampling(settings.bootstrap_resamples, settings.confidence, seed)
    if isinstance(model.card, ImageCard):
        images = ImageSplit.open(split)
        check_card(model, images, folder)
        scores = score_images(model, images, settings, seed=seed)
        opponents: Sequence[Opponent] = image_opponents(model.spec, scores, baselines)
        rows, tables = images.rows[["sample"]], scores.tables
    else:
        pairs = PairSplit.open(split)
        check_card(model, pairs, folder)
        scores = score_pairs(model, pairs, settings, vocabulary=folder / VOCABULARY_FOLDER, seed=seed)
        answers = text_baselines(pairs, baselines)
        opponents = pair_opponents(scores, answers)
        rows = pairs.rows.drop_duplicates("source")[["sample", "source"]]
        tables = {**scores.tables, "baselines": baselines_table(scores, answers)}
    return Evaluated(
        name=model.name,
        split=split.name,
        scores=scores,
        opponents=opponents,
        comparisons=compare(scores, opponents, resampling=resampling),
        samples=samples_table(rows, scores, opponents),
        tables=tables,
        resampling=resampling,
    )


def score_images(model: TrainedModel, split: ImageSplit, settings: Evaluation, *, seed: int) -> Scores:
    """The model's own evaluation; only that of the model at hand is imported."""
    name, spec, _, network = model
    match spec:
        case CnnSpec():
            from encdec.models.cnn import evaluation as cnn
            from encdec.models.cnn.network import Cnn

            return cnn.score(fitting(name, network, Cnn), spec, split, settings, seed=seed)
        case AutoencoderSpec():
            from encdec.models.autoencoder import evaluation as autoencoder
            from encdec.models.autoencoder.network import Autoencoder

            return autoencoder.score(fitting(name, network, Autoencoder), spec, split, settings, seed=seed)
        case SparseAutoencoderSpec():
            from encdec.models.sparse_autoencoder import evaluation as sparse
            from encdec.models.sparse_autoencoder.network import SparseAutoencoder

            return sparse.score(fitting(name, network, SparseAutoencoder), spec, split, settings, seed=seed)
        case DenoisingAutoencoderSpec():
            from encdec.models.denoising_autoencoder import evaluation as denoising
            from encdec.models.denoising_autoencoder.network import DenoisingAutoencoder

            return denoising.score(fitting(name, network, DenoisingAutoencoder), spec, split, settings, seed=seed)
        case VaeSpec():
            from encdec.models.vae import evaluation as vae
            from encdec.models.vae.network import VariationalAutoencoder

            return vae.score(fitting(name, network, VariationalAutoencoder), spec, split, settings, seed=seed)
        case _:
            raise ValueError(f"model {name} does not read images, but was trained on {split.card.source}")


def score_pairs(model: TrainedModel, split: PairSplit, settings: Evaluation, *, vocabulary: Path, seed: int) -> Scores:
    """The sequence model's own evaluation, with the vocabulary that was stored with its weights."""
    from encdec.models.seq2seq import evaluation as seq2seq
    from encdec.models.seq2seq.network import Seq2Seq
    from encdec.models.seq2seq.spec import Seq2SeqSpec
    from encdec.preparation.vocabulary import Vocabulary

    network, spec = fitting(model.name, model.network, Seq2Seq), fitting(model.name, model.spec, Seq2SeqSpec)
    target = Vocabulary.load(vocabulary / "target.json")
    return seq2seq.score(network, spec, split, settings, vocabulary=target, seed=seed)


def text_baselines(split: PairSplit, baselines: Path) -> Mapping[str, Columns]:
    """The columns of each baseline's answers, measured as the model's are."""
    from encdec.metrics.text import text_columns
    from encdec.models.seq2seq.evaluation import references_by_source

    texts, references = read_texts(baselines, split), references_by_source(split.rows)
    return {
        name: text_columns(texts[column].tolist(), references.targets, tokens=split.card.target_tokens)
        for name, column in ((NEAREST, "nearest_neighbour"), (COPY, "copy"))
    }


def baselines_table(scores: Scores, answers: Mapping[str, Columns]) -> pd.DataFrame:
    """A row per baseline, a column per metric that needs no probability."""
    metrics = [metric for metric in scores.metrics if metric.name != "nll"]
    rows = [[name, *compute_all(metrics, columns)] for name, columns in answers.items()]
    return pd.DataFrame(rows, columns=["baseline", *(metric.name for metric in metrics)])


def samples_table(rows: pd.DataFrame, scores: Scores, opponents: Sequence[Opponent]) -> pd.DataFrame:
    """A row per sample: its name, the model's values, and those of each baseline behind the baseline's name."""
    table = rows.reset_index(drop=True)
    owned = [("", scores.columns)]
    owned += [(f"{opponent.name.split(',')[0].replace(' ', '_')}_", opponent.columns) for opponent in opponents]
    values = {
        f"{prefix}{name}": column.tolist() if column.dtype.kind == "U" else column
        for prefix, columns in owned
        for name, column in columns.items()
        if column.ndim == 1
    }
    return pd.concat([table, pd.DataFrame(values)], axis=1)


def check_card(model: TrainedModel, split: ImageSplit | PairSplit, folder: Path) -> None:
    if model.card != split.card:
        raise ValueError(
            f"{folder}: trained on {model.card.source} with the card {model.card}, but {split.folder} has the card "
            f"{split.card}; run the train stage"
        )


def write_evaluation(evaluated: Evaluated, *, metrics: Path, baseline: Path, details: Path) -> None:
    """metrics.json and baseline.json, flat; into the existing folder `details` everything else."""
    comparisons = evaluated.comparisons
    write_json(metrics, {found.metric.name: found.model.value for found in comparisons})
    write_json(baseline, {found.metric.name: found.baseline.value for found in comparisons if found.baseline})
    write_json(details / "evaluation.json", as_json(comparisons))
    write_json(details / "protocol.json", protocol(evaluated))
    evaluated.samples.to_parquet(details / "samples.parquet", index=False)
    for name, table in evaluated.tables.items():
        write_text(details / f"{name}.csv", table_text(table))


def protocol(evaluated: Evaluated) -> Mapping[str, object]:
    """How the numbers were made; `metrics` is their order, the headline first."""
    resamples, confidence, seed = evaluated.resampling
    rows = len(evaluated.samples)
    unit = "distinct sources" if evaluated.name == "seq2seq" else "images"
    return {
        "split": evaluated.split,
        "rows": rows,
        "unit": unit,
        "resamples": resamples,
        "confidence": confidence,
        "seed": seed,
        "metrics": [metric.name for metric in evaluated.scores.metrics],
        "text": (
            f"Measured once on the {rows:,} {unit} of the {evaluated.split} split, which neither tuning nor training "
            f"opens. Brackets: {confidence * 100:g} % percentile bootstrap, {resamples:,} resamples of these {unit}, "
            f"seed {seed}; the difference is paired, on the same resamples. One training seed."
        ),
    }
