"""A text, the best answers that a beam search finds, and where the best one looked."""

from functools import partial
from typing import NamedTuple
from unicodedata import normalize

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from encdec.cards import BOS_ID, EOS_ID, UNK_ID
from encdec.nn.search import best_extensions, reordered
from encdec.preparation.vocabulary import Vocabulary
from encdec.serving.texts import TextModel

LONGEST = 500
"""Characters. What a person types is shorter; a pasted book would keep the page busy for minutes."""


class Answer(NamedTuple):
    """`score`: log-probability of the tokens and of the end, in nats; `ended`: whether the search reached its end."""

    text: str
    tokens: list[str]
    score: float
    value: float
    ended: bool

    @property
    def probability(self) -> float:
        return float(np.exp(self.score))


class Translation(NamedTuple):
    """`answers`: the best first. `attention`: of the best answer, a row per token and its end, a column per source
    token, or None where the model has none. `unknown`: what of the text the model has never seen."""

    source: list[str]
    answers: list[Answer]
    attention: NDArray[np.float32] | None
    unknown: list[str]


class Hypothesis(NamedTuple):
    ids: list[int]
    score: float
    attention: list[Tensor]

    @property
    def ended(self) -> bool:
        return EOS_ID in self.ids


@torch.inference_mode()
def translate(model: TextModel, text: str, *, beam_size: int) -> Translation:
    """The results of a beam search of this width, by the length penalty of the model's spec.

    Raises:
        ValueError: the text is empty or too long.
    """
    checked(text)
    ids = torch.tensor([model.source.encode(text)])
    if not ids.numel():
        raise ValueError("there is no token in this text: type something")
    penalty = model.decoding.length_penalty
    found = search(model, ids, beam_size=beam_size)
    answers = [answer_of(model.target, each, penalty) for each in found]
    order = sorted(range(len(answers)), key=lambda index: (not answers[index].ended, -answers[index].value))
    best = found[order[0]]
    attention = torch.stack(best.attention).numpy() if best.attention else None
    return Translation(
        source_tokens(model.source, text),
        [answers[index] for index in order],
        attention,
        unknown_in(model.source, text),
    )


def checked(text: str) -> None:
    if not text.strip():
        raise ValueError("type a text first")
    if len(text) > LONGEST:
        raise ValueError(f"the text has {len(text):,} characters; the longest that can be tried here has {LONGEST}")


def search(model: TextModel, ids: Tensor, *, beam_size: int) -> list[Hypothesis]:
    """Every hypothesis that ended while it was among the `beam_size` most probable ones, or the best unfinished one.

    The steps are those of `encdec.nn.search.beam_search`, which keeps the best alone and stops when nothing can
    overtake it; here the search goes on until the whole beam has ended, for the alternatives.

    Args:
        ids: one source (1, S).
    """
    network = model.network
    encoded = network.encode(ids, torch.ones_like(ids, dtype=torch.bool))
    step, state = partial(network.step, encoded=encoded), encoded.state
    beam, results = [Hypothesis([], 0.0, [])], []
    token_ids = torch.full((1, 1), BOS_ID)
    for _ in range(network.max_decoded_length):
        output = step(token_ids, state)
        scores = torch.tensor([[each.score for each in beam]])
        ended = torch.tensor([[each.ended for each in beam]])
        values, parents, token_ids = best_extensions(scores, ended, output.logits, beam_size=beam_size)
        longer = []
        for score, parent, token in zip(values[0].tolist(), parents[0].tolist(), token_ids[0].tolist(), strict=True):
            before = beam[parent]
            if before.ended:
                longer.append(before)
                continue
            looked = [] if output.attention is None else [*before.attention, output.attention[0, parent]]
            longer.append(Hypothesis([*before.ids, token], score, looked))
            if token == EOS_ID:
                results.append(longer[-1])
        beam = longer
        if all(each.ended for each in beam):
            break
        state = reordered(output.state, parents)
    return results or beam[:1]


def answer_of(vocabulary: Vocabulary, found: Hypothesis, penalty: float) -> Answer:
    value = found.score / len(found.ids) ** penalty
    tokens = vocabulary.tokens_of(found.ids)
    return Answer(vocabulary.decode(found.ids), tokens, found.score, value, found.ended)


def source_tokens(vocabulary: Vocabulary, text: str) -> list[str]:
    """What stands over each column of the attention: the text's own characters or words, where a token is one."""
    composed = normalize("NFC", text)
    match vocabulary.tokens:
        case "characters":
            return list(composed)
        case "words":
            return composed.split()
        case "bpe":
            return vocabulary.tokens_of(vocabulary.encode(text))


def unknown_in(vocabulary: Vocabulary, text: str) -> list[str]:
    """The tokens of the text that train did not have, each once."""
    tokens, ids = source_tokens(vocabulary, text), vocabulary.encode(text)
    return list(dict.fromkeys(token for token, one in zip(tokens, ids, strict=True) if one == UNK_ID))
