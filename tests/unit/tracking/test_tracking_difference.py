"""Where two files differ first, in words."""

import json

import numpy as np
import pytest
from safetensors.numpy import save

from encdec.tracking.reproduction.difference import first_difference


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "a.b[1] was 2, is 3"),
        ({"a": 0.5, "b": 1}, {"b": 1}, "a was 0.5, is nothing"),
        ({"b": 1}, {"a": None, "b": 1}, "a was nothing, is null"),
        ([1], [1, 2], "[1] was nothing, is 2"),
        (1, 2, "the value was 1, is 2"),
    ],
)
def test_of_json_the_first_value(then: object, now: object, said: str) -> None:
    assert first_difference("m.json", json.dumps(then).encode(), json.dumps(now).encode()) == said


def test_of_csv_the_first_cell() -> None:
    then = b'epoch,train/loss\n0,0.5\n1,"a\nb"\n'
    assert first_difference("h.csv", then, b'epoch,train/loss\n0,0.5\n1,"a\nc"\n') == (
        "row 2, train/loss, was a\nb, is a\nc"
    )
    assert first_difference("h.csv", then, b"epoch,train/loss\n0,0.5\n") == "row 2, epoch, was 1, is nothing"
    assert first_difference("h.csv", then, b"epoch,val\n0,0.5\n") == "the header, train/loss, was train/loss, is val"


def test_of_weights_the_first_tensor() -> None:
    zeros = np.zeros((2, 3), np.float32)
    then = save({"a": zeros, "b": zeros})
    assert first_difference("m.safetensors", then, save({"a": zeros, "b": zeros + 0.25})) == (
        "tensor b differs by up to 0.25"
    )
    assert first_difference("m.safetensors", then, save({"a": zeros, "b": zeros[:1]})) == (
        "tensor b had the shape [2, 3], has [1, 3]"
    )


def test_of_anything_else_the_first_byte() -> None:
    assert first_difference("x.npy", b"abcd", b"abxd") == "differs from byte 2 on (4 bytes then, 4 now)"
    assert first_difference("x.npy", b"abcd", b"ab") == "differs from byte 2 on (4 bytes then, 2 now)"


@pytest.mark.parametrize("name", ["m.json", "h.csv", "m.safetensors"])
def test_the_same_values_in_other_bytes_are_told_by_their_bytes(name: str) -> None:
    then, now = {"m.json": (b"[1]", b"[1 ]"), "h.csv": (b"a\n", b"a\r\n")}.get(name, (b"no weights", b"no tensors"))
    assert first_difference(name, then, now).startswith("differs from byte ")
