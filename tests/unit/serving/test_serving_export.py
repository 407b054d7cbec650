"""ONNX files of really trained models, run by ONNX Runtime on real test images."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from trained_project import TrainedProject

from encdec.models.storage import load_model
from encdec.params.root import ModelName
from encdec.serving import export
from encdec.serving.export import TOLERANCE, export_onnx
from encdec.serving.images import predict_images


@pytest.fixture(scope="module")
def images(trained: TrainedProject) -> NDArray[np.float32]:
    stored = np.load(trained.prepared / "images" / "test" / "images.npy")
    scaled: NDArray[np.float32] = stored.astype(np.float32) / np.float32(16)
    return scaled


@pytest.mark.parametrize("name", ["cnn", "autoencoder", "sparse_autoencoder", "vae"])
def test_an_exported_model_answers_as_torch_for_any_number_of_images(
    trained: TrainedProject, images: NDArray[np.float32], tmp_path: Path, name: ModelName
) -> None:
    done = export_onnx(trained.models / name, tmp_path / "a.onnx", images=images)
    assert done.checked == len(images)
    session = onnxruntime.InferenceSession(str(tmp_path / "a.onnx"), providers=["CPUExecutionProvider"])
    expected = predict_images(load_model(trained.models / name), images, batch_size=256)
    for count in (1, 7, len(images)):
        answer = session.run(None, {"images": images[:count]})[0]
        np.testing.assert_allclose(answer, expected[:count], rtol=0, atol=TOLERANCE)
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["encdec.model"] == name
    assert json.loads(metadata["encdec.classes"]) == ([str(digit) for digit in range(10)] if name == "cnn" else [])
    assert "divided by 16" in metadata["encdec.pixels"]


def test_an_export_is_one_file_of_the_same_bytes_that_knows_nothing_of_this_machine(
    trained: TrainedProject, tmp_path: Path, root: Path
) -> None:
    for name in ("a", "b"):
        export_onnx(trained.models / "autoencoder", tmp_path / f"{name}.onnx")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.onnx", "b.onnx"]
    content = (tmp_path / "a.onnx").read_bytes()
    assert content == (tmp_path / "b.onnx").read_bytes()
    assert str(root).encode() not in content
    assert b"site-packages" not in content


def test_a_file_that_answers_otherwise_is_not_kept(
    trained: TrainedProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "at_least_float32", lambda values: values + 1e-3)  # a wrong conversion
    with pytest.raises(ValueError, match="ONNX Runtime answers otherwise than torch"):
        export_onnx(trained.models / "autoencoder", tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_searches_says_why_it_is_not_exported(trained: TrainedProject, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="its answer is a search whose length depends on the text"):
        export_onnx(trained.models / "seq2seq", tmp_path / "a.onnx")


def test_without_the_extra_a_sentence_says_how_to_install_it(
    trained: TrainedProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'encdec\[onnx\]'"):
        export_onnx(trained.models / "cnn", tmp_path / "a.onnx")
