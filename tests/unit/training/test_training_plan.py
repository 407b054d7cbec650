"""Two limits made one plan."""

import pytest

from encdec.training.plan import Plan, plan_steps


@pytest.mark.parametrize(
    ("epochs", "steps", "batches", "expected"),
    [
        (30, 2500, 20, Plan(30, 20)),  # small data: whole passes, 600 steps, below the limit
        (30, 2500, 985, Plan(30, 83)),  # large data: 2500 // 30 = 83 steps an epoch, 2490 in all
        (8, 5, 20, Plan(5, 1)),  # fewer steps than epochs: an epoch is a step
        (1, 1, 1, Plan(1, 1)),
    ],
)
def test_epochs_are_shortened_not_dropped(epochs: int, steps: int, batches: int, expected: Plan) -> None:
    plan = plan_steps(max_epochs=epochs, max_steps=steps, batches=batches)
    assert plan == expected
    assert plan.total_steps <= steps
