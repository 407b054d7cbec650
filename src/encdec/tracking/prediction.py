"""What a trained model answers: the numbers of the evaluation, for inputs from anywhere."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from encdec.cards import PAD_ID, ImageCard
from encdec.models.build import fitting
from encdec.models.seq2seq.network import Seq2Seq
from encdec.models.seq2seq.spec import Decoding, Seq2SeqSpec
from encdec.models.storage import VOCABULARY_FOLDER, TrainedModel, load_model
from encdec.preparation.vocabulary import Vocabulary


@torch.inference_mode()
def predict_images(model: TrainedModel, images: NDArray[np.float32], *, batch_size: int) -> NDArray[np.float32]:
    """(N, C, H, W) in [0, 1] -> class probabilities (N, K), or reconstructions (N, C, H, W).

    Raises:
        ValueError: no image, or a value that is not a number from 0 to 1.
    """
    card = fitting(model.name, model.card, ImageCard)
    if len(images) == 0:
        raise ValueError("no image was given: give at least one")
    if not (images.min() >= 0.0 and images.max() <= 1.0):  # NaN fails both
        found = f"go from {images.min():g} to {images.max():g}"
        raise ValueError(f"pixels must be numbers from 0 to 1, these {found}: divide stored ones by {card.pixel_max}")
    starts = range(0, len(images), batch_size)
    parts = [answer(model, torch.from_numpy(images[start : start + batch_size])) for start in starts]
    predicted: NDArray[np.float32] = torch.cat(parts).numpy()
    return predicted


def answer(model: TrainedModel, images: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, K) or (B, C, H, W); the VAE's is the mean of p(x|z) at the mean of q(z|x)."""
    network: nn.Module = model.network
    match model.name:
        case "cnn":
            logits: Tensor = network(images)
            return logits.softmax(dim=1)
        case "vae":
            from encdec.models.vae.network import VariationalAutoencoder

            vae = fitting(model.name, network, VariationalAutoencoder)
            mu, _ = vae.encode(images)
            return vae.decode(mu).sigmoid()
        case "autoencoder" | "sparse_autoencoder" | "denoising_autoencoder":
            recon_logits: Tensor = network(images).recon_logits
            return recon_logits.sigmoid()
        case "seq2seq":
            raise ValueError("seq2seq reads texts: give a table with the column source")


class TextModel(NamedTuple):
    """A trained model of text pairs with what reads its sources and spells its targets."""

    network: Seq2Seq
    decoding: Decoding
    source: Vocabulary
    target: Vocabulary


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
    )


@torch.inference_mode()
def predict_texts(model: TextModel, table: pd.DataFrame, *, batch_size: int) -> pd.DataFrame:
    """The column `source` (N texts) -> target, and score: the log-probability of its tokens, in nats.

    Texts of like length are read together: a short one would otherwise be padded and searched as long as the longest.

    Raises:
        ValueError: a source without a token.
    """
    rows = [encode(model.source, text, row) for row, text in enumerate(table["source"].tolist())]
    by_length = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    targets, scores = [""] * len(rows), np.zeros(len(rows))
    for start in range(0, len(rows), batch_size):
        places = by_length[start : start + batch_size]
        ids, mask = padded([rows[place] for place in places])
        decoded = model.network.decode(ids, mask, model.decoding)
        for place, found in zip(places, decoded.ids.tolist(), strict=True):
            targets[place] = model.target.decode(found)
        scores[places] = decoded.scores.numpy()
    return pd.DataFrame({"target": pd.Series(targets, dtype="str"), "score": scores})


def encode(vocabulary: Vocabulary, text: object, row: int) -> Tensor:
    ids = vocabulary.encode(text) if isinstance(text, str) else []
    if not ids:
        raise ValueError(f"row {row}: source {text!r} has no token: give a text")
    return torch.tensor(ids)


def padded(rows: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Ids (B, S) and the mask of real tokens (B, S)."""
    ids = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD_ID)
    lengths = torch.tensor([len(row) for row in rows])
    return ids, torch.arange(ids.shape[1]) < lengths[:, None]
