"""The whole way: a batch on the disk, a verdict, its files, its run in MLflow, and the status of the command."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from monitored_project import dates_of_test, digits_of_test, make_project, opened, write_images, write_lock
from trained_project import TrainedProject

from encdec.cli.main import main
from encdec.monitoring.monitor import Outcome, Request, monitor
from encdec.tracking.store import search


@pytest.fixture(scope="session")
def tree(root: Path, trained: TrainedProject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(root, trained, tmp_path_factory.mktemp("monitored") / "project")


@pytest.fixture
def own_tree(root: Path, trained: TrainedProject, tmp_path: Path) -> Path:
    """One that a test may change."""
    return make_project(root, trained, tmp_path / "project")


@pytest.fixture(scope="session")
def same(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("same") / "batch", *digits_of_test(tree))


def compare(tree: Path, batch: Path, **given: Path | str | None) -> Outcome:
    request = {"kind": None, "predictions": None, "out": None, **given}
    return monitor(*opened(tree), Request(batch, **request))  # type: ignore[arg-type]


def test_the_status_says_no_shift_drift_or_invalid_data(tree: Path, root: Path, same: Path, tmp_path: Path) -> None:
    images, labels = digits_of_test(tree)
    turned = write_images(tmp_path / "turned", np.rot90(images, axes=(2, 3)), labels)
    broken = write_images(tmp_path / "broken", images[:60], labels[:60])
    (broken / "3" / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for batch, status, verdict in ((same, 0, "none"), (turned, 10, "drift"), (broken, 20, "invalid")):
        command = [sys.executable, "-m", "encdec.cli.main", "monitor", str(batch), "--json"]
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=300)
        assert done.returncode == status, done.stderr
        assert json.loads(done.stdout)["verdict"] == verdict
    store, _ = opened(tree)
    runs = {run.data.tags["monitor.batch"].split()[0]: run for run in search(store, "tags.stage = 'monitor'")}
    found = runs[str(turned)]
    assert found.info.status == "FINISHED"
    assert found.data.tags["monitor.verdict"] == "drift"
    assert "pixels" in found.data.tags["monitor.families"]
    assert found.data.metrics["monitor/pixels/least_p"] < 1e-50
    names = {each.path for each in store.client.list_artifacts(found.info.run_id, "monitoring")}
    assert names == {"monitoring/monitor.json", "monitoring/monitor.html"}
    assert runs[str(broken)].data.tags["monitor.verdict"] == "invalid"


def test_half_an_archive_is_invalid_and_no_error(
    tree: Path, same: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = Path(shutil.make_archive(str(tmp_path / "batch"), "zip", same))
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    outputs = tmp_path / "outputs"
    monkeypatch.chdir(tree)
    monkeypatch.setenv("GITHUB_OUTPUT", str(outputs))
    with pytest.raises(SystemExit) as ended:
        main(["monitor", str(whole)])
    assert ended.value.code == 20
    assert "The batch cannot be used" in capsys.readouterr().err
    assert "invalid" in outputs.read_text()


def test_a_folder_with_one_table_is_that_table(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a prefix of a store gives, or an archive."""
    folder = tmp_path / "may"
    folder.mkdir()
    dates_of_test(tree, 100).to_csv(folder / "may.tsv", sep="\t", index=False)
    monkeypatch.chdir(tree)
    main(["monitor", str(folder), "--kind", "pairs", "--out", str(tmp_path / "out")])
    found = json.loads((tmp_path / "out" / "monitor.json").read_text())
    assert (found["verdict"], found["batch"]["path"]) == ("none", (folder / "may.tsv").as_posix())


def test_a_new_class_in_one_row_is_seen_though_a_part_of_the_rows_is_drawn(own_tree: Path, tmp_path: Path) -> None:
    images, labels = digits_of_test(own_tree)
    batch = write_images(tmp_path / "batch", images, labels)
    (batch / "eleven").mkdir()
    shutil.copy(next((batch / "3").glob("*.png")), batch / "eleven" / "one.png")
    for seed in (1, 2, 3):  # 60 of the rows are drawn; in all three draws that one would hardly be
        store, params = opened(own_tree)
        rules = params.monitoring.model_copy(update={"max_rows": 60})
        drawn = params.model_copy(update={"monitoring": rules, "seed": seed})
        outcome = monitor(store, drawn, Request(batch, None, None, tmp_path / str(seed)))
        assert "eleven" in outcome.result.text()
        assert outcome.result.verdict == "drift"


def test_the_same_batch_gives_the_same_json_but_for_the_time(tree: Path, same: Path) -> None:
    texts = []
    for _ in range(2):
        outcome = compare(tree, same)
        assert outcome.folder == tree / ".work" / "monitoring" / outcome.result.batch.digest[:12]
        texts.append((outcome.folder / "monitor.json").read_text())
    plain = [re.sub(r'"at": "[^"]*"', "", text) for text in texts]
    assert plain[0] == plain[1]
    document = json.loads(texts[0])
    assert document["batch"]["labelled"] is True
    assert document["left_out"] == []
    assert {test["family"] for test in document["tests"]} == {
        "pixels", "statistics", "labels", "confidence", "agreement", "reconstruction", "codes",
    }  # fmt: skip
    for test in document["tests"]:
        assert {"name", "statistic", "value", "p", "corrected_p", "effect", "size", "batch_rows"} <= test.keys()
        assert test["sentence"].startswith(test["name"])


def test_the_page_loads_nothing_and_shows_names_as_they_are(tree: Path, tmp_path: Path) -> None:
    images, labels = digits_of_test(tree)
    names = np.where(labels == "3", "<b>3 & co", labels)
    outcome = compare(tree, write_images(tmp_path / "batch", images, names))
    page = (outcome.folder / "monitor.html").read_text(encoding="utf-8")
    assert "default-src &#39;none&#39;; img-src data:;" in page
    assert not re.search(r'(?:src|href|srcset)="(?!data:)', page)
    assert "<b>3" not in page
    assert "&lt;b&gt;3 &amp; co" in page
    assert all(len(alt) > 20 for alt in re.findall(r'<img [^>]*alt="([^"]*)"', page))
    assert page.count("<img ") == 3
    assert page.count("<svg ") == page.count('role="img" aria-label="')


def test_an_unknown_class_is_named(tree: Path, tmp_path: Path) -> None:
    images, labels = digits_of_test(tree)
    strange = write_images(tmp_path / "batch", images, ["eleven", *labels[1:]])
    result = compare(tree, strange).result
    assert result.verdict == "drift"
    assert [test.name for test in result.drifted] == ["unknown classes"]
    assert "the reference does not have the class eleven (1 rows)" in result.drifted[0].sentence


def test_files_without_folders_and_arrays_have_no_labels(tree: Path, tmp_path: Path) -> None:
    images, labels = digits_of_test(tree)
    flat = write_images(tmp_path / "flat", images, [""] * len(images))
    array = tmp_path / "images.npy"
    np.save(array, images)
    index = write_images(tmp_path / "named", images, [""] * len(images)) / "index.csv"
    pd.DataFrame({"path": [f"{row:03d}.png" for row in range(len(images))], "label": labels}).to_csv(index, index=False)
    found = [compare(tree, batch).result for batch in (flat, array, index)]
    assert [result.batch.labelled for result in found] == [False, False, True]
    assert [result.verdict for result in found] == ["none"] * 3
    assert {test.family for test in found[0].tests} == {
        "pixels", "statistics", "labels", "confidence", "reconstruction", "codes",
    }  # fmt: skip
    values = [[test.p for test in result.tests if test.family == "pixels"] for result in found]
    assert values[0] == values[1] == values[2]


def test_every_reason_of_invalid_data_is_told_at_once(tree: Path, tmp_path: Path) -> None:
    images, labels = digits_of_test(tree)
    batch = write_images(tmp_path / "batch", images[:80], labels[:80])
    (batch / "3" / "empty.png").touch()
    write_images(batch, np.full((1, 1, 9, 8), 3, np.uint8), ["4"])
    write_images(tmp_path / "bright", np.full((1, 1, 8, 8), 200, np.uint8), ["5"])
    (tmp_path / "bright" / "5" / "000.png").rename(batch / "5" / "bright.png")
    result = compare(tree, batch).result
    assert result.verdict == "invalid"
    assert result.tests == ()
    told = "\n".join(result.problems)
    assert "3/empty.png: has 0 bytes" in told
    assert "5/bright.png: has values up to 200" in told
    assert len(result.problems) == 3
    wrong = tmp_path / "wrong.npy"
    np.save(wrong, np.zeros((60, 1, 9, 9), np.uint8))
    assert "expected uint8 of shape (N, 1, 8, 8)" in compare(tree, wrong).result.problems[0]


def test_what_the_suite_of_the_source_calls_an_error_is_invalid(own_tree: Path, tmp_path: Path) -> None:
    params = (own_tree / "params.yaml").read_text()
    warned = "constant_images: {severity: warning, tolerance: 0.0}"
    images, labels = digits_of_test(own_tree)
    images[:2] = 5
    batch = write_images(tmp_path / "batch", images, labels)
    remarks = compare(own_tree, batch).result.remarks
    assert remarks[0].startswith("constant_images: expected more than one pixel value")
    (own_tree / "params.yaml").write_text(params.replace(warned, warned.replace("warning", "error"), 1))
    result = compare(own_tree, batch).result
    assert result.verdict == "invalid"
    assert result.problems[0].startswith("constant_images: expected more than one pixel value in an image; 2 of 254")


def test_pairs_with_and_without_targets(tree: Path, tmp_path: Path) -> None:
    table = dates_of_test(tree, 250)
    table.to_csv(tmp_path / "dates.tsv", sep="\t", index=False)
    table[["source"]].to_json(tmp_path / "sources.jsonl", orient="records", lines=True, force_ascii=False)
    both, sources = (compare(tree, tmp_path / name).result for name in ("dates.tsv", "sources.jsonl"))
    assert [both.verdict, sources.verdict] == ["none", "none"], (both.drifted, sources.drifted)
    assert [both.kind, both.batch.labelled, sources.batch.labelled] == ["pairs", True, False]
    assert {test.family for test in both.tests} - {test.family for test in sources.tests} == {"agreement"}
    table["target"] = table["target"].sample(frac=1.0, random_state=1).to_numpy()
    table.to_csv(tmp_path / "swapped.csv", index=False)
    swapped = compare(tree, tmp_path / "swapped.csv").result
    assert {test.family for test in swapped.drifted} == {"agreement"}
    table.loc[3, "source"] = "  "
    table.loc[5, "target"] = ""
    table.to_parquet(tmp_path / "blank.parquet")
    blank = compare(tree, tmp_path / "blank.parquet").result
    assert blank.verdict == "invalid"
    assert [problem.split(":")[0] for problem in blank.problems] == ["empty_texts", "empty_texts"]


def test_logged_predictions_take_the_place_of_the_models(tree: Path, same: Path, tmp_path: Path) -> None:
    answers = tmp_path / "answers.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tree)
        main(["predict", "data/05_models/cnn", str(same), "--out", str(answers)])
    computed, logged = compare(tree, same).result, compare(tree, same, predictions=answers).result
    assert logged.verdict == "none"
    assert [test.p for test in logged.tests] == [test.p for test in computed.tests]
    lines = [json.loads(line) for line in answers.read_text().splitlines()]
    unsure = [{**line, "probability": line["probability"] * 0.5} for line in lines]
    answers.write_text("".join(f"{json.dumps(line)}\n" for line in reversed(unsure)))
    assert {test.family for test in compare(tree, same, predictions=answers).result.drifted} == {"confidence"}


def test_models_that_are_not_there_are_told(own_tree: Path, same: Path) -> None:
    params = own_tree / "params.yaml"
    params.write_text(params.read_text().replace("  cnn:\n    enabled: true", "  cnn:\n    enabled: false"))
    lock = own_tree / "dvc.lock"
    lock.write_text(lock.read_text().replace("train@autoencoder", "train@other"))
    result = compare(own_tree, same).result
    assert {test.family for test in result.tests} == {"pixels", "statistics", "labels"}
    assert result.left_out[0].why == "cnn is switched off in params.yaml"
    assert "stage train@autoencoder has not run" in result.left_out[1].why


def test_data_that_are_not_those_of_the_lock_are_an_error(own_tree: Path, same: Path, tmp_path: Path) -> None:
    copy = tmp_path / "prepared"
    link = own_tree / "data" / "03_prepared"
    copy.mkdir()
    for kind in ("images", "pairs"):
        (copy / kind).symlink_to(link.resolve() / kind)
    (copy / "images").unlink()
    for split in ("train", "val", "test"):
        (copy / "images" / split).mkdir(parents=True)
        for file in (link / "images" / split).iterdir():
            (copy / "images" / split / file.name).write_bytes(file.read_bytes())
    link.unlink()
    link.symlink_to(copy)
    assert compare(own_tree, same).result.verdict == "none"
    with (copy / "images" / "val" / "images.npy").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x03")
    with pytest.raises(ValueError, match=r"data/03_prepared/images/val: is not what dvc\.lock says"):
        compare(own_tree, same)
    write_lock(own_tree)
    assert compare(own_tree, same).result.verdict == "none"


def test_small_and_missing_and_ambiguous_batches_are_errors(tree: Path, tmp_path: Path) -> None:
    few = write_images(tmp_path / "few", *(part[:20] for part in digits_of_test(tree)))
    with pytest.raises(ValueError, match=r"has 20 rows, too few to tell a shift from chance: give at least 50"):
        compare(tree, few)
    with pytest.raises(ValueError, match="there is no such file or folder"):
        compare(tree, tmp_path / "nowhere")
    both = tmp_path / "both.csv"
    both.write_text("path,label,source\na.png,3,x\n")
    with pytest.raises(ValueError, match="may be images or pairs: give --kind images"):
        compare(tree, both)
    neither = tmp_path / "neither.txt"
    neither.write_text("x\n")
    with pytest.raises(ValueError, match="may be images or pairs"):
        compare(tree, neither)
    assert compare(tree, both, kind="images").result.verdict == "invalid"
