"""A model of images as MLflow serves it. MLflow copies this file beside the weights and runs it when it loads them.

Nothing is pickled: the network is built from spec.json and filled from model.safetensors by the code in `code/`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from encdec.tracking.layout import BATCH_SIZE, MODEL_ARTIFACT

if TYPE_CHECKING:
    from encdec.models.storage import TrainedModel


class ImageModel(PythonModel):
    """Images (N, C, H, W) float32 in [0, 1] -> class probabilities (N, K), or reconstructions (N, C, H, W)."""

    model: "TrainedModel"

    def load_context(self, context: PythonModelContext) -> None:
        from encdec.models.storage import load_model

        self.model = load_model(Path(context.artifacts[MODEL_ARTIFACT]))

    def predict(
        self, context: PythonModelContext, model_input: np.ndarray, params: dict[str, object] | None = None
    ) -> np.ndarray:
        from encdec.tracking.prediction import predict_images

        return predict_images(self.model, model_input, batch_size=BATCH_SIZE)


set_model(ImageModel())
