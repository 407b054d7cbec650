"""The figures of a sequence-to-sequence model: where it looked, where it errs, and its worst mistakes."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.stats import norm

from encdec.cards import EOS_ID
from encdec.datasets.pairs import PairSplit
from encdec.figures.attention import END, Reading, attention
from encdec.figures.bars import Rates, rates_by_group
from encdec.figures.fonts import code_point, missing
from encdec.figures.picture import Picture, Words
from encdec.figures.scripts import one_of_each_script
from encdec.figures.texts import WrongText, wrong_texts
from encdec.metrics.scores import Scores
from encdec.metrics.text import split_tokens
from encdec.models.seq2seq.network import Seq2Seq
from encdec.models.seq2seq.spec import Seq2SeqSpec
from encdec.params.data import Evaluation
from encdec.preparation.vocabulary import Vocabulary

MOST_MAPS, MOST_MISTAKES, LONGEST = 6, 12, 48


class Vocabularies(NamedTuple):
    source: Vocabulary
    target: Vocabulary


def figures(
    network: Seq2Seq,
    spec: Seq2SeqSpec,
    split: PairSplit,
    scores: Scores,
    settings: Evaluation,
    *,
    vocabularies: Vocabularies,
) -> list[Picture]:
    """Without attention there is no heat map, and with one slice no figure of slices."""
    table = scores.tables["predictions"]
    pictures = [
        *by_slice(scores.tables["by_slice"], confidence=settings.confidence),
        by_length(scores.tables["by_length"], confidence=settings.confidence),
        *worst_mistakes(table, tokens=split.card.target_tokens),
    ]
    if spec.network.attention != "none":
        pictures += attention_maps(network, spec, split, table, vocabularies=vocabularies)
    return pictures


def attention_maps(
    network: Seq2Seq, spec: Seq2SeqSpec, split: PairSplit, table: pd.DataFrame, *, vocabularies: Vocabularies
) -> list[Picture]:
    """One of each script in the split, of median length; very long sources only where there are no others."""
    rows = split.rows
    first = np.flatnonzero(~rows["source"].duplicated().to_numpy())
    lengths = split.source.lengths[first]
    kept = np.flatnonzero(lengths <= LONGEST) if (lengths <= LONGEST).any() else np.arange(len(first))
    texts = table["source"].tolist()
    chosen = one_of_each_script([texts[place] for place in kept], lengths[kept], most=MOST_MAPS)
    scripts = [script for script, _ in chosen]
    pictures = []
    for number, (script, place) in enumerate(chosen):
        entry = int(kept[place])
        reading = read(network, spec, split, int(first[entry]), table.iloc[entry], vocabularies=vocabularies)
        again = scripts[:number].count(script)
        name = f"attention_{script.lower()}" + (f"_{again + 1}" if again else "")
        pictures.append(attention(reading, name=name, script=script + (f" {again + 1}" if again else "")))
    return pictures


@torch.inference_mode()
def read(
    network: Seq2Seq, spec: Seq2SeqSpec, split: PairSplit, row: int, entry: pd.Series, *, vocabularies: Vocabularies
) -> Reading:
    """Decode one row as the evaluation does, and keep where each step looked."""
    network.eval()
    batch = split.batch(np.array([row]))
    decoded = network.decode(batch.source_ids, batch.source_mask, spec.decoding)
    ids = decoded.ids[0].tolist()
    ends = EOS_ID in ids
    written = vocabularies.target.tokens_of(ids)
    tokens = [*written, END] if ends else written
    weights = np.zeros((len(tokens), 0)) if decoded.attention is None else decoded.attention[0].numpy()
    source = source_tokens(str(entry["source"]), batch.source_ids[0].tolist(), vocabularies.source)
    return Reading(
        source=str(entry["source"]),
        output=vocabularies.target.decode(ids),
        reference=str(entry["reference"]),
        source_tokens=source,
        output_tokens=tokens,
        weights=weights[: len(tokens), : len(source)],
    )


def source_tokens(text: str, ids: list[int], vocabulary: Vocabulary) -> list[str]:
    """As they stand in the text where a token is a character or a word, so that an unknown one is seen too."""
    if vocabulary.tokens == "bpe":
        return vocabulary.tokens_of(ids)
    found = split_tokens(text, tokens=vocabulary.tokens)
    return found if len(found) == len(ids) else vocabulary.tokens_of(ids)


def wilson(
    errors: NDArray[np.float64], rows: NDArray[np.int64], *, confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bounds of Wilson's interval for shares of so many rows (N,), (N,): sensible where no row or all rows err."""
    z2 = float(norm.ppf(0.5 + confidence / 2)) ** 2
    middle = (errors + z2 / (2 * rows)) / (1 + z2 / rows)
    half = np.sqrt(z2 * (errors * (1 - errors) / rows + z2 / (4 * rows**2))) / (1 + z2 / rows)
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def error_rates(table: pd.DataFrame, names: list[str], *, confidence: float) -> Rates:
    """Of a table with the columns n and exact_match."""
    rows = table["n"].to_numpy(dtype=np.int64)
    errors = 1.0 - table["exact_match"].to_numpy(dtype=np.float64)
    low, high = wilson(errors, rows, confidence=confidence)
    return Rates(names, rows, errors, low, high)


def overall_rate(rates: Rates) -> float:
    return float((rates.rate * rates.rows).sum() / rates.rows.sum())


def by_slice(table: pd.DataFrame, *, confidence: float) -> list[Picture]:
    if len(table) < 2:
        return []
    rates = error_rates(table, table["slice"].astype(str).tolist(), confidence=confidence)
    worst, overall = int(rates.rate.argmax()), overall_rate(rates)
    clean = int((rates.rate == 0).sum())
    words = Words(
        name="error_by_slice",
        title="Error rate by slice",
        caption=(
            f"The share of sources whose answer is not exactly right, the worst slice on top and its number of "
            f"sources in brackets: {rates.names[worst]} errs on {100 * rates.rate[worst]:.1f} %, and {clean} of "
            f"{len(table)} slices on none. Whiskers are Wilson intervals at {100 * confidence:g} %; the dashed line "
            f"is the whole split, {100 * overall:.2g} %."
        ),
        alt=f"Horizontal bars of the error rate in {len(table)} slices, worst {rates.names[worst]}.",
        group="quality",
    )
    return [rates_by_group(rates, words=words, axis="share not exactly right", overall=overall, ordered=False)]


def by_length(table: pd.DataFrame, *, confidence: float) -> Picture:
    names = [f"{low} to {high}" for low, high in zip(table["min_length"], table["max_length"], strict=True)]
    rates = error_rates(table, names, confidence=confidence)
    overall = overall_rate(rates)
    words = Words(
        name="error_by_length",
        title="Error rate by length",
        caption=(
            f"The share of sources whose answer is not exactly right, by tokens of the source, the short ones on top; "
            f"in brackets the number of sources. Whiskers are Wilson intervals at {100 * confidence:g} %, the dashed "
            f"line is the whole split, {100 * overall:.2g} %."
        ),
        alt=f"Horizontal bars of the error rate in {len(table)} groups by length.",
        group="quality",
    )
    return rates_by_group(rates, words=words, axis="share not exactly right", overall=overall, ordered=True)


def surest_mistakes(table: pd.DataFrame, *, tokens: str) -> pd.DataFrame:
    """Wrong predictions by falling probability per token, with that probability as `sure`."""
    wrong = table[table["edits"] > 0]
    counts = wrong["prediction"].map(lambda text: len(text if tokens == "characters" else text.split()) + 1)
    sure = np.exp(wrong["score"].to_numpy(dtype=np.float64) / counts.to_numpy(dtype=np.float64))
    return wrong.assign(sure=sure).sort_values("sure", ascending=False, kind="stable")


def worst_mistakes(table: pd.DataFrame, *, tokens: str) -> list[Picture]:
    """None where every answer is right."""
    wrong = surest_mistakes(table, tokens=tokens)
    if not len(wrong):
        return []
    shown = [
        WrongText(str(row.source), str(row.reference), str(row.prediction), f"{100 * float(str(row.sure)):.1f} %")
        for row in wrong.head(MOST_MISTAKES).itertuples(index=False)
    ]
    lost = missing([text for each in shown for text in each[:3]])
    gaps = f" No font here can draw {', '.join(code_point(c) for c in lost)}." if lost else ""
    some = f"The surest {len(shown)} of {len(wrong)} wrong answers"
    which = f"All {len(wrong)} wrong answers" if len(shown) == len(wrong) else some
    words = Words(
        name="worst_mistakes",
        title="Worst mistakes",
        caption=(
            f"{which}, by the model's probability per token. Expected is the closest of the source's true "
            f"targets.{gaps}"
        ),
        alt=f"{len(shown)} sources with the expected and the given answer.",
        group="mistakes",
    )
    return [wrong_texts(shown, words=words, score="sure")]
