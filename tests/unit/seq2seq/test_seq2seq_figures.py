"""The numbers of the sequence model's figures."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from encdec.models.seq2seq.figures import by_slice, source_tokens, surest_mistakes, wilson, worst_mistakes
from encdec.preparation.vocabulary import Vocabulary

TABLE = pd.DataFrame(
    {
        "source": ["a", "b", "c", "d"],
        "reference": ["xx", "yy", "zz", "ww"],
        "prediction": ["xx", "yyy", "z", "wv"],
        "score": [-0.1, -2.0, -0.2, -3.0],
        "edits": [0, 1, 1, 1],
        "slice": ["en", "en", "ar", "ar"],
    }
)


def test_wilson_bounds_are_those_of_scipy() -> None:
    hits, rows = np.array([0, 3, 20]), np.array([20, 20, 20])
    low, high = wilson(hits / rows, rows, confidence=0.9)
    for index in range(3):
        reference = binomtest(int(hits[index]), 20).proportion_ci(confidence_level=0.9, method="wilson")
        assert (low[index], high[index]) == pytest.approx((reference.low, reference.high), abs=1e-12)


def test_mistakes_come_by_their_probability_per_token_and_right_answers_are_left_out() -> None:
    wrong = surest_mistakes(TABLE, tokens="characters")
    assert wrong["source"].tolist() == ["c", "b", "d"]
    # an answer of 1 letter and its end: exp(-0.2 / 2); of 3 and the end: exp(-2 / 4); of 2: exp(-3 / 3)
    assert wrong["sure"].tolist() == pytest.approx([np.exp(-0.1), np.exp(-0.5), np.exp(-1.0)])
    assert surest_mistakes(TABLE, tokens="words")["sure"].tolist()[0] == pytest.approx(np.exp(-0.1))
    assert worst_mistakes(TABLE[:1], tokens="characters") == []
    (picture,) = worst_mistakes(TABLE, tokens="characters")
    assert picture.words.caption.startswith("All 3 wrong answers")


def test_one_slice_alone_has_no_figure_of_slices() -> None:
    table = pd.DataFrame({"slice": ["en", "ar"], "n": [10, 30], "exact_match": [1.0, 0.9], "token_error_rate": [0, 0]})
    assert by_slice(table[:1], confidence=0.95) == []
    (picture,) = by_slice(table, confidence=0.95)
    assert "ar errs on 10.0 %, and 1 of 2 slices on none" in picture.words.caption
    assert "the whole split, 7.5 %" in picture.words.caption  # 3 of 40


def test_tokens_of_a_source_are_those_of_its_text_so_that_unknown_ones_are_seen() -> None:
    words = Vocabulary.learn(["ein Mann", "ein Hund"], tokens="words", max_size=20)
    ids = words.encode("ein Pferd")
    assert source_tokens("ein Pferd", ids, words) == ["ein", "Pferd"]
    assert words.tokens_of(ids) == ["ein", "<unk>"]
    pieces = Vocabulary.learn(["ein Mann", "ein Hund"], tokens="bpe", max_size=300)
    assert len(source_tokens("ein Hund", pieces.encode("ein Hund"), pieces)) == len(pieces.encode("ein Hund"))
