"""Several seeds by one command, as DVC experiments; and a training again that gives the same bytes."""

import json
import re
from pathlib import Path

import pytest
from mlflow.entities import Run
from small_project import Project, new_project

from encdec.tracking import project as places
from encdec.tracking.store import Store, open_store, search

pytestmark = pytest.mark.xdist_group("seeds")  # one project for all of them, in this order
COMMAND = ("encdec", "seeds", "--seeds", "1", "2", "--models", "autoencoder", "--jobs", "2")
METRICS = "data/06_evaluation/autoencoder/metrics.json"


@pytest.fixture(scope="module")
def seeded(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A project whose own seed is 7, with one model, and what the command printed with two others."""
    project = new_project(root, tmp_path_factory.mktemp("seeds"))
    project.repro("evaluate@autoencoder")
    project.run("git", "add", "-A")
    project.run("git", "commit", "-qm", "first results")
    done = project.run(*COMMAND)
    return project, done.stdout + done.stderr


def store_of(project: Project) -> Store:
    return open_store("encdec", places.Project(project.path, project.path))


def trainings(store: Store) -> dict[str, Run]:
    found = search(store, "tags.stage = 'train' and tags.model = 'autoencoder'")
    return {run.data.params["seed"]: run for run in reversed(found)}  # of two the newest


def test_the_seeds_and_the_projects_own_are_one_row(seeded: tuple[Project, str]) -> None:
    project, output = seeded
    store = store_of(project)
    rows = trainings(store)
    assert rows.keys() == {"1", "2", "7"}
    (group,) = {run.data.tags["seed_group"] for run in rows.values()}
    (summary,) = search(store, f"tags.stage = 'train seeds' and tags.seed_group = '{group}'")
    assert summary.info.run_name == "autoencoder, 3 seeds"
    for name in ("test/mse", "test/headline", "best_epoch", "train_seconds", "baseline/mse"):
        values = [run.data.metrics[name] for run in rows.values()]
        mean = sum(values) / 3
        assert summary.data.metrics[name] == pytest.approx(mean)
        deviation = (sum((value - mean) ** 2 for value in values) / 2) ** 0.5
        assert summary.data.metrics[f"{name}/std"] == pytest.approx(deviation)
    assert len({run.data.metrics["test/mse"] for run in rows.values()}) == 3
    assert f"autoencoder, 3 seeds: tags.seed_group = '{group}'" in output


def test_the_table_has_what_the_experiments_keep(seeded: tuple[Project, str]) -> None:
    project, output = seeded
    names = project.run("dvc", "exp", "list", "--name-only").stdout.split()
    assert {"encdec-seed-1", "encdec-seed-2"} <= set(names)
    kept = []
    for seed in (1, 2):
        name = f"encdec-seed-{seed}"
        reference = project.run("git", "for-each-ref", "--format=%(refname)", f"refs/exps/**/{name}").stdout.strip()
        kept.append(json.loads(project.run("git", "show", f"{reference}:{METRICS}").stdout)["mse"])
    mean = sum(kept) / 2
    found = re.search(r"^  mse +(\S+) ± (\S+) +\[.*\] +2$", output, re.MULTILINE)
    assert found is not None, output
    assert float(found[1]) == pytest.approx(mean, rel=1e-3)
    assert float(found[2]) == pytest.approx(abs(kept[0] - kept[1]) / 2**0.5, rel=0.05)


def test_the_tree_keeps_its_own_results(seeded: tuple[Project, str]) -> None:
    project, _ = seeded
    assert project.run("git", "status", "--porcelain").stdout == ""
    assert project.run("dvc", "status", "evaluate@autoencoder").stdout.strip() == "Data and pipelines are up to date."


def test_the_same_command_again_trains_nothing(seeded: tuple[Project, str]) -> None:
    project, output = seeded
    again = project.run(*COMMAND)
    tables = [text[text.index("\nautoencoder, seeds 1, 2") :] for text in (output, again.stdout)]
    assert tables[0].splitlines()[:6] == tables[1].splitlines()[:6]
    for seed in (1, 2):
        log = (project.path / ".work" / "seeds" / f"{seed}.log").read_text()
        assert "Running stage" not in log
        assert "Stage 'evaluate@autoencoder' is cached" in log


def test_a_seed_that_fails_shows_its_last_words_and_the_others_go_on(seeded: tuple[Project, str]) -> None:
    project, _ = seeded
    done = project.run("encdec", "seeds", "--seeds", "1", "2", "4294967296", "--models", "autoencoder", check=False)
    assert done.returncode == 1
    assert "seed 4294967296: FAILED" in done.stderr
    assert "params.yaml: seed" in done.stderr
    assert "ValueError: 1 of 3 seeds failed (4294967296)" in done.stderr
    assert "autoencoder, seeds 1, 2" in done.stdout


def test_a_training_again_that_gives_the_same_bytes_has_the_evaluation_too(seeded: tuple[Project, str]) -> None:
    project, _ = seeded
    before = trainings(store_of(project))["7"]
    project.repro("--force", "--single-item", "train@autoencoder")
    assert "evaluate@autoencoder" not in project.repro("evaluate@autoencoder").started()
    store = store_of(project)
    after = trainings(store)["7"]
    assert after.info.run_id != before.info.run_id
    assert after.data.tags["evaluation.copied_from"] == before.info.run_id
    for name, value in before.data.metrics.items():
        if name.startswith(("test/", "baseline/")):
            assert after.data.metrics[name] == value
    names = {file.path for file in store.client.list_artifacts(after.info.run_id)}
    assert {"figures", "evaluation", "reconstructions.light.png"} <= names
    assert Path(store.client.download_artifacts(after.info.run_id, "figures/latent.dark.png")).stat().st_size > 1000
    assert "on the test split" in after.data.tags["mlflow.note.content"]


def test_trainings_and_tunings_have_system_metrics(seeded: tuple[Project, str]) -> None:
    store = store_of(seeded[0])
    for stage in ("tune", "train"):
        for run in search(store, f"tags.stage = '{stage}'"):
            assert 0 <= run.data.metrics["system/cpu_utilization_percentage"] <= 100
            assert run.data.metrics["system/process_memory_usage_megabytes"] > 50
