"""Write a trained model of images as an ONNX file, checked against the model itself.

  encdec export data/05_models/cnn --to cnn.onnx
  encdec export models:/vae@champion --to vae.onnx --check data/03_prepared/images/test/images.npy

The file reads `images` (N, C, H, W), float32 from 0 to 1, any number at a time. A classifier answers
`probabilities`, an autoencoder `reconstruction` and `code` (a variational one by the mean of q(z|x)). Its metadata
has the classes, the range of pixels and the digests of the weights. It is written when ONNX Runtime gives the answers
of torch, to 1e-5, on the images of --check or on random ones. Needs the extra: pip install 'encdec[onnx]'.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_CHECKED = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a folder of the train stage, or an address in MLflow")
    parser.add_argument("--to", type=Path, required=True, help="the file to write, ending in .onnx")
    parser.add_argument("--check", type=Path, help="an images.npy of the prepare stage, or image files in a folder")


def run(model: str, *, to: Path, check: Path | None) -> None:
    from encdec.serving.export import TOLERANCE, export_onnx
    from encdec.tracking.opening import local_model

    if to.suffix.lower() != ".onnx":
        raise ValueError(f"--to {to}: should end in .onnx")
    with local_model(model) as folder:
        images = None if check is None else checked_images(folder, check)
        done = export_onnx(folder, to, images=images)
    told = ", ".join(
        f"{name} differ by at most {value:.1g}" for name, value in zip(done.outputs, done.differences, strict=True)
    )
    print(f"{to}: on {done.checked:,} images {told} from torch's (allowed: {TOLERANCE:g})")


def checked_images(folder: Path, check: Path) -> "NDArray[np.float32] | None":
    """None for a model that reads no images, which is not exported."""
    from encdec.cards import ImageCard
    from encdec.models.storage import read_spec
    from encdec.serving.image_inputs import pixels_of

    _, _, card = read_spec(folder)
    return pixels_of(check, card, most=MOST_CHECKED) if isinstance(card, ImageCard) else None
