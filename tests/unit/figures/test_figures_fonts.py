"""Whether every script of the default data is drawn, with its letters joined and in order."""

import warnings
from importlib.metadata import distribution

import numpy as np
import pytest
from drawn import drawn

from encdec.figures import fonts
from encdec.figures.fonts import label, missing, packaged_file, token_label
from encdec.figures.picture import Picture, Words

WORDS = Words("name", "Title", "Caption.", "Alt.", "quality")


def ink(text: str) -> np.ndarray:
    """The columns of a drawn text that have ink, from the first to the last."""
    picture = Picture(WORDS, 500, 60, lambda figure, theme: figure.text(0.05, 0.4, text, fontsize=20) and None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of a missing glyph
        pixels = np.asarray(drawn(picture).canvas.buffer_rgba())[:, :, 0]
    columns = (pixels < 128).any(axis=0)
    places = np.flatnonzero(columns)
    return columns[places[0] : places[-1] + 1]


def test_no_text_of_the_default_data_has_a_character_without_a_glyph(default_dates: list[str]) -> None:
    assert len(default_dates) > 5000
    scripts = "".join(default_dates)
    for letter in "سरর年월źя":
        assert letter in scripts
    assert missing(default_dates) == ()
    assert missing([token_label(character) for character in set(scripts)]) == ()


def test_arabic_letters_join() -> None:
    joined, apart = ink("سبتمبر"), ink("\u200c".join("سبتمبر"))  # a zero-width non-joiner between the letters
    assert len(joined) < len(apart)
    assert (~joined).sum() < (~apart).sum(), "fewer columns without ink"


def test_arabic_runs_from_right_to_left() -> None:
    # alef is one stroke, seen three letters wide: it stands right of them where the text begins with it
    before, after = ink("اسسس"), ink("سسسا")
    assert len(before) != len(after) or (before != after).any()
    plain = ink("ا")
    assert before[-len(plain) :].all()
    assert not before[-len(plain) - 4 : -len(plain)].all(), "a first alef does not join what follows: a gap is left"


def test_devanagari_and_bengali_vowels_stand_before_their_letter() -> None:
    # U+093F and U+09BF come after the consonant in the text and are drawn left of it, so the picture is not that of
    # the two glyphs in the order of the text
    for consonant, vowel in (("\u0915", "\u093f"), ("\u0995", "\u09bf")):
        assert len(ink(consonant + vowel)) < len(ink(consonant)) + len(ink("\u25cc" + vowel))


def test_what_no_font_has_is_named_by_its_code_point() -> None:
    assert missing(["a\u0e01b\u0e01"]) == ("\u0e01",)
    assert label("a\u0e01") == "a[U+0E01]"
    assert token_label("\u0e01") == "U+0E01"


def test_labels_are_one_short_line() -> None:
    assert label("two\nlines\x00") == "two lines "
    assert label("abcdefghij", most=5) == "abcd…"
    assert token_label(" ") == "␣"
    assert token_label("\u202f") == "⍽"
    assert token_label("\u200d") == "U+200D"
    assert token_label("consultation", most=6) == "consu…"


def test_a_font_that_is_not_installed_is_named_with_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"font package no-such-font: not installed.*install requirements\.lock"):
        packaged_file("no-such-font", "a.ttf")
    with pytest.raises(ValueError, match=r"has no file other\.otf; install the version in requirements\.lock"):
        packaged_file(fonts.EAST_ASIA, "other.otf")


def test_no_code_of_a_font_package_runs() -> None:
    import sys

    fonts.families()
    assert not {"noto_cjk_sans_jp_regular", "justmytype_intl_south_asia", "justmytype"} & set(sys.modules)


def test_the_fonts_are_free() -> None:
    text = distribution(fonts.EAST_ASIA).read_text("licenses/LICENSE") or ""
    assert "SIL OPEN FONT LICENSE" in text.upper()
    licences = [file for file in distribution(fonts.INDIA).files or [] if file.name == "OFL.txt"]
    assert len(licences) == 4
    assert all("SIL OPEN FONT LICENSE" in file.read_text().upper() for file in licences)
