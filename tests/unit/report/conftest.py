"""Small made-up outs of all six models, their graph, and the parameters of the project."""

from collections.abc import Callable
from pathlib import Path

import pytest
from report_outs import GRAPH, write_outs

from encdec.params.loading import load_params
from encdec.params.root import MODEL_NAMES, Params
from encdec.report.build import Outs


@pytest.fixture
def outs(tmp_path: Path) -> Outs:
    return write_outs(tmp_path)


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    path = tmp_path / "dvc.yaml"
    path.write_text(GRAPH, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def params(root: Path) -> Params:
    return load_params(root / "params.yaml").params


@pytest.fixture
def without(params: Params) -> Callable[..., Params]:
    """The parameters with some models and kinds of data switched off."""

    def switched(*names: str) -> Params:
        models = {
            name: params.models.named(name).model_copy(update={"enabled": name not in names}) for name in MODEL_NAMES
        }
        return params.model_copy(
            update={
                "models": params.models.model_copy(update=models),
                "images": params.images.model_copy(update={"enabled": "images" not in names}),
                "pairs": params.pairs.model_copy(update={"enabled": "pairs" not in names}),
            }
        )

    return switched
