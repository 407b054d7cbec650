"""`encdec lineage` on the real graph: the champion back to its data, forward from it, and on another machine."""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from small_project import Project, copy_project

from encdec.tracking import project as tracked
from encdec.tracking.store import Store, open_store, search

pytestmark = pytest.mark.xdist_group("lineage")  # one project for all of them
CHAIN = ["ingest@images", "validate@images", "prepare@images", "tune@cnn", "train@cnn"]


def encdec(project: Project, *arguments: str, check: bool = True) -> Any:
    return project.run("python", "-c", "from encdec.cli.main import main; main()", *arguments, check=check)


def lineage(project: Project, reference: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encdec(project, "lineage", reference, "--json").stdout)
    return found


def labels(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {node["stage"]: node for node in document["nodes"] if node.get("stage")}


@pytest.fixture(scope="module")
def champion(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The finished project, its CNN registered."""
    project = copy_project(finished, tmp_path_factory.mktemp("champion"))
    store = store_of(project)
    (run,) = search(store, "tags.stage = 'train' and tags.model = 'cnn'")
    (output,) = run.outputs.model_outputs
    store.client.create_registered_model("cnn")
    model = store.client.get_logged_model(output.model_id)  # by id MLflow would look in its global store
    store.client.create_model_version("cnn", model.artifact_location)
    store.client.set_registered_model_alias("cnn", "champion", "1")
    return project


def store_of(project: Project) -> Store:
    return open_store("encdec", tracked.Project(project.path, project.path))


def test_from_the_champion_to_the_data_and_back(champion: Project) -> None:
    document = lineage(champion, "models:/cnn@champion")
    found = labels(document)
    assert found.keys() >= {*CHAIN, "evaluate@cnn", "report"}
    assert "tune@vae" not in found
    (version,) = [node for node in document["nodes"] if node["kind"] == "version"]
    assert (version["aliases"], version["run_id"]) == (["champion"], found["train@cnn"]["id"])
    (data,) = [node for node in document["nodes"] if node["kind"] == "data"]
    assert data["path"] == "data/00_source/images"

    back = lineage(champion, data["path"])
    assert labels(back).keys() >= {*CHAIN, "evaluate@cnn", "evaluate@vae", "report"}
    assert version["id"] in {node["id"] for node in back["nodes"]}


def test_every_digest_of_the_chain_is_that_of_dvc_lock(champion: Project) -> None:
    locked = {
        entry["path"]: entry["md5"]
        for stage in champion.lock().values()
        for entry in (*stage["outs"], *stage["deps"])
        if "md5" in entry
    }
    edges = [edge for edge in lineage(champion, "models:/cnn/1")["edges"] if edge["path"]]
    assert len(edges) > 10
    assert all(edge["digest"] == locked[edge["path"]] for edge in edges)


def test_the_report_hangs_from_all_that_it_reads(champion: Project) -> None:
    found = labels(lineage(champion, "data/07_report/index.html"))
    assert found.keys() == champion.lock().keys() - {"check"}
    read = set(found["report"]["inputs"])
    outs = {out["path"] for name, stage in champion.lock().items() if name != "report" for out in stage["outs"]}
    assert read == {path for path in outs if "03_prepared" not in path and "01_raw" not in path} - {
        "data/00_check.txt"
    } | {f"data/03_prepared/{kind}/rejected.csv" for kind in ("images", "pairs")}


def test_another_machine_with_the_same_cache_records_what_it_did_not_make(champion: Project, tmp_path: Path) -> None:
    other = copy_project(champion, tmp_path)
    for name in ("mlflow.db", "mlruns", ".work"):
        path = other.path / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    before = encdec(other, "lineage", "data/05_models/cnn").stdout
    assert before.count("made elsewhere") == 6  # of the chain and its evaluation; report is one more
    other.repro("--force", "--single-item", "evaluate@cnn")
    found = labels(lineage(other, "data/06_evaluation/cnn/details"))
    assert {name: found[name]["kind"] for name in (*CHAIN, "evaluate@cnn")} == {
        **dict.fromkeys(CHAIN, "restored"),
        "evaluate@cnn": "run",
    }
    assert all(found[name]["run_id"] for name in CHAIN)
    (evaluated,) = search(store_of(other), "tags.stage = 'evaluate'")
    assert evaluated.data.tags["dvc.from/data/05_models/cnn"] == found["train@cnn"]["run_id"]
    refused = encdec(other, "reproduce", "data/05_models/cnn", check=False)
    assert refused.returncode == 1
    assert "train@cnn came from DVC's cache or remote" in refused.stderr


def test_a_real_training_is_the_same_to_the_byte(champion: Project) -> None:
    done = encdec(champion, "reproduce", "models:/cnn@champion", "--json")
    found = json.loads(done.stdout)
    assert (found["identical"], found["ran"]) == (True, ["train@cnn"])
    with sqlite3.connect(champion.path / "mlflow.db") as connection:
        (count,) = connection.execute("SELECT count(*) FROM tags WHERE key = 'encdec.reproduced'").fetchone()
    assert count == 1
