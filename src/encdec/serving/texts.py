"""What a trained model of text pairs answers: the targets of the evaluation, for sources from anywhere."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from encdec.cards import PAD_ID, PairCard
from encdec.models.build import fitting
from encdec.models.seq2seq.network import Seq2Seq
from encdec.models.seq2seq.spec import Decoding, Seq2SeqSpec
from encdec.models.storage import VOCABULARY_FOLDER, load_model
from encdec.nn.search import Decoded
from encdec.preparation.vocabulary import Vocabulary
from encdec.serving.options import TextOptions
from encdec.serving.problems import InputError
from encdec.serving.sampling import sample
from encdec.sources.cells import rejection_of

MAX_TEXTS = 10_000
"""Of one call, which holds them all in memory; `encdec predict` reads more than that batch by batch."""
LENGTH_FACTOR = 4
"""A source may have so many times the tokens of the longest that the model learned from."""


class TextModel(NamedTuple):
    """A trained model of text pairs with what reads its sources and spells its targets."""

    network: Seq2Seq
    decoding: Decoding
    source: Vocabulary
    target: Vocabulary
    max_source_length: int

    @property
    def default_options(self) -> TextOptions:
        return TextOptions(beam_size=self.decoding.beam_size, length_penalty=self.decoding.length_penalty)


def load_text_model(folder: Path) -> TextModel:
    """A model of text pairs.

    Raises:
        StoredModelError: the folder holds no whole model.
        ValueError: the model reads images.
    """
    model = load_model(folder)
    return TextModel(
        fitting(model.name, model.network, Seq2Seq),
        fitting(model.name, model.spec, Seq2SeqSpec).decoding,
        Vocabulary.load(folder / VOCABULARY_FOLDER / "source.json"),
        Vocabulary.load(folder / VOCABULARY_FOLDER / "target.json"),
        fitting(model.name, model.card, PairCard).max_source_length,
    )


@torch.inference_mode()
def predict_texts(
    model: TextModel, table: pd.DataFrame, *, batch_size: int, options: TextOptions | None = None
) -> pd.DataFrame:
    """The column `source` (N texts) -> target, and score: the log-probability of its tokens, in nats.

    With samples there are `num_samples` rows for each source, one source behind the other. Texts of like length are
    read together: a short one would otherwise be padded and searched as long as the longest.

    Args:
        options: None: the model's own decoding.

    Raises:
        InputError: no source, too many, or one that is no text, is blank, too long or holds what no text does.
    """
    chosen = model.default_options if options is None else options
    sources = table["source"].tolist()
    check_count(len(sources), chosen)
    rows = [encode(model, text, f"row {row}") for row, text in enumerate(sources)]
    each = max(1, chosen.num_samples)
    by_length = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    targets, scores = [""] * (len(rows) * each), np.zeros((len(rows), each))
    for start in range(0, len(rows), batch_size):
        places = by_length[start : start + batch_size]
        found = decode(model, [rows[place] for place in places], [sources[place] for place in places], chosen)
        for index, ids in enumerate(found.ids.tolist()):
            targets[places[index // each] * each + index % each] = model.target.decode(ids)
        scores[places] = found.scores.numpy().reshape(-1, each)
    return pd.DataFrame({"target": pd.Series(targets, dtype="str"), "score": scores.ravel()})


def check_count(count: int, options: TextOptions) -> None:
    if count == 0:
        raise InputError("no source was given: give at least one")
    asked = count * max(1, options.num_samples)
    if asked > MAX_TEXTS:
        raise InputError(f"{asked:,} answers in one request, at most {MAX_TEXTS:,} are given: send parts")


def encode(model: TextModel, text: object, place: str) -> Tensor:
    """The ids of a source.

    Raises:
        InputError: begins with the place, and says what the source should be.
    """
    if not isinstance(text, str):
        raise InputError(f"{place}: source {text!r:.80} is no text: give a text")
    refused = rejection_of(place, ["source"], [text])
    if refused is not None:
        raise InputError(f"{place}: {refused.detail}")
    ids = model.source.encode(text) if text.strip() else []
    if not ids:
        raise InputError(f"{place}: source {text!r:.80} has no token: give a text")
    longest = LENGTH_FACTOR * model.max_source_length
    if len(ids) > longest:
        raise InputError(
            f"{place}: source has {len(ids):,} tokens, at most {longest:,} are read ({LENGTH_FACTOR} times the longest "
            "of training): shorten or split it"
        )
    return torch.tensor(ids)


def decode(model: TextModel, rows: Sequence[Tensor], sources: Sequence[str], options: TextOptions) -> Decoded:
    """Ids (B, T) and scores (B,) of the targets that were found, or (B * num_samples, ...) of those drawn."""
    ids, mask = padded(rows)
    if options.num_samples == 0:
        decoding = Decoding(beam_size=options.beam_size, length_penalty=options.length_penalty)
        return model.network.decode(ids, mask, decoding)
    return sample(model.network, ids, mask, sources=sources, options=options)


def padded(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Ids (B, S) and the mask of real tokens (B, S)."""
    ids = nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=PAD_ID)
    lengths = torch.tensor([len(row) for row in rows])
    return ids, torch.arange(ids.shape[1]) < lengths[:, None]
