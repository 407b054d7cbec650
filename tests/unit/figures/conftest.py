"""The texts of the default data."""

from pathlib import Path

import pytest

from encdec.params.loading import load_params
from encdec.sources.dates import make_dates


@pytest.fixture(scope="session")
def default_dates(root: Path) -> list[str]:
    """The source and target texts of all rows that params.yaml asks for."""
    rows = list(make_dates(load_params(root / "params.yaml").params.pairs.sources.dates))
    return [text for row in rows for text in (row.source, row.target)]
