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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that share servers and trainings must be in one worker; pytest-xdist says so in their ids."""
    if not config.getoption("loadgroup", False):  # type: ignore[no-untyped-call]  # pytest's own is untyped
        return
    alone = [item.nodeid for item in items if item.get_closest_marker("xdist_group") and "@" not in item.nodeid]
    if alone:
        raise pytest.UsageError(f"pytest-xdist does not group {alone[0]} and {len(alone) - 1} more: see pyproject.toml")
