"""A trained network as an ONNX program, checked against the network itself before it is kept."""

import json
import logging
import warnings
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from encdec.cards import ImageCard
from encdec.models.build import fitting
from encdec.models.storage import SPEC_FILE, WEIGHTS_FILE, TrainedModel, load_model
from encdec.nn.layout import at_least_float32
from encdec.nn.mlp import MlpDecoder
from encdec.outs import write_bytes
from encdec.serving.digests import sha256_of
from encdec.serving.images import code_of, predict_images
from encdec.serving.options import default_options, read_options

TOLERANCE = 1e-5
"""The greatest difference between ONNX Runtime's answers and torch's: of probabilities and pixels, from 0 to 1; of a
code, relative to its greatest value."""
EXTRA = ("onnxruntime", "onnxscript")
INPUT = "images"


class Exported(NamedTuple):
    """`differences`: the greatest of each output, on `checked` images."""

    outputs: tuple[str, ...]
    differences: tuple[float, ...]
    checked: int


class Classifier(nn.Module):
    """Images (B, C, H, W) -> probabilities (B, K)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images)
        return logits.softmax(dim=1)


class Rebuilder(nn.Module):
    """Images (B, C, H, W) -> reconstructions (B, C, H, W) and codes (B, Z); the VAE's by the mean of q(z|x)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        code = code_of(self.network, images)
        return decoded(self.network, code).sigmoid(), code


def decoded(network: nn.Module, code: Tensor) -> Tensor:
    """(B, Z) -> recon_logits (B, C, H, W). The decoder's own `len(z)` would fix the number of images in the program."""
    decoder = network.get_submodule("decoder")
    if isinstance(decoder, MlpDecoder):
        pixels = at_least_float32(decoder.to_pixels(decoder.hidden(code)))
        return pixels.reshape(-1, *decoder.shape)
    recon_logits: Tensor = decoder(code)
    return recon_logits


def export_onnx(folder: Path, to: Path, *, images: NDArray[np.float32] | None = None) -> Exported:
    """Write one file with the weights inside, whose metadata has the classes, the range of pixels and the digests.

    Args:
        folder: of the train stage.
        to: the file; it appears when the check is passed.
        images: (N, C, H, W) in [0, 1] to check it with; None: random ones.

    Raises:
        ValueError: the model cannot be exported, the extra is missing, or the answers differ.
    """
    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        raise ValueError(f"this needs {' and '.join(missing)}, which are not installed: pip install 'encdec[onnx]'")
    model = load_model(folder)
    if model.card.kind == "pairs":
        raise ValueError(
            f"{folder}: {model.name} is not exported: its answer is a search whose length depends on the text; serve "
            "it (`encdec serve`), or call it (`encdec predict`)"
        )
    card = fitting(model.name, model.card, ImageCard)
    classifies = model.name == "cnn"
    outputs = ("probabilities",) if classifies else ("reconstruction", "code")
    # torch's exporter takes channels-last weights for a layout that it cannot name
    network = model.network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # not in its stubs
    program = (Classifier(network) if classifies else Rebuilder(network)).eval()
    asked = probes(card) if images is None else images
    metadata = {
        "encdec.model": model.name,
        "encdec.classes": json.dumps(card.classes if classifies else [], ensure_ascii=False),
        "encdec.pixels": f"float32 from 0 to 1; stored values are divided by {card.pixel_max}",
        "encdec.weights.sha256": sha256_of(folder / WEIGHTS_FILE),
        "encdec.spec.sha256": sha256_of(folder / SPEC_FILE),
    }
    with TemporaryDirectory() as temporary:
        file = Path(temporary, "model.onnx")
        convert(program, card, outputs, metadata=metadata, to=file)
        differences = differences_of(file, load_model(folder), asked)
        told = ", ".join(f"{name} {value:.2g}" for name, value in zip(outputs, differences, strict=True))
        if not all(value <= TOLERANCE for value in differences):  # NaN is no agreement
            raise ValueError(f"{folder}: ONNX Runtime answers otherwise than torch ({told}, at most {TOLERANCE:g})")
        write_bytes(to, file.read_bytes())
    return Exported(outputs, differences, len(asked))


def convert(
    program: nn.Module, card: ImageCard, outputs: tuple[str, ...], *, metadata: dict[str, str], to: Path
) -> None:
    """Any number of images at a time."""
    example = torch.zeros(2, card.channels, card.height, card.width)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(action="ignore"):  # of torch about itself
        made = torch.onnx.export(
            program,
            (example,),
            dynamo=True,
            verbose=False,
            input_names=[INPUT],
            output_names=list(outputs),
            dynamic_shapes={INPUT: {0: torch.export.Dim("batch")}},
        )
    if made is None:
        raise ValueError("torch made no ONNX program")
    forget_origin(made)
    made.model.metadata_props.update(metadata)
    made.save(to, external_data=False)


def forget_origin(made: torch.onnx.ONNXProgram) -> None:
    """Torch notes for each node in which line of which file of this machine it came from."""
    graph = made.model.graph
    for node in graph.all_nodes():
        node.metadata_props.clear()
        for value in node.outputs:
            value.metadata_props.clear()
    for value in (*graph.inputs, *graph.initializers.values()):
        value.metadata_props.clear()
    graph.metadata_props.clear()
    made.model.metadata_props.clear()


def differences_of(file: Path, model: TrainedModel, images: NDArray[np.float32]) -> tuple[float, ...]:
    """The greatest difference of each output between ONNX Runtime and the model, for one image and for all at once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    expected = expected_of(model, images)
    found: list[list[float]] = []
    for count in (1, len(images)):
        answers = session.run(None, {INPUT: images[:count]})
        pairs = zip(answers, expected, strict=True)
        found.append([difference(np.asarray(answer), value[:count]) for answer, value in pairs])
    return tuple(float(np.max(each)) for each in zip(*found, strict=True))


def expected_of(model: TrainedModel, images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """What the model is served with, output by output."""
    defaults = default_options(model.name, model.spec)
    asked: list[dict[str, object]] = [{}] if model.name == "cnn" else [{}, {"output": "code"}]
    options = [read_options(model.name, defaults, given) for given in asked]
    return [predict_images(model, images, batch_size=len(images), options=each) for each in options]


def difference(answer: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    if answer.shape != expected.shape:
        return float("inf")
    scale = max(1.0, float(np.abs(expected).max()))
    return float(np.abs(answer.astype(np.float64) - expected).max() / scale)


def probes(card: ImageCard) -> NDArray[np.float32]:
    generator = np.random.default_rng(0)
    return generator.random((64, card.channels, card.height, card.width), dtype=np.float32)
