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


def test_every_malformed_line_is_told_at_once(write):
    with pytest.raises(ValueError, match=r"^cmudict\.dict:1: .*\ncmudict\.dict:3: ") as caught:
        list(read_entries(write("a\nb B IY1\nc see\n"), stress=True))
    assert len(str(caught.value).splitlines()) == 2
    with pytest.raises(ValueError, match=r"\.\.\. and 80 more$"):
        list(read_entries(write("a\n" * 100), stress=True))


BROKEN = {
    "nothing": (b"", r"cmudict\.dict: has no entry, expected a word and its phonemes"),
    "comments alone": (b";;; a\n# b\n", r"cmudict\.dict: has no entry"),
    "a byte": (b"a AH0\ncaf\xe9 K AE1\n", r"cmudict\.dict:2: 'caf\\udce9 K AE1' is no entry"),
    "a NUL": (b"a\0b AH0\n", r"cmudict\.dict:1: 'a\\x00b AH0' is no entry"),
    "UTF-16": ("a AH0\n".encode("utf-16"), r"cmudict\.dict: is written in UTF-16, expected UTF-8"),
    "five megabytes": (b"a" * 5_000_000 + b"\n", r"cmudict\.dict:1: 'a{76}\.\.\. is no entry"),
    "spaces and brackets": (b"(1" * 50_000 + b" " * 50_000 + b"\n", r"cmudict\.dict:1: '\(1"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=list(BROKEN))
def test_what_is_no_dictionary_is_a_sentence(tmp_path, content, message):
    path = tmp_path / "cmudict.dict"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        list(read_entries(path, stress=True))


def test_a_byte_order_mark_is_no_part_of_the_first_word(tmp_path):
    (tmp_path / "cmudict.dict").write_bytes(b"\xef\xbb\xbfa AH0\r\nb B IY1\r\n")
    found = [one.source for one in read_entries(tmp_path / "cmudict.dict", stress=True)]
    assert found == ["a", "b"]
