"""Small prepared data and its baselines, written once."""

from pathlib import Path

import pytest
import torch
from evaluation_data import BATCH_SIZE, Prepared, write_baselines, write_prepared

from encdec.params.loading import load_params
from encdec.params.root import Params


@pytest.fixture(scope="session")
def params(root: Path) -> Params:
    """Those of the project with few resamples, and batches smaller than the split."""
    params = load_params(root / "params.yaml").params
    small = {"bootstrap_resamples": 40, "importance_samples": 3, "batch_size": BATCH_SIZE}
    return params.model_copy(update={"evaluation": params.evaluation.model_copy(update=small)})


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    torch.set_num_threads(1)
    found = write_prepared(tmp_path_factory.mktemp("prepared"))
    write_baselines(found)
    return found
