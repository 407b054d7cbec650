"""The same calls against a real `mlflow server`, the one that `make ui` starts; and `make ui` itself."""

import math
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from ports import free_port

from encdec.cards import ImageCard
from encdec.models.build import build_network
from encdec.models.storage import save_model
from encdec.params.loading import Loaded, load_params
from encdec.tracking.digests import dvc_digest
from encdec.tracking.project import Project
from encdec.tracking.stage import tracked_stage
from encdec.tracking.store import Store, open_store

pytestmark = pytest.mark.xdist_group("tracking server")  # one server for all of them
CARD = ImageCard(kind="images", source="digits", channels=1, height=8, width=8, pixel_max=16, classes=("a", "b"))
UI = [sys.executable, "-m", "encdec.tracking.ui"]


class Server(NamedTuple):
    base: str
    page: str
    process: "subprocess.Popen[str]"


def new_project(folder: Path, root: Path) -> Path:
    folder.mkdir()
    (folder / "dvc.yaml").write_text("stages: {}\n")
    shutil.copyfile(root / "params.yaml", folder / "params.yaml")
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Server]:
    folder, port = new_project(tmp_path_factory.mktemp("server") / "home", root), free_port()
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    process = subprocess.Popen(
        [*UI, "--port", str(port)], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    page = next((line.split()[-1] for line in process.stdout if line.startswith("The table of runs:")), "")
    yield Server(f"http://127.0.0.1:{port}", page, process)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0  # Ctrl-C ends it quietly, and what it started
    assert free_of_listeners(port)


def free_of_listeners(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture
def store(server: Server, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Another project, whose runs are kept by the server."""
    folder = new_project(tmp_path / "elsewhere", root)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.base)
    return open_store("encdec", Project(folder, folder))


@pytest.fixture
def loaded(root: Path) -> Loaded:
    return load_params(root / "params.yaml")


def save_untrained(folder: Path, loaded: Loaded) -> None:
    torch.manual_seed(0)
    spec = loaded.params.models.autoencoder
    folder.mkdir()
    save_model(folder, name="autoencoder", spec=spec, card=CARD, network=build_network("autoencoder", spec, CARD))


def test_the_ui_says_where_the_runs_are(server: Server, store: Store) -> None:
    address = f"{server.base}/#/experiments/{store.experiment_id}/runs?workflowType=machine_learning"
    assert server.page == f"{address}&viewStateShareKey=trainings"


def test_where_a_server_keeps_the_runs_the_ui_names_it(server: Server, store: Store) -> None:
    done = subprocess.run(UI, cwd=store.project.tree, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == f"The table of runs: {server.page}"


def test_a_server_takes_all_that_the_embedded_database_takes(store: Store, loaded: Loaded) -> None:
    import mlflow.pyfunc

    model, pixels = Path("model"), np.full((2, 1, 8, 8), 0.5, dtype=np.float32)
    with tracked_stage(
        "train", loaded=loaded, item="autoencoder", inputs=[Path("params.yaml")], outputs=[model], section={"a": [1]}
    ) as run:
        for step in range(3):
            run.log_metrics({"val/mse": 1.0 / (step + 1), "val/broken": math.inf}, step=step)
        trial = run.child("trial 0")
        trial.log_metrics({"val/mse": 0.5}, step=0)
        trial.end("PRUNED", {})
        run.log_input(Path("params.yaml"), context="training")
        run.log_artifact(Path("dvc.yaml"), "graph")
        save_untrained(model, loaded)
        run.log_model(model, example=pixels)
    with tracked_stage("evaluate", loaded=loaded, item="autoencoder", inputs=[model], outputs=[], section={}) as second:
        second.log_evaluation(model, metrics={"mse": 0.25}, baseline={"mse": 0.5})

    found = store.client.get_run(run.run_id)
    assert found.info.status == "FINISHED"
    address = f"models:/{found.outputs.model_outputs[0].model_id}"
    assert found.data.tags["dvc.out/model"] == dvc_digest(model)
    assert (found.data.metrics["val/mse"], found.data.metrics["test/mse"]) == (1.0 / 3, 0.25)
    assert math.isnan(found.data.metrics["val/broken"])
    assert store.client.get_run(trial.outbox.ids[trial.run]).info.status == "KILLED"
    assert found.inputs is not None
    assert len(found.inputs.dataset_inputs) == 1
    assert [file.path for file in store.client.list_artifacts(run.run_id, "graph")] == ["graph/dvc.yaml"]
    assert mlflow.pyfunc.load_model(address).predict(pixels).shape == (2, 1, 8, 8)
    assert not Path("mlflow.db").exists()
    assert not Path("mlruns").exists()


def test_an_interrupted_stage_goes_on_in_its_run_on_the_server(store: Store, loaded: Loaded) -> None:
    ids: list[str] = []

    def stage(steps: int) -> None:
        with tracked_stage("tune", loaded=loaded, item="vae", inputs=[], outputs=[], section={}) as run:
            ids.append(run.run_id)
            for step in range(steps):
                run.log_metrics({"val/nll": float(step)}, step=step)
            if steps < 5:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stage(3)
    stage(5)
    assert ids[0] == ids[1]
    history = store.client.get_metric_history(ids[0], "val/nll")
    assert sorted(metric.step for metric in history) == [0, 1, 2, 3, 4]
