"""The nearest text, by hand and against dense cosines of scikit-learn."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from encdec.evaluation.nearest_neighbour import nearest_rows


def test_nearest_text_shares_most_characters() -> None:
    train = ["12 May 2001", "3. Juni 1999", "2020년 5월"]
    assert nearest_rows(train, ["14 May 2001", "4. Juni 1998", "2021년 6월"]).tolist() == [0, 1, 2]


def test_texts_that_are_equally_near_give_the_first() -> None:
    assert nearest_rows(["ab", "xy", "ab"], ["ab", "q"]).tolist() == [0, 0]


def test_case_counts() -> None:
    assert nearest_rows(["AB", "ab"], ["ab"]).tolist() == [1]


def test_nearest_rows_are_those_of_dense_cosines_at_any_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    letters = np.array(list("abcdef "))
    generator = np.random.default_rng(0)
    texts = ["".join(generator.choice(letters, size=generator.integers(4, 12))) for _ in range(60)]
    train, queries = texts[:40], texts[40:]
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), lowercase=False).fit(train)
    expected = cosine_similarity(vectorizer.transform(queries), vectorizer.transform(train)).argmax(axis=1)
    np.testing.assert_array_equal(nearest_rows(train, queries), expected)
    monkeypatch.setattr("encdec.evaluation.nearest_neighbour.MAX_SIMILARITIES", 120)  # three queries at once
    np.testing.assert_array_equal(nearest_rows(train, queries), expected)
