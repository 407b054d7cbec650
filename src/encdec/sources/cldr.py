"""How a language writes a date in full, from the CLDR locale data inside Babel (Gregorian calendar)."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import takewhile
from typing import Literal, NamedTuple

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.dates import tokenize_pattern
from babel.localedata import locale_identifiers

Field = Literal["text", "year", "month", "day", "weekday"]
# Skeletons ask for a year, a month as a word, a day, and perhaps a weekday.
SKELETON = re.compile(r"yM{3,4}E*d")
# Babel has the name of a language's numbering system, but not its digits: here is the zero of each that CLDR uses by
# default for some language. The other nine digits follow it.
ZEROS = {
    "latn": "0",
    "adlm": "\U0001e950",
    "arab": "\u0660",
    "arabext": "\u06f0",
    "beng": "\u09e6",
    "cakm": "\U00011136",
    "deva": "\u0966",
    "hmnp": "\U0001e140",
    "mtei": "\uabf0",
    "mymr": "\u1040",
    "nkoo": "\u07c0",
    "olck": "\u1c50",
    "tibt": "\u0f20",
}


class Part(NamedTuple):
    """A piece of a date: `words` by month - 1, day - 1 or weekday (Monday 0); a text has one, a year its ten digits."""

    field: Field
    words: tuple[str, ...]


class DateFormat(NamedTuple):
    parts: tuple[Part, ...]

    @property
    def has_weekday(self) -> bool:
        return any(part.field == "weekday" for part in self.parts)

    def render(self, *, year: int, month: int, day: int, weekday: int) -> str:
        """The date as text. `weekday` counts from Monday, 0; the year has four digits."""
        index = {"text": 0, "month": month - 1, "day": day - 1, "weekday": weekday}
        return "".join(
            written(year, digits=part.words, width=4) if part.field == "year" else part.words[index[part.field]]
            for part in self.parts
        )


def date_formats(identifier: str) -> tuple[DateFormat, ...]:
    """The different ways in which a locale writes a date so that its month cannot be taken for a day.

    CLDR's full, long and medium formats and its skeletons with a month's name, as far as they spell the month out or
    name the number as one (`3月`). Numbers are written in the locale's own digits.

    Raises:
        ValueError: no such locale, or one without such a format or with unknown digits.
    """
    if identifier not in known_locales():
        raise ValueError(f"{identifier!r} is no locale of CLDR (did you mean {nearest_locale(identifier)}?)")
    locale = Locale.parse(identifier)
    digits = native_digits(identifier)
    found = [date_format(locale, pattern, digits=digits) for pattern in patterns(locale)]
    formats = tuple(dict.fromkeys(one for one in found if one is not None))
    if not formats:
        raise ValueError(f"CLDR has no format for the locale {identifier!r} that spells the month out")
    return formats


@cache
def known_locales() -> frozenset[str]:
    return frozenset(locale_identifiers())


def nearest_locale(wrong: str) -> str:
    """What Babel takes the identifier for; else the shortest of those with the longest common beginning."""
    try:
        taken_for = str(Locale.parse(wrong.replace("-", "_")))
    except (ValueError, UnknownLocaleError):
        taken_for = ""
    if taken_for in known_locales():
        return taken_for
    return min(known_locales(), key=lambda name: (-common_beginning(wrong, name), len(name), name))


def common_beginning(one: str, other: str) -> int:
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))


def native_digits(identifier: str) -> tuple[str, ...]:
    """The ten digits of the numbering system that the locale uses by default.

    A language without a territory stands for the one in which it is most spoken (CLDR's likely subtags): Arabic is
    written with ١٢٣ in Egypt, so in `ar`, but with 123 in `ar_AE`.
    """
    likely = get_global("likely_subtags").get(identifier, identifier)  # ar -> ar_Arab_EG
    parts = likely.split("_")
    place = next(name for name in (likely, f"{parts[0]}_{parts[-1]}", identifier) if name in known_locales())
    system = str(Locale.parse(place).default_numbering_system)
    if system not in ZEROS:
        raise ValueError(
            f"the digits {system!r} of the locale {identifier!r} are not known (known: {', '.join(ZEROS)})"
        )
    return tuple(chr(ord(ZEROS[system]) + value) for value in range(10))


def patterns(locale: Locale) -> Iterator[str]:
    for width in ("full", "long", "medium"):
        yield locale.date_formats[width].pattern
    skeletons = {name: value for name, value in locale.datetime_skeletons.items() if SKELETON.fullmatch(name)}
    for name in sorted(skeletons):
        yield skeletons[name].pattern


def date_format(locale: Locale, pattern: str, *, digits: tuple[str, ...]) -> DateFormat | None:
    """The parts of a CLDR pattern, or None where it is no whole date or its month might be taken for a day."""
    tokens = [value for _, value in tokenize_pattern(pattern)]
    parts: list[Part] = []
    for token, following in zip(tokens, [*tokens[1:], ""], strict=True):
        if isinstance(token, str):
            parts.append(Part("text", (token,)))
            continue
        letter, count = token
        part = field_part(locale, letter, count, digits=digits)
        # A month in digits is one for certain only where a word names it: y年M月d日, but not d.M.y.
        named = isinstance(following, str) and following[:1].isalpha()
        if part is None or (letter == "M" and count < 3 and not named):
            return None
        parts.append(part)
    fields = sorted(part.field for part in parts if part.field not in ("text", "weekday"))
    return DateFormat(tuple(parts)) if fields == ["day", "month", "year"] else None


def field_part(locale: Locale, letter: str, count: int, *, digits: tuple[str, ...]) -> Part | None:
    """One field of a pattern; None for a field that is no part of a date that anybody could read back."""
    # Babel's names for use inside a date ("format") are right. Those for use alone ("stand-alone") depend on which
    # locale was loaded before, so a pattern that asks for them is not used.
    match letter, count:
        case "y", 1 | 4:
            return Part("year", digits)
        case "d", 1 | 2:
            return Part("day", tuple(written(day, digits=digits, width=count) for day in range(1, 32)))
        case "M", 1 | 2:
            return Part("month", tuple(written(month, digits=digits, width=count) for month in range(1, 13)))
        case "M", 3 | 4:
            names = locale.months["format"]["wide" if count == 4 else "abbreviated"]
            return Part("month", tuple(names[month] for month in range(1, 13)))
        case "E", 1 | 2 | 3 | 4:
            names = locale.days["format"]["wide" if count == 4 else "abbreviated"]
            return Part("weekday", tuple(names[weekday] for weekday in range(7)))
        case _:
            return None


def written(number: int, *, digits: tuple[str, ...], width: int) -> str:
    return "".join(digits[int(digit)] for digit in f"{number:0{width}d}")
