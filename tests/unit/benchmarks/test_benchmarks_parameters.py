"""Every case fits params.yaml as it is, and a wrong key is refused."""

from pathlib import Path

import pytest

from benchmarks import parameters
from benchmarks.cases import CASES, Case
from benchmarks.parameters import STRICT, case_params, write_params

SOURCES: parameters.Overrides = {"images.source": "mnist", "pairs.source": "cmudict"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(parameters, "PROJECT", tmp_path)
    return tmp_path


@pytest.mark.parametrize("strict", [{}, STRICT], ids=["defaults", "strict"])
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
@pytest.mark.usefixtures("project")
def test_every_case_is_a_model_that_params_yaml_allows(case: Case, strict: parameters.Overrides) -> None:
    _, spec = case_params(case.name, case.model, inside={**case.values, **strict}, outside=SOURCES)
    assert spec.training.batch_size == 128
    assert spec.kind == case.kind


@pytest.mark.usefixtures("project")
def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(KeyError, match=r"params.yaml has no models.cnn.training.batchsize"):
        case_params("cnn", "cnn", inside={"training.batchsize": 1}, outside=SOURCES)


def test_a_search_becomes_its_first_value(project: Path) -> None:
    loaded = write_params(project / "params.yaml", SOURCES)
    assert all(not space for space in loaded.spaces.values())
