"""How many epochs of how many steps: the two limits of the section `training` made one."""

from typing import NamedTuple


class Plan(NamedTuple):
    epochs: int
    steps_per_epoch: int

    @property
    def total_steps(self) -> int:
        return self.epochs * self.steps_per_epoch


def plan_steps(*, max_epochs: int, max_steps: int, batches: int) -> Plan:
    """`max_epochs` epochs, each a pass over the data, or shorter where `max_steps` does not allow a pass.

    Epochs are shortened rather than dropped, so that a large set of data has as many validations (and chances
    to stop or prune) as a small one. Where there are fewer steps than epochs, each epoch is one step.
    """
    epochs = min(max_epochs, max_steps)
    return Plan(epochs=epochs, steps_per_epoch=min(batches, max_steps // epochs))
