"""params.yaml as bytes: whatever stands in it, there is either a mapping of plain values or sentences with lines."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from encdec.params.loading import load_params
from encdec.params.problems import ParamsError
from encdec.params.yaml_file import MAX_BYTES, MAX_DEPTH, read_yaml


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "params.yaml"


REFUSED = {
    "nothing": (b"", "is empty; `git checkout params.yaml` brings the project's own back"),
    "a comment alone": (b"# seed: 1\n", "is empty"),
    "a list": (b"- 1\n", "[1]: should be a mapping of sections"),
    "another encoding": ("seed: 1\n".encode("utf-16"), "is written in UTF-16, expected UTF-8: save it as UTF-8"),
    "a wide encoding": ("seed: 1\n".encode("utf-32"), "is written in UTF-32, expected UTF-8"),
    "a byte": (b"seed: 1\nname: \xe9\n", "line 2: the byte 0xe9 is not UTF-8: save the file as UTF-8"),
    "a NUL": (b"seed: 1\n\n# \0\n", "line 3: holds U+0000 (a control character): remove it"),
    "a turned line": ("# a\nseed: 1 # \u202e 2\n".encode(), "line 2: holds U+202E (right-to-left override): remove it"),
    "an isolate": ("seed: '\u2066'\n".encode(), "line 1: holds U+2066 (left-to-right isolate)"),
    "an escaped NUL": (b'a: 1\nfile: "x\\0"\n', "line 2: an escape makes U+0000 (a control character): remove it"),
    "half a pair": (b'file: "\\ud800"\n', "line 1: an escape makes U+D800 (half of a surrogate pair)"),
    "an anchor": (b"a: &x {b: 1}\nc: *x\n", "line 2: write the values out: an anchor or alias (&x) is not supported"),
    "a merge": (b"a: 1\n<<: {b: 1}\n", "line 2: write the values out: a merge (<<) is not supported"),
    "a tag that runs code": (
        b"seed: !!python/object/apply:os.system [touch ran]\n",
        "line 1: write the value without its tag (!...): 'tag:yaml.org,2002:python/object/apply:os.system'",
    ),
    "a tag of its own": (b"a: 1\nb: !thing {c: 1}\n", "line 2: write the value without its tag (!...): '!thing'"),
    "a tag of YAML": (b"seed: !!int x\n", "line 1: write the value without its tag"),
    "a directive": (b"%YAML 1.1\n---\nseed: 010\n", "line 1: remove the directive (%...)"),
    "a directive of the future": (b"a: 1\n---\n%YAML 1.41\n", "line 3: remove the directive (%...)"),
    "a depth": (b"a: " + b"[" * 40 + b"]" * 40, f"line 1: sections inside of sections, more than {MAX_DEPTH} deep"),
    "a depth without end": (b"[" * 20_000, f"line 1: sections inside of sections, more than {MAX_DEPTH} deep"),
    "a length": (b"#" * (MAX_BYTES + 1), "has 262,145 bytes, expected at most 262,144: is it another file?"),
    "a tab": (b"seed:\n\t- 1\n", "not valid YAML: line 2, column 1: while scanning for the next token found character"),
    "a key twice": (b"seed: 1\nseed: 2\n", "line 2, column 1: while constructing a mapping found duplicate key"),
    "two documents": (b"a: 1\n---\nb: 1\n", "line 2, column 1: expected a single document"),
    "an impossible date": (b"a: 1\nb: 2024-13-01\n", "not valid YAML: line 2, column 4: month must be in 1..12"),
    "a long number": (b"a: " + b"9" * 5000, "not valid YAML: line 1, column 4: Exceeds the limit (4300 digits)"),
    "a key of a list": (b"? [a]\n: 1\n", "line 1: a key should be a text, not a list or a section"),
    "a key of a mapping": (b"a: 1\n? {a: 1}\n: 1\n", "line 2: a key should be a text, not a list or a section"),
    "a key in a list in a key": (b"?\n[~: ]: a\n:", "line 2: a key should be a text"),
    "a number as a key": (b"a: {1: [{b: c}]}\n", "params.yaml: a: the key 1 should be a text"),
    "a key of two lines": (b'a: {"b\\nc": 1}\n', "params.yaml: a: the key 'b\\nc' should be a name on one line"),
    "no key": (b"? \n: 1\n", "the key None should be a text"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_no_plain_file_is_a_sentence_with_its_line(file: Path, content: bytes, message: str) -> None:
    file.write_bytes(content)
    with pytest.raises(ParamsError) as caught:
        load_params(file)
    assert message in str(caught.value)
    assert str(file.parent) not in str(caught.value)
    assert [one.name for one in file.parent.iterdir()] == ["params.yaml"], "reading a file made another"


def test_each_refused_thing_of_a_file_is_told(file: Path) -> None:
    file.write_bytes(b"a: &x 1\nb: *x\nc: !!str 5\n<<: {d: 1}\n")
    with pytest.raises(ParamsError, match="4 mistakes") as caught:
        read_yaml(file)
    assert [problem.message.split(":")[0] for problem in caught.value.problems] == [f"line {n}" for n in (1, 2, 3, 4)]


def test_a_message_has_an_end(file: Path) -> None:
    file.write_bytes(b"\0" * 1000 + b"\n\0" * 1000)
    with pytest.raises(ParamsError) as caught:
        read_yaml(file)
    lines = str(caught.value).splitlines()
    assert len(lines) == 52
    assert lines[-1] == "  ... and 951 more"


def test_a_byte_order_mark_and_other_scripts_are_read(file: Path) -> None:
    file.write_bytes("\ufeffname: '한국어 \u200f'\n".encode())
    assert read_yaml(file) == {"name": "한국어 \u200f"}


@pytest.fixture(scope="module")
def text(root: Path) -> bytes:
    return (root / "params.yaml").read_bytes()


def told_of(path: Path, content: bytes) -> str:
    """What is said of a file; nothing where it loads. Whatever else is raised is a failure."""
    path.write_bytes(content)
    try:
        load_params(path)
    except ParamsError as error:
        return str(error)
    return ""


def is_a_sentence(told: str) -> bool:
    """It names the file, and can be printed."""
    return not told or (" in params.yaml:\n  params.yaml: " in told and bool(told.encode()))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_cut_or_another_piece_in_the_file_ends_in_a_value_or_in_sentences(
    text: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    piece = data.draw(
        st.binary(max_size=20) | st.text(max_size=10).map(lambda one: one.encode("utf-8", "surrogatepass"))
    )
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 200)))
    path = tmp_path_factory.getbasetemp() / "params.yaml"
    assert is_a_sentence(told_of(path, text[:start] + piece + text[end:]))


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def places(node: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, child in children for place in places(child, (*path, key)))]


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_value_in_any_place_ends_in_a_value_or_in_sentences(
    text: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "params.yaml"
    raw = YAML(typ="safe", pure=True).load(text)
    place = data.draw(st.sampled_from([one for one in places(raw) if one]))
    node = raw
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = data.draw(ANY)
    with path.open("w", encoding="utf-8", errors="surrogatepass") as file:
        YAML(typ="safe", pure=True).dump(raw, file)
    assert is_a_sentence(told_of(path, path.read_bytes()))
