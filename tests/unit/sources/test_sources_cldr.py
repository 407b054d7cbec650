"""The expected texts are written by hand from the languages' own rules; Babel's formatter is the second reference."""

import subprocess
import sys
import unicodedata
from datetime import date, timedelta

import pytest
from babel import Locale
from babel.core import get_global
from babel.dates import format_date
from babel.localedata import locale_identifiers

from encdec.sources.cldr import ZEROS, date_format, date_formats, native_digits, patterns

DAY = date(2024, 3, 5)  # a Tuesday


def texts(locale, day=DAY):
    return {
        one.render(year=day.year, month=day.month, day=day.day, weekday=day.weekday()) for one in date_formats(locale)
    }


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("en", {"Tuesday, March 5, 2024", "March 5, 2024", "Mar 5, 2024", "Tue, Mar 5, 2024"}),
        ("ko", {"2024년 3월 5일 화요일", "2024년 3월 5일", "2024년 3월 5일 (화)"}),
        ("ja", {"2024年3月5日火曜日", "2024年3月5日", "2024年3月5日(火)"}),
        ("de", {"Dienstag, 5. März 2024", "5. März 2024", "Di., 5. März 2024"}),
        ("ar", {"الثلاثاء، ٥ مارس ٢٠٢٤", "٥ مارس ٢٠٢٤"}),
        ("hi", {"मंगलवार, 5 मार्च 2024", "5 मार्च 2024", "मंगल, 5 मार्च 2024"}),
        ("bn", {"মঙ্গলবার, ৫ মার্চ, ২০২৪", "৫ মার্চ, ২০২৪", "মঙ্গল, ৫ মার্চ, ২০২৪"}),
    ],
)
def test_a_date_as_it_is_written(locale, expected):
    assert texts(locale) == {unicodedata.normalize("NFC", text) for text in expected}


@pytest.mark.parametrize("locale", ["en", "ko", "ja", "de", "fr", "es", "vi", "ar", "fa", "mr", "my", "ne"])
def test_babel_formats_the_same(locale):
    parsed, digits = Locale.parse(locale), native_digits(locale)
    translated = str.maketrans("0123456789", "".join(digits))
    for pattern in patterns(parsed):
        ours = date_format(parsed, pattern, digits=digits)
        for day in (DAY + timedelta(days=37 * step) for step in range(12)) if ours else ():
            theirs = format_date(day, pattern, locale=parsed).translate(translated)
            text = ours.render(year=day.year, month=day.month, day=day.day, weekday=day.weekday())
            assert text == unicodedata.normalize("NFC", theirs)


@pytest.mark.parametrize(
    ("pattern", "usable"),
    [
        ("d MMMM y", True),
        ("y年M月d日", True),  # the number is named as a month
        ("d.M.y", False),  # or M.d.y?
        ("M/d/y", False),
        ("d MMMM yy", False),  # which century?
        ("d MMMM", False),
        ("MMMM y", False),
        ("d MMMM y G", False),  # an era
        ("d LLLL y", False),  # names for use alone, in which Babel errs
        ("d MMMMM y", False),  # one letter: J is three months
    ],
)
def test_only_patterns_with_one_reading_are_used(pattern, usable):
    assert (date_format(Locale.parse("en"), pattern, digits=native_digits("en")) is not None) == usable


def test_the_digits_of_every_default_numbering_system_are_known():
    for identifier in locale_identifiers():
        values = [unicodedata.digit(digit) for digit in native_digits(identifier)]
        assert values == list(range(10)), identifier


@pytest.mark.parametrize(
    ("locale", "nine"),
    [("en", "9"), ("ar", "٩"), ("ar_AE", "9"), ("fa", "۹"), ("hi", "9"), ("mr", "९"), ("bn", "৯"), ("my", "၉")],
)
def test_digits_are_those_of_the_place_where_the_language_is_most_spoken(locale, nine):
    assert native_digits(locale)[9] == nine


@pytest.mark.parametrize(("system", "name"), [("arab", "ARABIC-INDIC"), ("arabext", "EXTENDED ARABIC-INDIC")])
def test_the_two_arabic_numbering_systems_are_not_confused(system, name):
    assert unicodedata.name(ZEROS[system]) == f"{name} DIGIT ZERO"


@pytest.mark.parametrize(
    ("wrong", "near"), [("deu", "de_DE"), ("korean", "ko"), ("pt-BR", "pt_BR"), ("zh_CN", "zh_Hans_CN"), ("", "aa")]
)
def test_an_unknown_locale_is_refused_with_the_nearest(wrong, near):
    with pytest.raises(ValueError, match=rf"'{wrong}' is no locale of CLDR \(did you mean {near}\?\)"):
        date_formats(wrong)


def test_every_locale_of_cldr_has_a_format_in_composed_characters():
    for identifier in locale_identifiers():
        words = [word for one in date_formats(identifier) for part in one.parts for word in part.words]
        assert words
        assert all(unicodedata.is_normalized("NFC", word) for word in words), identifier


def test_the_order_in_which_locales_are_loaded_changes_nothing():
    command = (
        "import sys; from encdec.sources.cldr import date_formats, known_locales\n"
        "names = sorted(known_locales(), reverse=sys.argv[1] == 'backwards')\n"
        "print(sorted((name, date_formats(name)) for name in names))"
    )
    runs = [
        subprocess.run([sys.executable, "-c", command, order], capture_output=True, check=True, text=True).stdout
        for order in ("forwards", "backwards")
    ]
    assert runs[0] == runs[1]
    assert len(runs[0]) > 1_000_000


def test_likely_subtags_are_where_they_are_looked_for():
    assert get_global("likely_subtags")["ar"] == "ar_Arab_EG"
