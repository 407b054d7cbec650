"""What the edges of the graph promise."""

import json
from pathlib import Path
from typing import Any

import pytest
from small_project import Project

from encdec.params.root import KINDS, MODEL_NAMES

MODEL_STAGES = ("tune", "train", "evaluate")
BASELINES = {"baselines@images", "baselines@noise", "baselines@pairs"}
EXEMPT = {
    # cannot change an out, so that a change of theirs re-runs nothing; each with its reason
    "src/encdec/params": "the schema: a value reaches a stage through params.yaml, which DVC tracks by key",
    "src/encdec/serving": "what a logged model answers; train writes its digests and parameters to MLflow alone",
    "src/encdec/tracking": "writes to MLflow, never into an out",
    "src/encdec/command.py": "reads the command line and prints errors",
    "src/encdec/dvc_graph.py": "names the group of a run's seeds; report, which draws it, has it among its deps",
    "src/encdec/masking.py": "keeps passwords out of errors and runs",
    "src/encdec/pauses.py": "says when a checkpoint or a metric is written, which never changes a result",
    "src/encdec/progress.py": "draws on the terminal",
    "src/encdec/remedies.py": "words the errors of the operating system",
    "src/encdec/signals.py": "ends a stage before it has an out",
    "src/encdec/starting.py": "sets the terminal's words and signals; that text is UTF-8 in every locale, a test holds",
}

TORCH = {"torch", "torchmetrics", "torchvision"}
LIGHTNING = {"pytorch_lightning", "lightning_fabric", "lightning"}
NEVER = {"lightning", "dvc", "gradio", "tensorflow", "transformers"}
DATA = {*NEVER, *TORCH, *LIGHTNING, "optuna", "matplotlib"}  # what no stage needs that only reads and writes data
FORBIDDEN = {
    "check": {*DATA, "great_expectations", "mlflow", "pandas", "sklearn"},
    "ingest": {*DATA, "great_expectations"},
    "validate": {*DATA, "sklearn", "babel", "tokenizers"},
    "prepare": {*DATA, "great_expectations", "sklearn", "babel"},
    "baselines": {*NEVER, *LIGHTNING, "great_expectations", "optuna", "matplotlib"},
    "tune": {*NEVER, "great_expectations", "sklearn", "babel"},
    "train": {*NEVER, "great_expectations", "sklearn", "optuna", "babel"},
    "evaluate": {*NEVER, *LIGHTNING, "great_expectations", "optuna", "sklearn"},
    "report": {*DATA, "great_expectations", "sklearn", "babel"},
}
"""The packages that a stage must not load, which take seconds or hide a dependency."""


def stages(project: Project) -> dict[str, Any]:
    """Every stage with its resolved deps, as DVC itself sees it."""
    listed = project.run("dvc", "stage", "list", "--name-only", "--all").stdout.split()
    lock = project.lock()
    assert set(lock) == set(listed)
    return lock


def deps(lock: dict[str, Any], stage: str) -> list[str]:
    return [dep["path"] for dep in lock[stage]["deps"]]


def covered(file: str, paths: list[str]) -> bool:
    return any(file == path or file.startswith(path + "/") for path in paths)


def is_exempt(file: str, root: Path) -> bool:
    path = Path(file)
    if path.name == "__init__.py":  # a package file with nothing in it but words cannot change an out
        lines = (root / path).read_text().strip()
        return not lines or (lines.startswith('"""') and lines.endswith('"""') and lines.count('"""') == 2)
    if path.name == "spec.py" and path.parts[:3] == ("src", "encdec", "models"):  # part of the schema
        return True
    return covered(file, list(EXEMPT))


def spied(project: Project) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path in project.spy.glob("*.json"):
        stage = path.name.rpartition("-")[0]
        seen = json.loads(path.read_text())
        if stage in found:  # a stage that started a process of its own
            seen["modules"] |= found[stage]["modules"]
            seen["opened"] = sorted({*seen["opened"], *found[stage]["opened"]})
            seen["packages"] = sorted({*seen["packages"], *found[stage]["packages"]})
        found[stage] = seen
    return found


def test_the_graph_has_the_stages_of_the_design(finished: Project) -> None:
    kinds = {f"{stage}@{kind}" for stage in ("ingest", "validate", "prepare") for kind in KINDS} | BASELINES
    models = {f"{stage}@{model}" for stage in MODEL_STAGES for model in MODEL_NAMES}
    assert set(stages(finished)) == {"check", "report"} | kinds | models


def test_deps_cover_every_project_module_that_a_stage_loads(finished: Project) -> None:
    lock, seen = stages(finished), spied(finished)
    assert set(seen) == set(lock), "every stage was watched"
    missing = {
        (stage, file)
        for stage, found in seen.items()
        for file in found["modules"].values()
        if not covered(file, deps(lock, stage)) and not is_exempt(file, finished.path)
    }
    assert missing == set()


def test_deps_cover_every_data_file_that_a_stage_reads(finished: Project) -> None:
    lock, seen = stages(finished), spied(finished)
    missing = set()
    for stage, found in seen.items():
        outs = [out["path"] for out in lock[stage]["outs"]]
        if stage == "report":
            outs.append("data/07_report/runs.html")  # beside the page: neither in git nor in DVC
        # what a stage writes, it may write beside its place first
        own = [*outs, *(str(Path(out).with_name(f".{Path(out).name}.partial")) for out in outs)]
        missing |= {(stage, file) for file in found["opened"] if not covered(file, deps(lock, stage) + own)}
    assert missing == set()


def test_tune_and_train_never_open_the_test_split(finished: Project) -> None:
    seen = spied(finished)
    opened = {stage for stage, found in seen.items() if any("/test/" in f"{file}/" for file in found["opened"])}
    readers = {f"evaluate@{model}" for model in MODEL_NAMES} | BASELINES
    assert opened == readers | {f"prepare@{kind}" for kind in KINDS}


def test_a_stage_loads_no_package_that_it_does_not_need(finished: Project) -> None:
    loaded = {(stage, name) for stage, found in spied(finished).items() for name in found["packages"]}
    assert {stage.split("@")[0] for stage, _ in loaded} == set(FORBIDDEN)
    assert {(stage, name) for stage, name in loaded if name in FORBIDDEN[stage.split("@")[0]]} == set()


def test_a_stage_loads_the_packages_that_it_is_made_with(finished: Project) -> None:
    """What is forbidden elsewhere would be seen: the names are those that Python has."""
    seen = {stage: set(found["packages"]) for stage, found in spied(finished).items()}
    assert {"torch", "pytorch_lightning", "mlflow"} <= seen["train@vae"]
    assert {"torch", "pytorch_lightning", "optuna"} <= seen["tune@vae"]
    assert {"torch", "matplotlib"} <= seen["evaluate@vae"]
    assert {"torch", "sklearn"} <= seen["baselines@images"]
    assert "great_expectations" in seen["validate@images"]


def test_a_stage_loads_the_folder_of_its_own_model_alone(finished: Project) -> None:
    for stage, found in spied(finished).items():
        name, _, item = stage.partition("@")
        if name not in MODEL_STAGES:
            continue
        folders = {
            Path(file).parts[3]
            for file in found["modules"].values()
            if file.startswith("src/encdec/models/") and Path(file).name not in ("__init__.py", "spec.py")
        }
        assert {folder for folder in folders if not folder.endswith(".py")} == {item}


def test_the_runtime_lock_is_a_dep_of_what_computes_and_the_tools_are_of_none(finished: Project) -> None:
    lock = stages(finished)
    for stage in lock:
        computes = stage.split("@")[0] in ("tune", "train", "evaluate", "baselines")
        assert ("requirements.lock" in deps(lock, stage)) == computes or stage == "check"
        assert "requirements-dev.lock" not in deps(lock, stage)


def test_no_out_is_persisted_so_that_the_run_cache_works(finished: Project) -> None:
    assert "persist" not in (finished.path / "dvc.yaml").read_text()


@pytest.mark.xdist_group("repro")
def test_a_second_repro_runs_nothing_and_makes_no_run(project: Project) -> None:
    before = count_runs(project)
    again = project.repro()
    assert again.started() == []
    assert again.restored() == []
    assert "up to date" in again.output
    assert count_runs(project) == before


@pytest.mark.xdist_group("repro")
def test_a_change_of_one_models_parameters_reruns_only_its_stages_and_reverting_trains_nothing(
    project: Project,
) -> None:
    original = (project.path / "params.yaml").read_text()
    weights = lock_of(project, "train@vae")
    project.edit_params("models", "vae", "beta", value=2.0)
    changed = project.repro()
    assert set(changed.started()) == {"check", "tune@vae", "train@vae", "evaluate@vae", "report"}
    assert lock_of(project, "train@vae") != weights
    (project.path / "params.yaml").write_text(original)
    reverted = project.repro()
    assert reverted.started() == []
    assert set(reverted.restored()) == {"check", "tune@vae", "train@vae", "evaluate@vae", "report"}
    assert lock_of(project, "train@vae") == weights
    assert project.run("git", "status", "--porcelain", "--", "dvc.lock", "data").stdout == ""


@pytest.mark.xdist_group("change")
@pytest.mark.parametrize(
    ("model", "keys", "value", "also"),
    [
        ("cnn", ("label_smoothing",), 0.1, set()),
        ("autoencoder", ("network", "latent_dim"), 7, set()),
        ("sparse_autoencoder", ("training", "gradient_clip"), 0.5, set()),
        ("denoising_autoencoder", ("corruption", "noise_std"), 0.2, {"baselines@noise"}),
        ("seq2seq", ("decoding", "beam_size"), 2, set()),
    ],
)
def test_a_change_of_any_models_parameter_would_rerun_only_its_stages(
    project: Project, model: str, keys: tuple[str, ...], value: object, also: set[str]
) -> None:
    project.edit_params("models", model, *keys, value=value)
    status = project.run("dvc", "status").stdout
    changed = {line.strip().rstrip(":") for line in status.splitlines() if line and not line.startswith((" ", "\t"))}
    own = {f"tune@{model}", f"train@{model}"}
    assert own <= changed
    # evaluate and report follow when what they read has changed; they name the parameter themselves only in `report`
    assert changed <= own | also | {"check", "report", f"evaluate@{model}"}


@pytest.mark.xdist_group("change")
def test_a_change_of_one_models_folder_reruns_only_its_stages(project: Project) -> None:
    file = project.path / "src/encdec/models/cnn/network.py"
    file.write_text(file.read_text() + "\n# another line\n")
    changed = project.repro()
    # the bytes of what they make are the same, so the stages behind them are restored or skipped
    assert {"tune@cnn", "train@cnn", "evaluate@cnn"} == set(changed.started())


@pytest.mark.xdist_group("change")
def test_an_edit_that_changes_no_value_reruns_check_alone(project: Project) -> None:
    params = project.path / "params.yaml"
    project.edit_params("tracking", "experiment", value="another")
    assert project.repro().started() == ["check"]
    params.write_text(params.read_text().replace("another", "encdec"))


@pytest.mark.xdist_group("change")
def test_a_users_own_file_is_seen(project: Project) -> None:
    (project.path / "data/00_source/images/new.txt").write_text("anything")
    assert "ingest@images" in project.run("dvc", "status", "ingest@images").stdout


def lock_of(project: Project, stage: str) -> str:
    return str(project.lock()[stage]["outs"][0]["md5"])


def count_runs(project: Project) -> int:
    import sqlite3

    with sqlite3.connect(project.path / "mlflow.db") as connection:
        return int(connection.execute("SELECT count(*) FROM runs").fetchone()[0])
