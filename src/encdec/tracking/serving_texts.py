"""A model of text pairs as MLflow serves it. MLflow copies this file beside the weights and runs it when it loads them.

Nothing is pickled: the network is built from spec.json and filled from model.safetensors by the code in `code/`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from encdec.tracking.layout import BATCH_SIZE, MODEL_ARTIFACT

if TYPE_CHECKING:
    from encdec.serving.texts import TextModel


class PairModel(PythonModel):
    """A table with the column `source` -> a table with `target` and `score`, its log-probability in nats."""

    model: "TextModel"

    def load_context(self, context: PythonModelContext) -> None:
        """
        Raises:
            ChangedModelError: a file is not what it was when the model was logged.
        """
        from encdec.serving.digests import verify_digests
        from encdec.serving.texts import load_text_model

        folder = Path(context.artifacts[MODEL_ARTIFACT])
        verify_digests(folder.parents[1], running=True)  # artifacts/<folder> in the package
        self.model = load_text_model(folder)

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, object] | None = None
    ) -> pd.DataFrame:
        from encdec.serving.options import read_options
        from encdec.serving.problems import InputError
        from encdec.serving.texts import predict_texts

        try:
            options = read_options("seq2seq", self.model.default_options, params or {})
            return predict_texts(self.model, model_input, batch_size=BATCH_SIZE, options=options)
        except InputError as error:  # this class MLflow answers with 400 and the sentence alone
            raise MlflowException.invalid_parameter_value(str(error)) from error


set_model(PairModel())
