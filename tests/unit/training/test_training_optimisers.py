"""Optimisers and schedules against values worked by hand."""

import pytest
import torch
from torch import nn

from encdec.params.training import Training
from encdec.training.optimisers import build_optimizer, build_schedule, configure


def section(**changes: object) -> Training:
    values = {
        "batch_size": 4, "precision": "float32", "optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.0,
        "schedule": "constant", "gradient_clip": 1.0, "max_epochs": 1, "max_steps": 1, "patience": 1,
    }  # fmt: skip
    return Training.model_validate({**values, **changes})


def rates(training: Training, steps: int) -> list[float]:
    optimizer = build_optimizer(nn.Linear(1, 1), training)
    schedule = build_schedule(optimizer, training, total_steps=steps)
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if schedule is not None:
            schedule.step()
    return seen


def test_constant_stays() -> None:
    assert rates(section(), 3) == [0.1, 0.1, 0.1]


def test_cosine_is_half_at_half_time() -> None:
    # lr (1 + cos(pi t / T)) / 2 with T = 4: 0.1, 0.0853.., 0.05, 0.0146..
    assert rates(section(schedule="cosine"), 4) == pytest.approx([0.1, 0.0853553, 0.05, 0.0146447], abs=1e-6)


def test_one_cycle_peaks_at_the_learning_rate_and_ends_near_zero() -> None:
    seen = rates(section(schedule="one_cycle"), 100)
    assert seen[0] == pytest.approx(0.1 / 25)  # torch starts at max_lr / 25
    assert max(seen) == pytest.approx(0.1)
    assert seen.index(max(seen)) == 29  # 30 % of the steps rise: the last of the steps 0..29
    assert seen[-1] < 1e-5


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_one_step_of_each_optimiser(optimizer: str) -> None:
    layer = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    step = build_optimizer(layer, section(optimizer=optimizer, weight_decay=0.5))
    layer(torch.ones(1, 1)).sum().backward()  # gradient 1
    step.step()
    # sgd: g = 1 + 0.5 * 1 = 1.5; nesterov: g + 0.9 g = 2.85; 1 - 0.285. adam: the step is lr whatever g is: 1 - 0.1.
    # adamw: decay first, 1 * (1 - 0.1 * 0.5) = 0.95, then - 0.1
    expected = {"sgd": 0.715, "adam": 0.9, "adamw": 0.85}[optimizer]
    assert layer.weight.item() == pytest.approx(expected, abs=1e-6)


def test_a_schedule_moves_every_step_not_every_epoch() -> None:
    made = configure(section(schedule="cosine"), total_steps=7)(nn.Linear(1, 1))
    assert isinstance(made, dict)
    assert made["lr_scheduler"]["interval"] == "step"
    assert made["lr_scheduler"]["scheduler"].T_max == 7


@pytest.mark.parametrize(("limit", "scale"), [(2.5, 0.5), (5.0, 1.0), (10.0, 1.0)])
def test_gradients_are_clipped_together_by_their_norm(limit: float, scale: float) -> None:
    layer = nn.Linear(1, 1)
    made = configure(section(gradient_clip=limit, learning_rate=1.0), total_steps=1)(layer)
    assert isinstance(made, dict)
    before = [parameter.detach().clone() for parameter in layer.parameters()]
    layer.weight.grad, layer.bias.grad = torch.tensor([[3.0]]), torch.tensor([4.0])  # of norm 5
    made["optimizer"].step()
    # nesterov's first step: g + 0.9 g
    moved = [float((old - new).detach()) for old, new in zip(before, layer.parameters(), strict=True)]
    assert moved == pytest.approx([1.9 * 3.0 * scale, 1.9 * 4.0 * scale], rel=1e-5)
