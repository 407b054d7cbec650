"""Models by their address, in a real store with a real registry."""

import re
import shutil
import socket
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from encdec.cards import ImageCard
from encdec.models.build import build_network
from encdec.models.storage import load_model, save_model
from encdec.params.loading import Loaded
from encdec.serving.digests import ChangedModelError
from encdec.tracking.package import log_package
from encdec.tracking.registry import fetch_model
from encdec.tracking.store import Store, TrackingUnavailable

CARD = ImageCard(kind="images", source="digits", channels=1, height=8, width=8, pixel_max=16, classes=("a", "b"))
PIXELS = np.zeros((1, 1, 8, 8), dtype=np.float32)


class Logged(NamedTuple):
    folder: Path
    model_id: str
    run_id: str


@pytest.fixture
def logged(store: Store, tmp_path: Path, loaded: Loaded) -> Logged:
    """A logged model, registered as version 1 of `vae`, its champion."""
    torch.manual_seed(1)
    folder = tmp_path / "trained" / "vae"
    folder.mkdir(parents=True)
    spec = loaded.params.models.vae
    save_model(folder, name="vae", spec=spec, card=CARD, network=build_network("vae", spec, CARD))
    run_id = str(store.client.create_run(store.experiment_id).info.run_id)
    address = log_package(store, run_id, folder=folder, name="vae", example=PIXELS)
    store.client.create_registered_model("vae")
    model_id = address.removeprefix("models:/")
    store.client.create_model_version("vae", source=address, model_id=model_id)
    store.client.set_registered_model_alias("vae", "champion", "1")
    return Logged(folder, model_id, run_id)


def addresses(logged: Logged) -> list[str]:
    return ["models:/vae@champion", "models:/vae/1", f"models:/{logged.model_id}", f"runs:/{logged.run_id}"]


@pytest.mark.parametrize("place", range(4))
def test_every_address_of_a_model_leads_to_its_weights(
    store: Store, logged: Logged, tmp_path: Path, place: int
) -> None:
    to = fetch_model(store, addresses(logged)[place], to=tmp_path / "fetched" / "vae")
    assert {path.name: path.read_bytes() for path in to.iterdir()} == {
        path.name: path.read_bytes() for path in logged.folder.iterdir()
    }
    assert load_model(to).name == "vae"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            "models:/vae@challenger",
            "model 'vae' has no alias 'challenger'; its aliases are vae@champion, its versions are 1",
        ),
        ("models:/vae/7", "model 'vae' has no version 7; its aliases are vae@champion, its versions are 1"),
        ("models:/cnn@champion", "no model 'cnn' is registered; registered are vae"),
        ("runs:/00000000000000000000000000000000", "there is no such run in sqlite:///"),
        ("models:/m-00000000000000000000000000000000", "no such model in sqlite:///"),
        ("vae@champion", "not the address of a model; write models:/NAME@ALIAS, models:/NAME/VERSION, models:/m-ID or"),
        ("models:/../../etc/passwd", "not the address of a model"),
    ],
)
def test_an_address_that_leads_nowhere_says_what_there_is(
    store: Store, logged: Logged, tmp_path: Path, address: str, expected: str
) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(f"{address}: {expected}")):
        fetch_model(store, address, to=tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()


def test_a_run_without_a_model_says_which_run_to_give(store: Store, tmp_path: Path) -> None:
    run_id = store.client.create_run(store.experiment_id).info.run_id
    with pytest.raises(ValueError, match="this run logged no model; give the run of a train stage"):
        fetch_model(store, f"runs:/{run_id}", to=tmp_path / "fetched")


def test_an_empty_registry_says_so(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no model 'vae' is registered; registered are none"):
        fetch_model(store, "models:/vae@champion", to=tmp_path / "fetched")


def test_lost_files_are_a_sentence(store: Store, logged: Logged, tmp_path: Path) -> None:
    location = store.client.get_logged_model(logged.model_id).artifact_location.removeprefix("file://")
    Path(location, "MLmodel").unlink()
    with pytest.raises(ValueError, match="models:/vae@champion: MLmodel: is missing: this model is not used"):
        fetch_model(store, "models:/vae@champion", to=tmp_path / "fetched")


def test_a_version_that_is_only_files_is_a_sentence(store: Store, tmp_path: Path) -> None:
    store.client.create_registered_model("vae")
    store.client.create_model_version("vae", source=tmp_path.as_uri())
    with pytest.raises(ValueError, match="models:/vae/1: version 1 was not registered from a logged model"):
        fetch_model(store, "models:/vae/1", to=tmp_path / "fetched")


def test_a_folder_that_is_gone_is_lost(store: Store, logged: Logged, tmp_path: Path) -> None:
    location = store.client.get_logged_model(logged.model_id).artifact_location.removeprefix("file://")
    shutil.rmtree(location)
    with pytest.raises(ChangedModelError, match=r"models:/vae@champion: digests\.json: is missing"):
        fetch_model(store, "models:/vae@champion", to=tmp_path / "fetched")


def test_a_store_of_files_that_does_not_answer_says_nothing_about_them(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The artifacts at a server that nobody listens at, the database here."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, and not listening
        place = f"http://127.0.0.1:{closed.getsockname()[1]}/api/2.0/mlflow-artifacts/artifacts"
        experiment = store.client.create_experiment("away", artifact_location=place)
        model = store.client.create_logged_model(experiment)
        with pytest.raises(TrackingUnavailable, match=f"models:/{model.model_id}: its files cannot be reached"):
            fetch_model(store, f"models:/{model.model_id}", to=tmp_path / "fetched")
