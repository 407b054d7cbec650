"""A model of text pairs as MLflow serves it. MLflow copies this file beside the weights and runs it when it loads them.

Nothing is pickled: the network is built from spec.json and filled from model.safetensors by the code in `code/`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from encdec.tracking.layout import BATCH_SIZE, MODEL_ARTIFACT

if TYPE_CHECKING:
    from encdec.tracking.prediction import TextModel


class PairModel(PythonModel):
    """A table with the column `source` -> a table with `target` and `score`, its log-probability in nats."""

    model: "TextModel"

    def load_context(self, context: PythonModelContext) -> None:
        from encdec.tracking.prediction import load_text_model

        self.model = load_text_model(Path(context.artifacts[MODEL_ARTIFACT]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, object] | None = None
    ) -> pd.DataFrame:
        from encdec.tracking.prediction import predict_texts

        return predict_texts(self.model, model_input, batch_size=BATCH_SIZE)


set_model(PairModel())
