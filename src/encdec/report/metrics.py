"""What each metric is, in words, and how a difference of it is told."""

import re
from collections.abc import Mapping
from typing import Literal

from encdec.params.root import Kind

Scale = Literal["share", "ratio", "nats", "dB", "points", "plain"]
"""share: from 0 to 1, told in percent; ratio: a loss of at least 0, told as so many percent less."""

MEANINGS: Mapping[str, str] = {
    "accuracy": "share of images whose class is right",
    "nll": "negative log-likelihood, nats per image",
    "ece": "expected calibration error: mean gap between confidence and accuracy",
    "mse": "squared error of the reconstruction, mean over pixels in [0, 1]",
    "psnr": "peak signal-to-noise ratio of the reconstruction, dB, mean over images",
    "psnr_before": "peak signal-to-noise ratio of the corrupted input, dB",
    "mean_active_units": "units of the code that are not zero, mean over images",
    "dead_units": "units of the code that are zero for every test image",
    "negative_elbo": "negative evidence lower bound, nats per image",
    "elbo": "evidence lower bound, nats per image",
    "reconstruction_nll": "the reconstruction's part of the bound, nats per image",
    "kl": "the latent part of the bound, nats per image",
    "exact_match": "share of sources whose whole answer is right",
    "token_error_rate": "edits that the answer needs, per token of the right answer",
    "bleu": "BLEU of the corpus, 0 to 100 (sacrebleu)",
}
LABELS: Mapping[str, str] = {
    "accuracy": "images put into the right class",
    "mse": "squared error of the restored image",
    "psnr": "signal-to-noise ratio of the restored image",
    "negative_elbo": "negative evidence lower bound (how surprising new images are)",
    "nll": "negative log-likelihood",
    "exact_match": "answers right from the first to the last token",
    "token_error_rate": "edits needed per token",
    "bleu": "BLEU",
}
SCALES: Mapping[str, Scale] = {
    "accuracy": "share",
    "exact_match": "share",
    "mse": "ratio",
    "token_error_rate": "ratio",
    "psnr": "dB",
    "nll": "nats",
    "negative_elbo": "nats",
    "bleu": "points",
}
COUNTS = ("dead_units",)
"""Whole numbers, whatever their interval."""
TOP = re.compile(r"top(\d+)_accuracy")


def meaning(name: str, kind: Kind) -> str:
    """What a metric is, in words; nothing for one that this page does not know."""
    if (name, kind) == ("nll", "pairs"):
        return "negative log-likelihood, nats per token of the right answer"
    top = TOP.fullmatch(name)
    if top:
        return f"share of images whose class is among the first {top[1]} answers"
    return MEANINGS.get(name, "")


def scale_of(name: str) -> Scale:
    return "share" if TOP.fullmatch(name) else SCALES.get(name, "plain")
