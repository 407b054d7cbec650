"""What every test has: no telemetry, one thread, and the root of the repository."""

import os
from pathlib import Path

import pytest

for name in ("DVC_NO_ANALYTICS", "ITERATIVE_DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
    os.environ[name] = "true"
os.environ["GX_ANALYTICS_ENABLED"] = "false"
for name in ("DVC_ROOT", "DVC_STAGE", "MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID"):
    os.environ.pop(name, None)

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT
