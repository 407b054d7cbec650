import json
import os
import subprocess
import sys
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest
import torch
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from numpy.typing import NDArray
from torch import nn

from encdec.cards import Card, ImageCard, PairCard
from encdec.models.build import build_network
from encdec.models.storage import save_model
from encdec.models.vae.network import VariationalAutoencoder
from encdec.params.loading import Loaded
from encdec.params.root import ModelName
from encdec.preparation.vocabulary import Vocabulary
from encdec.serving.digests import verify_digests
from encdec.tracking.layout import DIGEST_TAG
from encdec.tracking.package import Example, build_package, log_package, send_package
from encdec.tracking.store import Store

IMAGES = ImageCard(kind="images", source="digits", channels=1, height=8, width=8, pixel_max=16, classes=("a", "b", "c"))
PIXELS = np.random.default_rng(0).random((5, 1, 8, 8), dtype=np.float32)
TEXTS = ["1 May 2001", "2 mai", "x"]
LOAD_ELSEWHERE = """
import json, sys
sys.path[:] = [path for path in sys.path if path != {source!r}]
import mlflow.pyfunc, numpy as np, pandas as pd
model = mlflow.pyfunc.load_model({package!r})
answer = model.predict({given})
answer = answer.tolist() if isinstance(answer, np.ndarray) else answer.to_dict("list")
import encdec
loaded = {{name.split(".")[0] for name in sys.modules}}
print(json.dumps([encdec.__file__, sorted(loaded & {{"pytorch_lightning", "dvc", "optuna"}}), answer]))
"""
GIVEN = {
    "vae": ("np.full((2, 1, 8, 8), 0.5, dtype=np.float32)", np.full((2, 1, 8, 8), 0.5, dtype=np.float32)),
    "seq2seq": ("pd.DataFrame({'source': ['1 May']})", pd.DataFrame({"source": ["1 May"]})),
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def run_id(store: Store) -> str:
    return str(store.client.create_run(store.experiment_id).info.run_id)


def trained(folder: Path, name: ModelName, loaded: Loaded) -> nn.Module:
    """A network that was never trained, saved as a trained one."""
    torch.manual_seed(1)
    folder.mkdir()
    spec = loaded.params.models.named(name)
    card: Card = IMAGES
    vocabulary = None
    if name == "seq2seq":
        vocabulary = folder.parent / "train"
        learned = Vocabulary.learn(TEXTS, tokens="characters", max_size=40)
        (vocabulary / "vocabulary").mkdir(parents=True)
        for side in ("source", "target"):
            learned.save(vocabulary / "vocabulary" / f"{side}.json")
        card = PairCard(
            kind="pairs",
            source="dates",
            source_vocab_size=learned.size,
            target_vocab_size=learned.size,
            max_source_length=10,
            max_target_length=6,
            target_tokens="characters",
        )
    network = build_network(name, spec, card).eval()
    save_model(folder, name=name, spec=spec, card=card, network=network, vocabulary=vocabulary)
    return network


def logged(store: Store, run_id: str, folder: Path, name: str, example: Example) -> Path:
    """The folder of the logged model."""
    address = log_package(store, run_id, folder=folder, name=name, example=example)
    found = store.client.get_logged_model(address.removeprefix("models:/"))
    return Path(found.artifact_location.removeprefix("file://"))


@torch.inference_mode()
def expected(network: nn.Module, name: ModelName) -> NDArray[np.float64]:
    images = torch.from_numpy(PIXELS)
    if name == "cnn":
        logits: NDArray[np.float64] = network(images).double().numpy()
        softmax: NDArray[np.float64] = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return softmax
    if isinstance(network, VariationalAutoencoder):
        recon_logits: NDArray[np.float64] = network.decode(network.encode(images)[0]).double().numpy()
    else:
        recon_logits = network(images).recon_logits.double().numpy()
    sigmoid: NDArray[np.float64] = 1 / (1 + np.exp(-recon_logits))
    return sigmoid


@pytest.mark.parametrize("name", ["cnn", "autoencoder", "sparse_autoencoder", "denoising_autoencoder", "vae"])
def test_a_model_of_images_answers_as_its_network(
    store: Store, run_id: str, tmp_path: Path, loaded: Loaded, name: ModelName
) -> None:
    network = trained(tmp_path / "model", name, loaded)
    package = logged(store, run_id, tmp_path / "model", name, PIXELS[:2])
    model = mlflow.pyfunc.load_model(str(package))
    answers = model.predict(PIXELS)
    assert answers.dtype == np.float32
    np.testing.assert_allclose(answers, expected(network, name), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(model.predict(PIXELS), answers)  # nothing is drawn
    signature = Model.load(str(package)).signature
    assert signature is not None
    assert [tuple(spec.shape) for spec in signature.inputs] == [(-1, 1, 8, 8)]
    assert [tuple(spec.shape) for spec in signature.outputs] == [(-1, *answers.shape[1:])]
    np.testing.assert_array_equal(Model.load(str(package)).load_input_example(str(package)), PIXELS[:2])


def test_a_model_of_pairs_answers_as_its_network(store: Store, run_id: str, tmp_path: Path, loaded: Loaded) -> None:
    trained(tmp_path / "model", "seq2seq", loaded)
    package = logged(store, run_id, tmp_path / "model", "seq2seq", TEXTS[:1])
    model = mlflow.pyfunc.load_model(str(package))
    together = model.predict(pd.DataFrame({"source": TEXTS}))
    assert list(together.columns) == ["target", "score"]
    assert (together["score"] < 0).all()
    for row, text in enumerate(TEXTS):  # padding beside a longer text changes nothing
        alone = model.predict(pd.DataFrame({"source": [text]}))
        assert alone["target"][0] == together["target"][row]
        assert alone["score"][0] == pytest.approx(together["score"][row], rel=1e-5)
    with pytest.raises(MlflowException, match="row 1: source '' has no token"):
        model.predict(pd.DataFrame({"source": ["x", ""]}))
    with pytest.raises(MlflowException, match="source"):
        model.predict(pd.DataFrame({"target": ["x"]}))


@pytest.mark.parametrize("bad", [-0.1, 1.5, np.nan])
def test_pixels_out_of_range_are_refused(store: Store, run_id: str, tmp_path: Path, loaded: Loaded, bad: float) -> None:
    trained(tmp_path / "model", "autoencoder", loaded)
    model = mlflow.pyfunc.load_model(str(logged(store, run_id, tmp_path / "model", "autoencoder", PIXELS[:1])))
    images = PIXELS.copy()
    images[3, 0, 2, 2] = bad
    with pytest.raises(MlflowException, match=r"numbers from 0 to 1, these go from .*: divide stored ones by 16"):
        model.predict(images)
    with pytest.raises(MlflowException, match="shape"):
        model.predict(PIXELS[:, :, :4])


@pytest.mark.parametrize("name", ["vae", "seq2seq"])
def test_a_logged_model_needs_nothing_of_this_project(
    store: Store, run_id: str, tmp_path: Path, loaded: Loaded, root: Path, name: ModelName
) -> None:
    """In a process that cannot see src/; and no pickle lies anywhere."""
    trained(tmp_path / "model", name, loaded)
    package = logged(store, run_id, tmp_path / "model", name, TEXTS if name == "seq2seq" else PIXELS)
    text, given = GIVEN[name]
    code = LOAD_ELSEWHERE.format(source=str(root / "src"), package=str(package), given=text)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Add type hints" not in done.stderr
    where, outside, answer = json.loads(done.stdout.splitlines()[-1])
    assert where.startswith(str(package / "code"))
    assert outside == []
    again = mlflow.pyfunc.load_model(str(package)).predict(given)
    assert answer == (again.tolist() if isinstance(again, np.ndarray) else again.to_dict("list"))
    names = {file.name for file in package.rglob("*") if file.is_file()}
    assert not [file for file in names if file.endswith((".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".bin"))]
    assert "cloudpickle" not in (package / "requirements.txt").read_text()
    assert "torch==" in (package / "requirements.txt").read_text()
    assert "+" not in (package / "requirements.txt").read_text()
    assert str(root) not in (package / "MLmodel").read_text()


def test_a_logged_model_belongs_to_its_run(store: Store, run_id: str, tmp_path: Path, loaded: Loaded) -> None:
    trained(tmp_path / "model", "autoencoder", loaded)
    store.client.log_param(run_id, "beta", "1.0")
    package = logged(store, run_id, tmp_path / "model", "autoencoder", PIXELS[:1])
    (model,) = store.client.search_logged_models([store.experiment_id])
    assert (str(model.status), model.name, model.source_run_id) == ("READY", "autoencoder", run_id)
    assert model.params["beta"] == "1.0"
    run = store.client.get_run(run_id)
    assert run.outputs is not None
    assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
    document = Model.load(str(package))
    assert (document.model_id, document.run_id) == (model.model_id, run_id)


def test_a_mistake_leaves_no_broken_model(
    store: Store, run_id: str, tmp_path: Path, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(tmp_path / "model", "autoencoder", loaded)
    with pytest.raises(ValueError, match=r"must be float32 \(N, 1, 8, 8\), not float64 \(2, 8, 8\)"):
        log_package(store, run_id, folder=tmp_path / "model", name="a", example=np.zeros((2, 8, 8)))  # type: ignore[arg-type]  # the mistake

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(type(store.client), "log_model_artifacts", full)
    with pytest.raises(OSError, match="no space left"):
        log_package(store, run_id, folder=tmp_path / "model", name="a", example=PIXELS[:1])
    assert list(store.client.search_logged_models([store.experiment_id])) == []


@pytest.mark.parametrize("done", ["begun", "sent", "all"])
def test_a_run_that_goes_on_has_one_model_however_far_the_killed_process_came(
    store: Store, loaded: Loaded, tmp_path: Path, run_id: str, monkeypatch: pytest.MonkeyPatch, done: str
) -> None:
    trained(tmp_path / "vae", "vae", loaded)
    lost = {"begun": "log_model_artifacts", "sent": "log_outputs"}.get(done)
    with monkeypatch.context() as patch:
        if lost:
            patch.setattr(store.client, lost, lambda *given: None)  # it never came to do it
            patch.setattr(store.client, "finalize_logged_model", lambda *given: None)
        first = log_package(store, run_id, folder=tmp_path / "vae", name="vae", example=PIXELS)
    address = log_package(store, run_id, folder=tmp_path / "vae", name="vae", example=PIXELS)
    assert address == first
    (model,) = store.client.search_logged_models([store.experiment_id], f"source_run_id = '{run_id}'")
    assert str(model.status) == "READY"
    (output,) = store.client.get_run(run_id).outputs.model_outputs
    assert output.model_id == model.model_id
    assert mlflow.pyfunc.load_model(address).predict(PIXELS).shape == PIXELS.shape


def test_a_package_is_built_without_a_store_and_sent_later_as_often_as_needed(
    store: Store, loaded: Loaded, tmp_path: Path, run_id: str
) -> None:
    trained(tmp_path / "vae", "vae", loaded)
    package = tmp_path / "outbox" / "package"
    package.parent.mkdir()
    build_package(tmp_path / "vae", to=package, example=PIXELS)
    before = {path: path.read_bytes() for path in package.rglob("*") if path.is_file()}
    assert str(tmp_path) not in (package / "MLmodel").read_text()
    first = send_package(store, run_id, package, name="vae")
    assert send_package(store, run_id, package, name="vae") == first
    assert {path: path.read_bytes() for path in package.rglob("*") if path.is_file()} == before
    (model,) = store.client.search_logged_models([store.experiment_id])
    sent = Path(model.artifact_location.removeprefix("file://"))
    assert verify_digests(sent, expected=model.tags[DIGEST_TAG])
    assert Model.load(str(sent)).model_id == model.model_id
    signature = Model.load(str(sent)).signature
    assert signature is not None
    assert {each.name: each.default for each in signature.params} == {
        "output": "reconstruction", "num_samples": 0, "seed": 0,
    }  # fmt: skip
