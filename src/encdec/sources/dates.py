"""Source `dates`: dates as people write them in many languages -> ISO 8601. Made from CLDR; no network."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from encdec.params.data import Dates
from encdec.sources.cldr import DateFormat, date_formats
from encdec.sources.manifest import PairSample, pair_manifest, write_manifest
from encdec.sources.provenance import write_pair_source

LICENCE = "Unicode License v3: CLDR, by way of Babel (BSD 3-Clause)"
AT = "pairs.sources.dates"


def ingest_dates(params: Dates, *, out: Path) -> None:
    shares = params.split.shares()
    write_manifest(out, pair_manifest(make_dates(params), shares=shares))
    write_pair_source(out, name="dates", split=shares, licence=LICENCE)


def make_dates(params: Dates) -> Iterator[PairSample]:
    """Exactly `rows` pairs with different texts, as many of each locale, each with one right answer.

    A locale's dates and formats come in an order that its name alone decides, so fewer rows are the first of more.

    Raises:
        ValueError: a locale is unknown or named twice, or the years have too few dates for so many rows.
    """
    formats = formats_by_locale(params.locales)
    ambiguous = ambiguous_shapes(formats)
    first = date(params.first_year, 1, 1).toordinal()
    days = date(params.last_year, 12, 31).toordinal() - first + 1
    taken: set[str] = set()
    for position, (locale, choices) in enumerate(formats.items()):
        rows = params.rows // len(formats) + (position < params.rows % len(formats))
        made = 0
        for index in scattered(days * len(choices), key=locale).tolist():
            if made == rows:
                break
            day, choice = date.fromordinal(first + index // len(choices)), choices[index % len(choices)]
            text = rendered(choice, day)
            if text not in taken and shape(choice, day) not in ambiguous:
                taken.add(text)
                yield PairSample(f"{locale}/{made:05d}", day.isoformat(), locale, text, day.isoformat())
                made += 1
        if made < rows:
            raise ValueError(
                f"{AT}.rows: {params.rows} rows need {rows} different texts of each locale, but {locale} has {made} "
                f"that no locale before it has: lower rows, name more locales, or widen first_year to last_year"
            )


def formats_by_locale(locales: tuple[str, ...]) -> dict[str, tuple[DateFormat, ...]]:
    formats: dict[str, tuple[DateFormat, ...]] = {}
    for locale in locales:
        if locale in formats:
            raise ValueError(f"{AT}.locales: {locale} is named twice")
        try:
            formats[locale] = date_formats(locale)
        except ValueError as error:
            raise ValueError(f"{AT}.locales: {error}") from error
    return formats


def rendered(choice: DateFormat, day: date) -> str:
    return choice.render(year=day.year, month=day.month, day=day.day, weekday=day.weekday())


def shape(choice: DateFormat, day: date) -> str:
    """A date's text with the year 0000 in it."""
    return choice.render(year=0, month=day.month, day=day.day, weekday=day.weekday())


def ambiguous_shapes(formats: Mapping[str, tuple[DateFormat, ...]]) -> frozenset[str]:
    """The texts, with the year 0000, that are two dates of a year: `4 lis` is November in Polish, October in Croatian.

    Two texts with different years always differ, for no other number has four digits, unless one stands right beside
    the year: such texts count as ambiguous, too. Weekdays are combined with every date, so a few texts too many may be
    found, never one too few.
    """
    meaning: dict[str, tuple[int, int]] = {}
    ambiguous: set[str] = set()
    for choice in {choice for choices in formats.values() for choice in choices}:
        for month in range(1, 13):
            for day in range(1, 32):
                for weekday in range(7 if choice.has_weekday else 1):
                    text = choice.render(year=0, month=month, day=day, weekday=weekday)
                    if meaning.setdefault(text, (month, day)) != (month, day) or re.search(r"\d{5}", text):
                        ambiguous.add(text)
    return frozenset(ambiguous)


def scattered(count: int, *, key: str) -> NDArray[np.int64]:
    """0 to count - 1, sorted by a hash of key and number (SplitMix64): the same in every version of every library."""
    start = np.uint64(int.from_bytes(sha256(key.encode()).digest()[:8], "big"))
    mixed = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + start
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.argsort(mixed ^ (mixed >> np.uint64(31)), kind="stable")
