"""`make ui` in a browser: a real server on a real store, with runs that the real stages made of two small trainings."""

import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Page, expect
from ports import free_port
from ruamel.yaml import YAML
from viewing import View

from encdec.params.loading import load_params
from encdec.tracking.project import find_project
from encdec.tracking.stage import tracked_stage
from encdec.tracking.store import open_store
from encdec.tracking.views import last_trainings

pytestmark = pytest.mark.xdist_group("ui mlflow")  # one server for all of them

MODELS = ("cnn", "autoencoder")
SEEDED, OTHER_SEED = "autoencoder", 8
REGISTERED = "encdec-cnn"
SEEDS_ROW = "autoencoder, 2 seeds"
RUN_NAME = "attributes.`Run Name`"
MLFLOW_ITSELF = (
    "users/current",  # asked for on every page; a server without accounts answers 404
    "the server responded with a status of 404",  # Chromium's line on the console for that same answer
    "ResizeObserver loop completed with undelivered notifications",  # its charts; browsers mean it as a note
    "net::ERR_ABORTED",  # a request that the page gave up, e.g. when it went on to another
)
"""What MLflow 3.17.2's own pages complain about, wherever they are opened."""


class Ui(NamedTuple):
    """The two addresses that `make ui` prints."""

    table: str
    compared: str


def small_params(source: Path, target: Path) -> None:
    yaml = YAML()
    raw = yaml.load(source)
    for name in MODELS:
        model = raw["models"][name]
        model["tuning"] = {"trials": 2, "max_epochs": 2, "max_steps": 6}
        model["training"] = {**model["training"], "max_epochs": 4, "max_steps": 24, "patience": 4}
    raw["evaluation"]["bootstrap_resamples"] = 20
    yaml.dump(raw, target)


def new_project(root: Path, folder: Path) -> None:
    folder.mkdir()
    for name in ("dvc.yaml", "requirements.lock"):
        shutil.copyfile(root / name, folder / name)
    for name in ("pipelines", "src"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    small_params(root / "params.yaml", folder / "params.yaml")
    (folder / "data" / "00_source" / "images").mkdir(parents=True)


def set_seed(seed: int) -> int:
    """Returns the one before."""
    yaml, path = YAML(), Path("params.yaml")
    raw = yaml.load(path)
    before, raw["seed"] = int(raw["seed"]), seed
    yaml.dump(raw, path)
    return before


def run_stages(root: Path) -> None:
    """The stages of two models of images, one with another seed before, as dvc.yaml starts them, in this process."""

    def stage(name: str, item: str, **paths: str) -> None:
        main: Callable[..., None] = runpy.run_path(str(root / "pipelines" / f"{name}.py"))["main"]
        main(item, **{key: Path("data", path) for key, path in paths.items()})

    prepared = {split: f"03_prepared/images/{split}" for split in ("train", "val", "test")}
    known = {split: prepared[split] for split in ("train", "val")}
    stage("ingest", "images", user="00_source/images", out="01_raw/images")
    stage("validate", "images", raw="01_raw/images", out="02_validation/images")
    stage(
        "prepare", "images", raw="01_raw/images", validation="02_validation/images", rejected="rejected.csv", **prepared
    )
    stage("baselines", "images", out="06_evaluation/baselines/images", **prepared)
    own_seed = set_seed(OTHER_SEED)
    for model in (SEEDED, *MODELS):
        tuning, weights, results = f"04_tuning/{model}", f"05_models/{model}", f"06_evaluation/{model}"
        stage("tune", model, out=tuning, **known)
        stage("train", model, tuning=tuning, lock="../requirements.lock", out=weights, **known)
        outs = {name: f"{results}/{name}" for name in ("details", "figures")}
        outs |= {name: f"{results}/{name}.json" for name in ("metrics", "baseline")}
        baselines = "06_evaluation/baselines/images"
        stage("evaluate", model, test=prepared["test"], model=weights, baselines=baselines, **outs)
        set_seed(own_seed)


def fail_once() -> None:
    loaded = load_params(Path("params.yaml"))
    with (
        pytest.raises(ValueError, match="diverged"),
        tracked_stage("train", loaded=loaded, item="vae", inputs=[], outputs=[], section={}),
    ):
        raise ValueError("diverged")


def register() -> None:
    """The trained classifier, as version 1 with an alias and a tag."""
    project = find_project(Path.cwd())
    store = open_store("encdec", project)
    (run,) = (run for run in last_trainings(store) if run.data.tags["model"] == "cnn")
    assert run.outputs is not None
    model_id = run.outputs.model_outputs[0].model_id
    store.client.create_registered_model(REGISTERED)
    store.client.create_model_version(
        REGISTERED, f"models:/{model_id}", run.info.run_id, tags={"gate": "passed"}, model_id=model_id
    )
    store.client.set_registered_model_alias(REGISTERED, "champion", "1")


@pytest.fixture(scope="module")
def ui(chromium: str, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    project = tmp_path_factory.mktemp("ui") / "project"
    new_project(root, project)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        run_stages(root)
        fail_once()
        register()
    port = free_port()
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    command = [sys.executable, "-m", "encdec.tracking.ui", "--port", str(port)]
    process = subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.PIPE, text=True)
    said = dict(printed(process))
    yield Ui(said["The table of runs"], said["The last run of every model, side by side"])
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0


def printed(process: "subprocess.Popen[str]") -> Iterator[tuple[str, str]]:
    for line in process.stdout or ():
        if ": http" in line:
            words, address = line.strip().split(": ", 1)
            yield words, address
        if line.startswith("Ctrl-C"):
            return


def ours(view: View) -> list[str]:
    return [error for error in view.errors if not any(known in error for known in MLFLOW_ITSELF)]


def table_rows(page: Page) -> Mapping[str, Mapping[str, str]]:
    """The cells of the table of runs by name of the run and identifier of the column."""
    page.locator(".ag-row a[href*='/runs/']").first.wait_for()
    cells: Any = page.evaluate(
        "[...document.querySelectorAll('.ag-row [col-id]')].map(cell => "
        "[cell.closest('.ag-row').getAttribute('row-index'), cell.getAttribute('col-id'), cell.innerText.trim()])"
    )
    rows: dict[str, dict[str, str]] = {}
    for index, column, text in cells:
        rows.setdefault(index, {})[column] = text
    # the name stands behind its colour, which is text that nobody sees; of two with one name the newer one
    named = [row | {"name": row[RUN_NAME].splitlines()[-1]} for row in rows.values() if RUN_NAME in row]
    return {row["name"]: row for row in reversed(named)}


def search_for(page: Page, text: str, *, found: int) -> None:
    """Type a filter, as a person does, and wait for that many runs."""
    table_rows(page)
    field = page.get_by_test_id("search-box")
    field.fill(text)
    field.press("Enter")
    expect(page.get_by_text(f"{found} matching run{'s' if found != 1 else ''}")).to_be_visible()


def open_run(page: Page, table: str, name: str) -> str:
    """Open a run from the table; returns its address."""
    page.goto(table)
    page.get_by_role("link", name=name, exact=True).first.click()
    page.get_by_text("Description").first.wait_for()
    return page.url.partition("?")[0].removesuffix("/overview")


def compared_metrics(page: Page) -> Mapping[str, list[str]]:
    """The values of every model by the metric's name, as far as the page shows them without scrolling its table.

    MLflow draws first all names, then all values: a table only for the eye.
    """
    shown: str = page.evaluate("document.body.innerText")
    lines = re.split(r"\nMetrics\n(?:.*\n)??Show diff only\n", shown)[1].split("\nArtifacts\n")[0].splitlines()
    values = [line for line in lines if re.fullmatch(r"NaN|-?[0-9.e+-]+", line)]
    names = lines[: len(lines) - len(values)]
    assert len(values) == len(names) * len(MODELS)
    return {name: values[len(MODELS) * row : len(MODELS) * (row + 1)] for row, name in enumerate(names)}


def test_the_table_has_a_row_per_trained_model_and_no_failed_one(ui: Ui, view: Callable[..., View]) -> None:
    opened = view(ui.table, width=1900)
    rows = table_rows(opened.page)
    assert set(rows) == {SEEDS_ROW, "train@autoencoder", "train@cnn"}  # no trial, no stage, no failure
    metrics = {name: row["tags.`headline.metric`"] for name, row in rows.items()}
    assert metrics == {"train@cnn": "accuracy", "train@autoencoder": "mse", SEEDS_ROW: "mse"}
    for row in rows.values():
        test, baseline, gain = (
            float(row[f"metrics.`{name}`"].rstrip("…"))
            for name in ("test/headline", "baseline/headline", "test/headline_gain")
        )
        assert abs(test - baseline) == pytest.approx(abs(gain), abs=1e-6)
        assert row["tags.`headline.verdict`"] in ("better", "worse", "unclear")
        assert row["tags.`source`"] == "digits"
        assert int(row["metrics.`num_parameters`"]) > 1000
    assert ours(opened) == []


def test_the_assistant_does_not_cover_the_first_page(ui: Ui, view: Callable[..., View]) -> None:
    page = view(ui.table).page
    table_rows(page)
    expect(page.get_by_text("Ask questions about your experiments")).to_have_count(0)


def test_the_comparison_has_the_metrics_of_every_model(ui: Ui, view: Callable[..., View]) -> None:
    opened = view(ui.compared, width=1900, height=1200)
    page = opened.page
    expect(page.get_by_text("Comparing 2 Runs from 1 Experiment")).to_be_visible()
    names = page.locator("tr", has_text="Run Name:").locator("td")
    expect(names).to_have_text(["train@cnn", "train@autoencoder"])
    page.get_by_text("num_parameters", exact=True).wait_for()
    found = compared_metrics(page)
    for metric in ("baseline/headline", "best_epoch", "epochs", "num_parameters"):
        assert "NaN" not in found[metric], metric
    assert [value != "NaN" for value in found["baseline/accuracy"]] == [True, False], "only the classifier has one"
    rate = page.locator("tr", has=page.get_by_text("training.learning_rate", exact=True)).locator("td")
    assert all(float(text) > 0 for text in rate.all_inner_texts())  # one row for all: no model's name in the key
    assert ours(opened) == []


def test_a_figure_that_all_models_have_is_shown_side_by_side(ui: Ui, view: Callable[..., View]) -> None:
    opened = view(ui.compared, width=1900, height=1200)
    opened.page.get_by_text("learning_curves.light.png").click()
    figures = "[...document.images].filter(image => image.src.startsWith('blob:')).map(image => image.src)"
    opened.page.wait_for_function(f"new Set({figures}).size === {len(MODELS)}")  # each stands there in two sizes
    assert opened.broken_images() == []
    assert ours(opened) == []


def test_runs_are_filtered_by_a_tag_and_by_a_metric(ui: Ui, view: Callable[..., View]) -> None:
    opened = view(ui.table, width=1900)
    page = opened.page
    search_for(page, "tags.stage = 'train' and tags.model = 'autoencoder'", found=2)
    assert list(table_rows(page)) == ["train@autoencoder"]
    search_for(page, "tags.stage = 'train' and metrics.\"test/accuracy\" > 0.2", found=1)
    assert list(table_rows(page)) == ["train@cnn"]
    search_for(page, "tags.stage = 'train seeds'", found=1)
    assert list(table_rows(page)) == [SEEDS_ROW]
    assert ours(opened) == []


def test_the_row_of_seeds_has_their_mean_and_their_spread(ui: Ui, view: Callable[..., View]) -> None:
    opened = view(ui.table, width=1900)
    page = opened.page
    summary = table_rows(page)[SEEDS_ROW]
    search_for(page, "tags.stage = 'train' and tags.model = 'autoencoder' and params.seed = '7'", found=1)
    first = table_rows(page)["train@autoencoder"]
    search_for(page, f"tags.stage = 'train' and params.seed = '{OTHER_SEED}'", found=1)
    second = first
    for _ in range(100):  # both searches find one, so that their number does not tell when the table is another
        second = table_rows(page)["train@autoencoder"]
        if second != first:
            break
        page.wait_for_timeout(100)
    values = [float(row["metrics.`test/headline`"].rstrip("…")) for row in (first, second)]
    mean, std = (float(summary[f"metrics.`{name}`"].rstrip("…")) for name in ("test/headline", "test/headline/std"))
    assert values[0] != values[1]
    assert mean == pytest.approx(sum(values) / 2, abs=1e-6)
    assert std == pytest.approx(abs(values[0] - values[1]) / 2**0.5, abs=1e-6)
    assert summary["metrics.`num_seeds`"] == "2"
    assert ours(opened) == []


def test_chosen_runs_are_compared(ui: Ui, view: Callable[..., View]) -> None:
    """The row of seeds beside a single training, chosen by hand."""
    opened = view(ui.table, width=1900, height=1200)
    page = opened.page
    table_rows(page)
    for name in (SEEDS_ROW, "train@cnn"):
        row = page.locator(".ag-row", has=page.get_by_role("link", name=name, exact=True)).first
        row.get_by_role("checkbox").first.click()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Comparing 2 Runs from 1 Experiment")).to_be_visible()
    names = page.locator("tr", has_text="Run Name:").locator("td")
    assert sorted(names.all_inner_texts()) == [SEEDS_ROW, "train@cnn"]
    found = compared_metrics(page)
    assert "NaN" not in found["best_epoch"]
    assert sorted(value == "NaN" for value in found["best_epoch/std"]) == [False, True]
    assert ours(opened) == []


def test_the_seeds_of_a_row_are_a_click_away(ui: Ui, view: Callable[..., View]) -> None:
    opened = view(ui.table, width=1900)
    page = opened.page
    run = open_run(page, ui.table, SEEDS_ROW)
    expect(page.get_by_text("2 trainings that differ in their seed alone")).to_be_visible()
    page.get_by_text("Show more").click()
    with page.expect_popup() as popup:
        page.get_by_role("link", name=str(OTHER_SEED), exact=True).click()
    expect(popup.value.get_by_role("heading", name="train@autoencoder")).to_be_visible()
    page.goto(f"{run}/artifacts/seeds.json")
    expect(page.get_by_text('"num_seeds"')).to_be_visible()
    assert ours(opened) == []


def test_a_run_shows_the_load_of_the_machine(ui: Ui, view: Callable[..., View]) -> None:
    opened = view(ui.table, width=1900)
    page = opened.page
    open_run(page, ui.table, "train@cnn")
    page.get_by_role("tab", name="System metrics").click()
    for name in ("cpu_utilization_percentage", "system_memory_usage_megabytes", "process_memory_usage_megabytes"):
        expect(page.get_by_text(name, exact=True)).to_be_visible()
    page.locator(".js-plotly-plot .point, .js-plotly-plot .js-line").first.wait_for(state="attached")
    assert ours(opened) == []


def test_a_registered_model_shows_its_champion_and_the_run_behind_it(ui: Ui, view: Callable[..., View]) -> None:
    opened = view(ui.table, width=1900)
    page = opened.page
    page.get_by_role("link", name="Model registry").click()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()  # MLflow praises its registry once
    page.get_by_role("link", name=REGISTERED, exact=True).click()
    version = page.locator("tr, [role=row]", has=page.get_by_role("link", name="Version 1"))
    expect(version).to_contain_text("champion")
    expect(version).to_contain_text(re.compile(r"gate\s*: passed"))
    page.get_by_role("link", name="Version 1").click()
    page.get_by_role("link", name="train@cnn").click()
    expect(page.get_by_text(re.compile(r"cnn on the images of digits"))).to_be_visible()
    assert ours(opened) == []


def test_a_json_of_the_evaluation_opens(ui: Ui, view: Callable[..., View]) -> None:
    opened = view(ui.table, width=1900)
    page = opened.page
    run = open_run(page, ui.table, "train@cnn")
    page.goto(f"{run}/artifacts/evaluation/evaluation.json")
    expect(page.get_by_text('"accuracy"').first).to_be_visible()
    assert ours(opened) == []


def test_a_run_says_what_it_is_and_its_figures_open(ui: Ui, view: Callable[..., View]) -> None:
    opened = view(ui.table, width=1900)
    page = opened.page
    page.get_by_role("link", name="train@cnn").click()
    page.get_by_text("Description").first.wait_for()
    expect(page.get_by_text(re.compile(r"cnn on the images of digits, with [\d,]+ parameters"))).to_be_visible()
    run = page.url.partition("?")[0].removesuffix("/overview")
    page.goto(f"{run}/artifacts/figures/confusion.light.png")
    expect(page.locator("img[src^='blob:']").first).to_be_visible()
    assert opened.broken_images() == []
    assert ours(opened) == []
