"""Byte-pair encoding (arXiv:1508.07909) over the bytes of UTF-8, by the `tokenizers` library.

Its own special tokens are not used in texts: a text that contains "<eos>" has these five characters.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

UNKNOWN = "<unk>"


class Merges(NamedTuple):
    """`tokens`: in the order of their ids; `merges`: pairs of tokens in the order in which they are joined."""

    tokens: tuple[str, ...]
    merges: tuple[tuple[str, str], ...]


def learn_merges(texts: Sequence[str], *, num_tokens: int) -> Merges:
    """At most `num_tokens` tokens: every byte of the texts, then the most frequent pairs.

    Raises:
        ValueError: the bytes alone are more than `num_tokens`.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    # the first id is then UNKNOWN's: merges cannot make it, as no piece holds both letters and signs
    trainer = trainers.BpeTrainer(vocab_size=num_tokens + 1, special_tokens=[UNKNOWN], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer, length=len(texts))
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)[1:]
    if len(tokens) > num_tokens:
        raise ValueError(
            f"max_vocab_size leaves {num_tokens} tokens, but the texts of train have {len(tokens)} different bytes, "
            f"each a token of byte-pair encoding; set it to {len(tokens) + 4} or more, or choose characters or words"
        )
    return Merges(tuple(tokens), tuple((left, right) for left, right in model["merges"]))


def byte_pair_tokenizer(learned: Merges, *, first_id: int, unknown_id: int) -> Tokenizer:
    """A tokenizer that gives the tokens the ids from `first_id` on, and `unknown_id` to a byte it has not learned."""
    ids = {token: first_id + number for number, token in enumerate(learned.tokens)} | {UNKNOWN: unknown_id}
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=list(learned.merges), unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


def join_bytes(tokens: Sequence[str]) -> str:
    """The text of byte-level tokens; bytes that are no UTF-8 become U+FFFD."""
    text: str = decoders.ByteLevel().decode(list(tokens))
    return text
