import pytest

from encdec.serving.options import AutoencoderOptions, ClassifierOptions, TextOptions, VaeOptions, read_options
from encdec.serving.problems import InputError

TEXTS = TextOptions(beam_size=4, length_penalty=0.6)


def test_what_is_not_asked_for_is_as_trained() -> None:
    assert read_options("seq2seq", TEXTS, {}) == TEXTS
    assert read_options("seq2seq", TEXTS, {"beam_size": 2}) == TextOptions(beam_size=2, length_penalty=0.6)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"beam_size": 0, "seed": -1}, r"beam_size 0: must be .*; params: seed -1: must be"),  # all at once
        ({"beam": 1}, "beam: model seq2seq has no such parameter; it has beam_size, length_penalty"),
        ({"length_penalty": float("nan")}, "length_penalty nan"),
        ({"temperature": float("inf"), "num_samples": 1}, "temperature inf"),
        ({"temperature": 0.5}, "a search has none: give num_samples"),
        ({"seed": 2**63}, "seed 9223372036854775808"),
    ],
)
def test_wrong_parameters_are_named(given: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_options("seq2seq", TEXTS, given)


def test_a_code_is_not_sampled() -> None:
    with pytest.raises(InputError, match="a code is the mean"):
        read_options("vae", VaeOptions(), {"output": "code", "num_samples": 3})
    assert read_options("autoencoder", AutoencoderOptions(), {"output": "code"}).output == "code"
    with pytest.raises(InputError, match="model cnn has no such parameter; it has temperature"):
        read_options("cnn", ClassifierOptions(), {"output": "code"})
