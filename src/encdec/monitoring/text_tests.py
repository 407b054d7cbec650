"""The tests of a batch of text pairs, by family."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from encdec.figures.scripts import script_of
from encdec.monitoring.answers import Answered, target_nll, text_codes, translate
from encdec.monitoring.codes import compare_codes
from encdec.monitoring.finding import Array, Family, Finding
from encdec.monitoring.logged import NOTHING, Logged
from encdec.monitoring.rows import TextRows, draw
from encdec.monitoring.tokens import compare_characters
from encdec.monitoring.two_samples import compare_classes, compare_shares, compare_values
from encdec.params.monitoring import Monitoring
from encdec.serving.texts import TextModel


class KnownTexts(NamedTuple):
    """`alphabets`: every character of the sources and the targets of the whole of train."""

    train: TextRows
    val: TextRows
    alphabets: tuple[frozenset[str], frozenset[str]]


class TextAnswers(NamedTuple):
    """What the model says about N rows: answers, codes (N, M), and nats per token of the given targets (N,)."""

    answered: Answered
    codes: Array
    nll: Array | None

    def take(self, rows: NDArray[np.int64]) -> "TextAnswers":
        return TextAnswers(self.answered.take(rows), self.codes[rows], None if self.nll is None else self.nll[rows])


def plain_families(known: KnownTexts, batch: TextRows, rules: Monitoring, *, seed: int) -> Iterator[Family]:
    """What needs no model: lengths, characters and scripts."""
    yield Family("lengths", "Are texts as long as they were?", list(lengths(known.train, batch)))
    counts = list(characters(known, batch, rules, seed))
    yield Family("characters", "Are the characters as frequent as they were?", counts)
    scripts = [[script_of(text) for text in rows.sources] for rows in (known.train, batch)]
    found = compare_classes("scripts of sources", *scripts, permutations=rules.permutations, seed=seed)
    yield Family("scripts", "Are the writings as frequent as they were?", [found])


def lengths(reference: TextRows, batch: TextRows) -> Iterator[Finding]:
    """In characters."""
    sources = [counted(rows.sources) for rows in (reference, batch)]
    yield compare_values("source length", *sources)
    if reference.targets is not None and batch.targets is not None:
        targets = [counted(texts) for texts in (reference.targets, batch.targets)]
        yield compare_values("target length", *targets)
        ratios = [source / np.maximum(target, 1) for source, target in zip(sources, targets, strict=True)]
        yield compare_values("source length over target length", *ratios)


def counted(texts: Sequence[str]) -> Array:
    return np.array([len(text) for text in texts], dtype=np.float64)


def characters(known: KnownTexts, batch: TextRows, rules: Monitoring, seed: int) -> Iterator[Finding]:
    """Their frequencies against train; those that train lacks against val, of which some rows have such as well."""
    sides = [("source", known.train.sources, known.val.sources, batch.sources, known.alphabets[0])]
    if batch.targets is not None and known.train.targets is not None and known.val.targets is not None:
        sides.append(("target", known.train.targets, known.val.targets, batch.targets, known.alphabets[1]))
    for side, train, val, texts, alphabet in sides:
        rows = draw(len(train), most=rules.slow_rows, seed=seed), draw(len(texts), most=rules.slow_rows, seed=seed)
        drawn = [[part[row] for row in chosen] for part, chosen in zip((train, texts), rows, strict=True)]
        yield compare_characters(f"{side} characters", *drawn, permutations=rules.permutations, seed=seed)
        yield compare_shares(
            f"unseen {side} characters",
            strange(val, alphabet),
            strange(texts, alphabet),
            alternative="greater",
            said=f"the {side} has a character that train lacks",
        )


def strange(texts: Sequence[str], alphabet: frozenset[str]) -> NDArray[np.bool_]:
    return np.array([not alphabet.issuperset(text) for text in texts])


def answers_of(rows: TextRows, model: TextModel, logged: Logged = NOTHING) -> TextAnswers:
    """By the model, or as they were logged."""
    answered = translate(model, rows.sources) if logged.answered is None else logged.answered
    nll = None if rows.targets is None else target_nll(model, rows.sources, rows.targets)
    return TextAnswers(answered, text_codes(model, rows.sources), nll)


def model_families(
    usual: TextAnswers,
    found: TextAnswers,
    *,
    targets: tuple[Sequence[str] | None, Sequence[str] | None],
    rules: Monitoring,
    seed: int,
) -> Iterator[Family]:
    """What the model says about the batch, beside what it says about val, which it was not fitted to.

    Args:
        usual: about val.
        found: about the batch.
        targets: of val and of the batch, as they are given.
        rules: of params.yaml.
        seed: of permutations.
    """
    scores = compare_values("log-probability of the answer", usual.answered.scores, found.answered.scores)
    yield Family("confidence", "Is the model as sure of its answers as it was?", [scores])
    codes = compare_codes(
        "seq2seq codes", usual.codes, found.codes, test=rules.codes_test, permutations=rules.permutations, seed=seed
    )
    yield Family("codes", "Does the encoder see what it saw?", [codes])
    known, given = targets
    if known is not None and given is not None and usual.nll is not None and found.nll is not None:
        agreed, agrees = (
            np.array([target == answer for target, answer in zip(wanted, answers.answered.targets, strict=True)])
            for wanted, answers in ((known, usual), (given, found))
        )
        said = "the model's answer is the given target"
        agreement = compare_shares("seq2seq agreement", agreed, agrees, alternative="less", said=said)
        likelihood = compare_values("nats per token of the given target", usual.nll, found.nll)
        yield Family("agreement", "Are the given targets those that the model expects?", [agreement, likelihood])
