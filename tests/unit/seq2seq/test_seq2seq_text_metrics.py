"""Edit distance, token error rate and BLEU by hand and against rapidfuzz, jiwer and sacrebleu."""

import random
import time

import jiwer
import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from encdec.metrics.text import (
    BleuStatistics,
    bleu_statistics,
    closest_references,
    corpus_bleu,
    edit_distances,
    split_tokens,
    text_columns,
    text_metrics,
)

WORDS = ["the", "a", "cat", "dog", "sat", "on", "mat", "ran"]


@pytest.mark.parametrize(
    ("prediction", "reference", "distance"),
    [
        ("kitten", "sitting", 3),  # k -> s, e -> i, + g
        ("", "abc", 3),  # three insertions
        ("abc", "", 3),  # three deletions
        ("", "", 0),
        ("abcd", "bcde", 2),  # drop a, add e
        ("ab", "ba", 2),  # a swap is two edits
        ("aaaa", "a", 3),
    ],
)
def test_edit_distance_by_hand(prediction: str, reference: str, distance: int) -> None:
    assert edit_distances([list(prediction)], [list(reference)]).tolist() == [distance]


@given(st.lists(st.tuples(st.text("abc", max_size=12), st.text("abcd", max_size=12)), max_size=30))
@settings(max_examples=60, deadline=None)
def test_edit_distance_is_that_of_rapidfuzz(pairs: list[tuple[str, str]]) -> None:
    found = edit_distances([list(pair[0]) for pair in pairs], [list(pair[1]) for pair in pairs])
    assert found.tolist() == [Levenshtein.distance(*pair) for pair in pairs]


def test_tokens_that_are_several_characters_count_as_one() -> None:
    assert edit_distances([["HH", "AH0", "L"]], [["HH", "EH1", "L", "OW0"]]).tolist() == [2]


def test_five_thousand_pairs_of_sixty_tokens_take_less_than_two_seconds() -> None:
    generator = random.Random(0)
    texts = ["".join(generator.choices("abcdefgh", k=60)) for _ in range(10_000)]
    started = time.perf_counter()
    found = edit_distances(texts[:5000], texts[5000:])
    assert time.perf_counter() - started < 2.0
    assert found[:50].tolist() == [
        Levenshtein.distance(*pair) for pair in zip(texts[:50], texts[5000:5050], strict=True)
    ]


def test_the_closest_reference_has_the_least_edits_then_the_most_tokens_then_comes_first() -> None:
    predictions = ["abcd", "ab", "x"]
    references = [["abcx", "abcd"], ["abc", "a", "b"], ["y", "z"]]
    # 1 edit or 0; "abc" and "a" are both 1 edit away and "abc" is longer; "y" and "z" are equal in both
    closest = closest_references(predictions, references)
    assert closest.edits.tolist() == [0, 1, 1]
    assert closest.reference_length.tolist() == [4, 3, 1]
    assert closest.reference_index.tolist() == [1, 0, 0]


def test_a_longer_reference_wins_a_tie_wherever_it_stands() -> None:
    assert closest_references(["ab"], [["a", "abc"]]).reference_index.tolist() == [1]


def test_a_prediction_without_reference_is_an_error() -> None:
    with pytest.raises(ValueError, match="sample 1 has no reference; give each prediction at least one"):
        closest_references(["a", "b"], [["a"], []])


def test_token_error_rate_is_total_edits_over_total_reference_tokens() -> None:
    columns = text_columns(["ab", "xyz"], [["abcd"], ["xyz", "q"]], tokens="characters")
    exact_match, token_error_rate = text_metrics(tokens="characters")
    # 2 edits of 4 tokens and 0 of 3: 2/7 (a mean of rates would be 1/4); one of two is exact
    assert token_error_rate.compute(columns) == pytest.approx(2 / 7)
    assert exact_match.compute(columns) == 0.5


def test_any_reference_makes_an_exact_match() -> None:
    columns = text_columns(["T AH0", "T OW1"], [["T UW1", "T AH0"], ["T AH0"]], tokens="words")
    assert columns["exact_match"].tolist() == [True, False]


def test_spaces_between_words_do_not_matter_and_those_between_characters_do() -> None:
    assert text_columns(["a  b"], [["a b"]], tokens="words")["exact_match"].tolist() == [True]
    assert text_columns(["a  b"], [["a b"]], tokens="characters")["edits"].tolist() == [1]
    assert split_tokens("ab c", tokens="bpe") == ["ab", "c"]


def sentences(*, seed: int, size: int) -> list[str]:
    generator = random.Random(seed)
    return [" ".join(generator.choices(WORDS, k=generator.randint(0, 9))) for _ in range(size)]


def references_of(*, seed: int, size: int) -> list[list[str]]:
    generator = random.Random(seed)
    found = []
    for index in range(size):
        count = generator.randint(1, 3)
        found.append([" ".join(generator.choices(WORDS, k=generator.randint(1, 9))) for _ in range(count)])
        assert found[index]
    return found


def test_token_error_rate_is_jiwers_word_error_rate() -> None:
    predictions = sentences(seed=0, size=200)
    references = [several[0] for several in references_of(seed=1, size=200)]
    columns = text_columns(predictions, [[reference] for reference in references], tokens="words")
    metrics = {metric.name: metric for metric in text_metrics(tokens="words")}
    assert metrics["token_error_rate"].compute(columns) == pytest.approx(jiwer.wer(references, predictions))


def test_character_error_rate_is_jiwers() -> None:
    predictions = ["2024-01-02", "1999-1-31", "x"]
    references = ["2024-01-03", "1999-12-31", "2000-02-29"]
    columns = text_columns(predictions, [[reference] for reference in references], tokens="characters")
    metrics = {metric.name: metric for metric in text_metrics(tokens="characters")}
    assert metrics["token_error_rate"].compute(columns) == pytest.approx(jiwer.cer(references, predictions))


def test_no_reference_token_at_all_is_an_error_not_a_number() -> None:
    metrics = {metric.name: metric for metric in text_metrics(tokens="words")}
    with pytest.raises(ValueError, match="the references have no tokens"):
        metrics["token_error_rate"].compute(text_columns(["a"], [[""]], tokens="words"))


def test_bleu_by_hand() -> None:
    # "the cat sat on mat" against "the cat sat on the mat": 5/5 words, 3/4 pairs, 2/3 triples, 1/2 quadruples;
    # brevity exp(1 - 6/5); 100 * exp(-0.2) * (1 * 3/4 * 2/3 * 1/2) ** (1/4) = 57.89
    statistics = bleu_statistics(["the cat sat on mat"], [["the cat sat on the mat"]])
    assert statistics.counts.tolist() == [[5, 3, 2, 1]]
    assert statistics.totals.tolist() == [[5, 4, 3, 2]]
    assert statistics.lengths.tolist() == [[5, 6]]
    assert corpus_bleu(statistics) == pytest.approx(100 * np.exp(-0.2) * 0.25**0.25)


def sacrebleu_score(predictions: list[str], references: list[list[str]]) -> float:
    widest = max(map(len, references))
    streams = [[several[i] if i < len(several) else None for several in references] for i in range(widest)]
    return sacrebleu.corpus_bleu(predictions, streams, tokenize="none", force=True).score


@pytest.mark.parametrize("seed", range(5))
def test_bleu_equals_sacrebleus_exactly_also_on_resampled_rows(seed: int) -> None:
    predictions, references = sentences(seed=seed, size=40), references_of(seed=seed + 100, size=40)
    columns = text_columns(predictions, references, tokens="words")
    bleu = text_metrics(tokens="words")[-1]
    assert bleu.name == "bleu"
    assert bleu.compute(columns) == sacrebleu_score(predictions, references)
    rows = np.random.default_rng(seed).integers(0, 40, size=40)
    resampled = {name: column[rows] for name, column in columns.items()}
    expected = sacrebleu_score([predictions[row] for row in rows], [references[row] for row in rows])
    assert bleu.compute(resampled) == expected
    assert 0.0 < expected < 100.0


def test_bleu_is_given_for_words_and_byte_pairs_alone() -> None:
    for tokens, expected in (("characters", False), ("words", True), ("bpe", True)):
        columns = text_columns(["a b"], [["a b"]], tokens=tokens)
        assert ("bleu" in [metric.name for metric in text_metrics(tokens=tokens)]) == expected
        assert ("bleu_counts" in columns) == expected


def test_bleu_of_nothing_is_zero() -> None:
    assert corpus_bleu(BleuStatistics(*(np.zeros((1, size), dtype=np.int64) for size in (4, 4, 2)))) == 0.0
