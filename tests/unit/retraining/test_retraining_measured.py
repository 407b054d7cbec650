"""Challenger and champion of every model on real test rows: each beside itself, and beside one that was spoilt."""

from pathlib import Path

import pytest
import torch
from trained_project import TrainedProject

from encdec.models.storage import load_model
from encdec.params.loading import load_params
from encdec.params.root import MODEL_NAMES, ModelName, Params
from encdec.promotion.compare import Stored
from encdec.retraining.measured import compared, measure_both, not_among
from encdec.retraining.mistakes import draw_mistakes, list_mistakes, turned
from encdec.retraining.slices import slice_lines

NEW = 20


@pytest.fixture(scope="module")
def params(root: Path) -> Params:
    params = load_params(root / "params.yaml").params
    rules = params.promotion.model_copy(update={"resamples": 200})
    settings = params.evaluation.model_copy(update={"importance_samples": 3})
    return params.model_copy(update={"promotion": rules, "evaluation": settings})


def stored(trained: TrainedProject, name: ModelName, *, spoilt: bool) -> Stored:
    model = load_model(trained.models / name)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weights in model.network.parameters() if spoilt else ():
            weights.add_(0.5 * torch.randn(weights.shape, generator=generator))
    return Stored(trained.models / name, model)


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_a_model_beside_itself_gains_and_loses_nothing(
    trained: TrainedProject, params: Params, name: ModelName
) -> None:
    one, other = (stored(trained, name, spoilt=False) for _ in range(2))
    both = measure_both(trained.prepared / one.model.card.kind / "test", one, other, params)
    for line in compared(both, params).metrics:
        assert line.gain is not None
        assert line.gain.value == line.gain.low == line.gain.high == 0.0
    lines = slice_lines(both, params)
    assert len(lines) > 1
    assert not any(line.worse or line.gain for line in lines)
    assert turned(both.ours.columns, both.theirs.columns)[1:] == (0, 0)


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_a_spoilt_model_is_worse_and_says_where(
    trained: TrainedProject, params: Params, name: ModelName, tmp_path: Path
) -> None:
    spoilt, good = stored(trained, name, spoilt=True), stored(trained, name, spoilt=False)
    both = measure_both(trained.prepared / good.model.card.kind / "test", spoilt, good, params)
    fresh = not_among(both.keys, both.keys[NEW:])
    assert len(fresh) <= NEW  # the same picture may stand there twice
    assert compared(both, params, fresh).rows == len(fresh)
    line = compared(both, params).metrics[0]
    assert line.gain is not None
    assert line.gain.high < 0
    assert any(each.worse for each in slice_lines(both, params))
    found = turned(both.ours.columns, both.theirs.columns)
    mistakes = list_mistakes(both, found.rows, new=fresh.tolist())
    assert found.num_mistakes >= len(mistakes) > 0
    assert all(one.before != one.after for one in mistakes)
    assert all((one.given is None) == (name != "seq2seq") for one in mistakes)
    (picture,) = draw_mistakes(both, found.rows, mistakes, name, tmp_path)
    assert (tmp_path / picture.file).read_bytes().startswith(b"\x89PNG")
