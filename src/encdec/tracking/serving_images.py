"""A model of images as MLflow serves it. MLflow copies this file beside the weights and runs it when it loads them.

Nothing is pickled: the network is built from spec.json and filled from model.safetensors by the code in `code/`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from encdec.tracking.layout import BATCH_SIZE, MODEL_ARTIFACT

if TYPE_CHECKING:
    from encdec.models.storage import TrainedModel


class ImageModel(PythonModel):
    """Images (N, C, H, W) float32 in [0, 1] -> class probabilities (N, K), or reconstructions (N, C, H, W)."""

    model: "TrainedModel"

    def load_context(self, context: PythonModelContext) -> None:
        """
        Raises:
            ChangedModelError: a file is not what it was when the model was logged.
        """
        from encdec.models.storage import load_model
        from encdec.serving.digests import verify_digests

        folder = Path(context.artifacts[MODEL_ARTIFACT])
        verify_digests(folder.parents[1], running=True)  # artifacts/<folder> in the package
        self.model = load_model(folder)

    def predict(
        self, context: PythonModelContext, model_input: np.ndarray, params: dict[str, object] | None = None
    ) -> np.ndarray:
        from encdec.serving.images import predict_images
        from encdec.serving.options import default_options, read_options
        from encdec.serving.problems import InputError

        model = self.model
        try:
            options = read_options(model.name, default_options(model.name, model.spec), params or {})
            return predict_images(model, model_input, batch_size=BATCH_SIZE, options=options)
        except InputError as error:  # this class MLflow answers with 400 and the sentence alone
            raise MlflowException.invalid_parameter_value(str(error)) from error


set_model(ImageModel())
