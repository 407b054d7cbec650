"""The summary that is read in a minute: a verdict and a sentence for each model, and one for all of them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from encdec.params.root import ModelName
from encdec.report.metrics import LABELS, scale_of
from encdec.report.numbers import decimals_for, signed, significant
from encdec.report.results import Interval, Result, Row

TASKS: Mapping[ModelName, str] = {
    "cnn": "Says which class an image belongs to.",
    "autoencoder": "Puts an image into a short code and restores it from that.",
    "sparse_autoencoder": "Restores an image from a code of which few units are active.",
    "denoising_autoencoder": "Restores a clean image from a corrupted one.",
    "vae": "Learns how likely an image is, and draws new ones.",
    "seq2seq": "Turns one text into another.",
}
WORDS: Mapping[str | None, str] = {
    "model": "beats its baseline",
    "baseline": "loses to its baseline",
    "unclear": "no clear difference",
    None: "no baseline",
}
NO_ERROR = 1e-9
SPACE = "\u00a0"  # a number is not parted from its unit
SIGNS: Mapping[str | None, str] = {"model": "\u25b2", "baseline": "\u25bc", "unclear": "\u2248", None: "\u2013"}
"""A verdict is never told by its colour alone."""


class Story(NamedTuple):
    """One model in words, by its headline metric. `gain`: by how much it differs, with the direction.

    `tone`: model, baseline, unclear, or None where there is nothing to win.
    """

    task: str
    tone: str | None
    verdict: str
    sign: str
    label: str
    ours: str
    theirs: str
    gain: str

    @property
    def sentence(self) -> str:
        beside = f"; {self.theirs}" if self.theirs else ""
        return f"{self.label[:1].upper()}{self.label[1:]}: {self.ours}{beside}.{f' {self.gain}' if self.gain else ''}"


def tell(result: Result) -> Story:
    """A model's headline in plain words; nothing is said that its interval does not bear out."""
    row = result.headline
    lost_to_none = row.better == "baseline" and unbeatable(row)
    tone = None if lost_to_none else row.better
    return Story(
        task=TASKS[result.model],
        tone=tone,
        verdict="unbeatable baseline" if lost_to_none else WORDS[tone],
        sign=SIGNS[tone],
        label=LABELS.get(row.metric, row.metric.replace("_", " ")),
        ours=with_unit(row.ours, row.metric),
        theirs=f"{row.opponent}: {with_unit(row.theirs, row.metric)}" if row.theirs else "",
        gain=gain(row),
    )


def with_unit(number: Interval, metric: str) -> str:
    """The number alone, with the digits that its interval is worth."""
    match scale_of(metric):
        case "share":
            return f"{rounded(number, factor=100)}{SPACE}%"
        case "nats" | "dB" as unit:
            return f"{rounded(number)}{SPACE}{unit}"
        case _:
            return rounded(number)


def gain(row: Row) -> str:
    """How much the model differs from its baseline, or that this cannot be told."""
    if row.gap is None or row.theirs is None:
        return "Nothing to compare it with."
    if row.gap.value == 0:
        return "The two are equal."
    size = f"{magnitude(row)} {'more' if row.gap.value > 0 else 'less'}"
    direction = "higher" if row.higher_is_better else "lower"
    if row.better == "baseline" and unbeatable(row):
        return f"That is {size} ({direction} is better), but no model can be better than a baseline without any error."
    if row.better == "unclear":
        return f"That is {size} ({direction} is better), which another sample of test rows could undo."
    return f"That is {size} ({direction} is better)."


def unbeatable(row: Row) -> bool:
    """Whether the baseline makes no error: PCA does not where a code with every unit active grants it all components.

    (A KL-sparse autoencoder has such a code: its units are small, and never zero.)
    """
    return scale_of(row.metric) == "ratio" and row.theirs is not None and row.theirs.high < NO_ERROR


def magnitude(row: Row) -> str:
    """The size of the difference: in percent of the baseline for a loss, in percentage points for a share."""
    assert row.gap is not None
    assert row.theirs is not None
    gap, scale = Interval(abs(row.gap.value), row.gap.low, row.gap.high), scale_of(row.metric)
    if scale == "ratio" and row.theirs.value > 0:
        return f"{percent(gap.value / row.theirs.value)}{SPACE}%"
    match scale:
        case "share":
            text = rounded(gap, factor=100)
            return f"{text} percentage point{'' if text == '1' else 's'}"
        case "nats" | "dB" | "points" as unit:
            return f"{rounded(gap)}{SPACE}{unit}"
        case _:
            return rounded(gap)


def percent(share: float) -> str:
    """Two digits, and never 100 for less than all."""
    value = share * 100
    if 99 < value < 100:
        return f"{min(value, 99.99):.2f}"
    return significant(value, digits=2) if value < 10 else f"{value:,.0f}"


def rounded(number: Interval, *, factor: float = 1.0) -> str:
    value, spread = number.value * factor, (number.high - number.low) * factor
    return significant(value) if spread <= 0 else signed(f"{value:,.{decimals_for(spread)}f}")


def overview(results: Sequence[Result]) -> str:
    """What a reader with a minute has to know, in one sentence."""
    if not results:
        return "Every model is switched off in params.yaml."
    verdicts = [result.headline.better for result in results]
    parts = [
        f"{verdicts.count(better)} {words}"
        for better, words in (
            ("model", "beat its baseline" if verdicts.count("model") == 1 else "beat their baselines"),
            ("unclear", "cannot be told from a baseline"),
            ("baseline", "lost to a baseline"),
            (None, "without a baseline"),
        )
        if better in verdicts
    ]
    sources = list(dict.fromkeys(result.source for result in results))
    noun = "model" if len(results) == 1 else "models"
    return f"{len(results)} {noun} on {' and '.join(sources)}, judged by the first metric of each: {', '.join(parts)}."
