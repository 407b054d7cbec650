"""How well predicted texts match their references: edit distance, token error rate, exact match, BLEU.

Axes: N samples, each a prediction with one or more references; T tokens.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.bleu import BLEU

from encdec.metrics.scores import Columns, Metric
from encdec.params.data import Tokens

MAX_NGRAM = 4
MAX_PAIRS = 1024  # pairs measured at once: the distances of one row, (1024, longest reference + 1), stay in the cache


def split_tokens(text: str, *, tokens: Tokens) -> list[str]:
    """What an edit counts in: characters of "characters", else the words between spaces.

    Byte pairs are joined to words first, so that vocabularies of different sizes can be compared.
    """
    return list(text) if tokens == "characters" else text.split()


def edit_distances(predictions: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    """Levenshtein distance of each prediction to its reference, in tokens (Levenshtein 1966): (N,).

    Insertions, deletions and substitutions cost 1.
    """
    pairs = list(zip(predictions, references, strict=True))
    parts = [pairs[start : start + MAX_PAIRS] for start in range(0, len(pairs), MAX_PAIRS)]
    return np.concatenate([np.zeros(0, dtype=np.int64), *(distances_of_part(part) for part in parts)])


def distances_of_part(pairs: Sequence[tuple[Sequence[str], Sequence[str]]]) -> NDArray[np.int64]:
    """The rows of the distance table one after the other, each for all pairs at once: (N,).

    d[i, j] = min(d[i-1, j-1] + [p_i != r_j], d[i-1, j] + 1, d[i, j-1] + 1). The last choice chains along the row:
    d[i, j] = min over k <= j of best[k] + (j - k), so d[i] - j is the running minimum of best - j.
    """
    numbers: dict[str, int] = {}
    predicted, predicted_lengths = padded([pair[0] for pair in pairs], numbers)  # (N, P)
    true, true_lengths = padded([pair[1] for pair in pairs], numbers)  # (N, R)
    column = np.arange(true.shape[1] + 1)
    row = np.broadcast_to(column, (len(pairs), len(column)))  # d[0, j] = j
    distances = true_lengths.copy()  # of an empty prediction
    for index in range(predicted.shape[1]):
        changed = row[:, :-1] + (true != predicted[:, index, None])
        best = row + 1
        np.minimum(best[:, 1:], changed, out=best[:, 1:])
        row = np.minimum.accumulate(best - column, axis=1) + column
        ends = predicted_lengths == index + 1
        distances[ends] = row[ends, true_lengths[ends]]
    return distances


def padded(sequences: Sequence[Sequence[str]], numbers: dict[str, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token numbers (N, longest) and lengths (N,). `numbers` gives each token its number and learns new ones.

    What stands in the padding does not matter: an entry of the distance table depends on none with a larger index.
    """
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    values = np.zeros((len(sequences), int(lengths.max(initial=0))), dtype=np.int64)
    flat = [numbers.setdefault(token, len(numbers)) for sequence in sequences for token in sequence]
    values[np.arange(values.shape[1]) < lengths[:, None]] = flat
    return values, lengths


class Closest(NamedTuple):
    """For each prediction, its reference with the least edits; of several, the longer; of several, the first."""

    edits: NDArray[np.int64]  # (N,)
    reference_length: NDArray[np.int64]  # (N,) tokens
    reference_index: NDArray[np.int64]  # (N,) which of the prediction's references


def closest_references(predictions: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]) -> Closest:
    """Compare each prediction with all of its references, at least one.

    Raises:
        ValueError: a prediction has no reference.
    """
    pairs = [(tokens, true) for tokens, several in zip(predictions, references, strict=True) for true in several]
    edits = edit_distances([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    lengths = np.array([len(pair[1]) for pair in pairs], dtype=np.int64)
    counts = np.array([len(several) for several in references], dtype=np.int64)
    if not counts.all():
        raise ValueError(f"sample {int(counts.argmin())} has no reference; give each prediction at least one")
    samples = np.repeat(np.arange(len(counts)), counts)
    starts = np.cumsum(counts) - counts
    order = np.lexsort((-lengths, edits, samples))  # stable: of equals, the first
    chosen = order[starts]
    return Closest(edits[chosen], lengths[chosen], chosen - starts)


class BleuStatistics(NamedTuple):
    """Per-sample counts that add up to the corpus's, so that a bootstrap can resample rows."""

    counts: NDArray[np.int64]  # (N, 4) n-grams of the prediction that a reference has, n = 1..4
    totals: NDArray[np.int64]  # (N, 4) n-grams of the prediction
    lengths: NDArray[np.int64]  # (N, 2) words of the prediction, words of the reference that is closest in length


def bleu_statistics(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> BleuStatistics:
    """Match counts of texts whose words stand between spaces, as sacrebleu counts them with tokenize="none"."""
    bleu = BLEU(tokenize="none", effective_order=True, force=True)  # both silence hints, neither changes a count
    samples = [bleu.sentence_score(text, list(several)) for text, several in zip(predictions, references, strict=True)]
    return BleuStatistics(
        np.array([sample.counts for sample in samples], dtype=np.int64).reshape(-1, MAX_NGRAM),
        np.array([sample.totals for sample in samples], dtype=np.int64).reshape(-1, MAX_NGRAM),
        np.array([(sample.sys_len, sample.ref_len) for sample in samples], dtype=np.int64).reshape(-1, 2),
    )


def corpus_bleu(statistics: BleuStatistics) -> float:
    """BLEU of the corpus, 0 to 100: of the counts' sums, not a mean over samples (Papineni et al. 2002).

    Equals sacrebleu's corpus score, with its smoothing for a missing n-gram order ("exp").
    """
    predicted, true = statistics.lengths.sum(axis=0).tolist()
    score = BLEU.compute_bleu(
        statistics.counts.sum(axis=0).tolist(),
        statistics.totals.sum(axis=0).tolist(),
        predicted,
        true,
        smooth_method="exp",
    )
    return float(score.score)


def text_columns(predictions: Sequence[str], references: Sequence[Sequence[str]], *, tokens: Tokens) -> Columns:
    """Per-sample values of predicted texts, each with one or more references, of a model or of a baseline.

    Returns:
        exact_match (N,), and of the closest reference edits (N,), reference_length (N,) in tokens and reference_index
        (N,); for words and bpe also bleu_counts (N, 4), bleu_totals (N, 4), bleu_lengths (N, 2).
    """
    closest = closest_references(
        [split_tokens(text, tokens=tokens) for text in predictions],
        [[split_tokens(text, tokens=tokens) for text in several] for several in references],
    )
    columns = {
        "exact_match": closest.edits == 0,
        "edits": closest.edits,
        "reference_length": closest.reference_length,
        "reference_index": closest.reference_index,
    }
    if tokens == "characters":
        return columns
    bleu = bleu_statistics(predictions, references)
    return columns | {"bleu_counts": bleu.counts, "bleu_totals": bleu.totals, "bleu_lengths": bleu.lengths}


def text_metrics(*, tokens: Tokens) -> tuple[Metric, ...]:
    """Metrics of `text_columns`, exact match first."""
    metrics = (
        Metric("exact_match", exact_match, higher_is_better=True),
        Metric("token_error_rate", token_error_rate, higher_is_better=False),
    )
    return metrics if tokens == "characters" else (*metrics, Metric("bleu", bleu_of_columns, higher_is_better=True))


def exact_match(columns: Columns) -> float:
    """The share of samples whose prediction is one of their references, token by token."""
    return float(columns["exact_match"].astype(np.float64).mean())


def token_error_rate(columns: Columns) -> float:
    """All edits over all reference tokens: not a mean over samples, and above 1 where predictions are too long.

    Raises:
        ValueError: the references have no tokens.
    """
    total = columns["reference_length"].astype(np.int64).sum()
    if total == 0:
        raise ValueError("token_error_rate: the references have no tokens; give at least one that is not empty")
    return float(columns["edits"].astype(np.int64).sum() / total)


def bleu_of_columns(columns: Columns) -> float:
    """`corpus_bleu` of the columns that `text_columns` makes."""
    counts, totals, lengths = (columns[f"bleu_{name}"].astype(np.int64) for name in ("counts", "totals", "lengths"))
    return corpus_bleu(BleuStatistics(counts, totals, lengths))
