"""The writing of a text, by the names that Unicode gives its letters."""

from collections import Counter
from collections.abc import Sequence
from unicodedata import category, name

import numpy as np
from numpy.typing import NDArray

SCRIPTS = {
    "ARABIC": "Arabic",
    "HEBREW": "Hebrew",
    "CJK": "Han",
    "HIRAGANA": "Kana",
    "KATAKANA": "Kana",
    "HANGUL": "Hangul",
    "DEVANAGARI": "Devanagari",
    "BENGALI": "Bengali",
    "TAMIL": "Tamil",
    "TELUGU": "Telugu",
    "THAI": "Thai",
    "LATIN": "Latin",
    "CYRILLIC": "Cyrillic",
    "GREEK": "Greek",
}
"""First word of a letter's name in Unicode -> script; the order is that of the figures."""
OTHER = "other"


def script_of(text: str) -> str:
    """The script of most letters of a text, of equals the first in `SCRIPTS`; "other" without a letter of these."""
    words = (name(character, "").split(" ")[0] for character in text if category(character).startswith("L"))
    counts = Counter(SCRIPTS[word] for word in words if word in SCRIPTS)
    order = list(dict.fromkeys(SCRIPTS.values()))
    return min(counts, key=lambda script: (-counts[script], order.index(script))) if counts else OTHER


def one_of_each_script(texts: Sequence[str], lengths: NDArray[np.int64], *, most: int) -> list[tuple[str, int]]:
    """Script and row for each script of the texts: its row of median length, of equal lengths the first.

    Where there are fewer scripts than three, the shortest and the longest rows of the first come too.
    """
    found = np.array([script_of(text) for text in texts])
    order = [script for script in dict.fromkeys([*SCRIPTS.values(), OTHER]) if (found == script).any()]
    chosen: list[tuple[str, int]] = []
    quantiles = (0.5,) if len(order) > 2 else (0.5, 0.05, 0.95)
    for quantile in quantiles:
        for script in order:
            rows = np.flatnonzero(found == script)
            ranked = rows[np.argsort(lengths[rows], kind="stable")]
            row = int(ranked[round(quantile * (len(ranked) - 1))])
            if row not in [taken for _, taken in chosen]:
                chosen.append((script, row))
    return chosen[:most]
