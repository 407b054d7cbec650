"""Real servers of really trained models: right answers, and a sentence for each wrong request."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import torch
from numpy.typing import NDArray
from registered import Registry
from served import Answered, Served
from trained_project import TrainedProject

from encdec.models.storage import load_model
from encdec.models.vae.network import VariationalAutoencoder
from encdec.serving.texts import load_text_model

pytestmark = pytest.mark.xdist_group("serving")  # one server of a kind for all of them

SOURCES = ("3 May 2001", "12. März 1999", "2001年5月3日")


@pytest.fixture(scope="module")
def pixels(trained: TrainedProject) -> NDArray[np.float32]:
    stored = np.load(trained.prepared / "images" / "test" / "images.npy")[:5]
    scaled: NDArray[np.float32] = stored.astype(np.float32) / np.float32(16)
    return scaled


@torch.inference_mode()
def by_network(models: Path, name: str, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    network, images = load_model(models / name).network, torch.from_numpy(pixels)
    if isinstance(network, VariationalAutoencoder):
        found: NDArray[np.float32] = network.decode(network.encode(images)[0]).sigmoid().numpy()
    else:
        found = network(images).softmax(dim=1).numpy()
    return found


def answers_as_the_network(served: Served, models: Path, pixels: NDArray[np.float32]) -> None:
    """To 1e-6: JSON keeps every digit, and the batch is the same."""
    if served.name == "seq2seq":
        model = load_text_model(models / "seq2seq")
        for row, source in zip(served.texts(*SOURCES).json["predictions"], SOURCES, strict=True):
            ids = torch.tensor([model.source.encode(source)])
            decoded = model.network.decode(ids, torch.ones_like(ids, dtype=torch.bool), model.decoding)
            assert row["target"] == model.target.decode(decoded.ids[0].tolist())
            assert row["score"] == pytest.approx(float(decoded.scores[0]), rel=1e-5, abs=1e-6)
        return
    answers = np.array(served.images(pixels).json["predictions"])
    np.testing.assert_allclose(answers, by_network(models, served.name, pixels), rtol=0, atol=1e-6)


def test_mlflow_serves_the_answers_of_the_training_code(
    mlflow_server: Served, trained: TrainedProject, pixels: NDArray[np.float32]
) -> None:
    answers_as_the_network(mlflow_server, trained.models, pixels)


def test_the_gate_passes_the_answers_of_the_training_code(
    gated_server: Served, trained: TrainedProject, pixels: NDArray[np.float32]
) -> None:
    answers_as_the_network(gated_server, trained.models, pixels)


def wrong_requests(served: Served) -> dict[str, tuple[Answered, str]]:
    """Each with words of its answer; all of them reach the model's code or the checks of its signature."""
    if served.name == "seq2seq":
        frame: dict[str, Any] = {"columns": ["source"], "data": [[3]]}
        return {
            "empty": (served.texts("fine", ""), "row 1: source '' has no token: give a text"),
            "blank": (served.texts(" \t "), "has no token"),
            "control": (served.texts("a\0b"), r"control character U+0000 as character 2: remove it"),
            "long": (served.texts("x" * 100_000), "source has 100,000 tokens, at most"),
            "number": (served.post(json.dumps({"dataframe_split": frame})), "source 3 is no text"),
            "column": (served.post('{"dataframe_records": [{"text": "a"}]}'), "missing inputs ['source']"),
            "no row": (served.post('{"dataframe_split": {"columns": ["source"], "data": []}}'), "no source was given"),
            "beam 0": (served.texts("a", beam_size=0), "beam_size 0: must be greater than or equal to 1"),
            "beam 65": (served.texts("a", beam_size=65), "must be less than or equal to 64"),
            "samples": (served.texts("a", num_samples=101), "must be less than or equal to 100"),
            "temperature": (served.texts("a", temperature=2.0), "a search has none: give num_samples"),
            "type": (served.texts("a", beam_size="x"), "beam_size"),
        }
    image = np.zeros((1, 1, 8, 8), dtype=np.float32)
    options = {
        "cnn": {"cold": (served.images(image, temperature=0.0), "temperature 0.0: must be greater than or equal to")},
        "vae": {
            "output": (served.images(image, output="x"), "must be 'reconstruction', 'code' or 'error'"),
            "code": (served.images(image, output="code", num_samples=2), "a code is the mean of q(z|x)"),
            "seed": (served.images(image, seed=-1), "seed -1: must be greater than or equal to 0"),
        },
    }[str(served.name)]
    return {
        **options,
        "shape": (served.images(image[:, :, :4]), "(1, 1, 4, 8) does not match expected shape (-1, 1, 8, 8)"),
        "flat": (served.ask([0.0] * 64), "does not match expected shape"),
        "ragged": (served.ask([[[[1.0, 2.0], [3.0]]]]), "inhomogeneous shape"),
        "text": (served.ask([[[["a"] * 8] * 8]]), "could not convert string to float"),
        "range": (served.images(image + 16), "these go from 16 to 16: divide stored ones by 16"),
        "nan": (served.images(image * np.nan), "pixels must be numbers from 0 to 1"),
        "infinite": (served.images(image + np.inf), "pixels must be numbers from 0 to 1"),
        "no image": (served.ask([]), "(-1, 1, 8, 8)"),
        "null": (served.ask(None), "NoneType"),
        "many": (served.images(np.zeros((10_001, 1, 8, 8), dtype=np.float32)), "10,001 images in one request"),
    }


def test_mlflow_answers_a_wrong_input_with_400_and_a_sentence(mlflow_server: Served) -> None:
    for what, (answered, words) in wrong_requests(mlflow_server).items():
        assert (what, answered.status) == (what, 400)
        told = answered.json
        assert words in told["message"], (what, told["message"])
        assert "stack_trace" not in told, what
        assert "Traceback" not in answered.text, what


def test_the_gate_answers_a_wrong_request_with_a_code_and_a_sentence_alone(gated_server: Served) -> None:
    name = gated_server.name
    unread = {
        "no json": (gated_server.post("{"), 400, "the body is no JSON"),
        "a list": (gated_server.post("[1]"), 400, "send a JSON object with one of the keys inputs"),
        "two keys": (gated_server.post('{"inputs": [1], "instances": [1]}'), 400, "one of the keys"),
        "latin-1": (gated_server.post(b'{"inputs": "\xe9"}'), 400, "the body is not UTF-8: byte 12 is wrong"),
        "deep": (gated_server.post('{"inputs": ' + "[" * 50_000 + "]" * 50_000 + "}"), 400, "nested too deeply"),
        "csv": (gated_server.post("a,b\n1\n1,2,3\n", kind="text/csv"), 400, "CSV"),
        "parquet": (gated_server.post(b"PAR1", kind="application/vnd.apache.parquet"), 400, "Parquet"),
        "no type": (gated_server.post("{}", kind=None), 415, "the request has no content type"),
        "type": (gated_server.post("{}", kind="text/plain"), 415, "send one of application/json, text/csv"),
        "charset": (gated_server.post('{"inputs": 1}', kind="application/json; charset=latin-1"), 415, "UTF-8"),
        "large": (gated_server.post('{"inputs": "' + "x" * 1_000_000 + '"}'), 413, "more than 1,000,000 bytes"),
        "parameter": (gated_server.ask([], beam=1), 400, "params: beam: the model has no such parameter; it has"),
    }
    wrong = {key: (answered, 400, words) for key, (answered, words) in wrong_requests(gated_server).items()}
    del wrong["long" if name == "seq2seq" else "many"]
    for what, (answered, status, words) in {**wrong, **unread}.items():
        assert (what, answered.status) == (what, status), answered.text
        assert answered.json.keys() == {"error_code", "message"}, what
        assert words in answered.json["message"], (what, answered.json["message"])
        assert len(answered.json["message"]) <= 600
    for method, path, status in (("GET", "invocations", 405), ("GET", "nothing", 404)):
        done = requests.request(method, f"{gated_server.address}/{path}", timeout=10)
        assert (done.status_code, done.json().keys()) == (status, {"error_code", "message"})
    assert "Traceback" not in gated_server.log.read_text()


def test_a_body_that_does_not_say_its_size_is_cut_off_too(gated_server: Served) -> None:
    address = f"{gated_server.address}/invocations"
    parts = (b"x" * 100_000 for _ in range(100))
    try:
        done = requests.post(address, data=parts, headers={"Content-Type": "application/json"}, timeout=30)
    except requests.ConnectionError:
        return  # it hung up before everything was sent
    assert done.status_code == 413


def test_parameters_change_the_answer_as_they_say(
    mlflow_server: Served, trained: TrainedProject, pixels: NDArray[np.float32]
) -> None:
    match mlflow_server.name:
        case "cnn":
            logits = np.log(by_network(trained.models, "cnn", pixels).astype(np.float64))
            warm = np.exp(logits / 5) / np.exp(logits / 5).sum(axis=1, keepdims=True)
            found = np.array(mlflow_server.images(pixels, temperature=5.0).json["predictions"])
            np.testing.assert_allclose(found, warm, atol=1e-5)
        case "vae":
            ask = mlflow_server.images
            mean = np.array(ask(pixels, output="error").json["predictions"])
            rebuilt = by_network(trained.models, "vae", pixels).astype(np.float64)
            np.testing.assert_allclose(mean, ((rebuilt - pixels) ** 2).mean(axis=(1, 2, 3)), rtol=1e-5)
            sampled = ask(pixels, num_samples=3, seed=1).json["predictions"]
            assert sampled == ask(pixels, num_samples=3, seed=1).json["predictions"]
            assert sampled != ask(pixels, num_samples=3, seed=2).json["predictions"]
            alone = np.array(ask(pixels[2:3], num_samples=3, seed=1).json["predictions"])[0]
            np.testing.assert_allclose(alone, np.array(sampled)[2], atol=1e-6)  # the others change nothing
            assert np.array(ask(pixels, output="code").json["predictions"]).ndim == 2
        case _:
            ask_texts = mlflow_server.texts
            drawn = ask_texts(*SOURCES, num_samples=4, temperature=4.0, seed=3).json["predictions"]
            assert len(drawn) == 4 * len(SOURCES)
            assert len({row["target"] for row in drawn[:4]}) > 1
            alone_drawn = ask_texts(SOURCES[1], num_samples=4, temperature=4.0, seed=3).json["predictions"]
            assert [row["target"] for row in alone_drawn] == [row["target"] for row in drawn[4:8]]
            greedy = ask_texts(*SOURCES, beam_size=1).json["predictions"]
            wide = ask_texts(*SOURCES, beam_size=8, length_penalty=0.0).json["predictions"]
            assert all(w["score"] >= g["score"] - 1e-5 for g, w in zip(greedy, wide, strict=True))


def test_the_registered_model_has_its_parameters_in_the_signature(registry: Registry) -> None:
    from mlflow.models import Model

    for name, expected in {
        "cnn": {"temperature"},
        "autoencoder": {"output"},
        "vae": {"output", "num_samples", "seed"},
        "seq2seq": {"beam_size", "length_penalty", "num_samples", "temperature", "seed"},
    }.items():
        signature = Model.load(str(registry.package(name))).signature  # type: ignore[arg-type]  # names of models
        assert {each.name for each in signature.params} == expected
