"""Nearest neighbour of texts: answer with the target of the train source that looks most alike."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from encdec.progress import watched

LONGEST_NGRAM = 3
MAX_SIMILARITIES = 8_000_000
"""Similarities held at once: 32 MB."""


def nearest_rows(train: Sequence[str], queries: Sequence[str]) -> NDArray[np.int64]:
    """For each query the row of train with the largest cosine of tf-idf weighted character n-grams; ties to the first.

    N-grams of 1 to 3 characters, weighted on train alone.

    Raises:
        ValueError: train has no text with a character in it.
    """
    vectorizer = TfidfVectorizer(
        analyzer="char", ngram_range=(1, LONGEST_NGRAM), lowercase=False, dtype=np.float32, norm="l2"
    )
    known = vectorizer.fit_transform(train)  # (rows, V), sparse
    found = np.zeros(len(queries), dtype=np.int64)
    size = max(1, MAX_SIMILARITIES // known.shape[0])
    starts = range(0, len(queries), size)
    for start in watched(starts, "baselines: nearest neighbour", total=len(starts), unit="blocks of texts"):
        asked = vectorizer.transform(queries[start : start + size])
        found[start : start + size] = (known @ asked.T).toarray().argmax(axis=0)
    return found
