"""The chain of a result, walked in a real store in both directions."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from rich.console import Console

from encdec.cli.main import main
from encdec.params.loading import Loaded
from encdec.tracking import repro, start
from encdec.tracking.digests import dvc_digest
from encdec.tracking.evaluated import Headline
from encdec.tracking.git import GitState
from encdec.tracking.lineage.chain import Lineage, trace
from encdec.tracking.lineage.history import History
from encdec.tracking.lineage.tree import tree_of
from encdec.tracking.repro import DvcProcess
from encdec.tracking.stage import tracked_stage
from encdec.tracking.store import Store

SOURCE, RAW, CHECKED = Path("data/00_source/images"), Path("data/01_raw/images"), Path("data/02_validation/images")
PREPARED, TUNING, MODEL = Path("data/03_prepared/images/train"), Path("data/04_tuning/vae"), Path("data/05_models/vae")
DETAILS = Path("data/06_evaluation/vae/details")


@pytest.fixture(autouse=True)
def one_repro(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repro, "dvc_process", lambda: DvcProcess("here", 1, 1.0, "dvc repro"))
    monkeypatch.setattr(start, "git_state", lambda tree, outs: GitState("c" * 40, "main", ("params.yaml",)))


class Stages(NamedTuple):
    loaded: Loaded

    def run(self, stage: str, inputs: list[Path], out: Path, text: str = "", *, fails: bool = False) -> str:
        item = "vae" if out.name in ("vae", "details") else "images"
        with tracked_stage(
            stage, loaded=self.loaded, item=item, inputs=inputs, outputs=[out], section={"text": text}
        ) as run:
            out.mkdir(parents=True, exist_ok=True)
            (out / "file.txt").write_text(f"{stage} {text}")
            if stage == "validate":
                run.log_metrics({"errors": 2.0 if fails else 0.0, "warnings": 1.0})
            if fails:
                raise ValueError(run.run_id)
            if stage == "evaluate":
                headline = Headline("mse", False, 0.125, None, None, None)
                run.log_evaluation(MODEL, metrics={"mse": 0.125}, baseline={}, headline=headline)
        return run.run_id

    def all(self, text: str = "") -> dict[str, str]:
        SOURCE.mkdir(parents=True, exist_ok=True)
        (SOURCE / "photo.png").write_text("photo")
        return {
            "ingest": self.run("ingest", [SOURCE], RAW),
            "validate": self.run("validate", [RAW], CHECKED),
            "prepare": self.run("prepare", [RAW, CHECKED], PREPARED),
            "tune": self.run("tune", [PREPARED], TUNING),
            "train": self.run("train", [PREPARED, TUNING], MODEL, text),
            "evaluate": self.run("evaluate", [PREPARED, MODEL], DETAILS, text),
        }


@pytest.fixture
def stages(store: Store, loaded: Loaded) -> Stages:
    return Stages(loaded)


def lineage(store: Store, reference: str, *, every: bool = False) -> Lineage:
    return trace(History(store), reference, every=every)


def lines(found: Lineage) -> list[str]:
    console = Console(width=10_000, no_color=True)
    with console.capture() as capture:
        console.print(tree_of(found), highlight=False)
    return capture.get().splitlines()


def register(store: Store, run_id: str, alias: str) -> None:
    store.client.create_registered_model("vae")
    store.client.create_model_version("vae", f"runs:/{run_id}/model", run_id=run_id)
    store.client.set_registered_model_alias("vae", alias, "1")


def write_lock(stages: Mapping[str, tuple[list[Path], list[Path]]]) -> None:
    def entries(paths: list[Path]) -> list[dict[str, str]]:
        return [{"path": path.as_posix(), "hash": "md5", "md5": dvc_digest(path)} for path in paths]

    document = {
        name: {"cmd": "x", "deps": entries(deps), "outs": entries(outs)} for name, (deps, outs) in stages.items()
    }
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": document}))


WHOLE = {
    "ingest@images": ([SOURCE], [RAW]),
    "validate@images": ([RAW], [CHECKED]),
    "prepare@images": ([RAW, CHECKED], [PREPARED]),
    "tune@vae": ([PREPARED], [TUNING]),
    "train@vae": ([PREPARED, TUNING], [MODEL]),
    "evaluate@vae": ([PREPARED, MODEL], [DETAILS]),
}


def test_the_tree_hangs_each_step_once_below_the_one_before_it(store: Store, stages: Stages) -> None:
    runs = stages.all()
    register(store, runs["train"], "champion")
    shown = lines(lineage(store, runs["train"]))
    steps = [
        line for line in shown if any(f"{name}@" in line for name in runs) or "no stage" in line or "models:/" in line
    ]
    order = [line.lstrip("│├└─ ").split(" ")[0] for line in steps]
    assert order == [
        "train@vae",
        "models:/vae/1",
        "tune@vae",
        "prepare@images",
        "validate@images",
        "ingest@images",
        "data/00_source/images",
        "evaluate@vae",
    ]
    depths = [len(line) - len(line.lstrip("│├└─ ")) for line in steps]
    assert depths[2:7] == sorted(set(depths[2:7]))  # each below the one before
    assert "@champion" in steps[1]
    assert "passed, 1 warnings" in steps[4]
    assert "mse 0.125" in steps[7]
    assert all(f"commit {'c' * 8}+changes" in steps[place] for place in (0, 2, 3, 4, 5, 7))
    assert f"data/01_raw/images {dvc_digest(RAW)[:8]}" in "\n".join(shown)


def test_from_the_data_to_the_registry(store: Store, stages: Stages) -> None:
    runs = stages.all()
    register(store, runs["train"], "champion")
    write_lock(WHOLE)
    document = lineage(store, "data/00_source/images/photo.png").document()
    assert {node["run_id"] for node in document["nodes"] if node["kind"] == "run"} == set(runs.values())
    assert document["focus"] == f"data/00_source/images@{dvc_digest(SOURCE)}"
    (version,) = [node for node in document["nodes"] if node["kind"] == "version"]
    assert (version["name"], version["version"], version["aliases"]) == ("vae", "1", ("champion",))
    edges = {(edge["from"], edge["to"]) for edge in document["edges"]}
    assert {
        (document["focus"], runs["ingest"]),
        (runs["ingest"], runs["prepare"]),
        (runs["tune"], runs["train"]),
        (runs["train"], version["id"]),
    } <= edges


def test_of_a_stage_with_many_outs_only_what_was_asked_for_is_followed(store: Store, stages: Stages) -> None:
    runs = stages.all()
    write_lock(WHOLE)
    found = lineage(store, "data/04_tuning/vae")
    assert {step.label for step in found.steps.values()} >= {"train@vae", "evaluate@vae", "ingest@images"}
    assert [edge.target for edge in found.below if edge.source == runs["tune"]] == [runs["train"]]


def test_the_json_says_what_a_run_ran_with(store: Store, stages: Stages) -> None:
    runs = stages.all("any")
    document = json.loads(json.dumps(lineage(store, runs["train"]).document()))
    assert document["format"] == 1
    (node,) = [node for node in document["nodes"] if node["id"] == runs["train"]]
    assert (node["stage"], node["status"], node["kind"]) == ("train@vae", "FINISHED", "run")
    assert node["git"] | {"diff": None} == {
        "commit": "c" * 40,
        "branch": "main",
        "dirty": True,
        "diff": None,
        "diff_too_large": None,
    }
    assert node["params"]["text"] == "any"
    assert node["versions"]["torch"]
    assert node["machine"]["cpu"]
    assert node["inputs"] == {path.as_posix(): dvc_digest(path) for path in (PREPARED, TUNING)}
    assert store.client.get_run(node["parent"]).data.tags["stage"] == "repro"


def test_of_runs_with_the_same_result_the_last_stands_for_all(store: Store, stages: Stages) -> None:
    stages.all()
    write_lock(WHOLE)  # DVC has taken it, so that the next is not its continuation
    last = stages.all()
    other = stages.run("train", [PREPARED, TUNING], MODEL, "another")  # the same data, another model
    found = lineage(store, last["tune"])
    trained = {key: step for key, step in found.steps.items() if step.label == "train@vae"}
    assert trained.keys() == {last["train"], other}
    assert (trained[last["train"]].others, trained[other].others) == (1, 0)
    assert any(last["train"][:8] in line and "and 1 more run with the same result" in line for line in lines(found))
    every = lineage(store, last["tune"], every=True)
    assert len([step for step in every.steps.values() if step.label == "train@vae"]) == 3


@pytest.mark.parametrize("linked", [True, False])
def test_upwards_stands_the_run_whose_data_were_read_and_not_a_later_one_with_the_same_bytes(
    store: Store, stages: Stages, linked: bool
) -> None:
    first = stages.all()
    if not linked:  # as of a database whose runs were made before they were linked
        store.client.delete_tag(first["train"], f"dvc.from/{TUNING.as_posix()}")
    write_lock(WHOLE)  # DVC has taken it, so that the next is not its continuation
    again = stages.run("tune", [PREPARED], TUNING)
    tuned = [step.key for step in lineage(store, first["train"]).steps.values() if step.label == "tune@vae"]
    assert again != first["tune"]
    assert tuned == [first["tune"]]


def test_a_stage_that_only_failed_is_shown(store: Store, stages: Stages) -> None:
    SOURCE.mkdir(parents=True)
    ingested = stages.run("ingest", [SOURCE], RAW)
    with pytest.raises(ValueError, match=r"^[0-9a-f]{32}$") as failed:
        stages.run("validate", [RAW], CHECKED, fails=True)
    shown = [line for line in lines(lineage(store, ingested)) if "validate" in line]
    assert len(shown) == 1
    assert "FAILED · 2 errors" in shown[0]
    stages.run("validate", [RAW], CHECKED)
    assert str(failed.value) not in lineage(store, ingested).steps


def test_what_only_dvc_lock_knows_is_shown_as_restored(store: Store, stages: Stages) -> None:
    runs = stages.all()
    write_lock(WHOLE)
    for name in ("ingest", "prepare", "evaluate"):
        store.client.delete_run(runs[name])  # as if another machine had made it
    found = lineage(store, runs["train"])
    kinds = {step.label: step.kind for step in found.steps.values()}
    assert kinds == {
        "train@vae": "run",
        "tune@vae": "run",
        "prepare@images": "restored",
        "validate@images": "run",
        "ingest@images": "restored",
        "data/00_source/images": "data",
        "evaluate@vae": "restored",
    }
    assert sum("made elsewhere" in line for line in lines(found)) == 3


def test_references_in_all_their_forms(store: Store, stages: Stages) -> None:
    runs = stages.all()
    write_lock(WHOLE)
    register(store, runs["train"], "champion")
    digest = dvc_digest(MODEL)
    shutil.rmtree(DETAILS)  # what is not here is known by dvc.lock
    train = [
        runs["train"],
        runs["train"][:8],
        f"runs:/{runs['train']}",
        digest,
        digest[:10],
        str(MODEL),
        f"{MODEL}/file.txt",
    ]
    for reference in [*train, str(MODEL.absolute())]:
        assert lineage(store, reference).focus.step.key == runs["train"], reference
    assert lineage(store, str(DETAILS / "metrics.json")).focus.step.key == runs["evaluate"]


def test_a_digest_that_only_runs_know_is_found(store: Store, stages: Stages) -> None:
    runs = stages.all()
    digest = dvc_digest(MODEL)
    assert lineage(store, digest).focus.step.key == runs["train"]


def refused(store: Store, reference: str) -> str:
    with pytest.raises(ValueError, match=reference) as error:
        lineage(store, reference)
    return str(error.value)


def test_a_reference_that_means_nothing_or_too_much_is_answered(store: Store, stages: Stages) -> None:
    runs = stages.all()
    write_lock(WHOLE)
    parent = store.client.get_run(runs["train"]).data.tags["mlflow.parentRunId"]
    assert f"train@vae {runs['train'][:8]}" in refused(store, parent)
    assert "models:/NAME@ALIAS" in refused(store, "no/such/file")
    assert "begins so" in refused(store, "0123456789")
    assert "give one of them: data/01_raw/images, data/02_validation/images" in refused(store, "data")
    (MODEL / "file.txt").write_text("edited by hand")
    assert f"dvc.lock has {store.client.get_run(runs['train']).data.tags['dvc.out/data/05_models/vae']}" in refused(
        store, "data/05_models/vae"
    )


def test_a_trial_stands_for_its_study(store: Store, stages: Stages, loaded: Loaded) -> None:
    with tracked_stage("tune", loaded=loaded, item="vae", inputs=[], outputs=[], section={}) as run:
        trial = run.child("trial 0")
        trial.end("COMPLETE", {})
    assert lineage(store, trial.outbox.ids[trial.run]).focus.step.key == run.run_id


def test_the_command_prints_a_tree_that_no_pipe_cuts(
    store: Store, stages: Stages, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = stages.all()
    shutil.copyfile(root / "params.yaml", "params.yaml")
    main(["lineage", runs["evaluate"]])
    shown = capsys.readouterr().out
    assert f"{PREPARED.as_posix()} {dvc_digest(PREPARED)[:8]}" in shown
    assert "\x1b" not in shown
    main(["lineage", runs["evaluate"], "--json"])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert document["focus"] == runs["evaluate"]
