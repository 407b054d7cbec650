"""Ids are worked by hand; what is encoded comes back in any script; val and test have no say."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encdec.params.data import Tokens
from encdec.preparation.vocabulary import Vocabulary

KINDS: tuple[Tokens, ...] = ("characters", "words", "bpe")
TEXTS = ["2024년 3월 7일", "٧ مارس ٢٠٢٤", "७ मार्च २०२४", "le 7 août 2024", "𝟟 🎉 x"]


def test_character_ids_worked_by_hand() -> None:
    # counts: b 3, a 2, c 2, d 1; a before c by code point; 0 to 3 are pad, bos, eos, unk
    vocabulary = Vocabulary.learn(["bab", "cbd", "ca"], tokens="characters", max_size=100)
    assert vocabulary.learned == ("b", "a", "c", "d")
    assert vocabulary.size == 8
    assert vocabulary.encode("abcd") == [5, 4, 6, 7]
    assert vocabulary.encode("axb") == [5, 3, 4]


def test_word_ids_worked_by_hand() -> None:
    # counts: B 3, AZ 2, K 2; AZ before K by code point
    vocabulary = Vocabulary.learn(["K AZ B", "B  B", "AZ\tK"], tokens="words", max_size=100)
    assert vocabulary.learned == ("B", "AZ", "K")
    assert vocabulary.encode(" K  B ZH ") == [6, 4, 3]
    assert vocabulary.decode([6, 4]) == "K B"


def test_byte_pairs_worked_by_hand() -> None:
    # the bytes a, b, c are tokens; the most frequent pair is ab (4 times), then ab with ab (once each in two words)
    vocabulary = Vocabulary.learn(["abab", "abab", "c"], tokens="bpe", max_size=9)
    assert vocabulary.learned == ("a", "b", "c", "ab", "abab")
    assert vocabulary.merges == (("a", "b"), ("ab", "ab"))
    assert vocabulary.encode("ababab") == [8, 7]
    assert vocabulary.encode("cz") == [6, 3]


@pytest.mark.parametrize("tokens", KINDS)
def test_what_is_encoded_comes_back_in_every_script(tokens: Tokens) -> None:
    vocabulary = Vocabulary.learn(TEXTS, tokens=tokens, max_size=500)
    for text in TEXTS:
        assert vocabulary.decode(vocabulary.encode(text)) == text


@pytest.mark.parametrize("tokens", KINDS)
def test_a_combining_accent_and_a_letter_that_has_it_are_the_same(tokens: Tokens) -> None:
    # NFC: e and U+0301 become é; the three jamo of 한 become one syllable
    vocabulary = Vocabulary.learn(["cafe\u0301", "\u1112\u1161\u11ab"], tokens=tokens, max_size=100)
    assert vocabulary.encode("cafe\u0301") == vocabulary.encode("café")
    assert vocabulary.decode(vocabulary.encode("\u1112\u1161\u11ab")) == "한"
    if tokens == "characters":
        assert len(vocabulary.encode("cafe\u0301")) == 4


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12), max_size=8))
def test_characters_are_counted_and_encoded_as_a_plain_loop_does_it(texts: list[str]) -> None:
    normal = [normalize("NFC", text) for text in texts]
    counts = Counter("".join(normal))
    learned = sorted(counts, key=lambda one: (-counts[one], one))[:6]
    vocabulary = Vocabulary.learn(texts, tokens="characters", max_size=10)
    assert list(vocabulary.learned) == learned
    found = vocabulary.encode_all(texts)
    expected = [[4 + learned.index(one) if one in learned else 3 for one in text] for text in normal]
    assert [list(found.ids[a:b]) for a, b in zip(found.offsets, found.offsets[1:], strict=False)] == expected


@pytest.mark.parametrize("tokens", KINDS)
def test_many_texts_are_encoded_as_one_by_one(tokens: Tokens) -> None:
    vocabulary = Vocabulary.learn(TEXTS, tokens=tokens, max_size=500)
    texts = [*TEXTS, "", "unseen ß"]
    found = vocabulary.encode_all(texts)
    assert (found.ids.dtype, found.offsets.dtype) == (np.int32, np.int64)
    rows = [found.ids[a:b].tolist() for a, b in zip(found.offsets, found.offsets[1:], strict=False)]
    assert rows == [vocabulary.encode(text) for text in texts]


@pytest.mark.parametrize(("tokens", "kept"), [("characters", ("c", " ")), ("words", ("cc", "a"))])
def test_the_most_frequent_stay_within_the_greatest_size(tokens: Tokens, kept: tuple[str, ...]) -> None:
    vocabulary = Vocabulary.learn(["cc", "cc a", "b"], tokens=tokens, max_size=6)
    assert vocabulary.size == 6
    assert vocabulary.learned == kept
    assert vocabulary.encode("b") == [3]


def test_a_size_without_place_for_a_token_is_told() -> None:
    with pytest.raises(ValueError, match=r"^max_size 4 leaves no place beside the 4 special tokens$"):
        Vocabulary.learn(["a"], tokens="characters", max_size=4)


def test_too_many_bytes_for_byte_pair_encoding_are_told() -> None:
    # five different bytes; 4 special tokens and 4 places
    with pytest.raises(ValueError, match=r"leaves 4 tokens, but the texts of train have 5 .* set it to 9 or more"):
        Vocabulary.learn(["abcde"], tokens="bpe", max_size=8)
    assert Vocabulary.learn(["abcde"], tokens="bpe", max_size=9).size == 9


@pytest.mark.parametrize("tokens", KINDS)
def test_a_text_that_spells_a_special_token_is_text(tokens: Tokens) -> None:
    texts = ["<pad> <bos> <eos> <unk>"] * 50
    vocabulary = Vocabulary.learn(texts, tokens=tokens, max_size=100)
    ids = vocabulary.encode(texts[0])
    assert min(ids) >= 4
    assert vocabulary.decode(ids) == texts[0]


def test_decoding_stops_at_eos_and_drops_what_is_no_text() -> None:
    vocabulary = Vocabulary.learn(["ba", "b"], tokens="characters", max_size=10)  # b is 4, a is 5
    assert vocabulary.decode([1, 4, 3, 5, 0, 2, 5, 99]) == "b\ufffda"
    assert vocabulary.tokens_of([1, 4, 3, 5, 0, 2, 5, 99]) == ["b", "<unk>", "a"]
    assert vocabulary.decode(np.array([4, 5])) == "ba"
    with pytest.raises(ValueError, match=r"^id 6 is outside of a vocabulary of 6 tokens$"):
        vocabulary.decode([4, 6])


def test_bytes_that_are_no_utf8_become_a_replacement_character() -> None:
    vocabulary = Vocabulary.learn(["é", "a"], tokens="bpe", max_size=7)  # é is two bytes; no place for their pair
    first, second = vocabulary.encode("é")
    assert vocabulary.decode([first, second]) == "é"
    assert vocabulary.decode([first]) == "\ufffd"


@pytest.mark.parametrize("tokens", KINDS)
def test_a_saved_vocabulary_encodes_as_before(tokens: Tokens, tmp_path: Path) -> None:
    vocabulary = Vocabulary.learn(TEXTS, tokens=tokens, max_size=200)
    vocabulary.save(tmp_path / "source.json")
    loaded = Vocabulary.load(tmp_path / "source.json")
    assert (loaded.tokens, loaded.learned, loaded.merges) == (vocabulary.tokens, vocabulary.learned, vocabulary.merges)
    assert loaded.encode(TEXTS[3] + "ß") == vocabulary.encode(TEXTS[3] + "ß")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "no such file"),
        ("{", "not a vocabulary"),
        ("[]", "not a vocabulary"),
        ('{"tokens": "bytes", "learned": []}', "tokens 'bytes' is not one of characters, words, bpe"),
        ('{"tokens": "words", "learned": ["a", "a"]}', "2 tokens, of which 1 are different"),
        ('{"tokens": "characters", "learned": ["ab"]}', "not a vocabulary"),
    ],
)
def test_a_file_that_is_no_vocabulary_is_told(content: str | None, found: str, tmp_path: Path) -> None:
    path = tmp_path / "target.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=r"run the prepare stage$") as told:
        Vocabulary.load(path)
    assert str(told.value).startswith(f"{path}: ")
    assert found in str(told.value)


def test_another_process_learns_the_same_byte_pairs_and_loads_no_torch(tmp_path: Path) -> None:
    texts = [f"{number * 7919 % 1000} {text}" for number in range(200) for text in TEXTS]
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    code = (
        "import json, sys; from pathlib import Path\n"
        "import encdec.preparation.images, encdec.preparation.pairs\n"
        "from encdec.preparation.vocabulary import Vocabulary\n"
        "folder = Path(sys.argv[1]); texts = json.loads((folder / 'texts.json').read_text())\n"
        "Vocabulary.learn(texts, tokens='bpe', max_size=300).save(folder / 'other.json')\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
    Vocabulary.learn(texts, tokens="bpe", max_size=300).save(tmp_path / "this.json")
    assert (tmp_path / "this.json").read_bytes() == (tmp_path / "other.json").read_bytes()


@pytest.mark.parametrize(
    ("tokens", "text", "shown"), [("characters", "ab", "a\ufffdb"), ("words", "a b", "a \ufffd b")]
)
def test_an_unknown_token_is_shown_and_makes_another_text(tokens: Tokens, text: str, shown: str) -> None:
    vocabulary = Vocabulary.learn([text], tokens=tokens, max_size=10)
    first, second = vocabulary.encode(text)
    assert vocabulary.decode([first, 3, second]) == shown
