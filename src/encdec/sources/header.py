"""The columns of a table by name: every one that is missing or stands there twice is told at once."""

from collections.abc import Sequence
from difflib import get_close_matches

from encdec.sources.printable import printable

MOST_NAMES = 20


def find(place: object, wanted: Sequence[str], optional: Sequence[str], *, found: Sequence[str]) -> list[int | None]:
    """The position of each wanted, then of each optional column (None where it is missing).

    Raises:
        ValueError: a wanted column is missing, or a column stands there twice.
    """
    wrong = []
    for name in dict.fromkeys((*wanted, *optional)):
        if found.count(name) > 1:
            wrong.append(f"has {found.count(name)} columns {name!r}")
        elif name not in found and name in wanted:
            close = get_close_matches(name, found, n=1, cutoff=0.6)
            wrong.append(f"has no column {name!r}" + (f" (did you mean {printable(close[0])!r}?)" if close else ""))
    if wrong:
        raise ValueError(f"{place}: {', '.join(wrong)} (columns found: {listed(found)})")
    return [found.index(name) if name in found else None for name in (*wanted, *optional)]


def listed(found: Sequence[str]) -> str:
    names = [printable(name[:80]) for name in found[:MOST_NAMES]]
    more = f" and {len(found) - MOST_NAMES:,} more" if len(found) > MOST_NAMES else ""
    return f"{', '.join(names)}{more}" if found else "none"
