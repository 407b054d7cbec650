"""Heat maps with the characters of both sides, whatever way they are written."""

import numpy as np
import pytest
from drawn import drawn, texts

from encdec.figures.attention import END, Reading, attention, right_to_left
from encdec.figures.picture import Words
from encdec.figures.scripts import one_of_each_script, script_of
from encdec.figures.style import LIGHT
from encdec.figures.texts import WrongText, wrong_texts


def reading(source: str, output: str = "10", *, reference: str | None = None) -> Reading:
    rows = [*output, END]
    weights = np.random.default_rng(0).dirichlet(np.ones(len(source)), size=len(rows))
    return Reading(source, output, output if reference is None else reference, list(source), rows, weights)


def test_direction_is_that_of_the_first_letter_with_one() -> None:
    assert right_to_left("٢٢ سبتمبر ١٩٨٣")
    assert right_to_left("12 ینایر abc")
    assert right_to_left("שלום")
    assert not right_to_left("Aug 30 سبتمبر")
    assert not right_to_left("1932년 9월")
    assert not right_to_left("2013")


@pytest.mark.parametrize("source", ["۱۰ ژانویهٔ", "2076年1月", "2011년 8월", "१३ नोव्हें", "সেপ, ১৯", "ons 31 juli"])
def test_the_map_has_the_weights_and_both_sides_token_by_token(source: str) -> None:
    given = reading(source)
    axes = drawn(attention(given, name="map", script="any")).axes[0]
    np.testing.assert_array_equal(axes.images[0].get_array(), given.weights)
    columns = [text.get_text() for text in axes.get_xticklabels()]
    assert columns == ["␣" if character == " " else character for character in source]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["1", "0", "end"]
    assert axes.images[0].get_clim() == (0, 1)


def test_a_source_from_right_to_left_is_drawn_so() -> None:
    left, right = (drawn(attention(reading(text), name="map", script="any")).axes[0] for text in ("abcd", "سبتم"))
    assert left.get_xlim()[0] < left.get_xlim()[1]
    assert right.get_xlim()[0] > right.get_xlim()[1]
    picture = attention(reading("سبتم"), name="map", script="Arabic")
    assert "run from right to left" in picture.words.caption
    assert "right to left" not in attention(reading("abcd"), name="map", script="Latin").words.caption


def test_source_and_output_stand_above_as_whole_texts_each_by_itself() -> None:
    found = texts(drawn(attention(reading("١٣ ینایر", "01-13", reference="01-31"), name="map", script="Arabic")))
    assert "١٣ ینایر" in found
    assert {"01-13", "expected", "01-31"} <= set(found)
    assert not any("١٣ ینایر" in text and "01-13" in text for text in found)


def test_what_cannot_be_drawn_is_named_on_the_axis_and_in_the_caption() -> None:
    picture = attention(reading("a\u0e01"), name="map", script="Latin")
    assert "U+0E01" in texts(drawn(picture))
    assert "No font here can draw U+0E01." in picture.words.caption


def test_words_and_long_sources_are_drawn_too() -> None:
    words = ["ein", "Mann", "Geschwindigkeitsbegrenzung"]
    weights = np.full((2, 3), 1 / 3)
    picture = attention(Reading("ein Mann ..", "a", "a", words, ["a", END], weights), name="map", script="Latin")
    labels = drawn(picture).axes[0].get_xticklabels()
    assert [text.get_text() for text in labels] == ["ein", "Mann", "Geschwindig…"]
    assert {text.get_rotation() for text in labels} == {90.0}
    long = attention(reading("x" * 100), name="map", script="Latin")
    assert np.asarray(drawn(long).axes[0].images[0].get_array()).shape == (3, 60)
    assert "Only the first 60 tokens are drawn" in long.words.caption


def test_the_script_is_that_of_most_letters() -> None:
    texts_ = ["Aug 30", "٢٢ سبتمبر", "2081年8月25日(月)", "1932년", "रवि, 17", "রবি", "четверг", "12"]
    assert [script_of(text) for text in texts_] == [
        "Latin", "Arabic", "Han", "Hangul", "Devanagari", "Bengali", "Cyrillic", "other"
    ]  # fmt: skip


def test_each_script_gives_its_row_of_median_length() -> None:
    rows = ["aaa", "رر", "a", "aaaaa", "ررر", "ر", "年"]
    lengths = np.array([len(row) for row in rows])
    assert one_of_each_script(rows, lengths, most=9) == [("Arabic", 1), ("Han", 6), ("Latin", 0)]
    assert one_of_each_script(rows, lengths, most=1) == [("Arabic", 1)]


def test_one_script_alone_gives_its_short_and_long_rows_too() -> None:
    rows = ["a" * length for length in range(1, 22)]
    chosen = one_of_each_script(rows, np.arange(1, 22), most=6)
    assert [len(rows[row]) for _, row in chosen] == [11, 2, 20]


def test_wrong_texts_stand_by_themselves_in_colours_of_their_own() -> None:
    words = Words("worst_mistakes", "Worst", "Caption.", "Alt.", "mistakes")
    figure = drawn(wrong_texts([WrongText("٣١ مه", "05-31", "10-31", "98.3 %")], words=words, score="sure"))
    found = {text.get_text(): text.get_color() for text in figure.texts}
    assert found["05-31"] == LIGHT.third
    assert found["10-31"] == LIGHT.second
    assert {"source", "expected", "answer", "sure", "٣١ مه", "98.3 %"} <= set(found)
