import pytest

from encdec.sources.cmudict import read_entries

DICTIONARY = """\
;;; a header
read R EH1 D
read(2) R IY1 D
object AA1 B JH EH0 K T
object(2) AH0 B JH EH1 K T
object(3) AA0 B JH EH1 K T # differs from the first one in stress alone
aalborg AO1 L B AO0 R G # place, danish
# a whole line of comment

c#  S IY1 SH AA1 R P
'bout B AW1 T
"""


@pytest.fixture
def write(tmp_path):
    def put(text):
        (tmp_path / "cmudict.dict").write_text(text, encoding="utf-8")
        return tmp_path / "cmudict.dict"

    return put


def test_each_pronunciation_is_a_row_and_its_word_the_group(write):
    found = [(one.sample, one.group, one.source, one.target) for one in read_entries(write(DICTIONARY), stress=True)]
    assert found == [
        ("read", "read", "read", "R EH1 D"),
        ("read(2)", "read", "read", "R IY1 D"),
        ("object", "object", "object", "AA1 B JH EH0 K T"),
        ("object(2)", "object", "object", "AH0 B JH EH1 K T"),
        ("object(3)", "object", "object", "AA0 B JH EH1 K T"),
        ("aalborg", "aalborg", "aalborg", "AO1 L B AO0 R G"),
        ("c#", "c#", "c#", "S IY1 SH AA1 R P"),
        ("'bout", "'bout", "'bout", "B AW1 T"),
    ]


def test_without_stress_equal_pronunciations_of_a_word_become_one(write):
    found = [(one.sample, one.target) for one in read_entries(write(DICTIONARY), stress=False)]
    assert found[:4] == [
        ("read", "R EH D"),
        ("read(2)", "R IY D"),
        ("object", "AA B JH EH K T"),
        ("object(2)", "AH B JH EH K T"),
    ]
    assert found[4][0] == "aalborg"


def test_words_that_sound_alike_stay_apart(write):
    assert len(list(read_entries(write("red R EH1 D\nread R EH1 D\n"), stress=False))) == 2


@pytest.mark.parametrize("line", ["word", "word w er1 d", "word W ER3 D", "word(x) W ER1 D!", "word W  ER1-D"])
def test_a_malformed_line_is_named(write, line):
    with pytest.raises(ValueError, match=r"cmudict\.dict:2: '.*' is no entry") as caught:
        list(read_entries(write(f"a AH0\n{line}\nb B IY1\n"), stress=True))
    assert repr(line) in str(caught.value)
