"""The tokens of one side of text pairs, learned from train alone: characters, words or byte pairs."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple, Self, get_args
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from encdec.cards import BOS_ID, EOS_ID, PAD_ID, UNK_ID
from encdec.outs import write_json
from encdec.params.data import Tokens
from encdec.preparation.byte_pairs import Merges, byte_pair_tokenizer, join_bytes, learn_merges
from encdec.preparation.codepoints import NUM_CODE_POINTS, code_points, offsets_of

UNKNOWN_MARK = "\N{REPLACEMENT CHARACTER}"
SPECIALS = {PAD_ID: "<pad>", BOS_ID: "<bos>", EOS_ID: "<eos>", UNK_ID: "<unk>"}
FIRST_ID = len(SPECIALS)


class TokenIds(NamedTuple):
    """Rows of different lengths, laid end to end: row i is ids[offsets[i]:offsets[i + 1]]."""

    ids: NDArray[np.int32]  # (total,)
    offsets: NDArray[np.int64]  # (N + 1,)

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.offsets)


class Vocabulary:
    """Ids 0 to 3 are pad, bos, eos and unk; a learned token's id is 4 + its place in `learned`.

    Texts are put into Unicode's composed form (NFC) first. A special token has no spelling: a text with the letters
    "<eos>" is encoded as those five characters.

    Args:
        tokens: what a token is.
        learned: tokens in the order of their ids.
        merges: for bpe alone, the pairs of tokens in the order in which they are joined.
    """

    def __init__(self, tokens: Tokens, learned: Sequence[str], *, merges: Sequence[tuple[str, str]] = ()) -> None:
        if len(set(learned)) != len(learned):
            raise ValueError(f"a vocabulary of {len(learned)} tokens, of which {len(set(learned))} are different")
        self.tokens = tokens
        self.learned = tuple(learned)
        self.merges = tuple(merges)
        self._ids = {token: FIRST_ID + number for number, token in enumerate(self.learned)}
        if tokens == "characters":
            self._table = np.full(NUM_CODE_POINTS, UNK_ID, dtype=np.int32)
            self._table[[ord(character) for character in self.learned]] = list(self._ids.values())
        elif tokens == "bpe":
            merged = Merges(self.learned, self.merges)
            self._tokenizer = byte_pair_tokenizer(merged, first_id=FIRST_ID, unknown_id=UNK_ID)

    @classmethod
    def learn(cls, texts: Iterable[str], *, tokens: Tokens, max_size: int) -> Self:
        """The most frequent tokens of `texts`, at most `max_size` with the four special ones.

        Characters and words are in the order of falling frequency, equal ones by code point.

        Raises:
            ValueError: no place beside the special tokens, or for bpe too little place for the bytes of the texts.
        """
        places = max_size - FIRST_ID
        if places < 1:
            raise ValueError(f"max_size {max_size} leaves no place beside the {FIRST_ID} special tokens")
        normal = composed(texts)
        match tokens:
            case "characters":
                return cls(tokens, frequent_characters(normal, places))
            case "words":
                counts = Counter(word for text in normal for word in text.split())
                return cls(tokens, sorted(counts, key=lambda word: (-counts[word], word))[:places])
            case "bpe":
                merged = learn_merges(normal, num_tokens=places)
                return cls(tokens, merged.tokens, merges=merged.merges)

    @property
    def size(self) -> int:
        """Number of ids, the special ones counted."""
        return FIRST_ID + len(self.learned)

    def encode(self, text: str) -> list[int]:
        """The ids of a text, without bos and eos."""
        return [int(one) for one in self.encode_all([text]).ids]

    def encode_all(self, texts: Iterable[str]) -> TokenIds:
        """The ids of many texts, without bos and eos."""
        normal = composed(texts)
        if self.tokens == "characters":
            points, offsets = code_points(normal)
            return TokenIds(self._table[points], offsets)
        if self.tokens == "words":
            rows = [[self._ids.get(word, UNK_ID) for word in text.split()] for text in normal]
        else:
            rows = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(normal)]
        flat = np.fromiter((one for row in rows for one in row), dtype=np.int32)
        return TokenIds(flat, offsets_of([len(row) for row in rows]))

    def tokens_of(self, ids: Iterable[int]) -> list[str]:
        """The token of each id up to the first eos; pad and bos are dropped, unk is `<unk>`.

        Raises:
            ValueError: an id outside of the vocabulary.
        """
        found = []
        for one in (int(one) for one in ids):
            if one == EOS_ID:
                break
            if not 0 <= one < self.size:
                raise ValueError(f"id {one} is outside of a vocabulary of {self.size} tokens")
            if one not in (PAD_ID, BOS_ID):
                found.append(SPECIALS[one] if one < FIRST_ID else self.learned[one - FIRST_ID])
        return found

    def decode(self, ids: Iterable[int]) -> str:
        """The text up to the first eos, without special tokens; an unknown one is shown as U+FFFD.

        It is not left out: an answer with a token that is not known must not equal one without it.

        Raises:
            ValueError: an id outside of the vocabulary.
        """
        told = [int(one) for one in takewhile(lambda one: one != EOS_ID, ids) if one not in (PAD_ID, BOS_ID)]
        known = [
            UNKNOWN_MARK if one == UNK_ID else token for one, token in zip(told, self.tokens_of(told), strict=True)
        ]
        match self.tokens:
            case "characters":
                return "".join(known)
            case "words":
                return " ".join(known)
            case "bpe":
                return join_bytes(known)

    def save(self, path: Path) -> None:
        """As JSON, the same bytes for the same vocabulary."""
        merges = {"merges": [list(pair) for pair in self.merges]} if self.tokens == "bpe" else {}
        write_json(path, {"tokens": self.tokens, "learned": list(self.learned), **merges})

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote.

        Raises:
            ValueError: no such file, or not a vocabulary.
        """
        if not path.is_file():
            raise ValueError(f"{path}: no such file; run the prepare stage")
        try:
            content: Any = json.loads(path.read_bytes())
            tokens, learned, merges = content["tokens"], content["learned"], content.get("merges", [])
            if tokens not in get_args(Tokens):
                raise ValueError(f"tokens {tokens!r} is not one of {', '.join(get_args(Tokens))}")
            return cls(tokens, learned, merges=[(left, right) for left, right in merges])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}: not a vocabulary ({error}); run the prepare stage") from error


def composed(texts: Iterable[str]) -> list[str]:
    return [normalize("NFC", text) for text in texts]


def frequent_characters(texts: Sequence[str], places: int) -> list[str]:
    points, _ = code_points(texts)
    counts = np.bincount(points, minlength=1)
    present = np.flatnonzero(counts)
    order = np.lexsort((present, -counts[present]))
    return [chr(point) for point in present[order][:places]]
