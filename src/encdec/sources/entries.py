"""The image files that a user's folder offers, before any of them is opened."""

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from encdec.sources.printable import printable
from encdec.sources.rejections import MOST_SHOWN, Rejection

AT = "images.sources.folder"


class Entry(NamedTuple):
    """An image file by its path inside the user's folder. `split`: the index's own, or None."""

    path: str
    label: str
    split: str | None


class Listing(NamedTuple):
    """`indices`: the index files that were read, by their path inside the user's folder."""

    entries: Sequence[Entry]
    rejected: Sequence[Rejection]
    indices: Sequence[str] = ()


def unusable(text: str) -> str:
    """What of a name or a label no table and no terminal can show as one line; "" where there is nothing.

    Spaces and every script are usable. Control characters and line breaks of all kinds are not, nor bytes that are no
    UTF-8: they are accidents, or meant to deceive.
    """
    for character in "" if text.isprintable() else text:
        match unicodedata.category(character):
            case "Cc" | "Zl" | "Zp":
                return f"the control character {printable(character)}"
            case "Cs":
                return f"the byte {printable(character)}, which is not UTF-8"
    return ""


def refuse_all(wrong: Sequence[str]) -> None:
    """Raise one ValueError for many mistakes, the first of them in words."""
    if not wrong:
        return
    more = [f"... and {len(wrong) - MOST_SHOWN:,} more"] if len(wrong) > MOST_SHOWN else []
    raise ValueError("\n".join([*map(printable, wrong[:MOST_SHOWN]), *more]))
