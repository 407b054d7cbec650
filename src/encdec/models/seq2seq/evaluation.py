"""What the sequence-to-sequence model gets right on a split: predictions against all references of each source."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from encdec.batches import PairBatch
from encdec.datasets.folder import spans
from encdec.datasets.pairs import PairSplit
from encdec.losses.sequence import sequence_nll
from encdec.metrics.scores import Columns, Metric, Scores
from encdec.metrics.text import text_columns, text_metrics
from encdec.models.seq2seq.network import Seq2Seq
from encdec.models.seq2seq.spec import Decoding, Seq2SeqSpec
from encdec.params.data import Evaluation
from encdec.preparation.vocabulary import Vocabulary
from encdec.progress import watched

NUM_LENGTH_BINS = 5


class References(NamedTuple):
    """The distinct sources of a split in the order of their first appearance; N of them."""

    first_rows: NDArray[np.int64]  # (N,) the row of the split where each stands first
    targets: list[list[str]]  # N lists: the distinct targets of all rows with that source, in order


class Predictions(NamedTuple):
    """N predictions, in the order of the rows asked for."""

    texts: list[str]
    scores: NDArray[np.float64]  # (N,) log-probability of the prediction, nats
    nll: NDArray[np.float64]  # (N,) nats of the row's own target, EOS included
    num_tokens: NDArray[np.int64]  # (N,) tokens of the row's own target, EOS included


def score(
    network: Seq2Seq,
    spec: Seq2SeqSpec,
    split: PairSplit,
    settings: Evaluation,
    *,
    vocabulary: Vocabulary,
    seed: int,
) -> Scores:
    """Decode every distinct source of the split once and compare with all of its targets.

    Columns, a row per distinct source: those of `text_columns`; nll (nats per token of the first reference, EOS
    included) and nll_tokens (how many); slice. Metrics: exact_match, token_error_rate, nll (per token of all first
    references) and, for words and bpe, bleu. Tables: predictions, by_slice, by_length.

    `vocabulary` is the target's; `seed` is not used, since the search draws nothing. The network is left in eval mode.
    """
    tokens = split.card.target_tokens
    rows = split.rows
    references = references_by_source(rows)
    predictions = predict(
        network,
        split,
        references.first_rows,
        decoding=spec.decoding,
        vocabulary=vocabulary,
        batch_size=settings.batch_size,
    )
    columns: Columns = {
        **text_columns(predictions.texts, references.targets, tokens=tokens),
        "nll": predictions.nll / predictions.num_tokens,
        "nll_tokens": predictions.num_tokens,
        "slice": np.array(rows["slice"].tolist(), dtype=np.str_)[references.first_rows],
    }
    exact_match, token_error_rate, *bleu = text_metrics(tokens=tokens)
    nll = Metric("nll", token_nll, higher_is_better=False)
    tables = {
        "predictions": predictions_table(rows, references, predictions, columns),
        "by_slice": by_slice(columns),
        "by_length": by_length(columns, lengths=split.source.lengths[references.first_rows]),
    }
    return Scores(columns, (exact_match, token_error_rate, nll, *bleu), tables)


def references_by_source(rows: pd.DataFrame) -> References:
    """The split's rows (columns source, target) grouped by source text."""
    targets: dict[str, dict[str, None]] = {}  # dicts as ordered sets
    first_rows = []
    for index, (source, target) in enumerate(zip(rows["source"], rows["target"], strict=True)):
        if source not in targets:
            targets[source] = {}
            first_rows.append(index)
        targets[source][target] = None
    return References(np.array(first_rows, dtype=np.int64), [list(several) for several in targets.values()])


@torch.inference_mode()
def predict(
    network: Seq2Seq,
    split: PairSplit,
    row_indices: NDArray[np.int64],
    *,
    decoding: Decoding,
    vocabulary: Vocabulary,
    batch_size: int,
) -> Predictions:
    """Decode these rows of the split, sources of like length together, and measure their own targets."""
    network.eval()
    device = next(network.parameters()).device
    texts = np.empty(len(row_indices), dtype=object)
    scores, nll = np.zeros(len(row_indices)), np.zeros(len(row_indices))
    num_tokens = np.zeros(len(row_indices), dtype=np.int64)
    by_size = np.argsort(split.source.lengths[row_indices], kind="stable")
    batches = [by_size[start:end] for start, end in spans(len(by_size), batch_size)]
    for places in watched(batches, "evaluate seq2seq", total=len(by_size), unit="sources", weigh=len):
        batch = PairBatch(*(part.to(device) for part in split.batch(row_indices[places])))
        decoded = network.decode(batch.source_ids, batch.source_mask, decoding)
        logits = network(batch.source_ids, batch.source_mask, batch.target_ids)
        labels, mask = batch.target_ids[:, 1:], batch.target_mask[:, 1:]
        texts[places] = [vocabulary.decode(ids) for ids in decoded.ids.tolist()]
        scores[places] = decoded.scores.cpu().numpy()
        nll[places] = sequence_nll(logits, labels, mask).cpu().numpy()
        num_tokens[places] = mask.sum(dim=1).cpu().numpy()
    return Predictions(texts.tolist(), scores, nll, num_tokens)


def predictions_table(
    rows: pd.DataFrame, references: References, predictions: Predictions, columns: Columns
) -> pd.DataFrame:
    """sample (the source's first), source, reference (the closest), prediction, score (log-prob), edits, slice."""
    table = rows[["sample", "source"]].iloc[references.first_rows].reset_index(drop=True)
    which = columns["reference_index"].tolist()
    table["reference"] = [several[index] for several, index in zip(references.targets, which, strict=True)]
    table["prediction"] = predictions.texts
    table["score"] = predictions.scores
    table["edits"] = columns["edits"]
    table["slice"] = columns["slice"].tolist()
    return table


def token_nll(columns: Columns) -> float:
    """Mean over all tokens, not over samples: what val/nll is in training."""
    num_tokens = columns["nll_tokens"].astype(np.float64)
    return float((columns["nll"].astype(np.float64) * num_tokens).sum() / num_tokens.sum())


def by_slice(columns: Columns) -> pd.DataFrame:
    """slice, n, exact_match, token_error_rate; a row per slice, in the order of their names."""
    names, places = np.unique(columns["slice"], return_inverse=True)
    return pd.concat([pd.DataFrame({"slice": names.tolist()}), rates(columns, places)], axis=1)


def by_length(columns: Columns, *, lengths: NDArray[np.int64]) -> pd.DataFrame:
    """min_length, max_length (tokens of the source), n, exact_match, token_error_rate; about as many in each row."""
    inner = np.quantile(lengths, np.arange(1, NUM_LENGTH_BINS) / NUM_LENGTH_BINS)
    _, places = np.unique(np.searchsorted(inner, lengths), return_inverse=True)  # equal lengths stay together
    ends = pd.Series(lengths).groupby(places).agg(min_length="min", max_length="max")
    return pd.concat([ends.reset_index(drop=True), rates(columns, places)], axis=1)


def rates(columns: Columns, places: NDArray[np.int64]) -> pd.DataFrame:
    """n, exact_match, token_error_rate of each group; `places` (N,) says which a sample belongs to."""
    values = {name: columns[name].astype(np.int64) for name in ("exact_match", "edits", "reference_length")}
    groups = pd.DataFrame(values).groupby(places)
    sums = groups.sum()
    return pd.DataFrame(
        {
            "n": groups.size().tolist(),
            "exact_match": groups["exact_match"].mean().tolist(),
            "token_error_rate": (sums["edits"] / sums["reference_length"]).tolist(),
        }
    )
