"""`encdec predict` as a person starts it: real files in, the network's own answers out."""

import csv
import json
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from registered import Registry, run_encdec
from trained_project import TrainedProject

from encdec.models.storage import load_model
from encdec.serving.texts import load_text_model

pytestmark = pytest.mark.xdist_group("serving")  # one registry for all of them

# not ru_maxrss, in which the process that forked still counts
HIGHEST = """
def highest():
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) // 1024
"""
PEAK = f"""
import sys
from encdec.cli.main import main
{HIGHEST}
main(sys.argv[1:])
print(highest(), file=sys.stderr)
"""
READ = f"""
import sys
from encdec.serving.text_inputs import read_texts
{HIGHEST}
print(sum(1 for _ in read_texts([sys.argv[1]], None)), highest())
"""


def json_lines(done: "subprocess.CompletedProcess[bytes]") -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


@pytest.fixture(scope="module")
def stored(trained: TrainedProject) -> np.ndarray:
    return np.load(trained.prepared / "images" / "test" / "images.npy")


@pytest.fixture(scope="module")
def pictures(stored: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Test images as files in folders, of which the names sort otherwise than the numbers."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(12):
        path = folder / ("b" if number % 2 else "a") / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(stored[number, 0]).save(path)
    return folder


def test_a_folder_of_images_is_classified_as_by_the_network(
    root: Path, registry: Registry, trained: TrainedProject, pictures: Path, stored: np.ndarray
) -> None:
    rows = json_lines(run_encdec(root, registry, "predict", "models:/cnn@champion", str(pictures)))
    expected_order = [f"{folder}/{number}.png" for folder, numbers in (("a", "0 10 2 4 6 8"), ("b", "1 11 3 5 7 9"))
                      for number in numbers.split()]  # fmt: skip
    assert [row["input"] for row in rows] == expected_order
    numbers = [int(Path(row["input"]).stem) for row in rows]
    with torch.inference_mode():
        images = torch.from_numpy(stored[numbers]) / 16
        expected = load_model(trained.models / "cnn").network(images).softmax(dim=1).numpy()
    np.testing.assert_allclose([list(row["probabilities"].values()) for row in rows], expected, rtol=0, atol=1e-6)
    assert [row["class"] for row in rows] == [str(best) for best in expected.argmax(axis=1)]


def test_an_array_gives_the_answers_of_its_rows_whatever_the_batch(
    root: Path, registry: Registry, trained: TrainedProject
) -> None:
    array, model = trained.prepared / "images" / "test" / "images.npy", str(trained.models / "vae")
    whole, parts = (
        json_lines(run_encdec(root, registry, "predict", model, str(array), "--code", "--batch-size", size))
        for size in ("256", "7")
    )
    assert whole[3]["input"] == "images.npy[3]"
    errors = [[row["reconstruction_error"] for row in rows] for rows in (whole, parts)]
    np.testing.assert_allclose(errors[0], errors[1], rtol=1e-5)
    np.testing.assert_allclose(whole[5]["code"], parts[5]["code"], rtol=1e-4, atol=1e-5)


def test_texts_from_every_form_of_file_have_the_answers_of_the_network(
    root: Path, registry: Registry, trained: TrainedProject, tmp_path: Path
) -> None:
    sources = ["3 May 2001", "12. März 1999", "2001年5月3日"]
    (tmp_path / "a.txt").write_text("\n".join(sources) + "\n\n", encoding="utf-8")
    (tmp_path / "a.tsv").write_text("n\tsource\n" + "".join(f"1\t{text}\n" for text in sources), encoding="utf-8")
    (tmp_path / "a.csv").write_text('"source",n\r\n' + "".join(f'"{text}",1\r\n' for text in sources), encoding="utf-8")
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"source": text}) + "\n" for text in sources))
    pd.DataFrame({"only": sources}).to_parquet(tmp_path / "a.parquet")
    files = [str(tmp_path / f"a.{suffix}") for suffix in ("txt", "tsv", "csv", "jsonl", "parquet")]
    lines = "".join(f"{text}\n" for text in sources).encode()
    rows = json_lines(run_encdec(root, registry, "predict", "models:/seq2seq@champion", *files, "-", given=lines))
    model = load_text_model(trained.models / "seq2seq")
    assert [row["source"] for row in rows] == sources * 6
    assert [row["input"] for row in rows[3:6]] == ["a.tsv:2", "a.tsv:3", "a.tsv:4"]
    assert rows[-1]["input"] == "stdin:3"
    for row in rows:
        ids = torch.tensor([model.source.encode(row["source"])])
        decoded = model.network.decode(ids, torch.ones_like(ids, dtype=torch.bool), model.decoding)
        assert row["target"] == model.target.decode(decoded.ids[0].tolist())
        assert row["score"] == pytest.approx(float(decoded.scores[0]), rel=1e-5, abs=1e-6)


def test_a_bad_row_stops_it_and_leaves_the_old_file(root: Path, registry: Registry, tmp_path: Path) -> None:
    table, out = tmp_path / "a.tsv", tmp_path / "out.jsonl"
    table.write_bytes(b"source\n3 May 2001\nbad \xe9 byte\n4 May 2001\n\n5\x00May\n")
    out.write_text("old\n")
    done = run_encdec(root, registry, "predict", "models:/seq2seq@champion", str(table), "--out", str(out))
    assert done.returncode == 1
    assert b"a.tsv:3: source has the byte 0xe9 as character 5" in done.stderr
    assert b"--skip-bad answers the others" in done.stderr
    assert b"Traceback" not in done.stderr
    assert out.read_text() == "old\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tsv", "out.jsonl"]
    done = run_encdec(
        root, registry, "predict", "models:/seq2seq@champion", str(table), "--out", str(out), "--skip-bad"
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [(row["input"], "error" in row) for row in rows] == [
        ("a.tsv:2", False), ("a.tsv:3", True), ("a.tsv:4", False), ("a.tsv:6", True),
    ]  # fmt: skip
    assert b"2 of 4 answers are errors" in done.stderr


def test_a_csv_has_a_column_for_each_class_and_no_formula(
    root: Path, registry: Registry, stored: np.ndarray, tmp_path: Path
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    Image.fromarray(stored[0, 0]).save(folder / "=1+1.png")
    (folder / "broken.png").write_bytes(b"no image")
    done = run_encdec(root, registry, "predict", "models:/cnn@champion", str(folder), "--to", "csv", "--skip-bad")
    rows = list(csv.DictReader(StringIO(done.stdout.decode())))
    assert rows[0]["input"] == "'=1+1.png"
    assert float(rows[0][f"probability of {rows[0]['class']}"]) == float(rows[0]["probability"])
    assert rows[1]["error"].startswith("cannot be read as an image")


def test_pictures_of_an_autoencoder_are_what_its_network_makes(
    root: Path, registry: Registry, trained: TrainedProject, pictures: Path, stored: np.ndarray, tmp_path: Path
) -> None:
    arguments = ("predict", "models:/autoencoder@champion", str(pictures), "--to", "images", "--out")
    done = run_encdec(root, registry, *arguments, str(tmp_path / "rebuilt"))
    assert done.returncode == 0, done.stderr
    with torch.inference_mode():
        logits = load_model(trained.models / "autoencoder").network(torch.from_numpy(stored[[10]]) / 16).recon_logits
    expected = np.rint(logits.sigmoid().numpy()[0, 0] * 255)
    found = np.asarray(Image.open(tmp_path / "rebuilt" / "a" / "10.png"))
    assert np.abs(found - expected).max() <= 1
    assert len(list((tmp_path / "rebuilt").rglob("*.png"))) == 12
    again = run_encdec(root, registry, *arguments, str(pictures))
    assert again.returncode == 1
    assert b"is there already and not empty" in again.stderr
    assert len(list(pictures.rglob("*.png"))) == 12


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cnn", "nowhere.png"], "nowhere.png: there is no such file or folder"),
        (["cnn", "large.png"], r"is 20 x 20 x 3 .*this model's images are 8 x 8 x 1 with values up to 16"),
        (["cnn", "bright.png"], "has values up to 255, and this model's images go from 0 to 16"),
        (["cnn", "wrong.npy"], r"is float64 of shape \(2, 8, 8\), expected uint8"),
        (["cnn", "cut.npy"], "ends in the middle of its 2 rows"),
        (["cnn", "small.png", "--beam-size", "3"], "beam_size: model cnn has no such parameter; it has temperature"),
        (["cnn", "small.png", "--to", "images", "--out", "x"], "cnn makes no images"),
        (["cnn", "small.png", "--batch-size", "0"], "--batch-size 0: must be at least 1"),
        (["seq2seq", "two.csv"], "has no column 'source' .found: a, b.: name the one to read with --column"),
        (["seq2seq", "two.csv", "--column", "c"], "has no column 'c'"),
        (["seq2seq", "utf16.txt"], "is written in UTF-16"),
        (["seq2seq", "small.png"], "unknown type of file '.png'"),
        (["seq2seq", "fine.txt", "--temperature", "2"], "a search has none: give num_samples"),
        (["nothing", "fine.txt"], "is neither a folder with a trained model"),
    ],
)
def test_a_wrong_call_is_answered_with_a_sentence(
    root: Path, registry: Registry, tmp_path: Path, arguments: list[str], words: str
) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "large.png")
    Image.new("L", (8, 8), 255).save(tmp_path / "bright.png")
    Image.new("L", (8, 8), 3).save(tmp_path / "small.png")
    np.save(tmp_path / "wrong.npy", np.zeros((2, 8, 8)))
    np.save(tmp_path / "cut.npy", np.zeros((2, 8, 8), dtype=np.uint8))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:-1])
    (tmp_path / "two.csv").write_text("a,b\n1,2\n")
    (tmp_path / "utf16.txt").write_bytes("3 May".encode("utf-16"))
    (tmp_path / "fine.txt").write_text("3 May\n")
    name, file, *rest = arguments
    done = run_encdec(root, registry, "predict", str(registry.models / name), str(tmp_path / file), *rest)
    assert done.returncode == 1, done
    assert re.search(words, done.stderr.decode()), done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_what_one_request_may_not_ask_a_file_may(
    root: Path, registry: Registry, stored: np.ndarray, tmp_path: Path
) -> None:
    texts, array = tmp_path / "a.txt", tmp_path / "a.npy"
    texts.write_text("3 May 2001\n" * 101)
    arguments = ["predict", str(registry.models / "seq2seq"), str(texts), "--num-samples", "100"]
    rows = json_lines(run_encdec(root, registry, *arguments))  # 10,100 answers of one batch of 256 texts
    assert [row["sample"] for row in rows] == list(range(100)) * 101
    np.save(array, np.resize(stored, (10_001, 1, 8, 8)))
    arguments = ["predict", str(registry.models / "cnn"), str(array), "--batch-size", "20000"]
    assert len(json_lines(run_encdec(root, registry, *arguments))) == 10_001


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="THE PEAK OF A PROCESS IS READ FROM /proc")
def test_memory_does_not_grow_with_the_number_of_images(
    root: Path, trained: TrainedProject, stored: np.ndarray, tmp_path: Path
) -> None:
    peaks = {}
    for count in (10_000, 200_000):
        array, out = tmp_path / f"{count}.npy", tmp_path / f"{count}.jsonl"
        np.save(array, np.resize(stored, (count, 1, 8, 8)))
        arguments = ["predict", str(trained.models / "autoencoder"), str(array), "--out", str(out)]
        done = subprocess.run([sys.executable, "-c", PEAK, *arguments], capture_output=True, text=True, check=True)
        with out.open() as file:
            assert sum(1 for _ in file) == count
        peaks[count] = int(done.stderr.splitlines()[-1])
    assert peaks[200_000] < peaks[10_000] + 10, peaks  # MiB; the answers alone would take more than 50


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="THE PEAK OF A PROCESS IS READ FROM /proc")
@pytest.mark.parametrize("suffix", ["txt", "csv", "jsonl"])
def test_memory_does_not_grow_with_the_number_of_texts(tmp_path: Path, suffix: str) -> None:
    found = {}
    line = {"txt": "3 May 2001\n", "csv": '1,"3 May 2001"\n', "jsonl": '{"source": "3 May 2001"}\n'}[suffix]
    for count in (10_000, 1_000_000):
        path = tmp_path / f"{count}.{suffix}"
        path.write_text(("n,source\n" if suffix == "csv" else "") + line * count)
        done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, check=True)
        rows, found[count] = map(int, done.stdout.split())
        assert rows == count
    assert found[1_000_000] < found[10_000] + 5, found  # MiB; the file alone has more than 10
